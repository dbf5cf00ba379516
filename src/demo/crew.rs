//! Many hands, one order: pieces are made on all cores and taken one after the other.

use std::num::NonZero;
use std::sync::mpsc::sync_channel;
use std::thread;

/// Pieces that each worker may be ahead of the taker.
const AHEAD: usize = 2;

/// Makes the pieces 0 to `count` on all cores; `take` gets each in turn, on the caller's thread.
///
/// # Errors
/// The first that `make` or `take` gives, in the order of the pieces; no piece after it is taken.
pub(super) fn in_order<T: Send, E: Send>(
    count: usize,
    make: impl Fn(usize) -> Result<T, E> + Sync,
    mut take: impl FnMut(usize, T) -> Result<(), E>,
) -> Result<(), E> {
    let workers = thread::available_parallelism().map_or(1, NonZero::get);
    thread::scope(|scope| {
        let lines: Vec<_> = (0..workers)
            .map(|worker| {
                let (line, made) = sync_channel(AHEAD);
                let make = &make;
                scope.spawn(move || {
                    let mut pieces = (worker..count).step_by(workers);
                    // Nobody takes after an error.
                    pieces.all(|piece| line.send(make(piece)).is_ok())
                });
                made
            })
            .collect();
        for (piece, line) in (0..count).zip(lines.iter().cycle()) {
            // A worker that died ends the scope with its own panic.
            let Ok(made) = line.recv() else { break };
            take(piece, made?)?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(count: usize, bad: usize, expected: Result<(), usize>, taken: usize) {
        let mut seen = Vec::new();
        let make = |piece| if piece == bad { Err(piece) } else { Ok(piece * 2) };
        let done = in_order(count, make, |piece, made| {
            assert_eq!(made, piece * 2);
            seen.push(piece);
            Ok(())
        });
        assert_eq!((done, seen), (expected, (0..taken).collect()));
    }

    #[test]
    fn pieces_come_in_their_order_up_to_the_first_error() {
        check(0, 1, Ok(()), 0);
        check(1, 1, Ok(()), 1);
        check(1_000, 1_000, Ok(()), 1_000);
        check(1_000, 500, Err(500), 500);
        check(1_000, 0, Err(0), 0);
    }
}
