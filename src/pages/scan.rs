//! The box in which every scanning page reads a code, and what all pages of terminals share.

use maud::{Markup, html};

use super::frame::Site;
use super::lang::Lang;
use super::messages::t;

/// The `Permissions-Policy` header of pages that scan.
pub const CAMERA_ALLOWED: &str = "camera=(self)";
/// The same header of all other pages.
pub const CAMERA_FORBIDDEN: &str = "camera=()";

/// The keys of a pad for numbers. `.` stands in the reader's own keyboard too, `back` takes the
/// last one away.
const KEYS: [&str; 12] = ["7", "8", "9", "4", "5", "6", "1", "2", "3", ".", "0", "back"];

/// What the pages of tills, stations and coaches say of pictures: where the browser cannot read
/// codes, the server does.
pub(super) const PICTURES_SENT: &str = "scan-not-kept";

/// Camera, field for a scanner or the keyboard, photograph; driven by `assets/scan.js`. `pictures`
/// is the sentence that says where pictures go.
pub(super) fn scan_box(lang: Lang, pictures: &str) -> Markup {
    html! {
        div #scan {
            video muted playsinline hidden aria-label=(t(lang, "scan-video")) {}
            p role="status" aria-live="polite" data-scan="say" {}
            p { button.button.large type="button" data-scan="camera" { (t(lang, "scan-start")) } }
            form.row {
                label for="code" { (t(lang, "scan-field")) }
                input #code data-scan="field" name="code" autocomplete="off" autocapitalize="off" autocorrect="off"
                    spellcheck="false" enterkeyhint="done" maxlength="1024";
                button.button.quiet { (t(lang, "scan-enter")) }
            }
            details {
                summary { (t(lang, "scan-other-ways")) }
                label for="photo" { (t(lang, "scan-photo")) }
                input #photo data-scan="photo" type="file" accept="image/*" capture="environment";
                p.note { (t(lang, pictures)) }
            }
        }
    }
}

/// Large keys that `assets/pad.js` connects with a field.
pub(super) fn pad(lang: Lang, id: Option<&str>, decimal: bool) -> Markup {
    html! {
        div.pad id=[id] role="group" aria-label=(t(lang, "pad-label")) {
            @for key in KEYS {
                @if key == "back" {
                    button.key type="button" data-key=(key) aria-label=(t(lang, "pad-back")) { "⌫" }
                } @else {
                    button.key type="button" data-key=(key) disabled[key == "." && !decimal] { (key) }
                }
            }
        }
    }
}

/// The head of a role's page: its tabs, where it stands, what is missing until the key is
/// registered.
pub(super) fn role_head(lang: Lang, site: &Site, role: &str, title: &str) -> Markup {
    html! {
        nav #tabs.tabs aria-label=(t(lang, "terminal-tabs")) hidden {}
        h1 { (title) " " small #place lang="ja" {} }
        div #start {
            p #start-say role="status" aria-live="polite" { (t(lang, "terminal-opening")) }
            p #start-link hidden {
                a.button href={ "/" (site.ledger) "/terminal?role=" (role) } { (t(lang, "terminal-to-enrolment")) }
            }
        }
    }
}

/// The last step of a role's page: the outcome, and what can be done next.
pub(super) fn outcome(lang: Lang, change: bool) -> Markup {
    html! {
        section data-step="result" hidden {
            div #result.outcome role="status" aria-live="assertive" tabindex="-1" {}
            p.row {
                button #again.button.large type="button" hidden { (t(lang, "terminal-again")) }
                @if change { button #change.button.large type="button" hidden { (t(lang, "shop-change")) } }
                button #next.button.large type="button" hidden { (t(lang, "terminal-next")) }
            }
        }
    }
}

/// The button that turns the sounds off.
pub(super) fn mute(lang: Lang) -> Markup {
    html! { p { button #mute.button.quiet type="button" aria-pressed="false" { (t(lang, "terminal-mute")) } } }
}
