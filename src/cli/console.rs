//! What commands say, and show while they work.

use std::borrow::Cow;
use std::fmt::Display;
use std::io::{self, Write};
use std::path::Path;

use indicatif::{ProgressBar, ProgressStyle};

use super::outcome::ExitStatus;

/// Says a line to the person or program that asked.
pub(super) fn say(line: impl Display) {
    // Whoever asked may have left, as `head` does; there is nobody to tell.
    drop(writeln!(io::stdout().lock(), "{line}"));
}

/// Gives bytes to the program that asked.
pub(super) fn say_bytes(bytes: &[u8]) {
    drop(io::stdout().lock().write_all(bytes));
}

/// Says on standard error why a command failed, or what must not mix with its output.
pub(super) fn complain(line: impl Display) {
    drop(writeln!(io::stderr().lock(), "kenmai: {line}"));
}

/// A bar on standard error while something is read; nothing where that is no terminal.
pub(super) struct Bar(ProgressBar);

impl Bar {
    pub(super) fn new(what: impl Into<Cow<'static, str>>) -> Self {
        let bar = ProgressBar::new(0);
        // The template is fixed; where it did not parse the bar would be a plain one.
        if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {percent}% {elapsed}") {
            bar.set_style(style);
        }
        bar.set_message(what);
        Self(bar)
    }

    pub(super) fn show(&self, done: u64, total: u64) {
        self.0.set_length(total);
        self.0.set_position(done);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// Says every fault of a document, or that it is sound.
pub(super) fn tell_faults(file: &Path, what: &str, faults: &[impl Display]) -> ExitStatus {
    for fault in faults {
        say(format_args!("{}: {fault}", file.display()));
    }
    if !faults.is_empty() {
        return ExitStatus::Findings;
    }
    say(format_args!("{}: a sound {what}", file.display()));
    ExitStatus::Well
}
