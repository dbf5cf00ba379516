//! The program as a person types it: what it says, what it makes, and its exit codes.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};
use std::thread;

use tempfile::TempDir;

fn kenmai(folder: &Path, arguments: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kenmai"));
    command.current_dir(folder).args(arguments.split(' ')).output().unwrap()
}

/// Runs the program and gives its standard output; exit code and a part of what it says are
/// checked.
fn check(folder: &Path, arguments: &str, code: i32, says: &str) -> Vec<u8> {
    let output = kenmai(folder, arguments);
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{arguments}\n{said}\n{complained}");
    assert!(
        said.contains(says) || complained.contains(says),
        "{arguments}: `{says}`\n{said}\n{complained}"
    );
    output.stdout
}

const INIT: &str =
    "init --dir city --origin ledger.example.jp/city --root-key-1 a.pem --root-key-2 b.pem";

/// Every fault of a programme is named with its place; a fault of the form with line and column.
#[test]
fn a_programme_is_checked() {
    let folder = TempDir::new().unwrap();
    let at = folder.path();
    let sound = include_str!("../../ledger-spec/examples/programme.json");
    let checked = |document: &str, code: i32, says: &str| {
        fs::write(at.join("rules.json"), document).unwrap();
        check(at, "programme check rules.json", code, says)
    };
    checked(sound, 0, "rules.json: a sound programme");
    let two = sound.replacen("\"late_days\": 14", "\"late_days\": 32", 1);
    let two = two.replacen("\"screening.lung\"", "\"care\"", 1);
    let said = checked(&two, 1, "rules.json: late_days: `late_days` is at most 31");
    let said = String::from_utf8(said).unwrap();
    assert_eq!(said.lines().count(), 2, "{said}");
    assert!(said.contains("rules[4].exact: a sensitive rule needs a public code of its own"));
    checked(&sound.replacen("2026", "2026.5", 1), 1, "rules.json: line 5, column");
    check(at, "programme check none.json", 2, "cannot open none.json");
    check(at, "programme simulate rules.json --data . --keys .", 2, "line 5, column");
    let no_year = "programme simulate rules.json --data . --keys . --year";
    for year in ["0", "1999", "3000", "4294967295"] {
        check(at, &format!("{no_year} {year}"), 2, "is not in 2000..=2999");
    }
}

#[test]
fn a_catalogue_is_checked() {
    let folder = TempDir::new().unwrap();
    let at = folder.path();
    let sound = include_str!("../../ledger-spec/examples/catalogue.json");
    let checked = |document: &str, code: i32, says: &str| {
        fs::write(at.join("catalogue.json"), document).unwrap();
        check(at, "catalogue check catalogue.json", code, says)
    };
    checked(sound, 0, "catalogue.json: a sound catalogue");
    let two = sound.replacen("\"receives\": 450", "\"receives\": 501", 1);
    let two = two.replacen("\"prizes\": 20", "\"prizes\": 0", 1);
    let said = checked(&two, 1, "items[0].gives.receives: `receives` is at most `points`");
    assert_eq!(String::from_utf8(said).unwrap().lines().count(), 2);
    checked(&sound.replacen("500", "500.5", 1), 1, "catalogue.json: line 5, column");
}

#[test]
fn a_ledger_is_made_once_and_is_sound() {
    let folder = TempDir::new().unwrap();
    let at = folder.path();
    let said = check(at, INIT, 0, "take it off this machine");
    let said = String::from_utf8(said).unwrap();
    let vkey = said.lines().find_map(|line| line.trim().strip_prefix("verifier key")).unwrap();
    assert!(vkey.trim().starts_with("ledger.example.jp/city+"), "{vkey}");
    check(at, INIT, 2, "nothing is written over");

    check(at, "audit city/data", 0, "all is well");
    check(at, "audit city/data --keys city/keys", 0, "6  decisions taken again");
    check(at, "verify city/data", 0, "4 x key.registered");
    check(at, "rebuild city/data", 0, "over 6 entries");
    check(at, "clock accept city/data", 0, "clock-accept");
    check(at, "clock accept city/data", 0, "waits for the server");

    let segment = at.join("city/data/log/segments/00000000.seg");
    let mut bytes = fs::read(&segment).unwrap();
    bytes[200] ^= 1;
    fs::write(&segment, bytes).unwrap();
    check(at, "audit city/data", 1, "WRONG    entry 0");
    check(at, "rebuild city/data", 2, "damaged at byte 0");
    check(at, "audit city", 2, "ledger.toml");
    check(at, "verify nowhere", 2, "neither an address");
}

