//! `kenmai import shop-accounts`: a list of the shops' bank accounts into the registry, and the
//! statements that two persons sign for them.

use std::path::PathBuf;

use data_encoding::HEXLOWER;
use ledger_spec::ids::{Hash, PlaceId};
use ledger_spec::kinds::{Body, ShopAccount};
use ledger_spec::state::State;
use serde_json::{Value, json};

use super::console::{complain, say};
use super::files::{bytes, make_file, refused};
use super::folder;
use super::options::{ledger_file, ledger_keys};
use super::outcome::{CliError, ExitStatus, Outcome};
use super::sign::as_of_today;
use crate::adapters::shops_file::{self, AccountLine};
use crate::engine::REGISTRY_FILE;
use crate::keys;
use crate::registry::Registry;
use crate::reports::zengin::BankAccount;

#[derive(clap::Args)]
pub(super) struct Args {
    /// The list: CSV with the columns shop (id), account (BANK-BRANCH-TYPE-NUMBER), holder (kana).
    file: PathBuf,
    /// The data folder of the ledger.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// The ledger's keys folder.
    #[arg(long, value_name = "DIR")]
    keys: PathBuf,
    /// The key of the first person (PKCS#8 PEM): signs each statement, as PREFIX-SHOP.cose.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// The beginning of the names of the files to make.
    #[arg(long, value_name = "PREFIX")]
    out: String,
}

/// Keeps each account under its hash, and writes the statements for those that are not in force.
pub(super) fn run(args: &Args) -> Outcome {
    let lines = shops_file::read(&bytes(&args.file)?).map_err(refused(&args.file))?;
    let state = folder::replay(&args.data, |_| {})?;
    // All lines first: of a file with a fault nothing is kept.
    let accounts = lines.iter().map(|line| account(line, &state)).collect::<Result<Vec<_>, _>>();
    let accounts = accounts.map_err(refused(&args.file))?;
    let keys = ledger_keys(&args.data, &args.keys)?;
    let registry = Registry::open(&args.data.join(REGISTRY_FILE), &keys.kek)?;
    let signer = args.key.as_deref().map(keys::load_actor_key).transpose()?;
    let origin = ledger_file(&args.data)?.origin;
    let mut bodies = String::new();
    let mut waiting = 0;
    for (line, account) in lines.iter().zip(accounts) {
        let shop = line.shop;
        let bank_account = registry.put_shop_account(shop, &account.to_text())?;
        if state.shop_accounts.get(&shop) == Some(&bank_account) {
            continue;
        }
        waiting += 1;
        bodies += &format!("{}\n", json_of(shop, &bank_account));
        if let Some(key) = &signer {
            let core = as_of_today(Body::ShopAccount(ShopAccount { shop, bank_account }), &origin)?;
            let path = PathBuf::from(format!("{}-{shop}.cose", args.out));
            make_file(&path, &core.sign(key, None))?;
            say(path.display());
        }
    }
    let path = PathBuf::from(format!("{}-shop.account.jsonl", args.out));
    make_file(&path, bodies.as_bytes())?;
    say(format_args!("{} {waiting}", path.display()));
    complain(format_args!(
        "{} accounts kept, {waiting} to be signed by one person and approved by another before anything is paid on them",
        lines.len()
    ));
    Ok(ExitStatus::Well)
}

fn account(line: &AccountLine, state: &State) -> Result<BankAccount, CliError> {
    let place = state.places.get(&line.shop);
    let name = place.map(|place| place.name.as_str()).ok_or_else(|| {
        CliError::refused(format!(
            "line {}: no shop has the id {}; nothing was kept",
            line.line, line.shop
        ))
    })?;
    let account = BankAccount::parse(name, &line.account, &line.holder);
    account.map_err(|error| {
        CliError::refused(format!("line {}: {error}; nothing was kept", line.line))
    })
}

/// The body of the statement that sets a shop's bank account, as `kenmai sign` takes it.
pub(super) fn json_of(shop: PlaceId, bank_account: &Hash) -> Value {
    json!({"shop": shop.to_string(), "bank_account": HEXLOWER.encode(bank_account)})
}
