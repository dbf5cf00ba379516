//! What a resident is reminded of: points that expire, the day on which a measurement counts again,
//! booked appointments.
//!
//! [`coming`] is pure: the rows of the state, booked appointments and a day in, what lies ahead
//! out. Nothing is stored and nothing is sent from here: calendars, letters, tablets and a
//! partner's messages all read this one list, so they never disagree.

use std::collections::BTreeMap;

use ledger_spec::caps::CapOf;
use ledger_spec::ids::{AccountId, Kid, LinkId};
use ledger_spec::kinds::{Purpose, Status};
use ledger_spec::points::Purse;
use ledger_spec::programme::Rule;
use ledger_spec::state::{Account, ActionKey, Counter, LinkRow, Overlay, Signer, State};
use ledger_spec::time::Day;

use crate::engine::{Engine, EngineError};
use crate::registry::{Appointment, RegistryError};

/// Days before points expire.
pub const EXPIRY_DAYS: &[u32] = &[60, 30, 7, 1];
/// Days before an appointment, and before a measurement counts again.
pub const DATE_DAYS: &[u32] = &[7, 1];

/// A name in Japanese and in English.
pub type Names = [String; 2];

/// What lies ahead.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum About {
    /// So many points of a purse can be spent for the last time; the name of what they go to on
    /// that day where the resident has asked that they be given away.
    Expiry(Purse, u64, Option<Names>),
    /// An action that counts once in so many days counts again.
    CountsAgain(Names),
    /// A booked appointment, with its beginning in Unix seconds where there is one; of a sensitive
    /// action the group's name, and no name where the programme has none.
    Appointment(Option<Names>, Option<u64>),
}

impl About {
    /// How many days before it the resident is reminded, the earliest first.
    #[must_use]
    pub fn days_before(&self) -> &'static [u32] {
        match self {
            Self::Expiry(..) => EXPIRY_DAYS,
            Self::CountsAgain(_) | Self::Appointment(..) => DATE_DAYS,
        }
    }
}

/// Something that lies ahead, and its day.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Coming {
    /// The day.
    pub on: Day,
    /// What it is.
    pub about: About,
}

impl Coming {
    /// The reminders of it: the day of each, and how many days are left then.
    pub fn reminders(&self) -> impl Iterator<Item = (Day, u32)> + use<> {
        let on = self.on;
        self.about.days_before().iter().map(move |days| (on.minus(*days), *days))
    }

    /// Whether a reminder of it falls on this day, and how many days are left then.
    #[must_use]
    pub fn due(&self, day: Day) -> Option<u32> {
        self.reminders().find(|(due, _)| *due == day).map(|(_, days)| days)
    }
}

/// What lies ahead of an account from today on, the first first. The dead are not written to; whose
/// account is suspended or who has moved away is told of points alone.
#[must_use]
pub fn coming(
    state: &Overlay<'_>,
    account: AccountId,
    appointments: &[Appointment],
    today: Day,
) -> Vec<Coming> {
    let Some(row) = state.accounts(&account) else { return Vec::new() };
    let standing = row.standing_on(today);
    if standing == Some(Status::Deceased) {
        return Vec::new();
    }
    let mut found = expiries(state, row, today);
    if matches!(standing, None | Some(Status::Active)) {
        found.extend(counting_again(state, row, today));
        let appointments = appointments.iter().filter(|appointment| appointment.day >= today);
        found.extend(appointments.map(|appointment| {
            let names = rule_named(state, &appointment.action, [appointment.day, today]);
            let names = names.map(|rule| [rule.name.clone(), rule.name_en.clone()]);
            Coming { on: appointment.day, about: About::Appointment(names, appointment.start_s) }
        }));
    }
    found.sort();
    found
}

fn expiries(state: &Overlay<'_>, row: &Account, today: Day) -> Vec<Coming> {
    let mut sums: BTreeMap<(Day, Purse), u64> = BTreeMap::new();
    for lot in row.lots.iter().filter(|lot| lot.key.expires_on >= today) {
        let sum = sums.entry((lot.key.expires_on, lot.key.purse)).or_default();
        *sum += u64::from(lot.points);
    }
    let items = state.catalogue().into_iter().flat_map(|catalogue| &catalogue.items);
    let auto = items.into_iter().find(|item| item.auto);
    let given = |on| {
        row.auto_exchange.filter(|asked| on <= asked.until)?;
        let item = auto.filter(|item| item.is_offered(on) && row.ending(item.points, on) > 0)?;
        Some([item.name.clone(), item.name_en.clone()])
    };
    let coming = |((on, purse), points)| {
        let given = given(on).filter(|_| purse == Purse::Yen);
        Coming { on, about: About::Expiry(purse, points, given) }
    };
    sums.into_iter().map(coming).collect()
}

