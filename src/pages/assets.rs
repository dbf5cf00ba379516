//! The files the pages load, inside the program: no build step, no other origin.

/// One file under `/assets/`.
#[derive(Clone, Copy, Debug)]
pub struct Asset {
    /// Its name after `/assets/`.
    pub path: &'static str,
    /// The `Content-Type` header.
    pub content_type: &'static str,
    /// The file.
    pub bytes: &'static [u8],
}

const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

macro_rules! assets {
    ($($path:literal $content_type:ident,)+) => {
        /// Every file.
        pub const ASSETS: &[Asset] = &[$(Asset {
            path: $path,
            content_type: $content_type,
            bytes: include_bytes!(concat!("assets/", $path)),
        }),+];
    };
}

assets! {
    "action.js" JS,
    "api.js" JS,
    "approve.js" JS,
    "attend.js" JS,
    "cbor.js" JS,
    "code.js" JS,
    "cose.js" JS,
    "desk.js" JS,
    "enrol.js" JS,
    "family.js" JS,
    "first.js" JS,
    "grant.js" JS,
    "holder.js" JS,
    "icon.svg" SVG,
    "keyring.js" JS,
    "kinds.js" JS,
    "links.js" JS,
    "me.js" JS,
    "offline.js" JS,
    "outbox.js" JS,
    "outcome.js" JS,
    "pad.js" JS,
    "page.js" JS,
    "pay.js" JS,
    "perk.js" JS,
    "proof.js" JS,
    "proposal.js" JS,
    "qr.js" JS,
    "record.js" JS,
    "rewards.js" JS,
    "scan.js" JS,
    "settlement.js" JS,
    "sheet.js" JS,
    "shop.js" JS,
    "sound.js" JS,
    "staff.js" JS,
    "store.js" JS,
    "style.css" CSS,
    "sw.js" JS,
    "terminal.js" JS,
    "tour.js" JS,
    "venue.js" JS,
    "verify.js" JS,
}

/// The file with this name after `/assets/`.
#[must_use]
pub fn find(path: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.path == path)
}

/// A script as text, for tests of the pages that load it.
#[cfg(test)]
pub(super) fn text(path: &str) -> &'static str {
    std::str::from_utf8(find(path).unwrap().bytes).unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect_file;
    use ledger_spec::kinds::Kind;

    #[test]
    fn every_import_is_in_the_table() {
        for asset in ASSETS.iter().filter(|asset| asset.content_type == JS) {
            for import in text(asset.path).split(" from \"").skip(1) {
                let import = import.split('"').next().unwrap();
                let name = import.strip_prefix("./").expect("imports are relative");
                assert!(find(name).is_some(), "{} imports {import}", asset.path);
            }
        }
    }

    #[test]
    fn scripts_hold_to_the_policy() {
        // Trusted Types refuse these at run time; here they are found before.
        for asset in ASSETS.iter().filter(|asset| asset.content_type == JS) {
            for banned in [
                "innerHTML",
                "outerHTML",
                "insertAdjacentHTML",
                "document.write",
                "eval(",
                "new Function",
                ".style",
                "http://",
                "https://",
            ] {
                assert!(!text(asset.path).contains(banned), "{} uses {banned}", asset.path);
            }
        }
    }

    #[test]
    fn the_browser_knows_the_kinds_by_their_numbers() {
        let numbers: Vec<usize> = Kind::ALL.iter().map(|kind| *kind as usize).collect();
        assert!(numbers.iter().copied().eq(1..=numbers.len()), "{numbers:?}");
        let names = Kind::ALL.iter().map(|kind| format!("  \"{}\",\n", kind.name()));
        let (head, _) = text("kinds.js").split_once("  null,\n").unwrap();
        let script = format!("{head}  null,\n{}];\n", names.collect::<String>());
        expect_file!["assets/kinds.js"].assert_eq(&script);
    }

    #[test]
    fn unknown_names_find_nothing() {
        assert!(find("../mod.rs").is_none());
        assert!(find("").is_none());
    }
}
