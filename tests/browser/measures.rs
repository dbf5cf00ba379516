//! A city of its own, whose rules have an action that no other has: the station page asks for what
//! that rule measures.

use std::fs;
use std::process::{Command, Stdio};

use data_encoding::{BASE32_NOPAD, HEXLOWER};
use ed25519_dalek::SigningKey;
use kenmai::clock::{Clock, SystemClock};
use kenmai::keys;
use ledger_spec::ids::{AccountId, LedgerId, OpId, PersonId, PlaceId};
use ledger_spec::kinds::{
    AccountFacts, AccountOpen, AgeTier, Approve, Body, BudgetAllocate, CardIssue, Document,
    Insurance, KeyRegister, Name, ProgrammePublish, Role,
};
use ledger_spec::points::Fund;
use ledger_spec::statement::{Core, card_check_byte, card_hash};
use ledger_spec::time::Day;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use thirtyfour::prelude::WebDriverResult;

use crate::browser::Browser;
use crate::server::Program;

const ORIGIN: &str = "ledger.example.jp/hama";
const ACCOUNT: AccountId = AccountId([7; 16]);

fn today() -> Day {
    Day::of_ms(SystemClock.wall_ms())
}

fn key(number: u8) -> SigningKey {
    SigningKey::from_bytes(&[number; 32])
}

/// The two roots and a member of the staff.
const FIRST: u8 = 1;
const SECOND: u8 = 2;
const STAFF: u8 = 3;

/// A ledger made by `kenmai init`, and its server.
struct OwnCity {
    program: Program,
    _folder: TempDir,
}

impl OwnCity {
    fn found() -> Self {
        let folder = TempDir::new().expect("a temporary folder can be made");
        let at = |name: &str| folder.path().join(name);
        for (name, root) in [("a.pem", FIRST), ("b.pem", SECOND)] {
            keys::write_actor_key(&at(name), &key(root)).expect("the folder takes a file");
        }
        let mut init = Command::new(crate::KENMAI);
        init.args(["init", "--origin", ORIGIN, "--dir"]).arg(at("city"));
        init.arg("--root-key-1").arg(at("a.pem")).arg("--root-key-2").arg(at("b.pem"));
        assert!(init.stdout(Stdio::null()).status().expect("it starts").success());
        let config = at("city/kenmai.toml");
        let text = fs::read_to_string(&config).expect("init has made it");
        let text = text.replace("listen = \"127.0.0.1:8080\"", "listen = \"127.0.0.1:0\"");
        fs::write(&config, text).expect("the folder takes a file");
        let mut serve = Command::new(crate::KENMAI);
        let program =
            Program::start(serve.args(["serve", "--config"]).arg(config), "listening on http://");
        Self { program, _folder: folder }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.program.announced)
    }

    /// Signs and sends; gives the statement and the place of its entry.
    fn submit(&self, signer: u8, body: Body) -> (Vec<u8>, u64) {
        let statement = Sha256::digest(format!("{body:?}"));
        let core = Core {
            ledger: LedgerId::of_origin(ORIGIN),
            op_id: OpId(statement[..16].try_into().expect("16 bytes")),
            day: today(),
            programme: None,
            not_after_s: None,
            body,
            sealed: None,
        };
        let signed = core.sign(&key(signer), None);
        let request = ureq::post(self.url("/v1/hama/statements"));
        let answer = request.header("content-type", "application/cose").send(&signed[..]);
        let verdict = answer.expect("it is taken").body_mut().read_to_string().expect("a text");
        let verdict: Value = serde_json::from_str(&verdict).expect("JSON");
        (signed, verdict["seq"].as_u64().expect("an entry"))
    }

    /// How many entries the log has.
    fn size(&self) -> u64 {
        let mut answer = ureq::get(self.url("/v1/hama")).call().expect("it answers");
        let facts = answer.body_mut().read_to_string().expect("a text");
        let facts: Value = serde_json::from_str(&facts).expect("JSON");
        facts["size"].as_u64().expect("a number")
    }

    /// One root proposes, the other one approves.
    fn enact(&self, body: Body) {
        let (proposed, seq) = self.submit(FIRST, body);
        let (proposal, statement_hash) =
            (ledger_spec::ids::Seq(seq), Sha256::digest(proposed).into());
        self.submit(SECOND, Body::Approve(Approve { proposal, statement_hash }));
    }

    fn register(&self, public_key: [u8; 32], role: Role, name: &str) {
        let place = (role == Role::Station).then_some(PlaceId([5; 8]));
        let (person, name) = (PersonId([public_key[0]; 16]), Name::new(name).expect("short"));
        self.enact(Body::KeyRegister(KeyRegister { public_key, role, person, place, name }));
    }

    /// Rules with one action, money, and a resident with a card; gives the text of the card's code.
    fn settle(&self) -> String {
        self.register(key(STAFF).verifying_key().to_bytes(), Role::Staff, "健康課");
        let fiscal_year = today().fiscal_year();
        let document = Document::new(&rules(fiscal_year).to_string()).expect("it fits");
        self.enact(Body::ProgrammePublish(ProgrammePublish { version: 1, document }));
        let (fund, points) = (Fund::General, 1_000);
        self.enact(Body::BudgetAllocate(BudgetAllocate { fund, fiscal_year, points }));
        let account = ACCOUNT;
        self.submit(STAFF, Body::AccountOpen(AccountOpen { account }));
        let facts = AccountFacts {
            account,
            age_tier: AgeTier::From40,
            age_on: today(),
            insurance: Insurance::Nhi,
            eligible_from: Some(today()),
            district: 1,
        };
        self.submit(STAFF, Body::AccountFacts(facts));
        let mut number = [9; 11];
        number[10] = card_check_byte(&[9; 10]);
        let (card, code, code_until_min) = (Some(card_hash(&number)), None, None);
        self.submit(STAFF, Body::CardIssue(CardIssue { account, card, code, code_until_min }));
        format!("HMC1{}", BASE32_NOPAD.encode(&number))
    }
}

