//! The real program over real sockets: slow and huge requests, a stop under way, a port in use.

use std::fs;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use kenmai::clock::{Clock, SystemClock};
use kenmai::keys;
use kenmai::log::disk::RealDisk;
use kenmai::log::{LogConfig, SEGMENT_BYTES, inspect};
use ledger_spec::ids::{LedgerId, OpId};
use ledger_spec::kinds::{Body, BudgetAllocate};
use ledger_spec::points::Fund;
use ledger_spec::statement::Core;
use ledger_spec::time::Day;
use serde_json::Value;

const ORIGIN: &str = "test.example/sockets";

/// `kenmai serve`, ended with the value.
struct Serving {
    child: Child,
    address: SocketAddr,
}

impl Drop for Serving {
    fn drop(&mut self) {
        // Both fail only when the process has ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn kenmai() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kenmai"));
    command.stdin(Stdio::null());
    command
}

impl Serving {
    /// Makes a ledger in `folder` and serves it on a free port.
    fn start(folder: &Path, limits: &str) -> Self {
        let city = folder.join("city");
        let roots = ["a.pem", "b.pem"].map(|name| folder.join(name));
        let made = kenmai()
            .args(["init", "--origin", ORIGIN, "--dir"])
            .arg(&city)
            .arg("--root-key-1")
            .arg(&roots[0])
            .arg("--root-key-2")
            .arg(&roots[1])
            .stdout(Stdio::null())
            .status()
            .unwrap();
        assert!(made.success());
        let config = city.join("kenmai.toml");
        let text = fs::read_to_string(&config).unwrap();
        let listen = text.lines().find(|line| line.starts_with("listen ")).unwrap();
        let text = text.replace(listen, &format!("listen = \"127.0.0.1:0\"\n{limits}"));
        fs::write(&config, text).unwrap();
        let mut child = kenmai()
            .args(["serve", "--config"])
            .arg(&config)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = lines
            .find_map(|line| {
                line.unwrap().split_once("listening on http://")?.1.trim().parse().ok()
            })
            .expect("it serves");
        thread::spawn(move || lines.for_each(drop));
        Self { child, address }
    }

    fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).unwrap()
    }

    /// Sends these bytes and gives all that comes back until the server closes or the answer is
    /// whole.
    fn exchange(&self, request: &[u8]) -> String {
        let mut stream = self.connect();
        // The server may close before it has read everything.
        drop(stream.write_all(request));
        answer(&mut stream)
    }
}

/// One answer, as long as its head says; what there is when the connection ends before.
fn answer(stream: &mut TcpStream) -> String {
    let mut read = Vec::new();
    let mut byte = [0];
    loop {
        let text = String::from_utf8_lossy(&read);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
            });
            if body.len() >= length.unwrap_or(0) {
                return text.into_owned();
            }
        }
        match stream.read(&mut byte) {
            Ok(1) => read.push(byte[0]),
            _ => return String::from_utf8_lossy(&read).into_owned(),
        }
    }
}

fn post(headers: &str) -> String {
    format!(
        "POST /v1/sockets/statements HTTP/1.1\r\nHost: x\r\nContent-Type: application/cose\r\n{headers}\r\n"
    )
}

