//! `kenmai submit`: sends signed statements.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use ledger_spec::cbor::{self, Reader};
use ledger_spec::cose::Sign1;
use ledger_spec::kinds::Kind;
use ledger_spec::manifest::MANIFEST_BYTES_MAX;
use ledger_spec::statement::{Core, SUBMISSION_BYTES_MAX};
use serde_json::Value;

use super::console::{complain, say};
use super::outcome::{CliError, ExitStatus, Outcome};

/// A statement is sent so often before giving up.
const TRIES_MAX: u32 = 5;
/// The longest wait between two tries, whatever the server asks for.
const WAIT_MAX: Duration = Duration::from_secs(30);
/// A request ends after so long.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// No answer is longer.
const MAX_ANSWER_BYTES: u64 = 1024 * 1024;

/// Send signed statements and manifests to a ledger and print the verdict of each as one line of
/// JSON.
#[derive(clap::Args)]
#[command(
    after_help = "A statement is sent again, the same bytes, while the network fails or the server is busy: it is never applied \
                        twice. Exit code 1 when one is refused; those after it are not sent. The rows of a manifest that are refused are named on \
                        standard error; the others stand. A manifest of account.status or balance.import is recorded first and waits for \
                        another person's approval (`kenmai sign --kind approve --approve FILE`); exit code 1 says so, and the same file is \
                        then sent again."
)]
pub struct Args {
    /// The server: a scheme and a host, such as `https://ledger.example.jp`
    #[arg(long)]
    url: String,
    /// The ledger's name in addresses.
    #[arg(long, value_name = "NAME")]
    ledger: String,
    /// Statements as `kenmai sign` made them, and manifests of `kenmai sign-rows`.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// Runs the command.
///
/// # Errors
/// [`CliError`]
pub fn run(args: &Args) -> Outcome {
    let agent = ureq::Agent::config_builder()
        .timeout_global(Some(REQUEST_TIMEOUT))
        .max_redirects(0)
        .http_status_as_error(false)
        .build()
        .new_agent();
    let ledger = format!("{}/v1/{}", args.url.trim_end_matches('/'), args.ledger);
    let mut exit = ExitStatus::Well;
    for path in &args.files {
        let bytes = read(path)?;
        let endpoint = if is_manifest(&bytes) { MANIFESTS } else { STATEMENTS };
        let (status, answer) = send(&agent, &ledger, endpoint, &bytes)
            .map_err(|reason| CliError::Refused(format!("{}: {reason}", path.display())))?;
        tell_refused_rows(path, &answer);
        say(&answer);
        match status {
            200 | 201 => {}
            202 => {
                let (file, seq) = (path.display(), answer.get("seq").unwrap_or(&Value::Null));
                complain(format_args!(
                    "{file} waits for another person: `kenmai sign --kind approve --approve {file} --json \
                     '{{\"proposal\":{seq}}}'` with that person's key; then send {file} again"
                ));
                exit = ExitStatus::Findings;
            }
            _ => {
                complain(format_args!("{} was refused with status {status}", path.display()));
                return Ok(ExitStatus::Findings);
            }
        }
    }
    Ok(exit)
}

fn read(path: &Path) -> Result<Vec<u8>, CliError> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MANIFEST_BYTES_MAX as u64 + 1).read_to_end(&mut bytes))
        .map_err(CliError::file("read", path))?;
    let most = if is_manifest(&bytes) { MANIFEST_BYTES_MAX } else { SUBMISSION_BYTES_MAX };
    if bytes.len() > most {
        let text = format!("{} has more than {most} bytes; it cannot be sent", path.display());
        return Err(CliError::Refused(text));
    }
    Ok(bytes)
}

/// Where bytes are sent, and as what.
#[derive(Clone, Copy)]
struct SubmitUrl {
    path: &'static str,
    media_type: &'static str,
}

const STATEMENTS: SubmitUrl = SubmitUrl { path: "statements", media_type: "application/cose" };
const MANIFESTS: SubmitUrl = SubmitUrl { path: "manifests", media_type: "application/cbor-seq" };

fn is_manifest(bytes: &[u8]) -> bool {
    let signed = Sign1::read(&mut Reader::new(bytes));
    let core = signed.ok().and_then(|signed| cbor::from_bytes::<Core>(&signed.payload).ok());
    core.is_some_and(|core| core.body.kind() == Kind::Manifest)
}

fn tell_refused_rows(path: &Path, answer: &Value) {
    let rows = answer.get("rows").and_then(Value::as_array);
    for (number, row) in (1..).zip(rows.into_iter().flatten()) {
        if let Some(problem) = row.get("problem").and_then(Value::as_str) {
            complain(format_args!("{}, row {number}: {problem}", path.display()));
        }
    }
}

/// Sends the same bytes until there is an answer that does not ask for another try.
fn send(
    agent: &ureq::Agent,
    ledger: &str,
    endpoint: SubmitUrl,
    bytes: &[u8],
) -> Result<(u16, Value), String> {
    let mut wait = Duration::from_secs(1);
    let mut last = String::new();
    for tried in 1..=TRIES_MAX {
        match send_once(agent, ledger, endpoint, bytes) {
            Ok(Reply { status: 429 | 503, retry_after, body }) => {
                last = format!("the server is busy: {body}");
                wait = retry_after.unwrap_or(wait);
            }
            Ok(Reply { status, body, .. }) => return Ok((status, body)),
            Err(error) => last = error,
        }
        if tried < TRIES_MAX {
            complain(format_args!("{last}; trying again with the same bytes"));
            thread::sleep(wait.min(WAIT_MAX));
            wait *= 2;
        }
    }
    Err(format!("{last}; whether it was accepted is not known: send the same file again later"))
}

struct Reply {
    status: u16,
    retry_after: Option<Duration>,
    body: Value,
}

fn send_once(
    agent: &ureq::Agent,
    ledger: &str,
    endpoint: SubmitUrl,
    bytes: &[u8],
) -> Result<Reply, String> {
    let address = format!("{ledger}/{}", endpoint.path);
    let sent = agent.post(&address).content_type(endpoint.media_type).send(bytes);
    let mut answer = sent.map_err(|error| error.to_string())?;
    let retry_after = answer.headers().get("retry-after");
    let retry_after = retry_after.and_then(|value| value.to_str().ok()?.parse().ok());
    let body = answer.body_mut().with_config().limit(MAX_ANSWER_BYTES).read_to_vec();
    let body = body.map_err(|error| error.to_string())?;
    let status = answer.status().as_u16();
    let body = serde_json::from_slice(&body)
        .map_err(|_| format!("{address} answers with status {status} and no JSON"))?;
    Ok(Reply { status, retry_after: retry_after.map(Duration::from_secs), body })
}
