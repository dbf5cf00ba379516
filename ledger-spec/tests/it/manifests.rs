//! Manifests: what their form refuses, and how their rows are judged.

use ledger_spec::{
    cbor::{self, List},
    decide::Rejection,
    ids::{OpId, Seq},
    kept,
    kinds::{
        AccountOpen, AccountStatus, Action, Approve, BalanceImport, Body, Code, Kind, LotPoints,
        ManifestDone, Status,
    },
    manifest::{self, ManifestError, OpenedManifest, RowError},
    points::{Fund, LotKey, Points, Purse},
    statement::{Core, Disclosure, Holder, StatementError},
    time::Day,
};

use crate::world::{Verdict, World, account, card, id, key, kid, ledger, opened};

fn open(world: &World, bytes: &[u8]) -> Result<OpenedManifest, ManifestError> {
    let key_of = |kid| {
        let key = world.tables.keys.get(&kid)?;
        ed25519_dalek::VerifyingKey::from_bytes(&key.public_key).ok()
    };
    manifest::open(bytes, ledger(), key_of)
}

fn city() -> World {
    let mut world = World::at("2026-04-10", "10:00");
    world.set_up(&[]);
    world.join("hanako");
    world.join("taro");
    world
}

type Row = (Core, Option<Disclosure>);

/// A measurement of whoever holds the card, some minutes ago.
fn measurement(world: &mut World, name: &str, minutes: u64) -> Row {
    let holder = Holder::Card(card(name));
    let performed_at_s = world.now_s() - 60 * minutes;
    let disclosure = Disclosure { performed_at_s, ..world.disclosure(Some(holder)) };
    let action = Code::new("vegetables").unwrap();
    (world.core(Body::Action(Action { action })), Some(disclosure))
}

/// A manifest's own core; `manifest::sign` fills in its body.
fn core(world: &mut World) -> Core {
    world.core(Body::AccountOpen(AccountOpen { account: account("nobody") }))
}

fn signed(world: &mut World, who: &str, kind: Kind, rows: Vec<Row>) -> Vec<u8> {
    manifest::sign(core(world), kind, rows, &key(who))
}

fn judged(world: &mut World, manifest: OpenedManifest) -> Vec<String> {
    let seq = match world.judge(manifest.statement.clone()) {
        Verdict::Accepted(entry) => entry.seq,
        Verdict::Replayed(seq) => seq,
        other @ (Verdict::Reused | Verdict::Malformed(_) | Verdict::Refused(_)) => {
            return vec![format!("{other:?}")];
        }
    };
    let rows: Vec<_> = manifest.into_rows(seq).collect();
    rows.into_iter().map(|row| shown(&world.judge(row))).collect()
}

fn shown(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Accepted(entry) => format!("{} points", entry.points()),
        Verdict::Refused(rejection) => format!("refused: {rejection}"),
        other @ (Verdict::Replayed(_) | Verdict::Reused | Verdict::Malformed(_)) => {
            format!("{other:?}")
        }
    }
}

fn done(world: &mut World, manifest: Seq, outcomes: &[u8]) -> Verdict {
    let outcomes = cbor::Blob(outcomes.to_vec());
    let body = Body::ManifestDone(ManifestDone { manifest, outcomes });
    let submission = world.core(body).sign(&key("system"), None);
    world.submit(&submission)
}