/// The rules that count once in so many days and that the person has met before, each with the day
/// on which it counts again; none where the programme takes no more actions then, or a cap leaves
/// nothing.
fn counting_again(state: &Overlay<'_>, row: &Account, today: Day) -> Vec<Coming> {
    let mut latest: BTreeMap<u32, Day> = BTreeMap::new();
    for kept in &row.recent {
        let day = latest.entry(kept.rule).or_insert(kept.day);
        *day = kept.day.max(*day);
    }
    let again = |(number, last): (u32, Day)| {
        let every = state.programme_for(today)?.rule(number)?.every_days?;
        let on = last.plus(every);
        // The rules of that day decide, and not those of today.
        let programme = state.programme_for(on)?;
        let rule = programme.rule(number)?;
        let counts = on <= programme.earn_until
            && rule.every_days == Some(every)
            && row.facts?.eligible_from.is_some_and(|from| on >= from)
            && programme.caps_of(rule).all(|(of, per, points)| {
                let counter = Counter::of_action(of, per, ActionKey::of(rule, on));
                of == CapOf::Days || row.charged(&counter) < points
            });
        let about = About::CountsAgain([rule.name.clone(), rule.name_en.clone()]);
        (counts && on >= today).then_some(Coming { on, about })
    };
    latest.into_iter().filter_map(again).collect()
}

/// The rule with this public code in the programme of the first of these days that has one. An
/// exact action of a sensitive rule has no name here.
fn rule_named<'a>(state: &'a Overlay<'_>, code: &str, days: [Day; 2]) -> Option<&'a Rule> {
    days.into_iter().find_map(|day| state.programme_for(day))?.rule_of(code)
}

/// What lies ahead of each of these accounts, with what is booked.
///
/// # Errors
/// [`EngineError`]
pub fn of_accounts(
    engine: &Engine,
    accounts: &[AccountId],
    today: Day,
) -> Result<Vec<Vec<Coming>>, EngineError> {
    let booked = accounts.iter().map(|account| engine.registry().appointments(*account, today));
    // The registry first: whoever holds the state keeps the ledger's writer waiting.
    let booked = booked.collect::<Result<Vec<_>, RegistryError>>()?;
    let state = engine.state()?;
    let overlay = Overlay::over(&state);
    let of = accounts.iter().zip(&booked);
    Ok(of.map(|(account, booked)| coming(&overlay, *account, booked, today)).collect())
}

/// The links by which a partner may know reminders today, by number, behind `after`; at most so
/// many.
#[must_use]
pub fn links_of(
    state: &State,
    partner: Kid,
    after: Option<LinkId>,
    today: Day,
    most: usize,
) -> Vec<(LinkId, AccountId)> {
    let open = |row: &LinkRow| {
        row.partner == partner
            && row.purpose == Purpose::Reminders
            && row.revoked.is_none()
            && row.until >= today
    };
    let behind = state.links.iter().filter(|(link, _)| after.is_none_or(|after| **link > after));
    let open = behind.filter(|(_, row)| open(row)).map(|(link, row)| (*link, row.account));
    open.take(most).collect()
}