/// An action of this city alone, which measures a level in tenths and whole minutes.
fn rules(fiscal_year: u32) -> Value {
    let first = Day::fiscal_year_first(fiscal_year);
    let last = Day::fiscal_year_first(fiscal_year + 1).minus(1);
    json!({
        "version": 1, "name": "はま健康ポイント", "name_en": "Hama points", "fiscal_year": fiscal_year,
        "from": first, "until": last, "earn_until": last, "late_days": 3, "late_until": last.plus(3),
        "age_on": first, "expires_after_years": 1, "funds": ["general"], "warn_permille": [900],
        "redeem": {"min": 10, "max_transaction": 1_000, "max_day": 1_500, "fresh_device_max_day": 600},
        "caps": [],
        "rules": [{
            "rule": 1, "action": "hama.niwa_yasai", "name": "庭の野菜", "name_en": "Garden greens", "class": "habit",
            "evidence": ["station"], "points": 25, "purse": "yen", "fund": "general", "same_act": "minute",
            "measures": ["minutes", "level_tenths"], "caps": []
        }],
    })
}

/// The browser makes a key of its own and gives its public half.
const MAKE_KEY: &str = "
    const [cose, store] = await Promise.all(['cose', 'store'].map(name => import(`/assets/${name}.js`)));
    const key = {...await store.makeKey(), name: '庭の測定所'};
    await store.keep('hama/key/station', key);
    return cose.hex(key.publicKey);";

async fn type_in(browser: &Browser, field: &str, value: &str) -> WebDriverResult<()> {
    browser.find(field).await?.clear().await?;
    browser.write(field, value).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_station_asks_for_what_the_citys_own_rule_measures() -> WebDriverResult<()> {
    const LEVEL: &str = "0.1 から 12.0 までの数を、小数第1位までで入れてください。";
    const MINUTES: &str = "1 から 1440 までの整数を入れてください。";
    let city = OwnCity::found();
    let card = city.settle();
    let browser = Browser::start().await?;
    browser.open(&city.url("/verify")).await?;
    let public_key = browser.run(MAKE_KEY).await?;
    let public_key = HEXLOWER.decode(public_key.as_str().expect("a text").as_bytes());
    let public_key = public_key.expect("hexadecimal").try_into().expect("32 bytes");
    city.register(public_key, Role::Station, "庭の測定所");

    browser.open(&city.url("/hama/station")).await?;
    browser.write("#code", &format!("{card}\n")).await?;
    browser.reads("#rules label:has(input:checked)", "庭の野菜").await?;
    assert_eq!(browser.count("#values .value input").await?, 2, "what the rule measures, no more");
    for (minutes, level, faults) in [
        ("1441", "12.1", [MINUTES, LEVEL]),
        ("0", "0.05", [MINUTES, LEVEL]),
        ("", "", [MINUTES, LEVEL]),
        ("1440", "0.09", ["", LEVEL]),
        ("20.5", "12.0", [MINUTES, ""]),
    ] {
        type_in(&browser, "#value-minutes", minutes).await?;
        type_in(&browser, "#value-level", &format!("{level}\n")).await?;
        for (field, fault) in ["#fault-minutes", "#fault-level"].into_iter().zip(faults) {
            let shown = if fault.is_empty() { ":empty" } else { ":not(:empty)" };
            browser.find(&format!("{field}{shown}")).await?;
            assert_eq!(browser.text(field).await?, fault, "{minutes} minutes, {level}");
        }
    }
    browser.check_page("station-own-rule-fault").await?;
    let before = city.size();
    type_in(&browser, "#value-minutes", "20").await?;
    type_in(&browser, "#value-level", "12.0\n").await?;
    browser.find("[data-step='result']:not([hidden]) #result.pass").await?;
    let told = browser.text("#result").await?;
    assert!(told.contains("25 ポイント") && told.contains("庭の野菜"), "{told}");
    assert_eq!(city.size(), before + 1, "none of the refused came to the ledger");
    browser.check_page("station-own-rule-done").await?;
    let errors = browser.console_errors().await?;
    assert!(errors.is_empty(), "on the console: {errors:#?}");
    browser.quit().await
}