#[test]
fn rows_are_judged_one_by_one_and_a_repetition_goes_on() {
    let mut world = city();
    let rows = vec![
        measurement(&mut world, "hanako", 9),
        measurement(&mut world, "stranger", 8),
        measurement(&mut world, "taro", 7),
        measurement(&mut world, "hanako", 9),
    ];
    let bytes = signed(&mut world, "station-1", Kind::Action, rows);
    let manifest = open(&world, &bytes).unwrap();
    assert_eq!(manifest.count(), 4);
    let seq = Seq(world.tables.size);
    let duplicate = format!("refused: this act is recorded already, as entry {}", seq.0 + 1);
    let expected =
        ["20 points", "refused: no such card", "20 points", duplicate.as_str()].map(str::to_owned);
    assert_eq!(judged(&mut world, manifest.clone()), expected);
    // What an entry keeps of a row says who signed, where it stands, and the core.
    let entry = world.entry(Seq(seq.0 + 2)).unwrap();
    let row = kept::read(&entry.statement.0).unwrap();
    assert_eq!(
        (row.kid, row.row.map(|row| (row.manifest, row.index))),
        (kid("station-1"), Some((seq, 2)))
    );
    assert_eq!(row.core.op_id, manifest::row_op_id(manifest.statement.core.op_id, 2));

    let again = judged(&mut world, manifest.clone());
    assert_eq!(
        again[0],
        format!("Replayed({})", Seq(seq.0 + 1))
            .replace(&format!("({})", seq.0 + 1), &format!("(Seq({}))", seq.0 + 1))
    );
    assert_eq!(again[1], expected[1]);

    let unknown = Rejection::CardUnknown.outcome();
    let duplicate = Rejection::ActionDuplicate(Seq(0)).outcome();
    let short = done(&mut world, seq, &[0, unknown, 0]);
    assert_eq!(
        shown(&short),
        "refused: a manifest holds 1 to 2000 rows of a kind that may be signed together"
    );
    let result = done(&mut world, seq, &[0, unknown, 0, duplicate]);
    let Verdict::Accepted(result) = result else { panic!("{result:?}") };
    let over = format!("refused: the manifest has its result already, entry {}", result.seq);
    assert_eq!(judged(&mut world, manifest)[1], over);
    assert_eq!(shown(&done(&mut world, seq, &[0; 4])), over);
    assert_eq!(
        shown(&done(&mut world, Seq(0), &[0; 4])),
        "refused: no manifest of this key holds such a row"
    );
    world.replay(&[1]);
    world.replay(&[3, 1]);
}

#[test]
fn who_may_sign_which_rows() {
    let mut world = city();
    let mut check = |who: &str, kind: Kind, expected: &str| {
        let row = if kind == Kind::Action {
            measurement(&mut world, "hanako", 1)
        } else {
            let account = ledger_spec::ids::AccountId(world.fresh());
            (world.core(Body::AccountOpen(AccountOpen { account })), None)
        };
        let bytes = signed(&mut world, who, kind, vec![row]);
        let manifest = open(&world, &bytes).unwrap();
        let verdict = world.judge(manifest.statement);
        assert_eq!(shown(&verdict), expected, "{who} {kind:?}");
    };
    check("station-1", Kind::Action, "0 points");
    check("staff-1", Kind::AccountOpen, "0 points");
    check("registry", Kind::AccountOpen, "0 points");
    check("station-1", Kind::AccountOpen, "refused: the key's role does not permit this");
    check("shop-a", Kind::Action, "refused: the key's role does not permit this");
    check("root-1", Kind::AccountOpen, "refused: the key's role does not permit this");
}

/// Deaths and opening lots in bulk: nothing happens before another person has approved the list.
#[test]
fn rows_that_need_two_persons_wait_for_the_second() {
    let mut world = city();
    let since = world.today();
    let dead = |name| AccountStatus {
        account: account(name),
        status: Status::Deceased,
        since,
        cause: None,
    };
    let lot = LotKey {
        purse: Purse::Yen,
        fund: Fund::General,
        expires_on: Day::from_ymd(2027, 3, 31).unwrap(),
    };
    let (lots, control_total) = (vec![LotPoints { lot, points: Points::new(70).unwrap() }], 70);
    let source = Code::new("paper").unwrap();
    world.open_budget(Fund::General, 100, since.plus(100));
    let brought =
        BalanceImport { account: account("hanako"), lots: List(lots), control_total, source };
    let rows = [
        ("registry", Kind::AccountStatus, Body::AccountStatus(dead("taro")), "0 points"),
        ("staff-1", Kind::BalanceImport, Body::BalanceImport(brought), "70 points"),
    ];
    for (who, kind, body, expected) in rows {
        let disclosure = kind.shape().disclosure.then(|| world.disclosure(None));
        let row = (world.core(body), disclosure);
        let bytes = signed(&mut world, who, kind, vec![row]);
        let manifest = open(&world, &bytes).unwrap();
        let seq = Seq(world.tables.size);
        let waits = format!(
            "refused: another person has to approve the manifest, entry {seq}, before its rows are sent again"
        );
        assert_eq!(judged(&mut world, manifest.clone()), [waits.as_str()]);
        assert_eq!(shown(&done(&mut world, seq, &[0])), waits);
        let statement_hash = manifest.statement.hash();
        let approve = Body::Approve(Approve { proposal: seq, statement_hash });
        let own = world.core(approve.clone()).sign(&key(who), None);
        let same = if who == "registry" { "key's role does not permit" } else { "second person" };
        assert!(shown(&world.submit(&own)).contains(same));
        // The rows were signed long before; the approval is what counts.
        world.now_ms += 6 * 86_400_000;
        world.must("staff-2", approve);
        assert_eq!(judged(&mut world, manifest.clone()), [expected]);
        let result = done(&mut world, seq, &[0]);
        assert!(matches!(result, Verdict::Accepted(_)), "{result:?}");
        world.replay(&[2, 3]);
    }
    let taro = &world.tables.accounts[&account("taro")];
    assert_eq!(taro.standing_on(since), Some(Status::Deceased));
    assert_eq!(world.tables.imported[&Fund::General], 70);
}

