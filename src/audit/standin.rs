//! Stand-ins: what a sealed part must have said at least, so that a statement can be decided on without it.
//!
//! The effects of an entry name the account, the token's number and its end; the core names everything that is public. With
//! them the rules can be asked again whether *some* honest disclosure leads to exactly these effects: an amount, a lot, a
//! cap, a balance or a signer that does not fit is found without any secret. What the stand-in cannot vouch for is who
//! showed the code or card, and the exact second.

use ledger_spec::entry::{Accounting, Effect};
use ledger_spec::ids::{AccountId, Kid};
use ledger_spec::kinds::{Body, Code, Role};
use ledger_spec::rows::{Overlay, Signer};
use ledger_spec::statement::{Disclosure, Holder, NOT_AFTER_S_MAX, Statement};
use ledger_spec::time::Day;
use ledger_spec::token::{PayToken, TOKEN_LIFE_S_MAX};

/// A statement with a stand-in for its disclosure, and a time (Unix milliseconds) at which it may have been decided.
pub(super) struct StandIn {
    pub(super) statement: Statement,
    pub(super) now_ms: u64,
}

/// The phones of an account, in the order of their enrolment.
pub(super) type Devices<'a> = &'a dyn Fn(AccountId) -> Vec<Kid>;

/// A stand-in for an entry whose disclosure is not at hand; `None` where the decision rests on a number that only the
/// sealed part holds.
pub(super) fn stand_in(
    accounting: &Accounting,
    mut statement: Statement,
    rows: &Overlay<'_>,
    devices: Devices<'_>,
) -> Option<StandIn> {
    let recorded_s = accounting.accepted_min * 60;
    let account = accounting.link.map(|link| link.account);
    #[expect(clippy::wildcard_enum_match_arm, reason = "only kinds with a disclosure in force")]
    let now_s = match &statement.core.body {
        Body::Redeem(body) => {
            let (nonce, exp_s) = accounting.effects.iter().find_map(|effect| {
                if let Effect::TokenSpent { nonce, exp_s } = effect {
                    Some((*nonce, *exp_s))
                } else {
                    None
                }
            })?;
            let max_points = body.points.get();
            let token = PayToken { exp_s, nonce, ledger: statement.core.ledger, max_points };
            statement.pay_token = Some((token, phone(account?, rows, devices)?));
            // Some second of the minute must lie within both deadlines.
            let not_after_s = statement.core.not_after_s.unwrap_or(0);
            let earliest_s = exp_s
                .saturating_sub(TOKEN_LIFE_S_MAX)
                .max(not_after_s.saturating_sub(NOT_AFTER_S_MAX));
            let now_s = earliest_s.clamp(recorded_s, recorded_s + 59);
            statement.disclosure = Some((disclosure(now_s, None, None), Vec::new()));
            now_s
        }
        Body::Action(body) => {
            let exact = exact_action(body.action.as_str(), statement.core.day, rows);
            let performed_at_s = statement.core.day.start_ms() / 1_000;
            let holder = match &rows.keys(&statement.kid)?.signer {
                Signer::Actor(actor) if matches!(actor.role, Role::Staff | Role::Registry) => {
                    Holder::Account(account?)
                }
                Signer::Actor(_) | Signer::Device(_) => {
                    let (exp_s, ledger) = (performed_at_s + 1, statement.core.ledger);
                    let token = PayToken { exp_s, nonce: [0; 16], ledger, max_points: 0 };
                    statement.pay_token = Some((token, phone(account?, rows, devices)?));
                    Holder::Phone(Vec::new())
                }
            };
            let disclosure = disclosure(performed_at_s, Some(holder), exact);
            statement.disclosure = Some((disclosure, Vec::new()));
            recorded_s
        }
        Body::DeviceEnrol(_) => {
            let by_code = |effect: &Effect| matches!(effect, Effect::CodeUsed { .. });
            if accounting.effects.iter().any(by_code) {
                return None;
            }
            statement.disclosure = Some((disclosure(recorded_s, None, None), Vec::new()));
            recorded_s
        }
        _ => recorded_s,
    };
    Some(StandIn { statement, now_ms: now_s * 1_000 })
}

fn disclosure(
    performed_at_s: u64,
    holder: Option<Holder>,
    exact_action: Option<Code>,
) -> Disclosure {
    let (values, code, pin_proof) = (None, None, None);
    Disclosure { salt: [0; 16], performed_at_s, holder, values, exact_action, code, pin_proof }
}

/// The phone of an account that the rules restrict least: the first one that is not revoked.
fn phone(account: AccountId, rows: &Overlay<'_>, devices: Devices<'_>) -> Option<Kid> {
    let in_force = |kid: &Kid| rows.keys(kid).is_some_and(|key| key.revoked.is_none());
    devices(account).into_iter().find(in_force)
}

/// For a sensitive rule any of its exact actions: the effects do not depend on which.
fn exact_action(action: &str, day: Day, rows: &Overlay<'_>) -> Option<Code> {
    let rule = rows.programme_for(day)?.rule_of(action)?;
    Code::new(rule.exact.first()?)
}
