//! The file of transfers that Japanese banks take: 全銀協規定フォーマット, 総合振込.
//!
//! Records of 120 bytes in JIS X 0201: one header, one record for each transfer, one trailer, one
//! end. Letters are capitals, kana half a cell wide with their sound marks as signs of their own.
//! What a bank would not read is refused here, with shop and field, rather than cut or replaced.

use ledger_spec::time::Day;

/// Bytes of a record.
pub const RECORD_BYTES: usize = 120;
/// The most transfers of a file: what the trailer's six digits count.
pub const TRANSFERS_MAX: usize = 999_999;
/// The most bytes of a payer's name.
const PAYER_BYTES: usize = 40;
/// The most bytes of a payee's name.
const PAYEE_BYTES: usize = 30;
/// Bytes of the name of a bank or a branch.
const BANK_NAME_BYTES: usize = 15;
/// The most yen of one transfer: ten digits.
const YEN_MAX: u64 = 9_999_999_999;
/// The most yen of all: twelve digits.
const TOTAL_YEN_MAX: u64 = 999_999_999_999;
/// Signs that banks take beside digits, capitals and kana.
const SIGNS: &str = " ()-./,\u{a5}｢｣";

/// Why there is no file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ZenginError {
    /// A field does not fit.
    #[error("{whose}: {field}: {reason}")]
    Field {
        /// Whose field.
        whose: String,
        /// Which.
        field: &'static str,
        /// What is wrong with it, and what would be right.
        reason: String,
    },
    /// More transfers or yen than the trailer can say.
    #[error(
        "a file holds at most {TRANSFERS_MAX} transfers and {TOTAL_YEN_MAX} yen; write one for each part of the shops"
    )]
    Totals,
}

/// Kind of a bank account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountType {
    /// 普通.
    Ordinary,
    /// 当座.
    Current,
    /// 貯蓄.
    Savings,
}

impl AccountType {
    const ALL: [(Self, &'static str); 3] =
        [(Self::Ordinary, "1"), (Self::Current, "2"), (Self::Savings, "4")];

    fn digit(self) -> &'static str {
        Self::ALL.iter().find(|(kind, _)| *kind == self).map_or("1", |(_, digit)| digit)
    }
}

/// A bank account and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BankAccount {
    /// 4 digits.
    pub bank: String,
    /// 3 digits.
    pub branch: String,
    /// Its kind.
    pub kind: AccountType,
    /// 7 digits.
    pub number: String,
    /// The holder's name as the bank has it, half-width.
    pub holder: String,
}

impl BankAccount {
    /// Reads `BANK-BRANCH-TYPE-NUMBER` (type 1 for 普通, 2 for 当座, 4 for 貯蓄) and the holder's name in
    /// any kana.
    ///
    /// # Errors
    /// [`ZenginError::Field`] with `whose`.
    pub fn parse(whose: &str, account: &str, holder: &str) -> Result<Self, ZenginError> {
        let wrong = |field, reason: &str| field_error(whose, field, reason);
        let parts: Vec<&str> = account.split('-').collect();
        let [bank, branch, kind, number] = parts.as_slice() else {
            return Err(wrong(
                "account",
                "write BANK-BRANCH-TYPE-NUMBER, such as 0149-001-1-1234567",
            ));
        };
        for (field, digits, text) in
            [("bank", 4, bank), ("branch", 3, branch), ("number", 7, number)]
        {
            if text.len() != digits || !text.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(wrong(field, &format!("`{text}` is not {digits} digits")));
            }
        }
        let kind = AccountType::ALL.iter().find(|(_, digit)| digit == kind);
        let kind = kind.ok_or_else(|| wrong("type", "1 is 普通, 2 is 当座, 4 is 貯蓄"))?.0;
        let holder = kana(holder).map_err(|reason| wrong("holder", &reason))?;
        if holder.is_empty() || bytes_of(&holder).len() > PAYER_BYTES {
            return Err(wrong("holder", "a name has 1 to 40 signs"));
        }
        let [bank, branch, number] = [bank, branch, number].map(|text| (*text).to_owned());
        Ok(Self { bank, branch, kind, number, holder })
    }

    /// One line to keep: the account, a space, the holder.
    #[must_use]
    pub fn to_text(&self) -> String {
        format!("{} {}", self.account_text(), self.holder)
    }

    /// Reads [`BankAccount::to_text`].
    #[must_use]
    pub fn of_text(text: &str) -> Option<Self> {
        let (account, holder) = text.split_once(' ')?;
        Self::parse("", account, holder).ok()
    }

    /// What [`BankAccount::parse`] reads, without the holder.
    #[must_use]
    pub fn account_text(&self) -> String {
        format!("{}-{}-{}-{}", self.bank, self.branch, self.kind.digit(), self.number)
    }
}

