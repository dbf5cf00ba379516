//! What entries say, and logs that these rules did not make.

use std::sync::Arc;

use expect_test::expect;
use ledger_spec::{
    apply::{Broken, apply},
    catalogue::Catalogue,
    entry::{Accounting, Contra, Effect},
    ids::{CardHash, LinkId, PersonId, PlaceId, Seq},
    kinds::{Code, Kind, Purpose},
    points::{Fund, LotKey, Purse},
    programme::Programme,
    shops::Settlement,
    state::{
        DayPoints, Draw, LinkRow, ManifestState, Opening, Overlay, PerkCard, Proposal, Refunded,
        State,
    },
    statement::read,
    time::Month,
};

use super::check;
use crate::{
    story::Story,
    world::{World, account, catalogue, id, kid, programme},
};

#[test]
fn the_accounting_part_tells_the_minute_only_where_money_moves() {
    let (world, void) = city_with_history();
    let day_min = world.today().start_ms() / 60_000;
    let mut entries: Vec<Accounting> =
        (0..world.tables.size).map(|seq| world.entry(Seq(seq)).unwrap()).collect();
    entries.push(void);
    for entry in &entries {
        let kind = read(&entry.statement.0).unwrap().1.core.body.kind();
        let at_till = matches!(kind, Kind::Redeem | Kind::Void);
        let exact = entry.subject.is_none() || at_till;
        let minute = if exact { 600 } else { 0 };
        assert_eq!(entry.accepted_min, day_min + minute, "{kind:?}");
    }
}

#[test]
fn an_accounts_entries_form_a_chain() {
    let (world, void) = city_with_history();
    let entries = (0..world.tables.size).map(|seq| world.entry(Seq(seq)).unwrap());
    let subjects = entries.chain([void]).filter_map(|entry| Some((entry.subject?, entry.seq)));
    let mut before = None;
    for ((subject, seq), count) in subjects.zip(0..) {
        assert_eq!((subject.account, subject.account_seq), (account("hanako"), count));
        assert_eq!(subject.previous, before);
        before = Some(seq);
    }
    assert!(before.is_some());
}

