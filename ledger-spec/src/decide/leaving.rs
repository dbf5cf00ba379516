//! Leaving and being forgotten: an account ends by its resident's word, and two persons erase what
//! is known of who has left.

use alloc::vec;
use alloc::vec::Vec;

use super::case::{Case, Outcome};
use super::consent::at_desk;
use super::holder::names_nobody;
use super::lots::{balance_after, taken};
use super::rejection::Rejection;
use crate::entry::{Contra, Effect};
use crate::ids::AccountId;
use crate::kinds::{self, Body, Kind, Status};
use crate::programme::Leaving;
use crate::state::{Account, Lot, Signer};

/// Ends an account, by a phone of it or at a desk with card and PIN. Nobody else's word is enough:
/// what is left is given up.
pub(super) fn close(body: &kinds::AccountClose, case: &Case<'_>) -> Result<Outcome, Rejection> {
    let (account, proof) = match case.signer.ok_or(Rejection::KeyUnknown)? {
        Signer::Device(device) if names_nobody(case.disclosure()?) => (device.account, None),
        Signer::Device(_) => return Err(Rejection::HolderNotAccepted),
        Signer::Actor(_) => at_desk(case).map(|(account, proof)| (account, Some(proof)))?,
    };
    if account != body.account {
        return Err(Rejection::AccountUnknown);
    }
    let row = case.account(account)?;
    check_keeps_nothing(row)?;

    // From here on the account is closed. What has expired is recorded as that.
    let unexpired = row.lots.iter().filter(|lot| lot.key.expires_on >= case.today());
    let unexpired: Vec<Lot> = unexpired.copied().collect();
    let leaving = case.state.programme_for(case.today()).map(|programme| programme.leaving);
    let mut effects: Vec<Effect> = match leaving.unwrap_or_default() {
        Leaving::GivenUp => taken(&unexpired, Contra::Retired).collect(),
        Leaving::Expire => Vec::new(),
    };
    effects.push(Effect::AccountClosed {});
    effects.extend(proof);
    effects.push(balance_after(row, &effects, case.today()));
    Outcome::on(account, effects)
}

/// Forgets the person of an account that has ended. Everything that lets somebody in ends with it.
pub(super) fn erase(body: &kinds::AccountErase, case: &Case<'_>) -> Result<Outcome, Rejection> {
    let row = case.account(body.account)?;
    let deceased = match row.standing_on(case.today()) {
        Some(Status::Deceased) => true,
        Some(Status::Active | Status::Frozen | Status::MovedOut) | None => false,
    };
    if row.closing.is_some_and(|closing| closing.erased) {
        return Err(Rejection::AccountEnded);
    }
    if row.closing.is_none() && !deceased {
        return Err(Rejection::AccountInUse);
    }
    check_keeps_nothing(row)?;

    // From here on the person is forgotten.
    let (phones, cards, links) = case.state.access_of(body.account);
    let mut effects = vec![Effect::AccountErased {}];
    effects.extend(phones.into_iter().map(|kid| Effect::KeyRevoked { kid }));
    effects.extend(cards.into_iter().map(|card| Effect::CardRevoked { card }));
    effects.extend(links.into_iter().map(|link| Effect::LinkRevoked { link }));
    Outcome::on(body.account, effects)
}

/// A shop or a voucher's holder still waits for points that are held.
fn check_keeps_nothing(row: &Account) -> Result<(), Rejection> {
    if row.holds.is_empty() { Ok(()) } else { Err(Rejection::AccountKeeps) }
}

/// Whether an account that has ended can still be the subject of such an entry: what others began
/// comes to its end, and nothing else begins.
pub(super) fn check_subject(account: Option<AccountId>, case: &Case<'_>) -> Result<(), Rejection> {
    let Some(row) = account.and_then(|account| case.state.accounts(&account)) else {
        return Ok(());
    };
    if row.closing.is_none() {
        return Ok(());
    }
    let body = &case.statement.core.body;
    #[expect(clippy::wildcard_enum_match_arm, reason = "an approval alone acts for another")]
    let acting = match body {
        Body::Approve(approve) => {
            case.state.proposals(&approve.proposal).map(|proposal| proposal.body.kind())
        }
        _ => Some(body.kind()),
    };
    if acting.is_some_and(outlives_account) { Ok(()) } else { Err(Rejection::AccountEnded) }
}

fn outlives_account(kind: Kind) -> bool {
    match kind {
        Kind::AccountErase
        | Kind::KeyRevoke
        | Kind::DeviceRevoke
        | Kind::CardRevoke
        | Kind::LinkRevoke
        | Kind::Suspend
        | Kind::ActionWithdraw
        | Kind::Void
        | Kind::Refund
        | Kind::Release
        | Kind::Expire
        | Kind::EntryDispute
        | Kind::DisputeAnswer => true,
        Kind::ProgrammePublish
        | Kind::BudgetAllocate
        | Kind::KeyRegister
        | Kind::AccountOpen
        | Kind::AccountFacts
        | Kind::AccountStatus
        | Kind::AccountClose
        | Kind::DeviceEnrol
        | Kind::CardIssue
        | Kind::Action
        | Kind::Redeem
        | Kind::Hold
        | Kind::Capture
        | Kind::CataloguePublish
        | Kind::RewardClaim
        | Kind::RewardUse
        | Kind::RewardCancel
        | Kind::DrawCommit
        | Kind::DrawResult
        | Kind::LinkGrant
        | Kind::Adjust
        | Kind::LotExtend
        | Kind::BalanceImport
        | Kind::Approve
        | Kind::DayClose
        | Kind::SettlementClose
        | Kind::SettlementPaid
        | Kind::AuditStatement
        | Kind::Manifest
        | Kind::ManifestDone
        | Kind::CardPin
        | Kind::ShopAccount
        | Kind::OpeningBudget
        | Kind::AccountJoin
        | Kind::JoinComplete
        | Kind::LedgerContinue
        | Kind::WaitingRelease
        | Kind::WaitingGrant
        | Kind::RewardRebind
        | Kind::Resume => false,
    }
}
