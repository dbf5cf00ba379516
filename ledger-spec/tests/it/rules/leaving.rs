//! Leaving and being forgotten.

use expect_test::expect;

use super::check;

#[test]
fn a_resident_leaves_by_phone_or_with_card_and_pin() {
    check(&expect![[r#"
        the city is set up
        root-1 registers pin as pin as=k → proposed
        root-2 approves k → in force
        hanako joins
        taro joins
        jiro joins
        staff-1 reports checkup of hanako holder=account → 500 points
        staff-1 reports walk of hanako holder=account as=walk → 15 points
        hanako grants link help to taro purpose=proxy → done
        shop-a takes 50 from hanako as=sale → paid 50 general until 2028-03-31
        # Nobody else: neither staff, nor the family, nor another phone.
        staff-1 closes account of hanako → refused: this way of naming the resident is not accepted here
        taro closes account of hanako → refused: no such account
        taro closes account of hanako link=help → refused: this way of naming the resident is not accepted here
        kiosk closes account of hanako card=taro pin=0 pin_at=kiosk pin_card=taro → refused: no such account
        shop-a holds 50 from hanako as=hold → held 50 general until 2028-03-31
        hanako closes account of hanako → refused: the account keeps points for a hold or a voucher
        shop-a releases hold → free 50 general until 2028-03-31
        hanako closes account of hanako → minus 450 general until 2028-03-31, 15 none until 2028-03-31, retired
        balance hanako → 0 yen, 0 challenge
        retired general → 450
        # Nothing begins any more.
        hanako closes account of hanako → refused: the account has ended
        shop-a takes 10 from hanako → refused: the balance is too small
        staff-1 reports class of hanako holder=account → refused: the account has ended
        hanako grants link walk to coach purpose=sessions → refused: the account has ended
        staff-1 issues hanako card=other → refused: the account has ended
        staff-1 admits hanako → refused: the account has ended
        staff-1 marks hanako frozen → refused: the account has ended
        staff-1 adjusts hanako 5 general 2028-03-31 → refused: the account has ended
        hanako enrols second → refused: the account has ended
        # What others began comes to its end.
        shop-a voids sale → back 50 general until 2028-03-31
        staff-1 withdraws walk as=back → proposed
        staff-2 approves back → withdrawn, back nothing; 15 of 15 are gone
        hanako revokes link help → done
        staff-1 revokes card of hanako → done
        kiosk closes account of jiro card=jiro pin=0 pin_card=jiro pin_at=kiosk → done by PIN
    "#]]);
}

#[test]
fn what_is_left_expires_where_the_programme_says_so() {
    check(&expect![[r#"
        the city is set up leaving="expire"
        hanako joins
        staff-1 reports checkup of hanako holder=account → 500 points
        hanako closes account of hanako → done
        balance hanako → 500 yen, 0 challenge
        shop-a takes 10 from hanako → refused: the account has ended
        at 2028-04-01 00:10
        system expires hanako 500 general 2028-03-31 → minus 500 general until 2028-03-31, expired
    "#]]);
}

#[test]
fn two_persons_forget_who_has_left_or_died() {
    check(&expect![[r#"
        the city is set up
        hanako joins
        taro joins
        hanako enrols second → done
        hanako grants link help to taro purpose=proxy → done
        hanako grants link talk to coach purpose=sessions → done
        staff-1 erases nobody → refused: no such account
        staff-1 erases hanako → refused: an account is erased after it was closed, or after its person's death
        kiosk erases hanako → refused: the key's role does not permit this
        hanako closes account of hanako → done
        staff-1 erases hanako as=forget → proposed
        staff-1 approves forget → refused: a second person must approve
        staff-2 approves forget → in force
        staff-1 erases hanako → refused: the account has ended
        # Nobody comes in any more.
        hanako grants link walk to coach purpose=sessions → refused: the key has been revoked
        second enrols third → refused: the key has been revoked
        shop-a takes 10 from hanako card=hanako → refused: the card has been revoked
        hanako revokes link talk → refused: the key has been revoked
        coach reports care of hanako link=talk exact=guidance → refused: the link has ended
        # Who has died is forgotten without having left.
        staff-1 reports checkup of taro holder=account → 500 points
        staff-1 marks taro frozen → done
        staff-1 erases taro → refused: an account is erased after it was closed, or after its person's death
        staff-1 marks taro deceased → done
        staff-1 erases taro as=late → proposed
        staff-2 approves late → in force
        at 2028-04-01 00:10
        system expires taro 500 general 2028-03-31 → minus 500 general until 2028-03-31, expired
    "#]]);
}
