//! What shops are due, as a shop and as staff see it, on a phone and on a desk.

use data_encoding::HEXLOWER;
use ed25519_dalek::SigningKey;
use thirtyfour::prelude::WebDriverResult;

use crate::World;
use crate::terminals::cast;

/// Gives the browser a key of the demo city, kept below the name of its ledger.
pub(crate) async fn hold(world: &World, place: &str, key: &SigningKey) -> WebDriverResult<()> {
    let public = HEXLOWER.encode(key.verifying_key().as_bytes());
    let private = HEXLOWER.encode(key.as_bytes());
    let script = format!(
        "const [cose, store] = await Promise.all(['cose', 'store'].map(name => import(`/assets/${{name}}.js`)));
        const pkcs8 = cose.unhex('302e020100300506032b657004220420{private}');
        const privateKey = await crypto.subtle.importKey('pkcs8', pkcs8, 'Ed25519', false, ['sign']);
        const publicKey = cose.unhex('{public}');
        const key = {{privateKey, publicKey, kid: await cose.kidOf(publicKey), name: '{place}'}};
        await store.keep('yaizu-demo/{place}', key);
        return '';"
    );
    world.browser.run(&script).await.map(drop)
}

/// The numbers in a column of a table.
async fn column(world: &World, css: &str) -> WebDriverResult<Vec<i64>> {
    let script = format!(
        "return [...document.querySelectorAll('{css}')].map(cell => Number(cell.textContent.replaceAll(',', '')))"
    );
    let numbers = world.browser.run(&script).await?;
    Ok(numbers.as_array().expect("a list").iter().filter_map(serde_json::Value::as_i64).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shop_sees_what_it_is_due_line_by_line() -> WebDriverResult<()> {
    let world = World::start().await?;
    let browser = &world.browser;
    browser.become_phone().await?;
    world.open("/yaizu-demo/settlement").await?;
    browser.find("#start-link:not([hidden])").await?;
    browser.check_page("settlement-without-key").await?;
    hold(&world, "key/shop", &cast(&world).till(0)).await?;
    for lang in ["ja", "en"] {
        world.open(&format!("/yaizu-demo/settlement?lang={lang}")).await?;
        browser.find("#slip:not([hidden])").await?;
        let yen = column(&world, "#list-lines tr:first-child .points").await?;
        browser.click("#list-lines tr:first-child button").await?;
        browser.find("#statement:not([hidden]) #statement-lines tr").await?;
        let lines = column(&world, "#statement-lines .points").await?;
        assert_eq!(lines.iter().sum::<i64>(), yen[0], "the lines add up to what is paid");
        browser.check_page(&format!("settlement-shop-{lang}")).await?;
        // The slip alone, on a roll of 58 mm: 164 points of 1/72 inch.
        browser.run("document.body.dataset.print = 'slip'").await?;
        let slip = browser.print(&format!("settlement-slip-{lang}")).await?;
        let slip = String::from_utf8_lossy(&slip).into_owned();
        let pages: Vec<&str> = slip.split("/MediaBox [0 0 ").skip(1).collect();
        assert!(pages.len() == 1 && pages[0].starts_with("163.9"), "one page as wide as the roll");
        browser.run("document.body.dataset.print = 'statement'").await?;
        browser.print(&format!("settlement-statement-{lang}")).await?;
        browser.run("delete document.body.dataset.print").await?;
        browser.whole_page(&format!("settlement-shop-{lang}-whole")).await?;
    }
    assert_eq!(browser.count("#months[hidden]").await?, 1, "no funds for a shop");
    world.console(&[]).await?;
    world.browser.quit().await
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_see_what_each_fund_pays() -> WebDriverResult<()> {
    let world = World::start().await?;
    let browser = &world.browser;
    world.open("/yaizu-demo/settlement").await?;
    hold(&world, "key/staff", &cast(&world).staff()).await?;
    for lang in ["ja", "en"] {
        world.open(&format!("/yaizu-demo/settlement?lang={lang}")).await?;
        browser.find("#list-lines tr").await?;
        browser.click("#funds").await?;
        browser.find("#invoice:not([hidden]) #invoice-lines tr").await?;
        let sums = column(&world, "#invoice-lines tr.sum .points").await?;
        let month = browser.text("#list-lines tr:first-child td:first-child").await?;
        let paid = format!(
            "const rows = [...document.querySelectorAll('#list-lines tr')];
            const own = rows.filter(row => row.cells[0].textContent === '{month}');
            return own.reduce((sum, row) => sum + Number(row.cells[2].textContent.replaceAll(',', '')), 0)"
        );
        let paid = browser.run(&paid).await?.as_i64();
        assert_eq!(Some(sums.iter().sum::<i64>()), paid, "funds and shops agree");
        browser.check_page(&format!("settlement-staff-{lang}")).await?;
    }
    world.console(&[]).await?;
    world.browser.quit().await
}
