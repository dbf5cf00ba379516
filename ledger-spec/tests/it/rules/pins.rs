//! PINs of cards: on whose word one is set, and from when on it counts.

use expect_test::expect;

use super::check;

#[test]
fn the_first_pin_comes_with_the_card() {
    check(&expect![[r#"
        the city is set up
        root-1 registers pin as pin as=k → proposed
        root-2 approves k → in force
        root-1 registers register as registry as=k → proposed
        root-2 approves k → in force
        staff-1 opens hanako → done
        staff-1 issues hanako card=hanako → done
        kiosk enrols phone-1 card=hanako pin=0 pin_at=kiosk → refused: the PIN proof does not fit this card, terminal, moment and number of points
        # Nobody beside the signer is named, and a kiosk gives nobody a first one.
        staff-1 sets pin of nobody → refused: no such card
        staff-1 sets pin of hanako card=hanako → refused: this way of naming the resident is not accepted here
        kiosk sets pin of hanako → refused: the key's role does not permit this
        shop-a sets pin of hanako → refused: the key's role does not permit this
        staff-1 sets pin of hanako → PIN from 2026-04-10
        kiosk enrols phone-1 card=hanako pin=0 pin_at=kiosk → done by PIN
        # Once, whoever sets it.
        staff-1 sets pin of hanako → refused: the first PIN of a card is set on the day of its issue, and this is not the first or not that day
        register sets pin of hanako → refused: the first PIN of a card is set on the day of its issue, and this is not the first or not that day
        # Another card of an account with a life takes two days, though it is the card's first.
        at 2026-04-11 09:00
        staff-1 issues hanako card=second → done
        register sets pin of second → PIN from 2026-04-13
        staff-1 enrols phone-2 card=second pin=0 pin_card=second pin_at=staff-1 → refused: the card's PIN counts from 2026-04-13 on, because it was set without the old one
        # Not the day of its issue: no first one any more.
        staff-1 issues hanako card=third → done
        at 2026-04-12 09:00
        staff-1 sets pin of third → refused: the first PIN of a card is set on the day of its issue, and this is not the first or not that day
        staff-1 enrols phone-2 card=second pin=0 pin_card=second pin_at=staff-1 → refused: the card's PIN counts from 2026-04-13 on, because it was set without the old one
        at 2026-04-13 00:00
        staff-1 enrols phone-2 card=second pin=0 pin_card=second pin_at=staff-1 → done by PIN
        staff-1 revokes card of third → done
        register sets pin of third on=letter → refused: the card has been revoked
    "#]]);
}

#[test]
fn who_has_proven_the_old_pin_changes_it_at_once() {
    check(&expect![[r#"
        the city is set up
        root-1 registers pin as pin as=k → proposed
        root-2 approves k → in force
        hanako joins
        taro joins
        kiosk sets pin of hanako on=changed → refused: this way of naming the resident is not accepted here
        kiosk sets pin of hanako on=changed card=hanako → refused: this way of naming the resident is not accepted here
        kiosk sets pin of hanako on=changed card=taro pin=0 pin_at=kiosk pin_card=taro → refused: this way of naming the resident is not accepted here
        kiosk sets pin of hanako on=changed card=hanako pin=0 pin_at=staff-1 → refused: the PIN proof does not fit this card, terminal, moment and number of points
        kiosk sets pin of hanako on=changed card=hanako pin=0 pin_at=kiosk proof=once as=change → PIN from 2026-04-10
        kiosk enrols second card=hanako pin=0 pin_at=kiosk proof=once → refused: the PIN proof does not fit this card, terminal, moment and number of points
        kiosk enrols second card=hanako pin=0 pin_at=kiosk → done by PIN
        staff-1 sets pin of hanako on=changed card=hanako pin=0 pin_at=staff-1 → PIN from 2026-04-10
    "#]]);
}

#[test]
fn without_the_old_pin_it_takes_a_letter_or_two_persons_and_two_days() {
    check(&expect![[r#"
        the city is set up redeem.card_no_pin_max_day=100 redeem.terminal_no_pin_max_day=1000
        root-1 registers pin as pin as=k → proposed
        root-2 approves k → in force
        root-1 registers register as registry as=k → proposed
        root-2 approves k → in force
        hanako joins
        staff-1 reports checkup of hanako holder=account → 500 points
        at 2026-04-11 09:00
        staff-1 sets pin of hanako on=letter → refused: the key's role does not permit this
        kiosk sets pin of hanako on=letter → refused: the key's role does not permit this
        kiosk sets pin of hanako on=desk → refused: the key's role does not permit this
        register sets pin of hanako on=desk → refused: the key's role does not permit this
        staff-1 sets pin of hanako on=desk card=hanako pin=0 pin_at=staff-1 → refused: this way of naming the resident is not accepted here
        # The old one counts until two persons have agreed.
        staff-1 sets pin of hanako on=desk as=desk → proposed
        shop-a takes 110 from hanako card=hanako pin=200 → paid by PIN 110 general until 2028-03-31
        staff-1 approves desk → refused: a second person must approve
        staff-2 approves desk → PIN from 2026-04-13
        shop-a takes 110 from hanako card=hanako pin=200 → refused: the card's PIN counts from 2026-04-13 on, because it was set without the old one
        kiosk enrols second card=hanako pin=0 pin_at=kiosk → refused: the card's PIN counts from 2026-04-13 on, because it was set without the old one
        kiosk grants link walk to coach card=hanako pin=0 pin_at=kiosk purpose=sessions → refused: the card's PIN counts from 2026-04-13 on, because it was set without the old one
        kiosk sets pin of hanako on=changed card=hanako pin=0 pin_at=kiosk → refused: the card's PIN counts from 2026-04-13 on, because it was set without the old one
        # Without a PIN the card does what it always does, and the phone too.
        shop-a takes 100 from hanako card=hanako → paid by card 100 general until 2028-03-31
        shop-a takes 20 from hanako → paid 20 general until 2028-03-31
        at 2026-04-12 23:59
        shop-a takes 110 from hanako card=hanako pin=200 → refused: the card's PIN counts from 2026-04-13 on, because it was set without the old one
        at 2026-04-13 00:00
        shop-a takes 110 from hanako card=hanako pin=200 → paid by PIN 110 general until 2028-03-31
        register sets pin of hanako on=letter → PIN from 2026-04-15
        kiosk enrols second card=hanako pin=0 pin_at=kiosk → refused: the card's PIN counts from 2026-04-15 on, because it was set without the old one
        staff-1 sets pin of hanako on=desk as=desk → proposed
        staff-1 revokes card of hanako → done
        staff-2 approves desk → refused: the card has been revoked
    "#]]);
}