#[test]
fn a_list_that_nobody_approves_lapses() {
    let mut world = city();
    let (status, since) = (Status::MovedOut, world.today());
    let body = AccountStatus { account: account("taro"), status, since, cause: None };
    let row = (world.core(Body::AccountStatus(body)), Some(world.disclosure(None)));
    let bytes = signed(&mut world, "registry", Kind::AccountStatus, vec![row]);
    let manifest = open(&world, &bytes).unwrap();
    let seq = Seq(world.tables.size);
    assert!(judged(&mut world, manifest.clone())[0].contains("another person"));
    world.now_ms += 7 * 86_400_000;
    let statement_hash = manifest.statement.hash();
    let approve = world.core(Body::Approve(Approve { proposal: seq, statement_hash }));
    let approve = approve.sign(&key("staff-2"), None);
    assert_eq!(shown(&world.submit(&approve)), "refused: the proposal has lapsed");
    assert!(judged(&mut world, manifest)[0].contains("another person"));
}

#[test]
fn a_manifest_holds_rows_of_some_kinds_only() {
    let mut world = city();
    let body = Body::CardRevoke(ledger_spec::kinds::CardRevoke {
        card: ledger_spec::statement::card_hash(&card("hanako")),
        cause: ledger_spec::kinds::Cause::Lost,
    });
    let row = (world.core(body), Some(world.disclosure(None)));
    let bytes = signed(&mut world, "staff-1", Kind::CardRevoke, vec![row]);
    let manifest = open(&world, &bytes).unwrap();
    let text = "refused: a manifest holds 1 to 2000 rows of a kind that may be signed together";
    assert_eq!(shown(&world.judge(manifest.statement)), text);
}

/// Row by row: another key's manifest, a place past its end, and a manifest that is none.
#[test]
fn a_row_is_good_for_its_own_manifest_alone() {
    let mut world = city();
    let row = measurement(&mut world, "hanako", 1);
    let first = signed(&mut world, "station-1", Kind::Action, vec![row]);
    let row = measurement(&mut world, "taro", 1);
    let second = signed(&mut world, "station-2", Kind::Action, vec![row]);
    let first = open(&world, &first).unwrap();
    let second = open(&world, &second).unwrap();
    let Verdict::Accepted(entry) = world.judge(first.statement.clone()) else { panic!() };
    let text = "refused: no manifest of this key holds such a row";
    for seq in [entry.seq, Seq(0), Seq(9_999)] {
        let row = second.clone().into_rows(seq).next().unwrap();
        assert_eq!(shown(&world.judge(row)), text, "{seq}");
    }
    let mut past = first.clone().into_rows(entry.seq).next().unwrap();
    past.row.as_mut().unwrap().index = 1;
    assert_eq!(shown(&world.judge(past)), text);
    // A key that is revoked in between vouches for nothing any more.
    let cause = ledger_spec::kinds::Cause::Stolen;
    world.must(
        "staff-1",
        Body::KeyRevoke(ledger_spec::kinds::KeyRevoke { kid: kid("station-1"), cause }),
    );
    let row = first.into_rows(entry.seq).next().unwrap();
    assert_eq!(shown(&world.judge(row)), "refused: the key has been revoked");
}

