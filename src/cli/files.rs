//! Files that commands read and make; and what those share that take a city's files: their
//! arguments, and the report of rows that were refused.

use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use super::outcome::CliError;
use crate::adapters::city_file::{FILE_BYTES_MAX, FileRead};
use crate::adapters::strict_json;
use crate::csv::Table;

/// No map is longer.
const MAP_BYTES_MAX: u64 = 65_536;

#[derive(clap::Args)]
pub(super) struct FileArgs {
    /// The file; for FHIR and appointments also several that belong together.
    #[arg(required = true)]
    pub(super) files: Vec<PathBuf>,
    /// What its columns or resources mean, as JSON.
    #[arg(long, value_name = "FILE")]
    pub(super) map: PathBuf,
    /// The data folder of the ledger.
    #[arg(long, value_name = "DIR")]
    pub(super) data: PathBuf,
    /// The ledger's keys folder: the city's numbers are kept as keyed hashes.
    #[arg(long, value_name = "DIR")]
    pub(super) keys: PathBuf,
    /// The beginning of the names of the files to make.
    #[arg(long, value_name = "PREFIX")]
    pub(super) out: String,
}

/// Names the file in which a fault was found.
pub(super) fn refused<E: std::fmt::Display>(path: &Path) -> impl Fn(E) -> CliError {
    move |error| CliError::Refused(format!("{}: {error}", path.display()))
}

/// A map, which says what columns or resources mean.
pub(super) fn map<T: DeserializeOwned>(path: &Path) -> Result<T, CliError> {
    strict_json::read(&read_text(path, MAP_BYTES_MAX)?).map_err(refused(path))
}

/// The bytes of a file, one more than the most that a file may have where it is longer.
pub(super) fn bytes(path: &Path) -> Result<Vec<u8>, CliError> {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(CliError::file("open", path))?;
    let most = FILE_BYTES_MAX as u64 + 1;
    file.take(most).read_to_end(&mut bytes).map_err(CliError::file("read", path))?;
    Ok(bytes)
}

/// Makes `PREFIX-report.csv`: every row that was refused, in the order of the files.
pub(super) fn report<T>(args: &FileArgs, read: &FileRead<T>) -> Result<(), CliError> {
    let mut table = Table::default();
    table.line(&["file", "line", "reason", "remedy"]);
    let mut refused: Vec<_> = read.refused.iter().collect();
    refused.sort_by_key(|refused| refused.place);
    for refused in refused {
        let (file, line) = refused.place;
        let file = args.files.get(file).map(|file| file.display().to_string()).unwrap_or_default();
        table.line(&[&file, &line.to_string(), &refused.reason, refused.remedy]);
    }
    make_file(&PathBuf::from(format!("{}-report.csv", args.out)), table.into_text().as_bytes())
}

/// Makes a file that must not exist yet, and makes its bytes durable.
pub(super) fn make_file(path: &Path, bytes: &[u8]) -> Result<(), CliError> {
    make_as(path, bytes, 0o666)
}

/// The same, readable by its owner alone from its first byte: it names persons.
pub(super) fn make_private(path: &Path, bytes: &[u8]) -> Result<(), CliError> {
    make_as(path, bytes, 0o600)
}

pub(super) fn make_as(path: &Path, bytes: &[u8], mode: u32) -> Result<(), CliError> {
    std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .map_err(CliError::file("make", path))
}

/// A text file of at most so many bytes.
pub(super) fn read_text(path: &Path, most_bytes: u64) -> Result<String, CliError> {
    let mut text = String::new();
    let opened = std::fs::File::open(path).map_err(CliError::file("open", path))?;
    opened.take(most_bytes + 1).read_to_string(&mut text).map_err(CliError::file("read", path))?;
    if text.len() as u64 > most_bytes {
        return Err(CliError::Refused(format!(
            "{} is longer than {most_bytes} bytes",
            path.display()
        )));
    }
    Ok(text)
}
