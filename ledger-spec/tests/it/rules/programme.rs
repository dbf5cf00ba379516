//! The rules of a real city, all of them data: `examples/programme.json`.

use expect_test::expect;
use ledger_spec::programme::Programme;
use serde_json::json;

use super::check;
use crate::world::{EXAMPLE, changed};

/// Goals differ by age, and the age is the one on the day that the programme names: a birthday in
/// between changes nothing.
#[test]
fn steps_have_goals_by_age() {
    check(&expect![[r#"
        the example city is set up
        hanako joins
        registry admits hanako age=from40 on=2027-03-31 → done
        hanako grants link walk to app → done
        app reports steps.day of hanako link=walk steps=5999 origin=com.apple.health → 0 points, belowgoal
        app reports steps.day of hanako link=walk steps=9000 origin=com.apple.health → refused: this act is recorded already, as entry 43
        at 2026-04-11 10:00
        app reports steps.day of hanako link=walk steps=6000 origin=com.apple.health as=six → 1 points
        room of six → 799 Class Month
        at 2026-04-12 10:00
        app reports steps.day of hanako link=walk steps=8000 origin=com.apple.health as=eight → 3 points
        room of eight → 796 Class Month
        # The group for another day is not asked for; the one for this programme's day is, although a later one is known.
        registry admits hanako age=from65 on=2028-03-31 → done
        at 2026-04-13 10:00
        app reports steps.day of hanako link=walk steps=4000 origin=com.apple.health → 0 points, belowgoal
        registry admits hanako age=from65 on=2027-03-31 → done
        at 2026-04-14 10:00
        app reports steps.day of hanako link=walk steps=4000 origin=com.apple.health → 1 points
        balance hanako → 5 yen, 0 challenge
    "#]]);
}

#[test]
fn what_a_phone_counts_must_be_plausible() {
    check(&expect![[r#"
        the example city is set up
        hanako joins
        hanako grants link walk to app → done
        app reports steps.day of hanako link=walk → refused: the key's role does not permit this
        app reports steps.day of hanako link=walk steps=8000 hand=yes origin=com.apple.health → refused: the value was entered by hand
        app reports steps.day of hanako link=walk steps=100001 origin=com.apple.health → refused: more than 100000 steps a day are not taken
        app reports steps.day of hanako link=walk steps=8000 → refused: the programme takes no data of this application
        app reports steps.day of hanako link=walk steps=8000 origin=com.example.shaker → refused: the programme takes no data of this application
        app reports steps.day of hanako link=walk steps=50001 origin=com.apple.health → 0 points, review
        at 2026-04-11 10:00
        app reports steps.day of hanako link=walk steps=50000 origin=com.apple.health → 3 points
        at 2026-04-12 10:00
        app reports steps.day of hanako link=walk steps=100000 origin=com.apple.health → 0 points, review
        station-1 reports steps.day of hanako steps=8000 origin=com.apple.health → refused: the key's role does not permit this
        staff-1 reports steps.day of hanako holder=account steps=8000 → refused: the key's role does not permit this
        hanako reports steps.day of hanako holder=none steps=8000 → refused: the key's role does not permit this
    "#]]);
}

/// A rule with goals needs the value, whoever reports it.
#[test]
fn goals_need_a_value() {
    check(&expect![[r#"
        the example city is set up rules.0.evidence=["phone_sensor","station"]
        hanako joins
        station-1 reports steps.day of hanako → refused: the value that the rule goes by is missing
        station-1 reports steps.day of hanako level=50 origin=kenmai.pedometer → refused: the value that the rule goes by is missing
        station-1 reports steps.day of hanako steps=0 origin=kenmai.pedometer → 0 points, belowgoal
    "#]]);
}

/// A partner knows the resident by the link alone, for one purpose, until a day.
#[test]
fn a_link_is_one_partner_and_one_purpose() {
    check(&expect![[r#"
        the example city is set up
        hanako joins
        taro joins
        hanako grants link walk to nobody → refused: no such key is registered in this ledger
        hanako grants link walk to coach → refused: the link is for another purpose
        hanako grants link walk to app until=2026-04-09 → refused: a link lasts from today on for at most 366 days
        hanako grants link walk to app until=2027-04-12 → refused: a link lasts from today on for at most 366 days
        staff-1 grants link walk to app → refused: this way of naming the resident is not accepted here
        hanako grants link walk to app until=2026-04-20 → done
        taro grants link walk to app → refused: the link's number is taken
        hanako grants link talk to coach purpose=sessions → done
        partner reports steps.day of hanako link=walk steps=8000 origin=kenmai.pedometer → refused: no such link
        app reports steps.day of hanako link=run steps=8000 origin=kenmai.pedometer → refused: no such link
        coach reports care of hanako link=talk exact=interview.online → 50 points
        coach reports care of hanako link=talk exact=interview.online → refused: this act is recorded already, as entry 48
        hanako revokes link talk → done
        coach reports care of hanako link=talk exact=guidance.followup → refused: the link has ended
        hanako revokes link talk → refused: the link has ended
        taro revokes link walk → refused: no such link
        hanako revokes link jump → refused: no such link
        at 2026-04-20 23:59
        app reports steps.day of hanako link=walk steps=8000 origin=kenmai.pedometer → 3 points
        at 2026-04-21 00:01
        app reports steps.day of hanako link=walk steps=8000 origin=kenmai.pedometer → refused: the link has ended
        # What is reported late is judged by its own day.
        app reports steps.day of hanako link=walk steps=8000 origin=kenmai.pedometer time=2026-04-19T12:00 → 3 points
        # Sessions are no steps, and who sends reminders reports neither.
        app reports care of hanako link=walk exact=interview.online time=2026-04-19T12:00 → refused: the link is for another purpose
        hanako grants link news to coach purpose=reminders → refused: the link is for another purpose
        hanako grants link news to app purpose=reminders → done
        app reports care of hanako link=news exact=interview.online → refused: the link is for another purpose
        app reports steps.day of hanako link=news steps=8000 origin=kenmai.pedometer → refused: the link is for another purpose
        root-1 registers club as coach as=p → proposed
        root-2 approves p → in force
        hanako grants link club to club purpose=sessions → done
        club reports class.kayoinoba of hanako link=club → 20 points
        staff-1 revokes link walk → done
        root-1 revokes app → done
        hanako grants link other to app → refused: the key has been revoked
    "#]]);
}

#[test]
fn days_of_a_month_and_of_a_week_earn_more() {
    let mut story = String::from("the example city is set up\nhanako joins\n");
    story += "hanako grants link walk to app\n";
    // An employer's link from the third week on.
    for day in 13..=30 {
        story += &format!("at 2026-04-{day:02} 20:00\n");
        if day == 27 {
            story += "hanako grants link work to partner purpose=employer\n";
        }
        let step = "app reports steps.day of hanako link=walk origin=kenmai.pedometer";
        story += &format!("{step} steps=8000\n");
    }
    for day in ["2026-05-01", "2026-05-02", "2026-05-03"] {
        story += &format!("at {day} 20:00\n");
        story += "app reports steps.day of hanako link=walk origin=kenmai.pedometer steps=8000\n";
    }
    story += "lots hanako";
    let told = crate::story::tell(&story);
    let more: Vec<&str> =
        told.lines().filter(|line| line.contains(" + ") || !line.contains("app")).collect();
    let more: Vec<&str> = more.into_iter().filter(|line| line.contains('→')).collect();
    expect![[r#"
        app reports steps.day of hanako link=walk origin=kenmai.pedometer steps=8000 → 3 points + 10 points
        hanako grants link work to partner purpose=employer → done
        app reports steps.day of hanako link=walk origin=kenmai.pedometer steps=8000 → 3 points + 20 points
        lots hanako → 73 general until 2028-03-31, 20 employer until 2028-03-31"#]].assert_eq(&more.join("\n"));
}

/// Days that arrive late and out of order count in the period that they belong to, and complete it
/// once.
#[test]
fn late_days_complete_the_month_they_belong_to() {
    check(&expect![[r#"
        the example city is set up rules.1.needs.days.days=3
        hanako joins
        hanako grants link walk to app → done
        at 2026-05-03 10:00
        app reports steps.day of hanako link=walk steps=8000 origin=kenmai.pedometer → 3 points
        app reports steps.day of hanako link=walk steps=8000 origin=kenmai.pedometer time=2026-04-30T12:00 → 3 points
        app reports steps.day of hanako link=walk steps=8000 origin=kenmai.pedometer time=2026-04-28T12:00 → 3 points
        app reports steps.day of hanako link=walk steps=8000 origin=kenmai.pedometer time=2026-05-01T12:00 → 3 points
        app reports steps.day of hanako link=walk steps=8000 origin=kenmai.pedometer time=2026-04-29T12:00 → 3 points + 10 points
        app reports steps.day of hanako link=walk steps=8000 origin=kenmai.pedometer time=2026-04-27T12:00 → 3 points
        app reports steps.day of hanako link=walk steps=5000 origin=kenmai.pedometer time=2026-05-02T12:00 → 0 points, belowgoal
        at 2026-05-04 10:00
        app reports steps.day of hanako link=walk steps=8000 origin=kenmai.pedometer → 3 points + 10 points
    "#]]);
}

/// A measurement counts once in 14 days, in both directions, and one's own progress is measured
/// over 14 to 90.
#[test]
fn measurements_are_spaced_and_improve() {
    check(&expect![[r#"
        the example city is set up
        hanako joins
        station-1 reports vegecheck.measure of hanako level=50 → 20 points
        at 2026-04-15 10:00
        station-1 reports vegecheck.measure of hanako level=90 → 0 points, toosoon(2026-04-24)
        at 2026-04-23 10:00
        station-1 reports vegecheck.measure of hanako level=60 → 0 points, toosoon(2026-04-24)
        at 2026-04-24 10:00
        station-1 reports vegecheck.measure of hanako level=54 → 20 points
        at 2026-05-15 10:00
        station-1 reports vegecheck.measure of hanako level=59 → 20 points + 30 points
        # The one in May is 21 days before; this one is reported late, between two that count.
        at 2026-06-10 10:00
        station-1 reports vegecheck.measure of hanako level=70 → 20 points + 30 points
        station-1 reports vegecheck.measure of hanako level=70 time=2026-06-01T09:00 → 0 points, toosoon(2026-06-24)
        # 91 days after the last: nothing to compare with.
        at 2026-09-09 10:00
        station-1 reports vegecheck.measure of hanako level=99 → 20 points
        at 2026-12-08 10:00
        station-1 reports vegecheck.measure of hanako level=104 → 20 points + 30 points
        # A lower level improves nothing, and none is no measurement.
        at 2027-01-08 10:00
        station-1 reports vegecheck.measure of hanako level=100 → 20 points
        at 2027-02-08 10:00
        station-1 reports vegecheck.measure of hanako → refused: the value that the rule goes by is missing
    "#]]);
}

/// What is measured is data of the rule, under whatever code the city records it: every value of
/// the rule must be there, none other, and each lies in its own range.
#[test]
fn what_a_rule_measures_must_be_there() {
    check(&expect![[r#"
        the example city is set up rules.2.action="yasai.hakaru" rules.10.measures=["minutes"]
        hanako joins
        station-1 reports vegecheck.measure of hanako level=50 → refused: the programme has no such action
        station-1 reports yasai.hakaru of hanako → refused: the value that the rule goes by is missing
        station-1 reports yasai.hakaru of hanako steps=50 → refused: the value that the rule goes by is missing
        station-1 reports yasai.hakaru of hanako level=0 → refused: the time of the act is not on the statement's day, or a value is out of its range
        station-1 reports yasai.hakaru of hanako level=1 → 20 points
        station-1 reports station.blood_pressure of hanako → refused: the value that the rule goes by is missing
        station-1 reports station.blood_pressure of hanako systolic=128 → refused: the value that the rule goes by is missing
        station-1 reports station.blood_pressure of hanako diastolic=79 → refused: the value that the rule goes by is missing
        station-1 reports station.blood_pressure of hanako systolic=301 diastolic=79 → refused: the time of the act is not on the statement's day, or a value is out of its range
        station-1 reports station.blood_pressure of hanako systolic=300 diastolic=1 → 5 points
        # Whoever reports it: a session of so many minutes.
        coach reports class.kayoinoba of hanako → refused: the value that the rule goes by is missing
        coach reports class.kayoinoba of hanako minutes=1441 → refused: the time of the act is not on the statement's day, or a value is out of its range
        coach reports class.kayoinoba of hanako minutes=1440 → 20 points
        at 2026-04-24 10:00
        station-1 reports yasai.hakaru of hanako level=6 → 20 points + 30 points
    "#]]);
}

/// A document cannot ask for a value twice, nor follow from one that nobody is asked for.
#[test]
fn a_programme_measures_what_its_rules_go_by() {
    for (member, value, fault) in [
        ("rules.0.measures", json!([]), "rules[0].measures: each of `measures` once"),
        ("rules.0.measures", json!(["minutes"]), "`steps` among them where goals"),
        ("rules.0.evidence", json!(["phone_sensor", "partner"]), "and then no evidence `partner`"),
        ("rules.12.evidence", json!(["phone_sensor"]), "rules[12].measures"),
        ("rules.7.plausible", json!({"steps_max": 9, "review_above": 9}), "rules[7].measures"),
        ("rules.7.evidence", json!(["station", "partner"]), "taken"),
        ("rules.0.measures", json!(["minutes", "steps"]), "taken"),
        ("rules.0.measures", json!(["steps", "steps"]), "each of `measures` once"),
        ("rules.1.measures", json!(["steps"]), "rules[1].measures: each of `measures` once"),
        ("rules.2.measures", json!([]), "rules[3].needs: `needs` names a rule without needs"),
        ("rules.2.measures", json!(["steps"]), "for an improvement one that measures"),
        ("rules.2.measures", json!(["steps", "level_tenths"]), "taken"),
        ("rules.17.measures", json!(["minutes"]), "rules[17].evidence: `two_staff` needs"),
        ("rules.9.measures", json!(["steps"]), "rules[9].measures: each of `measures` once"),
        ("rules.2.evidence", json!(["station", "venue"]), "none where `needs` or evidence `venue`"),
    ] {
        let found = Programme::parse(&changed(EXAMPLE, &[(member.into(), value.clone())]));
        let text = found.map_or_else(|fault| fault.to_string(), |_| "taken".into());
        assert!(text.contains(fault), "{member} = {value}: {text}");
    }
}

/// One public group; which action it was decides points, fund and how often it counts, and stands
/// in no effect.
#[test]
fn sensitive_actions_share_a_group() {
    check(&expect![[r#"
        the example city is set up
        hanako joins
        coach reports care of hanako exact=guidance.first_interview → 300 points
        at 2026-04-11 10:00
        coach reports care of hanako exact=guidance.first_interview → 0 points, times(fiscalyear)
        coach reports care of hanako exact=guidance.followup → 100 points
        at 2026-04-30 10:00
        coach reports care of hanako exact=guidance.followup → 0 points, times(month)
        at 2026-05-01 10:00
        coach reports care of hanako exact=guidance.followup → 100 points
        coach reports care of hanako exact=screening.stomach → refused: the key's role does not permit this
        registry reports care of hanako holder=account exact=screening.stomach → 200 points
        registry reports care of hanako holder=account exact=screening.lung → 200 points
        registry reports care of hanako holder=account exact=screening.colon → 200 points
        registry reports care of hanako holder=account exact=screening.breast → 200 points
        registry reports care of hanako holder=account exact=screening.cervix → 200 points
        # Immunizations are told apart by the number of the record, and three of a year count.
        registry reports care of hanako holder=account exact=immunization → refused: the reference of the record or event is missing
        registry reports care of hanako holder=account exact=immunization ref=one → 100 points
        registry reports care of hanako holder=account exact=immunization ref=one → refused: this act is recorded already, as entry 51
        registry reports care of hanako holder=account exact=immunization ref=two → 100 points
        registry reports care of hanako holder=account exact=immunization ref=three → 100 points
        registry reports care of hanako holder=account exact=immunization ref=four → 0 points, times(fiscalyear)
        # Two children, one guardian.
        staff-1 reports care of hanako holder=account exact=checkup.infant ref=first → 100 points
        staff-1 reports care of hanako holder=account exact=checkup.infant ref=second → 100 points
        lots hanako → 1500 general until 2028-03-31, 500 nhi until 2028-03-31
    "#]]);
}

/// Who should be checked spends only after the check-up; what was earned before waits, and nothing
/// is lost.
#[test]
fn a_gate_opens_for_what_was_earned_before() {
    check(&expect![[r#"
        the example city is set up
        hanako joins
        taro joins
        registry admits hanako age=from40 on=2027-03-31 → done
        registry admits taro age=from40 on=2027-03-31 insurance=other → done
        coach reports care of hanako exact=guidance.first_interview → 300 points
        coach reports care of taro exact=guidance.first_interview → 300 points
        at 2026-04-20 10:00
        shop-a takes 100 from hanako → refused: yen points can be spent once rule 8 of the programme is done
        shop-a takes 100 from taro → paid 100 nhi until 2028-03-31
        # The check-up was before the purchase that was refused, and is reported after it.
        registry reports checkup.specific of hanako holder=account time=2026-04-19T09:00 → 1000 points
        shop-a takes 100 from hanako → paid 100 nhi until 2028-03-31
        registry reports checkup.specific of hanako holder=account → 0 points, cap rule fiscalyear
        # It holds for the next fiscal year, and not for the one after.
        root-1 publishes version 2 version=2 fiscal_year=2027 from=2027-04-01 until=2028-03-31 as=p → proposed
        root-2 approves p → in force
        at 2027-04-01 10:00
        balance hanako → 1200 yen, 0 challenge
        shop-a takes 100 from hanako → paid 100 nhi until 2028-03-31
    "#]]);
}

/// The season ends before the year; what comes late is judged by its own day, until the day after
/// which nothing is.
#[test]
fn the_season_and_late_reports_end() {
    check(&expect![[r#"
        the example city is set up
        hanako joins
        at 2027-02-28 23:59
        registry reports checkup.dental of hanako holder=account time=2027-02-27T10:00 → 200 points
        at 2027-03-01 00:00
        coach reports class.kayoinoba of hanako → 0 points, season
        coach reports volunteer.activity of hanako time=2027-02-28T10:00 → 50 points
        at 2027-03-07 10:00
        coach reports class.kayoinoba of hanako time=2027-02-28T10:00 → 20 points
        at 2027-03-14 23:59
        coach reports class.kayoinoba of hanako time=2027-02-28T10:00 card=hanako → refused: this act is recorded already, as entry 44
        coach reports volunteer.activity of hanako time=2027-03-14T10:00 → 0 points, season
        at 2027-03-15 00:00
        coach reports volunteer.activity of hanako time=2027-03-15T00:00 → refused: the statement's day is too long ago
        coach reports class.kayoinoba of hanako time=2027-03-14T10:00 → refused: the statement's day is too long ago
    "#]]);
}

/// Milestones are exempt from the caps of habits, and everything from the year's: a mass-screening
/// day is not cut.
#[test]
fn caps_of_the_city() {
    check(&expect![[r#"
        the example city is set up
        hanako joins
        coach reports volunteer.activity of hanako → 50 points
        staff-1 reports event.attend of hanako holder=account ref=a → 50 points
        staff-1 reports event.attend of hanako holder=account ref=a → refused: this act is recorded already, as entry 42
        coach reports class.kayoinoba of hanako → 20 points
        staff-1 reports event.attend of hanako holder=account ref=b as=b → 30 points, cap class day
        room of b → none
        staff-1 reports event.attend of hanako holder=account ref=c → 0 points, cap class day
        registry reports checkup.specific of hanako holder=account → 1000 points
        registry reports checkup.dental of hanako holder=account → 200 points
        registry reports care of hanako holder=account exact=screening.lung → 200 points
        registry reports care of hanako holder=account exact=screening.colon → 200 points
        balance hanako → 1750 yen, 0 challenge
        # A week is from Monday: 10 April 2026 is a Friday.
        at 2026-04-11 10:00
        station-1 reports station.body_composition of hanako → 5 points
        station-1 reports station.blood_pressure of hanako systolic=128 diastolic=79 → 5 points
        at 2026-04-12 10:00
        station-1 reports station.body_composition of hanako → 0 points, cap rule week
        at 2026-04-13 10:00
        station-1 reports station.body_composition of hanako → 5 points
        # Own records and quizzes count for the challenge alone.
        hanako reports self.report of hanako holder=none as=self → 1 points
        channel of self → phone
        hanako reports quiz.pass of hanako holder=none → 2 points
        hanako reports quiz.pass of taro → malformed: the code was not made by a phone that is enrolled here
        hanako reports class.kayoinoba of hanako holder=none → refused: the key's role does not permit this
        coach reports self.report of hanako → refused: the key's role does not permit this
        station-1 reports steps.month of hanako → refused: the key's role does not permit this
        balance hanako → 1765 yen, 3 challenge
    "#]]);
}

/// Who moves here earns for days from then on.
#[test]
fn earlier_days_do_not_count_for_newcomers() {
    check(&expect![[r#"
        the example city is set up
        hanako joins
        registry admits hanako from=2026-04-09 → done
        coach reports class.kayoinoba of hanako time=2026-04-08T10:00 → 0 points, noteligible
        coach reports class.kayoinoba of hanako time=2026-04-09T10:00 → 20 points
    "#]]);
}