/// Who pays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payer {
    /// 10 digits that the bank gave.
    pub code: String,
    /// The account that pays.
    pub account: BankAccount,
    /// Names of its bank and branch, half-width; they may be empty.
    pub bank_names: [String; 2],
}

/// One transfer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// The shop, for what is said of faults.
    pub shop: String,
    /// Where the money goes.
    pub to: BankAccount,
    /// Names of its bank and branch, half-width; they may be empty.
    pub bank_names: [String; 2],
    /// How much.
    pub yen: u64,
    /// The settlement's entry, which comes back as the customer's code.
    pub settlement: u64,
}

/// The file. `crlf` ends each record with carriage return and line feed, as some banks ask.
///
/// # Errors
/// [`ZenginError`]
pub fn file(
    payer: &Payer,
    date: Day,
    transfers: &[Transfer],
    crlf: bool,
) -> Result<Vec<u8>, ZenginError> {
    let total = transfers.iter().try_fold(0_u64, |sum, transfer| sum.checked_add(transfer.yen));
    let total = total.filter(|total| *total <= TOTAL_YEN_MAX && transfers.len() <= TRANSFERS_MAX);
    let total = total.ok_or(ZenginError::Totals)?;
    let mut records = vec![header(payer, date)?];
    for transfer in transfers {
        records.push(data(transfer)?);
    }
    let mut trailer = TransferRecord::new("trailer", "8");
    trailer.number("transfers", 6, transfers.len() as u64)?;
    trailer.number("total", 12, total)?;
    records.push(trailer.bytes);
    records.push(TransferRecord::new("end", "9").bytes);
    let mut file = Vec::new();
    for mut record in records {
        record.resize(RECORD_BYTES, b' ');
        file.append(&mut record);
        if crlf {
            file.extend_from_slice(b"\r\n");
        }
    }
    Ok(file)
}

fn header(payer: &Payer, date: Day) -> Result<Vec<u8>, ZenginError> {
    let (_, month, day) = date.ymd();
    let mut record = TransferRecord::new("payer", "1210");
    record.digits("code", 10, &payer.code)?;
    record.text("holder", PAYER_BYTES, &payer.account.holder)?;
    record.number("date", 4, u64::from(month * 100 + day))?;
    record.bank(&payer.account, &payer.bank_names, "")?;
    Ok(record.bytes)
}

fn data(transfer: &Transfer) -> Result<Vec<u8>, ZenginError> {
    let mut record = TransferRecord::new(&transfer.shop, "2");
    // Four zeros stand for the clearing house, which no transfer names.
    record.bank(&transfer.to, &transfer.bank_names, "0000")?;
    record.text("holder", PAYEE_BYTES, &transfer.to.holder)?;
    if !(1..=YEN_MAX).contains(&transfer.yen) {
        let reason = format!("{} is not from 1 to {YEN_MAX}", transfer.yen);
        return Err(field_error(&transfer.shop, "yen", &reason));
    }
    record.number("yen", 10, transfer.yen)?;
    // New code 0: neither a first nor a changed transfer. The second customer's code is not used.
    record.number("new", 1, 0)?;
    record.number("settlement", 10, transfer.settlement)?;
    record.number("second code", 10, 0)?;
    // 7 asks for transfer by wire.
    record.number("way", 1, 7)?;
    Ok(record.bytes)
}

