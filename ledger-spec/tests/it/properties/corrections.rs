//! Corrections in the random days: standing, actions taken back, lots adjusted, extended, brought
//! and expired.

use ledger_spec::{
    cbor::List,
    decide::Rejection,
    ids::Seq,
    kinds::{
        AccountStatus, ActionWithdraw, Adjust, Approve, BalanceImport, Body, Cause, Code, Expire,
        LotExtend, LotPoints, Status,
    },
    points::{Fund, LotKey, Points, Purse},
    time::Day,
};
use proptest::prelude::*;
use sha2::{Digest, Sha256};

use super::model::{Expected, Model, day_of};
use super::{City, FUNDS, REPORTS, RESIDENTS, found_in};
use crate::world::{Verdict, account, key};

/// A correction that happens; those of two persons are approved at once.
#[derive(Clone, Debug)]
pub(super) enum Correction {
    Mark { resident: usize, status: Status, days_from_today: i32 },
    Withdraw { which: prop::sample::Index },
    Adjust { resident: usize, fund: Fund, points: i64, lot: prop::sample::Index },
    Extend { resident: usize, lot: prop::sample::Index, days: u32 },
    Bring { resident: usize, fund: Fund, points: u32, days: u32 },
    Expire { resident: usize, lot: prop::sample::Index },
}

pub(super) fn correction() -> impl Strategy<Value = Correction> {
    let resident = 0..RESIDENTS.len();
    let which = any::<prop::sample::Index>;
    let fund = prop_oneof![Just(Fund::General), Just(Fund::Nhi)];
    let status = prop_oneof![
        3 => Just(Status::Active), 1 => Just(Status::Frozen), 1 => Just(Status::MovedOut), 1 => Just(Status::Deceased),
    ];
    prop_oneof![
        2 => (resident.clone(), status, -3..3_i32).prop_map(|(resident, status, days_from_today)| {
            Correction::Mark { resident, status, days_from_today }
        }),
        4 => which().prop_map(|which| Correction::Withdraw { which }),
        2 => (resident.clone(), fund.clone(), -90..150_i64, which())
            .prop_map(|(resident, fund, points, lot)| Correction::Adjust { resident, fund, points, lot }),
        2 => (resident.clone(), which(), 0..900_u32)
            .prop_map(|(resident, lot, days)| Correction::Extend { resident, lot, days }),
        2 => (resident.clone(), fund, 1..90_u32, 0..40_u32)
            .prop_map(|(resident, fund, points, days)| Correction::Bring { resident, fund, points, days }),
        3 => (resident, which()).prop_map(|(resident, lot)| Correction::Expire { resident, lot }),
    ]
}

/// Points that a correction moved, and what they were taken from.
pub(super) struct Move {
    pub(super) resident: usize,
    pub(super) lot: LotKey,
    pub(super) points: i64,
    pub(super) source: Source,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Budget(u32),
    Brought,
    Expired,
    /// Another lot of the same account, or the source of the challenge purse.
    Nothing,
}

impl Model {
    /// What a resident's standing says of a day.
    pub(super) fn standing(&self, resident: usize, day: Day) -> Option<Status> {
        let (status, since) = self.standings.get(&resident)?;
        (*since <= day && *status != Status::Active).then_some(*status)
    }

    pub(super) fn bars_earning(&self, resident: usize, today: Day, day: Day) -> Option<Status> {
        let now = self.standing(resident, today);
        if now == Some(Status::Frozen) { now } else { self.standing(resident, day) }
    }

    /// Points of a fund's year that are with residents or were spent.
    pub(super) fn used(&self, fund: Fund, year: u32) -> i64 {
        let granted = self.grants.iter().filter(|grant| {
            REPORTS[grant.said.0].fund == fund && day_of(grant.said.2).fiscal_year() == year
        });
        let corrected = self
            .moves
            .iter()
            .filter(|m| m.lot.fund == fund && m.source == Source::Budget(year))
            .map(|m| m.points);
        granted.map(|grant| i64::from(grant.points)).sum::<i64>() + corrected.sum::<i64>()
    }

    fn open(&self, resident: usize, lot: LotKey, today: Day) -> i64 {
        if lot.expires_on < today {
            return 0;
        }
        self.lots(resident).get(&lot).copied().unwrap_or(0)
    }

