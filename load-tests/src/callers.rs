//! Callers: each sends requests over its own open connection, one after the other, and checks every
//! answer.
//!
//! In a *closed loop* a caller sends the next request once it has the answer to the last, so a slow
//! server is asked less often. In an *open loop* requests are due on a fixed schedule, whatever the
//! server does, and count from the moment when they were due: a request that had to wait for a free
//! caller has waited.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::runtime::Builder;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout_at;

use crate::Failure;
use crate::city::random;
use crate::http::Connection;
use crate::machine::{micros_since, own_cpu_ns, stopwatch};
use crate::operations::{Answered, Call, Operation};

/// A round that takes longer is given up.
const ROUND_LIMIT: Duration = Duration::from_secs(120);
/// The name of the callers' thread.
const THREAD: &str = "callers";
/// About how many answers of a stream are kept, for checks that take longer.
const KEPT: usize = 4;

/// How the requests of a stream follow one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// Each caller waits for its answer.
    Closed,
    /// So many a second, on a schedule that waits for nobody.
    Open(u32),
}

/// Requests that are sent in one way.
pub(crate) struct Stream {
    /// The requests, in their order.
    pub(crate) calls: Vec<Call>,
    /// How they follow one another.
    pub(crate) pace: Pace,
    /// Requests under way at once, at most.
    pub(crate) callers: u16,
    /// After so long nothing more is sent.
    pub(crate) at_most: Option<Duration>,
}

/// What a stream gave.
#[derive(Default)]
pub(crate) struct Round {
    /// Microseconds of each request to its whole answer: from sending in a closed loop, from its
    /// due time in an open one.
    pub(crate) took_us: Vec<u64>,
    /// The same from sending in both.
    pub(crate) from_sending_us: Vec<u64>,
    /// Microseconds from the start to the last answer.
    pub(crate) whole_us: u64,
    /// What was done, with the points of each.
    pub(crate) done: Vec<(Operation, Vec<u32>)>,
    /// What the server had no room for.
    pub(crate) busy: Vec<Call>,
    /// Requests that were not sent before the time was over.
    pub(crate) unsent: usize,
    /// A few answers, chosen by chance.
    pub(crate) kept: Vec<(Operation, Bytes)>,
}

/// Sends the streams side by side and checks every answer; when the first has ended, the others
/// end. Gives what each gave, and the callers' processor time in nanoseconds. All callers share one
/// thread, so that they take no more than one core from the server.
pub(crate) fn send(address: &str, streams: Vec<Stream>) -> Result<(Vec<Round>, u64), Failure> {
    let address = address.to_owned();
    let thread = std::thread::Builder::new().name(THREAD.to_owned()).spawn(move || {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let rounds = runtime.block_on(async {
            let late = "a round takes more than two minutes; is another program busy?";
            tokio::time::timeout(ROUND_LIMIT, all(&address, streams)).await.map_err(|_| late)?
        })?;
        Ok((rounds, own_cpu_ns()?))
    })?;
    thread.join().map_err(|_| "a caller died")?
}

async fn all(address: &str, streams: Vec<Stream>) -> Result<Vec<Round>, Failure> {
    let mut connections = Vec::new();
    for stream in &streams {
        let mut of_stream = Vec::new();
        for _ in 0..stream.callers {
            of_stream.push(Connection::open(address).await?);
        }
        connections.push(of_stream);
    }
    let over = watch::Sender::new(false);
    let mut running = Vec::new();
    for (stream, connections) in streams.into_iter().zip(connections) {
        let list = Arc::new(CallList::new(stream, over.subscribe())?);
        let mut callers = JoinSet::new();
        for connection in connections {
            callers.spawn(send_all(connection, Arc::clone(&list)));
        }
        running.push((list, callers));
    }
    let mut rounds = Vec::new();
    for (list, mut callers) in running {
        let mut round = Round::default();
        while let Some(done) = callers.join_next().await {
            let part = done??;
            round.took_us.extend(part.took_us);
            round.from_sending_us.extend(part.from_sending_us);
            round.done.extend(part.done);
            round.busy.extend(part.busy);
            round.unsent += part.unsent;
            round.kept.extend(part.kept);
            round.whole_us = round.whole_us.max(part.whole_us);
        }
        over.send_replace(true);
        round.unsent += list.left()?;
        rounds.push(round);
    }
    Ok(rounds)
}

/// The requests of a stream that are still to be sent.
struct CallList {
    /// The last is the next.
    calls: Mutex<Vec<Call>>,
    count: usize,
    pace: Pace,
    start: Instant,
    until: Option<Instant>,
    /// Turns true when the leading stream has ended.
    over: watch::Receiver<bool>,
    /// Answers whose place leaves this remainder by this divisor are kept.
    chosen: (usize, usize),
}

