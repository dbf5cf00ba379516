//! Who binds the city: roots, proposals, keys, places, accounts, cards and phones.

use expect_test::expect;

use super::check;

#[test]
fn the_servers_own_keys_end_with_two_persons() {
    check(&expect![[r#"
        the city is set up
        root-1 registers pin as pin as=k → proposed
        root-2 approves k → in force
        staff-1 revokes pin as=end → proposed
        hanako joins
        staff-1 approves end → refused: a second person must approve
        staff-1 revokes system as=stop → proposed
        staff-2 approves stop → in force
        system closes 2026-04-10 → refused: the key has been revoked
        staff-2 approves end → in force
        root-1 revokes pin → refused: the key has been revoked
        root-2 revokes staff-1 → done
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
fn only_roots_make_roots() {
    check(&expect![[r#"
        the city is set up
        staff-1 registers root-3 as root → refused: the key's role does not permit this
        # Nor is a root made where one of the two is staff.
        root-1 registers root-3 as root as=third → proposed
        staff-1 approves third → refused: the key's role does not permit this
        root-1 approves third → refused: a second person must approve
        root-2 approves third → in force
        # A root that was made is a root.
        root-3 registers root-4 as root as=fourth → proposed
        root-1 approves fourth → in force
        # Every other role is staff's to give.
        staff-1 registers nurse as coach as=nurse → proposed
        staff-2 approves nurse → in force
        # Who may comes before what the key is like.
        staff-1 registers weak as root → refused: the key's role does not permit this
        staff-1 registers root-1 as root → refused: the key's role does not permit this
        root-1 registers root-2 as root → refused: the key is registered already
    "#]]);
}

#[test]
fn a_root_is_ended_by_two_persons_and_any_other_key_by_one() {
    check(&expect![[r#"
        the city is set up
        root-1 registers root-1b as root person=root-1 as=second → proposed
        root-2 approves second → in force
        root-1 revokes root-2 as=end → proposed
        # Until another person agrees, it is as good as before.
        root-2 allocates 5 general 2026 → proposed
        root-1 approves end → refused: a second person must approve
        root-1b approves end → refused: a second person must approve
        shop-a approves end → refused: the key's role does not permit this
        staff-1 approves end → in force
        root-2 allocates 5 general 2026 → refused: the key has been revoked
        root-1 approves end → refused: the proposal has taken effect already
        root-1 revokes root-2 → refused: the key has been revoked
        # Staff may propose it; the root may itself agree.
        staff-1 revokes root-1b as=end → proposed
        staff-1 approves end → refused: a second person must approve
        root-1b approves end → in force
        root-1b allocates 5 general 2026 → refused: the key has been revoked
        # Two proposals for one end: the second finds the key ended.
        staff-1 revokes root-1 as=first → proposed
        staff-2 revokes root-1 as=second → proposed
        # One of the two is a root: staff alone cannot end the roots.
        staff-2 approves first → refused: the key's role does not permit this
        root-1 approves first → in force
        staff-1 approves second → refused: the key's role does not permit this
        # Any other key ends at once.
        staff-1 revokes station-1 → done
        staff-1 revokes station-1 → refused: the key has been revoked
        staff-2 revokes staff-1 → done
        staff-1 revokes nobody → refused: the key has been revoked
        staff-2 revokes nobody → refused: no such key is registered in this ledger
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
        staff-1 allocates 500 general 2024 → refused: a budget is of this fiscal year, the one before or the next two
        staff-1 allocates 500 general 2025 → proposed
        staff-1 allocates 500 general 2027 → proposed
        staff-1 allocates 500 general 2028 → proposed
        staff-1 allocates 500 general 2029 → refused: a budget is of this fiscal year, the one before or the next two
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
fn a_proposal_lapses_with_its_proposers_key() {
    check(&expect![[r#"
        the city is set up
        root-1 registers staff-1b as staff person=staff-1 as=key → proposed
        root-2 approves key → in force
        staff-1 allocates 5 general 2027 as=first → proposed
        staff-1b allocates 6 general 2027 as=second → proposed
        staff-1 allocates 7 general 2027 as=third → proposed
        staff-2 approves first → in force
        staff-2 revokes staff-1 → done
        # What took effect stays, and another key of the same person still stands for its own proposal.
        budget general 2027 → 0 of 5
        staff-2 approves third → refused: the proposal has lapsed
        staff-2 approves second → in force
        budget general 2027 → 0 of 11
        # Done comes before lapsed, and lapsed before the same person.
        staff-2 approves first → refused: the proposal has taken effect already
        staff-1b approves third → refused: the proposal has lapsed
        # A root's, from its end on and not from the proposal of its end.
        root-1 allocates 8 general 2027 as=fourth → proposed
        root-1 allocates 9 general 2027 as=fifth → proposed
        root-2 revokes root-1 as=end → proposed
        staff-2 approves fourth → in force
        staff-2 approves end → in force
        staff-2 approves fifth → refused: the proposal has lapsed
        budget general 2027 → 0 of 19
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
        root-1 publishes version 2 version=2 from=2026-04-11 as=three → proposed
        root-1 publishes version 2 version=2 from=2026-04-11 late_days=5 as=four → proposed
        root-1 publishes version 2 version=2 late_days=32 → refused: late_days: `late_days` is at most 31
        root-2 approves three → in force
        root-2 approves four → refused: the next programme version is 3
    "#]]);
}

#[test]
fn a_programme_after_the_first_starts_on_a_day_to_come() {
    check(&expect![[r#"
        # The first may rule for days that have begun: nobody was promised anything else.
        the city is set up
        root-1 publishes version 2 version=2 → refused: a programme after the first starts on a day to come
        root-1 publishes version 2 version=2 from=2026-04-10 → refused: a programme after the first starts on a day to come
        root-1 publishes version 3 version=3 from=2026-04-10 → refused: the next programme version is 2
        root-1 publishes version 2 version=2 from=2026-04-11 rules.0.points=5 as=late → proposed
        at 2026-04-10 23:59:59
        root-1 publishes version 2 version=2 from=2026-04-11 rules.0.points=7 → proposed
        at 2026-04-11 00:00
        root-1 publishes version 2 version=2 from=2026-04-11 → refused: a programme after the first starts on a day to come
        root-2 approves late → refused: a programme after the first starts on a day to come
        hanako joins
        station-1 reports vegetables of hanako → 20 points
    "#]]);
    check(&expect![[r#"
        the city is set up
        root-1 publishes version 2 version=2 from=2026-04-11 rules.0.points=5 as=good → proposed
        hanako joins
        at 2026-04-10 23:59:59
        root-2 approves good → in force
        station-1 reports vegetables of hanako → 20 points
        at 2026-04-11 00:00
        station-1 reports vegetables of hanako → 5 points
        station-2 reports vegetables of hanako time=2026-04-10T23:58 → 20 points
        # A third, where no day is ruled yet.
        root-1 publishes version 3 version=3 fiscal_year=2027 from=2027-04-01 until=2028-03-31 → proposed
    "#]]);
}

#[test]
fn keys_and_places() {
    check(&expect![[r#"
        the city is set up
        staff-1 registers shop-a as shop → refused: the key is registered already
        staff-1 registers weak as coach → refused: the public key is not a sound Ed25519 key
        staff-1 registers twofold as coach → refused: the public key is not a sound Ed25519 key
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
        staff-1 merges hanako into taro → refused: this kind of statement is not in force here
        # The role comes first, then the window, then whether the kind is in force.
        shop-a merges hanako into taro → refused: the key's role does not permit this
        staff-1 merges hanako into taro day=2026-01-01 → refused: the statement's day is too long ago
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
        staff-1 issues hanako → refused: a card, a code or both are issued, the code with its end
        staff-1 issues hanako code=one → refused: a card, a code or both are issued, the code with its end
        staff-1 issues hanako card=blue until=+5 → refused: a card, a code or both are issued, the code with its end
        staff-1 issues hanako code=one until=+0 → refused: the one-time code has expired
        staff-1 issues hanako code=one until=+5 card=blue → done
        staff-1 issues hanako code=two until=+5 card=blue → refused: the card or the one-time code exists already
        staff-1 issues hanako code=one until=+5 → refused: the card or the one-time code exists already
        staff-1 revokes card of red → refused: no such card
        staff-1 revokes card of blue → done
        staff-1 revokes card of blue → refused: the card has been revoked
        staff-1 issues hanako card=blue → refused: the card or the one-time code exists already
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
fn statements_that_no_rule_sees() {
    check(&expect![[r#"
        the city is set up
        staff-1 opens hanako ledger=elsewhere → malformed: the statement is for another ledger
        staff-1 opens hanako signed=nobody → malformed: no such key is registered in this ledger
    "#]]);
}
