//! Standing, actions taken back, and lots that are corrected, extended, brought and expired.

use expect_test::expect;

use super::check;

#[test]
fn a_suspended_account_neither_earns_nor_spends() {
    check(&expect![[r#"
        the city is set up
        hanako joins
        station-1 reports vegetables of hanako → 20 points
        at 2026-04-11 10:00
        coach marks hanako frozen → refused: the key's role does not permit this
        staff-1 marks taro frozen → refused: no such account
        staff-1 marks hanako frozen since=2026-04-12 → done
        station-1 reports vegetables of hanako → 20 points
        shop-a takes 10 from hanako → paid 10 general until 2028-03-31
        at 2026-04-12 00:00
        # Any action, whatever its own day.
        station-1 reports vegetables of hanako → 0 points, frozen
        staff-1 reports class of hanako holder=account time=2026-04-11T09:00 → 0 points, frozen
        shop-a takes 10 from hanako → refused: the account is suspended
        staff-1 marks hanako active → done
        station-2 reports vegetables of hanako → 20 points
        shop-a takes 10 from hanako → paid 10 general until 2028-03-31
    "#]]);
}

#[test]
fn a_death_ends_earning_and_spending_from_its_day_on() {
    check(&expect![[r#"
        the city is set up
        hanako joins
        staff-1 reports checkup of hanako holder=account → 500 points
        at 2026-04-13 10:00
        registry marks hanako deceased since=2026-04-12 → done
        # A late report of what happened before counts.
        staff-1 reports class of hanako holder=account time=2026-04-11T23:59 → 20 points
        staff-1 reports class of hanako holder=account time=2026-04-12T00:00 → 0 points, deceased
        shop-a takes 10 from hanako → refused: the account has ended
        balance hanako → 520 yen, 0 challenge
    "#]]);
}

#[test]
fn what_a_budget_was_given_back_already_it_is_not_given_twice() {
    check(&expect![[r#"
        the city is set up
        paper cards can be brought
        hanako joins
        taro joins
        staff-1 reports class of hanako holder=account as=class → 20 points
        staff-1 brings taro 50 nhi 2028-03-31 as=lots → proposed
        staff-2 approves lots → plus 50 nhi until 2028-03-31, imported
        staff-1 adjusts taro -15 nhi 2028-03-31 as=adjustment → proposed
        staff-2 approves adjustment → minus 15 nhi until 2028-03-31, budget(2026)
        # The other person's points from elsewhere went to the budget: of the 20 it can take 5 back.
        staff-1 withdraws class as=proposal → proposed
        staff-2 approves proposal → withdrawn, back 5 nhi until 2028-03-31; 15 of 20 are gone
        lots hanako → 15 nhi until 2028-03-31
        lots taro → 35 nhi until 2028-03-31
    "#]]);
}

#[test]
fn whoever_moved_out_still_spends() {
    check(&expect![[r#"
        the city is set up
        hanako joins
        staff-1 reports checkup of hanako holder=account → 500 points
        registry marks hanako movedout since=2026-04-12 → done
        # Announced beforehand: until then nothing changes.
        station-1 reports vegetables of hanako → 20 points
        at 2026-04-12 10:00
        station-1 reports vegetables of hanako → 0 points, movedout
        shop-a takes 100 from hanako → paid 100 general until 2028-03-31
    "#]]);
}

#[test]
fn an_action_is_taken_back_by_two_persons() {
    check(&expect![[r#"
        the city is set up
        hanako joins
        station-1 reports vegetables of hanako as=first → 20 points
        staff-1 reports checkup of hanako holder=account as=checkup → 500 points
        budget general 2026 → 520 of 1000000
        staff-1 withdraws 9999 → refused: no such entry
        staff-1 withdraws 3 → refused: the entry is no action
        registry withdraws checkup → refused: the key's role does not permit this
        staff-1 withdraws checkup as=proposal → proposed
        balance hanako → 520 yen, 0 challenge
        staff-1 approves proposal → refused: a second person must approve
        # Half of it is in a shop by the time of the second word.
        shop-a takes 300 from hanako as=sale → paid 300 general until 2028-03-31
        staff-2 withdraws sale → refused: the entry is no action
        staff-2 approves proposal → withdrawn, back 220 general until 2028-03-31; 280 of 500 are gone
        lots hanako → none
        balance hanako → 0 yen, 0 challenge
        budget general 2026 → 300 of 1000000
        due shop-a → 300
        staff-2 approves proposal → refused: the proposal has taken effect already
        staff-1 withdraws checkup → refused: the entry is undone already, by entry 37
        # The act is free again.
        staff-1 reports checkup of hanako holder=account as=right → 500 points
        staff-1 reports checkup of hanako holder=account → refused: this act is recorded already, as entry 38
        staff-1 withdraws right as=another → proposed
        staff-2 approves another → withdrawn, back 500 general until 2028-03-31; 0 of 500 are gone
    "#]]);
}

#[test]
fn counters_give_back_what_an_action_took() {
    check(&expect![[r#"
        the city is set up rules.0.caps=[{"per":"day","points":30},{"per":"month","points":40}]
        hanako joins
        station-1 reports vegetables of hanako as=first → 20 points
        station-2 reports vegetables of hanako as=second → 10 points, cap rule day
        staff-1 withdraws first as=proposal → proposed
        at 2026-04-11 09:00
        staff-1 reports vegetables of hanako holder=account → 10 points, cap rule month
        staff-2 approves proposal → withdrawn, back 20 general until 2028-03-31; 0 of 20 are gone
        staff-1 reports vegetables of hanako holder=account time=2026-04-10T11:00 → 20 points
        staff-1 reports vegetables of hanako holder=account time=2026-04-10T10:00 → 0 points, cap rule day
        # An action without points is taken back as well.
        staff-1 reports vegetables of hanako holder=account time=2026-04-10T12:00 as=empty → 0 points, cap rule day
        staff-1 withdraws empty as=proposal → proposed
        staff-2 approves proposal → withdrawn, back nothing; 0 of 0 are gone
        lots hanako → 40 general until 2028-03-31
    "#]]);
}

#[test]
fn what_has_expired_does_not_come_back() {
    check(&expect![[r#"
        the city is set up expires_after_years=0 until=2027-03-28
        hanako joins
        at 2027-03-28 10:00
        staff-1 reports checkup of hanako holder=account as=checkup → 500 points
        at 2027-04-01 00:00
        staff-1 withdraws checkup as=proposal → proposed
        staff-2 approves proposal → withdrawn, back nothing; 500 of 500 are gone
        lots hanako → 500 general until 2027-03-31
        system expires hanako 500 general 2027-03-31 → minus 500 general until 2027-03-31, expired
    "#]]);
}

#[test]
fn a_lot_is_adjusted_within_lot_and_budget() {
    check(&expect![[r#"
        the city is set up
        hanako joins
        staff-1 adjusts taro 10 general 2027-03-31 → refused: no such account
        staff-1 adjusts hanako 0 general 2027-03-31 → refused: an adjustment is 1 to 100000 points, up or down
        staff-1 adjusts hanako 100001 general 2027-03-31 → refused: an adjustment is 1 to 100000 points, up or down
        staff-1 adjusts hanako 10 none 2027-03-31 purse=yen → refused: a lot has a paying fund in purse yen, none in purse challenge, and lasts from today to 10 years from now
        staff-1 adjusts hanako 10 general 2027-03-31 purse=challenge → refused: a lot has a paying fund in purse yen, none in purse challenge, and lasts from today to 10 years from now
        staff-1 adjusts hanako 10 general 2026-04-09 → refused: a lot has a paying fund in purse yen, none in purse challenge, and lasts from today to 10 years from now
        staff-1 adjusts hanako 10 general 2037-04-01 → refused: a lot has a paying fund in purse yen, none in purse challenge, and lasts from today to 10 years from now
        staff-1 adjusts hanako 10 employer 2027-03-31 → refused: the fund's budget has not enough left
        staff-1 adjusts hanako -1 general 2027-03-31 → refused: the account has no such lot that can be spent, or less in it
        staff-1 adjusts hanako 10 general 2037-03-31 as=far → proposed
        staff-2 approves far → plus 10 general until 2037-03-31, budget(2026)
        staff-1 adjusts hanako 7 none 2026-04-10 as=walk → proposed
        staff-2 approves walk → plus 7 none until 2026-04-10, challenge
        balance hanako → 10 yen, 7 challenge
        staff-1 adjusts hanako -11 general 2037-03-31 → refused: the account has no such lot that can be spent, or less in it
        staff-1 adjusts hanako -10 general 2037-03-31 as=back → proposed
        staff-2 approves back → minus 10 general until 2037-03-31, budget(2026)
        lots hanako → 7 none until 2026-04-10
        budget general 2026 → 0 of 1000000
        # In a later year points go back to the year that granted them.
        staff-1 adjusts hanako 10 general 2030-03-31 as=again → proposed
        staff-2 approves again → plus 10 general until 2030-03-31, budget(2026)
        at 2027-04-01 10:00
        staff-1 adjusts hanako 1 general 2030-03-31 → refused: the fund's budget has not enough left
        staff-1 adjusts hanako -4 general 2030-03-31 as=less → proposed
        staff-2 approves less → minus 4 general until 2030-03-31, budget(2026)
        budget general 2026 → 6 of 1000000
    "#]]);
}

#[test]
fn a_lot_is_extended_to_a_later_day() {
    check(&expect![[r#"
        the city is set up
        hanako joins
        staff-1 extends taro general 2028-03-31 to 2029-03-31 → refused: no such account
        staff-1 extends hanako general 2028-03-31 to 2029-03-31 → refused: the account has no such lot that can be spent, or less in it
        station-1 reports vegetables of hanako → 20 points
        staff-1 extends hanako general 2028-03-31 to 2028-03-31 → refused: a lot is extended to a later day
        staff-1 extends hanako general 2028-03-31 to 2037-04-01 → refused: a lot has a paying fund in purse yen, none in purse challenge, and lasts from today to 10 years from now
        staff-1 extends hanako general 2028-03-31 to 2037-03-31 as=proposal → proposed
        staff-2 approves proposal → general until 2028-03-31 to 2037-03-31
        lots hanako → 20 general until 2037-03-31
        balance hanako → 20 yen, 0 challenge
        # Into a lot that is there already.
        station-2 reports vegetables of hanako → 20 points
        staff-1 extends hanako general 2028-03-31 to 2037-03-31 as=proposal → proposed
        staff-2 approves proposal → general until 2028-03-31 to 2037-03-31
        lots hanako → 40 general until 2037-03-31
        at 2037-04-01 00:00
        staff-1 extends hanako general 2037-03-31 to 2038-03-31 → refused: the account has no such lot that can be spent, or less in it
    "#]]);
}

#[test]
fn opening_lots_come_with_a_control_total() {
    check(&expect![[r#"
        the city is set up
        paper cards can be brought
        hanako joins
        registry brings hanako 100 general 2027-03-31 → refused: the key's role does not permit this
        staff-1 brings taro 100 general 2027-03-31 → refused: no such account
        staff-1 brings hanako → malformed: list is out of range
        staff-1 brings hanako 100 general 2027-03-31 total=99 → refused: the lots do not add up to the control total, or one stands twice
        staff-1 brings hanako 100 general 2027-03-31 1 general 2027-03-31 → refused: the lots do not add up to the control total, or one stands twice
        staff-1 brings hanako 100 general 2027-03-31 day=2026-04-08 → refused: the statement's day is too long ago
        staff-1 brings hanako 100 general 2026-04-09 → refused: a lot has a paying fund in purse yen, none in purse challenge, and lasts from today to 10 years from now
        staff-1 brings hanako 100 general 2026-04-10 30 nhi 2027-03-31 4 none 2027-03-31 as=proposal → proposed
        balance hanako → 0 yen, 0 challenge
        staff-2 approves proposal → plus 100 general until 2026-04-10, 30 nhi until 2027-03-31, 4 none until 2027-03-31, imported
        balance hanako → 130 yen, 4 challenge
        lots hanako → 100 general until 2026-04-10, 30 nhi until 2027-03-31, 4 none until 2027-03-31
        budget general 2026 → 0 of 1000000
        # What was brought is outside all caps, and is spent like all else.
        at 2026-04-12 09:00
        shop-a takes 30 from hanako → paid 30 nhi until 2027-03-31
    "#]]);
}

/// Points from elsewhere count against no rule and no budget of the programme: two roots say in
/// public how many may come, and from where.
#[test]
fn what_is_brought_comes_out_of_a_public_opening_budget() {
    check(&expect![[r#"
        the city is set up
        hanako joins
        taro joins
        staff-1 brings hanako 100 general 2027-03-31 → refused: no opening budget of this source and fund is in force
        staff-1 opens 150 general until 2026-06-30 → refused: the key's role does not permit this
        root-1 opens 0 general until 2026-06-30 → refused: a budget is 1 to 1000000000 points of a paying fund
        root-1 opens 1000000001 general until 2026-06-30 → refused: a budget is 1 to 1000000000 points of a paying fund
        root-1 opens 150 general until 2026-04-09 → refused: an opening budget ends from today to 400 days from now
        root-1 opens 150 general until 2027-05-16 → refused: an opening budget ends from today to 400 days from now
        root-1 opens 150 general until 2026-04-20 as=opening → proposed
        staff-1 approves opening → refused: the key's role does not permit this
        root-1 approves opening → refused: a second person must approve
        root-2 approves opening → in force
        staff-1 brings hanako 100 general 2027-03-31 source=app → refused: no opening budget of this source and fund is in force
        staff-1 brings hanako 100 nhi 2027-03-31 → refused: no opening budget of this source and fund is in force
        staff-1 brings hanako 151 general 2027-03-31 → refused: the fund's budget has not enough left
        staff-1 brings hanako 100 general 2027-03-31 as=hers → proposed
        staff-1 brings taro 60 general 2027-03-31 as=his → proposed
        staff-2 approves hers → plus 100 general until 2027-03-31, imported
        staff-2 approves his → refused: the fund's budget has not enough left
        staff-1 brings hanako 20 general 2027-03-31 → refused: the lot was brought from this source already, by entry 42
        staff-1 brings taro 50 general 2027-03-31 as=less → proposed
        staff-2 approves less → plus 50 general until 2027-03-31, imported
        staff-1 brings taro 1 general 2028-03-31 → refused: the fund's budget has not enough left
        root-1 opens 30 general until 2026-04-10 as=more → proposed
        root-2 approves more → in force
        staff-1 brings taro 30 general 2028-03-31 as=rest → proposed
        at 2026-04-11 00:00
        staff-2 approves rest → refused: no opening budget of this source and fund is in force
    "#]]);
}

#[test]
fn more_lots_than_an_account_holds() {
    check(&expect![[r#"
        the city is set up
        paper cards can be brought
        hanako joins
        hanako holds 64 lots from 2027
        staff-1 brings hanako 1 employer 2027-03-31 → proposed
        staff-1 brings hanako 1 general 2027-03-31 → refused: an account holds at most 64 lots
        staff-1 adjusts hanako 1 general 2027-03-31 → refused: an account holds at most 64 lots
    "#]]);
}

#[test]
fn an_expired_lot_is_recorded_by_the_system_alone() {
    check(&expect![[r#"
        the city is set up
        paper cards can be brought
        hanako joins
        staff-1 brings hanako 100 general 2026-04-10 4 none 2026-04-10 as=proposal → proposed
        staff-2 approves proposal → plus 100 general until 2026-04-10, 4 none until 2026-04-10, imported
        system expires hanako 100 general 2026-04-10 → refused: the lot has not expired, or holds other points
        at 2026-04-11 00:00
        balance hanako → 0 yen, 0 challenge
        lots hanako → 100 general until 2026-04-10, 4 none until 2026-04-10
        staff-1 expires hanako 100 general 2026-04-10 → refused: the key's role does not permit this
        system expires taro 100 general 2026-04-10 → refused: no such account
        system expires hanako 99 general 2026-04-10 → refused: the lot has not expired, or holds other points
        system expires hanako 100 general 2026-04-10 → minus 100 general until 2026-04-10, expired
        system expires hanako 4 none 2026-04-10 → minus 4 none until 2026-04-10, expired
        system expires hanako 100 general 2026-04-10 → refused: the lot has not expired, or holds other points
        lots hanako → none
    "#]]);
}

/// An adjustment of other points has taken from the budget what the action was granted: both
/// judgements together give back no more than is left.
#[test]
fn two_grants_of_an_action_give_a_budget_no_more_than_it_granted() {
    check(&expect![[r#"
        the example city is set up
        paper cards can be brought
        hanako joins
        registry admits hanako age=from40 on=2027-03-31 → done
        staff-1 brings hanako 100 general 2029-03-31 as=old → proposed
        staff-2 approves old → plus 100 general until 2029-03-31, imported
        station-1 reports vegecheck.measure of hanako level=50 → 20 points
        at 2026-04-24 10:00
        station-1 reports vegecheck.measure of hanako level=60 as=risen → 20 points + 30 points
        budget general 2026 → 70 of 1000000
        staff-1 adjusts hanako -45 general 2029-03-31 as=less → proposed
        staff-2 approves less → minus 45 general until 2029-03-31, budget(2026)
        budget general 2026 → 25 of 1000000
        staff-1 withdraws risen as=proposal → proposed
        staff-2 approves proposal → withdrawn, back 20 general until 2028-03-31, 5 general until 2028-03-31; 25 of 50 are gone
        budget general 2026 → 0 of 1000000
        lots hanako → 45 general until 2028-03-31, 55 general until 2029-03-31
    "#]]);
}

#[test]
fn what_rested_on_an_action_falls_with_it() {
    check(&expect![[r#"
        the example city is set up
        hanako joins
        registry admits hanako age=from40 on=2027-03-31 → done
        station-1 reports vegecheck.measure of hanako level=50 → 20 points
        at 2026-04-24 10:00
        station-1 reports vegecheck.measure of hanako level=60 as=risen → 20 points + 30 points
        at 2026-04-25 10:00
        # Both judgements of the entry, and the spacing of the rule.
        station-1 reports vegecheck.measure of hanako level=60 → 0 points, toosoon(2026-05-08)
        staff-1 withdraws risen as=proposal → proposed
        staff-2 approves proposal → withdrawn, back 20 general until 2028-03-31, 30 general until 2028-03-31; 0 of 50 are gone
        at 2026-04-25 10:01
        station-1 reports vegecheck.measure of hanako level=60 → 20 points + 30 points
        # The gate that a check-up opened is closed again.
        registry reports checkup.specific of hanako holder=account as=checkup → 1000 points
        shop-a takes 100 from hanako → paid 70 general until 2028-03-31, 30 nhi until 2028-03-31
        staff-1 withdraws checkup as=proposal → proposed
        staff-2 approves proposal → withdrawn, back 970 nhi until 2028-03-31; 30 of 1000 are gone
        shop-a takes 100 from hanako → refused: yen points can be spent once rule 8 of the programme is done
        registry reports checkup.specific of hanako holder=account → 1000 points
        shop-a takes 100 from hanako → paid 100 nhi until 2028-03-31
    "#]]);
}
