//! The pages of stations and coaches: read a code or card, say what was done, show the points. The
//! actions come from the programme; nothing of one person is on the screen when the next one comes.

use maud::{Markup, html};

use super::frame::{PageFrame, Site, layout, problem_box};
use super::lang::Lang;
use super::messages::t;
use super::scan::{PICTURES_SENT, mute, outcome, pad, role_head, scan_box};

/// Who records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorder {
    /// A measuring station.
    Station,
    /// A nurse, dietitian or partner service.
    Coach,
}

impl Recorder {
    fn role(self) -> &'static str {
        match self {
            Self::Station => "station",
            Self::Coach => "coach",
        }
    }

    fn title(self, lang: Lang) -> String {
        match self {
            Self::Station => t(lang, "record-station-title"),
            Self::Coach => t(lang, "record-coach-title"),
        }
    }
}

const TEXTS: [&str; 9] = [
    "record-",
    "left-",
    "reason-",
    "scan-",
    "terminal-",
    "retry-",
    "problem-",
    "me-number",
    "browser-cannot",
];

/// The page at `/{ledger}/station` or `/{ledger}/coach`.
#[must_use]
pub fn page(lang: Lang, site: &Site, recorder: Recorder) -> Markup {
    let title = recorder.title(lang);
    let body = html! {
        (role_head(lang, site, recorder.role(), &title))
        div #work.terminal.single data-role=(recorder.role()) hidden {
            div {
                (problem_box())
                section data-step="scan" aria-labelledby="scan-title" {
                    h2 #scan-title { (t(lang, "record-scan")) }
                    (scan_box(lang, PICTURES_SENT))
                }
                section data-step="action" aria-labelledby="action-title" hidden { (action(lang)) }
                (outcome(lang, false))
            }
            section {
                p.note { (t(lang, "record-privacy")) }
                @if recorder == Recorder::Station {
                    p { a href={ "/" (site.ledger) "/venue" } { (t(lang, "venue-open")) } }
                }
                (mute(lang))
            }
        }
        template #pad { (pad(lang, None, true)) }
    };
    layout(
        &PageFrame { lang, site, title: &title, script: Some("record.js"), texts: &TEXTS },
        &body,
    )
}

fn action(lang: Lang) -> Markup {
    html! {
        h2 #action-title tabindex="-1" { (t(lang, "record-action-title")) }
        form #action novalidate {
            fieldset {
                legend { (t(lang, "record-action")) }
                div #rules.choices {}
                p #rules-none hidden { (t(lang, "record-no-rules")) }
            }
            div #exact-box hidden {
                label for="exact" { (t(lang, "record-exact")) }
                select #exact name="exact" {}
                p.note { (t(lang, "record-exact-note")) }
            }
            div #reference-box hidden {
                label for="reference" { (t(lang, "record-reference")) }
                input #reference name="reference" maxlength="20" autocomplete="off";
            }
            div #values {}
            p.row {
                button #record.button.large { (t(lang, "record-record")) }
                button #rescan.button.quiet type="button" { (t(lang, "terminal-rescan")) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ledger_spec::statement::Measure;

    use super::*;
    use crate::pages::frame::tests::{check_page, site};

    #[test]
    fn both_recorders_have_a_page_of_their_own() {
        for (recorder, role) in [(Recorder::Station, "station"), (Recorder::Coach, "coach")] {
            for lang in Lang::ALL {
                let page = page(lang, &site(), recorder);
                check_page(lang, &page);
                assert!(page.0.contains(&format!("data-role=\"{role}\"")));
                assert!(page.0.contains(&format!("/terminal?role={role}\"")));
            }
        }
    }

    /// Whatever a programme measures has a field, with the number and range of the format.
    #[test]
    fn every_measure_has_a_field_and_a_label() {
        let script = include_str!("assets/record.js");
        for measure in Measure::ALL.iter().copied() {
            let head = format!("\n  {}: {{ name: \"", measure.name());
            let field = script.split_once(&head).map_or("", |(_, rest)| rest);
            let (name, rest) =
                field.split_once('"').unwrap_or_else(|| panic!("{}", measure.name()));
            let range = measure.range();
            let within = match measure {
                Measure::LevelTenths => "tenths: true, min: 0.1, max: 12 }".to_owned(),
                Measure::SystolicMmhg
                | Measure::DiastolicMmhg
                | Measure::Minutes
                | Measure::Steps => format!("min: {}, max: {} }}", range.start(), range.end()),
            };
            let expected = format!(", key: {}, {within}", measure as u8);
            assert!(rest.starts_with(&expected), "{}: {expected}", measure.name());
            for lang in Lang::ALL {
                let page = page(lang, &site(), Recorder::Station);
                let label = format!("\"record-value-{name}\"");
                assert!(page.0.contains(&label), "{label}");
            }
        }
    }
}
