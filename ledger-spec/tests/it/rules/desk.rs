//! Consent at a desk or kiosk: a card with its PIN does what the resident's own phone would.

use expect_test::expect;

use super::check;

#[test]
fn a_card_with_its_pin_enrols_a_phone() {
    check(&expect![[r#"
        the city is set up redeem.fresh_device_max_day=300
        paper cards can be brought
        root-1 registers pin as pin as=k → proposed
        root-2 approves k → in force
        hanako joins
        taro joins
        staff-1 reports checkup of hanako holder=account → 500 points
        # Card and PIN together, and nothing beside them.
        kiosk enrols second → refused: this way of naming the resident is not accepted here
        kiosk enrols second card=hanako → refused: this way of naming the resident is not accepted here
        kiosk enrols second phone=hanako → refused: this way of naming the resident is not accepted here
        kiosk enrols second phone=hanako pin=0 pin_at=kiosk → refused: this way of naming the resident is not accepted here
        kiosk enrols second pin=0 pin_at=kiosk → refused: this way of naming the resident is not accepted here
        staff-1 issues hanako code=one until=+5 → done
        kiosk enrols second card=hanako pin=0 pin_at=kiosk with=one → refused: this way of naming the resident is not accepted here
        kiosk enrols second card=taro pin=0 pin_at=kiosk → refused: the PIN proof does not fit this card, terminal, moment and number of points
        kiosk enrols second card=hanako pin=0 pin_at=staff-1 → refused: the PIN proof does not fit this card, terminal, moment and number of points
        kiosk enrols second card=hanako pin=0 pin_at=kiosk pin_exp=+0 → refused: the PIN proof does not fit this card, terminal, moment and number of points
        kiosk enrols second card=hanako pin=0 pin_at=kiosk pin_exp=+121 → refused: the PIN proof does not fit this card, terminal, moment and number of points
        kiosk enrols second card=hanako pin=0 pin_at=kiosk pin_by=system → refused: the PIN proof does not fit this card, terminal, moment and number of points
        kiosk enrols second card=mistyped pin=0 pin_at=kiosk → refused: the card's number has a mistake
        kiosk enrols weak card=hanako pin=0 pin_at=kiosk → refused: the public key is not a sound Ed25519 key
        kiosk enrols hanako card=hanako pin=0 pin_at=kiosk → refused: the key is registered already
        # Neither who brings its own key nor another phone speaks for a card.
        second enrols second card=hanako pin=0 pin_at=kiosk → refused: this way of naming the resident is not accepted here
        second enrols second with=one card=hanako → refused: this way of naming the resident is not accepted here
        second enrols second with=one pin=0 → refused: this way of naming the resident is not accepted here
        hanako enrols second card=hanako pin=0 pin_at=kiosk → refused: this way of naming the resident is not accepted here
        hanako enrols second card=hanako → refused: this way of naming the resident is not accepted here
        hanako enrols second pin=0 → refused: this way of naming the resident is not accepted here
        shop-a enrols second card=hanako pin=0 → refused: the key's role does not permit this
        kiosk enrols second card=hanako pin=0 pin_at=kiosk proof=once as=enrolment → done by PIN
        again enrolment → accepted before, as entry 52
        # One proof, one use.
        kiosk enrols third card=hanako pin=0 pin_at=kiosk proof=once → refused: the PIN proof does not fit this card, terminal, moment and number of points
        # The phone is hanako's, and fresh.
        shop-a takes 301 from hanako phone=second → refused: a phone spends at most 300 points a day until the end of the day after its enrolment
        shop-a takes 300 from hanako phone=second → paid 300 general until 2028-03-31
        balance hanako → 200 yen, 0 challenge
        second enrols third → done
        staff-1 enrols fourth card=hanako pin=0 pin_at=staff-1 → done by PIN
        staff-1 revokes card of hanako → done
        staff-1 enrols fifth card=hanako pin=0 pin_at=staff-1 → refused: the card has been revoked
        fourth grants link walk to coach purpose=sessions → done
    "#]]);
}

#[test]
fn a_card_with_its_pin_grants_and_ends_links() {
    check(&expect![[r#"
        the city is set up
        root-1 registers pin as pin as=k → proposed
        root-2 approves k → in force
        root-1 registers app as partner as=k → proposed
        root-2 approves k → in force
        hanako joins
        taro joins
        kiosk grants link walk to app → refused: this way of naming the resident is not accepted here
        kiosk grants link walk to app card=hanako → refused: this way of naming the resident is not accepted here
        kiosk grants link walk to app phone=hanako → refused: this way of naming the resident is not accepted here
        kiosk grants link walk to app pin=0 pin_at=kiosk → refused: this way of naming the resident is not accepted here
        kiosk grants link walk to app card=taro pin=0 pin_at=kiosk → refused: the PIN proof does not fit this card, terminal, moment and number of points
        kiosk grants link walk to app card=hanako pin=0 → refused: the PIN proof does not fit this card, terminal, moment and number of points
        hanako grants link walk to app card=hanako pin=0 pin_at=kiosk → refused: this way of naming the resident is not accepted here
        hanako grants link walk to app card=hanako → refused: this way of naming the resident is not accepted here
        hanako grants link walk to app pin=0 → refused: this way of naming the resident is not accepted here
        kiosk grants link walk to app card=hanako pin=0 pin_at=kiosk proof=once → done by PIN
        kiosk grants link talk to coach card=hanako pin=0 pin_at=kiosk proof=once purpose=sessions → refused: the PIN proof does not fit this card, terminal, moment and number of points
        # The checks of a link are the same; a proof that came to nothing is still good.
        kiosk grants link walk to app card=hanako pin=0 pin_at=kiosk proof=twice → refused: the link's number is taken
        kiosk grants link talk to coach card=hanako pin=0 pin_at=kiosk proof=twice → refused: the link is for another purpose
        kiosk grants link talk to coach card=hanako pin=0 pin_at=kiosk proof=twice purpose=sessions until=2026-04-09 → refused: a link lasts from today on for at most 366 days
        kiosk grants link talk to coach card=hanako pin=0 pin_at=kiosk proof=twice purpose=sessions → done by PIN
        staff-1 grants link work to app card=hanako pin=0 pin_at=staff-1 purpose=employer → done by PIN
        staff-1 grants link news to app card=hanako pin=0 pin_at=staff-1 purpose=reminders → done by PIN
        # The own phone ends what was granted at the desk, and the desk what it granted.
        taro revokes link walk → refused: no such link
        hanako revokes link walk → done
        kiosk revokes link talk → done
        coach reports care of hanako link=talk exact=guidance → refused: the link has ended
    "#]]);
}
