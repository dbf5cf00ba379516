//! The configuration file of `kenmai serve --config FILE`.
//!
//! ```toml
//! listen = "127.0.0.1:8080"
//! metrics_listen = "127.0.0.1:9090"   # absent: no metrics
//!
//! [limits]                            # all optional
//! queue_entries = 1024
//!
//! [[ledger]]
//! id = "sagae"                        # the name in URLs
//! origin = "ledger.example.jp/sagae"  # the log's name, for ever
//! data = "sagae"
//! keys = "/etc/kenmai/sagae"          # never inside a data folder
//! clock_gap_hours = 72
//! ```
//!
//! Relative paths start at the file's own folder. A word the server does not know is an error,
//! because a limit with a typing mistake would silently not hold. Every error names file, line and
//! remedy.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::net::SocketAddr;
use std::num::{NonZeroU64, NonZeroUsize};
use std::ops::Range;
use std::path::{Component, Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;

use super::error::{ConfigError, line_at};
use super::ledger_file::Origin;
use crate::clock::ClockPolicy;

/// Longest name of a ledger in URLs.
pub const MAX_LEDGER_NAME_BYTES: usize = 32;

const HOUR_MS: u64 = 3_600_000;

/// The whole configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where residents, shops and stations connect.
    pub listen: SocketAddr,
    /// Where Prometheus connects; never the public address. Absent: nowhere.
    pub metrics_listen: Option<SocketAddr>,
    /// The limits of one process.
    pub limits: Limits,
    /// The ledgers, in the file's order; at least one.
    pub ledgers: Vec<LedgerConfig>,
}

/// Limits of the server; reaching one is a clear answer (413, 429 or 503), never a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Statements that may wait for the sequencer of one ledger.
    pub queue_entries: NonZeroUsize,
    /// Longest body of a request.
    pub body_bytes: NonZeroUsize,
    /// Longest time for a request, from its first byte to its answer.
    pub request_timeout_ms: NonZeroU64,
}

impl Default for Limits {
    fn default() -> Self {
        const QUEUE_ENTRIES: NonZeroUsize = NonZeroUsize::new(1024).unwrap();
        const BODY_BYTES: NonZeroUsize = NonZeroUsize::new(65_536).unwrap();
        const REQUEST_TIMEOUT_MS: NonZeroU64 = NonZeroU64::new(10_000).unwrap();
        Self {
            queue_entries: QUEUE_ENTRIES,
            body_bytes: BODY_BYTES,
            request_timeout_ms: REQUEST_TIMEOUT_MS,
        }
    }
}

/// One ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerConfig {
    /// Its name in URLs.
    pub id: LedgerName,
    /// The origin of its checkpoints, a URL without scheme (C2SP tlog-checkpoint); it never
    /// changes.
    pub origin: String,
    /// The data folder, absolute.
    pub data: PathBuf,
    /// The folder of its secrets, absolute and outside every data folder.
    pub keys: PathBuf,
    /// How far ahead of the last entry the clock may be at start.
    pub clock_gap_ms: u64,
}

impl LedgerConfig {
    /// The rule for this ledger's clock.
    #[must_use]
    pub fn clock_policy(&self) -> ClockPolicy {
        ClockPolicy::Guard { max_gap_ms: self.clock_gap_ms }
    }
}

/// A ledger's name in URLs: 1 to 32 of `a-z`, `0-9` and `-`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct LedgerName(String);

impl LedgerName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// First parts of addresses that are not a ledger's.
const RESERVED_NAMES: [&str; 3] = ["v1", "for", "assets"];

impl TryFrom<String> for LedgerName {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if RESERVED_NAMES.contains(&text.as_str()) {
            Err("this name is a path of the server itself; choose another id for the ledger")
        } else if (1..=MAX_LEDGER_NAME_BYTES).contains(&text.len()) && text.bytes().all(letter) {
            Ok(Self(text))
        } else {
            Err("a ledger's id has 1 to 32 of the letters a-z, 0-9 and -, as in `id = \"sagae\"`")
        }
    }
}

