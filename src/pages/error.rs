//! The page for what went wrong: what happened, and what to do next.

use maud::{Markup, html};

use super::frame::{PageFrame, Site, layout};
use super::lang::Lang;
use super::messages::t;

/// What the error page shows, in the reader's language already.
#[derive(Clone, Debug)]
pub struct ErrorPage {
    /// The ledger of the page's frame.
    pub site: Site,
    /// What happened, one sentence.
    pub title: String,
    /// What the reader can do next, one sentence.
    pub next: String,
}

/// The page of a problem.
#[must_use]
pub fn page(lang: Lang, data: &ErrorPage) -> Markup {
    let body = html! {
        h1 { (data.title) }
        h2 { (t(lang, "error-next")) }
        p { (data.next) }
        p { a.button.large href="/" { (t(lang, "error-home")) } }
    };
    layout(
        &PageFrame { lang, site: &data.site, title: &data.title, script: None, texts: &[] },
        &body,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::frame::tests::{check_page, site};

    #[test]
    fn it_says_what_happened_and_what_to_do() {
        for lang in Lang::ALL {
            let (title, next) = ("<img src=x>".to_owned(), "<script>".to_owned());
            let page = page(lang, &ErrorPage { site: site(), title, next });
            check_page(lang, &page);
            assert!(
                page.0.contains("&lt;img src=x&gt;") && page.0.contains("<p>&lt;script&gt;</p>")
            );
        }
    }
}
