//! Tables for spreadsheets: CSV (RFC 4180) in UTF-8.

/// Excel takes a file for UTF-8 only when it begins so.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// A table that is written line by line.
pub struct Table(String);

impl Default for Table {
    fn default() -> Self {
        Self(BYTE_ORDER_MARK.into())
    }
}

impl Table {
    /// Appends a line.
    pub fn line<Cell: AsRef<str>>(&mut self, cells: &[Cell]) {
        for (number, cell) in cells.iter().enumerate() {
            if number > 0 {
                self.0.push(',');
            }
            self.0 += &guarded(cell.as_ref());
        }
        self.0 += "\r\n";
    }

    /// The file's text.
    #[must_use]
    pub fn into_text(self) -> String {
        self.0
    }
}

/// A cell that no spreadsheet takes for a formula; a number keeps its sign.
fn guarded(cell: &str) -> String {
    let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']) && !is_negative(cell);
    let guard = if formula { "'" } else { "" };
    if formula || cell.contains(['"', ',', '\r', '\n']) {
        format!("\"{guard}{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}

/// Whether a cell is a whole number below zero: the one form in which our numbers have a sign.
fn is_negative(cell: &str) -> bool {
    cell.strip_prefix('-').is_some_and(|digits| {
        !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_never_formulas() {
        let cases = [
            ("魚政", "魚政"),
            ("a,b", "\"a,b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("=1+1", "\"'=1+1\""),
            ("@cmd", "\"'@cmd\""),
            ("\tcmd", "\"'\tcmd\""),
            ("\rcmd", "\"'\rcmd\""),
            ("+81901234567", "\"'+81901234567\""),
            ("a-1", "a-1"),
            ("-100", "-100"),
            ("-", "\"'-\""),
            ("-1+1", "\"'-1+1\""),
            ("-1.5", "\"'-1.5\""),
            ("", ""),
        ];
        for (cell, written) in cases {
            assert_eq!(guarded(cell), written);
        }
        let mut table = Table::default();
        table.line(&["1", "a,b"]);
        assert_eq!(table.into_text(), "\u{feff}1,\"a,b\"\r\n");
    }
}
