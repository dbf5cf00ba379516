//! The real program, started as a person starts it: `kenmai demo`, on a free port.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
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

impl Program {
    /// Asks the program to end and waits until it has ended in good order.
    fn end(mut self) {
        let asked = Command::new("kill").arg(self.child.id().to_string()).status();
        assert!(asked.expect("kill is there").success(), "the program runs");
        let ended = self.child.wait().expect("it ends");
        assert!(ended.success(), "in good order: {ended}");
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
    /// Starts to serve the cities in the folder `data`. A missing or empty folder gets a copy of
    /// cities first.
    pub(crate) fn start(data: &Path) -> Self {
        fs::create_dir_all(data).expect("the folder can be made");
        if fs::read_dir(data).expect("the folder is there").next().is_none() {
            copy_cities(data);
        }
        Self { program: serve(data) }
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

/// Serves the cities in the folder `data`; those that are missing it makes first, the larger one no
/// larger than it has to be.
fn serve(data: &Path) -> Program {
    Program::start(
        Command::new(crate::KENMAI)
            .args(["demo", "--residents", "300", "--listen", "127.0.0.1:0"])
            .args(["--metrics-listen", "127.0.0.1:0", "--data"])
            .arg(data),
        "listening on http://",
    )
}

/// Expects that a server answers at this host and port.
fn check_answers(address: &str) {
    let mut stream = TcpStream::connect(address).expect("it listens");
    let asked = format!("GET /healthz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(asked.as_bytes()).expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

/// Copies cities that were made once for this build of the program: making them takes longer than
/// most tests do. A city that was made on an earlier day lives on to this one when it is served.
fn copy_cities(data: &Path) {
    let program = Path::new(crate::KENMAI);
    let build = fs::metadata(program).expect("the program is built");
    let build = format!("{:?} {}", build.modified().expect("a time"), build.len());
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cities-of");
    let folder = folder.join(program.file_name().expect("it has a name"));
    fs::create_dir_all(&folder).expect("a folder can be made beside the build");
    let lock = File::create(folder.join("lock")).expect("the folder takes a file");
    lock.lock().expect("each test waits for the one that makes them");
    let (made, made_by) = (folder.join("made"), folder.join("made-by"));
    if fs::read_to_string(&made_by).ok().as_ref() != Some(&build) {
        drop(fs::remove_file(&made_by));
        drop(fs::remove_dir_all(&made));
        let program = serve(&made);
        // It minds signals before it answers anyone, and says before that where it listens.
        check_answers(program.announced.trim_end_matches('/'));
        program.end();
        fs::write(&made_by, build).expect("the folder takes a file");
    }
    let copied = Command::new("cp").arg("-a").arg(made.join(".")).arg(data).status();
    assert!(copied.expect("cp is there").success(), "the cities are copied");
}
