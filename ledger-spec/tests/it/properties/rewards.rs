//! Random claims, uses, cancellations and last days, against lists: what is open, what is left,
//! where each point lies.

use ledger_spec::{
    decide::Rejection,
    ids::{Hash, LinkId, PlaceId, Seq},
    kinds::{
        Adjust, Body, CataloguePublish, Cause, Code, Document, LinkGrant, LinkRevoke, Purpose,
        Release, RewardCancel, RewardClaim, RewardUse,
    },
    points::{Fund, LotKey, Points, Purse},
    state::Account,
    statement::{Holder, voucher_hash},
    time::Day,
};
use proptest::prelude::*;
use serde_json::json;

use crate::world::{Unsigned, Verdict, World, account, catalogue, id, kid};

const RESIDENTS: [&str; 2] = ["hanako", "taro"];
const SHOPS: [&str; 2] = ["shop-a", "shop-b"];
/// The items: code, price, what a shop gets, which shops honour it, whether the unused lapses.
const ITEMS: [(&str, u32, u32, [bool; 2], bool); 3] = [
    ("melon", 200, 150, [true, false], false),
    ("bath", 100, 100, [true, true], true),
    ("school", 50, 50, [false, false], false),
];
const STOCK: usize = 3;
const PER_PERSON: usize = 2;
const POINTS: u32 = 900;
const VALID_DAYS: u32 = 5;

#[derive(Clone, Copy, Debug)]
enum Step {
    /// By the own phone, or by the other's with a link.
    Claim {
        resident: usize,
        item: usize,
        helped: bool,
    },
    /// The resident ends the other's link.
    Unlink {
        resident: usize,
    },
    Use {
        shop: usize,
        claim: usize,
        right: bool,
    },
    Cancel {
        shop: usize,
        claim: usize,
    },
    Release {
        claim: usize,
    },
    Wait {
        days: u32,
    },
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Open,
    Gone(Seq),
    Back(Seq),
}

struct Claim {
    seq: Seq,
    resident: usize,
    item: usize,
    on: Day,
    state: State,
    secret: [u8; 16],
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..2_usize, 0..3_usize, any::<bool>())
            .prop_map(|(resident, item, helped)| Step::Claim { resident, item, helped }),
        1 => (0..2_usize).prop_map(|resident| Step::Unlink { resident }),
        3 => (0..2_usize, 0..12_usize, prop::bool::weighted(0.8))
            .prop_map(|(shop, claim, right)| Step::Use { shop, claim, right }),
        1 => (0..2_usize, 0..12_usize).prop_map(|(shop, claim)| Step::Cancel { shop, claim }),
        2 => (0..12_usize).prop_map(|claim| Step::Release { claim }),
        2 => (1..4_u32).prop_map(|days| Step::Wait { days }),
    ]
}

/// A city with a small stock, and residents with a lot of points each and phones that are not
/// fresh.
fn city() -> World {
    let mut world = World::at("2026-04-10", "10:00");
    world.set_up(&[]);
    let changes = [("items.0.stock", json!(STOCK)), ("items.0.per_person", json!(PER_PERSON))];
    let changes = changes.map(|(path, value)| (path.to_owned(), value));
    let document = Document::new(&catalogue(&changes)).unwrap();
    world.enact(Body::CataloguePublish(CataloguePublish { version: 1, document }));
    for name in RESIDENTS {
        world.join(name);
        let expires_on = Day::parse("2027-03-31").unwrap();
        let lot = LotKey { purse: Purse::Yen, fund: Fund::Nhi, expires_on };
        let (account, points) = (account(name), i64::from(POINTS));
        world.enact(Body::Adjust(Adjust { account, lot, points, cause: Cause::Other }));
    }
    for (name, other) in [RESIDENTS, [RESIDENTS[1], RESIDENTS[0]]].map(|[a, b]| (a, b)) {
        let (link, until) = (link_of(name), Day::parse("2026-08-01").unwrap());
        let (purpose, partner) = (Purpose::Proxy, kid(other));
        let grant = Body::LinkGrant(LinkGrant { link, purpose, until, partner });
        let granted = signed(&mut world, name, grant);
        assert!(matches!(granted, Verdict::Accepted(_)), "{granted:?}");
    }
    world.now_ms += 3 * 86_400_000;
    world
}

