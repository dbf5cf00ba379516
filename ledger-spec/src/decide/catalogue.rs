//! The catalogue: items published, claimed, used and taken back.

use alloc::vec;
use alloc::vec::Vec;

use super::case::{Case, Outcome};
use super::consent::{consent, who_agrees};
use super::holder::{judge_link, spoken_for};
use super::limits::REDEEM_AGE_S_MAX;
use super::lots::{balance_after, first_points, given_back, spend, taken};
use super::rejection::Rejection;
use super::standing::check_spending;
use crate::catalogue::{Catalogue, Gives, Item, Unused};
use crate::entry::{Contra, Effect};
use crate::ids::{AccountId, Hash, PlaceId, Seq};
use crate::kinds::{self, Role};
use crate::points::Purse;
use crate::state::{Account, Counter, Hold, Signer, VOUCHERS_MAX};
use crate::statement::{self, Holder};
use crate::time::Day;

/// What publishing a version does. The latest is in force from its approval on; what was claimed
/// keeps its terms.
pub(super) fn publish(
    body: &kinds::CataloguePublish,
    case: &Case<'_>,
) -> Result<Outcome, Rejection> {
    let catalogue = Catalogue::parse(body.document.as_str())?;
    let next = case.state.catalogue().map_or(1, |latest| latest.version + 1);
    if [catalogue.version, body.version] != [next, next] {
        return Err(Rejection::CatalogueNotNext(next));
    }
    let mut earlier = (1..next).filter_map(|version| case.state.catalogues(&version));
    earlier.try_for_each(|earlier| catalogue.check_numbers(earlier))?;
    let shop = |place| case.state.places(place).is_some_and(|row| row.role == Role::Shop);
    if !catalogue.places().all(shop) {
        return Err(Rejection::PlaceMismatch);
    }
    let document = body.document.clone();
    Outcome::without_account(vec![Effect::CatalogueInForce { version: next, document }])
}

/// Exchanges points for an item.
pub(super) fn claim(body: &kinds::RewardClaim, case: &Case<'_>) -> Result<Outcome, Rejection> {
    let today = case.today();
    let programme = case.programme_on(today)?;
    let (catalogue, item) = offered(body, case)?;
    let points = body.points.get();
    let (id, proof) = claimant(item, points, case)?;
    let account = case.account(id)?;
    check_spending(account, today)?;
    if item.purse == Purse::Yen
        && let Some(gate) = account.closed_gate(programme, today)
    {
        return Err(Rejection::GateClosed(gate.rule));
    }
    check_room(account, item, case)?;
    if account.available(item.purse, today) < u64::from(points) {
        return Err(Rejection::InsufficientPoints);
    }

    // From here on the item is claimed.
    let lots = spend(account, programme, item.purse, points, today);
    let (version, number, code) = (catalogue.version, item.number, body.code);
    let until = item.good_until(today);
    let claimed = Effect::RewardClaimed { catalogue: version, item: number, code, until };
    let mut effects = vec![claimed];
    match &item.gives {
        Gives::Voucher { .. } => effects.extend(taken(&lots, Contra::Held(case.state.next_seq()))),
        Gives::Donation { to } | Gives::Currency { to } => {
            effects.extend(taken(&lots, Contra::Shop(*to)));
        }
        Gives::Lottery { .. } => effects.extend(taken(&lots, Contra::Retired)),
        Gives::PerkCard { .. } => {}
    }
    effects.extend(proof);
    effects.push(balance_after(account, &effects, today));
    Outcome::on(id, effects)
}

/// The item of a claim that fits it and today.
fn offered<'a>(
    body: &kinds::RewardClaim,
    case: &Case<'a>,
) -> Result<(&'a Catalogue, &'a Item), Rejection> {
    let disclosure = case.disclosure()?;
    if disclosure.performed_at_s.abs_diff(case.now_s()) > REDEEM_AGE_S_MAX {
        return Err(Rejection::ActNotRecent);
    }
    let catalogue = case.state.catalogue().ok_or(Rejection::RewardUnknown)?;
    let item = catalogue.item_of(body.item.as_str()).ok_or(Rejection::RewardUnknown)?;
    if !item.is_offered(case.today()) || case.state.draws(&item.number).is_some() {
        return Err(Rejection::RewardClosed);
    }
    if !item.takes(body.points.get()) {
        return Err(Rejection::RewardPoints(item.points));
    }
    if body.code.is_some() != item.has_code() {
        return Err(Rejection::RewardCode);
    }
    // The number of the resident's wallet, and nothing where there is none.
    let to_wallet = match &item.gives {
        Gives::Currency { .. } => true,
        Gives::Voucher { .. }
        | Gives::Donation { .. }
        | Gives::PerkCard { .. }
        | Gives::Lottery { .. } => false,
    };
    match (to_wallet, &disclosure.reference) {
        (true, Some(_)) | (false, None) => Ok((catalogue, item)),
        (true, None) | (false, Some(_)) => Err(Rejection::WalletNumber),
    }
}

