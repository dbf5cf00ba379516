//! Holds: points that a shop reserved are taken in part or in full, or come back. A hold ends once.

use alloc::vec::Vec;

use super::case::{Case, Outcome};
use super::lots::{balance_after, first_points, given_back, taken};
use super::rejection::Rejection;
use super::spending::{Wish, judge};
use crate::entry::{Contra, Effect};
use crate::ids::{AccountId, PlaceId, Seq};
use crate::kinds::{self, Body, Role};
use crate::state::{Account, Actor, Hold};

/// A redemption that the shop completes, in part or in full, before a deadline.
pub(super) fn hold(body: &kinds::Hold, case: &Case<'_>) -> Result<Outcome, Rejection> {
    let (shop, points, until_s) = (body.shop, body.points.get(), body.until_s);
    let wish = Wish { shop, points, goods: body.goods, until_s: Some(until_s) };
    let payment = judge(&wish, case)?;
    let opened = Effect::HoldOpened { shop, until_s };
    let postings = payment.postings(Contra::Held(case.state.next_seq()));
    let effects = [opened].into_iter().chain(postings).collect();
    payment.outcome(effects, case.today())
}

/// An open hold and the account whose points it keeps.
struct OpenHold<'r> {
    account: AccountId,
    row: &'r Account,
    shop: PlaceId,
    hold: &'r Hold,
}

/// The open hold that an entry made, for the shop whose it is or for the system.
fn open_hold<'a>(seq: Seq, signer: &Actor, case: &Case<'a>) -> Result<OpenHold<'a>, Rejection> {
    let earlier = case.earlier(seq)?;
    let made = &earlier.statement.core.body;
    let (Body::Hold(made), Some(subject)) = (made, earlier.entry.subject) else {
        return Err(Rejection::NotAHold);
    };
    if signer.role == Role::Shop && signer.place != Some(made.shop) {
        return Err(Rejection::OtherShop);
    }
    if let Some(by) = case.state.undone(&seq) {
        return Err(Rejection::HoldEnded(*by));
    }
    let row = case.account(subject.account)?;
    let hold = row.holds.iter().find(|hold| hold.seq == seq).ok_or(Rejection::NotAHold)?;
    Ok(OpenHold { account: subject.account, row, shop: made.shop, hold })
}

impl OpenHold<'_> {
    /// Everything comes back to its lots, the hold has ended.
    fn freed(&self) -> Vec<Effect> {
        let back = given_back(&self.hold.lots, Contra::Held(self.hold.seq));
        back.chain([Effect::HoldEnded { hold: self.hold.seq }]).collect()
    }
}

pub(super) fn capture(body: &kinds::Capture, case: &Case<'_>) -> Result<Outcome, Rejection> {
    let open = open_hold(body.hold, case.actor()?, case)?;
    if case.now_s() >= open.hold.until_s {
        return Err(Rejection::HoldExpired);
    }
    let held = open.hold.points();
    if u64::from(body.points.get()) > held {
        return Err(Rejection::CaptureExceeds(held));
    }

    // From here on the capture is accepted: all comes back, and the shop gets its part in the order
    // it was taken.
    let captured = first_points(&open.hold.lots, body.points.get());
    let mut effects = open.freed();
    effects.extend(taken(&captured, Contra::Shop(open.shop)));
    effects.push(balance_after(open.row, &effects, case.today()));
    Outcome::on(open.account, effects)
}

pub(super) fn release(body: &kinds::Release, case: &Case<'_>) -> Result<Outcome, Rejection> {
    let signer = case.actor()?;
    let open = open_hold(body.hold, signer, case)?;
    if signer.role == Role::System && case.now_s() < open.hold.until_s {
        return Err(Rejection::ReleaseEarly);
    }

    // From here on the hold is released.
    let mut effects = open.freed();
    effects.push(balance_after(open.row, &effects, case.today()));
    Outcome::on(open.account, effects)
}
