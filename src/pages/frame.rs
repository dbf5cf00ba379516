//! The frame that all pages share, and what it is made of.

use maud::{DOCTYPE, Markup, html};

use super::lang::Lang;
use super::messages::{keys_under, t};

/// The ledger that a page speaks of.
#[derive(Clone, Debug)]
pub struct Site {
    /// The ledger's name in addresses, such as `yaizu-demo`.
    pub ledger: String,
    /// The programme's name for people.
    pub name: String,
    /// The origin in the first line of its checkpoints.
    pub origin: String,
    /// A demo ledger: shows the banner that everything is fictitious, and the ways in for
    /// strangers.
    pub demo: bool,
    /// What the page's address carries beside the language, such as `before=12`; the language
    /// switch keeps it.
    pub query: String,
}

/// Writes a page that is the same for everyone.
pub type Fixed = fn(Lang, &Site) -> Markup;

/// What [`layout`] needs beside the body.
pub(super) struct PageFrame<'a> {
    pub(super) lang: Lang,
    pub(super) site: &'a Site,
    pub(super) title: &'a str,
    /// The browser code of the page, a file under `assets/`.
    pub(super) script: Option<&'a str>,
    /// Keys of the sentences for the browser code; one that ends in `-` stands for all keys under
    /// it.
    pub(super) texts: &'a [&'a str],
}

/// The frame that all pages share: skip link, demo banner, language switch, footer.
pub(super) fn layout(frame: &PageFrame<'_>, body: &Markup) -> Markup {
    let lang = frame.lang;
    html! {
        (DOCTYPE)
        html lang=(lang.tag()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (frame.title) " | " (t(lang, "brand")) }
                link rel="stylesheet" href="/assets/style.css";
                link rel="icon" href="/assets/icon.svg" type="image/svg+xml";
                @if let Some(script) = frame.script {
                    script type="module" src={ "/assets/" (script) } {}
                }
            }
            body {
                a.skip href="#main" { (t(lang, "skip")) }
                header {
                    @if frame.site.demo { p.demo { (t(lang, "demo-banner")) } }
                    div.bar {
                        a.brand href="/" { (t(lang, "brand")) }
                        span.ledger { (frame.site.name) }
                        (language_switch(lang, &frame.site.query))
                    }
                }
                main #main tabindex="-1" data-ledger=(frame.site.ledger) data-origin=(frame.site.origin) {
                    (body)
                    @if frame.script.is_some() { noscript { p.notice { (t(lang, "noscript")) } } }
                }
                footer {
                    p { (t(lang, "footer-promise")) }
                    p {
                        a href="/" { (t(lang, "footer-home")) } " "
                        a href="/verify" { (t(lang, "footer-verify")) }
                    }
                    p { small { (t(lang, "footer-qr")) } }
                }
                (texts(lang, frame.texts))
            }
        }
    }
}

fn language_switch(lang: Lang, query: &str) -> Markup {
    let and = if query.is_empty() { "" } else { "&" };
    html! {
        nav.languages aria-label=(t(lang, "switch-label")) {
            @for other in Lang::ALL {
                a href={ "?" (query) (and) "lang=" (other.tag()) } lang=(other.tag()) hreflang=(other.tag())
                    aria-current=[(other == lang).then_some("true")] { (other.name()) }
            }
        }
    }
}

fn texts(lang: Lang, keys: &[&str]) -> Markup {
    html! {
        @if !keys.is_empty() {
            template id="texts" {
                @for key in keys.iter().flat_map(|key| keys_under(key)) {
                    p data-key=(key) { (t(lang, key)) }
                }
            }
        }
    }
}

/// The box for problems that the browser code fills; it takes the focus when it appears.
pub(super) fn problem_box() -> Markup {
    html! { div #problem.problem role="alert" tabindex="-1" hidden {} }
}

/// A question before something that cannot be taken back; `confirmed` of `assets/page.js` asks it.
pub(super) fn confirm_box(lang: Lang, title: &str, yes: &str, no: &str) -> Markup {
    html! {
        dialog #confirm aria-labelledby="confirm-title" {
            h2 #confirm-title { (t(lang, title)) }
            p #confirm-what {}
            p.row {
                button.button type="button" value="yes" { (t(lang, yes)) }
                button.button.quiet type="button" value="no" { (t(lang, no)) }
            }
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::pages::{assets, messages};

    pub(in crate::pages) fn site() -> Site {
        Site {
            ledger: "yaizu-demo".into(),
            name: "やいづ健康マイレージ<script>".into(),
            origin: "localhost:8080/yaizu-demo".into(),
            demo: true,
            query: String::new(),
        }
    }

    /// What must be true of every page, and of the sentences its browser code asks for.
    pub(in crate::pages) fn check_page(lang: Lang, page: &Markup) {
        let html = page.0.as_str();
        assert!(html.starts_with("<!DOCTYPE html>"));
        assert!(html.contains(&format!("<html lang=\"{}\">", lang.tag())));
        assert_eq!(html.matches("<h1").count(), 1, "one main heading");
        assert_eq!(html.matches("<main").count(), 1);
        assert!(html.contains("やいづ健康マイレージ&lt;script&gt;"), "names are escaped");
        assert!(!html.contains(" style=") && !html.contains("<style"), "no inline style");
        assert!(!html.contains(" onclick=") && !html.contains("javascript:"), "no inline script");
        assert_eq!(
            html.matches("<script").count(),
            html.matches("<script type=\"module\" src=").count()
        );
        assert!(html.contains(&t(lang, "footer-qr")));
        for (i, _) in html.match_indices(" id=\"") {
            let id = html[i + 5..].split('"').next().unwrap();
            assert_eq!(html.matches(&format!(" id=\"{id}\"")).count(), 1, "id {id} is used twice");
        }
        check_texts(html);
    }

    /// Every key that the page's module, or a module it imports, asks for stands in its template.
    fn check_texts(html: &str) {
        let Some((_, after)) = html.split_once("src=\"/assets/") else { return };
        let mut open = vec![after.split('"').next().unwrap().to_owned()];
        let mut seen = Vec::new();
        while let Some(name) = open.pop() {
            if seen.contains(&name) {
                continue;
            }
            let source = assets::text(&name);
            for (_, rest) in
                source.match_indices(" from \"./").map(|(i, m)| source.split_at(i + m.len()))
            {
                open.push(rest.split('"').next().unwrap().to_owned());
            }
            // The shared helper names prefixes that only some pages use.
            if name != "page.js" {
                for key in messages::tests::keys_of_script(source) {
                    let found = html.contains(&format!("data-key=\"{key}"));
                    assert!(found, "{name} asks for {key}, which the page does not carry");
                }
            }
            seen.push(name);
        }
    }

    #[test]
    fn the_language_switch_keeps_the_rest_of_the_address() {
        let switch = language_switch(Lang::Ja, "before=12&show=<b>").0;
        assert!(switch.contains("href=\"?before=12&amp;show=&lt;b&gt;&amp;lang=en\""), "{switch}");
        assert!(language_switch(Lang::Ja, "").0.contains("href=\"?lang=en\""));
    }
}