/// The link by which the other resident helps.
fn link_of(name: &str) -> LinkId {
    LinkId(id(&format!("help for {name}")))
}

fn signed(world: &mut World, who: &str, body: Body) -> Verdict {
    signed_for(world, who, None, body)
}

fn signed_for(world: &mut World, who: &str, holder: Option<Holder>, body: Body) -> Verdict {
    let core = world.core(body);
    let disclosed = core.body.kind().shape().disclosure;
    let disclosure = disclosed.then(|| world.disclosure(holder));
    let submission = Unsigned { core, disclosure }.sign_with(who);
    world.submit(&submission)
}

/// What the lists say of a step: its refusal, or nothing.
fn expected(step: Step, claims: &[Claim], unlinked: [bool; 2], today: Day) -> Option<Rejection> {
    let voucher = |claim: usize| {
        let claim = claims.get(claim)?;
        Some(match claim.state {
            _ if ITEMS[claim.item].0 == "school" => Err(Rejection::NotAVoucher),
            State::Gone(by) | State::Back(by) => Err(Rejection::VoucherEnded(by)),
            State::Open => Ok(claim),
        })
    };
    let over = |claim: &Claim| today > claim.on.plus(VALID_DAYS);
    match step {
        Step::Claim { resident, item, helped } => {
            if helped && unlinked[resident] {
                return Some(Rejection::LinkEnded);
            }
            let (code, points, ..) = ITEMS[item];
            let taken = |claim: &&Claim| !matches!(claim.state, State::Back(_));
            let kept = claims.iter().filter(taken);
            let own = kept.clone().filter(|claim| claim.resident == resident);
            let spent: u32 = own.clone().map(|claim| ITEMS[claim.item].1).sum();
            let same = |claim: &&Claim| claim.item == item;
            if code == "melon" && own.filter(same).count() >= PER_PERSON {
                return Some(Rejection::RewardLimit(2));
            }
            if code == "melon" && kept.filter(same).count() >= STOCK {
                return Some(Rejection::RewardGone);
            }
            (spent + points > POINTS).then_some(Rejection::InsufficientPoints)
        }
        Step::Use { shop, claim, right } => match voucher(claim)? {
            Err(why) => Some(why),
            Ok(_) if !right => Some(Rejection::VoucherSecret),
            Ok(claim) if !ITEMS[claim.item].3[shop] => Some(Rejection::VoucherElsewhere),
            Ok(claim) => over(claim).then_some(Rejection::VoucherExpired),
        },
        Step::Cancel { shop, claim } => match voucher(claim)? {
            Err(why) => Some(why),
            Ok(claim) => (!ITEMS[claim.item].3[shop]).then_some(Rejection::VoucherElsewhere),
        },
        Step::Release { claim } => match voucher(claim)? {
            Err(why) => Some(why),
            Ok(claim) => (!over(claim)).then_some(Rejection::ReleaseEarly),
        },
        Step::Unlink { resident } => unlinked[resident].then_some(Rejection::LinkEnded),
        Step::Wait { .. } => None,
    }
}

fn claim_of(item: &str, points: u32, code: Option<Hash>) -> Body {
    let (item, points) = (Code::new(item).unwrap(), Points::new(points).unwrap());
    Body::RewardClaim(RewardClaim { item, points, code })
}