impl fmt::Display for LedgerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfigFile {
    listen: Address,
    metrics_listen: Option<Address>,
    #[serde(default)]
    limits: Limits,
    #[serde(default, rename = "ledger")]
    ledgers: Vec<LedgerTable>,
}

#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Address(SocketAddr);

impl TryFrom<String> for Address {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let address = text.parse().map_err(|_| {
            "an address is an IP address with a port, as in `\"127.0.0.1:8080\"` or `\"[::1]:8080\"`"
        });
        Ok(Self(address?))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LedgerTable {
    id: Spanned<LedgerName>,
    origin: Spanned<Origin>,
    data: Spanned<PathBuf>,
    keys: Spanned<PathBuf>,
    #[serde(default = "default_clock_gap_hours")]
    clock_gap_hours: u32,
}

/// A weekend and a public holiday without an entry are normal; more deserves a look at the clock.
fn default_clock_gap_hours() -> u32 {
    72
}

impl Config {
    /// Reads and checks the file.
    ///
    /// # Errors
    /// [`ConfigError`], which names file, line and remedy.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let read_error = |source| ConfigError::Read { path: path.to_owned(), source };
        let text = fs::read_to_string(path).map_err(read_error)?;
        let absolute = std::path::absolute(path).map_err(read_error)?;
        let folder = absolute.parent().unwrap_or(Path::new("/"));
        Self::parse(&text, folder).map_err(|ConfigFault { at, text: problem }| {
            ConfigError::Invalid { path: path.to_owned(), line: line_at(&text, at), problem }
        })
    }

    fn parse(text: &str, folder: &Path) -> Result<Self, ConfigFault> {
        let file: ConfigFile = toml::from_str(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            ConfigFault { at, text: error.message().to_owned() }
        })?;
        if file.ledgers.is_empty() {
            let text = "there is no ledger; add `[[ledger]]` with id, origin, data and keys";
            return Err(ConfigFault { at: 0, text: text.to_owned() });
        }
        check_distinct(&file.ledgers)?;
        check_folders(&file.ledgers, folder)?;
        let ledgers = file.ledgers.into_iter().map(|table| LedgerConfig {
            id: table.id.into_inner(),
            origin: table.origin.into_inner().0,
            data: folder.join(table.data.into_inner()),
            keys: folder.join(table.keys.into_inner()),
            clock_gap_ms: u64::from(table.clock_gap_hours) * HOUR_MS,
        });
        Ok(Self {
            listen: file.listen.0,
            metrics_listen: file.metrics_listen.map(|address| address.0),
            limits: file.limits,
            ledgers: ledgers.collect(),
        })
    }
}

/// A problem at a byte of the file.
struct ConfigFault {
    at: usize,
    text: String,
}

/// Two ledgers under one id or origin would answer for each other.
fn check_distinct(ledgers: &[LedgerTable]) -> Result<(), ConfigFault> {
    let mut seen = BTreeSet::new();
    for table in ledgers {
        let id = (table.id.get_ref().as_str(), "id", table.id.span());
        let origin = (table.origin.get_ref().0.as_str(), "origin", table.origin.span());
        for (value, field, span) in [id, origin] {
            if !seen.insert((field, value)) {
                let text = format!("{field} \"{value}\" is used twice; give each ledger its own");
                return Err(ConfigFault { at: span.start, text });
            }
        }
    }
    Ok(())
}

/// Data folders stand apart, and no secret lies in one: who copies a data folder must not get the
/// keys with it.
fn check_folders(ledgers: &[LedgerTable], folder: &Path) -> Result<(), ConfigFault> {
    let place = |path: &Spanned<PathBuf>| resolve(&folder.join(path.get_ref()));
    let problem = |span: Range<usize>, text: String| Err(ConfigFault { at: span.start, text });
    for (index, table) in ledgers.iter().enumerate() {
        let data = place(&table.data);
        for (other_index, other) in ledgers.iter().enumerate() {
            if place(&other.keys).starts_with(&data) {
                let text = format!(
                    "the keys folder lies inside the data folder {} of \"{}\", so a copy of the data would carry \
                     the keys; move it elsewhere",
                    data.display(),
                    table.id.get_ref()
                );
                return problem(other.keys.span(), text);
            }
            if other_index != index && place(&other.data).starts_with(&data) {
                let text = format!(
                    "the data folder lies inside that of \"{}\"; give each ledger a folder of its own",
                    table.id.get_ref()
                );
                return problem(other.data.span(), text);
            }
        }
    }
    Ok(())
}

