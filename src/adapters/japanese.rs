//! Japanese text as cities' files hold it: `Shift_JIS` or UTF-8, full-width digits, half-width
//! kana, years by era.

use ledger_spec::time::{BirthDate, Day};

/// An era: its name, its letter, the year before its first, and its first day.
type Era = (&'static str, char, u32, (u32, u32, u32));

/// The eras since the calendar is the Gregorian one, the latest first.
const ERAS: [Era; 5] = [
    ("令和", 'R', 2018, (2019, 5, 1)),
    ("平成", 'H', 1988, (1989, 1, 8)),
    ("昭和", 'S', 1925, (1926, 12, 25)),
    ("大正", 'T', 1911, (1912, 7, 30)),
    ("明治", 'M', 1867, (1868, 1, 25)),
];

/// Half-width kana in the order of JIS X 0201 from 0xA1 on, as full-width.
const KANA: &str = "。「」、・ヲァィゥェォャュョッーアイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワン゛゜";

/// The characters of a file, and whether they were `Shift_JIS`: a byte order mark, then UTF-8, then
/// `Shift_JIS` as Windows writes it. `None` where it is neither.
#[must_use]
pub fn decode(bytes: &[u8]) -> Option<(String, bool)> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Some((text.to_owned(), false));
    }
    let text = encoding_rs::SHIFT_JIS.decode_without_bom_handling_and_without_replacement(bytes)?;
    Some((text.into_owned(), true))
}

/// Japan's offset from UTC in minutes.
pub(super) const OFFSET_MIN: i64 = 540;

/// The day in Japan and the Unix seconds of a time on a calendar's day: so many minutes after its
/// midnight, where the clocks are so many minutes ahead of UTC.
pub(super) fn moment(day: Day, minutes: i64, offset_min: i64) -> Option<(Day, u64)> {
    let unix_min = i64::from(day.0) * 1_440 + minutes - offset_min;
    let start_s = u64::try_from(unix_min).ok()?.checked_mul(60)?;
    let day = u32::try_from((unix_min + OFFSET_MIN).div_euclid(1_440)).ok()?;
    Some((Day(day), start_s))
}

/// One form for what means the same: full-width letters, digits and signs become ASCII, half-width
/// kana full-width with their voicing marks joined; spaces at the ends go.
#[must_use]
pub fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\u{ff01}'..='\u{ff5e}' => {
                out.extend(char::from_u32(u32::from(letter) - 0xff00 + 0x20));
            }
            '\u{3000}' => out.push(' '),
            '−' | '‐' | '–' | '—' => out.push('-'),
            '\u{ff61}'..='\u{ff9f}' => {
                let place = usize::try_from(u32::from(letter) - 0xff61).unwrap_or(0);
                let kana = KANA.chars().nth(place).unwrap_or(letter);
                match (kana, out.chars().next_back().and_then(|last| voiced(last, kana))) {
                    ('゛' | '゜', Some(joined)) => {
                        out.pop();
                        out.push(joined);
                    }
                    _ => out.push(kana),
                }
            }
            other => out.push(other),
        }
    }
    out.trim().to_owned()
}

/// A kana with its voicing mark as one letter.
fn voiced(kana: char, mark: char) -> Option<char> {
    let code = u32::from(kana);
    let steps = match (kana, mark) {
        ('ウ', '゛') => return Some('ヴ'),
        ('カ'..='ト', '゛') => {
            // Each unvoiced letter stands before its voiced one; `ッ` alone breaks the row.
            let odd = if kana < 'ッ' { code % 2 == 1 } else { code.is_multiple_of(2) };
            u32::from(odd)
        }
        ('ハ' | 'ヒ' | 'フ' | 'ヘ' | 'ホ', '゛') => 1,
        ('ハ' | 'ヒ' | 'フ' | 'ヘ' | 'ホ', '゜') => 2,
        _ => 0,
    };
    if steps == 0 { None } else { char::from_u32(code + steps) }
}

/// A day in one of the forms that files use: `2026-04-01`, `2026/4/1`, `2026年4月1日`, `20260401`,
/// `令和8年4月1日`, `令和元年5月1日`, `R8.4.1`, `平成31年4月30日`. Full-width digits are fine. A day outside its
/// era is refused.
#[must_use]
pub fn day(text: &str) -> Option<Day> {
    let (year, month, day) = written_date(text)?;
    Day::from_ymd(year, month, day)
}

/// A date of birth in one of those forms.
#[must_use]
pub fn birth_date(text: &str) -> Option<BirthDate> {
    let (year, month, day) = written_date(text)?;
    BirthDate::from_ymd(year, month, day)
}

