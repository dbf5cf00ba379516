//! What two persons of the staff give back after the day of the sale.

use expect_test::expect;

use super::check;

#[test]
fn a_refund_goes_back_to_its_lots_in_reverse() {
    check(&expect![[r#"
        the city is set up redeem.refund_days=30 redeem.refund_grace_days=30
        hanako joins
        staff-1 reports class of hanako holder=account → 20 points
        staff-1 reports checkup of hanako holder=account → 500 points
        shop-a takes 100 from hanako as=sale → paid 20 nhi until 2028-03-31, 80 general until 2028-03-31
        lots hanako → 420 general until 2028-03-31
        staff-1 refunds 90 of sale as=refund → proposed
        balance hanako → 420 yen, 0 challenge
        staff-1 approves refund → refused: a second person must approve
        staff-2 approves refund as=done → back 80 general until 2028-03-31, 10 nhi until 2028-03-31
        lots hanako → 500 general until 2028-03-31, 10 nhi until 2028-03-31
        due shop-a → 10
        # Of what came back nothing comes back twice, and the next goes on where the last ended.
        staff-1 refunds 11 of sale → refused: of the sale 10 points are left to refund
        staff-1 refunds 5 of sale as=second → proposed
        staff-2 approves second → back 5 nhi until 2028-03-31
        lots hanako → 500 general until 2028-03-31, 15 nhi until 2028-03-31
        staff-1 refunds 5 of sale as=third → proposed
        staff-2 refunds 5 of sale as=fourth → proposed
        staff-2 approves third → back 5 nhi until 2028-03-31
        staff-1 approves fourth → refused: of the sale 0 points are left to refund
        staff-1 refunds 1 of sale → refused: of the sale 0 points are left to refund
        lots hanako → 500 general until 2028-03-31, 20 nhi until 2028-03-31
        balance hanako → 520 yen, 0 challenge
        due shop-a → 0
        shop-a voids sale → refused: the entry is undone already, by entry 42
        staff-1 refunds 1 of done → refused: the entry is no redemption
    "#]]);
}

#[test]
fn a_refund_has_its_days_and_one_sale() {
    check(&expect![[r#"
        the city is set up redeem.refund_days=2 redeem.fresh_device_max_day=1500
        hanako joins
        staff-1 reports checkup of hanako holder=account as=grant → 500 points
        shop-a takes 100 from hanako as=sale → paid 100 general until 2028-03-31
        shop-a takes 50 from hanako as=voided → paid 50 general until 2028-03-31
        shop-a voids voided as=void → back 50 general until 2028-03-31
        shop-a holds 50 from hanako as=hold → held 50 general until 2028-03-31
        shop-a captures 30 of hold as=capture → free 50 general until 2028-03-31, 30 general until 2028-03-31
        staff-1 refunds 1 of 9999 → refused: no such entry
        staff-1 refunds 1 of grant → refused: the entry is no redemption
        staff-1 refunds 1 of hold → refused: the entry is no redemption
        staff-1 refunds 1 of void → refused: the entry is no redemption
        staff-1 refunds 1 of voided → refused: the entry is undone already, by entry 36
        staff-1 refunds 31 of capture → refused: of the sale 30 points are left to refund
        shop-a refunds 1 of sale → refused: the key's role does not permit this
        at 2026-04-12 23:59
        staff-1 refunds 30 of capture as=in-time → proposed
        staff-1 refunds 60 of sale as=late → proposed
        staff-2 approves in-time → back 30 general until 2028-03-31
        due shop-a → 100
        at 2026-04-13 00:00
        staff-1 refunds 1 of sale → refused: a sale can be refunded for 2 days
        # Judged again on the day of the approval.
        staff-2 approves late → refused: a sale can be refunded for 2 days
        balance hanako → 400 yen, 0 challenge
        due shop-a → 100
    "#]]);
    // A programme with no days for refunds gives the day itself.
    check(&expect![[r#"
        the city is set up redeem.refund_days=0
        hanako joins
        staff-1 reports checkup of hanako holder=account → 500 points
        shop-a takes 100 from hanako as=sale → paid 100 general until 2028-03-31
        staff-1 refunds 100 of sale as=refund → proposed
        staff-2 approves refund → back 100 general until 2028-03-31
        shop-a takes 100 from hanako as=second → paid 100 general until 2028-03-31
        at 2026-04-11 00:00
        staff-1 refunds 100 of second → refused: a sale can be refunded for 0 days
    "#]]);
}

#[test]
fn a_refund_gives_the_days_room_back_on_its_day_only() {
    check(&expect![[r#"
        the city is set up redeem.max_day=1000 redeem.fresh_device_max_day=1000 redeem.refund_days=30
        hanako joins
        staff-1 reports checkup of hanako holder=account → 500 points
        coach reports care of hanako exact=guidance → 300 points
        at 2026-04-11 10:00
        staff-1 reports checkup of hanako holder=account → 500 points
        coach reports care of hanako exact=guidance → 300 points
        shop-a takes 1000 from hanako as=first → paid 600 nhi until 2028-03-31, 400 general until 2028-03-31
        shop-a takes 10 from hanako → refused: an account spends at most 1000 points a day
        staff-1 refunds 100 of first as=refund → proposed
        staff-2 approves refund → back 100 general until 2028-03-31
        shop-a takes 101 from hanako → refused: an account spends at most 1000 points a day
        shop-a takes 100 from hanako → paid 100 general until 2028-03-31
        at 2026-04-12 10:00
        system closes 2026-04-10 → closed: 35 entries, 1 accounts, 1 earned 800, 0 spent 0
        system closes 2026-04-11 → closed: 6 entries, 1 accounts, 1 earned 800, 1 spent 1100, refunded 100
        staff-1 refunds 300 of first as=late → proposed
        shop-a takes 600 from hanako → paid 600 general until 2028-03-31
        staff-2 approves late → back 300 general until 2028-03-31
        shop-a takes 401 from hanako → refused: an account spends at most 1000 points a day
        shop-a takes 300 from hanako → paid 300 general until 2028-03-31
        at 2026-04-13 10:00
        system closes 2026-04-12 → closed: 6 entries, 1 accounts, 0 earned 0, 1 spent 900, refunded 300
        due shop-a → 1600
    "#]]);
}

#[test]
fn what_expired_since_comes_back_as_a_grace_lot_of_the_same_fund() {
    check(&expect![[r#"
        the city is set up redeem.refund_days=400 redeem.refund_grace_days=30
        root-1 publishes version 2 version=2 fiscal_year=2027 from=2027-04-01 until=2028-03-31 redeem.refund_days=400 redeem.refund_grace_days=30 as=p → proposed
        root-2 approves p → in force
        root-1 publishes version 3 version=3 fiscal_year=2028 from=2028-04-01 until=2029-03-31 redeem.refund_days=400 redeem.refund_grace_days=30 as=p → proposed
        root-2 approves p → in force
        root-1 publishes version 4 version=4 fiscal_year=2028 from=2028-05-01 until=2029-03-31 redeem.refund_days=400 redeem.refund_grace_days=0 as=p → proposed
        root-2 approves p → in force
        hanako joins
        staff-1 reports class of hanako holder=account → 20 points
        staff-1 reports checkup of hanako holder=account → 500 points
        at 2027-05-10 10:00
        shop-a takes 40 from hanako as=sale → paid 20 nhi until 2028-03-31, 20 general until 2028-03-31
        at 2028-04-01 10:00
        lots hanako → 480 general until 2028-03-31
        balance hanako → 0 yen, 0 challenge
        staff-1 refunds 30 of sale as=refund → proposed
        staff-2 approves refund → back 20 general until 2028-05-31, 10 nhi until 2028-05-31
        # 1 April and 30 days is 1 May: spendable to the end of May.
        lots hanako → 480 general until 2028-03-31, 20 general until 2028-05-31, 10 nhi until 2028-05-31
        balance hanako → 30 yen, 0 challenge
        shop-a takes 30 from hanako as=again → paid 10 nhi until 2028-05-31, 20 general until 2028-05-31
        at 2028-05-01 10:00
        # Without days of grace: to the end of the month.
        staff-1 refunds 10 of sale as=rest → proposed
        staff-2 approves rest → back 10 nhi until 2028-05-31
        staff-1 refunds 30 of again as=both → proposed
        staff-2 approves both → back 20 general until 2028-05-31, 10 nhi until 2028-05-31
        lots hanako → 480 general until 2028-03-31, 20 general until 2028-05-31, 20 nhi until 2028-05-31
        at 2028-05-31 23:59
        balance hanako → 40 yen, 0 challenge
        at 2028-06-01 00:00
        balance hanako → 0 yen, 0 challenge
    "#]]);
}

#[test]
fn a_refund_of_a_settled_sale_is_a_negative_line_of_the_next_settlement() {
    check(&expect![[r#"
        the city is set up
        hanako joins
        at 2026-04-20 10:00
        staff-1 reports checkup of hanako holder=account → 500 points
        shop-a holds 300 from hanako as=hold → held 300 general until 2028-03-31
        shop-a captures 250 of hold as=sale → free 300 general until 2028-03-31, 250 general until 2028-03-31
        at 2026-05-01 10:00
        system settles shop-a as=april → 250 yen for 2026-04, entries 0 to 36: general 250, carried nothing
        staff-1 refunds 100 of sale as=refund → proposed
        staff-2 approves refund → back 100 general until 2028-03-31
        balance hanako → 350 yen, 0 challenge
        shop-a takes 30 from hanako → paid 30 general until 2028-03-31
        at 2026-06-01 10:00
        # The city gets back in the months that follow what it paid for nothing.
        system settles shop-a as=may → 0 yen for 2026-05, entries 36 to 40: general -70, carried nothing
        shop-a takes 200 from hanako → paid 200 general until 2028-03-31
        at 2026-07-01 10:00
        system settles shop-a as=june → 130 yen for 2026-06, entries 40 to 42: general 200, carried general -70
    "#]]);
}

/// On its last day a lot still takes its points back; no grace is needed.
#[test]
fn on_its_last_day_a_lot_takes_back_what_is_refunded() {
    check(&expect![[r#"
        the city is set up redeem.refund_days=30 redeem.refund_grace_days=30
        paper cards can be brought
        hanako joins
        staff-1 brings hanako 100 general 2026-04-12 as=old → proposed
        staff-2 approves old → plus 100 general until 2026-04-12, imported
        shop-a takes 60 from hanako as=sale → paid 60 general until 2026-04-12
        at 2026-04-12 23:59
        staff-1 refunds 60 of sale as=refund → proposed
        staff-2 approves refund → back 60 general until 2026-04-12
        lots hanako → 100 general until 2026-04-12
    "#]]);
}

/// A lot that came back in part takes the rest of its points, and the lot before it what is left.
#[test]
fn a_second_refund_goes_on_inside_a_lot() {
    check(&expect![[r#"
        the city is set up redeem.refund_days=30
        hanako joins
        staff-1 reports class of hanako holder=account → 20 points
        staff-1 reports checkup of hanako holder=account → 500 points
        shop-a takes 100 from hanako as=sale → paid 20 nhi until 2028-03-31, 80 general until 2028-03-31
        staff-1 refunds 50 of sale as=first → proposed
        staff-2 approves first → back 50 general until 2028-03-31
        staff-1 refunds 40 of sale as=second → proposed
        staff-2 approves second → back 30 general until 2028-03-31, 10 nhi until 2028-03-31
        lots hanako → 500 general until 2028-03-31, 10 nhi until 2028-03-31
    "#]]);
}
