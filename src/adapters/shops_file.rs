//! A city's list of its shops' bank accounts.

use ledger_spec::ids::PlaceId;

use super::japanese;

/// Why a list of accounts cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ShopsError {
    /// It is neither UTF-8 nor `Shift_JIS`.
    #[error("the file is neither UTF-8 nor Shift_JIS; save it as CSV UTF-8")]
    Encoding,
    /// The table has another form.
    #[error("{0}; the columns are shop, account, holder")]
    Table(#[from] csv::Error),
    /// A line names no shop.
    #[error("line {line}: `{shop}` is no shop's id of 16 hexadecimal digits; nothing was kept")]
    Shop {
        /// Its number in the file.
        line: u64,
        /// What stands there.
        shop: String,
    },
}

/// A line as it stands in the file.
#[derive(serde::Deserialize)]
struct AccountCells {
    shop: String,
    account: String,
    holder: String,
}

/// Where a shop is to be paid, as the city writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountLine {
    /// The line of the file.
    pub line: u64,
    /// The shop.
    pub shop: PlaceId,
    /// Bank, branch, type and number.
    pub account: String,
    /// The holder's name in kana.
    pub holder: String,
}

/// The lines of a file.
///
/// # Errors
/// [`ShopsError`]
pub fn read(bytes: &[u8]) -> Result<Vec<AccountLine>, ShopsError> {
    let (text, _) = japanese::decode(bytes).ok_or(ShopsError::Encoding)?;
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    // The heads are the first line.
    let lines = (2..).zip(reader.deserialize::<AccountCells>());
    let read = lines.map(|(line, found)| {
        let AccountCells { shop, account, holder } = found?;
        let id = PlaceId::from_hex(&shop).ok_or(ShopsError::Shop { line, shop })?;
        Ok(AccountLine { line, shop: id, account, holder })
    });
    read.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_without_a_shop_is_told() {
        let good = "shop,account,holder\nA179CAE38D2C7A57,0149-001-1-1234567,ウオマサ\n";
        assert!(read(good.to_lowercase().as_bytes()).is_ok_and(|lines| lines.len() == 1));
        let error = read(b"shop,account,holder\n,0149-001-1-1234567,A\n").unwrap_err();
        assert!(error.to_string().starts_with("line 2: `` is no shop"), "{error}");
        let error = read(b"shop,holder\na179cae38d2c7a57,A\n").unwrap_err().to_string();
        assert!(error.contains("the columns are shop, account, holder"), "{error}");
    }
}
