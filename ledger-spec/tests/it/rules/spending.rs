//! What a shop may take, from which lots, and how it gives back.

use expect_test::expect;

use super::check;

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
fn a_fresh_phone_spends_little_for_a_day() {
    check(&expect![[r#"
        the city is set up
        hanako joins
        staff-1 reports checkup of hanako holder=account → 500 points
        shop-a takes 200 from hanako → paid 200 general until 2028-03-31
        shop-b takes 101 from hanako → refused: a phone spends at most 300 points a day until the end of the day after its enrolment
        shop-a takes 100 from hanako → paid 100 general until 2028-03-31
        # The day of the enrolment and the one after it: the minute is not kept.
        at 2026-04-11 00:00
        staff-1 reports checkup of hanako holder=account → 500 points
        shop-a takes 300 from hanako → paid 300 general until 2028-03-31
        shop-a takes 10 from hanako → refused: a phone spends at most 300 points a day until the end of the day after its enrolment
        at 2026-04-11 23:59:59
        shop-a takes 10 from hanako → refused: a phone spends at most 300 points a day until the end of the day after its enrolment
        at 2026-04-12 00:00
        shop-a takes 401 from hanako → refused: the balance is too small
        shop-a takes 400 from hanako → paid 400 general until 2028-03-31
        # A phone that another phone vouched for is fresh in its own right.
        hanako enrols second → done
        staff-1 reports checkup of hanako holder=account → 500 points
        shop-a takes 10 from hanako phone=second → refused: a phone spends at most 300 points a day until the end of the day after its enrolment
        at 2026-04-13 23:59:59
        shop-a takes 301 from hanako phone=second → refused: a phone spends at most 300 points a day until the end of the day after its enrolment
        shop-a takes 301 from hanako → paid 301 general until 2028-03-31
        at 2026-04-14 00:00
        staff-1 reports checkup of hanako holder=account → 500 points
        shop-a takes 301 from hanako phone=second → paid 301 general until 2028-03-31
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
        shop-a takes 51 from hanako → refused: a phone spends at most 1050 points a day until the end of the day after its enrolment
        at 2026-04-11 11:00
        shop-a takes 101 from hanako → refused: an account spends at most 1100 points a day
        # A void gives the day's room back.
        shop-a voids first → back 400 general until 2028-03-31, 600 nhi until 2028-03-31
        shop-b takes 100 from hanako → paid 100 nhi until 2028-03-31
        balance hanako → 1500 yen, 0 challenge
        at 2026-04-11 23:59
        shop-b takes 951 from hanako → refused: a phone spends at most 1050 points a day until the end of the day after its enrolment
        at 2026-04-12 00:00
        shop-b takes 1000 from hanako → paid 500 nhi until 2028-03-31, 500 general until 2028-03-31
        shop-b takes 101 from hanako → refused: an account spends at most 1100 points a day
        shop-b takes 100 from hanako → paid 100 general until 2028-03-31
        at 2026-04-13 00:00
        shop-b takes 401 from hanako → refused: the balance is too small
        shop-b takes 400 from hanako → paid 400 general until 2028-03-31
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
        shop-a takes 10 from hanako card=hanako → refused: a card gives 0 points a day without its PIN, and a terminal takes only so many
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
        station-2 reports vegetables of hanako token=seen → 20 points
    "#]]);
}

#[test]
fn above_the_fast_lane_the_phone_confirms_shop_and_amount() {
    check(&expect![[r#"
        the city is set up redeem.fast_lane_max=50
        hanako joins
        staff-1 reports checkup of hanako holder=account → 500 points
        shop-a takes 50 from hanako → paid 50 general until 2028-03-31
        shop-a takes 51 from hanako → refused: above 50 points the phone confirms shop and amount
        # The refused code is not used up, and a code for exactly so much confirms nothing.
        shop-a takes 51 from hanako max=51 token=plain → refused: above 50 points the phone confirms shop and amount
        shop-a takes 50 from hanako token=plain → paid 50 general until 2028-03-31
        shop-a takes 51 from hanako confirms=shop-a max=51 → paid 51 general until 2028-03-31
        shop-a takes 60 from hanako confirms=shop-a max=61 → refused: above 50 points the phone confirms shop and amount
        shop-a takes 61 from hanako confirms=shop-a max=60 → refused: the code allows fewer points
        # Up to the limit less may be taken than was agreed to, but nowhere else.
        shop-a takes 20 from hanako confirms=shop-a max=60 → paid 20 general until 2028-03-31
        shop-b takes 20 from hanako confirms=shop-a max=20 → refused: the code confirms a payment at another shop
        shop-b takes 60 from hanako confirms=shop-a max=60 → refused: the code confirms a payment at another shop
        shop-b takes 60 from hanako confirms=shop-a max=9 exp=+0 → refused: the code has expired
        # A hold is no way around it.
        shop-a holds 51 from hanako → refused: above 50 points the phone confirms shop and amount
        shop-a holds 51 from hanako confirms=shop-a max=51 → held 51 general until 2028-03-31
    "#]]);
}

#[test]
fn points_never_pay_a_patients_share() {
    check(&expect![[r#"
        the city is set up insured_medical=shop-a
        hanako joins
        staff-1 reports checkup of hanako holder=account → 500 points
        shop-a takes 10 from hanako → refused: points never pay a patient's share of insured care: the terminal declares goods
        shop-a takes 10 from hanako goods=false → refused: points never pay a patient's share of insured care: the terminal declares goods
        shop-a takes 10 from hanako goods=true as=sale → paid 10 general until 2028-03-31
        shop-a holds 10 from hanako → refused: points never pay a patient's share of insured care: the terminal declares goods
        shop-a holds 20 from hanako goods=true as=hold → held 20 general until 2028-03-31
        shop-a captures 20 of hold → free 20 general until 2028-03-31, 20 general until 2028-03-31
        shop-a voids sale → back 10 general until 2028-03-31
        shop-b takes 10 from hanako goods=true → refused: only an insured medical institution declares goods
        shop-b takes 10 from hanako goods=false → refused: only an insured medical institution declares goods
        shop-b takes 10 from hanako → paid 10 general until 2028-03-31
        # Before the limits, after the programme.
        shop-a takes 9 from hanako → refused: points never pay a patient's share of insured care: the terminal declares goods
        shop-a takes 9 from hanako programme=2 → refused: programme version 1 is in force on that day
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
        shop-a takes 900 from hanako → refused: a phone spends at most 300 points a day until the end of the day after its enrolment
        shop-a takes 300 from hanako → refused: the balance is too small
        at 2027-04-01 00:00
        shop-a takes 9 from hanako → refused: no programme is in force on that day
    "#]]);
}

#[test]
fn a_redemption_is_sent_within_five_minutes_of_the_act() {
    check(&expect![[r#"
        the city is set up
        hanako joins
        staff-1 reports checkup of hanako holder=account → 500 points
        at 2026-04-10 10:10
        shop-a takes 10 from hanako time=2026-04-10T10:04:59 exp=+400 → refused: the act was more than 300 seconds from the ledger's time
        shop-a takes 10 from hanako time=2026-04-10T10:05:00 exp=+400 → paid 10 general until 2028-03-31
        shop-a takes 10 from hanako time=2026-04-10T10:15:00 exp=-200 → paid 10 general until 2028-03-31
        shop-a takes 10 from hanako time=2026-04-10T10:15:01 exp=-200 → refused: the act was more than 300 seconds from the ledger's time
        # The code's end is measured from the present.
        shop-a takes 10 from hanako time=2026-04-10T10:05:00 exp=+300 → refused: the code has expired
        shop-a takes 10 from hanako time=2026-04-10T10:05:00 exp=+301 → paid 10 general until 2028-03-31
        shop-a takes 10 from hanako time=2026-04-10T10:05:00 exp=+600 → paid 10 general until 2028-03-31
        shop-a takes 10 from hanako time=2026-04-10T10:05:00 exp=+601 → refused: the code's end is more than 300 seconds away
        # After the programme, before the amounts.
        shop-a takes 9 from hanako time=2026-04-10T10:04:59 programme=2 → refused: programme version 1 is in force on that day
        shop-a takes 9 from hanako time=2026-04-10T10:04:59 → refused: the act was more than 300 seconds from the ledger's time
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
        till voids first → refused: the entry is undone already, by entry 39
        shop-a voids void → refused: the entry is no redemption
        balance hanako → 390 yen, 0 challenge
        due shop-a → 110
        at 2026-04-10 23:59:59
        shop-a voids second → back 50 general until 2028-03-31
        at 2026-04-11 00:00
        shop-a voids third → refused: a redemption can be undone until 24:00 of its day
        # Another shop, then undone, then the day.
        shop-b voids second → refused: the terminal belongs to another shop
        shop-a voids second → refused: the entry is undone already, by entry 40
        balance hanako → 440 yen, 0 challenge
        due shop-a → 60
    "#]]);
}