/// Whose claim it is, and what the proof of it leaves behind: the resident's own phone or the
/// family's, or who stands at a desk, kiosk or till with code or card, as for a redemption.
fn claimant(
    item: &Item,
    points: u32,
    case: &Case<'_>,
) -> Result<(AccountId, Option<Effect>), Rejection> {
    let today = case.today();
    let limits = case.programme_on(today)?.redeem;
    // A perk card takes no points, so no limit of points concerns it.
    let points = if matches!(item.gives, Gives::PerkCard { .. }) { 0 } else { points };
    // Rewards are outside the day's limit; for a phone of yesterday, whoever brought it, all that
    // is spent counts.
    let spent = |account: &AccountId| {
        let row = case.account(*account)?;
        let held: u64 = row.holds.iter().map(Hold::points).sum();
        let charged = u64::from(row.charged(&Counter::of_spending(today)));
        Ok::<_, Rejection>(charged + held + u64::from(points))
    };
    match case.signer {
        Some(Signer::Device(device)) => {
            let id = spoken_for(device, case)?;
            let fresh = today <= device.since.plus(1);
            if fresh && spent(&id)? > u64::from(limits.fresh_device_max_day) {
                return Err(Rejection::FreshDeviceLimit(limits.fresh_device_max_day));
            }
            Ok((id, None))
        }
        Some(Signer::Actor(actor)) if actor.role == Role::System => {
            Ok((opted_in(item, points, case)?, None))
        }
        Some(Signer::Actor(actor)) => {
            let consent = consent(case)?;
            consent.check_points(actor.place, points, limits.fast_lane_max)?;
            let id = consent.account();
            consent.check_day(points, spent(&id)?, limits, case)?;
            Ok((id, Some(consent.effect(case.statement.kid, points))))
        }
        None => Err(Rejection::KeyUnknown),
    }
}

/// The account that has asked the ledger to give away what ends. The system key signs only what
/// follows from the log: the item that the catalogue names for it, and exactly the whole units that
/// end today.
fn opted_in(item: &Item, points: u32, case: &Case<'_>) -> Result<AccountId, Rejection> {
    let (disclosure, today) = (case.disclosure()?, case.today());
    let (Some(Holder::Link(link)), None) = (&disclosure.holder, &disclosure.pin_proof) else {
        return Err(Rejection::HolderNotAccepted);
    };
    // Links with the ledger's own key are for this purpose alone.
    let row = judge_link(link, case.statement.kid, today, case.state)?;
    if !item.auto {
        return Err(Rejection::RewardClosed);
    }
    let account = case.account(row.account)?;
    if account.ending(item.points, today) != points {
        return Err(Rejection::RewardPoints(item.points));
    }
    Ok(row.account)
}

/// Whether the account can hold it, the person may have one more, and one is left.
fn check_room(account: &Account, item: &Item, case: &Case<'_>) -> Result<(), Rejection> {
    let keeps_points = match &item.gives {
        Gives::Voucher { .. } => true,
        Gives::Donation { .. }
        | Gives::Currency { .. }
        | Gives::PerkCard { .. }
        | Gives::Lottery { .. } => false,
    };
    if keeps_points && account.vouchers().count() >= VOUCHERS_MAX {
        return Err(Rejection::VouchersLimit);
    }
    let had = account.charged(&Counter::of_claims(item.number, case.today()));
    if let Some(most) = item.per_person
        && had >= most
    {
        return Err(Rejection::RewardLimit(most));
    }
    let claimed = case.state.claimed(&item.number).copied().unwrap_or(0);
    if item.stock.is_some_and(|stock| claimed >= stock) {
        return Err(Rejection::RewardGone);
    }
    Ok(())
}

/// A claim that has not ended.
struct OpenVoucher<'r> {
    claim: Seq,
    claimed_on: Day,
    account: AccountId,
    row: &'r Account,
    catalogue: &'r Catalogue,
    item: &'r Item,
    /// What a voucher keeps; none for a perk card.
    hold: Option<(&'r Hold, Hash)>,
}

impl<'r> OpenVoucher<'r> {
    fn of(claim: Seq, case: &Case<'r>) -> Result<Self, Rejection> {
        let earlier = case.earlier(claim)?.entry;
        let claimed = earlier.effects.iter().find_map(|effect| {
            let Effect::RewardClaimed { catalogue, item, .. } = effect else { return None };
            Some((*catalogue, *item))
        });
        let (version, number) = claimed.ok_or(Rejection::NotAVoucher)?;
        if let Some(by) = case.state.undone(&claim) {
            return Err(Rejection::VoucherEnded(*by));
        }
        let catalogue = case.state.catalogues(&version).ok_or(Rejection::NotAVoucher)?;
        let item = catalogue.item(number).ok_or(Rejection::NotAVoucher)?;
        let account = earlier.subject.ok_or(Rejection::NotAVoucher)?.account;
        let row = case.account(account)?;
        let hold =
            row.vouchers().find_map(|(hold, code)| (hold.seq == claim).then_some((hold, code)));
        let claimed_on = earlier.accepted_day();
        Ok(Self { claim, claimed_on, account, row, catalogue, item, hold })
    }

