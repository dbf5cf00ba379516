//! The real program, started as a person starts it: `kenmai demo`, on a free port.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Duration;

/// How long a program may take until it says that it is ready. Only a program that hangs gets
/// there.
const READY_LIMIT: Duration = Duration::from_secs(180);

/// A child process that is ended when the value goes away.
pub(crate) struct Program {
    child: Child,
    /// What followed the marker on the line by which the program said that it is ready.
    pub(crate) announced: String,
    /// The lines before it.
    said: Vec<String>,
}

impl Program {
    /// Starts `command` and waits for the line of its standard output that contains `marker`.
    pub(crate) fn start(command: &mut Command, marker: &'static str) -> Self {
        let name = command.get_program().to_owned();
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap_or_else(|error| {
                panic!("{} does not start: {error}; tests/run installs all", name.display())
            });
        let output = BufReader::new(child.stdout.take().expect("its output is piped"));
        let (sender, receiver) = sync_channel(1);
        // Reads on to the end, so that the program never waits for a full pipe.
        thread::spawn(move || {
            let mut said = Vec::new();
            for line in output.lines().map_while(Result::ok) {
                if let Some((_, announced)) = line.split_once(marker) {
                    // A second such line finds nobody waiting, which does not matter.
                    drop(sender.try_send((announced.trim().to_owned(), said)));
                    said = Vec::new();
                } else {
                    said.push(line);
                }
            }
        });
        let announced = receiver.recv_timeout(READY_LIMIT);
        let mut program = Self { child, announced: String::new(), said: Vec::new() };
        (program.announced, program.said) = announced
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
    /// Makes the cities, the larger one no larger than it has to be, in the folder `data` and
    /// starts to serve them.
    pub(crate) fn start(data: &Path) -> Self {
        let program = Program::start(
            Command::new(crate::KENMAI)
                .args(["demo", "--residents", "300", "--listen", "127.0.0.1:0"])
                .args(["--metrics-listen", "127.0.0.1:0", "--data"])
                .arg(data),
            "listening on http://",
        );
        Self { program }
    }

    /// Host and port that the program named behind these words.
    pub(crate) fn address(&self, words: &str) -> &str {
        let mut named = self.program.said.iter().filter_map(|line| line.split_once(words));
        named.next().map_or(self.program.announced.as_str(), |(_, address)| address)
    }

    /// The address of a page, or of the city itself for an empty `path`.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address("listening on http://").trim_end_matches('/'))
    }
}
