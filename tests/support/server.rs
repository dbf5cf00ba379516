//! The real program, started as a person starts it: `kenmai demo`, on a free port.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Duration;

/// How long a program may take until it says that it is ready. Only a program that hangs gets there.
const READY_LIMIT: Duration = Duration::from_secs(180);

/// A child process that is ended when the value goes away.
pub(crate) struct Program {
    child: Child,
    /// What followed the marker on the line by which the program said that it is ready.
    pub(crate) announced: String,
}

impl Program {
    /// Starts `command` and waits for the line of its standard output that contains `marker`.
    pub(crate) fn start(command: &mut Command, marker: &'static str) -> Self {
        let name = command.get_program().to_owned();
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{} does not start: {error}", name.display()));
        let output = BufReader::new(child.stdout.take().expect("its output is piped"));
        let (sender, receiver) = sync_channel(1);
        // Reads on to the end, so that the program never waits for a full pipe.
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if let Some((_, announced)) = line.split_once(marker) {
                    // A second such line finds nobody waiting, which does not matter.
                    drop(sender.try_send(announced.trim().to_owned()));
                }
            }
        });
        let announced = receiver.recv_timeout(READY_LIMIT);
        let mut program = Self { child, announced: String::new() };
        program.announced = announced
            .unwrap_or_else(|_| panic!("{} did not say `{marker}`: see above", name.display()));
        program
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Both fail only when the process has ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A demo city of its own.
pub(crate) struct Demo {
    program: Program,
}

impl Demo {
    /// Makes the city in the folder `data` and starts to serve it.
    pub(crate) fn start(data: &Path) -> Self {
        let program = Program::start(
            Command::new(env!("CARGO_BIN_EXE_kenmai"))
                .args(["demo", "--listen", "127.0.0.1:0", "--data"])
                .arg(data),
            "listening on http://",
        );
        Self { program }
    }

    /// The address of a page, or of the city itself for an empty `path`.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.program.announced.trim_end_matches('/'))
    }
}