/// A record that grows field by field.
struct TransferRecord<'a> {
    whose: &'a str,
    bytes: Vec<u8>,
}

impl<'a> TransferRecord<'a> {
    fn new(whose: &'a str, start: &str) -> Self {
        Self { whose, bytes: start.as_bytes().to_vec() }
    }

    /// Text at the left, spaces behind it.
    fn text(&mut self, field: &'static str, bytes: usize, text: &str) -> Result<(), ZenginError> {
        if let Some(sign) = text.chars().find(|sign| !is_allowed(*sign)) {
            let reason = format!("`{sign}` is no sign that banks take");
            return Err(field_error(self.whose, field, &reason));
        }
        let mut written = bytes_of(text);
        if written.len() > bytes {
            let reason = format!("`{text}` has {} signs of {bytes}", written.len());
            return Err(field_error(self.whose, field, &reason));
        }
        written.resize(bytes, b' ');
        self.bytes.append(&mut written);
        Ok(())
    }

    /// A number at the right, zeros before it.
    fn number(
        &mut self,
        field: &'static str,
        digits: usize,
        number: u64,
    ) -> Result<(), ZenginError> {
        self.digits(field, digits, &format!("{number:0digits$}"))
    }

    fn digits(
        &mut self,
        field: &'static str,
        digits: usize,
        text: &str,
    ) -> Result<(), ZenginError> {
        if text.len() != digits || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(field_error(
                self.whose,
                field,
                &format!("`{text}` is not {digits} digits"),
            ));
        }
        self.bytes.extend_from_slice(text.as_bytes());
        Ok(())
    }

    /// Bank, branch and account, with `between` before the kind of account.
    fn bank(
        &mut self,
        account: &BankAccount,
        names: &[String; 2],
        between: &str,
    ) -> Result<(), ZenginError> {
        let [bank, branch] = names;
        let cut = |name: &String| name.chars().take(BANK_NAME_BYTES).collect::<String>();
        self.digits("bank", 4, &account.bank)?;
        self.text("bank's name", BANK_NAME_BYTES, &cut(bank))?;
        self.digits("branch", 3, &account.branch)?;
        self.text("branch's name", BANK_NAME_BYTES, &cut(branch))?;
        self.bytes.extend_from_slice(between.as_bytes());
        self.digits("type", 1, account.kind.digit())?;
        self.digits("number", 7, &account.number)
    }
}

fn field_error(whose: &str, field: &'static str, reason: &str) -> ZenginError {
    ZenginError::Field { whose: whose.to_owned(), field, reason: reason.to_owned() }
}

/// Kana in their two widths, with the sign for a voiced or half-voiced sound.
const NARROW: SignMap = SignMap {
    from: "アイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワン",
    to: "ｱｲｳｴｵｶｷｸｹｺｻｼｽｾｿﾀﾁﾂﾃﾄﾅﾆﾇﾈﾉﾊﾋﾌﾍﾎﾏﾐﾑﾒﾓﾔﾕﾖﾗﾘﾙﾚﾛﾜﾝ",
};
const VOICED: SignMap = SignMap {
    from: "ガギグゲゴザジズゼゾダヂヅデドバビブベボヴ",
    to: "カキクケコサシスセソタチツテトハヒフヘホウ",
};
const HALF_VOICED: SignMap = SignMap { from: "パピプペポ", to: "ハヒフヘホ" };
/// Banks keep names without small kana: both are written large.
const SMALL: SignMap = SignMap {
    from: "ァィゥェォッャュョヮｧｨｩｪｫｯｬｭｮ",
    to: "アイウエオツヤユヨワｱｲｳｴｵﾂﾔﾕﾖ",
};
/// Signs that have a form among [`SIGNS`].
const OTHER: SignMap = SignMap {
    from: "ー－―ｰ‐−　（）．／，・「」￥",
    to: "------ ().,/.｢｣\u{a5}",
};