    /// A lot of the resident, also an expired one, or one that nobody has.
    fn pick(&self, resident: usize, which: prop::sample::Index) -> LotKey {
        let lots: Vec<LotKey> = self.lots(resident).into_keys().collect();
        let (purse, fund, expires_on) = (Purse::Yen, Fund::Nhi, Day::from_ymd(2028, 3, 31));
        let nobodys = LotKey { purse, fund, expires_on: expires_on.unwrap() };
        if lots.is_empty() { nobodys } else { lots[which.index(lots.len())] }
    }

    fn move_points(&mut self, resident: usize, lot: LotKey, points: i64, source: Source) {
        self.moves.push(Move { resident, lot, points, source });
    }
}

/// What may be brought of each fund.
pub(super) const OPENING_POINTS: i64 = 300;

impl City {
    pub(super) fn correct(&mut self, correction: &Correction) {
        let today = self.world.today();
        match correction {
            Correction::Mark { resident, status, days_from_today } => {
                let since = Day(today.0.checked_add_signed(*days_from_today).unwrap());
                let (account, status) = (account(RESIDENTS[*resident]), *status);
                let body = AccountStatus { account, status, since, cause: None };
                self.world.must("registry", Body::AccountStatus(body));
                self.model.standings.insert(*resident, (status, since));
            }
            Correction::Withdraw { which } => self.withdraw(*which, today),
            Correction::Adjust { resident, fund, points, lot } => {
                let lot =
                    LotKey { fund: *fund, purse: Purse::Yen, ..self.model.pick(*resident, *lot) };
                self.adjust(*resident, lot, *points, today);
            }
            Correction::Extend { resident, lot, days } => {
                let lot = self.model.pick(*resident, *lot);
                self.extend(*resident, lot, lot.expires_on.plus(*days), today);
            }
            Correction::Bring { resident, fund, points, days } => {
                let (purse, fund) = (Purse::Yen, *fund);
                let lot = LotKey { purse, fund, expires_on: today.plus(*days) };
                let points = Points::new(*points).unwrap();
                let (lots, control_total) = (List(vec![LotPoints { lot, points }]), points.get());
                let body = Body::BalanceImport(BalanceImport {
                    account: account(RESIDENTS[*resident]),
                    lots,
                    control_total: u64::from(control_total),
                    source: Code::new("paper").unwrap(),
                });
                let points = i64::from(points.get());
                let moves = self.model.moves.iter();
                let brought =
                    moves.filter(|it| it.source == Source::Brought && it.lot.fund == fund);
                let left = OPENING_POINTS - brought.map(|it| it.points).sum::<i64>();
                if let Some(by) = self.model.brought.get(&(*resident, lot)) {
                    self.check(body, &Expected::Refused(Rejection::AlreadyBrought(*by)));
                } else if points > left {
                    self.check(body, &Expected::Refused(Rejection::BudgetLacking));
                } else {
                    let by = self.check(body, &Expected::Moved(vec![(lot, points)]));
                    self.model.brought.extend(by.map(|by| ((*resident, lot), by)));
                    self.model.move_points(*resident, lot, points, Source::Brought);
                }
            }
            Correction::Expire { resident, lot } => {
                let lot = self.model.pick(*resident, *lot);
                self.expire(*resident, lot, today);
            }
        }
        self.check_books();
    }

    fn withdraw(&mut self, which: prop::sample::Index, today: Day) {
        let grants = &self.model.grants;
        if grants.is_empty() {
            return;
        }
        let at = which.index(grants.len());
        let (seq, resident, lot) = (grants[at].seq, grants[at].said.1, grants[at].lot);
        let body = Body::ActionWithdraw(ActionWithdraw { entry: seq, cause: Cause::Other });
        if let Some(by) = grants[at].withdrawn_by {
            self.check(body, &Expected::Refused(Rejection::AlreadyUndone(by)));
            return;
        }
        let year = day_of(grants[at].said.2).fiscal_year();
        let budget =
            if lot.fund == Fund::None { i64::MAX } else { self.model.used(lot.fund, year) };
        let back = i64::from(grants[at].points).min(self.model.open(resident, lot, today));
        let back = back.min(budget);
        let parts = if back > 0 { vec![(lot, -back)] } else { vec![] };
        let by = self.check(body, &Expected::Moved(parts));
        let source = if lot.fund == Fund::None { Source::Nothing } else { Source::Budget(year) };
        self.model.move_points(resident, lot, -back, source);
        self.model.grants[at].withdrawn_by = by;
    }