fn take(world: &mut World, claims: &mut Vec<Claim>, step: Step) -> Option<Verdict> {
    match step {
        Step::Claim { resident, item, helped } => {
            let (code, points, ..) = ITEMS[item];
            let secret = world.fresh();
            let hash = (code != "school").then(|| voucher_hash(&secret));
            let body = claim_of(code, points, hash);
            let link = Holder::Link(link_of(RESIDENTS[resident]));
            let (by, holder) = if helped { (1 - resident, Some(link)) } else { (resident, None) };
            let verdict = signed_for(world, RESIDENTS[by], holder, body);
            if let Verdict::Accepted(entry) = &verdict {
                let (seq, on) = (entry.seq, world.today());
                let state = if code == "school" { State::Gone(seq) } else { State::Open };
                claims.push(Claim { seq, resident, item, on, state, secret });
            }
            Some(verdict)
        }
        Step::Unlink { resident } => {
            let link = link_of(RESIDENTS[resident]);
            Some(signed(world, RESIDENTS[resident], Body::LinkRevoke(LinkRevoke { link })))
        }
        Step::Wait { days } => {
            world.now_ms += u64::from(days) * 86_400_000;
            None
        }
        Step::Use { shop, claim, right } => {
            let row = claims.get_mut(claim)?;
            let secret = if right { row.secret } else { [0; 16] };
            let body = Body::RewardUse(RewardUse { voucher: row.seq, secret });
            let verdict = signed(world, SHOPS[shop], body);
            if let Verdict::Accepted(entry) = &verdict {
                row.state = State::Gone(entry.seq);
            }
            Some(verdict)
        }
        Step::Cancel { shop, claim } => {
            let row = claims.get_mut(claim)?;
            let body = Body::RewardCancel(RewardCancel { voucher: row.seq, cause: Cause::Other });
            let verdict = signed(world, SHOPS[shop], body);
            if let Verdict::Accepted(entry) = &verdict {
                row.state = State::Back(entry.seq);
            }
            Some(verdict)
        }
        Step::Release { claim } => {
            let row = claims.get_mut(claim)?;
            let verdict = signed(world, "system", Body::Release(Release { hold: row.seq }));
            if let Verdict::Accepted(entry) = &verdict {
                let lapses = ITEMS[row.item].4;
                row.state = if lapses { State::Gone(entry.seq) } else { State::Back(entry.seq) };
            }
            Some(verdict)
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn rewards_do_what_lists_say(steps in prop::collection::vec(step(), 1..40)) {
        let mut world = city();
        let (mut claims, mut paid, mut unlinked) = (Vec::new(), [0_u64; 2], [false; 2]);
        for step in steps {
            let why = expected(step, &claims, unlinked, world.today());
            let verdict = take(&mut world, &mut claims, step);
            match (&verdict, why) {
                (Some(Verdict::Refused(found)), Some(why)) => prop_assert_eq!(found, &why),
                (Some(Verdict::Accepted(_)) | None, None) => {}
                other => prop_assert!(false, "{step:?}: {other:?}"),
            }
            if let Step::Unlink { resident } = step {
                unlinked[resident] = true;
            }
            if let (Step::Use { shop, claim, .. }, Some(Verdict::Accepted(_))) = (step, &verdict) {
                paid[shop] += u64::from(ITEMS[claims[claim].item].2);
            }
            // Every point lies in a lot, in a voucher, with a shop, or was given up.
            let rows = RESIDENTS.map(|name| &world.tables.accounts[&account(name)]);
            let held = |row: &&Account| row.vouchers().map(|(hold, _)| hold.points()).sum::<u64>();
            let lots: u64 = rows.iter().map(|row| row.available(Purse::Yen, world.today())).sum();
            let held: u64 = rows.iter().map(held).sum();
            let open = claims.iter().filter(|claim| claim.state == State::Open);
            prop_assert_eq!(held, open.map(|claim| u64::from(ITEMS[claim.item].1)).sum::<u64>());
            let of_shop = |shop: &str| {
                world.tables.shops.get(&PlaceId(id(shop))).map_or(0, |row| row.total)
            };
            let shops = SHOPS.map(of_shop);
            let gifts = claims.iter().filter(|claim| ITEMS[claim.item].0 == "school").count() as u64;
            prop_assert_eq!(shops, [paid[0], paid[1] + gifts * 50]);
            let retired = world.tables.retired.get(&Fund::Nhi).copied().unwrap_or(0);
            prop_assert_eq!(lots + held + shops[0] + shops[1] + retired, 2 * u64::from(POINTS));
        }
        world.replay(&[1, 3]);
    }
}
