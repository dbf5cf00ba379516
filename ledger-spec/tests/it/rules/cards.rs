//! Spending with a paper card: on the clerk's word up to a limit, above it with the PIN.

use expect_test::expect;

use super::check;

#[test]
fn a_card_spends_on_the_clerks_word_up_to_its_limit_and_the_terminals() {
    check(&expect![[r#"
        the city is set up redeem.card_no_pin_max_day=100 redeem.terminal_no_pin_max_day=150
        hanako joins
        taro joins
        staff-1 reports checkup of hanako holder=account → 500 points
        staff-1 reports checkup of taro holder=account → 500 points
        shop-a takes 101 from hanako card=hanako → refused: a card gives 100 points a day without its PIN, and a terminal takes only so many
        shop-a takes 60 from hanako card=hanako as=first → paid by card 60 general until 2028-03-31
        shop-a takes 41 from hanako card=hanako → refused: a card gives 100 points a day without its PIN, and a terminal takes only so many
        shop-a takes 40 from hanako card=hanako → paid by card 40 general until 2028-03-31
        shop-b takes 10 from hanako card=hanako → refused: a card gives 100 points a day without its PIN, and a terminal takes only so many
        # The phone of the same account has its own limits.
        shop-a takes 10 from hanako → paid 10 general until 2028-03-31
        # The terminal's room, whoever's card.
        shop-a takes 51 from taro card=taro → refused: a card gives 100 points a day without its PIN, and a terminal takes only so many
        shop-a takes 50 from taro card=taro → paid by card 50 general until 2028-03-31
        shop-b takes 50 from taro card=taro → paid by card 50 general until 2028-03-31
        # A void gives the points back, not the clerk's room.
        shop-a voids first → back 60 general until 2028-03-31
        shop-a takes 10 from hanako card=hanako → refused: a card gives 100 points a day without its PIN, and a terminal takes only so many
        at 2026-04-11 00:00
        shop-a takes 100 from hanako card=hanako → paid by card 100 general until 2028-03-31
        shop-a holds 10 from hanako card=hanako → refused: a card gives 100 points a day without its PIN, and a terminal takes only so many
        shop-b holds 50 from taro card=taro as=hold → held 50 general until 2028-03-31
        shop-b captures 30 of hold → free 50 general until 2028-03-31, 30 general until 2028-03-31
        shop-b takes 51 from taro card=taro → refused: a card gives 100 points a day without its PIN, and a terminal takes only so many
        shop-b takes 50 from taro card=taro → paid by card 50 general until 2028-03-31
        balance hanako → 350 yen, 0 challenge
        balance taro → 320 yen, 0 challenge
    "#]]);
    // A programme that names no limit takes no card without its PIN.
    check(&expect![[r#"
        the city is set up
        hanako joins
        staff-1 reports checkup of hanako holder=account → 500 points
        shop-a takes 10 from hanako card=hanako → refused: a card gives 0 points a day without its PIN, and a terminal takes only so many
    "#]]);
}

#[test]
fn a_pin_proof_is_for_one_card_terminal_and_moment() {
    check(&expect![[r#"
        the city is set up
        root-1 registers pin as pin as=k → proposed
        root-2 approves k → in force
        hanako joins
        taro joins
        staff-1 reports checkup of hanako holder=account → 500 points
        shop-a takes 100 from hanako card=hanako pin=100 → paid by PIN 100 general until 2028-03-31
        shop-a takes 101 from hanako card=hanako pin=100 → refused: the PIN proof does not fit this card, terminal, moment and number of points
        shop-a takes 10 from hanako card=hanako pin=100 pin_exp=+0 → refused: the PIN proof does not fit this card, terminal, moment and number of points
        shop-a takes 10 from hanako card=hanako pin=100 pin_exp=+121 → refused: the PIN proof does not fit this card, terminal, moment and number of points
        shop-a takes 10 from hanako card=hanako pin=100 pin_exp=+120 → paid by PIN 10 general until 2028-03-31
        shop-a takes 10 from hanako card=hanako pin=100 pin_exp=+1 → paid by PIN 10 general until 2028-03-31
        shop-a takes 10 from hanako card=hanako pin=100 pin_card=taro → refused: the PIN proof does not fit this card, terminal, moment and number of points
        shop-a takes 10 from hanako card=hanako pin=100 pin_at=shop-b → refused: the PIN proof does not fit this card, terminal, moment and number of points
        shop-b takes 10 from hanako card=hanako pin=100 → refused: the PIN proof does not fit this card, terminal, moment and number of points
        shop-a takes 10 from hanako card=hanako pin=100 pin_ledger=elsewhere → refused: the PIN proof does not fit this card, terminal, moment and number of points
        shop-a takes 10 from hanako card=hanako pin=100 pin_by=system → refused: the PIN proof does not fit this card, terminal, moment and number of points
        shop-a takes 10 from hanako card=hanako pin=100 pin_by=nobody → malformed: the PIN proof was not made by a key of this ledger
        # Once.
        shop-a takes 10 from hanako card=hanako pin=100 proof=once → paid by PIN 10 general until 2028-03-31
        shop-a takes 10 from hanako card=hanako pin=100 proof=once → refused: the PIN proof does not fit this card, terminal, moment and number of points
        shop-a holds 10 from hanako card=hanako pin=100 proof=once → refused: the PIN proof does not fit this card, terminal, moment and number of points
        shop-a holds 10 from hanako card=hanako pin=100 as=hold → held 10 general until 2028-03-31
        shop-a captures 10 of hold → free 10 general until 2028-03-31, 10 general until 2028-03-31
        # Beside a pay token it proves nothing.
        shop-a takes 10 from hanako pin=100 → refused: this way of naming the resident is not accepted here
        balance hanako → 360 yen, 0 challenge
        staff-1 revokes pin → proposed
        shop-a takes 10 from hanako card=hanako pin=100 → paid by PIN 10 general until 2028-03-31
        # The pin key signs nothing else.
        pin takes 10 from hanako card=hanako shop=shop-a → refused: the key's role does not permit this
        pin reports vegetables of hanako card=hanako → refused: the key's role does not permit this
    "#]]);
}

#[test]
fn a_card_is_checked_before_its_points() {
    check(&expect![[r#"
        the city is set up redeem.card_no_pin_max_day=100 redeem.terminal_no_pin_max_day=1000 redeem.max_day=1200
        root-1 registers pin as pin as=k → proposed
        root-2 approves k → in force
        hanako joins
        shop-a takes 9 from hanako card=mistyped → refused: a redemption spends at least 10 points
        shop-a takes 900 from hanako card=mistyped pin=1 → refused: the card's number has a mistake
        shop-a takes 900 from hanako card=nobody pin=1 → refused: no such card
        shop-a takes 900 from hanako card=hanako pin=1 → refused: the PIN proof does not fit this card, terminal, moment and number of points
        shop-a takes 900 from hanako card=hanako pin=900 → refused: the balance is too small
        shop-a takes 900 from hanako card=hanako → refused: a card gives 100 points a day without its PIN, and a terminal takes only so many
        shop-a takes 100 from hanako card=hanako → refused: the balance is too small
        staff-1 reports checkup of hanako holder=account → 500 points
        coach reports care of hanako exact=diabetes → 300 points
        coach reports care of hanako exact=guidance → 300 points
        shop-a takes 900 from hanako card=hanako pin=900 → paid by PIN 600 nhi until 2028-03-31, 300 general until 2028-03-31
        # The day's limit is the account's, with a PIN too.
        shop-a takes 301 from hanako card=hanako pin=900 → refused: an account spends at most 1200 points a day
        staff-1 revokes card of hanako → done
        shop-a takes 10 from hanako card=hanako → refused: the card has been revoked
    "#]]);
}