#[test]
fn the_form_of_a_manifest() {
    let mut world = city();
    let two = vec![measurement(&mut world, "hanako", 2), measurement(&mut world, "taro", 1)];
    let own = core(&mut world);
    let sign = |rows: Vec<Row>| manifest::sign(own.clone(), Kind::Action, rows, &key("station-1"));
    let good = sign(two.clone());
    assert!(open(&world, &good).is_ok());
    let row = |index, error| Err(ManifestError::Row { index, error });

    for bytes in [sign(vec![]), vec![]] {
        let empty = open(&world, &bytes).unwrap_err();
        assert!(matches!(empty, ManifestError::Statement(StatementError::Form(_))), "{empty}");
    }
    // A second row adds its own bytes and its hash.
    let rows_bytes = good.len() - sign(two[..1].to_vec()).len() - 32;
    let one_short = &good[..good.len() - rows_bytes];
    assert_eq!(open(&world, one_short), Err(ManifestError::Count { listed: 2, found: 1 }));
    let again = [&good[..], &good[good.len() - rows_bytes..]].concat();
    assert_eq!(open(&world, &again), Err(ManifestError::Count { listed: 2, found: 3 }));
    let swapped = [
        &good[..good.len() - 2 * rows_bytes],
        &good[good.len() - rows_bytes..],
        &good[good.len() - 2 * rows_bytes..good.len() - rows_bytes],
    ];
    assert_eq!(open(&world, &swapped.concat()), row(0, RowError::Hash));
    let large = vec![0; manifest::MANIFEST_BYTES_MAX + 1];
    assert_eq!(open(&world, &large), Err(ManifestError::TooLarge));

    // Every byte of a row is covered, by the signature or by `sealed`.
    for at in good.len() - rows_bytes..good.len() {
        let mut bent = good.clone();
        bent[at] ^= 1;
        assert!(open(&world, &bent).is_err(), "byte {at} of {}", good.len());
    }
    let mut bent = good.clone();
    bent[40] ^= 1;
    assert!(open(&world, &bent).is_err());

    // `sign` fills in ids and seals, so a wrong one needs a wrong ledger or kind.
    let mut foreign = two.clone();
    foreign[1].0.ledger = ledger_spec::ids::LedgerId(id("elsewhere"));
    assert_eq!(open(&world, &sign(foreign)), row(1, RowError::Foreign));
    let mut other_kind = two.clone();
    let body = Body::AccountOpen(AccountOpen { account: account("new") });
    other_kind[0] = (world.core(body), None);
    assert_eq!(open(&world, &sign(other_kind)), row(0, RowError::Foreign));
    let mut by_phone = two;
    let token = ledger_spec::token::sign(&world.pay_token(), &key("hanako"));
    by_phone[0].1.as_mut().unwrap().holder = Some(Holder::Phone(token));
    assert_eq!(open(&world, &sign(by_phone)), row(0, RowError::PayToken));

    let plain = own.sign(&key("staff-1"), None);
    assert_eq!(open(&world, &plain), Err(ManifestError::NotAManifest));
    assert!(opened(&world.tables, &plain).is_ok());
}

#[test]
fn as_many_rows_as_one_entry_can_list() {
    let mut world = city();
    let rows = |world: &mut World, count: usize| {
        let mut rows = Vec::new();
        for _ in 0..count {
            let account = ledger_spec::ids::AccountId(world.fresh());
            rows.push((world.core(Body::AccountOpen(AccountOpen { account })), None));
        }
        rows
    };
    let most = rows(&mut world, manifest::ROWS_MAX);
    let bytes = signed(&mut world, "staff-1", Kind::AccountOpen, most);
    let manifest = open(&world, &bytes).unwrap();
    assert!(judged(&mut world, manifest).iter().all(|row| row == "0 points"));
    let more = rows(&mut world, manifest::ROWS_MAX + 1);
    let bytes = signed(&mut world, "staff-1", Kind::AccountOpen, more);
    assert!(open(&world, &bytes).is_err());
}

#[test]
fn the_operation_id_of_a_row_follows_from_its_manifest() {
    let of = |op: u8, index| manifest::row_op_id(OpId([op; 16]), index);
    assert_eq!(of(1, 0), of(1, 0));
    assert_ne!(of(1, 0), of(1, 1));
    assert_ne!(of(1, 0), of(2, 0));
}

#[test]
fn every_rule_has_an_outcome_of_its_own() {
    let known: Vec<Rejection> = (0..=255).filter_map(Rejection::of_outcome).collect();
    for rejection in &known {
        let back = Rejection::of_outcome(rejection.outcome());
        assert_eq!(back.as_ref(), Some(rejection));
    }
    assert!(known.len() > 50 && Rejection::of_outcome(0).is_none());
    assert!(Rejection::of_outcome(manifest::OUTCOME_OPERATION_REUSED).is_none());
}
