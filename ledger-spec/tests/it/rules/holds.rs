//! Points that wait for a shop: taken in part or in full before the deadline, or back.

use expect_test::expect;

use super::check;

#[test]
fn a_hold_keeps_points_until_it_is_captured_or_released() {
    check(&expect![[r#"
        the city is set up
        hanako joins
        staff-1 reports checkup of hanako holder=account → 500 points
        at 2026-04-12 10:00
        shop-a holds 100 from hanako as=first → held 100 general until 2028-03-31
        balance hanako → 400 yen, 0 challenge
        held hanako → 100 general until 2028-03-31
        due shop-a → 0
        shop-a captures 60 of first as=sale → free 100 general until 2028-03-31, 60 general until 2028-03-31
        balance hanako → 440 yen, 0 challenge
        held hanako → none
        due shop-a → 60
        # One end, once.
        shop-a captures 1 of first → refused: the hold has ended already, by entry 35
        shop-a releases first → refused: the hold has ended already, by entry 35
        shop-a holds 50 from hanako as=second → held 50 general until 2028-03-31
        shop-a releases second → free 50 general until 2028-03-31
        shop-a captures 50 of second → refused: the hold has ended already, by entry 37
        balance hanako → 440 yen, 0 challenge
        # What a capture took can be undone as what was redeemed at once.
        shop-a voids first → refused: the entry is no redemption
        shop-a voids second → refused: the entry is no redemption
        shop-a voids sale → back 60 general until 2028-03-31
        balance hanako → 500 yen, 0 challenge
        due shop-a → 0
        again first → accepted before, as entry 34
    "#]]);
}

#[test]
fn a_hold_is_captured_up_to_its_points_and_before_its_deadline() {
    check(&expect![[r#"
        the city is set up redeem.fresh_device_max_day=1500
        hanako joins
        taro joins
        root-1 registers till as shop place=shop-a as=till → proposed
        root-2 approves till → in force
        staff-1 reports checkup of hanako holder=account as=grant → 500 points
        shop-a holds 100 from hanako for=+0 → refused: a hold ends within 900 seconds
        shop-a holds 100 from hanako for=+901 → refused: a hold ends within 900 seconds
        shop-a holds 100 from hanako for=-1 → refused: a hold ends within 900 seconds
        shop-a holds 100 from hanako for=+1 as=short → held 100 general until 2028-03-31
        shop-a holds 100 from hanako for=+900 as=long → held 100 general until 2028-03-31
        shop-a captures 101 of long → refused: the hold keeps 100 points, and no more can be captured
        shop-b captures 100 of long → refused: the terminal belongs to another shop
        shop-b releases long → refused: the terminal belongs to another shop
        shop-a captures 100 of 9999 → refused: no such entry
        shop-a captures 100 of grant → refused: the entry is no hold
        shop-a releases grant → refused: the entry is no hold
        shop-a captures 100 of 0 → refused: the entry is no hold
        # The system frees a hold from its deadline on; before it, only the shop does.
        system releases long → refused: the system releases a hold or voucher at its deadline and not before
        at 2026-04-10 10:00:01
        shop-a captures 100 of short → refused: the hold's deadline has passed
        system releases short → free 100 general until 2028-03-31
        system releases short → refused: the hold has ended already, by entry 43
        # The shop may give back late, and any terminal of it.
        at 2026-04-10 10:14:59
        till captures 40 of long → free 100 general until 2028-03-31, 40 general until 2028-03-31
        at 2026-04-10 10:15
        shop-a holds 100 from hanako as=late for=+60 → held 100 general until 2028-03-31
        at 2026-04-10 10:17
        shop-a captures 100 of late → refused: the hold's deadline has passed
        till releases late → free 100 general until 2028-03-31
        held hanako → none
        balance hanako → 460 yen, 0 challenge
        # Other shop, end, deadline, points.
        shop-b captures 101 of long → refused: the terminal belongs to another shop
        shop-a captures 101 of long → refused: the hold has ended already, by entry 44
    "#]]);
}

#[test]
fn open_holds_count_in_limits_and_balance() {
    check(&expect![[r#"
        the city is set up redeem.max_day=300 redeem.max_transaction=200 redeem.fresh_device_max_day=250
        hanako joins
        staff-1 reports checkup of hanako holder=account → 500 points
        shop-a takes 100 from hanako → paid 100 general until 2028-03-31
        shop-a holds 9 from hanako → refused: a redemption spends at least 10 points
        shop-a holds 201 from hanako → refused: a redemption spends at most 200 points
        shop-a holds 100 from hanako as=held → held 100 general until 2028-03-31
        shop-b takes 51 from hanako → refused: a phone spends at most 250 points a day until the end of the day after its enrolment
        shop-b holds 51 from hanako → refused: a phone spends at most 250 points a day until the end of the day after its enrolment
        shop-b takes 50 from hanako as=sale → paid 50 general until 2028-03-31
        shop-a captures 10 of held → free 100 general until 2028-03-31, 10 general until 2028-03-31
        # The rest of the hold is free again.
        shop-b takes 91 from hanako → refused: a phone spends at most 250 points a day until the end of the day after its enrolment
        shop-b takes 90 from hanako → paid 90 general until 2028-03-31
        at 2026-04-12 10:00
        shop-a holds 151 from hanako as=most → held 151 general until 2028-03-31
        shop-a holds 100 from hanako → refused: the balance is too small
        shop-a takes 99 from hanako → paid 99 general until 2028-03-31
        shop-a releases most → free 151 general until 2028-03-31
        shop-a takes 100 from hanako → paid 100 general until 2028-03-31
        # The day of the capture pays, whatever the day of the hold.
        at 2026-04-12 23:59
        shop-a holds 50 from hanako as=midnight → held 50 general until 2028-03-31
        at 2026-04-13 00:01
        shop-a captures 50 of midnight → free 50 general until 2028-03-31, 50 general until 2028-03-31
        shop-a takes 100 from hanako → refused: the balance is too small
    "#]]);
}

#[test]
fn an_account_has_eight_holds_at_a_time() {
    check(&expect![[r#"
        the city is set up
        hanako joins
        staff-1 reports checkup of hanako holder=account → 500 points
        shop-a holds 10 from hanako → held 10 general until 2028-03-31
        shop-a holds 10 from hanako → held 10 general until 2028-03-31
        shop-a holds 10 from hanako → held 10 general until 2028-03-31
        shop-a holds 10 from hanako → held 10 general until 2028-03-31
        shop-b holds 10 from hanako → held 10 general until 2028-03-31
        shop-b holds 10 from hanako → held 10 general until 2028-03-31
        shop-b holds 10 from hanako → held 10 general until 2028-03-31
        shop-b holds 10 from hanako as=eighth → held 10 general until 2028-03-31
        shop-a holds 10 from hanako → refused: an account has at most 8 holds at a time
        shop-a takes 10 from hanako → paid 10 general until 2028-03-31
        shop-b releases eighth → free 10 general until 2028-03-31
        shop-a holds 10 from hanako → held 10 general until 2028-03-31
    "#]]);
}

#[test]
fn a_hold_takes_and_frees_the_lots_in_their_order() {
    check(&expect![[r#"
        the city is set up
        root-1 allocates 1000 general 2027 as=g → proposed
        root-2 approves g → in force
        root-1 allocates 1000 nhi 2027 as=n → proposed
        root-2 approves n → in force
        root-1 publishes version 2 version=2 fiscal_year=2027 from=2027-04-01 until=2028-03-31 as=p → proposed
        root-2 approves p → in force
        root-1 publishes version 3 version=3 fiscal_year=2028 from=2028-04-01 until=2029-03-31 as=p → proposed
        root-2 approves p → in force
        hanako joins
        staff-1 reports vegetables of hanako holder=account → 20 points
        staff-1 reports class of hanako holder=account → 20 points
        at 2027-04-10 10:00
        staff-1 reports class of hanako holder=account → 20 points
        # Nhi before general, and what expires first before all.
        shop-a holds 50 from hanako as=first → held 20 nhi until 2028-03-31, 20 general until 2028-03-31, 10 nhi until 2029-03-31
        held hanako → 20 nhi until 2028-03-31 + 20 general until 2028-03-31 + 10 nhi until 2029-03-31
        shop-a captures 25 of first → free 20 nhi until 2028-03-31, free 20 general until 2028-03-31, free 10 nhi until 2029-03-31, 20 nhi until 2028-03-31, 5 general until 2028-03-31
        lots hanako → 15 general until 2028-03-31, 20 nhi until 2029-03-31
        # What expires while it is held can be captured, and what is not captured stays expired.
        at 2028-03-31 23:55
        shop-a holds 25 from hanako as=second → held 15 general until 2028-03-31, 10 nhi until 2029-03-31
        held hanako → 15 general until 2028-03-31 + 10 nhi until 2029-03-31
        at 2028-04-01 00:04
        balance hanako → 10 yen, 0 challenge
        shop-a captures 10 of second → free 15 general until 2028-03-31, free 10 nhi until 2029-03-31, 10 general until 2028-03-31
        balance hanako → 20 yen, 0 challenge
        lots hanako → 5 general until 2028-03-31, 20 nhi until 2029-03-31
        shop-a takes 11 from hanako → paid 11 nhi until 2029-03-31
        shop-a takes 20 from hanako → refused: the balance is too small
    "#]]);
}

#[test]
fn a_hold_is_checked_in_this_order() {
    check(&expect![[r#"
        the city is set up
        hanako joins
        shop-a holds 9 from hanako shop=shop-b programme=2 for=+0 exp=+0 max=1 → refused: the terminal belongs to another shop
        shop-a holds 9 from hanako programme=2 for=+0 exp=+0 max=1 → refused: programme version 1 is in force on that day
        shop-a holds 9 from hanako for=+0 exp=+0 max=1 → refused: a redemption spends at least 10 points
        shop-a holds 1001 from hanako for=+0 exp=+0 max=1 → refused: a redemption spends at most 1000 points
        shop-a holds 900 from hanako for=+0 exp=+0 max=1 → refused: a hold ends within 900 seconds
        shop-a holds 900 from hanako exp=+0 max=1 → refused: the code has expired
        shop-a holds 900 from hanako max=1 → refused: the code allows fewer points
        shop-a holds 900 from hanako → refused: a phone spends at most 300 points a day until the end of the day after its enrolment
        shop-a holds 300 from hanako → refused: the balance is too small
        shop-a holds 300 from hanako not_after=-1 → refused: the statement was only good until its deadline, which has passed
        shop-a captures 300 of 0 not_after=-1 → refused: the statement was only good until its deadline, which has passed
        shop-a captures 300 of 0 not_after=+301 → refused: the deadline is more than 300 seconds away
        hanako holds 300 from hanako → refused: the key's role does not permit this
        system captures 300 of 0 → refused: the key's role does not permit this
        staff-1 releases 0 → refused: the key's role does not permit this
    "#]]);
}

#[test]
fn whoever_may_not_spend_reserves_nothing_either() {
    check(&expect![[r#"
        the city is set up redeem.card_no_pin_max_day=100 redeem.terminal_no_pin_max_day=1000
        hanako joins
        taro joins
        staff-1 reports checkup of hanako holder=account → 500 points
        staff-1 reports checkup of taro holder=account → 500 points
        shop-a holds 50 from hanako as=before → held 50 general until 2028-03-31
        registry marks hanako frozen → done
        registry marks taro deceased → done
        shop-a takes 20 from hanako card=hanako → refused: the account is suspended
        shop-a holds 20 from hanako → refused: the account is suspended
        shop-a takes 20 from taro card=taro → refused: the account has ended
        shop-a holds 20 from taro → refused: the account has ended
        # What was reserved before is the shop's to take.
        shop-a captures 50 of before → free 50 general until 2028-03-31, 50 general until 2028-03-31
        registry marks hanako active → done
        shop-a takes 20 from hanako card=hanako → paid by card 20 general until 2028-03-31
    "#]]);
}
