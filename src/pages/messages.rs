//! Every sentence of the pages, in Fluent files, and numbers, dates and names in plain words.

use std::sync::LazyLock;

use chrono::{DateTime, FixedOffset, NaiveDate};
use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource};
use ledger_spec::caps::{CapOf, CapPer};
use ledger_spec::kinds::{Cause, Kind};
use ledger_spec::time::Day;

use super::lang::Lang;
use crate::query::ReasonJson;

type Bundle = LazyLock<FluentBundle<FluentResource>>;

const JA: &str = include_str!("messages/ja.ftl");
const EN: &str = include_str!("messages/en.ftl");
const PROBLEMS_JA: &str = include_str!("messages/problems.ja.ftl");
const PROBLEMS_EN: &str = include_str!("messages/problems.en.ftl");

// Each file is parsed once, when its first message is asked for.
static JA_BUNDLE: Bundle = LazyLock::new(|| bundle(Lang::Ja, JA));
static EN_BUNDLE: Bundle = LazyLock::new(|| bundle(Lang::En, EN));
static PROBLEMS_JA_BUNDLE: Bundle = LazyLock::new(|| bundle(Lang::Ja, PROBLEMS_JA));
static PROBLEMS_EN_BUNDLE: Bundle = LazyLock::new(|| bundle(Lang::En, PROBLEMS_EN));

fn bundle(lang: Lang, source: &str) -> FluentBundle<FluentResource> {
    let mut bundle = FluentBundle::new_concurrent(vec![lang.tag().parse().unwrap_or_default()]);
    // Isolation marks would travel into copied text and into the browser code.
    bundle.set_use_isolating(false);
    // A test parses both files; at run time whatever is whole is used.
    let resource = FluentResource::try_new(source.to_owned()).unwrap_or_else(|(whole, _)| whole);
    bundle.add_resource_overriding(resource);
    bundle
}

/// The message of a key; Japanese when the language lacks it, the key itself when both do. A
/// variable without a value stays as `{$name}`, and so the browser code gets messages that it fills
/// in itself.
#[must_use]
pub fn t(lang: Lang, key: &str) -> String {
    t_args(lang, key, &[])
}

/// The message of a key with its variables replaced. Numbers come in as [`number`] wrote them.
#[must_use]
pub fn t_args(lang: Lang, key: &str, values: &[(&str, &str)]) -> String {
    let mut args = FluentArgs::new();
    for (name, value) in values {
        args.set(*name, *value);
    }
    let first = match lang {
        Lang::Ja => &JA_BUNDLE,
        Lang::En => &EN_BUNDLE,
    };
    [first, &JA_BUNDLE]
        .into_iter()
        .find_map(|bundle| format(bundle, key, &args))
        .unwrap_or_else(|| key.into())
}

/// The title of a problem, by its slug.
#[must_use]
pub fn problem_title(lang: Lang, slug: &str) -> String {
    let bundle = match lang {
        Lang::Ja => &PROBLEMS_JA_BUNDLE,
        Lang::En => &PROBLEMS_EN_BUNDLE,
    };
    format(bundle, slug, &FluentArgs::new()).unwrap_or_else(|| slug.to_owned())
}

fn format(
    bundle: &FluentBundle<FluentResource>,
    key: &str,
    args: &FluentArgs<'_>,
) -> Option<String> {
    let pattern = bundle.get_message(key)?.value()?;
    Some(bundle.format_pattern(pattern, Some(args), &mut Vec::new()).into_owned())
}

/// All keys that start with `prefix` when it ends in `-`, otherwise just that key.
pub(super) fn keys_under(prefix: &str) -> Vec<&str> {
    if prefix.ends_with('-') {
        keys(JA).filter(|key| key.starts_with(prefix)).collect()
    } else {
        vec![prefix]
    }
}

fn keys(source: &'static str) -> impl Iterator<Item = &'static str> {
    source
        .lines()
        .filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase()))
        .filter_map(|line| Some(line.split_once(" = ")?.0))
}

/// A number with commas: 1,234,567.
#[must_use]
pub fn number(value: u64) -> String {
    let digits = value.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// The time of day in Japan, `14:05`, if the instant falls on that day: an action reported late has
/// a day but no time worth showing.
#[must_use]
pub fn time_on(day: Day, unix_s: u64) -> Option<String> {
    let time = in_japan(unix_s)?;
    let (year, month, date) = day.ymd();
    let same =
        NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, date)? == time.date_naive();
    same.then(|| time.format("%H:%M").to_string())
}

/// The time in Japan, `HH:MM`.
#[must_use]
pub fn time_of(unix_s: u64) -> String {
    in_japan(unix_s).map_or_else(String::new, |time| time.format("%H:%M").to_string())
}

