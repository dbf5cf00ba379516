//! Rewards: claimed once and to the last, used before their day at the right shop, taken back,
//! drawn.

use expect_test::expect;
use ledger_spec::catalogue::Catalogue;
use ledger_spec::points::{Fund, LotKey, POINTS_MAX, Purse};
use ledger_spec::state::{Account, Lot};
use ledger_spec::time::Day;
use serde_json::{Value, json};

use super::check;
use crate::world::catalogue;

/// A fault of the fixture with one member replaced.
#[track_caller]
fn fault(path: &str, value: Value, expected: &str) {
    let error = Catalogue::parse(&catalogue(&[(path.into(), value)])).expect_err(expected);
    assert!(error.to_string().contains(expected), "{error}");
}

#[test]
fn a_catalogue_with_a_fault_is_refused_with_its_place() {
    assert!(Catalogue::parse(&catalogue(&[])).is_ok());
    fault("items", json!([]), "items: there are 1 to");
    fault("items.1.number", json!(1), "items[1]: this number or code stands twice");
    fault("items.1.code", json!("melon"), "items[1]: this number or code stands twice");
    fault("items.0.name", json!(""), "items[0].name: names are");
    fault("items.0.code", json!("x".repeat(41)), "items[0].name: names are");
    fault("items.0.from", json!("2027-04-01"), "items[0].from: `from` is not after");
    fault("items.0.points", json!(0), "items[0].points: `points` are 1 to 100000");
    fault("items.0.points", json!(100_001), "items[0].points: `points` are 1 to 100000");
    fault("items.0.stock", json!(0), "items[0].stock: `stock` and `per_person`");
    fault("items.0.per_person", json!(0), "items[0].stock: `stock` and `per_person`");
    fault("items.0.purse", json!("challenge"), "items[0].purse: purse `yen` pays for");
    fault("items.3.purse", json!("challenge"), "items[3].purse: purse `yen` pays for");
    fault("items.6.purse", json!("yen"), "items[6].purse: purse `yen` pays for");
    fault("items.0.gives.voucher.receives", json!(201), "items[0].gives.receives: `receives`");
    fault("items.0.gives.voucher.valid_days", json!(0), "items[0].gives.valid_days");
    fault("items.5.gives.perk_card.valid_days", json!(367), "items[5].gives.valid_days");
    fault("items.5.per_person", json!(2), "items[5].per_person: a perk card is claimed once");
    fault("items.6.gives.lottery.prizes", json!(1_001), "items[6].gives: `prizes` are 1 to 1000");
    let day = json!("2026-04-30");
    fault("items.6.gives.lottery.draw_from", day, "items[6].gives: `prizes` are 1 to 1000");
    fault("items.4.auto", json!(true), "items[4].auto: `auto` is for one donation");
    fault("items.0.colour", json!("red"), "does not fit the format");
    fault(
        "items.0.gives.voucher.shops",
        json!(["x"]),
        "an id of 8 bytes in lower-case hexadecimal",
    );
    fault("guests", json!(vec!["0000000000000000"; 201]), "guests: there are 1 to");
}