#[test]
fn a_day_is_closed_once_it_is_over() {
    check(&expect![[r#"
        the city is set up
        hanako joins
        taro joins
        staff-1 reports vegetables of hanako holder=account → 20 points
        staff-1 reports walk of hanako holder=account → 15 points
        staff-1 reports walk of taro holder=account → 15 points
        shop-a takes 10 from hanako as=first → paid 10 general until 2028-03-31
        shop-a takes 10 from hanako → paid 10 general until 2028-03-31
        shop-a voids first → back 10 general until 2028-03-31
        system closes 2026-04-10 → refused: the day is not over, has no entries or is closed
        at 2026-04-11 00:00
        system closes 2026-04-11 → refused: the day is not over, has no entries or is closed
        system closes 2026-04-09 → refused: the day is not over, has no entries or is closed
        system closes 2026-04-10 → closed: 44 entries, 2 accounts, 1 earned 20, 1 spent 10
        system closes 2026-04-10 → refused: the day is not over, has no entries or is closed
        at 2026-04-13 12:00
        system closes 2026-04-12 → refused: the day is not over, has no entries or is closed
        system closes 2026-04-11 → closed: 1 entries, 0 accounts, 0 earned 0, 0 spent 0
    "#]]);
}

/// A ledger begun, a resident who has earned and spent, and the entry that a void would make.
fn city_with_history() -> (World, Accounting) {
    let mut world = World::at("2026-04-10", "10:00");
    world.set_up(&[]);
    world.join("hanako");
    let mut story = Story::of(world);
    story.act("staff-1 reports checkup of hanako holder=account");
    story.act("shop-a takes 10 from hanako as=first");
    let size = story.world.tables.size;
    let before = story.world.tables.clone();
    story.act("shop-a voids first");
    let void = story.world.entry(Seq(size)).unwrap();
    story.world.tables = before;
    (story.world, void)
}

#[test]
fn a_log_that_these_rules_did_not_make_is_refused() {
    let (world, void) = city_with_history();
    let check = |expected: Result<(), Broken>, change: Change<'_>| {
        let mut entry = void.clone();
        change(&mut entry);
        assert_eq!(apply(&entry, &mut Overlay::over(&world.tables)), expected);
    };
    let earlier: Vec<Accounting> =
        (0..world.tables.size).map(|seq| world.entry(Seq(seq)).unwrap()).collect();
    check(Ok(()), &|_| {});
    check(Err(Broken::Order), &|entry| entry.version = 2);
    check(Err(Broken::Order), &|entry| entry.seq.0 += 1);
    check(Err(Broken::Order), &|entry| entry.accepted_min -= 1);
    check(Err(Broken::Order), &|entry| entry.accepted_min -= 1_440);
    check(Err(Broken::Chain), &|entry| entry.subject.as_mut().unwrap().account_seq += 1);
    check(Err(Broken::Chain), &|entry| entry.subject.as_mut().unwrap().previous = Some(Seq(1)));
    check(Err(Broken::Unfit("account")), &|entry| entry.subject = None);
    check(Err(Broken::Unfit("account")), &|entry| {
        entry.subject.as_mut().unwrap().account = account("nobody");
    });
    // Whatever an earlier entry took, no other takes again, be it long ago.
    let doubles = [
        ("act", |e: &Effect| matches!(e, Effect::ActTaken { .. })),
        ("token", |e: &Effect| matches!(e, Effect::TokenSpent { .. })),
        ("code", |e: &Effect| matches!(e, Effect::CodeUsed { .. })),
        ("card", |e: &Effect| matches!(e, Effect::CardIssued { .. })),
        ("key", |e: &Effect| matches!(e, Effect::DeviceEnrolled { .. })),
        ("key", |e: &Effect| matches!(e, Effect::KeyRegistered { .. })),
        ("programme", |e: &Effect| matches!(e, Effect::ProgrammeInForce { .. })),
        ("proposal", |e: &Effect| matches!(e, Effect::Approved { .. })),
        ("account", |e: &Effect| matches!(e, Effect::AccountOpened {})),
    ] as [(&'static str, fn(&Effect) -> bool); 9];
    for (what, is) in doubles {
        let double = earlier.iter().flat_map(|e| &e.effects).find(|e| is(e)).unwrap();
        check(Err(Broken::Unfit(what)), &|entry| entry.effects.push(double.clone()));
    }
    let kid = kid("station-1");
    let ends = vec![Effect::KeyRevoked { kid }; 2];
    check(Err(Broken::Unfit("key")), &|entry| entry.effects.extend(ends.clone()));
    check(Err(Broken::Unfit("undone entry")), &|entry| {
        let undone = entry.effects.iter().find(|e| matches!(e, Effect::Undone { .. })).unwrap();
        entry.effects.push(undone.clone());
    });
    check_postings(&check);
}

type Change<'a> = &'a dyn Fn(&mut Accounting);

/// Postings that would make or lose points.
fn check_postings(check: &dyn Fn(Result<(), Broken>, Change<'_>)) {
    let change = |to: fn(&mut LotKey, &mut i64, &mut Contra)| {
        move |entry: &mut Accounting| {
            for effect in &mut entry.effects {
                if let Effect::Posting { lot, points, contra } = effect {
                    to(lot, points, contra);
                }
            }
        }
    };
    check(Err(Broken::Unfit("balance")), &change(|_, points, _| *points -= 1));
    check(Err(Broken::Negative("counter")), &change(|_, points, _| *points += 1));
    check(Err(Broken::Negative("lot")), &change(|_, points, _| *points = -1_000));
    check(Err(Broken::Negative("lot")), &change(|_, points, _| *points = i64::MIN));
    check(Err(Broken::Negative("lot")), &change(|_, points, _| *points = i64::MAX));
    check(
        Err(Broken::Negative("lot")),
        &change(|lot, points, _| {
            (lot.expires_on, *points) = (lot.expires_on.plus(1), 0);
        }),
    );
    check(
        Err(Broken::Negative("budget")),
        &change(|_, points, contra| {
            (*points, *contra) = (1_000_000, Contra::Budget(2026));
        }),
    );
    check(
        Err(Broken::Unfit("contra account")),
        &change(|_, _, contra| {
            *contra = Contra::Challenge;
        }),
    );
    check(
        Err(Broken::Unfit("contra account")),
        &change(|lot, points, contra| {
            (lot.purse, lot.fund) = (Purse::Challenge, Fund::None);
            (*points, *contra) = (1, Contra::Budget(2026));
        }),
    );
}

/// Two ledgers that differ in a rule or in a proposal have another state.
#[test]
fn the_state_hash_covers_rules_and_proposals() {
    let (world, _) = city_with_history();
    let whole = world.tables.state_hash();
    let check = |change: &dyn Fn(&mut State)| {
        let mut other = world.tables.clone();
        change(&mut other);
        assert_ne!(other, world.tables);
        assert_ne!(other.state_hash(), whole);
    };
    for change in [("name", "another"), ("redeem.max_day", "1501"), ("rules.4.points", "21")] {
        let value = change.1.parse::<u32>().map_or_else(|_| change.1.into(), Into::into);
        let document = programme(&[(change.0.into(), value)]);
        let rules = Arc::new(Programme::parse(&document).unwrap());
        check(&|tables| tables.programmes.insert(1, Arc::clone(&rules)).map_or((), |_| ()));
    }
    let change = |to: fn(&mut Proposal)| {
        move |tables: &mut State| to(tables.proposals.values_mut().next().unwrap())
    };
    check(&change(|proposal| proposal.statement_hash = [0; 32]));
    check(&change(|proposal| proposal.kid = kid("nobody")));
    check(&change(|proposal| proposal.person = PersonId(id("nobody"))));
    check(&change(|proposal| proposal.until_min += 1));
    check(&change(|proposal| proposal.done = !proposal.done));
}

/// A state with a row in every table.
fn whole_state() -> State {
    let (world, _) = city_with_history();
    let mut whole = world.tables.clone();
    let (day, until) = (world.today(), world.today().plus(30));
    let (who, done) = (account("hanako"), Some(Seq(9)));
    let (purpose, partner) = (Purpose::Steps, kid("shop-a"));
    let link = LinkRow { account: who, purpose, until, partner, revoked: done };
    whole.links.insert(LinkId(id("link")), link);
    let points = DayPoints { day, points: 5 };
    whole.card_days.insert(CardHash([1; 32]), points);
    whole.terminal_days.insert(partner, points);
    let month = Month::of(day);
    let (shop, first) = (PlaceId([1; 8]), Seq(2));
    let settlement = Settlement { shop, month, first, yen: 5, paid: done };
    whole.settlements.insert(Seq(8), settlement);
    whole.shop_accounts.insert(shop, [1; 32]);
    whole.expired.insert(Fund::General, 5);
    whole.imported.insert(Fund::General, 5);
    let paper = Code::new("paper").unwrap();
    whole
        .openings
        .insert((paper.clone(), Fund::General), Opening { allocated: 5, brought: 1, until });
    let lot = LotKey { purse: Purse::Yen, fund: Fund::General, expires_on: until };
    whole.brought.insert((who, (paper, lot)), Seq(8));
    whole.retired.insert(Fund::General, 5);
    let items = Catalogue::parse(&catalogue(&[])).unwrap();
    whole.catalogues.insert(1, Arc::new(items));
    whole.claimed.insert(1, 5);
    whole.perk_cards.insert(Seq(8), PerkCard { account: who, until, revoked: done });
    whole.entrants.insert((1, Seq(8)), [1; 32]);
    let draw = Draw { commit: Seq(8), prizes: 1, round: 5, winners: None, result: done };
    whole.draws.insert(1, draw);
    whole.undone.insert(Seq(7), Seq(8));
    whole.refunded.insert(Seq(7), Refunded { points: 5, last: Seq(8) });
    let manifest = ManifestState { kid: partner, kind: Kind::Action, count: 1, done };
    whole.manifests.insert(Seq(8), manifest);
    whole.closed.insert(day.minus(1), Seq(8));
    whole
}

/// The table of each name, and a row of it, stand in the hash. A table that is missing here does
/// not compile.
#[test]
fn the_state_hash_covers_every_table() {
    let whole = whole_state();
    macro_rules! check {
        ($($table:ident),+) => {{
            let State { $($table: _,)+ size: _, last_min: _ } = &whole;
            $(
                let mut other = whole.clone();
                assert!(other.$table.pop_first().is_some(), "{} has a row", stringify!($table));
                assert_ne!(other.state_hash(), whole.state_hash(), "{}", stringify!($table));
            )+
        }};
    }
    check!(
        keys,
        places,
        accounts,
        cards,
        codes,
        links,
        acts,
        card_days,
        terminal_days,
        nonces,
        budgets,
        shops,
        shop_accounts,
        settlements,
        expired,
        imported,
        openings,
        brought,
        retired,
        catalogues,
        claimed,
        perk_cards,
        entrants,
        draws,
        undone,
        refunded,
        manifests,
        proposals,
        programmes,
        days,
        closed
    );
    let size = State { size: whole.size + 1, ..whole.clone() };
    assert_ne!(size.state_hash(), whole.state_hash());
    let last = State { last_min: whole.last_min + 1, ..whole.clone() };
    assert_ne!(last.state_hash(), whole.state_hash());
}
