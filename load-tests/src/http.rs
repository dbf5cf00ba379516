//! The way to a server: where it is, and connections to it that stay open.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, StatusCode, Uri, header};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};

use crate::Failure;

/// A request, ready to be sent.
pub(crate) type Prepared = Request<Full<Bytes>>;

/// A statement, and a manifest, on their way.
pub(crate) const COSE: &str = "application/cose";
/// A manifest with its rows.
pub(crate) const SEQUENCE: &str = "application/cbor-seq";

/// A ledger on a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Endpoint {
    /// Host and port.
    pub(crate) address: String,
    /// The ledger's name in URLs.
    pub(crate) ledger: String,
}

impl Endpoint {
    /// The ledger at `http://HOST[:PORT]`.
    pub(crate) fn of_url(url: &str, ledger: &str) -> Result<Self, Failure> {
        let wrong = format!("--url takes http://HOST or http://HOST:PORT, not {url}");
        let uri: Uri = url.parse().map_err(|_| wrong.as_str())?;
        let authority = uri.authority().filter(|_| uri.scheme_str() == Some("http"));
        let authority = authority.filter(|_| uri.path() == "/" && uri.query().is_none());
        let authority = authority.filter(|authority| !authority.as_str().contains('@'));
        let authority = authority.ok_or(wrong)?;
        let address = format!("{}:{}", authority.host(), authority.port_u16().unwrap_or(80));
        Ok(Self { address, ledger: ledger.to_owned() })
    }

    /// Asks for what stands at an address below the ledger's own, with a session where one is
    /// needed.
    pub(crate) fn read(&self, path: &str, session: Option<&str>) -> Result<Prepared, Failure> {
        self.get(&format!("/v1/{}{path}", self.ledger), session)
    }

    /// Asks for what stands at an address.
    pub(crate) fn get(&self, path: &str, session: Option<&str>) -> Result<Prepared, Failure> {
        let mut request = Request::get(path).header(header::HOST, &self.address);
        if let Some(session) = session {
            request = request.header(header::AUTHORIZATION, format!("Bearer {session}"));
        }
        Ok(request.body(Full::default())?)
    }

    /// Hands signed bytes in.
    pub(crate) fn post(&self, path: &str, media: &str, body: Vec<u8>) -> Result<Prepared, Failure> {
        Ok(Request::post(format!("/v1/{}{path}", self.ledger))
            .header(header::HOST, &self.address)
            .header(header::CONTENT_TYPE, media)
            .body(Full::new(Bytes::from(body)))?)
    }
}

/// A whole answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    /// Whether it says when to come again.
    pub(crate) retry_after: bool,
    /// Whether it is the first answer to the same bytes, given once more.
    pub(crate) replayed: bool,
    pub(crate) body: Bytes,
}

/// A connection that stays open.
pub(crate) struct Connection(SendRequest<Full<Bytes>>);

impl Connection {
    /// Connects.
    pub(crate) async fn open(address: &str) -> Result<Self, Failure> {
        let stream = TcpStream::connect(address).await;
        let stream = stream.map_err(|error| format!("cannot connect to {address}: {error}"))?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        // A connection that breaks is seen by its sender.
        drop(tokio::spawn(connection));
        Ok(Self(sender))
    }

    /// Sends a request and waits for its whole answer.
    pub(crate) async fn ask(&mut self, request: Prepared) -> Result<Answer, Failure> {
        let answer = self.0.send_request(request).await?;
        let (status, headers) = (answer.status(), answer.headers());
        let retry_after = headers.contains_key(header::RETRY_AFTER);
        let replayed = headers.contains_key("idempotent-replayed");
        let body = answer.into_body().collect().await?.to_bytes();
        Ok(Answer { status, retry_after, replayed, body })
    }
}

/// Asks one thing after the other, before and after measuring. A server hangs up on who is silent
/// for long, so this one lives for a few questions only.
pub(crate) struct Client {
    runtime: Runtime,
    connection: Connection,
}

impl Client {
    /// Connects.
    pub(crate) fn at(endpoint: &Endpoint) -> Result<Self, Failure> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let connection = runtime.block_on(Connection::open(&endpoint.address))?;
        Ok(Self { runtime, connection })
    }

    /// Sends a request and waits for its answer, whatever it is.
    pub(crate) fn ask(&mut self, request: Prepared) -> Result<Answer, Failure> {
        self.runtime.block_on(self.connection.ask(request))
    }

    /// The body of an answer that must be a success.
    pub(crate) fn text(&mut self, request: Prepared) -> Result<String, Failure> {
        let what = request.uri().path().to_owned();
        let answer = self.ask(request)?;
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        if answer.status.is_success() {
            Ok(text)
        } else {
            Err(format!("{what} was answered {}: {text}", answer.status).into())
        }
    }

    /// The same as JSON.
    pub(crate) fn json(&mut self, request: Prepared) -> Result<serde_json::Value, Failure> {
        Ok(serde_json::from_str(&self.text(request)?)?)
    }
}

/// A whole number in an answer.
pub(crate) fn number(json: &serde_json::Value, member: &str) -> Result<u64, Failure> {
    let found = json.get(member).and_then(serde_json::Value::as_u64);
    found.ok_or_else(|| format!("an answer without the number {member}").into())
}

#[cfg(test)]
mod tests {
    use super::Endpoint;

    #[test]
    fn an_address_is_a_host_and_a_port() {
        for (url, expected) in [
            ("http://localhost:8080", Some("localhost:8080")),
            ("http://localhost:8080/", Some("localhost:8080")),
            ("http://kenmai.example", Some("kenmai.example:80")),
            ("https://kenmai.example", None),
            ("http://kenmai.example/yaizu-demo", None),
            ("http://somebody@kenmai.example", None),
            ("localhost:8080", None),
            ("", None),
        ] {
            let address = Endpoint::of_url(url, "x").ok().map(|endpoint| endpoint.address);
            assert_eq!(address.as_deref(), expected, "{url}");
        }
    }
}
