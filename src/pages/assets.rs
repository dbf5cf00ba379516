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
    "links.js" JS,
    "me.js" JS,
    "numbers.js" JS,
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
    use std::collections::BTreeSet;

    use super::*;
    use expect_test::expect_file;
    use ledger_spec::kinds::{Cause, Flow, Kind, PinGrounds, Purpose, Role};
    use ledger_spec::points::{Fund, Purse};

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

    /// A list of the browser's: each name of a table at the place of its number.
    fn list<T: Copy>(
        name: &str,
        of: &str,
        all: &[T],
        named: impl Fn(T) -> (usize, &'static str),
    ) -> String {
        let numbers = all.iter().map(|one| named(*one).0);
        assert!(numbers.eq(1..=all.len()), "{name}: numbers count up from 1");
        let names = all.iter().map(|one| format!("  \"{}\",\n", named(*one).1));
        let names: String = names.collect();
        format!(
            "\n/** {of} by number; entry 0 does not exist. */\nexport const {name} = [\n  null,\n{names}];\n"
        )
    }

    #[test]
    fn the_browser_knows_the_kinds_and_codes_by_their_numbers() {
        let lists = [
            list("KINDS", "Names of the kinds", Kind::ALL, |kind| (kind as usize, kind.name())),
            list("ROLES", "The roles of keys", Role::ALL, |role| (role as usize, role.name())),
            list("PURPOSES", "The purposes of links", Purpose::ALL, |of| (of as usize, of.name())),
            list("PIN_GROUNDS", "On what grounds a PIN is set", PinGrounds::ALL, |grounds| {
                (grounds as usize, grounds.name())
            }),
            list("CAUSES", "Why the city corrects something", Cause::ALL, |cause| {
                (cause as usize, cause.name())
            }),
            list("PURSES", "The purses of points", Purse::ALL, |purse| {
                (purse as usize, purse.name())
            }),
            list("FUNDS", "The funds that pay for points", Fund::ALL, |fund| {
                (fund as usize, fund.name())
            }),
        ];
        let (head, _) = text("numbers.js").split_once("\n/**").unwrap();
        expect_file!["assets/numbers.js"].assert_eq(&format!("{head}{}", lists.concat()));
    }

    /// What the page cannot explain it does not let the second person sign.
    #[test]
    fn the_browser_explains_every_proposal() {
        // These are proposals by what they are about: the key of a root or of the server, an act
        // that two grant, a PIN without the old one, rows that need two.
        let some = [Kind::KeyRevoke, Kind::Action, Kind::CardPin, Kind::Manifest];
        let can_be_proposed = |kind: &&Kind| kind.is(Flow::Proposal) || some.contains(kind);
        let (_, facts) = text("proposal.js").split_once("\nconst FACTS = {\n").unwrap();
        let (facts, _) = facts.split_once("\n};").unwrap();
        let own = facts.lines().filter_map(|line| line.strip_prefix("  ")?.split_once([':', ',']));
        let own = own.filter(|(name, _)| !name.starts_with([' ', ']', '[']));
        let explained: BTreeSet<&str> = own.map(|(name, _)| name.trim_matches('"')).collect();
        let proposed = Kind::ALL.iter().filter(can_be_proposed).map(|kind| kind.name());
        assert_eq!(explained, proposed.collect());
    }

    #[test]
    fn unknown_names_find_nothing() {
        assert!(find("../mod.rs").is_none());
        assert!(find("").is_none());
    }
}
