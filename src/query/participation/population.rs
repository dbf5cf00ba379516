//! The city's inhabitants, for rates: a file that the city keeps beside the log.
//!
//! ```text
//! district,age,persons
//! 1,under18,812
//! 1,adult,3120
//! 1,senior,1754
//! ```

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::suppress::Band;

/// The file within the data folder.
pub const POPULATION_FILE: &str = "population.csv";
/// The file's first line.
const HEADER: &str = "district,age,persons";
/// The largest file that is read.
const FILE_BYTES_MAX: u64 = 64 * 1024;

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PopulationError {
    /// It cannot be read.
    #[error("cannot read {path}: {source}; give the server the right to read it, or remove it", path = .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's report.
        source: io::Error,
    },
    /// A line is wrong.
    #[error("{path}, line {line}: {problem}", path = .path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong, and what to write instead.
        problem: &'static str,
    },
}

/// Inhabitants by district and age group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Population {
    persons: BTreeMap<(u32, Band), u64>,
}

impl Population {
    /// Reads the file of a data folder; `None` where there is none.
    ///
    /// # Errors
    /// [`PopulationError`] names the line.
    pub fn read(data_folder: &Path) -> Result<Option<Self>, PopulationError> {
        let path = data_folder.join(POPULATION_FILE);
        let failed = |source| PopulationError::Read { path: path.clone(), source };
        let file = match fs::File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file.map_err(failed)?,
        };
        let mut text = String::new();
        file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text).map_err(failed)?;
        let wrong = |(line, problem)| PopulationError::Line { path: path.clone(), line, problem };
        Self::parse(&text).map(Some).map_err(wrong)
    }

    /// Reads the file's text.
    ///
    /// # Errors
    /// The number of the line, and what to write instead.
    pub fn parse(text: &str) -> Result<Self, (usize, &'static str)> {
        if text.len() as u64 > FILE_BYTES_MAX {
            return Err((
                1,
                "the file is longer than 65,536 bytes; give one line for each district and age group",
            ));
        }
        // Spreadsheets write a byte order mark.
        let text = text.trim_start_matches('\u{feff}');
        let mut lines = (1..).zip(text.lines().map(str::trim_end));
        if lines.next().map(|(_, line)| line) != Some(HEADER) {
            return Err((1, "the first line is `district,age,persons`"));
        }
        let mut persons = BTreeMap::new();
        for (number, line) in lines.filter(|(_, line)| !line.is_empty()) {
            let row = row(line).map_err(|problem| (number, problem))?;
            if persons.insert((row.0, row.1), row.2).is_some() {
                return Err((
                    number,
                    "this district and age group stand in an earlier line; remove one",
                ));
            }
        }
        Ok(Self { persons })
    }

    /// Inhabitants of a district; `None` where the file has none.
    #[must_use]
    pub fn of_district(&self, district: u32) -> Option<u64> {
        self.sum(|of, _| of == district)
    }

    /// Inhabitants of an age group in some districts.
    #[must_use]
    pub fn of_ages(&self, band: Band, districts: &[u32]) -> Option<u64> {
        let within = |of: Band| of.tiers().iter().all(|tier| band.tiers().contains(tier));
        self.sum(|of, age| within(age) && districts.contains(&of))
    }

    fn sum(&self, wanted: impl Fn(u32, Band) -> bool) -> Option<u64> {
        let rows = self.persons.iter().filter(|((district, age), _)| wanted(*district, *age));
        Some(rows.map(|(_, persons)| persons).sum()).filter(|sum| *sum > 0)
    }
}

fn row(line: &str) -> Result<(u32, Band, u64), &'static str> {
    let mut parts = line.split(',').map(str::trim);
    let (Some(district), Some(age), Some(persons), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(
            "a line is a district's number, an age group and a number of persons, as in `1,adult,3120`",
        );
    };
    let district = district.parse().ok().filter(|number| *number > 0);
    let district = district.ok_or("a district is its number from 1 on, as in `account.facts`")?;
    let tier = match age {
        "under18" => Band::Under18,
        "adult" => Band::Adult,
        "senior" => Band::Senior,
        _ => return Err("an age group is `under18`, `adult` or `senior`"),
    };
    let persons: u32 = persons
        .parse()
        .map_err(|_| "persons are a whole number without separators, as in `3120`")?;
    Ok((district, tier, persons.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sound_file_is_read_and_a_wrong_line_is_named() {
        let sound = "\u{feff}district,age,persons\r\n1,under18,812\r\n1,senior,1754\r\n2, adult ,90\r\n\r\n";
        let population = Population::parse(sound).unwrap();
        assert_eq!(population.of_district(1), Some(2_566));
        assert_eq!(population.of_district(3), None);
        assert_eq!(population.of_ages(Band::Under65, &[1, 2]), Some(902));
        for (lines, wrong) in [
            ("", 1),
            ("district;age;persons", 1),
            ("district,age,persons\n1,adult,10\n1,adult,11", 3),
            ("district,age,persons\n1,adult", 2),
            ("district,age,persons\n1,adult,3,4", 2),
            ("district,age,persons\n0,adult,3", 2),
            ("district,age,persons\n1,old,3", 2),
            ("district,age,persons\n1,adult,\"3,120\"", 2),
            ("district,age,persons\n1,adult,-3", 2),
            ("district,age,persons\n1,adult,3.5", 2),
        ] {
            assert_eq!(Population::parse(lines).unwrap_err().0, wrong, "{lines}");
        }
    }

    #[test]
    fn no_file_is_no_population_and_an_error_names_the_file() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(Population::read(folder.path()), Ok(None)));
        fs::write(folder.path().join(POPULATION_FILE), "district,age,persons\nx").unwrap();
        let error = Population::read(folder.path()).unwrap_err().to_string();
        assert!(error.contains("population.csv, line 2: a line is"), "{error}");
    }
}
