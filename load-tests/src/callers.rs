//! Callers in a closed loop: each sends a request over its own open connection and waits for the answer before it sends
//! the next. Requests are made beforehand; an answer costs a caller one search for a few bytes.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::runtime::Builder;
use tokio::task::JoinSet;

use crate::Failure;
use crate::city::{PAYMENT_POINTS, random};
use crate::ledger::NAME;
use crate::machine::{micros_since, own_cpu_ns, stopwatch};

/// A round that takes longer is given up.
const ROUND_LIMIT: Duration = Duration::from_secs(120);
/// The name of the callers' thread.
const THREAD: &str = "callers";

/// A request, ready to be sent.
pub(crate) type Prepared = Request<Full<Bytes>>;

/// What a round gave.
pub(crate) struct Round {
    /// Microseconds of each request, from sending to its whole answer.
    pub(crate) took_us: Vec<u64>,
    /// Microseconds of the whole round.
    pub(crate) whole_us: u64,
    /// One of the answers, chosen by chance.
    pub(crate) answer: Bytes,
    /// Processor time of the callers, in nanoseconds.
    pub(crate) cpu_ns: u64,
}

/// Prepares the request that hands in a statement.
pub(crate) fn prepare(address: SocketAddr, statement: Vec<u8>) -> Result<Prepared, Failure> {
    Ok(Request::post(format!("/v1/{NAME}/statements"))
        .header(header::HOST, address.to_string())
        .header(header::CONTENT_TYPE, "application/cose")
        .body(Full::new(Bytes::from(statement)))?)
}

/// Sends all requests with so many callers, and checks every answer. The callers share one thread, so that they take no
/// more than one core from the server.
pub(crate) fn send_all(
    address: SocketAddr,
    callers: u16,
    requests: Vec<Prepared>,
) -> Result<Round, Failure> {
    let thread = std::thread::Builder::new().name(THREAD.to_owned()).spawn(move || {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let round = round(address, callers, requests);
            let late = "a round takes more than two minutes; is another program busy?";
            tokio::time::timeout(ROUND_LIMIT, round).await.map_err(|_| late)?
        })
    })?;
    thread.join().map_err(|_| "a caller died")?
}

async fn round(
    address: SocketAddr,
    callers: u16,
    requests: Vec<Prepared>,
) -> Result<Round, Failure> {
    let mut connections = Vec::new();
    for _ in 0..callers {
        connections.push(connect(address).await?);
    }
    let chosen = usize::from(u16::from_be_bytes(random()?)) % requests.len().max(1);
    let requests = Arc::new(Mutex::new(requests));
    let start = stopwatch();
    let mut working = JoinSet::new();
    for connection in connections {
        working.spawn(call(connection, Arc::clone(&requests), chosen));
    }
    let mut round = Round { took_us: Vec::new(), whole_us: 0, answer: Bytes::new(), cpu_ns: 0 };
    while let Some(done) = working.join_next().await {
        let (took_us, answer) = done??;
        round.took_us.extend(took_us);
        round.answer = answer.unwrap_or(round.answer);
    }
    round.whole_us = micros_since(start);
    round.cpu_ns = own_cpu_ns()?;
    Ok(round)
}

async fn connect(address: SocketAddr) -> Result<SendRequest<Full<Bytes>>, Failure> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    // A connection that breaks is seen by its sender.
    drop(tokio::spawn(connection));
    Ok(sender)
}

/// Sends requests until none is left. Gives how long each took, and the answer to the one before which `chosen` were left.
async fn call(
    mut connection: SendRequest<Full<Bytes>>,
    requests: Arc<Mutex<Vec<Prepared>>>,
    chosen: usize,
) -> Result<(Vec<u64>, Option<Bytes>), Failure> {
    let (mut took_us, mut kept) = (Vec::new(), None);
    loop {
        let (request, left) = {
            let mut requests = requests.lock().map_err(|_| "a caller died")?;
            (requests.pop(), requests.len())
        };
        let Some(request) = request else { return Ok((took_us, kept)) };
        let start = stopwatch();
        let answer = connection.send_request(request).await?;
        let status = answer.status();
        let answer = answer.into_body().collect().await?.to_bytes();
        took_us.push(micros_since(start));
        if status != StatusCode::CREATED || points_of(&answer) != Some(PAYMENT_POINTS) {
            let text = String::from_utf8_lossy(&answer);
            return Err(format!("a payment was answered {status}: {text}").into());
        }
        if left == chosen {
            kept = Some(answer);
        }
    }
}

/// The points of a verdict, found without reading the rest of it: its texts hold no quotation marks.
fn points_of(verdict: &[u8]) -> Option<u32> {
    const MEMBER: &[u8] = b"\"points\":";
    let at = verdict.windows(MEMBER.len()).position(|part| part == MEMBER)? + MEMBER.len();
    let digits = verdict.get(at..)?;
    let end = digits.iter().position(|byte| !byte.is_ascii_digit())?;
    std::str::from_utf8(digits.get(..end)?).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::points_of;

    #[test]
    fn the_points_of_a_verdict_are_found() {
        for (verdict, expected) in [
            (r#"{"kind":"redeem","points":100,"seq":7}"#, Some(100)),
            (r#"{"seq":7,"points":1000}"#, Some(1_000)),
            (r#"{"seq":7}"#, None),
            (r#"{"points":"100"}"#, None),
            (r#"{"points":-1}"#, None),
        ] {
            assert_eq!(points_of(verdict.as_bytes()), expected, "{verdict}");
        }
    }
}