fn in_japan(unix_s: u64) -> Option<DateTime<FixedOffset>> {
    let japan = FixedOffset::east_opt(9 * 3_600)?;
    Some(DateTime::from_timestamp(i64::try_from(unix_s).ok()?, 0)?.with_timezone(&japan))
}

/// A day for people: 2026年11月22日, 22 November 2026.
#[must_use]
pub fn date(lang: Lang, day: Day) -> String {
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let (year, month, day) = day.ymd();
    match lang {
        Lang::Ja => format!("{year}年{month}月{day}日"),
        Lang::En => {
            let name = MONTHS.into_iter().zip(1..).find(|(_, number)| *number == month);
            format!("{day} {} {year}", name.map_or("", |(name, _)| name))
        }
    }
}

/// Why the city changed something, as a word.
#[must_use]
pub fn cause_text(lang: Lang, cause: Cause) -> String {
    t(lang, &format!("cause-{}", cause.name()))
}

/// The reason as a sentence, with what is left of its period.
#[must_use]
pub fn reason_text(lang: Lang, reason: &ReasonJson) -> String {
    // What the cap of a full grant leaves is another sentence.
    let bound = reason.code != "full";
    let (of, per) = (reason.of.map(CapOf::name), reason.per.map(CapPer::name));
    let parts = [Some(reason.code), of.filter(|_| bound), per.filter(|_| bound)];
    let parts: Vec<&str> = parts.into_iter().flatten().collect();
    let key = format!("reason-{}", parts.join("-"));
    let next = reason.next.map(|next| date(lang, next)).unwrap_or_default();
    let mut words = match JA_BUNDLE.has_message(&key) {
        true => t_args(lang, &key, &[("date", &next)]),
        false => t(lang, "reason-unknown"),
    };
    if let (Some(times), Some(per)) = (reason.times_left, per) {
        if lang == Lang::En {
            words.push(' ');
        }
        let key = if times > 0 { format!("left-{per}") } else { format!("left-none-{per}") };
        words += &t_args(lang, &key, &[("times", &number(times.into()))]);
    }
    words
}

/// The name of a kind of statement.
#[must_use]
pub fn kind_name(lang: Lang, kind: Kind) -> String {
    known(lang, &format!("kind-{}", kind.name().replace('.', "-")), "kind-unknown")
}