#[test]
fn slow_and_huge_requests_are_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let serving = Serving::start(folder.path(), "[limits]\nrequest_timeout_ms = 300\n");
    let check = |what: &str, answer: &str, told: &[&str]| {
        for part in told {
            assert!(answer.contains(part), "{what}: {part} is not in {answer:?}");
        }
    };
    let slow_body = format!("{}abc", post("Content-Length: 10\r\n"));
    check(
        "a body that never comes",
        &serving.exchange(slow_body.as_bytes()),
        &["HTTP/1.1 503", "problems/timeout", "\"same_id\"", "retry-after: 1"],
    );
    let slow_head = b"GET /healthz HTTP/1.1\r\nHost: x\r\n";
    assert_eq!(serving.exchange(slow_head), "", "a head that never ends");
    let mut dripping = serving.connect();
    dripping.write_all(slow_head).unwrap();
    dripping.write_all(b"X-Drip: ").unwrap();
    // Ends only when the server hangs up.
    while dripping.write_all(b"a").is_ok() {
        thread::sleep(Duration::from_millis(20));
    }

    let huge = [post("Content-Length: 10000000\r\n").as_bytes(), &[0; 70_000]].concat();
    check("a huge body", &serving.exchange(&huge), &["HTTP/1.1 413", "problems/too-large"]);
    let chunk = [b"11170\r\n".as_slice(), &[0; 70_000], b"\r\n0\r\n\r\n"].concat();
    let chunked = [post("Transfer-Encoding: chunked\r\n").as_bytes(), &chunk].concat();
    check("huge in chunks", &serving.exchange(&chunked), &["HTTP/1.1 413", "problems/too-large"]);
    let headers: String = (0..200).map(|number| format!("X-{number}: a\r\n")).collect();
    check("200 headers", &serving.exchange(post(&headers).as_bytes()), &["HTTP/1.1 431"]);
    let long = format!("X-Long: {}\r\n", "a".repeat(1_000_000));
    check("a header of a megabyte", &serving.exchange(post(&long).as_bytes()), &["HTTP/1.1 431"]);
    check("no HTTP", &serving.exchange(b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n"), &["HTTP/1.1 400"]);
    // A connection that behaves is kept, and serves one request after the other.
    let mut kept = serving.connect();
    for _ in 0..3 {
        kept.write_all(b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        check("all is well", &answer(&mut kept), &["HTTP/1.1 200", "ok\n"]);
    }
}

#[test]
fn a_port_in_use_is_told_with_its_option() {
    let folder = tempfile::tempdir().unwrap();
    let serving = Serving::start(folder.path(), "");
    let data = folder.path().join("demo");
    let second = kenmai()
        .args(["demo", "--listen", &serving.address.to_string(), "--data"])
        .arg(&data)
        .output()
        .unwrap();
    assert!(!second.status.success());
    let told = String::from_utf8(second.stderr).unwrap();
    for part in ["in use", &serving.address.to_string(), "--listen"] {
        assert!(told.contains(part), "{told}");
    }
    assert!(!data.exists(), "nothing is made before the port is had");
}

#[test]
fn a_request_under_way_is_answered_before_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let mut serving = Serving::start(folder.path(), "");
    let root = keys::load_actor_key(&folder.path().join("a.pem")).unwrap();
    let fund = BudgetAllocate { fund: Fund::General, fiscal_year: 2026, points: 1_000 };
    let core = Core {
        ledger: LedgerId::of_origin(ORIGIN),
        op_id: OpId([7; 16]),
        day: Day::of_ms(SystemClock.wall_ms()),
        programme: None,
        not_after_s: None,
        body: Body::BudgetAllocate(fund),
        sealed: None,
    };
    let statement = core.sign(&root, None);
    let mut stream = serving.connect();
    let head = post(&format!("Content-Length: {}\r\nExpect: 100-continue\r\n", statement.len()));
    stream.write_all(head.as_bytes()).unwrap();
    // The server is reading the body when it is told to stop.
    assert!(answer(&mut stream).starts_with("HTTP/1.1 100"));
    let told = Command::new("sh")
        .args(["-c", &format!("kill -TERM {}", serving.child.id())])
        .status()
        .unwrap();
    assert!(told.success());
    // It has heard when it takes no more connections.
    loop {
        match TcpStream::connect(serving.address) {
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => break,
            _ => thread::yield_now(),
        }
    }
    stream.write_all(&statement).unwrap();
    let answer = answer(&mut stream);
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    let verdict: Value = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
    assert!(serving.child.wait().unwrap().success());

    let config = LogConfig {
        data_folder: folder.path().join("city/data"),
        ledger: LedgerId::of_origin(ORIGIN),
        segment_bytes: SEGMENT_BYTES,
    };
    let log = inspect(&RealDisk, &config, |_| Ok(())).unwrap();
    assert_eq!(log.tip.next_seq.0, verdict["seq"].as_u64().unwrap() + 1);
    assert_eq!(log.locked.unwrap().size, log.tip.next_seq, "the lock is at the log's end");
    assert!(log.torn.is_none());
}