#[test]
fn a_catalogue_needs_two_persons_and_counts_up() {
    check(&expect![[r#"
        the city is set up
        hanako joins
        hanako claims melon 200 → refused: the catalogue has no such item
        staff-1 offers version 2 version=2 → refused: the next catalogue version is 1
        staff-1 offers version 1 version=2 → refused: the next catalogue version is 1
        staff-1 offers version 1 guests=["nowhere"] → refused: shops and stations name their place, others name none, and a place keeps its kind
        staff-1 offers version 1 guests=["coach"] → refused: shops and stations name their place, others name none, and a place keeps its kind
        staff-1 offers version 1 items.0.points=0 → refused: items[0].points: `points` are 1 to 100000
        shop-a offers version 1 → refused: the key's role does not permit this
        staff-1 offers version 1 as=one → proposed
        hanako claims melon 200 → refused: the catalogue has no such item
        staff-1 approves one → refused: a second person must approve
        staff-2 approves one → in force
        # A number keeps its meaning, and versions only go forward.
        staff-1 offers version 1 → refused: the next catalogue version is 2
        staff-1 offers version 2 version=2 items.0.code=lemon → refused: items[0].number: number 1 stands for another item in an earlier version
        staff-1 offers version 2 version=2 items.0.gives={"donation":{"to":"shop-b"}} items.3.auto=false → refused: items[0].number: number 1 stands for another item in an earlier version
        staff-1 offers version 2 version=2 items.0.points=300 as=two → proposed
        staff-2 approves two → in force
        hanako claims melon 200 → refused: the item takes 300 points, a donation or an export whole units of so many
    "#]]);
}

/// Golden case: the last item is claimed twice.
#[test]
fn the_last_item_is_claimed_once() {
    check(&expect![[r#"
        the city is set up
        hanako joins
        taro joins
        the catalogue is in force items.0.stock=1
        staff-1 reports checkup of hanako holder=account → 500 points
        staff-1 reports checkup of taro holder=account → 500 points
        hanako claims melon 200 as=mine → claimed 200 general until 2028-03-31, good until 2026-04-15
        taro claims melon 200 as=theirs → refused: none of the item is left
        balance hanako → 300 yen, 0 challenge
        balance taro → 500 yen, 0 challenge
        held hanako → 200 general until 2028-03-31
        claimed melon → 1
        again mine → accepted before, as entry 42
        # It comes back to the shelf when it is cancelled, and to the person's number.
        staff-1 cancels mine → returned free 200 general until 2028-03-31
        balance hanako → 500 yen, 0 challenge
        claimed melon → 0
        taro claims melon 200 as=theirs → claimed 200 general until 2028-03-31, good until 2026-04-15
        hanako claims melon 200 → refused: none of the item is left
        shop-a uses theirs → free 200 general until 2028-03-31, paid 150 general until 2028-03-31, given up 50 general until 2028-03-31
        claimed melon → 1
        retired general → 50
        due shop-a → 150
    "#]]);
}

/// Golden cases: used after its last day, cancelled by the shop, used in another city of the
/// prefecture.
#[test]
fn a_voucher_is_used_once_in_time_at_its_shops() {
    check(&expect![[r#"
        the city is set up
        hanako joins
        the catalogue is in force
        staff-1 reports checkup of hanako holder=account → 500 points
        staff-1 adjusts hanako 100 none 2028-03-31 as=walks → proposed
        staff-2 approves walks → plus 100 none until 2028-03-31, challenge
        staff-1 adjusts hanako 500 nhi 2027-03-31 as=more → proposed
        staff-2 approves more → plus 500 nhi until 2027-03-31, budget(2026)
        at 2026-04-12 10:00
        hanako claims melon 200 as=melon → claimed 200 nhi until 2027-03-31, good until 2026-04-17
        hanako claims bath 100 as=bath → claimed 100 nhi until 2027-03-31, good until 2026-04-17
        hanako claims tea 10 as=tea → claimed 10 none until 2028-03-31, good until 2026-04-17
        balance hanako → 700 yen, 90 challenge
        # The secret of another, another shop, a guest at a city's item.
        shop-a uses melon secret=bath → refused: the voucher's code is not the one that was issued
        shop-b uses melon → refused: this shop does not honour the voucher
        shop-a uses tea → refused: this shop does not honour the voucher
        shop-b cancels melon → refused: this shop does not honour the voucher
        hanako uses melon → refused: the key's role does not permit this
        shop-a uses melon as=eaten → free 200 nhi until 2027-03-31, paid 150 nhi until 2027-03-31, given up 50 nhi until 2027-03-31
        shop-a uses melon → refused: the voucher has ended already, by entry 43
        shop-a cancels melon → refused: the voucher has ended already, by entry 43
        shop-a voids eaten → refused: the entry is no redemption
        staff-1 refunds 10 of eaten → refused: the entry is no redemption
        shop-b uses bath as=bathed → free 100 nhi until 2027-03-31, paid 100 nhi until 2027-03-31
        shop-b uses tea → free 10 none until 2028-03-31, given up 10 none until 2028-03-31
        due shop-b → 100
        due shop-a → 150
        retired general → 0
        retired none → 10
        balance hanako → 700 yen, 90 challenge
        # Cancelled by a shop that would have to honour it.
        hanako claims melon 200 as=second → claimed 200 nhi until 2027-03-31, good until 2026-04-17
        shop-a cancels second → returned free 200 nhi until 2027-03-31
        balance hanako → 700 yen, 90 challenge
        shop-a uses second → refused: the voucher has ended already, by entry 47
        # The last day counts whole.
        hanako claims bath 100 as=late → claimed 100 nhi until 2027-03-31, good until 2026-04-17
        at 2026-04-17 23:59
        system releases late → refused: the system releases a hold or voucher at its deadline and not before
        shop-a uses late not_after=+60 → free 100 nhi until 2027-03-31, paid 100 nhi until 2027-03-31
        hanako claims tea 10 as=late-tea → claimed 10 none until 2028-03-31, good until 2026-04-22
        hanako claims melon 200 as=unused → claimed 100 nhi until 2027-03-31, 100 general until 2028-03-31, good until 2026-04-22
        at 2026-04-23 00:00
        shop-b uses late-tea → refused: the voucher's last day is over
        shop-b captures 1 of late-tea → refused: the entry is no hold
        shop-b releases late-tea → refused: the entry is no hold
        system releases late-tea → returned free 10 none until 2028-03-31
        system releases unused → returned free 100 nhi until 2027-03-31, free 100 general until 2028-03-31
        system releases late-tea → refused: the voucher has ended already, by entry 52
        balance hanako → 600 yen, 90 challenge
        claimed melon → 1
    "#]]);
}

/// What nobody used lapses where the city says so.
#[test]
fn an_unused_voucher_returns_or_lapses() {
    check(&expect![[r#"
        the city is set up
        hanako joins
        the catalogue is in force
        staff-1 reports checkup of hanako holder=account → 500 points
        at 2026-04-12 10:00
        hanako claims bath 100 as=bath → claimed 100 general until 2028-03-31, good until 2026-04-17
        hanako claims melon 200 as=melon → claimed 200 general until 2028-03-31, good until 2026-04-17
        at 2026-04-18 00:00
        system releases bath → free 100 general until 2028-03-31, given up 100 general until 2028-03-31
        system releases melon → returned free 200 general until 2028-03-31
        balance hanako → 400 yen, 0 challenge
        retired general → 100
        claimed bath → 1
        claimed melon → 0
    "#]]);
}

#[test]
fn a_claim_fits_its_item_and_its_resident() {
    check(&expect![[r#"
        the city is set up
        hanako joins
        the catalogue is in force
        hanako claims melon 200 → refused: the balance is too small
        staff-1 reports checkup of hanako holder=account → 500 points
        hanako claims apple 200 → refused: the catalogue has no such item
        hanako claims melon 201 → refused: the item takes 200 points, a donation or an export whole units of so many
        hanako claims melon 400 → refused: the item takes 200 points, a donation or an export whole units of so many
        hanako claims school 75 → refused: the item takes 50 points, a donation or an export whole units of so many
        hanako claims melon 200 uncoded=yes → refused: a voucher or an entry in a draw names the hash of a secret, and nothing else does
        hanako claims school 100 uncoded=yes → refused: a voucher or an entry in a draw names the hash of a secret, and nothing else does
        hanako claims coin 100 → refused: a claim names the number of a wallet exactly where the item is credited to one
        hanako claims coin 100 ref=wallet-7 as=coin → claimed 100 general until 2028-03-31
        hanako claims school 100 ref=wallet-7 → refused: a claim names the number of a wallet exactly where the item is credited to one
        hanako claims school 50 time=2026-04-10T09:55 → claimed 50 general until 2028-03-31
        hanako claims school 100 time=2026-04-10T09:54 → refused: the act was more than 300 seconds from the ledger's time
        hanako claims school 100 programme=2 → refused: programme version 1 is in force on that day
        hanako claims school 100 not_after=-1 → refused: the statement was only good until its deadline, which has passed
        # A phone of yesterday spends little, whichever way.
        hanako claims melon 200 as=first → claimed 200 general until 2028-03-31, good until 2026-04-15
        hanako claims melon 200 → refused: a phone spends at most 300 points a day until the end of the day after its enrolment
        at 2026-04-12 10:00
        hanako claims school 50 as=gift → claimed 50 general until 2028-03-31
        shop-b voids gift → refused: the entry is no redemption
        due shop-b → 100
        balance hanako → 100 yen, 0 challenge
        # Outside the day's limit, and of the gate's kind where there is one.
        hanako claims melon 200 → refused: the balance is too small
        hanako claims tea 10 → refused: the balance is too small
        station-1 claims melon 200 for hanako → refused: the key's role does not permit this
        shop-a claims tea 10 for hanako card=hanako → refused: a card gives 0 points a day without its PIN, and a terminal takes only so many
        staff-1 marks hanako frozen → done
        hanako claims school 50 → refused: the account is suspended
        shop-a uses first → refused: the account is suspended
        staff-1 marks hanako active → done
        at 2027-04-01 10:00
        hanako claims melon 200 → refused: no programme is in force on that day
    "#]]);
}

/// The most of a phone of yesterday, in one claim and beside what is held, and no gate for what no
/// shop takes.
#[test]
fn a_claim_meets_its_limits_exactly() {
    check(&expect![[r#"
        the city is set up
        hanako joins
        taro joins
        the catalogue is in force items.0.points=301
        staff-1 reports checkup of hanako holder=account → 500 points
        staff-1 reports checkup of taro holder=account → 500 points
        hanako claims melon 301 → refused: a phone spends at most 300 points a day until the end of the day after its enrolment
        hanako claims school 300 → claimed 300 general until 2028-03-31
        taro claims bath 100 as=bath → claimed 100 general until 2028-03-31, good until 2026-04-15
        taro claims school 250 → refused: a phone spends at most 300 points a day until the end of the day after its enrolment
        taro claims school 200 → claimed 200 general until 2028-03-31
    "#]]);
    check(&expect![[r#"
        the example city is set up
        paper cards can be brought
        hanako joins
        registry admits hanako age=from40 on=2027-03-31 → done
        the catalogue is in force
        staff-1 brings hanako 100 general 2027-03-31 15 none 2027-03-31 as=old → proposed
        staff-2 approves old → plus 100 general until 2027-03-31, 15 none until 2027-03-31, imported
        hanako claims school 50 → refused: yen points can be spent once rule 8 of the programme is done
        hanako claims tombola 5 → claimed 5 none until 2027-03-31
        registry reports checkup.specific of hanako holder=account → 1000 points
        hanako claims school 50 → claimed 50 general until 2027-03-31
    "#]]);
}

/// At a desk or a till: with a card, its PIN or the phone's code, as for a redemption.
#[test]
fn a_card_claims_as_it_pays() {
    check(&expect![[r#"
        the city is set up redeem.card_no_pin_max_day=150 redeem.terminal_no_pin_max_day=300
        hanako joins
        root-1 registers pin as pin as=pin → proposed
        root-2 approves pin → in force
        the catalogue is in force
        staff-1 reports checkup of hanako holder=account → 500 points
        kiosk claims melon 200 for hanako card=hanako → refused: a card gives 150 points a day without its PIN, and a terminal takes only so many
        kiosk claims bath 100 for hanako card=hanako as=bath → claimed 100 general until 2028-03-31, good until 2026-04-15
        kiosk claims bath 100 for hanako card=hanako → refused: a card gives 150 points a day without its PIN, and a terminal takes only so many
        kiosk claims melon 200 for hanako card=hanako pin=100 pin_at=kiosk → refused: the PIN proof does not fit this card, terminal, moment and number of points
        kiosk claims melon 200 for hanako card=hanako pin=200 pin_at=kiosk → claimed 200 general until 2028-03-31, good until 2026-04-15
        staff-1 claims school 50 for hanako → refused: a phone spends at most 300 points a day until the end of the day after its enrolment
        staff-1 claims school 50 for hanako max=40 → refused: the code allows fewer points
        staff-1 claims school 50 for hanako holder=account → refused: this way of naming the resident is not accepted here
        hanako claims school 50 for hanako → refused: this way of naming the resident is not accepted here
        shop-b uses bath → free 100 general until 2028-03-31, paid 100 general until 2028-03-31
    "#]]);
}

#[test]
fn one_person_has_so_many() {
    check(&expect![[r#"
        the city is set up
        hanako joins
        the catalogue is in force items.0.stock=99 items.0.per_person=1 items.0.points=10 items.0.gives.voucher.receives=10
        staff-1 reports checkup of hanako holder=account → 500 points
        hanako claims melon 10 as=one → claimed 10 general until 2028-03-31, good until 2026-04-15
        hanako claims melon 10 → refused: one person claims the item at most 1 times in a fiscal year
        shop-a uses one → free 10 general until 2028-03-31, paid 10 general until 2028-03-31
        hanako claims melon 10 → refused: one person claims the item at most 1 times in a fiscal year
        staff-1 offers version 2 version=2 items.0.per_person=99 items.0.points=1 items.0.gives.voucher.receives=1 items.0.stock=99 as=two → proposed
        staff-2 approves two → in force
    "#]]);
    let mut story = String::from(
        "the city is set up\nhanako joins\nthe catalogue is in force items.1.points=1 \
         items.1.gives.voucher.receives=1\nstaff-1 reports checkup of hanako holder=account\n",
    );
    story += &"hanako claims bath 1\n".repeat(16);
    let full = crate::story::tell(&story);
    assert_eq!(full.matches("claimed 1 general").count(), 16, "{full}");
    // Holds of shops have their own room.
    let full = crate::story::tell(&(story + "hanako claims bath 1\nshop-a holds 10 from hanako\n"));
    assert!(full.contains("refused: an account has at most 16 vouchers"), "{full}");
    assert!(full.contains("held 10 general"), "{full}");
}

/// Takes nothing, once a year, and ends when staff say so.
#[test]
fn a_perk_card_asks_for_points_and_takes_none() {
    check(&expect![[r#"
        the city is set up
        hanako joins
        the catalogue is in force
        hanako claims perk-card 15 → refused: the balance is too small
        staff-1 adjusts hanako 15 none 2028-03-31 as=walks → proposed
        staff-2 approves walks → plus 15 none until 2028-03-31, challenge
        hanako claims perk-card 15 as=card → claimed nothing, good until 2027-04-10
        balance hanako → 0 yen, 15 challenge
        hanako claims perk-card 15 → refused: one person claims the item at most 1 times in a fiscal year
        shop-a uses card → refused: the entry is no voucher
        shop-a cancels card → refused: this shop does not honour the voucher
        system releases card → refused: the entry is no voucher
        staff-1 cancels card → returned nothing
        staff-1 cancels card → refused: the voucher has ended already, by entry 38
        hanako claims perk-card 15 as=again → claimed nothing, good until 2027-04-10
        staff-1 cancels walks → refused: the entry is no voucher
    "#]]);
}

#[test]
fn a_draw_is_fixed_before_its_beacon() {
    check(&expect![[r#"
        the city is set up
        hanako joins
        taro joins
        the catalogue is in force
        staff-1 adjusts hanako 15 none 2028-03-31 as=h → proposed
        staff-2 approves h → plus 15 none until 2028-03-31, challenge
        staff-1 adjusts taro 15 none 2028-03-31 as=t → proposed
        staff-2 approves t → plus 15 none until 2028-03-31, challenge
        hanako claims tombola 5 as=one → claimed 5 none until 2028-03-31
        taro claims tombola 5 as=two → claimed 5 none until 2028-03-31
        hanako claims tombola 5 as=three → claimed 5 none until 2028-03-31
        retired none → 15
        staff-1 cancels one → refused: the entry is no voucher
        staff-1 commits tombola → refused: a draw is committed from its day on, 600 seconds before its round, and held after it
        at 2026-05-01 10:00
        hanako claims tombola 5 → refused: the item cannot be claimed today
        staff-1 commits melon → refused: no such draw
        staff-1 commits nothing → refused: no such draw
        staff-1 commits tombola in=597 → refused: a draw is committed from its day on, 600 seconds before its round, and held after it
        staff-1 commits tombola count=2 → refused: entrants, beacon or winners are not those that the log gives
        staff-1 commits tombola beacon=dice → refused: entrants, beacon or winners are not those that the log gives
        staff-1 commits tombola as=draw → 3 entrants
        staff-1 commits tombola → refused: the draw is fixed already, by entry 47
        staff-1 draws h → refused: no such draw
        staff-1 draws draw → refused: a draw is committed from its day on, 600 seconds before its round, and held after it
        at 2026-05-01 10:10
        staff-1 draws draw winner=h → refused: entrants, beacon or winners are not those that the log gives
        staff-1 draws draw → 1 won
        staff-1 draws draw → refused: the draw is fixed already, by entry 47
        # Another version opens the item again, but not what was drawn.
        staff-1 offers version 2 version=2 items.6.until=2026-06-30 items.6.gives.lottery.draw_from=2026-07-01 as=v2 → proposed
        staff-2 approves v2 → in force
        hanako claims tombola 5 → refused: the item cannot be claimed today
    "#]]);
}

/// What ends on its last day goes where the resident has asked: the whole units of it, once, and
/// not a point more.
#[test]
fn what_ends_is_given_away_for_whoever_has_asked() {
    check(&expect![[r#"
        the city is set up
        hanako joins
        taro joins
        the catalogue is in force
        staff-1 adjusts hanako 120 general 2026-04-12 as=a → proposed
        staff-2 approves a → plus 120 general until 2026-04-12, budget(2026)
        staff-1 adjusts hanako 40 nhi 2026-04-12 as=b → proposed
        staff-2 approves b → plus 40 nhi until 2026-04-12, budget(2026)
        staff-1 adjusts hanako 500 general 2027-03-31 as=c → proposed
        staff-2 approves c → plus 500 general until 2027-03-31, budget(2026)
        staff-1 adjusts hanako 60 none 2026-04-12 as=d → proposed
        staff-2 approves d → plus 60 none until 2026-04-12, challenge
        staff-1 registers system-2 as system as=s → proposed
        staff-2 approves s → in force
        staff-1 registers app as partner as=p → proposed
        staff-2 approves p → in force
        staff-1 registers pins as pin as=q → proposed
        staff-2 approves q → in force
        # The ledger's own key is for this alone, and this for it alone.
        hanako grants link gift to app purpose=autoexchange → refused: the link is for another purpose
        hanako grants link gift to staff-1 purpose=autoexchange → refused: the link is for another purpose
        hanako grants link gift to system purpose=steps → refused: the link is for another purpose
        hanako grants link gift to system purpose=reminders → refused: the link is for another purpose
        hanako grants link other to app purpose=reminders → done
        hanako grants link gift to system purpose=autoexchange until=2026-04-12 → done
        at 2026-04-11 23:59
        system claims school 150 for hanako link=gift → refused: the item takes 50 points, a donation or an export whole units of so many
        at 2026-04-12 00:00
        system claims school 150 for hanako link=nothing → refused: no such link
        system claims school 150 for hanako link=other → refused: no such link
        system-2 claims school 150 for hanako link=gift → refused: no such link
        system claims school 150 for hanako → refused: this way of naming the resident is not accepted here
        system claims school 150 for hanako holder=account → refused: this way of naming the resident is not accepted here
        system claims school 150 → refused: this way of naming the resident is not accepted here
        system claims school 150 for hanako link=gift pin=150 pin_at=system pin_by=pins pin_card=hanako → refused: this way of naming the resident is not accepted here
        staff-1 claims school 150 for hanako link=gift → refused: this way of naming the resident is not accepted here
        hanako claims school 150 for hanako link=gift → refused: no such link
        system claims melon 200 for hanako link=gift → refused: the item cannot be claimed today
        system claims coin 100 for hanako link=gift ref=wallet → refused: the item cannot be claimed today
        system claims school 100 for hanako link=gift → refused: the item takes 50 points, a donation or an export whole units of so many
        system claims school 200 for hanako link=gift → refused: the item takes 50 points, a donation or an export whole units of so many
        staff-1 marks hanako frozen as=f → done
        system claims school 150 for hanako link=gift → refused: the account is suspended
        staff-1 marks hanako active → done
        system claims school 150 for hanako link=gift as=given → claimed 40 nhi until 2026-04-12, 110 general until 2026-04-12
        again given → accepted before, as entry 58
        system claims school 50 for hanako link=gift → refused: the item takes 50 points, a donation or an export whole units of so many
        lots hanako → 10 general until 2026-04-12, 500 general until 2027-03-31, 60 none until 2026-04-12
        balance hanako → 510 yen, 60 challenge
        due shop-b → 150
        claimed school → 1
        shop-b voids given → refused: the entry is no redemption
        # Nothing is due on a day on which nothing ends, nor after the link's last day.
        staff-1 adjusts hanako 50 general 2026-04-13 as=e → proposed
        staff-2 approves e → plus 50 general until 2026-04-13, budget(2026)
        at 2026-04-13 09:00
        system claims school 50 for hanako link=gift → refused: the link has ended
        hanako grants link more to system purpose=autoexchange → done
        system claims school 50 for hanako link=gift → refused: the link has ended
        hanako revokes link more → done
        system claims school 50 for hanako link=more → refused: the link has ended
    "#]]);
}

#[test]
fn limits_and_gates_hold_for_what_is_given_away_too() {
    check(&expect![[r#"
        the city is set up
        hanako joins
        the catalogue is in force items.3.per_person=1 items.3.until=2026-04-13
        hanako grants link gift to system purpose=autoexchange → done
        staff-1 adjusts hanako 70 general 2026-04-12 as=a → proposed
        staff-2 approves a → plus 70 general until 2026-04-12, budget(2026)
        staff-1 adjusts hanako 70 general 2026-04-13 as=b → proposed
        staff-2 approves b → plus 70 general until 2026-04-13, budget(2026)
        staff-1 adjusts hanako 70 general 2026-04-14 as=c → proposed
        staff-2 approves c → plus 70 general until 2026-04-14, budget(2026)
        at 2026-04-12 10:00
        hanako claims school 50 → claimed 50 general until 2026-04-12
        system claims school 50 for hanako link=gift → refused: the item takes 50 points, a donation or an export whole units of so many
        at 2026-04-13 10:00
        system claims school 50 for hanako link=gift → refused: one person claims the item at most 1 times in a fiscal year
        at 2026-04-14 10:00
        system claims school 50 for hanako link=gift → refused: the item cannot be claimed today
    "#]]);
}

#[test]
fn a_closed_gate_keeps_what_ends_from_being_given_away() {
    check(&expect![[r#"
        the city is set up gates=[{"rule":3,"ages":["under18","from18","from40","from65","from75"],"fiscal_years":1}]
        hanako joins
        the catalogue is in force
        hanako grants link gift to system purpose=autoexchange → done
        staff-1 adjusts hanako 70 general 2026-04-10 as=a → proposed
        staff-2 approves a → plus 70 general until 2026-04-10, budget(2026)
        system claims school 50 for hanako link=gift → refused: yen points can be spent once rule 3 of the programme is done
        staff-1 reports checkup of hanako holder=account → 500 points
        system claims school 50 for hanako link=gift → claimed 50 general until 2026-04-10
    "#]]);
}

#[test]
fn what_ends_is_counted_in_whole_units_up_to_one_claim() {
    let today = Day::from_ymd(2027, 3, 31).unwrap();
    let ending = |unit: u32, lots: &[(Purse, Day, u32)]| {
        let lot = |(purse, expires_on, points): &(Purse, Day, u32)| {
            let fund = if *purse == Purse::Yen { Fund::General } else { Fund::None };
            Lot { key: LotKey { purse: *purse, fund, expires_on: *expires_on }, points: *points }
        };
        let lots = lots.iter().map(lot).collect();
        Account { lots, ..Account::opened(ledger_spec::time::Day(0)) }.ending(unit, today)
    };
    let yen = (Purse::Yen, today, 149);
    for (unit, lots, expected) in [
        (50, &[][..], 0),
        (50, &[yen], 100),
        (149, &[yen], 149),
        (150, &[yen], 0),
        (1, &[yen, (Purse::Yen, today.plus(1), 5), (Purse::Yen, today.minus(1), 7)], 149),
        (1, &[yen, (Purse::Challenge, today, 5)], 149),
        (50, &[yen, (Purse::Yen, today, 1)], 150),
        (1, &[yen, (Purse::Yen, today, POINTS_MAX)], POINTS_MAX),
        (30_000, &[(Purse::Yen, today, u32::MAX), yen], 90_000),
        (0, &[yen], 0),
    ] {
        assert_eq!(ending(unit, lots), expected, "{unit} {lots:?}");
    }
}