/// The three numbers of a date, of its era where it names one.
fn written_date(text: &str) -> Option<(u32, u32, u32)> {
    let text = plain(text).replace(' ', "");
    if text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        let (year, rest) = text.split_at(4);
        let (month, day) = rest.split_at(2);
        return Some((year.parse().ok()?, month.parse().ok()?, day.parse().ok()?));
    }
    let era = ERAS.iter().enumerate().find_map(|(at, (name, letter, before, first))| {
        let short = |c: char| c.eq_ignore_ascii_case(letter);
        let rest = text.strip_prefix(name).or_else(|| text.strip_prefix(short))?;
        Some((rest, *before, *first, at))
    });
    let (rest, before) = era.map_or((text.as_str(), 0), |(rest, before, ..)| (rest, before));
    let first = rest.strip_prefix('元').filter(|_| era.is_some());
    let rest = first.map_or_else(|| rest.to_owned(), |rest| format!("1{rest}"));
    let numbers: Vec<&str> = rest.split(['年', '月', '日', '-', '/', '.']).collect();
    let numbers = match numbers.as_slice() {
        [year, month, day] | [year, month, day, ""] => [*year, *month, *day],
        _ => return None,
    };
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if digits { text.parse::<u32>().ok() } else { None }
    };
    let [year, month, day] = numbers.map(number);
    let (year, month, day) = (year?, month?, day?);
    let full = era.is_some() || (1_800..10_000).contains(&year);
    let found = (before.checked_add(year)?, month, day);
    let within = era.is_none_or(|(_, _, first, at)| {
        let next = at.checked_sub(1).and_then(|later| ERAS.get(later));
        year > 0 && found >= first && next.is_none_or(|(.., until)| found < *until)
    });
    (full && within).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_of_both_widths_are_the_same() {
        for (written, expected) in [
            ("１２３", "123"),
            ("ＡＢ－ｃ", "AB-c"),
            ("　ﾔﾏﾀﾞ ﾀﾛｳ　", "ヤマダ タロウ"),
            ("ﾊﾟﾋﾞﾌﾟ", "パビプ"),
            ("ｶﾞｷﾞｸﾞｹﾞｺﾞﾂﾞﾃﾞﾄﾞ", "ガギグゲゴヅデド"),
            ("ｱﾞ", "ア゛"),
            ("ｳﾞｯﾞ", "ヴッ゛"),
            ("異動−届", "異動-届"),
        ] {
            assert_eq!(plain(written), expected, "{written}");
        }
    }

    #[test]
    fn dates_of_birth_go_back_further_than_days() {
        for (written, expected) in [
            ("昭和34年4月1日", Some((1959, 4, 1))),
            ("S19.2.29", Some((1944, 2, 29))),
            ("1943-02-29", None),
            ("T15.12.24", Some((1926, 12, 24))),
            ("１９００/２/２９", None),
            ("20080401", Some((2008, 4, 1))),
        ] {
            let expected =
                expected.and_then(|(year, month, day)| BirthDate::from_ymd(year, month, day));
            assert_eq!(birth_date(written), expected, "{written}");
        }
        assert_eq!(day("S34.4.1"), None);
    }

    #[test]
    fn days_are_read_in_every_form() {
        for (written, expected) in [
            ("2026-04-01", "2026-04-01"),
            ("２０２６／４／１", "2026-04-01"),
            ("2026年4月1日", "2026-04-01"),
            ("20260401", "2026-04-01"),
            ("令和8年4月1日", "2026-04-01"),
            ("令和 ８年 ４月 １日", "2026-04-01"),
            ("R8.4.1", "2026-04-01"),
            ("r08/04/01", "2026-04-01"),
            ("令和元年5月1日", "2019-05-01"),
            ("平成31年4月30日", "2019-04-30"),
            ("H31.4.30", "2019-04-30"),
            ("S64.1.7", "1989-01-07"),
            ("昭和64年1月7日", "1989-01-07"),
            ("2024-02-29", "2024-02-29"),
        ] {
            assert_eq!(
                day(written).map(|day| day.to_string()).as_deref(),
                Some(expected),
                "{written}"
            );
        }
        for written in [
            "",
            "8.4.1",
            "2026-13-01",
            "2026-02-29",
            "平成31年5月1日",
            "令和元年4月30日",
            "R0.1.1",
            "2026-4",
            "today",
            "2026-04-01T10:00",
            "+2026-04-01",
            "昭和64年1月8日",
            "R8.4.1.1",
            "令和8年4月元日",
        ] {
            assert_eq!(day(written), None, "{written}");
        }
    }

    #[test]
    fn files_are_read_in_either_encoding() {
        let (shift_jis, _, _) = encoding_rs::SHIFT_JIS.encode("宛名番号,ﾔﾏﾀﾞ\r\n");
        assert_eq!(decode(&shift_jis), Some(("宛名番号,ﾔﾏﾀﾞ\r\n".to_owned(), true)));
        assert_eq!(decode("\u{feff}宛名".as_bytes()), Some(("宛名".to_owned(), false)));
        assert_eq!(decode(b"\xff\xff\xff"), None);
    }
}