    fn voucher(&self) -> Result<(&'r Hold, Hash), Rejection> {
        self.hold.ok_or(Rejection::NotAVoucher)
    }

    /// The voucher ends: all comes back to its lots, then these leave them for others.
    fn ended(
        &self,
        returned: bool,
        gone: impl Iterator<Item = Effect>,
        today: Day,
    ) -> Result<Outcome, Rejection> {
        let lots = self.hold.map_or(&[][..], |(hold, _)| &hold.lots);
        let back = given_back(lots, Contra::Held(self.claim));
        let (claim, item, claimed_on) = (self.claim, self.item.number, self.claimed_on);
        let ended = Effect::RewardEnded { claim, item, claimed_on, returned };
        let mut effects: Vec<Effect> = back.chain([ended]).chain(gone).collect();
        effects.push(balance_after(self.row, &effects, today));
        Outcome::on(self.account, effects)
    }
}

/// A terminal takes a voucher: its shop gets what the item says, the rest of the points is given
/// up.
pub(super) fn use_voucher(body: &kinds::RewardUse, case: &Case<'_>) -> Result<Outcome, Rejection> {
    let shop = shop_of(case)?;
    let open = OpenVoucher::of(body.voucher, case)?;
    let (hold, code) = open.voucher()?;
    if statement::voucher_hash(&body.secret) != code {
        return Err(Rejection::VoucherSecret);
    }
    if !open.catalogue.honours(open.item, &shop) {
        return Err(Rejection::VoucherElsewhere);
    }
    if case.now_s() >= hold.until_s {
        return Err(Rejection::VoucherExpired);
    }
    check_spending(open.row, case.today())?;

    // From here on the voucher is used.
    let receives = match open.item.gives {
        Gives::Voucher { receives, .. } => receives,
        Gives::Donation { .. }
        | Gives::Currency { .. }
        | Gives::PerkCard { .. }
        | Gives::Lottery { .. } => 0,
    };
    let paid = first_points(&hold.lots, receives);
    let mut given_up = hold.lots.clone();
    for part in &paid {
        let lot = given_up.iter_mut().find(|lot| lot.key == part.key);
        lot.into_iter().for_each(|lot| lot.points -= part.points);
    }
    given_up.retain(|lot| lot.points > 0);
    let gone = taken(&paid, Contra::Shop(shop)).chain(taken(&given_up, Contra::Retired));
    open.ended(false, gone, case.today())
}

/// Takes a voucher back, by a shop that would have to honour it or by staff, or a perk card, by
/// staff.
pub(super) fn cancel(body: &kinds::RewardCancel, case: &Case<'_>) -> Result<Outcome, Rejection> {
    let open = OpenVoucher::of(body.voucher, case)?;
    let perk_card = matches!(open.item.gives, Gives::PerkCard { .. });
    if !perk_card {
        open.voucher()?;
    }
    if case.actor()?.role == Role::Shop && !open.catalogue.honours(open.item, &shop_of(case)?) {
        return Err(Rejection::VoucherElsewhere);
    }
    open.ended(true, core::iter::empty(), case.today())
}

/// Binds a voucher to another secret, for who has lost the phone with the first one.
pub(super) fn rebind(body: &kinds::RewardRebind, case: &Case<'_>) -> Result<Outcome, Rejection> {
    let (account, proof) = who_agrees(case)?;
    let open = OpenVoucher::of(body.voucher, case)?;
    if open.account != account {
        return Err(Rejection::NotAVoucher);
    }
    open.voucher()?;
    let rebound = Effect::RewardRebound { claim: body.voucher, code: body.code };
    Outcome::on(account, core::iter::once(rebound).chain(proof).collect())
}

/// The server's own `release` of a voucher whose last day is over.
pub(super) fn release(body: &kinds::Release, case: &Case<'_>) -> Result<Outcome, Rejection> {
    if case.actor()?.role != Role::System {
        return Err(Rejection::NotAHold);
    }
    let open = OpenVoucher::of(body.hold, case)?;
    let (hold, _) = open.voucher()?;
    if case.now_s() < hold.until_s {
        return Err(Rejection::ReleaseEarly);
    }
    let lapses = match open.item.gives {
        Gives::Voucher { unused, .. } => unused == Unused::Lapse,
        Gives::Donation { .. }
        | Gives::Currency { .. }
        | Gives::PerkCard { .. }
        | Gives::Lottery { .. } => false,
    };
    let lots = if lapses { &hold.lots[..] } else { &[] };
    open.ended(!lapses, taken(lots, Contra::Retired), case.today())
}

fn shop_of(case: &Case<'_>) -> Result<PlaceId, Rejection> {
    case.actor()?.place.ok_or(Rejection::OtherShop)
}
