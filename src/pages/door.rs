//! The doors for shops, stations and coaches: what they do, what they see and never see, how to try
//! it.

use maud::{Markup, html};

use super::frame::{PageFrame, Site, layout};
use super::lang::Lang;
use super::messages::t;

/// Who stands at the door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visitor {
    /// A partner shop.
    Shop,
    /// A measuring station.
    Station,
    /// A nurse, dietitian or partner service.
    Coach,
}

impl Visitor {
    /// The door's name in `/for/{name}`.
    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Self::Shop => "shops",
            Self::Station => "stations",
            Self::Coach => "coaches",
        }
    }

    /// The door of a name in `/for/{name}`.
    #[must_use]
    pub fn from_path(path: &str) -> Option<Self> {
        [Self::Shop, Self::Station, Self::Coach].into_iter().find(|visitor| visitor.path() == path)
    }

    /// The page of the role, below the ledger's name.
    fn role(self) -> &'static str {
        match self {
            Self::Shop => "shop",
            Self::Station => "station",
            Self::Coach => "coach",
        }
    }

    fn program(self) -> &'static str {
        match self {
            Self::Shop => "shop.py",
            Self::Station => "station.py",
            Self::Coach => "coach.py",
        }
    }

    /// Title, what they do, see and never see.
    fn sentences(self, lang: Lang) -> [String; 4] {
        match self {
            Self::Shop => [
                t(lang, "for-shops-title"),
                t(lang, "for-shops-do"),
                t(lang, "for-shops-see"),
                t(lang, "for-shops-never"),
            ],
            Self::Station => [
                t(lang, "for-stations-title"),
                t(lang, "for-stations-do"),
                t(lang, "for-stations-see"),
                t(lang, "for-stations-never"),
            ],
            Self::Coach => [
                t(lang, "for-coaches-title"),
                t(lang, "for-coaches-do"),
                t(lang, "for-coaches-see"),
                t(lang, "for-coaches-never"),
            ],
        }
    }
}

/// What a door page shows.
#[derive(Clone, Debug)]
pub struct Door {
    /// The ledger of the page.
    pub site: Site,
    /// Who stands at the door.
    pub visitor: Visitor,
    /// The server's base URL for the command line, such as `http://localhost:8080`.
    pub base_url: String,
}

/// The page at `/for/shops`, `/for/stations` or `/for/coaches`.
#[must_use]
pub fn page(lang: Lang, data: &Door) -> Markup {
    let [title, does, sees, never] = data.visitor.sentences(lang);
    let command = format!(
        "python3 ledger-spec/examples/{} --url {} --ledger {} --keys kenmai-data/demo-keys",
        data.visitor.program(),
        data.base_url,
        data.site.ledger
    );
    let body = html! {
        h1 { (title) }
        (facts(lang, &does, &sees, &never))
        @if data.visitor == Visitor::Shop {
            p { a.button.quiet href={ "/" (data.site.ledger) "/perk" } { (t(lang, "perk-title")) } }
        }
        @if data.site.demo {
            h2 { (t(lang, "for-try")) }
            p { a.button.large href="/tour" { (t(lang, "for-tour")) } }
            p {
                a.button.quiet href={ "/" (data.site.ledger) "/" (data.visitor.role()) } { (t(lang, "for-terminal")) }
            }
            p { (t(lang, "for-command")) }
            pre tabindex="0" { code { (command) } }
        }
    };
    layout(&PageFrame { lang, site: &data.site, title: &title, script: None, texts: &[] }, &body)
}

/// The three paragraphs of every door.
pub(super) fn facts(lang: Lang, does: &str, sees: &str, never: &str) -> Markup {
    html! {
        dl.facts {
            div { dt { (t(lang, "for-do")) } dd { (does) } }
            div { dt { (t(lang, "for-see")) } dd { (sees) } }
            div { dt { (t(lang, "for-never")) } dd { (never) } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::frame::tests::{check_page, site};

    #[test]
    fn each_door_leads_to_the_tour_and_to_its_own_program() {
        for (path, program) in
            [("shops", "shop.py"), ("stations", "station.py"), ("coaches", "coach.py")]
        {
            let visitor = Visitor::from_path(path).unwrap();
            for lang in Lang::ALL {
                let page = page(
                    lang,
                    &Door { site: site(), visitor, base_url: "http://localhost:8080".into() },
                );
                check_page(lang, &page);
                let command =
                    format!("examples/{program} --url http://localhost:8080 --ledger yaizu-demo");
                assert!(page.0.contains(&command) && page.0.contains("href=\"/tour\""));
                let terminal = format!("href=\"/yaizu-demo/{}\"", visitor.role());
                assert!(page.0.contains(&terminal), "{path}");
            }
        }
        assert_eq!(Visitor::from_path("city"), None);
    }
}
