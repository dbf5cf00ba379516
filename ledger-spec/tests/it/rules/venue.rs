//! The rotating code of an event: who was there reports it by phone.

use expect_test::expect;

use super::check;

#[test]
fn who_reads_the_venues_code_reports_the_visit_once() {
    check(&expect![[r#"
        the city is set up rules.4.evidence=["venue","station","coach"] rules.4.points=50
        hanako joins
        taro joins
        # A phone's word alone is worth nothing here.
        hanako reports class of hanako holder=none → refused: the key's role does not permit this
        hanako reports class of hanako holder=none venue=station-1 shown=morning as=visit → 50 points
        channel of visit → phone
        balance hanako → 50 yen, 0 challenge
        # The same event and person, whatever code and whoever reports it; another person reads the same screen.
        hanako reports class of hanako holder=none venue=station-1 → refused: this act is recorded already, as entry 38
        station-1 reports class of hanako → refused: this act is recorded already, as entry 38
        taro reports class of taro holder=none venue=station-1 shown=morning → 50 points
        # Another place is another event, and so is another day.
        station-2 reports class of hanako → 50 points
        hanako reports class of hanako holder=none venue=station-2 → refused: this act is recorded already, as entry 40
        coach reports class of hanako → 50 points
        at 2026-04-11 10:00
        hanako reports class of hanako holder=none venue=station-1 → 50 points
        # Another rule does not take it, and nobody hands over what another's phone has read.
        hanako reports vegetables of hanako holder=none venue=station-1 → refused: the key's role does not permit this
        station-1 reports class of hanako venue=station-1 → refused: the key's role does not permit this
        coach reports class of hanako venue=station-1 → refused: the key's role does not permit this
        # It is taken back like any other.
        staff-1 withdraws visit as=back → proposed
        staff-2 approves back → withdrawn, back 50 nhi until 2028-03-31; 0 of 50 are gone
    "#]]);
}

#[test]
fn a_venue_code_is_for_its_ledger_action_place_and_minute() {
    check(&expect![[r#"
        the city is set up rules.4.evidence=["venue"]
        hanako joins
        hanako reports class of hanako holder=none venue=station-1 venue_ledger=elsewhere → refused: the venue's code is for another programme or action
        hanako reports class of hanako holder=none venue=station-1 venue_action=walk → refused: the venue's code is for another programme or action
        hanako reports class of hanako holder=none venue=station-1 venue_place=station-2 → refused: the venue's code was made by no station in force at its place
        hanako reports class of hanako holder=none venue=shop-a → refused: the venue's code was made by no station in force at its place
        hanako reports class of hanako holder=none venue=coach → refused: the venue's code was made by no station in force at its place
        hanako reports class of hanako holder=none venue=hanako → refused: the venue's code was made by no station in force at its place
        hanako reports class of hanako holder=none venue=nobody → malformed: the venue's code was not made by a key of this ledger
        hanako reports class of hanako holder=none venue=station-1 venue_exp=+0 → refused: the venue's code was not in force at the time of the act, or ended more than 300 seconds ago
        hanako reports class of hanako holder=none venue=station-1 venue_exp=+121 → refused: the venue's code was not in force at the time of the act, or ended more than 300 seconds ago
        # A photograph, an hour later: with its true time, and with a time that the phone makes up.
        at 2026-04-10 11:30
        hanako reports class of hanako holder=none venue=station-1 venue_exp=-3600 → refused: the venue's code was not in force at the time of the act, or ended more than 300 seconds ago
        hanako reports class of hanako holder=none venue=station-1 time=2026-04-10T10:30 venue_exp=+120 → refused: the venue's code was not in force at the time of the act, or ended more than 300 seconds ago
        # A phone with bad signal has minutes; 300 seconds after the code's end it is over.
        hanako reports class of hanako holder=none venue=station-1 time=2026-04-10T11:22:59 venue_exp=+120 → refused: the venue's code was not in force at the time of the act, or ended more than 300 seconds ago
        hanako reports class of hanako holder=none venue=station-1 time=2026-04-10T11:23 venue_exp=+120 → 20 points
        # A station that is lost is revoked, and its screen is worth nothing from then on.
        root-1 revokes station-2 as=lost → done
        hanako reports class of hanako holder=none venue=station-2 → refused: the venue's code was made by no station in force at its place
    "#]]);
}

#[test]
fn a_venue_is_trusted_with_50_points() {
    check(&expect![[r#"
        the city is set up
        root-1 publishes version 2 version=2 from=2026-04-11 rules.4.evidence=["venue"] rules.4.points=51 → refused: rules[4].points: evidence `Venue` can be trusted with at most 50 points of purse `yen`
        root-1 publishes version 2 version=2 from=2026-04-11 rules.4.evidence=["venue"] rules.4.points=50 → proposed
    "#]]);
}
