//! What an action is granted, and what binds it.

use expect_test::expect;

use super::check;
use crate::story::tell;

#[test]
fn above_500_points_a_second_person_of_the_staff_approves() {
    check(&expect![[r#"
        the city is set up rules.2.points=1000 rules.2.evidence=["two_staff","registry"]
        hanako joins
        taro joins
        staff-1 reports checkup of hanako holder=account as=first → proposed
        balance hanako → 0 yen, 0 challenge
        staff-1 approves first → refused: a second person must approve
        staff-2 reports checkup of hanako card=hanako as=again → proposed
        staff-2 approves first unseen=yes → refused: the approval is for another statement than the proposal's
        staff-2 approves first as=done → 1000 points
        balance hanako → 1000 yen, 0 challenge
        lots hanako → 1000 general until 2028-03-31
        budget general 2026 → 1000 of 1000000
        staff-2 approves first → refused: the proposal has taken effect already
        # The other proposal of the same act comes too late, and so does another report of it.
        staff-1 approves again → refused: this act is recorded already, as entry 40
        staff-1 reports checkup of hanako holder=account → refused: this act is recorded already, as entry 40
        registry reports checkup of hanako holder=account → refused: this act is recorded already, as entry 40
        # The registry needs nobody.
        registry reports checkup of taro holder=account → 1000 points
        coach reports checkup of taro → refused: the key's role does not permit this
        # It is taken back like any other, and then it can be reported again.
        staff-1 withdraws done as=back → proposed
        staff-2 approves back → withdrawn, back 1000 general until 2028-03-31; 0 of 1000 are gone
        balance hanako → 0 yen, 0 challenge
        staff-1 reports checkup of hanako holder=account as=late → proposed
        # A proposal is good as long as the programme takes reports of its day.
        at 2026-04-14 10:00
        staff-2 approves late → refused: the statement's day is too long ago
        at 2026-04-17 10:01
        staff-2 approves late → refused: the proposal has lapsed
    "#]]);
}

#[test]
fn two_persons_of_the_staff_judge_only_what_the_core_says() {
    check(&expect![[r#"
        the city is set up
        root-1 publishes version 2 version=2 from=2026-04-11 rules.2.evidence=["two_staff"] rules.2.points=1001 → refused: rules[2].points: evidence `TwoStaff` can be trusted with at most 1000 points of purse `yen`
        root-1 publishes version 2 version=2 from=2026-04-11 rules.2.evidence=["two_staff","staff"] rules.2.points=501 → refused: rules[2].points: evidence `Staff` can be trusted with at most 500 points of purse `yen`
        root-1 publishes version 2 version=2 from=2026-04-11 rules.0.evidence=["two_staff"] → refused: rules[0].evidence: `two_staff` needs `same_act` "day", and neither measures, goals, plausible data nor exact actions: the second person sees the core alone
        root-1 publishes version 2 version=2 from=2026-04-11 rules.1.evidence=["two_staff"] → refused: rules[1].evidence: `two_staff` needs `same_act` "day", and neither measures, goals, plausible data nor exact actions: the second person sees the core alone
        root-1 publishes version 2 version=2 from=2026-04-11 rules.2.evidence=["two_staff"] rules.2.measures=["minutes"] → refused: rules[2].evidence: `two_staff` needs `same_act` "day", and neither measures, goals, plausible data nor exact actions: the second person sees the core alone
        root-1 publishes version 2 version=2 from=2026-04-11 rules.2.evidence=["two_staff"] rules.2.points=1000 → proposed
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
        station-1 reports vegetables of hanako → refused: this act is recorded already, as entry 38
        station-1 reports vegetables of taro → 20 points
        station-2 reports vegetables of hanako → 20 points
        at 2026-04-10 10:00:59
        station-1 reports vegetables of hanako → refused: this act is recorded already, as entry 38
        at 2026-04-10 10:01:00
        station-1 reports vegetables of hanako → 20 points
        # A rule by day: whoever reports it.
        registry reports checkup of hanako holder=account → 500 points
        staff-1 reports checkup of hanako holder=account → refused: this act is recorded already, as entry 42
        coach reports care of hanako exact=diabetes → 300 points
        coach reports care of hanako exact=diabetes → refused: this act is recorded already, as entry 43
        coach reports care of hanako exact=guidance → 300 points
        at 2026-04-11 00:00
        coach reports care of hanako exact=diabetes → 300 points
        staff-1 reports checkup of hanako holder=account time=2026-04-10T23:59 → refused: this act is recorded already, as entry 42
    "#]]);
}

#[test]
fn an_action_is_checked_in_this_order() {
    check(&expect![[r#"
        the city is set up rules.0.measures=["level_tenths"]
        hanako joins
        # Window, programme, lateness, time, disclosure, rule, exact action, signer, holder, act.
        station-1 reports dance of hanako day=2026-04-11 programme=2 → refused: the statement's day or time lies in the future
        station-1 reports dance of hanako day=2026-03-31 programme=2 → refused: no programme is in force on that day
        station-1 reports dance of hanako day=2026-04-06 programme=2 → refused: programme version 1 is in force on that day
        station-1 reports dance of hanako day=2026-04-06 programme=1 → refused: the statement's day is too long ago
        station-1 reports dance of hanako time=2026-04-10T10:03 level=121 → refused: the statement's day or time lies in the future
        station-1 reports dance of hanako time=2026-04-10T10:02 level=121 → refused: the time of the act is not on the statement's day, or a value is out of its range
        station-1 reports dance of hanako time=2026-04-09T10:02 day=2026-04-10 → refused: the time of the act is not on the statement's day, or a value is out of its range
        station-1 reports dance of hanako exact=tango → refused: the programme has no such action
        station-1 reports care of hanako → refused: the programme has no such action
        station-1 reports care of hanako exact=dance → refused: the programme has no such action
        station-1 reports diabetes of hanako → refused: the programme has no such action
        station-1 reports vegetables of hanako exact=diabetes → refused: the programme has no such action
        station-1 reports care of hanako exact=diabetes exp=+0 → refused: the key's role does not permit this
        station-1 reports checkup of hanako exp=+0 → refused: the key's role does not permit this
        station-1 reports vegetables of hanako exp=+0 → refused: the value that the rule goes by is missing
        station-1 reports vegetables of hanako exp=+0 level=120 steps=1 → refused: a value that the rule does not measure is not taken
        staff-1 reports checkup of hanako holder=account level=120 → refused: a value that the rule does not measure is not taken
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
fn an_action_names_the_channel_and_nothing_else_of_its_holder() {
    check(&expect![[r#"
        the city is set up
        hanako joins
        station-1 reports vegetables of hanako as=phone → 20 points
        channel of phone → phone
        station-1 reports vegetables of hanako card=hanako time=2026-04-10T09:01 as=card → 20 points
        channel of card → card
        kiosk reports walk of hanako card=hanako as=kiosk → 15 points
        channel of kiosk → kiosk
        staff-1 reports vegetables of hanako holder=account time=2026-04-10T09:02 as=desk → 20 points
        channel of desk → desk
    "#]]);
}

#[test]
fn a_station_that_was_offline_reports_the_code_that_it_saw() {
    check(&expect![[r#"
        the city is set up
        hanako joins
        taro joins
        yuki joins
        at 2026-04-13 09:00
        # The code's end is measured from the act, not from the report.
        station-1 reports vegetables of hanako time=2026-04-10T12:00 exp=+0 → refused: the code has expired
        station-1 reports vegetables of hanako time=2026-04-10T12:00 exp=+301 → refused: the code's end is more than 300 seconds away
        station-1 reports vegetables of hanako time=2026-04-10T12:00 exp=+1 → 20 points
        station-1 reports vegetables of hanako time=2026-04-10T12:01 exp=+300 → 20 points
        station-1 reports vegetables of hanako time=2026-04-10T12:02 foreign=yes → refused: the code is for another programme
        # A code that is good in the present was not shown three days ago.
        station-1 reports vegetables of hanako time=2026-04-10T12:03 exp=+248220 → refused: the code's end is more than 300 seconds away
        # A phone that has been removed since is not asked when.
        staff-1 revokes taro → done
        station-1 reports vegetables of taro time=2026-04-10T12:00 → refused: the phone that made the code has been removed
        # A code that paid at a shop still says who is there: on the spot, later, and once it is forgotten.
        station-1 reports vegetables of hanako → 20 points
        shop-a takes 10 from hanako token=paid → paid 10 general until 2028-03-31
        station-2 reports vegetables of hanako token=paid → 20 points
        at 2026-04-13 09:10
        station-1 reports vegetables of hanako token=paid time=2026-04-13T09:01 → 20 points
        staff-1 opens jiro → done
        station-2 reports vegetables of hanako token=paid time=2026-04-13T09:01 → 20 points
        # For a shop it stays paid or past.
        shop-a takes 10 from hanako token=paid → refused: the code has expired
        shop-a takes 10 from hanako token=paid time=2026-04-13T09:05 → refused: the code has expired
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

/// What one action grants twice meets the budget together, and what it fills to the point is no
/// shortage.
#[test]
fn two_grants_of_an_action_meet_the_budget_together() {
    check(&expect![[r#"
        the city is set up rules.0.fund=care_insurance rules.0.same_act=day rules.3={"rule":4,"action":"first","evidence":["derived"],"same_act":"day","caps":[{"per":"month","points":30}],"needs":{"days":{"rule":1,"days":1,"per":"month"}},"name":"初回","name_en":"First","class":"milestone","points":30,"purse":"yen","fund":"care_insurance"}
        staff-1 allocates 45 careinsurance 2026 as=money → proposed
        staff-2 approves money → in force
        hanako joins
        taro joins
        station-1 reports vegetables of hanako → 20 points + 25 points, budget
        budget careinsurance 2026 → 45 of 45
        staff-1 allocates 50 careinsurance 2026 as=more → proposed
        staff-2 approves more → in force
        station-1 reports vegetables of taro → 20 points + 30 points
        budget careinsurance 2026 → 95 of 95
    "#]]);
}

/// Of caps that leave equally much the first of the programme is told, otherwise the one that
/// leaves least.
#[test]
fn the_room_that_is_told_is_the_tightest() {
    check(&expect![[r#"
        the city is set up rules.0.caps=[{"per":"week","points":60},{"per":"month","points":60}]
        hanako joins
        station-1 reports vegetables of hanako as=equal → 20 points
        room of equal → 40 Rule Week
    "#]]);
    check(&expect![[r#"
        the city is set up rules.0.caps=[{"per":"week","points":60},{"per":"month","points":50}]
        hanako joins
        station-1 reports vegetables of hanako as=later → 20 points
        room of later → 30 Rule Month
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
        hanako holds 63 lots from 2040
        staff-1 reports vegetables of hanako holder=account → 20 points
        at 2026-04-10 10:01
        staff-1 reports vegetables of hanako holder=account → 20 points
        staff-1 reports walk of hanako holder=account → 0 points, lots
        staff-1 reports class of hanako holder=account → 0 points, lots
    "#]]);
    // Lots open on the day of the report count, not those of the action's day.
    check(&expect![[r#"
        at 2027-03-31 23:58
        the city is set up
        hanako joins
        hanako holds 64 lots from 2027
        staff-1 reports vegetables of hanako holder=account → 0 points, lots
        at 2027-04-01 00:00
        staff-1 reports vegetables of hanako holder=account time=2027-03-31T23:59 → 20 points
        staff-1 reports class of hanako holder=account time=2027-03-31T23:59 → 0 points, lots
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

/// What a row of actions is granted under one cap of 50 points, in the last hours of its period and
/// after them.
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
        # Signed before midnight, decided after it: by the rules of the ledger's day, which the terminal must name.
        shop-a takes 5 from hanako day=2027-03-31 programme=1 → refused: programme version 2 is in force on that day
        shop-a takes 10 from hanako day=2027-03-31 programme=1 → refused: programme version 2 is in force on that day
        shop-a takes 5 from hanako day=2027-03-31 programme=2 → paid 5 general until 2028-03-31
        station-2 reports vegetables of hanako time=2027-03-31T23:59 → 20 points
        at 2027-04-03 23:59
        station-2 reports vegetables of hanako time=2027-03-31T23:58 → 20 points
        at 2027-04-04 00:00
        station-2 reports vegetables of hanako time=2027-03-31T23:57 → refused: the statement's day is too long ago
        budget general 2026 → 60 of 1000000
        budget general 2027 → 5 of 1000
        lots hanako → 50 general until 2028-03-31, 5 general until 2029-03-31
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
        station-1 reports vegetables of hanako time=2028-02-29T23:59 card=hanako → refused: this act is recorded already, as entry 39
        station-1 reports vegetables of hanako time=2028-02-29T23:58 card=hanako → 0 points, cap rule month
        lots hanako → 1570 general until 2029-03-31
    "#]]);
}