#[test]
fn one_key_is_not_two_persons() {
    let folder = TempDir::new().unwrap();
    let at = folder.path();
    let one = INIT.replace("b.pem", "a.pem");
    check(at, &one, 2, "the two root keys are one");
    assert!(!at.join("city").exists(), "nothing was begun");
}

#[test]
fn a_statement_is_made_of_json() {
    let folder = TempDir::new().unwrap();
    let at = folder.path();
    let said = check(at, "keygen a.pem", 0, "public_key");
    let public = String::from_utf8(said).unwrap().lines().next().unwrap()[11..].to_owned();
    check(at, "keygen a.pem", 2, "not overwritten");

    let sign = "sign --key a.pem --origin ledger.example.jp/city --kind";
    let json = format!(
        r#"{{"public_key":"{public}","role":"staff","person":"{}","name":"受付"}}"#,
        "ab".repeat(16)
    );
    check(
        at,
        &format!("{sign} key.register --json {json} --out key.cose"),
        0,
        "signed key.register",
    );
    let bytes = fs::read(at.join("key.cose")).unwrap();
    let (_, statement) = ledger_spec::statement::read(&bytes).unwrap();
    assert_eq!(statement.core.body.kind().name(), "key.register");
    let ledger = ledger_spec::ids::LedgerId::of_origin("ledger.example.jp/city");
    assert!(ledger_spec::statement::open(&bytes, ledger, &|_| None).is_ok(), "it brings its key");

    // An approval names what it approves.
    let approve =
        format!("{sign} approve --approve key.cose --json {{\"proposal\":3}} --out approve.cose");
    check(at, &approve, 0, "signed approve");
    let approval = fs::read(at.join("approve.cose")).unwrap();
    assert!(approval.windows(32).any(|window| window == statement.hash()));

    let twice = format!(
        "{sign} approve --approve key.cose --json {{\"proposal\":3,\"statement_hash\":\"{}\"}}",
        "ab".repeat(32)
    );
    check(at, &twice, 2, "leave it out of --json");
    check(at, &format!("{sign} void --json {{\"entry\":3}} --not-after 60"), 2, "no deadline");
    for seconds in ["0", "18446744073709551615"] {
        let late =
            format!("{sign} capture --json {{\"hold\":3,\"points\":5}} --not-after {seconds}");
        check(at, &late, 2, "--not-after is 1 to");
    }
    fs::write(at.join("x.json"), "x").unwrap();
    let publish =
        format!("{sign} programme.publish --json {{\"version\":1,\"document\":\"@x.json\"}}");
    check(at, &publish, 2, "line 1, column 1");
    check(at, &format!("{sign} void --json {{\"entry\":-1}}"), 2, "`entry` must be");
    let long =
        format!("{sign} draw.result --json {{\"commit\":1,\"signature\":\"\",\"winners\":[]}}");
    check(at, &long, 2, "`signature`");

    check(at, "sign --kind card.issue --fields", 0, "code_until_min? (a whole number)");
    check(at, &format!("{sign} void --json {{}}"), 2, "`entry` is missing");
    check(at, &format!("{sign} redeem"), 2, "seals a disclosure");
    check(at, &format!("{sign} gift"), 2, "the kinds are programme.publish");
    check(at, "sign --kind void", 2, "--key");

    // The core of a correction has a word of a list; what is written about it is sealed.
    let withdraw = format!("{sign} action.withdraw --json {{\"entry\":3,\"cause\":\"duplicate\"}}");
    fs::write(at.join("why.txt"), "読み取りが二回\n").unwrap();
    for (text, written) in [("", None), (" --text @why.txt", Some("読み取りが二回"))] {
        fs::remove_file(at.join("withdraw.cose")).ok();
        check(at, &format!("{withdraw} --out withdraw.cose{text}"), 0, "signed action.withdraw");
        let bytes = fs::read(at.join("withdraw.cose")).unwrap();
        let key = kenmai::keys::load_actor_key(&at.join("a.pem")).unwrap().verifying_key();
        let opened = ledger_spec::statement::open(&bytes, ledger, &|_| Some(key)).unwrap();
        let (disclosure, _) = opened.disclosure.unwrap();
        assert_eq!(disclosure.text.as_ref().map(|text| text.as_str()), written);
    }
    let story = format!("{sign} action.withdraw --json {{\"entry\":3,\"cause\":\"ill\"}}");
    check(at, &story, 2, "`cause` must be \"duplicate\", \"input_error\"");
    check(at, &format!("{sign} void --json {{\"entry\":3}} --text why"), 2, "seals no text");
    check(at, "sign --kind adjust --fields", 0, "what there is to say: --text");
    let nobody = "submit --url http://127.0.0.1:1 --ledger city missing.cose";
    check(at, nobody, 2, "missing.cose");
}