fn known(lang: Lang, key: &str, other: &str) -> String {
    if JA_BUNDLE.has_message(key) { t(lang, key) } else { t(lang, other) }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::{Path, PathBuf};

    use ledger_spec::entry::Reason;

    use super::*;

    #[test]
    fn both_files_parse_and_hold_the_same_keys_once() {
        for source in [JA, EN, PROBLEMS_JA, PROBLEMS_EN] {
            assert!(FluentResource::try_new(source.into()).is_ok());
            assert_eq!(
                keys(source).count(),
                keys(source).collect::<BTreeSet<_>>().len(),
                "a key stands twice"
            );
        }
        assert_eq!(
            keys(JA).collect::<Vec<_>>(),
            keys(EN).collect::<Vec<_>>(),
            "same keys in the same order"
        );
    }

    /// The slugs of the problems that have a title, in the order of the language's file.
    pub(crate) fn titled_problems(lang: Lang) -> Vec<&'static str> {
        keys(match lang {
            Lang::Ja => PROBLEMS_JA,
            Lang::En => PROBLEMS_EN,
        })
        .collect()
    }

    #[test]
    fn both_languages_use_the_same_variables() {
        let variables = |lang, key| {
            let text = t(lang, key);
            text.split("{$")
                .skip(1)
                .map(|part| part.split('}').next().unwrap().to_owned())
                .collect::<BTreeSet<_>>()
        };
        for key in keys(JA) {
            assert_eq!(variables(Lang::Ja, key), variables(Lang::En, key), "{key}");
        }
    }

    /// Keys in `text("…")`, `textOr("…", "…")` and the fixed beginning of `` text(`…${` ``.
    pub(in crate::pages) fn keys_of_script(source: &str) -> Vec<String> {
        let mut found = Vec::new();
        for call in ["text(", "textOr(", "show("] {
            for (i, _) in source.match_indices(call) {
                let rest = &source[i + call.len()..];
                let Some(quote) = rest.chars().next().filter(|c| ['"', '`'].contains(c)) else {
                    continue;
                };
                found.push(rest[1..].split([quote, '$']).next().unwrap().to_owned());
            }
        }
        found
    }

    fn keys_of_rust(source: &str) -> Vec<String> {
        let mut found = Vec::new();
        for call in ["t(lang, \"", "t_args(lang, \""] {
            found.extend(
                source.split(call).skip(1).map(|rest| rest.split('"').next().unwrap().to_owned()),
            );
        }
        found
    }

    fn sources(folder: &str, ending: &str) -> Vec<String> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        let entries = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
        let of = |path: PathBuf| match path.extension() {
            _ if path.is_dir() => sources(&path.to_string_lossy(), ending),
            Some(found) if found == ending => vec![fs::read_to_string(path).unwrap()],
            Some(_) | None => Vec::new(),
        };
        entries.flat_map(of).collect()
    }

    #[test]
    fn every_key_in_use_exists() {
        let rust = [sources("src/pages", "rs"), sources("src/http", "rs")]
            .concat()
            .iter()
            .flat_map(|source| keys_of_rust(source))
            .collect::<Vec<_>>();
        let script = sources("src/pages/assets", "js")
            .iter()
            .flat_map(|source| keys_of_script(source))
            .collect::<Vec<_>>();
        assert!(rust.len() > 40 && script.len() > 40, "the scan finds the uses");
        for key in rust.iter().chain(&script) {
            let known = keys(JA).any(|known| {
                known == key || (key.ends_with('-') && known.starts_with(key.as_str()))
            });
            assert!(known, "no message for {key}");
        }
    }

    #[test]
    fn every_key_is_in_use() {
        let code = sources("src/pages", "rs").concat()
            + sources("src/http", "rs").concat().as_str()
            + sources("src/pages/assets", "js").concat().as_str();
        let quoted: BTreeSet<&str> = code.split('"').collect();
        let prefixes = |key: &'static str| key.match_indices('-').map(|(i, _)| &key[..=i]);
        let mut known: BTreeSet<&str> = keys(JA).flat_map(prefixes).collect();
        // Names that the data carry: kinds, actions, reasons, roles, steps.
        known.retain(|prefix| {
            code.contains(&format!("`{prefix}${{"))
                || code.contains(&format!("(\"{prefix}{{"))
                || code.contains(&format!("format!(\"{prefix}"))
        });
        for key in keys(JA) {
            let by_prefix = prefixes(key).any(|prefix| known.contains(prefix));
            assert!(quoted.contains(key) || by_prefix, "nothing uses {key}");
        }
    }

    #[test]
    fn every_kind_has_a_name() {
        for kind in Kind::ALL {
            assert_ne!(kind_name(Lang::Ja, *kind), t(Lang::Ja, "kind-unknown"), "{kind:?}");
        }
    }

    #[test]
    fn numbers_and_dates_read_well() {
        let cases = [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")];
        for (value, text) in cases {
            assert_eq!(number(value), text);
        }
        let day = |text| Day::parse(text).unwrap();
        assert_eq!(date(Lang::Ja, day("2026-11-02")), "2026年11月2日");
        for (text, english) in [
            ("2026-01-31", "31 January 2026"),
            ("2026-11-02", "2 November 2026"),
            ("2026-12-01", "1 December 2026"),
        ] {
            assert_eq!(date(Lang::En, day(text)), english);
        }
    }

    #[test]
    fn a_time_is_shown_on_its_own_day_only() {
        let day = |text| Day::parse(text).unwrap();
        // 2026-11-22T15:05:00Z is five past midnight on the 23rd in Japan.
        assert_eq!(time_on(day("2026-11-23"), 1_795_359_900).as_deref(), Some("00:05"));
        assert_eq!(time_on(day("2026-11-22"), 1_795_359_900), None);
        assert_eq!(time_on(day("2026-11-22"), u64::MAX), None);
    }

    #[test]
    fn reasons_kinds_and_actions_have_names() {
        let cap = ReasonJson::from(Reason::Cap(CapOf::All, CapPer::FiscalYear));
        assert_eq!(reason_text(Lang::Ja, &cap), "ポイント全体が、その年度の上限に届きました。");
        let odd = ReasonJson { of: Some(CapOf::Item), ..cap };
        assert_eq!(reason_text(Lang::Ja, &odd), "理由は市の窓口でお答えします。");
        assert_eq!(kind_name(Lang::Ja, Kind::DeviceEnrol), "端末の登録");
        let (per, times_left) = (Some(CapPer::Day), Some(1));
        let left = ReasonJson { per, times_left, ..Reason::Full.into() };
        assert_eq!(reason_text(Lang::Ja, &left), "決まりどおりのポイントです。今日はあと1回です。");
        let soon = ReasonJson::from(Reason::TooSoon(Day::parse("2026-12-05").unwrap()));
        assert!(reason_text(Lang::Ja, &soon).contains("2026年12月5日から"));
    }
}
