//! What is lost: a phone is ended, a voucher is bound to another secret, a card, phone or till is
//! stopped by telephone.

use expect_test::expect;

use super::check;

#[test]
fn a_lost_phone_is_ended_by_its_resident_the_family_or_a_desk() {
    check(&expect![[r#"
        the city is set up
        root-1 registers pin as pin as=k → proposed
        root-2 approves k → in force
        hanako joins
        taro joins
        hanako enrols second → done
        hanako enrols third → done
        hanako enrols fourth → done
        hanako grants link help to taro purpose=proxy → done
        taro ends phone second → refused: no such key is registered in this ledger
        taro ends phone hanako link=nothing → refused: no such link
        hanako ends phone taro → refused: no such key is registered in this ledger
        hanako ends phone staff-1 → refused: no such key is registered in this ledger
        hanako ends phone nobody → refused: no such key is registered in this ledger
        hanako ends phone second as=end → done
        hanako ends phone second → refused: the key has been revoked
        again end → accepted before, as entry 44
        second grants link walk to coach purpose=sessions → refused: the key has been revoked
        taro ends phone third link=help → done
        kiosk ends phone fourth → refused: this way of naming the resident is not accepted here
        kiosk ends phone fourth card=hanako → refused: this way of naming the resident is not accepted here
        kiosk ends phone fourth card=taro pin=0 pin_at=kiosk pin_card=taro → refused: no such key is registered in this ledger
        kiosk ends phone fourth card=hanako pin=0 pin_at=kiosk → done by PIN
        shop-a ends phone hanako card=hanako pin=0 → refused: the key's role does not permit this
        # The last one too: the card still speaks for the account.
        hanako ends phone hanako → done
        shop-a takes 10 from hanako → refused: the phone that made the code has been removed
        kiosk enrols fifth card=hanako pin=0 pin_at=kiosk → done by PIN
    "#]]);
}

#[test]
fn a_voucher_is_bound_to_the_next_phone() {
    check(&expect![[r#"
        the city is set up
        root-1 registers pin as pin as=k → proposed
        root-2 approves k → in force
        hanako joins
        taro joins
        the catalogue is in force
        staff-1 reports checkup of hanako holder=account as=checkup → 500 points
        hanako claims bath 100 as=bath → claimed 100 general until 2028-03-31, good until 2026-04-15
        taro rebinds bath secret=stolen → refused: the entry is no voucher
        hanako rebinds checkup secret=other → refused: the entry is no voucher
        hanako rebinds bath secret=other as=rebound → done
        shop-a uses bath → refused: the voucher's code is not the one that was issued
        kiosk rebinds bath secret=third → refused: this way of naming the resident is not accepted here
        kiosk rebinds bath secret=third card=hanako pin=0 pin_at=kiosk → done by PIN
        shop-a uses bath secret=other → refused: the voucher's code is not the one that was issued
        shop-a uses bath secret=third → free 100 general until 2028-03-31, paid 100 general until 2028-03-31
        hanako rebinds bath secret=late → refused: the voucher has ended already, by entry 46
    "#]]);
}

#[test]
fn one_person_stops_a_card_a_phone_or_a_till_and_two_let_it_act() {
    check(&expect![[r#"
        the city is set up redeem.card_no_pin_max_day=100 redeem.terminal_no_pin_max_day=1000
        root-1 registers pin as pin as=k → proposed
        root-2 approves k → in force
        hanako joins
        staff-1 reports checkup of hanako holder=account → 500 points
        staff-1 suspends nothing → refused: one card, phone or terminal that is in force is suspended at a time
        staff-1 suspends card of hanako and hanako → refused: one card, phone or terminal that is in force is suspended at a time
        staff-1 suspends card of nobody → refused: no such card
        staff-1 suspends nobody → refused: no such key is registered in this ledger
        staff-1 suspends staff-2 → refused: one card, phone or terminal that is in force is suspended at a time
        staff-1 suspends root-1 → refused: one card, phone or terminal that is in force is suspended at a time
        staff-1 suspends pin → refused: one card, phone or terminal that is in force is suspended at a time
        kiosk suspends hanako → refused: the key's role does not permit this
        staff-1 resumes card of hanako → refused: the card or key is not suspended
        # The card: neither with its PIN nor without, and no phone by it.
        staff-1 suspends card of hanako → done
        staff-1 suspends card of hanako → refused: one card, phone or terminal that is in force is suspended at a time
        shop-a takes 10 from hanako card=hanako → refused: the card is suspended
        shop-a takes 10 from hanako card=hanako pin=10 → refused: the card is suspended
        kiosk enrols second card=hanako pin=0 pin_at=kiosk → refused: the card is suspended
        staff-1 sets pin of hanako on=desk → refused: the card is suspended
        staff-1 resumes card of hanako as=card → proposed
        staff-1 approves card → refused: a second person must approve
        staff-2 approves card → in force
        staff-2 approves card → refused: the proposal has taken effect already
        shop-a takes 10 from hanako card=hanako → paid by card 10 general until 2028-03-31
        # A phone: it signs nothing, and its codes are worth nothing.
        root-1 suspends hanako → done
        shop-a takes 10 from hanako → refused: the phone that made the code has been removed
        hanako grants link walk to coach purpose=sessions → refused: the key is suspended
        staff-1 grants link walk to coach card=hanako pin=0 pin_at=staff-1 purpose=sessions → done by PIN
        staff-1 resumes hanako as=phone → proposed
        staff-2 approves phone → in force
        shop-a takes 10 from hanako → paid 10 general until 2028-03-31
        # A till; it can still be ended for good.
        staff-1 suspends shop-a → done
        shop-a takes 10 from hanako → refused: the key is suspended
        staff-1 suspends coach → done
        hanako grants link talk to coach purpose=sessions → refused: the key is suspended
        staff-1 revokes shop-a → done
        staff-1 resumes shop-a → refused: the card or key is not suspended
        staff-1 revokes card of hanako → done
        staff-1 suspends card of hanako → refused: one card, phone or terminal that is in force is suspended at a time
    "#]]);
}