/// The accounts that no phone stands for, in the order of their numbers: whoever is to be told
/// anything gets a letter.
#[must_use]
pub fn without_phone(state: &State) -> Vec<AccountId> {
    let phones = state.keys.values().filter(|key| key.revoked.is_none());
    let mut with: Vec<AccountId> = phones
        .filter_map(|key| match &key.signer {
            Signer::Device(device) => Some(device.account),
            Signer::Actor(_) => None,
        })
        .collect();
    with.sort_unstable();
    state.accounts.keys().copied().filter(|id| with.binary_search(id).is_err()).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use expect_test::{Expect, expect};
    use ledger_spec::caps::CapPer;
    use ledger_spec::ids::Seq;
    use ledger_spec::kinds::{AgeTier, Insurance};
    use ledger_spec::points::{Fund, LotKey};
    use ledger_spec::programme::Programme;
    use ledger_spec::state::{AccountLink, Aged, Charge, Facts, Lot, Recent, Standing};

    use super::*;

    const ID: AccountId = AccountId([7; 16]);
    const MEASURE: u32 = 3;

    fn day(text: &str) -> Day {
        Day::parse(text).expect("a day")
    }

    fn lot(purse: Purse, fund: Fund, expires_on: &str, points: u32) -> Lot {
        Lot { key: LotKey { purse, fund, expires_on: day(expires_on) }, points }
    }

    /// A person who takes part, was measured on 20 November, and holds points of three kinds.
    fn person() -> Account {
        let age = Aged { on: day("2027-03-31"), tier: AgeTier::From40 };
        let facts = Facts {
            age,
            age_before: None,
            insurance: Insurance::Nhi,
            eligible_from: Some(day("2026-04-01")),
            district: 1,
        };
        let measured = |at: &str| Recent { rule: MEASURE, day: day(at), seq: Seq(1) };
        Account {
            facts: Some(facts),
            lots: vec![
                lot(Purse::Yen, Fund::General, "2027-03-31", 100),
                lot(Purse::Yen, Fund::Nhi, "2027-03-31", 20),
                lot(Purse::Yen, Fund::General, "2026-11-21", 5),
                lot(Purse::Challenge, Fund::None, "2028-03-31", 3),
            ],
            recent: vec![measured("2026-11-20"), measured("2026-11-01")],
            ..Account::opened(Day(0))
        }
    }

    fn state(account: Account) -> State {
        let document = include_str!("../../ledger-spec/examples/programme.json");
        let programme = Programme::parse(document).expect("the example is sound");
        let mut state = State::default();
        state.programmes.insert(1, Arc::new(programme));
        state.accounts.insert(ID, account);
        state
    }

    fn appointments() -> Vec<Appointment> {
        let of = |at: &str, start_s, action: &str| Appointment {
            day: day(at),
            start_s,
            action: action.to_owned(),
        };
        vec![
            of("2026-12-01", Some(1_796_083_200), "care"),
            of("2026-12-02", None, "guidance.first_interview"),
            of("2026-11-21", None, "checkup.specific"),
            of("2027-04-10", None, "checkup.specific"),
        ]
    }

    #[expect(clippy::needless_pass_by_value, reason = "every call makes both values in place")]
    fn check(account: Account, today: &str, expected: Expect) {
        let state = state(account);
        let found = coming(&Overlay::over(&state), ID, &appointments(), day(today));
        let shown = found.iter().map(|Coming { on, about }| {
            let about = match about {
                About::Expiry(purse, points, given) => {
                    let given = given.as_ref().map(|[name, _]| format!(" to {name}"));
                    format!("{points} {purse:?}{}", given.unwrap_or_default())
                }
                About::CountsAgain([name, _]) => name.clone(),
                About::Appointment(names, start_s) => {
                    let name = names.as_ref().map_or("-", |[name, _]| name);
                    format!("{name} {start_s:?}")
                }
            };
            format!("{on} {about}\n")
        });
        expected.assert_eq(&shown.collect::<String>());
    }

    #[test]
    fn what_lies_ahead_the_first_first() {
        check(
            person(),
            "2026-11-22",
            expect![[r#"
                2026-12-01 保健相談・健診等 Some(1796083200)
                2026-12-02 - None
                2026-12-04 野菜摂取の測定
                2027-03-31 120 Yen
                2027-04-10 特定健診 None
                2028-03-31 3 Challenge
            "#]],
        );
        // On its own day it still stands there, and on the next no more.
        check(
            person(),
            "2026-12-04",
            expect![[r#"
                2026-12-04 野菜摂取の測定
                2027-03-31 120 Yen
                2027-04-10 特定健診 None
                2028-03-31 3 Challenge
            "#]],
        );
        check(
            person(),
            "2027-03-31",
            expect![[r#"
                2027-03-31 120 Yen
                2027-04-10 特定健診 None
                2028-03-31 3 Challenge
            "#]],
        );
    }

    #[test]
    fn what_will_be_given_away_is_told_with_its_name() {
        let given = |until: &str, change: &dyn Fn(&mut Account)| {
            let link = ledger_spec::ids::LinkId([1; 16]);
            let auto_exchange = Some(AccountLink { link, until: day(until) });
            let mut account = Account { auto_exchange, ..person() };
            change(&mut account);
            let mut state = state(account);
            let document = include_str!("../../ledger-spec/examples/catalogue.json");
            let catalogue = ledger_spec::catalogue::Catalogue::parse(document).expect("sound");
            state.catalogues.insert(1, Arc::new(catalogue));
            let found = coming(&Overlay::over(&state), ID, &[], day("2026-11-22"));
            let given = found.into_iter().filter_map(|coming| match coming.about {
                About::Expiry(purse, _, Some([name, _])) => Some((purse, name)),
                About::Expiry(..) | About::CountsAgain(_) | About::Appointment(..) => None,
            });
            given.collect::<Vec<_>>()
        };
        let gift = [(Purse::Yen, "学校の図書への寄付".to_owned())];
        assert_eq!(given("2027-03-31", &|_| {}), gift);
        assert_eq!(given("2027-03-30", &|_| {}), []);
        assert_eq!(given("2027-03-31", &|account| account.auto_exchange = None), []);
        let less = |account: &mut Account| account.lots.retain(|lot| lot.points < 50);
        assert_eq!(given("2027-03-31", &less), [], "less than a unit");
        let later = |account: &mut Account| account.lots[0].key.expires_on = day("2027-04-01");
        assert_eq!(given("2027-04-01", &later), [], "the item is offered no more");
    }

    /// Whether a measurement of 20 November counts again, for a person who is changed first.
    fn counts(today: &str, change: impl FnOnce(&mut Account)) -> Option<String> {
        let mut account = person();
        change(&mut account);
        let state = state(account);
        let found = coming(&Overlay::over(&state), ID, &[], day(today));
        let mut again = found.into_iter().filter(|c| matches!(c.about, About::CountsAgain(_)));
        again.next().map(|coming| coming.on.to_string())
    }

    #[test]
    fn a_measurement_is_worth_coming_for_or_is_not_named() {
        let charged = |points| {
            move |account: &mut Account| {
                let (class, on) = (ledger_spec::caps::ActionClass::Habit, day("2026-12-04"));
                let action = ActionKey { rule: MEASURE, class, purse: Purse::Yen, day: on };
                let counter = Counter::of_action(CapOf::Rule, CapPer::FiscalYear, action);
                account.charges.push(Charge { counter, points });
            }
        };
        let standing = |status| {
            let standing = Standing { status, since: day("2026-11-22") };
            move |account: &mut Account| account.standing = Some(standing)
        };
        let again = Some("2026-12-04".to_owned());
        assert_eq!(counts("2026-11-22", |_| {}), again);
        assert_eq!(counts("2026-11-22", charged(399)), again, "the cap leaves something");
        assert_eq!(counts("2026-11-22", charged(400)), None, "the cap leaves nothing");
        assert_eq!(counts("2026-11-22", |a| a.facts = None), None);
        assert_eq!(counts("2026-11-22", |a| a.recent.clear()), None);
        for status in [Status::Frozen, Status::MovedOut, Status::Deceased] {
            assert_eq!(counts("2026-11-22", standing(status)), None, "{status:?}");
            assert_eq!(counts("2026-11-21", standing(status)), again, "{status:?}, a day before");
        }
        // Nothing earns after the end of February, and no rules are known for April.
        let late = |at: &str| {
            let day = day(at);
            move |account: &mut Account| account.recent[0].day = day
        };
        assert_eq!(counts("2027-02-14", late("2027-02-14")), Some("2027-02-28".to_owned()));
        assert_eq!(counts("2027-02-15", late("2027-02-15")), None);
        assert_eq!(counts("2027-03-20", late("2027-03-20")), None);
    }

    #[test]
    fn the_dead_are_left_in_peace_and_others_keep_their_points() {
        for (status, lines) in [(Status::Deceased, 0), (Status::Frozen, 2), (Status::MovedOut, 2)] {
            let standing = Some(Standing { status, since: day("2026-11-01") });
            let state = state(Account { standing, ..person() });
            let overlay = Overlay::over(&state);
            let found = coming(&overlay, ID, &appointments(), day("2026-11-22"));
            assert_eq!(found.len(), lines, "{status:?}: {found:?}");
        }
        let state = state(person());
        assert_eq!(coming(&Overlay::over(&state), AccountId([8; 16]), &[], day("2026-11-22")), []);
    }

    #[test]
    fn each_has_its_days() {
        let due = |about: About| {
            let coming = Coming { on: day("2027-03-31"), about };
            let days = coming.reminders().map(|(day, left)| format!("{day} {left}"));
            days.collect::<Vec<_>>()
        };
        let expiry = ["2027-01-30 60", "2027-03-01 30", "2027-03-24 7", "2027-03-30 1"];
        assert_eq!(due(About::Expiry(Purse::Yen, 1, None)), expiry);
        let others = ["2027-03-24 7", "2027-03-30 1"];
        assert_eq!(due(About::Appointment(None, None)), others);
        assert_eq!(due(About::CountsAgain(Names::default())), others);
        let coming = Coming { on: day("2027-03-31"), about: About::Expiry(Purse::Yen, 1, None) };
        assert_eq!(coming.due(day("2027-03-01")), Some(30));
        assert_eq!(coming.due(day("2027-03-02")), None);
        assert_eq!(coming.due(day("2027-03-31")), None, "the day itself has had its reminders");
    }
}
