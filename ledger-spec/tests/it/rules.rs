//! The rules as stories. A story is a list of lines; behind the arrow stands what came of each.
//! `UPDATE_EXPECT=1 cargo test` writes the outcomes; read them before you keep them.

use expect_test::{Expect, expect};

use ledger_spec::{
    apply::{Broken, apply},
    entry::{Accounting, Contra, Effect},
    ids::Seq,
    kinds::Kind,
    points::{Fund, LotKey, Purse},
    rows::Overlay,
    statement::read,
};

use crate::{
    story::{Story, tell},
    world::{World, account, kid},
};

/// Tells the lines of a story again and compares line and outcome.
#[track_caller]
fn check(story: &Expect) {
    story.assert_eq(&tell(story.data.trim()));
}

#[test]
fn a_measurement_earns_and_a_shop_redeems() {
    check(&expect![[r#"
        the city is set up
        hanako joins
        balance hanako → 0 yen, 0 challenge
        station-1 reports vegetables of hanako → 20 points
        at 2026-04-11 12:00
        coach reports care of hanako exact=diabetes → 300 points
        shop-a takes 100 from hanako → paid 100 nhi until 2028-03-31
        balance hanako → 220 yen, 0 challenge
        lots hanako → 20 general until 2028-03-31, 200 nhi until 2028-03-31
        budget general 2026 → 20 of 1000000
        budget nhi 2026 → 300 of 1000000
        due shop-a → 100
    "#]]);
}

#[test]
fn a_ledger_begins_with_two_roots_of_two_persons() {
    check(&expect![[r#"
        # Nobody else can begin it, and one person cannot begin it alone.
        staff-1 registers staff-1 as staff → refused: no such key is registered in this ledger
        hanako enrols hanako with=code → refused: no such one-time code
        root-1 founds → done
        root-2 founds person=root-1 → refused: a second person must approve
        root-2 registers root-2 as staff → refused: no such key is registered in this ledger
        root-2 registers root-2 as root place=hall → refused: shops and stations name their place, others name none, and a place keeps its kind
        root-2 founds → done
        root-3 founds → refused: no such key is registered in this ledger
        root-1 registers root-3 as root as=third → proposed
        root-2 approves third → in force
        root-3 founds op=again → refused: the key is registered already
    "#]]);
}

#[test]
fn what_binds_the_city_needs_two_persons() {
    check(&expect![[r#"
        the city is founded
        root-1 registers staff-1 as staff as=one → proposed
        root-1 registers staff-1b as staff person=staff-1 as=two → proposed
        root-2 approves one → in force
        root-2 approves two → in force
        # Two keys of one person are one person.
        staff-1 allocates 500 general 2026 as=money → proposed
        staff-1 approves money → refused: a second person must approve
        staff-1b approves money → refused: a second person must approve
        root-1 approves 999 → refused: no such proposal
        root-1 approves money unseen=yes → refused: the approval is for another statement than the proposal's
        root-1 approves 0 → refused: no such proposal
        # A proposal of other bytes, done and by the same person: the mismatch is named first.
        budget general 2026 → none
        root-1 approves money → in force
        budget general 2026 → 0 of 500
        root-2 approves money → refused: the proposal has taken effect already
        staff-1 approves money unseen=yes → refused: the approval is for another statement than the proposal's
        staff-1 approves money → refused: the proposal has taken effect already
    "#]]);
}

#[test]
fn a_proposal_lapses_after_seven_days() {
    check(&expect![[r#"
        the city is founded
        root-1 allocates 500 general 2026 as=first → proposed
        root-1 allocates 600 general 2026 as=second → proposed
        at 2026-04-17 09:59
        root-2 approves first → in force
        at 2026-04-17 10:00
        root-2 approves second → refused: the proposal has lapsed
        # Lapsed comes before the same person.
        root-1 approves second → refused: the proposal has lapsed
        root-1 approves first → refused: the proposal has taken effect already
    "#]]);
}

#[test]
fn proposals_are_judged_again_when_they_are_approved() {
    check(&expect![[r#"
        the city is set up
        root-1 registers nurse as coach as=one → proposed
        root-1 registers nurse as partner as=two → proposed
        root-2 approves one → in force
        root-2 approves two → refused: the key is registered already
        root-1 publishes version 2 version=2 as=three → proposed
        root-1 publishes version 2 version=2 late_days=5 as=four → proposed
        root-1 publishes version 2 version=2 late_days=32 → refused: `late_days` is at most 31
        root-2 approves three → in force
        root-2 approves four → refused: the next programme version is 3
    "#]]);
}

#[test]
fn keys_and_places() {
    check(&expect![[r#"
        the city is set up
        staff-1 registers shop-a as shop → refused: the key is registered already
        staff-1 registers weak as coach → refused: the public key is not a sound Ed25519 key
        staff-1 registers terminal as shop place=none → refused: shops and stations name their place, others name none, and a place keeps its kind
        staff-1 registers terminal as coach place=shop-a → refused: shops and stations name their place, others name none, and a place keeps its kind
        staff-1 registers terminal as station place=shop-a → refused: shops and stations name their place, others name none, and a place keeps its kind
        staff-1 registers terminal as shop place=shop-a as=terminal → proposed
        staff-2 approves terminal → in force
        # The first key that stands in a place names it.
        name of shop-a → shop-a
        # A key exists before it is weak, and both before its place is looked at.
        staff-1 registers shop-a as shop place=none → refused: the key is registered already
        staff-1 registers weak as shop place=none → refused: the public key is not a sound Ed25519 key
        # Revocation acts from its entry on, and a kid is never used twice.
        stranger registers terminal as shop → malformed: no such key is registered in this ledger
        staff-1 revokes stranger → refused: no such key is registered in this ledger
        shop-a revokes terminal → refused: the key's role does not permit this
        staff-1 revokes terminal → done
        staff-1 revokes terminal → refused: the key has been revoked
        staff-1 registers terminal as shop place=shop-a → refused: the key is registered already
        hanako joins
        terminal takes 100 from hanako shop=shop-a → refused: the key has been revoked
        # The role is looked at before the revocation, and that before the window.
        terminal reports vegetables of hanako → refused: the key's role does not permit this
        terminal takes 100 from hanako shop=shop-a day=2026-01-01 → refused: the key has been revoked
    "#]]);
}

#[test]
fn a_revoked_key_still_gets_the_answer_to_a_retry() {
    check(&expect![[r#"
        the city is set up
        registry opens hanako op=open as=opening → done
        again opening → accepted before, as entry 28
        staff-1 revokes registry → done
        again opening → accepted before, as entry 28
        registry opens taro op=open → refused: the operation's id was used with other bytes
        registry opens taro → refused: the key has been revoked
    "#]]);
}

#[test]
fn who_may_sign_what() {
    check(&expect![[r#"
        the city is set up
        hanako joins
        hanako opens taro → refused: the key's role does not permit this
        shop-a opens taro → refused: the key's role does not permit this
        kiosk opens taro → done
        kiosk admits taro → refused: the key's role does not permit this
        coach takes 10 from hanako → refused: the key's role does not permit this
        root-1 reports vegetables of hanako → refused: the key's role does not permit this
        kiosk reports vegetables of hanako → refused: the key's role does not permit this
        staff-1 voids 1 → refused: the key's role does not permit this
        staff-1 closes 2026-04-09 → refused: the key's role does not permit this
        system closes 2026-04-09 → refused: the day is not over, has no entries or is closed
        staff-1 closes account hanako → refused: this kind of statement is not in force here
        # The role comes first, then the window, then whether the kind is in force.
        shop-a closes account hanako → refused: the key's role does not permit this
        staff-1 closes account hanako day=2026-01-01 → refused: the statement's day is too long ago
        nobody opens taro → malformed: no such key is registered in this ledger
    "#]]);
}

#[test]
fn a_statement_is_sent_soon_after_it_is_signed() {
    check(&expect![[r#"
        the city is set up
        staff-1 opens one day=2026-04-08 → refused: the statement's day is too long ago
        staff-1 opens one day=2026-04-09 → done
        staff-1 opens two day=2026-04-11 → done
        staff-1 opens three day=2026-04-12 → refused: the statement's day or time lies in the future
        hanako joins
        # Day, then deadline, then the state.
        shop-a takes 10 from hanako day=2026-04-08 not_after=-1 → refused: the statement's day is too long ago
        shop-a takes 10 from hanako not_after=-1 → refused: the statement was only good until its deadline, which has passed
        shop-a takes 10 from hanako not_after=+301 → refused: the deadline is more than 300 seconds away
        shop-a takes 10 from hanako not_after=+0 → refused: the balance is too small
        shop-a takes 10 from hanako not_after=+300 → refused: the balance is too small
    "#]]);
}

#[test]
fn accounts_cards_and_codes() {
    check(&expect![[r#"
        the city is set up
        staff-1 admits hanako → refused: no such account
        staff-1 issues hanako card=blue → refused: no such account
        staff-1 opens hanako → done
        staff-1 opens hanako → refused: the account exists already
        staff-1 issues hanako → refused: a card or a one-time code must be named, and neither may exist already
        staff-1 issues hanako code=one → refused: a card or a one-time code must be named, and neither may exist already
        staff-1 issues hanako card=blue until=+5 → refused: a card or a one-time code must be named, and neither may exist already
        staff-1 issues hanako code=one until=+0 → refused: the one-time code has expired
        staff-1 issues hanako code=one until=+5 card=blue → done
        staff-1 issues hanako code=two until=+5 card=blue → refused: a card or a one-time code must be named, and neither may exist already
        staff-1 issues hanako code=one until=+5 → refused: a card or a one-time code must be named, and neither may exist already
        staff-1 revokes card of red → refused: no such card
        staff-1 revokes card of blue → done
        staff-1 revokes card of blue → refused: the card has been revoked
        staff-1 issues hanako card=blue → refused: a card or a one-time code must be named, and neither may exist already
    "#]]);
}

#[test]
fn enrolling_a_phone() {
    check(&expect![[r#"
        the city is set up
        hanako joins
        staff-1 issues hanako code=one until=+5 → done
        staff-1 issues hanako code=two until=+5 → done
        second enrols second with=none → refused: no such one-time code
        second enrols second → refused: this way of naming the resident is not accepted here
        second enrols other with=one → malformed: no such key is registered in this ledger
        second enrols second with=one → done
        third enrols third with=one → refused: the one-time code has been used
        at 2026-04-10 10:05
        third enrols third with=two → refused: the one-time code has expired
        # Used comes before expired.
        third enrols third with=one → refused: the one-time code has been used
        # An enrolled phone vouches for another; a code with it is one word too many.
        hanako enrols third with=two → refused: this way of naming the resident is not accepted here
        hanako enrols second → refused: the key is registered already
        hanako enrols weak → refused: the public key is not a sound Ed25519 key
        hanako enrols third → done
        # A desk would need a proof of the PIN.
        staff-1 enrols fourth → refused: this way of naming the resident is not accepted here
        staff-1 revokes hanako → done
        hanako enrols fourth → refused: the key has been revoked
        third enrols fourth → done
        hanako enrols hanako with=two → refused: the key has been revoked
    "#]]);
}

#[test]
fn a_fresh_phone_spends_little_for_a_day() {
    check(&expect![[r#"
        the city is set up
        hanako joins
        staff-1 reports checkup of hanako holder=account → 500 points
        shop-a takes 200 from hanako → paid 200 general until 2028-03-31
        shop-b takes 101 from hanako → refused: a phone spends at most 300 points in its first 24 hours
        shop-a takes 100 from hanako → paid 100 general until 2028-03-31
        at 2026-04-11 09:59
        shop-a takes 301 from hanako max=301 → refused: a phone spends at most 300 points in its first 24 hours
        at 2026-04-11 10:00
        shop-a takes 201 from hanako → refused: the balance is too small
        shop-a takes 200 from hanako → paid 200 general until 2028-03-31
    "#]]);
}

#[test]
fn limits_of_spending() {
    check(&expect![[r#"
        the city is set up redeem.max_day=1100 redeem.fresh_device_max_day=1050
        hanako joins
        shop-a takes 9 from hanako → refused: a redemption spends at least 10 points
        shop-a takes 1001 from hanako → refused: a redemption spends at most 1000 points
        shop-a takes 10 from hanako → refused: the balance is too small
        staff-1 reports checkup of hanako holder=account → 500 points
        coach reports care of hanako exact=guidance → 300 points
        at 2026-04-11 09:00
        staff-1 reports checkup of hanako holder=account → 500 points
        coach reports care of hanako exact=guidance → 300 points
        balance hanako → 1600 yen, 0 challenge
        shop-a takes 1000 from hanako as=first → paid 600 nhi until 2028-03-31, 400 general until 2028-03-31
        # The day's limit of all, then the fresh phone's, then the balance.
        shop-a takes 101 from hanako → refused: an account spends at most 1100 points a day
        shop-a takes 51 from hanako → refused: a phone spends at most 1050 points in its first 24 hours
        at 2026-04-11 11:00
        shop-a takes 101 from hanako → refused: an account spends at most 1100 points a day
        # A void gives the day's room back.
        shop-a voids first → back 400 general until 2028-03-31, 600 nhi until 2028-03-31
        shop-b takes 100 from hanako → paid 100 nhi until 2028-03-31
        balance hanako → 1500 yen, 0 challenge
        at 2026-04-11 23:59
        shop-b takes 1000 from hanako → paid 500 nhi until 2028-03-31, 500 general until 2028-03-31
        at 2026-04-12 00:00
        shop-b takes 1000 from hanako → refused: the balance is too small
        shop-b takes 500 from hanako → paid 500 general until 2028-03-31
    "#]]);
}

#[test]
fn a_pay_token_is_good_once_here_and_for_a_while() {
    check(&expect![[r#"
        the city is set up
        hanako joins
        taro joins
        staff-1 reports checkup of hanako holder=account → 500 points
        shop-a takes 10 from hanako exp=+0 → refused: the code has expired
        shop-a takes 10 from hanako exp=+1 → paid 10 general until 2028-03-31
        shop-a takes 10 from hanako exp=+300 → paid 10 general until 2028-03-31
        shop-a takes 10 from hanako exp=+301 → refused: the code's end is more than 300 seconds away
        shop-a takes 10 from hanako foreign=yes exp=+0 → refused: the code is for another programme
        shop-a takes 10 from hanako max=9 → refused: the code allows fewer points
        shop-a takes 10 from hanako max=0 → refused: the code allows fewer points
        shop-a takes 10 from hanako max=10 token=once → paid 10 general until 2028-03-31
        shop-b takes 10 from hanako token=once → refused: the code has been used
        shop-b takes 11 from hanako token=once → refused: the code has been used
        # Not made by a phone that is enrolled: unknown, or a terminal's own key.
        shop-a takes 10 from hanako phone=unknown → malformed: the code was not made by a phone that is enrolled here
        shop-a takes 10 from hanako phone=shop-a → refused: this way of naming the resident is not accepted here
        shop-a takes 10 from hanako card=hanako → refused: this way of naming the resident is not accepted here
        shop-a takes 10 from hanako holder=account → refused: this way of naming the resident is not accepted here
        # Foreign, then the phone, then the end, then the use.
        staff-1 revokes taro → done
        shop-a takes 10 from taro foreign=yes → refused: the code is for another programme
        shop-a takes 10 from taro exp=+301 → refused: the phone that made the code has been removed
        at 2026-04-10 10:02
        shop-b takes 10 from hanako token=once → refused: the code has expired
        # Showing a code does not use it up at a station.
        station-1 reports vegetables of hanako token=seen → 20 points
        shop-b takes 10 from hanako token=seen → paid 10 general until 2028-03-31
        station-2 reports vegetables of hanako token=seen → refused: the code has been used
    "#]]);
}

#[test]
fn a_redemption_is_checked_in_this_order() {
    check(&expect![[r#"
        the city is set up
        hanako joins
        shop-a takes 9 from hanako shop=shop-b programme=2 exp=+0 max=1 → refused: the terminal belongs to another shop
        shop-a takes 9 from hanako programme=2 exp=+0 max=1 → refused: programme version 1 is in force on that day
        shop-a takes 9 from hanako exp=+0 max=1 → refused: a redemption spends at least 10 points
        shop-a takes 1001 from hanako exp=+0 max=1 → refused: a redemption spends at most 1000 points
        shop-a takes 900 from hanako exp=+0 max=1 → refused: the code has expired
        shop-a takes 900 from hanako max=1 → refused: the code allows fewer points
        shop-a takes 900 from hanako → refused: a phone spends at most 300 points in its first 24 hours
        shop-a takes 300 from hanako → refused: the balance is too small
        at 2027-04-01 00:00
        shop-a takes 9 from hanako → refused: no programme is in force on that day
    "#]]);
}

#[test]
fn lots_that_expire_first_are_spent_first_and_then_by_the_programmes_funds() {
    check(&expect![[r#"
        the city is set up
        root-1 allocates 1000 general 2027 as=g → proposed
        root-2 approves g → in force
        root-1 allocates 1000 nhi 2027 as=n → proposed
        root-2 approves n → in force
        root-1 publishes version 2 version=2 fiscal_year=2027 from=2027-04-01 until=2028-03-31 funds.0=general funds.1=nhi as=p → proposed
        root-2 approves p → in force
        hanako joins
        staff-1 reports vegetables of hanako holder=account → 20 points
        staff-1 reports class of hanako holder=account → 20 points
        at 2027-04-01 00:00
        staff-1 reports vegetables of hanako holder=account → 20 points
        staff-1 reports class of hanako holder=account → 20 points
        lots hanako → 20 general until 2028-03-31, 20 general until 2029-03-31, 20 nhi until 2028-03-31, 20 nhi until 2029-03-31
        # The programme of 2027 spends the general fund first; the one of 2026 would not.
        shop-a takes 25 from hanako as=first → paid 20 general until 2028-03-31, 5 nhi until 2028-03-31
        shop-a takes 40 from hanako as=second → paid 15 nhi until 2028-03-31, 20 general until 2029-03-31, 5 nhi until 2029-03-31
        shop-a voids second → back 5 nhi until 2029-03-31, 20 general until 2029-03-31, 15 nhi until 2028-03-31
        lots hanako → 20 general until 2029-03-31, 15 nhi until 2028-03-31, 20 nhi until 2029-03-31
        shop-a takes 55 from hanako → paid 15 nhi until 2028-03-31, 20 general until 2029-03-31, 20 nhi until 2029-03-31
        lots hanako → none
    "#]]);
    check(&expect![[r#"
        the city is set up
        hanako joins
        staff-1 reports vegetables of hanako holder=account → 20 points
        staff-1 reports class of hanako holder=account → 20 points
        shop-a takes 25 from hanako → paid 20 nhi until 2028-03-31, 5 general until 2028-03-31
    "#]]);
}

#[test]
fn points_expire_at_midnight_in_japan_without_an_entry() {
    check(&expect![[r#"
        the city is set up
        root-1 publishes version 2 version=2 fiscal_year=2027 from=2027-04-01 until=2028-03-31 as=p → proposed
        root-2 approves p → in force
        root-1 publishes version 3 version=3 fiscal_year=2028 from=2028-04-01 until=2029-03-31 as=p → proposed
        root-2 approves p → in force
        hanako joins
        staff-1 reports vegetables of hanako holder=account → 20 points
        staff-1 reports walk of hanako holder=account → 15 points
        at 2028-03-31 23:59:59
        balance hanako → 20 yen, 15 challenge
        shop-a takes 10 from hanako → paid 10 general until 2028-03-31
        at 2028-04-01 00:00:00
        balance hanako → 0 yen, 0 challenge
        shop-a takes 10 from hanako → refused: the balance is too small
        lots hanako → 10 general until 2028-03-31, 15 none until 2028-03-31
    "#]]);
}

#[test]
fn a_void_is_for_the_same_shop_and_day_and_once() {
    check(&expect![[r#"
        the city is set up
        root-1 registers till as shop place=shop-a as=till → proposed
        root-2 approves till → in force
        hanako joins
        staff-1 reports checkup of hanako holder=account as=grant → 500 points
        shop-a takes 100 from hanako as=first → paid 100 general until 2028-03-31
        shop-a takes 50 from hanako as=second → paid 50 general until 2028-03-31
        shop-a takes 60 from hanako as=third → paid 60 general until 2028-03-31
        shop-b voids first → refused: the terminal belongs to another shop
        shop-a voids 9999 → refused: no such entry
        shop-a voids grant → refused: the entry is no redemption
        shop-a voids 0 → refused: the entry is no redemption
        # Any terminal of the shop will do.
        till voids first as=void → back 100 general until 2028-03-31
        till voids first → refused: the entry is undone already, by entry 38
        shop-a voids void → refused: the entry is no redemption
        balance hanako → 390 yen, 0 challenge
        due shop-a → 110
        at 2026-04-10 23:59:59
        shop-a voids second → back 50 general until 2028-03-31
        at 2026-04-11 00:00
        shop-a voids third → refused: a redemption can be undone until 24:00 of its day
        # Another shop, then undone, then the day.
        shop-b voids second → refused: the terminal belongs to another shop
        shop-a voids second → refused: the entry is undone already, by entry 39
        balance hanako → 440 yen, 0 challenge
        due shop-a → 60
    "#]]);
}

#[test]
fn the_same_act_counts_once() {
    check(&expect![[r#"
        the city is set up
        hanako joins
        taro joins
        # A rule by minute: the same place and minute is the same act.
        station-1 reports vegetables of hanako → 20 points
        station-1 reports vegetables of hanako → refused: this act is recorded already, as entry 36
        station-1 reports vegetables of taro → 20 points
        station-2 reports vegetables of hanako → 20 points
        at 2026-04-10 10:00:59
        station-1 reports vegetables of hanako → refused: this act is recorded already, as entry 36
        at 2026-04-10 10:01:00
        station-1 reports vegetables of hanako → 20 points
        # A rule by day: whoever reports it.
        registry reports checkup of hanako holder=account → 500 points
        staff-1 reports checkup of hanako holder=account → refused: this act is recorded already, as entry 40
        coach reports care of hanako exact=diabetes → 300 points
        coach reports care of hanako exact=diabetes → refused: this act is recorded already, as entry 41
        coach reports care of hanako exact=guidance → 300 points
        at 2026-04-11 00:00
        coach reports care of hanako exact=diabetes → 300 points
        staff-1 reports checkup of hanako holder=account time=2026-04-10T23:59 → refused: this act is recorded already, as entry 40
    "#]]);
}

#[test]
fn an_action_is_checked_in_this_order() {
    check(&expect![[r#"
        the city is set up
        hanako joins
        # Window, programme, lateness, time, disclosure, rule, exact action, signer, holder, act.
        station-1 reports dance of hanako day=2026-04-11 programme=2 → refused: the statement's day or time lies in the future
        station-1 reports dance of hanako day=2026-03-31 programme=2 → refused: no programme is in force on that day
        station-1 reports dance of hanako day=2026-04-06 programme=2 → refused: programme version 1 is in force on that day
        station-1 reports dance of hanako day=2026-04-06 programme=1 → refused: the statement's day is too long ago
        station-1 reports dance of hanako time=2026-04-10T10:03 level=121 → refused: the statement's day or time lies in the future
        station-1 reports dance of hanako time=2026-04-10T10:02 level=121 → refused: the disclosure does not fit the statement
        station-1 reports dance of hanako time=2026-04-09T10:02 day=2026-04-10 → refused: the disclosure does not fit the statement
        station-1 reports dance of hanako exact=tango → refused: the programme has no such action
        station-1 reports care of hanako → refused: the programme has no such action
        station-1 reports care of hanako exact=dance → refused: the programme has no such action
        station-1 reports diabetes of hanako → refused: the programme has no such action
        station-1 reports vegetables of hanako exact=diabetes → refused: the programme has no such action
        station-1 reports care of hanako exact=diabetes exp=+0 → refused: the key's role does not permit this
        station-1 reports checkup of hanako exp=+0 → refused: the key's role does not permit this
        station-1 reports vegetables of hanako exp=+0 level=120 → refused: the code has expired
        station-1 reports vegetables of hanako level=120 → 20 points
        station-1 reports vegetables of hanako level=1 exp=+0 → refused: the code has expired
    "#]]);
}

#[test]
fn how_a_resident_is_recognised() {
    check(&expect![[r#"
        the city is set up
        hanako joins
        station-1 reports vegetables of hanako holder=none → refused: this way of naming the resident is not accepted here
        station-1 reports vegetables of hanako holder=account → refused: this way of naming the resident is not accepted here
        staff-1 reports vegetables of hanako holder=account → 20 points
        staff-1 reports vegetables of taro holder=account → refused: no such account
        staff-1 issues hanako card=mistyped → done
        station-1 reports vegetables of hanako card=mistyped → refused: the card's number has a mistake
        station-1 reports vegetables of hanako card=unknown → refused: no such card
        station-1 reports vegetables of hanako card=hanako → 20 points
        staff-1 revokes card of hanako → done
        station-1 reports vegetables of hanako card=hanako → refused: the card has been revoked
    "#]]);
}

#[test]
fn an_action_of_someone_who_does_not_take_part_earns_nothing() {
    check(&expect![[r#"
        the city is set up
        kiosk opens hanako → done
        staff-1 reports vegetables of hanako holder=account → 0 points, noteligible
        staff-1 excludes hanako → done
        at 2026-04-10 10:01
        staff-1 reports vegetables of hanako holder=account → 0 points, noteligible
        staff-1 admits hanako → done
        at 2026-04-10 10:02
        staff-1 reports vegetables of hanako holder=account → 20 points
        staff-1 reports vegetables of hanako holder=account time=2026-04-10T10:01 → refused: this act is recorded already, as entry 31
        balance hanako → 20 yen, 0 challenge
    "#]]);
}

#[test]
fn a_budget_runs_out() {
    check(&expect![[r#"
        the city is set up rules.0.points=30
        root-1 publishes version 2 version=2 fiscal_year=2027 from=2027-04-01 until=2028-03-31 as=p → proposed
        root-2 approves p → in force
        staff-1 allocates 1000 none 2027 → refused: a budget is 1 to 1000000000 points of a paying fund
        staff-1 allocates 0 general 2027 → refused: a budget is 1 to 1000000000 points of a paying fund
        staff-1 allocates 1000000001 general 2027 → refused: a budget is 1 to 1000000000 points of a paying fund
        staff-1 allocates 1000000000 general 2028 → proposed
        staff-1 allocates 30 general 2027 as=money → proposed
        staff-2 approves money → in force
        hanako joins
        taro joins
        at 2027-04-01 09:00
        staff-1 reports vegetables of hanako holder=account → 20 points
        staff-1 reports vegetables of taro holder=account → 10 points, budget
        staff-1 reports class of taro holder=account → 0 points, budget
        staff-1 reports walk of taro holder=account → 15 points
        budget general 2027 → 30 of 30
        at 2027-04-01 09:01
        staff-1 reports vegetables of taro holder=account → 0 points, budget
        staff-1 allocates 5 general 2027 as=more → proposed
        staff-2 approves more → in force
        at 2027-04-01 09:02
        staff-1 reports vegetables of taro holder=account → 5 points, budget
        # A late action draws on the year of its own day.
        staff-1 reports vegetables of taro holder=account time=2027-03-31T23:59 → 30 points
        budget general 2026 → 30 of 1000000
        budget general 2027 → 35 of 35
        # What is spent at a shop does not come back.
        shop-a takes 20 from hanako → paid 20 general until 2029-03-31
        budget general 2027 → 35 of 35
    "#]]);
}

#[test]
fn at_most_64_lots() {
    check(&expect![[r#"
        the city is set up
        hanako joins
        hanako holds 63 lots
        staff-1 reports vegetables of hanako holder=account → 20 points
        at 2026-04-10 10:01
        staff-1 reports vegetables of hanako holder=account → 20 points
        staff-1 reports walk of hanako holder=account → 0 points, lots
        staff-1 reports class of hanako holder=account → 0 points, lots
    "#]]);
}

#[test]
fn every_cap_binds_in_its_own_period() {
    let mut table = String::new();
    for of in ["rule", "class", "all"] {
        for (per, last) in
            [("day", "2026-04-10"), ("month", "2026-04-30"), ("fiscal_year", "2027-03-31")]
        {
            table += &format!("{of} {per}: {}\n", under_a_cap_of_50(of, per, last));
        }
    }
    expect![[r#"
        rule day: 20 points; 20 points; 20 points; 15 points; 300 points; 10 points, cap rule day; 0 points, cap rule day; 20 points; 0 points, cap rule day; 20 points
        rule month: 20 points; 20 points; 20 points; 15 points; 300 points; 10 points, cap rule month; 0 points, cap rule month; 20 points; 0 points, cap rule month; 20 points
        rule fiscal_year: 20 points; 20 points; 20 points; 15 points; 300 points; 10 points, cap rule fiscalyear; 0 points, cap rule fiscalyear; 20 points; 0 points, cap rule fiscalyear; 20 points
        class day: 20 points; 20 points; 10 points, cap class day; 15 points; 300 points; 0 points, cap class day; 0 points, cap class day; 20 points; 0 points, cap class day; 0 points, cap class day
        class month: 20 points; 20 points; 10 points, cap class month; 15 points; 300 points; 0 points, cap class month; 0 points, cap class month; 20 points; 0 points, cap class month; 0 points, cap class month
        class fiscal_year: 20 points; 20 points; 10 points, cap class fiscalyear; 15 points; 300 points; 0 points, cap class fiscalyear; 0 points, cap class fiscalyear; 20 points; 0 points, cap class fiscalyear; 0 points, cap class fiscalyear
        all day: 20 points; 20 points; 10 points, cap all day; 15 points; 0 points, cap all day; 0 points, cap all day; 0 points, cap all day; 20 points; 0 points, cap all day; 0 points, cap all day
        all month: 20 points; 20 points; 10 points, cap all month; 15 points; 0 points, cap all month; 0 points, cap all month; 0 points, cap all month; 20 points; 0 points, cap all month; 0 points, cap all month
        all fiscal_year: 20 points; 20 points; 10 points, cap all fiscalyear; 15 points; 0 points, cap all fiscalyear; 0 points, cap all fiscalyear; 0 points, cap all fiscalyear; 20 points; 0 points, cap all fiscalyear; 0 points, cap all fiscalyear
    "#]].assert_eq(&table);
}

/// What a row of actions is granted under one cap of 50 points, in the last hours of its period and after them.
fn under_a_cap_of_50(of: &str, per: &str, last: &str) -> String {
    let cap = match of {
        "rule" => format!(r#"rules.0.caps=[{{"per":"{per}","points":50}}]"#),
        "class" => {
            format!(r#"caps=[{{"class":"habit","purse":"yen","per":"{per}","points":50}}]"#)
        }
        _ => format!(r#"caps=[{{"purse":"yen","per":"{per}","points":50}}]"#),
    };
    let next = ledger_spec::time::Day::parse(last).unwrap().plus(1);
    let year = "fiscal_year=2027 from=2027-04-01 until=2028-03-31";
    let told = tell(&format!(
        "the city is set up {cap}
         root-1 publishes version 2 version=2 {year} {cap} as=p
         root-2 approves p
         root-1 allocates 1000 general 2027 as=m
         root-2 approves m
         hanako joins
         at {last} 22:00
         staff-1 reports vegetables of hanako holder=account
         at {last} 22:01
         staff-1 reports vegetables of hanako holder=account
         # Another rule of the class, another purse, another class.
         staff-1 reports class of hanako holder=account
         staff-1 reports walk of hanako holder=account
         coach reports care of hanako exact=guidance
         at {last} 23:59
         staff-1 reports vegetables of hanako holder=account
         staff-1 reports vegetables of hanako holder=account time={last}T23:58
         at {next} 00:00
         staff-1 reports vegetables of hanako holder=account
         # Late: charged to the period of its own day.
         staff-1 reports vegetables of hanako holder=account time={last}T23:57
         staff-1 reports class of hanako holder=account time={last}T23:57"
    ));
    let granted = told.lines().filter(|line| line.contains(" reports "));
    granted.map(|line| line.split(" → ").nth(1).unwrap()).collect::<Vec<_>>().join("; ")
}

#[test]
fn the_cap_that_leaves_least_is_named() {
    check(&expect![[r#"
        the city is set up rules.0.caps=[{"per":"day","points":45},{"per":"month","points":25}] caps=[{"purse":"yen","per":"day","points":30}]
        hanako joins
        staff-1 reports vegetables of hanako holder=account → 20 points
        at 2026-04-10 10:01
        staff-1 reports vegetables of hanako holder=account → 5 points, cap rule month
        staff-1 reports class of hanako holder=account → 5 points, cap all day
        # Of two that leave the same, the first in the programme's order.
        at 2026-04-10 10:02
        staff-1 reports vegetables of hanako holder=account → 0 points, cap rule month
    "#]]);
}

#[test]
fn each_class_has_its_own_cap() {
    check(&expect![[r#"
        the city is set up caps=[{"class":"habit","purse":"yen","per":"day","points":30},{"class":"milestone","purse":"yen","per":"day","points":310}]
        hanako joins
        coach reports care of hanako exact=guidance → 300 points
        staff-1 reports vegetables of hanako holder=account → 20 points
        staff-1 reports class of hanako holder=account → 10 points, cap class day
        staff-1 reports checkup of hanako holder=account → 10 points, cap class day
    "#]]);
}

#[test]
fn the_accounting_part_tells_the_minute_only_where_money_moves() {
    let (world, void) = city_with_history();
    let day_min = world.today().start_ms() / 60_000;
    let mut entries: Vec<Accounting> =
        (0..world.tables.size).map(|seq| world.entry(Seq(seq)).unwrap()).collect();
    entries.push(void);
    for entry in &entries {
        let kind = read(&entry.statement.0).unwrap().1.core.body.kind();
        let exact = entry.link.is_none() || matches!(kind, Kind::Redeem | Kind::Void);
        let minute = if exact { 600 } else { 0 };
        assert_eq!(entry.accepted_min, day_min + minute, "{kind:?}");
    }
}

#[test]
fn an_accounts_entries_form_a_chain() {
    let (world, void) = city_with_history();
    let entries = (0..world.tables.size).map(|seq| world.entry(Seq(seq)).unwrap());
    let links = entries.chain([void]).filter_map(|entry| Some((entry.link?, entry.seq)));
    let mut before = None;
    for ((link, seq), count) in links.zip(0..) {
        assert_eq!((link.account, link.account_seq), (account("hanako"), count));
        assert_eq!(link.previous, before);
        before = Some(seq);
    }
    assert!(before.is_some());
}

#[test]
fn a_late_action_meets_the_cap_of_its_own_day() {
    check(&expect![[r#"
        the city is set up late_days=10 rules.0.caps=[{"per":"day","points":20},{"per":"fiscal_year","points":30}]
        root-1 publishes version 2 version=2 fiscal_year=2027 from=2027-04-01 until=2028-03-31 late_days=0 as=p → proposed
        root-2 approves p → in force
        root-1 allocates 1000 general 2027 as=m → proposed
        root-2 approves m → in force
        hanako joins
        at 2027-03-31 10:00
        staff-1 reports vegetables of hanako holder=account → 20 points
        # An action of the next year, whose programme takes nothing late, forgets nothing of this one.
        at 2027-04-05 10:00
        staff-1 reports vegetables of hanako holder=account → 20 points
        staff-1 reports vegetables of hanako holder=account time=2027-03-31T10:01 → 0 points, cap rule day
        staff-1 reports vegetables of hanako holder=account time=2027-03-30T10:01 → 10 points, cap rule fiscalyear
        staff-1 reports vegetables of hanako holder=account time=2027-03-29T10:01 → 0 points, cap rule fiscalyear
        at 2027-04-05 10:01
        staff-1 reports vegetables of hanako holder=account time=2027-04-04T10:01 → refused: the statement's day is too long ago
        at 2027-04-10 23:59
        staff-1 reports vegetables of hanako holder=account time=2027-03-31T10:02 → 0 points, cap rule day
        at 2027-04-11 00:00
        staff-1 reports vegetables of hanako holder=account time=2027-03-31T10:03 → refused: the statement's day is too long ago
    "#]]);
}

#[test]
fn the_programme_changes_at_midnight_before_1_april() {
    check(&expect![[r#"
        the city is set up
        root-1 publishes version 2 version=2 fiscal_year=2027 from=2027-04-01 until=2028-03-31 rules.0.points=5 redeem.min=1 as=p → proposed
        root-2 approves p → in force
        root-1 allocates 1000 general 2027 as=m → proposed
        root-2 approves m → in force
        hanako joins
        at 2027-03-31 23:59:59
        station-1 reports vegetables of hanako → 20 points
        station-1 reports vegetables of hanako programme=2 → refused: programme version 1 is in force on that day
        shop-a takes 5 from hanako → refused: a redemption spends at least 10 points
        at 2027-04-01 00:00:00
        station-1 reports vegetables of hanako → 5 points
        station-1 reports vegetables of hanako programme=1 → refused: programme version 2 is in force on that day
        shop-a takes 5 from hanako → paid 5 general until 2028-03-31
        # Signed before midnight, accepted after it: by the rules that the terminal knew.
        shop-a takes 5 from hanako day=2027-03-31 programme=1 → refused: a redemption spends at least 10 points
        shop-a takes 10 from hanako day=2027-03-31 programme=1 → paid 10 general until 2028-03-31
        station-2 reports vegetables of hanako time=2027-03-31T23:59 → 20 points
        at 2027-04-03 23:59
        station-2 reports vegetables of hanako time=2027-03-31T23:58 → 20 points
        at 2027-04-04 00:00
        station-2 reports vegetables of hanako time=2027-03-31T23:57 → refused: the statement's day is too long ago
        budget general 2026 → 60 of 1000000
        budget general 2027 → 5 of 1000
        lots hanako → 45 general until 2028-03-31, 5 general until 2029-03-31
        at 2028-04-01 00:00
        station-1 reports vegetables of hanako → refused: no programme is in force on that day
    "#]]);
}

#[test]
fn the_29th_of_february_is_a_day_of_its_own() {
    check(&expect![[r#"
        at 2028-02-28 10:00
        the city is set up fiscal_year=2027 from=2027-04-01 until=2028-03-31 late_days=31 rules.0.caps=[{"per":"month","points":50}]
        root-1 allocates 100000 general 2027 as=m → proposed
        root-2 approves m → in force
        hanako joins
        staff-1 reports checkup of hanako holder=account → 500 points
        station-1 reports vegetables of hanako → 20 points
        at 2028-02-29 10:00
        staff-1 reports checkup of hanako holder=account → 500 points
        station-1 reports vegetables of hanako → 20 points
        at 2028-02-29 23:59
        station-1 reports vegetables of hanako → 10 points, cap rule month
        at 2028-03-01 00:00
        station-1 reports vegetables of hanako → 20 points
        staff-1 reports checkup of hanako holder=account → 500 points
        at 2028-03-31 23:59
        station-1 reports vegetables of hanako time=2028-02-29T23:59 card=hanako → refused: this act is recorded already, as entry 38
        station-1 reports vegetables of hanako time=2028-02-29T23:58 card=hanako → 0 points, cap rule month
        lots hanako → 1570 general until 2029-03-31
    "#]]);
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
        system closes 2026-04-10 → closed: 42 entries, 2 accounts, 2 earned 50, 1 spent 10
        system closes 2026-04-10 → refused: the day is not over, has no entries or is closed
        at 2026-04-13 12:00
        system closes 2026-04-12 → refused: the day is not over, has no entries or is closed
        system closes 2026-04-11 → closed: 1 entries, 0 accounts, 0 earned 0, 0 spent 0
    "#]]);
}

#[test]
fn statements_that_no_rule_sees() {
    check(&expect![[r#"
        the city is set up
        staff-1 opens hanako ledger=elsewhere → malformed: the statement is for another ledger
        staff-1 opens hanako signed=nobody → malformed: no such key is registered in this ledger
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
    check(Err(Broken::Chain), &|entry| entry.link.as_mut().unwrap().account_seq += 1);
    check(Err(Broken::Chain), &|entry| entry.link.as_mut().unwrap().previous = Some(Seq(1)));
    check(Err(Broken::Missing("account")), &|entry| entry.link = None);
    check(Err(Broken::Missing("account")), &|entry| {
        entry.link.as_mut().unwrap().account = account("nobody");
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
        check(Err(Broken::Missing(what)), &|entry| entry.effects.push(double.clone()));
    }
    let kid = kid("station-1");
    let ends = vec![Effect::KeyRevoked { kid }; 2];
    check(Err(Broken::Missing("key")), &|entry| entry.effects.extend(ends.clone()));
    check(Err(Broken::Missing("undone entry")), &|entry| {
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
    check(Err(Broken::Missing("balance")), &change(|_, points, _| *points -= 1));
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
        Err(Broken::Missing("contra account")),
        &change(|_, _, contra| {
            *contra = Contra::Challenge;
        }),
    );
    check(
        Err(Broken::Missing("contra account")),
        &change(|lot, points, contra| {
            (lot.purse, lot.fund) = (Purse::Challenge, Fund::None);
            (*points, *contra) = (1, Contra::Budget(2026));
        }),
    );
}

/// Every refusal that the rules know is told of in a story above.
#[test]
fn every_rejection_has_a_story() {
    let stories = include_str!("rules.rs");
    let rules = include_str!("../../src/decide.rs");
    let texts = rules.split("#[error(\"").skip(1).map(|rest| {
        let text = rest.split('"').next().unwrap();
        text.split(['{', '\\']).next().unwrap()
    });
    let untold: Vec<&str> =
        texts.filter(|text| !stories.contains(&format!("refused: {text}"))).collect();
    assert_eq!(untold, Vec::<&str>::new());
}