#[test]
fn a_demo_and_a_strange_origin_are_not_served() {
    let folder = TempDir::new().unwrap();
    let at = folder.path();
    check(at, INIT, 0, "made the ledger");
    let file = at.join("city/data/ledger.toml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("demo = false", "demo = true")).unwrap();
    check(at, "serve --config city/kenmai.toml", 2, "demo");
    let town =
        text.replace("origin = \"ledger.example.jp/city", "origin = \"ledger.example.jp/town");
    fs::write(&file, town).unwrap();
    check(at, "serve --config city/kenmai.toml", 2, "an origin never changes");
    fs::write(&file, text.replace("demo = false", "demo = 1")).unwrap();
    check(at, "serve --config city/kenmai.toml", 2, "ledger.toml, line");
}

#[test]
fn a_log_key_that_is_not_the_ledgers_is_refused_and_verify_needs_no_other() {
    let folder = TempDir::new().unwrap();
    let at = folder.path();
    let said = String::from_utf8(check(at, INIT, 0, "made the ledger")).unwrap();
    let vkey = said.lines().find_map(|line| line.trim().strip_prefix("verifier key")).unwrap();
    let file = fs::read_to_string(at.join("city/data/ledger.toml")).unwrap();
    assert!(file.contains(&format!("vkey = \"{}\"\n", vkey.trim())), "{file}");
    check(at, "verify city/data", 0, vkey.trim());

    let seed = at.join("city/keys/log.seed");
    let text = fs::read_to_string(&seed).unwrap();
    let other = if text.starts_with('0') { "1" } else { "0" };
    fs::write(&seed, format!("{other}{}", &text[1..])).unwrap();
    for command in ["serve --config city/kenmai.toml", "audit city/data --keys city/keys"] {
        check(at, command, 2, "log.seed is not the secret that the `vkey` in");
    }
    check(at, "keys replace system --keys city/keys", 0, "\"role\":\"system\"");
}

#[test]
fn the_same_bytes_are_sent_again_until_there_is_an_answer() {
    let folder = TempDir::new().unwrap();
    let at = folder.path();
    fs::write(at.join("statement.cose"), b"the same bytes").unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = thread::spawn(move || {
        let busy = "HTTP/1.1 503 Busy\r\nretry-after: 0\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";
        let created =
            "HTTP/1.1 201 Created\r\ncontent-length: 9\r\nconnection: close\r\n\r\n{\"seq\":7}";
        let refused = "HTTP/1.1 409 Conflict\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";
        [busy, busy, created, refused].map(|answer| {
            let (stream, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(stream);
            let mut head = Vec::new();
            while head.last().is_none_or(|line: &String| line != "\r\n") {
                let mut line = String::new();
                assert!(reader.read_line(&mut line).unwrap() > 0);
                head.push(line.to_lowercase());
            }
            let length = head.iter().find_map(|line| line.strip_prefix("content-length: "));
            let mut body = vec![0; length.unwrap().trim().parse().unwrap()];
            reader.read_exact(&mut body).unwrap();
            reader.into_inner().write_all(answer.as_bytes()).unwrap();
            (head[0].clone(), String::from_utf8(body).unwrap())
        })
    });
    let submit = format!("submit --url http://{address}/ --ledger city statement.cose");
    assert_eq!(check(at, &submit, 0, "trying again with the same bytes"), b"{\"seq\":7}\n");
    check(at, &submit, 1, "was refused with status 409");
    for (line, body) in server.join().unwrap() {
        assert_eq!(line, "post /v1/city/statements http/1.1\r\n");
        assert_eq!(body, "the same bytes");
    }
}

#[test]
fn rows_are_signed_together() {
    let folder = TempDir::new().unwrap();
    let at = folder.path();
    check(at, "keygen a.pem", 0, "public_key");
    let card = "0b".repeat(11);
    let rows = [
        r#"{"action":"checkup","performed_at_s":1790000000,"account":"00112233445566778899aabbccddeeff"}"#,
        "",
        &format!(
            r#"{{"action":"checkup","performed_at_s":1790000060,"card":"{card}","level_tenths":65}}"#
        ),
    ];
    fs::write(at.join("rows.jsonl"), rows.join("\n")).unwrap();
    let sign = "sign-rows --key a.pem --origin ledger.example.jp/city --out made rows.jsonl --kind";
    check(at, &format!("{sign} action --programme 3"), 0, "signed 2 rows of action");
    let bytes = fs::read(at.join("made-0001.cbor-seq")).unwrap();
    let pem = kenmai::keys::load_actor_key(&at.join("a.pem")).unwrap();
    let ledger = ledger_spec::ids::LedgerId::of_origin("ledger.example.jp/city");
    let opened =
        ledger_spec::manifest::open(&bytes, ledger, |_| Some(pem.verifying_key())).unwrap();
    let rows: Vec<_> = opened.into_rows(ledger_spec::ids::Seq(5)).collect();
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[1].core.programme, Some(3));
    let (disclosure, _) = rows[1].disclosure.as_ref().unwrap();
    assert_eq!(disclosure.values.and_then(|values| values.level_tenths), Some(65));
    assert_eq!(rows[1].core.day.to_string(), "2026-09-21");
    check(at, &format!("{sign} action --programme 3"), 2, "made-0001.cbor-seq");

    let status = r#"{"account":"00112233445566778899aabbccddeeff","status":"moved_out","since":"2026-09-01","text":"転出届"}"#;
    fs::write(at.join("rows.jsonl"), status).unwrap();
    fs::remove_file(at.join("made-0001.cbor-seq")).unwrap();
    check(at, &format!("{sign} account.status"), 0, "signed 1 rows of account.status");
    let bytes = fs::read(at.join("made-0001.cbor-seq")).unwrap();
    let opened =
        ledger_spec::manifest::open(&bytes, ledger, |_| Some(pem.verifying_key())).unwrap();
    let row = opened.into_rows(ledger_spec::ids::Seq(5)).next().unwrap();
    let (disclosure, _) = row.disclosure.unwrap();
    assert_eq!(disclosure.text.unwrap().as_str(), "転出届");

    let wrong = |row: &str, kind: &str, complaint: &str| {
        fs::write(at.join("rows.jsonl"), row).unwrap();
        check(at, &format!("{sign} {kind}"), 2, complaint);
    };
    wrong("{}", "redeem", "rows can be account.open, account.facts");
    wrong("{}", "action", "--programme");
    wrong("\n{}", "action --programme 3", "rows.jsonl, line 2: `performed_at_s`");
    wrong(
        r#"{"performed_at_s":1,"action":"x"}"#,
        "action --programme 3",
        "one of `account`, `card` and `link`",
    );
    wrong(
        r#"{"performed_at_s":1,"action":"x","card":"00"}"#,
        "action --programme 3",
        "`card` must be 11 bytes",
    );
    let account = r#""account":"00112233445566778899aabbccddeeff""#;
    for (fields, complaint) in [
        (format!("{account},\"performed_at_s\":1,\"card\":\"{card}\""), "only one of"),
        (format!("{account},\"performed_at_s\":9000000000"), "not to come"),
        (format!("{account},\"performed_at_s\":1,\"by_hand\":\"yes\""), "true or false"),
        (format!("{account},\"performed_at_s\":1,\"level_tenths\":121"), "outside its range"),
    ] {
        wrong(&format!("{{\"action\":\"x\",{fields}}}"), "action --programme 3", complaint);
    }
    wrong(r#"{"account":"00"}"#, "account.open", "line 1");
    wrong("", "account.open", "has no rows");
}