/// A name in the signs that banks take: hiragana, katakana and letters of either width become
/// half-width kana and capitals. Banks keep names that way, so nothing is lost.
///
/// # Errors
/// A text that names the first sign that has no such form.
pub fn kana(text: &str) -> Result<String, String> {
    let mut written = String::new();
    for sign in text.trim().chars() {
        let sign = match sign {
            'ぁ'..='ゖ' => shifted(sign, 0x60),
            '！'..='～' if sign.is_alphanumeric() => shifted(sign, -0xfee0),
            other => other,
        };
        let sign = SMALL.of(sign).or_else(|| OTHER.of(sign)).unwrap_or(sign);
        let (base, mark) = match (VOICED.of(sign), HALF_VOICED.of(sign)) {
            (Some(base), _) => (base, Some('ﾞ')),
            (None, Some(base)) => (base, Some('ﾟ')),
            (None, None) => (sign, None),
        };
        let narrow = NARROW.of(base).unwrap_or(base).to_ascii_uppercase();
        if !is_allowed(narrow) {
            return Err(format!(
                "`{sign}` is no sign that banks take; write the name in kana as it stands in the bank book"
            ));
        }
        written.push(narrow);
        written.extend(mark);
    }
    Ok(written)
}

fn shifted(sign: char, by: i32) -> char {
    u32::from(sign).checked_add_signed(by).and_then(char::from_u32).unwrap_or(sign)
}

/// Signs, and what is written in their place.
struct SignMap {
    from: &'static str,
    to: &'static str,
}

impl SignMap {
    fn of(&self, sign: char) -> Option<char> {
        let mut pairs = self.from.chars().zip(self.to.chars());
        pairs.find(|(known, _)| *known == sign).map(|(_, other)| other)
    }
}

/// `ｦ` is left out: banks differ on it.
fn is_allowed(sign: char) -> bool {
    sign.is_ascii_digit()
        || sign.is_ascii_uppercase()
        || SIGNS.contains(sign)
        || ('ｱ'..='ﾟ').contains(&sign)
}

