//! Lines of stories about what lets somebody in: PINs, lost phones, what is stopped.

use ledger_spec::{
    ids::{CardHash, Kid},
    kinds::{AccountJoin, Body, CardPin, DeviceRevoke, PinGrounds, Resume, Suspend},
    statement::card_hash,
};

use super::code;
use crate::world::{account, card, kid};

/// PINs, the end of phones, what is stopped by telephone.
pub(super) fn access<'o>(line: (&str, &[&str]), option: &dyn Fn(&str) -> Option<&'o str>) -> Body {
    match line {
        ("merges", [name, "into", other]) => {
            Body::AccountJoin(AccountJoin { account: account(name), into: account(other) })
        }
        ("ends", ["phone", phone]) => Body::DeviceRevoke(DeviceRevoke { kid: kid(phone) }),
        ("suspends", words) => {
            let (card, kid) = card_or_key(words);
            Body::Suspend(Suspend { card, kid })
        }
        ("resumes", words) => {
            let (card, kid) = card_or_key(words);
            Body::Resume(Resume { card, kid })
        }
        ("sets", ["pin", "of", name]) => Body::CardPin(CardPin {
            card: card_hash(&card(name)),
            grounds: code(PinGrounds::ALL, option("on").unwrap_or("first")),
        }),
        other => panic!("no such statement: {other:?}"),
    }
}

/// `card of NAME`, `NAME`, or both with an `and` between them.
fn card_or_key(words: &[&str]) -> (Option<CardHash>, Option<Kid>) {
    match words {
        ["card", "of", name] => (Some(card_hash(&card(name))), None),
        ["card", "of", name, "and", key] => (Some(card_hash(&card(name))), Some(kid(key))),
        ["nothing"] => (None, None),
        [name] => (None, Some(kid(name))),
        _ => panic!("neither card nor key: {words:?}"),
    }
}