/// The real place of a path whose last parts need not exist yet: links followed, `.` and `..` taken
/// out.
fn resolve(path: &Path) -> PathBuf {
    let mut place = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                place.pop();
            }
            Component::CurDir => {}
            Component::Prefix(_) | Component::RootDir | Component::Normal(_) => {
                place.push(part);
                if let Ok(real) = fs::canonicalize(&place) {
                    place = real;
                }
            }
        }
    }
    place
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    const LEDGER: &str = "[[ledger]]\nid = \"sagae\"\norigin = \"example.jp/sagae\"\n\
                          data = \"data\"\nkeys = \"/etc/kenmai/sagae\"\n";

    #[test]
    fn the_example_of_this_module_loads() {
        let example: String = include_str!("server.rs")
            .lines()
            .skip_while(|line| *line != "//! ```toml")
            .skip(1)
            .take_while(|line| *line != "//! ```")
            .map(|line| line.trim_start_matches("//!").trim_start().to_owned() + "\n")
            .collect();
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("kenmai.toml");
        fs::write(&path, example).expect("write");
        let config = Config::load(&path).expect("the example");
        assert_eq!(config.listen, "127.0.0.1:8080".parse().expect("address"));
        assert_eq!(config.metrics_listen, Some("127.0.0.1:9090".parse().expect("address")));
        assert_eq!(config.limits, Limits::default());
        assert_eq!(
            config.ledgers,
            [LedgerConfig {
                id: LedgerName("sagae".to_owned()),
                origin: "ledger.example.jp/sagae".to_owned(),
                data: folder.path().join("sagae"),
                keys: PathBuf::from("/etc/kenmai/sagae"),
                clock_gap_ms: 259_200_000,
            }]
        );
    }

    #[test]
    fn defaults_hold_where_nothing_is_said() {
        let text = format!("listen = \"[::1]:80\"\n[limits]\nbody_bytes = 100\n{LEDGER}");
        let config = Config::parse(&text, Path::new("/srv")).ok().expect("valid");
        assert_eq!(config.metrics_listen, None);
        assert_eq!(config.limits.queue_entries.get(), 1024);
        assert_eq!(config.limits.body_bytes.get(), 100);
        assert_eq!(config.limits.request_timeout_ms.get(), 10_000);
        let [ledger] = config.ledgers.as_slice() else { panic!("one ledger") };
        assert_eq!(ledger.data, Path::new("/srv/data"));
        let gap = ClockPolicy::Guard { max_gap_ms: 72 * 3_600_000 };
        assert_eq!(ledger.clock_policy(), gap);
    }

    /// The error that this file gives.
    fn error_of(folder: &Path, text: &str) -> String {
        let path = folder.join("kenmai.toml");
        fs::write(&path, text).expect("write");
        let error = Config::load(&path).expect_err("refused").to_string();
        error.replace(folder.to_str().expect("path"), "DIR")
    }

    #[expect(clippy::needless_pass_by_value, reason = "expect! makes a value")]
    fn check(text: &str, expected: Expect) {
        expected.assert_eq(&error_of(tempfile::tempdir().expect("folder").path(), text));
    }

    #[test]
    fn errors_name_file_line_and_remedy() {
        let listen = "listen = \"127.0.0.1:1\"\n";
        check(
            "listen = ",
            expect![
                "DIR/kenmai.toml, line 1: string values must be quoted, expected literal string"
            ],
        );
        check(LEDGER, expect!["DIR/kenmai.toml, line 1: missing field `listen`"]);
        check(
            &format!("lisden = 1\n{listen}{LEDGER}"),
            expect![
                "DIR/kenmai.toml, line 1: unknown field `lisden`, expected one of `listen`, `metrics_listen`, `limits`, `ledger`"
            ],
        );
        check(
            listen,
            expect![
                "DIR/kenmai.toml, line 1: there is no ledger; add `[[ledger]]` with id, origin, data and keys"
            ],
        );
        check(
            &format!("listen = \"localhost\"\n{LEDGER}"),
            expect![[
                r#"DIR/kenmai.toml, line 1: an address is an IP address with a port, as in `"127.0.0.1:8080"` or `"[::1]:8080"`"#
            ]],
        );
        check(
            &format!("{listen}[limits]\nqueue_entries = 0\n{LEDGER}"),
            expect![
                "DIR/kenmai.toml, line 3: invalid value: integer `0`, expected a nonzero usize"
            ],
        );
        check(
            &format!("{listen}{}", LEDGER.replace("sagae\"\no", "Sagae\"\no")),
            expect![[
                r#"DIR/kenmai.toml, line 3: a ledger's id has 1 to 32 of the letters a-z, 0-9 and -, as in `id = "sagae"`"#
            ]],
        );
        check(
            &format!("{listen}{}", LEDGER.replace("sagae\"\no", "v1\"\no")),
            expect![[
                r#"DIR/kenmai.toml, line 3: this name is a path of the server itself; choose another id for the ledger"#
            ]],
        );
        check(
            &format!("{listen}{}", LEDGER.replace("example", "https://example")),
            expect![[
                r#"DIR/kenmai.toml, line 4: an origin is a URL without scheme, spaces and +, at most 128 bytes, as in `origin = "ledger.example.jp/sagae"`"#
            ]],
        );
        check(
            &format!("{listen}{LEDGER}{}", LEDGER.replace("\"data", "\"b")),
            expect![[
                r#"DIR/kenmai.toml, line 8: id "sagae" is used twice; give each ledger its own"#
            ]],
        );
        check(
            &format!(
                "{listen}{LEDGER}{}",
                LEDGER.replace("\"data", "\"b").replace("\nid = \"", "\nid = \"b")
            ),
            expect![[
                r#"DIR/kenmai.toml, line 9: origin "example.jp/sagae" is used twice; give each ledger its own"#
            ]],
        );
    }

    #[test]
    fn folders_stand_apart() {
        let folder = tempfile::tempdir().expect("folder");
        fs::create_dir_all(folder.path().join("data/x")).expect("folders");
        std::os::unix::fs::symlink(folder.path().join("data/x"), folder.path().join("link"))
            .expect("link");
        let file = |keys: &str, data_2: &str| {
            let first = LEDGER.replace("/etc/kenmai/sagae", keys);
            let second =
                LEDGER.replace("sagae", "yuza").replace("\"data\"", &format!("\"{data_2}\""));
            format!("listen = \"127.0.0.1:1\"\n{first}{second}")
        };
        let path = folder.path().join("kenmai.toml");
        for (keys, data_2) in [("keys", "data2"), ("data2", "data3"), ("../data", "data/../data2")]
        {
            fs::write(&path, file(keys, data_2)).expect("write");
            assert!(Config::load(&path).is_ok(), "{keys} {data_2}");
        }
        for keys in ["data", "data/keys", "./x/../data/keys", "link", "link/absent/keys"] {
            let expected = "DIR/kenmai.toml, line 6: the keys folder lies inside the data folder DIR/data of \
                            \"sagae\", so a copy of the data would carry the keys; move it elsewhere";
            assert_eq!(error_of(folder.path(), &file(keys, "data2")), expected, "{keys}");
        }
        let error = error_of(folder.path(), &file("data2/keys", "data2"));
        assert!(error.contains("line 6") && error.contains("DIR/data2 of \"yuza\""), "{error}");
        expect![[r#"DIR/kenmai.toml, line 10: the data folder lies inside that of "sagae"; give each ledger a folder of its own"#]].assert_eq(&error_of(folder.path(), &file("keys", "data/second")));
    }
}
