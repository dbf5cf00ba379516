//! Family: another resident's phone reads an account and claims for it, and does nothing else.

use expect_test::expect;

use super::check;

#[test]
fn a_proxy_is_a_phone_of_another_account() {
    check(&expect![[r#"
        the city is set up
        root-1 registers app as partner as=k → proposed
        root-2 approves k → in force
        hanako joins
        taro joins
        hanako grants link help to app purpose=proxy → refused: the link is for another purpose
        hanako grants link help to coach purpose=proxy → refused: the link is for another purpose
        hanako grants link help to staff-1 purpose=proxy → refused: the link is for another purpose
        hanako grants link help to hanako purpose=proxy → refused: the link is for another purpose
        hanako enrols second → done
        hanako grants link help to second purpose=proxy → refused: the link is for another purpose
        hanako grants link help to nobody purpose=proxy → refused: no such key is registered in this ledger
        hanako grants link help to taro purpose=steps → refused: the link is for another purpose
        hanako grants link help to taro purpose=sessions → refused: the link is for another purpose
        hanako grants link help to taro purpose=employer → refused: the link is for another purpose
        hanako grants link help to taro purpose=reminders → refused: the link is for another purpose
        hanako grants link help to taro purpose=proxy until=2026-04-09 → refused: a link lasts from today on for at most 366 days
        hanako grants link help to taro purpose=proxy until=2027-04-12 → refused: a link lasts from today on for at most 366 days
        hanako grants link help to taro purpose=proxy until=2027-04-11 → done
        # The other way round is a link of its own.
        taro grants link back to hanako purpose=proxy → done
        # A stopped phone is trusted with nothing.
        staff-1 revokes second → done
        taro grants link more to second purpose=proxy → refused: the key has been revoked
    "#]]);
}

#[test]
fn a_proxy_claims_for_the_account_and_nothing_else() {
    check(&expect![[r#"
        the city is set up redeem.fresh_device_max_day=250
        root-1 registers pin as pin as=k → proposed
        root-2 approves k → in force
        root-1 registers app as partner as=k → proposed
        root-2 approves k → in force
        hanako joins
        taro joins
        jiro joins
        the catalogue is in force
        staff-1 reports checkup of hanako holder=account → 500 points
        hanako grants link help to taro purpose=proxy until=2026-04-13 → done
        hanako grants link walk to app → done
        taro claims bath 100 for hanako link=nothing → refused: no such link
        jiro claims bath 100 for hanako link=help → refused: no such link
        hanako claims bath 100 for hanako link=help → refused: no such link
        taro claims bath 100 for hanako link=walk → refused: no such link
        taro claims bath 100 for hanako card=hanako → refused: this way of naming the resident is not accepted here
        taro claims bath 100 for hanako link=help pin=100 → refused: this way of naming the resident is not accepted here
        # Whose points: hanako's, by taro's phone, which is fresh itself.
        taro claims bath 100 for hanako link=help as=bath → claimed 100 general until 2028-03-31, good until 2026-04-15
        balance hanako → 400 yen, 0 challenge
        balance taro → 0 yen, 0 challenge
        held hanako → 100 general until 2028-03-31
        taro claims melon 200 for hanako link=help → refused: a phone spends at most 250 points a day until the end of the day after its enrolment
        at 2026-04-12 10:00
        taro claims melon 200 for hanako link=help as=melon → claimed 200 general until 2028-03-31, good until 2026-04-17
        # The voucher is hanako's; nobody else ends it for being a proxy.
        taro uses melon → refused: the key's role does not permit this
        taro cancels melon → refused: the key's role does not permit this
        shop-a uses melon → free 200 general until 2028-03-31, paid 150 general until 2028-03-31, given up 50 general until 2028-03-31
        # No points change hands: not at a till, not by phones or links in hanako's name.
        shop-a takes 10 from hanako link=help → refused: this way of naming the resident is not accepted here
        shop-a holds 10 from hanako link=help → refused: this way of naming the resident is not accepted here
        shop-a takes 10 from taro → refused: the balance is too small
        taro enrols third link=help → refused: this way of naming the resident is not accepted here
        taro grants link more to jiro purpose=proxy link=help → refused: this way of naming the resident is not accepted here
        taro revokes link help → refused: no such link
        taro reports vegetables of hanako link=help → refused: the key's role does not permit this
        app reports vegetables of hanako link=help → refused: the key's role does not permit this
        staff-1 claims school 50 for hanako link=help → refused: this way of naming the resident is not accepted here
        at 2026-04-13 23:59
        taro claims school 50 for hanako link=help → claimed 50 general until 2028-03-31
        at 2026-04-14 00:00
        taro claims school 50 for hanako link=help → refused: the link has ended
        taro claims school 50 for hanako link=help day=2026-04-13 → refused: the link has ended
    "#]]);
}

/// A link ends by either phone, at a desk, or with the other's phone.
#[test]
fn a_proxy_ends() {
    check(&expect![[r#"
        the city is set up
        root-1 registers pin as pin as=k → proposed
        root-2 approves k → in force
        root-1 registers app as partner as=k → proposed
        root-2 approves k → in force
        hanako joins
        taro joins
        the catalogue is in force
        staff-1 reports checkup of hanako holder=account → 500 points
        kiosk grants link help to taro purpose=proxy card=hanako pin=0 pin_at=kiosk → done by PIN
        kiosk grants link self to hanako purpose=proxy card=hanako pin=0 pin_at=kiosk → refused: the link is for another purpose
        taro claims school 50 for hanako link=help → claimed 50 general until 2028-03-31
        hanako revokes link help → done
        taro claims school 50 for hanako link=help → refused: the link has ended
        hanako grants link other to taro purpose=proxy → done
        kiosk revokes link other → done
        taro claims school 50 for hanako link=other → refused: the link has ended
        hanako grants link third to taro purpose=proxy → done
        hanako grants link steps to app → done
        staff-1 marks hanako frozen → done
        taro claims school 50 for hanako link=third → refused: the account is suspended
        staff-1 marks hanako active → done
        staff-1 revokes taro → done
        taro claims school 50 for hanako link=third → refused: the key has been revoked
    "#]]);
}