    fn adjust(&mut self, resident: usize, lot: LotKey, points: i64, today: Day) {
        let body = Body::Adjust(Adjust {
            account: account(RESIDENTS[resident]),
            lot,
            points,
            cause: Cause::Other,
        });
        let money = |year| {
            let found = FUNDS.iter().find(|(fund, of, _)| (*fund, *of) == (lot.fund, year));
            found.map_or(0, |(_, _, points)| i64::from(*points))
        };
        let this_year = today.fiscal_year();
        let used = |year| self.model.used(lot.fund, year);
        let year = if points > 0 {
            Some(this_year).filter(|year| used(*year) + points <= money(*year))
        } else {
            [this_year, this_year - 1].into_iter().find(|year| used(*year) >= -points)
        };
        let refusal = if points == 0 {
            Rejection::AdjustRange
        } else if lot.expires_on < today {
            Rejection::LotRange
        } else if points < 0 && self.model.open(resident, lot, today) < -points {
            Rejection::LotUnknown
        } else if let Some(year) = year {
            self.check(body, &Expected::Moved(vec![(lot, points)]));
            self.model.move_points(resident, lot, points, Source::Budget(year));
            return;
        } else {
            Rejection::BudgetLacking
        };
        self.check(body, &Expected::Refused(refusal));
    }

    fn extend(&mut self, resident: usize, lot: LotKey, until: Day, today: Day) {
        let account = account(RESIDENTS[resident]);
        let body = Body::LotExtend(LotExtend { account, lot, until, cause: Cause::Other });
        let held = self.model.open(resident, lot, today);
        if held == 0 {
            self.check(body, &Expected::Refused(Rejection::LotUnknown));
        } else if until <= lot.expires_on {
            self.check(body, &Expected::Refused(Rejection::NotLater));
        } else {
            self.check(body, &Expected::Moved(vec![]));
            self.model.move_points(resident, lot, -held, Source::Nothing);
            let later = LotKey { expires_on: until, ..lot };
            self.model.move_points(resident, later, held, Source::Nothing);
        }
    }

    fn expire(&mut self, resident: usize, lot: LotKey, today: Day) {
        let held = self.model.lots(resident).get(&lot).copied().unwrap_or(0);
        let Some(points) = u32::try_from(held).ok().and_then(Points::new) else { return };
        let account = account(RESIDENTS[resident]);
        let core = self.world.core(Body::Expire(Expire { account, lot, points }));
        let verdict = self.world.submit(&core.sign(&key("system"), None));
        if lot.expires_on < today {
            let Verdict::Accepted(entry) = verdict else { panic!("{verdict:?}") };
            assert_eq!(found_in(&entry), Expected::Moved(vec![(lot, -held)]));
            self.model.move_points(resident, lot, -held, Source::Expired);
        } else {
            assert_eq!(verdict, Verdict::Refused(Rejection::NotExpired));
        }
    }

    /// Proposes and approves; the entry of the approval.
    fn check(&mut self, body: Body, expected: &Expected) -> Option<Seq> {
        let disclosure = body.kind().shape().disclosure.then(|| self.world.disclosure(None));
        let submission = self.world.core(body).sign(&key("staff-1"), disclosure.as_ref());
        let proposal = match self.world.submit(&submission) {
            Verdict::Accepted(entry) => entry,
            Verdict::Refused(rejection) => {
                assert_eq!(&Expected::Refused(rejection), expected);
                return None;
            }
            other @ (Verdict::Replayed(_) | Verdict::Reused | Verdict::Malformed(_)) => {
                panic!("{other:?}")
            }
        };
        assert_eq!(proposal.points(), 0);
        let statement_hash = Sha256::digest(&proposal.statement.0).into();
        let approve = Body::Approve(Approve { proposal: proposal.seq, statement_hash });
        let entry = self.world.must("staff-2", approve);
        assert_eq!(&found_in(&entry), expected);
        Some(entry.seq)
    }
}