impl CallList {
    fn new(stream: Stream, over: watch::Receiver<bool>) -> Result<Self, Failure> {
        let Stream { mut calls, pace, at_most, .. } = stream;
        calls.reverse();
        let (count, start) = (calls.len(), stopwatch());
        let every = (count / KEPT).max(1);
        let chosen = (usize::from(u16::from_be_bytes(random()?)) % every, every);
        let until = at_most.and_then(|time| start.checked_add(time));
        Ok(Self { calls: Mutex::new(calls), count, pace, start, until, over, chosen })
    }

    fn left(&self) -> Result<usize, Failure> {
        Ok(self.calls.lock().map_err(|_| "a caller died")?.len())
    }

    fn is_late(&self, at: Instant) -> bool {
        self.until.is_some_and(|until| at >= until)
    }

    /// Waits until a request is due; false if the time is over before.
    async fn wait_for(&self, due: Instant) -> bool {
        let mut over = self.over.clone();
        !self.is_late(due) && timeout_at(due.into(), over.wait_for(|over| *over)).await.is_err()
    }

    /// The next request, its place, and when it is due; none when time or list is at its end.
    fn next(&self) -> Result<Option<(Call, usize, Option<Instant>)>, Failure> {
        if self.is_late(stopwatch()) || *self.over.borrow() {
            return Ok(None);
        }
        let mut left = self.calls.lock().map_err(|_| "a caller died")?;
        let Some(call) = left.pop() else { return Ok(None) };
        let place = self.count - left.len() - 1;
        let due = match self.pace {
            Pace::Closed => None,
            Pace::Open(a_second) => {
                let after_us = place as u64 * 1_000_000 / u64::from(a_second.max(1));
                self.start.checked_add(Duration::from_micros(after_us))
            }
        };
        Ok(Some((call, place, due)))
    }
}

/// Sends requests until none is left.
async fn send_all(mut connection: Connection, list: Arc<CallList>) -> Result<Round, Failure> {
    let mut round = Round::default();
    while let Some((call, place, due)) = list.next()? {
        if let Some(due) = due
            && !list.wait_for(due).await
        {
            round.unsent += 1;
            break;
        }
        let sent = stopwatch();
        let answer = connection.ask(call.request.clone()).await?;
        let from_sending_us = micros_since(sent);
        round.from_sending_us.push(from_sending_us);
        round.took_us.push(due.map_or(from_sending_us, micros_since));
        round.whole_us = micros_since(list.start);
        match call.operation.read(&answer, call.again)? {
            Answered::Busy => round.busy.push(Call { again: true, ..call }),
            Answered::Done(points) => {
                if (place % list.chosen.1) == list.chosen.0 {
                    round.kept.push((call.operation.clone(), answer.body));
                }
                round.done.push((call.operation, points));
            }
        }
    }
    Ok(round)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;
    use crate::http::Endpoint;

    const SLOW: Duration = Duration::from_millis(5);
    const REQUESTS: u64 = 20;

    /// Answers one connection's requests, each after a pause.
    fn slow_server() -> Endpoint {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 1_024];
            while stream.read(&mut request).is_ok_and(|bytes| bytes > 0) {
                std::thread::sleep(SLOW);
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").unwrap();
            }
        });
        Endpoint { address, ledger: "x".to_owned() }
    }

    fn round(pace: Pace, at_most: Option<Duration>) -> Round {
        let endpoint = slow_server();
        let call = Call {
            request: endpoint.get("/", None).unwrap(),
            operation: Operation::View { holds: "ok".to_owned() },
            again: false,
        };
        let calls = (0..REQUESTS).map(|_| call.clone()).collect();
        let stream = Stream { calls, pace, callers: 1, at_most };
        send(&endpoint.address, vec![stream]).unwrap().0.remove(0)
    }

    /// One caller, a request due every millisecond, an answer after five: the open loop must not
    /// omit the time that requests wait to be sent.
    #[test]
    fn a_schedule_counts_the_time_that_a_request_waits_to_be_sent() {
        let slow_us = u64::try_from(SLOW.as_micros()).unwrap();
        let open = round(Pace::Open(1_000), None);
        let waited = (1..).zip(&open.took_us).all(|(place, us)| *us >= place * (slow_us - 1_000));
        assert!(waited, "{:?}", open.took_us);
        let closed = round(Pace::Closed, None);
        assert_eq!(closed.took_us, closed.from_sending_us);
        assert!(closed.took_us.iter().all(|us| *us >= slow_us));
        // As many as the server can do: the callers do not run ahead of the schedule.
        let calm = round(Pace::Open(200), None);
        assert!(calm.whole_us >= (REQUESTS - 1) * 5_000, "{}", calm.whole_us);
    }

    #[test]
    fn what_the_time_did_not_suffice_for_is_counted() {
        let round = round(Pace::Open(1_000), Some(SLOW * 4));
        assert!(round.unsent > 0 && round.took_us.len() + round.unsent == 20, "{}", round.unsent);
    }
}
