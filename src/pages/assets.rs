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

macro_rules! asset {
    ($path:literal, $content_type:expr) => {
        Asset {
            path: $path,
            content_type: $content_type,
            bytes: include_bytes!(concat!("assets/", $path)),
        }
    };
}

/// Every file, in alphabetical order.
pub const ASSETS: [Asset; 42] = [
    asset!("api.js", JS),
    asset!("approve.js", JS),
    asset!("attend.js", JS),
    asset!("cbor.js", JS),
    asset!("code.js", JS),
    asset!("cose.js", JS),
    asset!("deed.js", JS),
    asset!("desk.js", JS),
    asset!("enrol.js", JS),
    asset!("family.js", JS),
    asset!("first.js", JS),
    asset!("grant.js", JS),
    asset!("holder.js", JS),
    asset!("icon.svg", SVG),
    asset!("keyring.js", JS),
    asset!("links.js", JS),
    asset!("me.js", JS),
    asset!("offline.js", JS),
    asset!("outbox.js", JS),
    asset!("outcome.js", JS),
    asset!("pad.js", JS),
    asset!("page.js", JS),
    asset!("pay.js", JS),
    asset!("perk.js", JS),
    asset!("proof.js", JS),
    asset!("proposal.js", JS),
    asset!("qr.js", JS),
    asset!("rewards.js", JS),
    asset!("scan.js", JS),
    asset!("settlement.js", JS),
    asset!("sheet.js", JS),
    asset!("shop.js", JS),
    asset!("sound.js", JS),
    asset!("staff.js", JS),
    asset!("store.js", JS),
    asset!("style.css", CSS),
    asset!("sw.js", JS),
    asset!("terminal.js", JS),
    asset!("tour.js", JS),
    asset!("venue.js", JS),
    asset!("verify.js", JS),
    asset!("record.js", JS),
];

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
    fn unknown_names_find_nothing() {
        assert!(find("../mod.rs").is_none());
        assert!(find("").is_none());
    }
}