/// JIS X 0201: half-width kana above 0xA0, the yen sign in the place of the backslash.
fn bytes_of(text: &str) -> Vec<u8> {
    let byte = |sign: char| match sign {
        '\u{a5}' => 0x5c,
        '｡'..='ﾟ' => u8::try_from(u32::from(sign) - 0xff61 + 0xa1).unwrap_or(b'?'),
        other => u8::try_from(other).unwrap_or(b'?'),
    };
    text.chars().map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_kana(text: &str, expected: Result<&str, char>) {
        match (kana(text), expected) {
            (found, Ok(expected)) => assert_eq!(found.as_deref(), Ok(expected)),
            (Err(reason), Err(sign)) => assert!(reason.contains(&format!("`{sign}`")), "{reason}"),
            (Ok(found), Err(_)) => panic!("{found}"),
        }
    }

    #[test]
    fn names_become_what_banks_keep() {
        check_kana("カ）ヤイヅショウテン", Ok("ｶ)ﾔｲﾂﾞｼﾖｳﾃﾝ"));
        check_kana("やいづ パン工房", Err('工'));
        check_kana("ぱんや　ハート", Ok("ﾊﾟﾝﾔ ﾊ-ﾄ"));
        check_kana("ｶ)ﾏｴﾀﾞ ｼｮｳﾃﾝ", Ok("ｶ)ﾏｴﾀﾞ ｼﾖｳﾃﾝ"));
        check_kana("Ａｂｃ１２", Ok("ABC12"));
        check_kana("ヴィラ", Ok("ｳﾞｲﾗ"));
        check_kana("ヲカ", Err('ヲ'));
        check_kana("A_B", Err('_'));
    }

    #[test]
    fn the_tables_of_kana_are_of_one_length() {
        for SignMap { from, to } in [NARROW, VOICED, HALF_VOICED, SMALL, OTHER] {
            assert_eq!(from.chars().count(), to.chars().count(), "{from}");
        }
    }

    fn transfer(yen: u64) -> Transfer {
        let to = BankAccount::parse("魚政", "0149-001-1-1234567", "ウオマサ").expect("an account");
        let bank_names = ["ｼｽﾞｵｶ".to_owned(), String::new()];
        Transfer { shop: "魚政".to_owned(), to, bank_names, yen, settlement: 4_711 }
    }

    fn payer() -> Payer {
        let account =
            BankAccount::parse("payer", "0149-002-2-7654321", "ヤイヅシ").expect("an account");
        Payer { code: "0000000042".to_owned(), account, bank_names: [String::new(), String::new()] }
    }

    #[test]
    fn records_have_120_bytes_and_their_totals() {
        let date = Day::parse("2026-11-09").expect("a day");
        let transfers = [transfer(1_200), transfer(50)];
        let file = file(&payer(), date, &transfers, true).expect("a file");
        let records: Vec<&[u8]> = file.chunks(122).collect();
        assert_eq!(records.len(), 5);
        assert!(records.iter().all(|record| record.len() == 122 && record.ends_with(b"\r\n")));
        assert!(records[0].starts_with(b"12100000000042\xd4\xb2\xc2\xde\xbc "));
        assert_eq!(&records[0][54..62], b"11090149");
        assert_eq!(&records[1][..5], b"20149");
        assert_eq!(&records[1][80..], b"00000012000000000471100000000007        \r\n");
        assert_eq!(&records[3][..19], b"8000002000000001250");
        assert_eq!(records[4][0], b'9');
    }

    #[track_caller]
    fn check_refusal(change: impl Fn(&mut Transfer), expected: &str) {
        let mut wrong = transfer(100);
        change(&mut wrong);
        let found = file(&payer(), Day(20_000), &[transfer(1), wrong], false);
        assert_eq!(found.map_err(|error| error.to_string()), Err(expected.to_owned()));
    }

    #[test]
    fn what_does_not_fit_is_refused_with_shop_and_field() {
        check_refusal(|t| t.yen = 0, "魚政: yen: 0 is not from 1 to 9999999999");
        check_refusal(
            |t| t.yen = 10_000_000_000,
            "魚政: yen: 10000000000 is not from 1 to 9999999999",
        );
        check_refusal(
            |t| t.settlement = 10_000_000_000,
            "魚政: settlement: `10000000000` is not 10 digits",
        );
        check_refusal(
            |t| t.to.holder = "ﾞ".repeat(31),
            &format!("魚政: holder: `{}` has 31 signs of 30", "ﾞ".repeat(31)),
        );
        check_refusal(
            |t| t.to.holder = "魚政".to_owned(),
            "魚政: holder: `魚` is no sign that banks take",
        );
        let many = vec![transfer(9_999_999_999); 101];
        assert_eq!(file(&payer(), Day(20_000), &many, false), Err(ZenginError::Totals));
        let wrong = |account, field| match BankAccount::parse("x", account, "ﾔ") {
            Err(ZenginError::Field { field: found, .. }) => assert_eq!(found, field),
            other => panic!("{other:?}"),
        };
        wrong("149-001-1-1234567", "bank");
        wrong("0149-1-1-1234567", "branch");
        wrong("0149-001-9-1234567", "type");
        wrong("0149-001-1-123456", "number");
        wrong("0149-001-1", "account");
    }
}
