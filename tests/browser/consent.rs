//! What people agree to: residents on their own phones, the second person of the staff.

use kenmai::clock::{Clock, SystemClock};
use kenmai::demo::YAIZU;
use ledger_spec::cbor::{self, Text};
use ledger_spec::ids::{LedgerId, OpId};
use ledger_spec::kinds::{Adjust, Body, BudgetAllocate, Cause, Document, ProgrammePublish};
use ledger_spec::points::{Fund, LotKey, Purse};
use ledger_spec::statement::{Core, Disclosure};
use ledger_spec::time::Day;
use serde_json::Value;
use sha2::{Digest, Sha256};
use thirtyfour::prelude::WebDriverResult;

use crate::World;
use crate::browser::Browser;
use crate::codes;
use crate::resident::become_resident;
use crate::terminals::{cast, join_staff, register, script_in};

/// The text of a code of the resident's phone for any shop.
const PLAIN_CODE: &str = "
    const [api, cose, store] = await Promise.all(
        ['api', 'cose', 'store'].map(name => import(`/assets/${name}.js`)));
    const phone = await store.kept('yaizu-demo/phone');
    const ledger = await api.ledger('yaizu-demo');
    return cose.payUrl(location.origin, await cose.payToken(phone, ledger, 300, 280));";

async fn plain_code(browser: &Browser) -> WebDriverResult<String> {
    let code = browser.run(PLAIN_CODE).await?;
    Ok(code.as_str().expect("the text of a code").to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn above_the_fast_lane_the_phone_confirms_shop_and_amount() -> WebDriverResult<()> {
    let world = World::start().await?;
    let browser = &world.browser;
    become_resident(&world).await?;
    world.hold_key("shop", "魚政").await?;
    world.open("/yaizu-demo/shop").await?;
    browser.find("#work:not([hidden])").await?;
    let code = plain_code(browser).await?;
    browser.write("#code", &format!("{code}\n")).await?;
    browser.write("[data-step='amount']:not([hidden]) #points", "250\n").await?;
    browser.reads("[data-step='agree']:not([hidden]) #agree-points", "250 ポイント").await?;
    browser.check_page("shop-agree").await?;
    let asked = codes::shown_in(browser, "#agree-code").await?;

    browser.open_window().await?;
    browser.become_phone().await?;
    browser.open(&asked.replace("XX", "XY").replacen("/P/", "/P/A", 1)).await?;
    assert!(browser.text("h1").await?.contains("ページがありません"), "a code that is none");
    browser.open(&asked).await?;
    browser.reads("#ask:not([hidden]) #ask-points", "250 ポイント").await?;
    browser.reads("#ask-shop [lang='ja']", "魚政").await?;
    assert!(!browser.address().await?.contains('#'), "the request is asked once");
    browser.check_page("pay-ask-ja").await?;
    browser.click("#agree").await?;
    let agreed = codes::shown(browser).await?;
    let told = browser.text("figcaption").await?;
    assert!(told.contains("魚政") && told.contains("250"), "{told}");
    browser.check_page("pay-agreed-ja").await?;

    browser.switch(0).await?;
    browser.click("#agree-scan").await?;
    let plain = plain_code(browser).await?;
    browser.write("#code", &format!("{plain}\n")).await?;
    browser
        .says("[data-scan='say']:not(:empty)", "250 ポイントの確認のコードではありません")
        .await?;
    browser.write("#code", &format!("{agreed}\n")).await?;
    browser
        .says("[data-step='result']:not([hidden]) #result.pass", "250 ポイントを受け取りました")
        .await?;
    browser.switch(1).await?;
    browser.find("#paid:not([hidden])").await?;
    browser.reads("#paid-points", "✔ 250 ポイント使いました").await?;

    browser.open(&format!("{}?lang=en", world.demo.url("/yaizu-demo/pay"))).await?;
    browser.open(&asked).await?;
    browser.find("#ask:not([hidden])").await?;
    browser.check_page("pay-ask-en").await?;
    browser.click("#disagree").await?;
    browser.find("#choose:not([hidden])").await?;
    world.console(&["/statements", "404 (Not Found)", "/me"]).await?;
    world.browser.quit().await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_insured_medical_institution_says_what_points_never_pay() -> WebDriverResult<()> {
    let world = World::start().await?;
    let browser = &world.browser;
    become_resident(&world).await?;
    register(&world, browser, "shop", "はまかぜ薬局").await?;
    world.open("/yaizu-demo/shop").await?;
    browser.find("#work:not([hidden])").await?;
    let code = plain_code(browser).await?;
    browser.write("#code", &format!("{code}\n")).await?;
    browser.write("[data-step='amount']:not([hidden]) #points", "50").await?;
    browser.says("#medical:not([hidden]) #medical-rule", "一部負担金").await?;
    browser.click("#pay").await?;
    browser.says("#goods-fault:not(:empty)", "一部負担金なら、ポイントを使わずに").await?;
    browser.check_page("shop-medical").await?;
    browser.click("#goods").await?;
    browser.click("#pay").await?;
    browser
        .says("[data-step='result']:not([hidden]) #result.pass", "50 ポイントを受け取りました")
        .await?;
    // Each payment is asked about anew.
    browser.click("#next").await?;
    let code = plain_code(browser).await?;
    browser.write("#code", &format!("{code}\n")).await?;
    browser.find("#medical:not([hidden]) #goods:not(:checked)").await?;

    world.open("/yaizu-demo/settlement").await?;
    browser.click("#list-lines button").await?;
    browser.says("#statement:not([hidden]) #statement-facts", "保険医療機関").await?;
    browser.check_page("settlement-medical").await?;
    world.console(&[]).await?;
    world.browser.quit().await
}

/// What the proposer writes beside a cause.
const WRITTEN: &str = "窓口で 20 を 140 と打ちました";

/// Signs what the city's staff proposes, and gives the entry.
async fn propose(world: &World, body: Body) -> WebDriverResult<String> {
    let core = Core {
        ledger: LedgerId::of_origin(YAIZU.origin),
        op_id: OpId(Sha256::digest(cbor::to_bytes(&body.kind()))[..16].try_into().expect("16")),
        day: Day::of_ms(SystemClock.wall_ms()),
        programme: None,
        not_after_s: None,
        body,
        sealed: None,
    };
    let text = Some(Text::new(WRITTEN).expect("it is short"));
    let disclosed = Disclosure { text, ..Disclosure::default() };
    let disclosed = Some(&disclosed).filter(|_| core.body.kind().shape().disclosure);
    let signed = core.sign(&cast(world).staff(), disclosed);
    let hex = signed.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let submit = format!(
        "const {{seq}} = await api.submit('yaizu-demo', cose.unhex('{hex}')); return String(seq);"
    );
    script_in(&world.browser, &submit).await
}

/// The programme that would come next: one limit is lower, one rule gives more.
const NEXT_PROGRAMME: &str = "
    const read = async version => (await fetch(`/v1/yaizu-demo/programme?version=${version}`));
    let version = ledger.programmeVersion;
    while ((await read(version + 1)).ok) version += 1;
    const next = await (await read(ledger.programmeVersion)).json();
    const tomorrow = new Date(ledger.nowS() * 1000 + 33 * 3600 * 1000).toISOString().slice(0, 10);
    Object.assign(next, {version: version + 1, from: tomorrow});
    next.redeem.max_day = 2500;
    next.rules.find(rule => rule.action === 'vegecheck.measure').points = 25;
    return JSON.stringify(next);";

#[tokio::test(flavor = "multi_thread")]
async fn the_second_person_reads_what_changes_before_approving() -> WebDriverResult<()> {
    let world = World::start().await?;
    let browser = &world.browser;
    world.open("/yaizu-demo/approve").await?;
    browser.find("#staff-missing:not([hidden])").await?;
    join_staff(&world, browser, "職員 二").await?;
    world.open("/yaizu-demo/approve").await?;
    browser.find("#say:not(:empty)").await?;
    browser.check_page("approve-none").await?;

    let document = script_in(browser, NEXT_PROGRAMME).await?;
    let version = serde_json::from_str::<Value>(&document).expect("JSON")["version"].as_u64();
    let version = u32::try_from(version.expect("a version")).expect("small");
    let publish =
        ProgrammePublish { version, document: Document::new(&document).expect("it fits") };
    let day = Day::of_ms(SystemClock.wall_ms());
    let expires_on = Day::fiscal_year_first(day.fiscal_year() + 2).minus(1);
    let lot = LotKey { purse: Purse::Yen, fund: Fund::General, expires_on };
    let cause = Cause::InputError;
    let adjust = Adjust { account: cast(&world).account(0), lot, points: 120, cause };
    let (fund, fiscal_year, points) = (Fund::Nhi, day.fiscal_year(), 50_000);
    let allocate = BudgetAllocate { fund, fiscal_year, points };
    for (name, body, expected) in [
        (
            "programme",
            Body::ProgrammePublish(publish),
            &["redeem.max_day", "3000", "2500", "25"][..],
        ),
        ("adjust", Body::Adjust(adjust), &["120 ポイント", "入力の誤り", WRITTEN, "一般会計"]),
        ("budget", Body::BudgetAllocate(allocate), &["国民健康保険", "50,000 ポイント"]),
    ] {
        let seq = propose(&world, body).await?;
        world.open("/yaizu-demo/approve").await?;
        browser.find(&format!("#waiting a[href='#{seq}']")).await?;
        browser.check_page("approve-list").await?;
        browser.click(&format!("#waiting a[href='#{seq}']")).await?;
        browser.find("#approval:not([hidden])").await?;
        let facts = browser.text("#asked").await?;
        for part in expected {
            assert!(facts.contains(part), "`{part}` in `{facts}`");
        }
        browser.check_page(&format!("approve-{name}")).await?;
        browser.whole_page(&format!("approve-{name}-whole")).await?;
        browser.click("#approval button").await?;
        browser.says("#same-fault:not(:empty)", "内容と理由").await?;
        browser.click("#same").await?;
        browser.click("#approval button").await?;
        browser.find("#approval[hidden]").await?;
        browser.reads("#say", "✔ 承認されました。").await?;
    }
    world.console(&["programme?version="]).await?;
    world.browser.quit().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resident_grants_a_link_and_ends_it() -> WebDriverResult<()> {
    let world = World::start().await?;
    let browser = &world.browser;
    world.open("/yaizu-demo/links").await?;
    browser.find("#enrol:not([hidden])").await?;
    become_resident(&world).await?;
    browser.click("a[href='/yaizu-demo/links']").await?;
    browser.find("#links-none:not([hidden])").await?;
    browser.become_phone().await?;
    let partner = script_in(
        browser,
        "return (await api.partners('yaizu-demo')).find(({name}) => name.startsWith('歩数アプリ')).kid;",
    )
    .await?;
    world.open(&format!("/yaizu-demo/links?lang=ja#partner={partner}&purpose=sessions")).await?;
    browser.find("#grant:not([hidden])").await?;
    let chosen = "const [who, what] = ['#partner', '#purpose'].map(id => document.querySelector(id).selectedOptions[0].text);
        return who + ' ' + what;";
    let chosen = browser.run(chosen).await?;
    assert_eq!(chosen, "歩数アプリ(架空) 面談や相談を記録する");
    browser.run("document.querySelector('#until').value = '2020-01-01'").await?;
    browser.click("#grant button").await?;
    browser.says("#until-fault:not(:empty)", "1年まで").await?;
    let until = "const until = document.querySelector('#until'); until.value = until.max;";
    browser.run(until).await?;
    browser.click("#grant button").await?;
    let number = browser.text("#made:not([hidden]) #link-number").await?.replace(' ', "");
    assert_eq!(codes::shown_in(browser, "#link-code").await?, number.to_uppercase());
    let line = browser.text("#links-list li").await?;
    assert!(line.contains("歩数アプリ") && line.contains("面談や相談"), "{line}");
    browser.check_page("links-ja").await?;
    browser.whole_page("links-ja-whole").await?;

    browser.click("#links-list button").await?;
    browser.find("#confirm[open]").await?;
    browser.check_page("links-end-ja").await?;
    browser.click("#confirm [value='no']").await?;
    browser.click("#links-list button").await?;
    browser.click("#confirm [value='yes']").await?;
    browser.reads("#say:not(:empty)", "連携をやめました。").await?;
    browser.says("#links-list li", "終わりました").await?;
    world.open("/yaizu-demo/links?lang=en").await?;
    browser.find("#links:not([hidden])").await?;
    browser.check_page("links-en").await?;

    // Points that expire are to be given away, and then no more.
    browser
        .says(
            "#auto:not([hidden]) #auto-what",
            "A gift for the school library, in units of 50 points",
        )
        .await?;
    browser.click("#auto-do").await?;
    browser.find("#auto[hidden]").await?;
    browser.says("#links-list li", "Give away points that expire, until").await?;
    browser.check_page("links-auto-en").await?;
    browser.click("#links-list button").await?;
    browser.click("#confirm [value='yes']").await?;
    browser.find("#auto:not([hidden])").await?;
    world.console(&[]).await?;
    world.browser.quit().await
}
