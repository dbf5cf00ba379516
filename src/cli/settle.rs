//! `kenmai settle`: what shops are due, from the ledger's own settlements to the bank's file and
//! back.

use std::path::{Path, PathBuf};

use ledger_spec::ids::PlaceId;
use ledger_spec::kinds::SettlementPaid;
use ledger_spec::time::{Day, Month};
use serde_json::json;

use super::console::{Bar, complain, say, say_bytes};
use super::files::{make_file, read_text};
use super::options::{ledger_file, ledger_keys, parse_day, parse_month};
use super::outcome::{CliError, ExitStatus, Outcome};
use super::shop_accounts;
use crate::adapters::zengin_code::{self, LIST_BYTES_MAX};
use crate::clock::{Clock, SystemClock};
use crate::engine::REGISTRY_FILE;
use crate::log::disk::RealDisk;
use crate::office::payments;
use crate::registry::Registry;
use crate::reports::books::{Books, Settled};
use crate::reports::tables::{self, LogHead};
use crate::reports::transfers;
use crate::reports::zengin::{self, BankAccount, Payer};

/// Statements, invoices and transfers of what shops are due.
#[derive(clap::Args)]
#[command(
    after_help = "The ledger settles each shop's month by itself when the month is over. Once for each shop, with two persons:\n\n  \
                  kenmai import shop-accounts --help\n\n\
                  A month's round:\n\n  \
                  kenmai settle list city/data --month 2026-10\n  \
                  kenmai settle invoice city/data --month 2026-10 > invoice.csv\n  \
                  kenmai settle zengin city/data --keys city/keys --month 2026-10 --payer-code 0000000042 \\\n    \
                  --payer-account 0149-001-1-1234567 --payer-name ヤイヅシ --out transfers.txt\n  \
                  kenmai settle paid city/data --month 2026-10 --on 2026-11-09 --reference FB-2026-11 > paid.jsonl\n\n\
                  Each line of paid.jsonl is the body of a settlement.paid: `kenmai sign --kind settlement.paid --json LINE`."
)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// List settlements: number, month, shop, yen, day of payment.
    List {
        #[command(flatten)]
        from: SettleArgs,
    },
    /// Write a shop's statement for a month, with every line.
    Statement {
        #[command(flatten)]
        from: SettleArgs,
        /// The shop's id, 16 hexadecimal digits (`list` names it).
        #[arg(long, value_name = "ID")]
        shop: String,
        /// JSON in the place of CSV.
        #[arg(long)]
        json: bool,
    },
    /// Write what each fund pays for a month, shop by shop, as CSV.
    Invoice {
        #[command(flatten)]
        from: SettleArgs,
    },
    /// Keep the bank account that a shop is to be paid to, and write the body of the
    /// `shop.account` that one person signs and another approves.
    Account(AccountArgs),
    /// Write the file of transfers for a month's settlements that are not paid (全銀協フォーマット, 総合振込).
    Zengin(Zengin),
    /// Write the bodies of the `settlement.paid` statements for a month, one JSON object a line.
    Paid {
        #[command(flatten)]
        from: SettleArgs,
        /// The day of the transfer.
        #[arg(long, value_name = "YYYY-MM-DD")]
        on: String,
        /// The bank's reference.
        #[arg(long)]
        reference: String,
    },
}

/// Which ledger, and which month.
#[derive(clap::Args)]
struct SettleArgs {
    /// The data folder of the ledger; its server may run.
    dir: PathBuf,
    /// The month; `list` shows all without it, all else takes the last month settled.
    #[arg(long, value_name = "YYYY-MM")]
    month: Option<String>,
}

#[derive(clap::Args)]
struct AccountArgs {
    /// The data folder of the ledger.
    dir: PathBuf,
    /// The ledger's keys folder.
    #[arg(long, value_name = "DIR")]
    keys: PathBuf,
    /// The shop's id.
    #[arg(long, value_name = "ID")]
    shop: String,
    /// Bank (4 digits), branch (3), type (1 普通, 2 当座, 4 貯蓄) and number (7).
    #[arg(long, value_name = "BANK-BRANCH-TYPE-NUMBER")]
    account: String,
    /// The holder's name in kana, as it stands in the bank book.
    #[arg(long, value_name = "KANA")]
    holder: String,
    /// A folder with the banks' list (`banks.json` and `branches/BANK.json` of zengin-code) to
    /// check against.
    #[arg(long, value_name = "DIR")]
    banks: Option<PathBuf>,
}

#[derive(clap::Args)]
struct Zengin {
    #[command(flatten)]
    from: SettleArgs,
    /// The ledger's keys folder.
    #[arg(long, value_name = "DIR")]
    keys: PathBuf,
    /// The payer's code, 10 digits that the bank gave.
    #[arg(long, value_name = "CODE")]
    payer_code: String,
    /// The account that pays.
    #[arg(long, value_name = "BANK-BRANCH-TYPE-NUMBER")]
    payer_account: String,
    /// The payer's name in kana.
    #[arg(long, value_name = "KANA")]
    payer_name: String,
    /// The day of the transfer; without it the fifth bank business day after the month, or the next
    /// one to come.
    #[arg(long, value_name = "YYYY-MM-DD")]
    date: Option<String>,
    /// End each record with carriage return and line feed.
    #[arg(long)]
    crlf: bool,
    /// A folder with the banks' list of zengin-code: accounts are checked against it and its names
    /// written.
    #[arg(long, value_name = "DIR")]
    banks: Option<PathBuf>,
    /// The file to make.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// Runs the command.
///
/// # Errors
/// [`CliError`]
pub fn run(args: &Args) -> Outcome {
    match &args.command {
        Command::List { from } => list(from),
        Command::Statement { from, shop, json } => statement(from, shop, *json),
        Command::Invoice { from } => {
            let (books, _) = read(&from.dir, None)?;
            let month = month_of(from, &books)?;
            let of_month = books.settlements(Some(month));
            let named = |of: &Settled| books.name(of.close.shop);
            let lines = tables::invoice(of_month.map(|of| (of.seq, &of.close, named(of))));
            say_bytes(tables::invoice_csv(month, &lines).as_bytes());
            Ok(ExitStatus::Well)
        }
        Command::Account(args) => account(args),
        Command::Zengin(args) => write_transfers(args),
        Command::Paid { from, on, reference } => paid(from, on, reference),
    }
}

/// The books of the whole log, read once from its start.
fn read(dir: &Path, lines_of: Option<PlaceId>) -> Result<(Books, LogHead), CliError> {
    let origin = ledger_file(dir)?.origin;
    let bar = Bar::new("books");
    let progress = &mut |done, total| bar.show(done, total);
    Ok(payments::read(&RealDisk, dir, origin, lines_of, progress)?)
}

fn month_in(from: &SettleArgs) -> Result<Option<Month>, CliError> {
    from.month.as_deref().map(|text| parse_month("--month", text)).transpose()
}

/// The month asked for, or else the last one that has a settlement.
fn month_of(from: &SettleArgs, books: &Books) -> Result<Month, CliError> {
    Ok(transfers::settled_month(books, month_in(from)?)?)
}

fn parse_shop(text: &str, books: &Books) -> Result<PlaceId, CliError> {
    let known = PlaceId::from_hex(text).filter(|shop| books.shops().contains_key(shop));
    known.ok_or_else(|| {
        let shops = books.shops().iter().map(|(id, name)| format!("\n  {id}  {name}"));
        CliError::refused(format!(
            "there is no shop `{text}`; the shops are{}",
            shops.collect::<String>()
        ))
    })
}

fn list(from: &SettleArgs) -> Outcome {
    let (books, _) = read(&from.dir, None)?;
    let month = month_in(from)?;
    let mut total = 0;
    for Settled { seq, close, paid_on, .. } in books.settlements(month) {
        let paid = match paid_on {
            Some(day) => day.to_string(),
            None if close.yen == 0 => "nothing due".to_owned(),
            None => "not paid".to_owned(),
        };
        let (shop, yen, name) = (close.shop, close.yen, books.name(close.shop));
        say(format_args!("{seq:<10}  {}  {shop}  {yen:>12}  {paid:<11}  {name}", close.month));
        total += yen;
    }
    say(format_args!("total       {total:>39}"));
    Ok(ExitStatus::Well)
}

fn statement(from: &SettleArgs, shop: &str, json: bool) -> Outcome {
    let (books, head) = read(&from.dir, PlaceId::from_hex(shop))?;
    let shop = parse_shop(shop, &books)?;
    let month = month_of(from, &books)?;
    let settled = books.settlements(Some(month)).find(|settled| settled.close.shop == shop);
    let settled = settled.ok_or_else(|| {
        CliError::refused(format!("{} has no settlement of {month}", books.name(shop)))
    })?;
    let statement = tables::statement(books.name(shop), settled, head)?;
    if json {
        let text = serde_json::to_string_pretty(&statement);
        say(text.map_err(|error| CliError::refused(error.to_string()))?);
    } else {
        say_bytes(statement.csv().as_bytes());
    }
    Ok(ExitStatus::Well)
}

fn paid(from: &SettleArgs, on: &str, reference: &str) -> Outcome {
    let paid_on = parse_day("--on", on)?;
    let (books, _) = read(&from.dir, None)?;
    for body in transfers::paid(&books, month_of(from, &books)?, paid_on, reference)? {
        let SettlementPaid { settlement, paid_on, reference } = body;
        let (settlement, reference) = (settlement.0, reference.as_str());
        say(json!({"settlement": settlement, "paid_on": paid_on, "reference": reference}));
    }
    Ok(ExitStatus::Well)
}

fn account(args: &AccountArgs) -> Outcome {
    let (books, _) = read(&args.dir, None)?;
    let shop = parse_shop(&args.shop, &books)?;
    let name = books.name(shop);
    let account = BankAccount::parse(&name, &args.account, &args.holder)?;
    if let Some(banks) = &args.banks {
        bank_names(banks, &name, &account)?;
    }
    let keys = ledger_keys(&args.dir, &args.keys)?;
    let registry = Registry::open(&args.dir.join(REGISTRY_FILE), &keys.kek)?;
    let bank_account = registry.put_shop_account(shop, &account.to_text())?;
    complain(format_args!(
        "{name} is paid to {} {} once one person has signed this as a shop.account and another has approved it",
        account.account_text(),
        account.holder
    ));
    say(shop_accounts::json_of(shop, &bank_account));
    Ok(ExitStatus::Well)
}

fn write_transfers(args: &Zengin) -> Outcome {
    let (books, _) = read(&args.from.dir, None)?;
    let month = month_of(&args.from, &books)?;
    let today = Day::of_ms(SystemClock.wall_ms());
    let wanted = args.date.as_deref().map(|text| parse_day("--date", text)).transpose()?;
    let date = transfers::date(month, today, wanted)?;
    let keys = ledger_keys(&args.from.dir, &args.keys)?;
    let registry = Registry::open_read_only(&args.from.dir.join(REGISTRY_FILE), &keys.kek)?;
    let accounts = registry.shop_accounts()?.into_iter();
    let accounts = accounts.map(|(hash, kept)| (hash, kept.account)).collect();
    let names = |whose: &str, account: &BankAccount| match &args.banks {
        Some(banks) => bank_names(banks, whose, account),
        None => Ok([String::new(), String::new()]),
    };
    let account = BankAccount::parse("the payer", &args.payer_account, &args.payer_name)?;
    let bank = names("the payer", &account)?;
    let payer = Payer { code: args.payer_code.clone(), account, bank_names: bank };
    let mut transfers = transfers::due(&books, month, &accounts)?;
    for transfer in &mut transfers {
        transfer.bank_names = names(&transfer.shop, &transfer.to)?;
    }
    let file = zengin::file(&payer, date, &transfers, args.crlf)?;
    make_file(&args.out, &file)?;
    let total: u64 = transfers.iter().map(|transfer| transfer.yen).sum();
    say(format_args!(
        "transfers: {}, yen: {total}, on {date}: {}",
        transfers.len(),
        args.out.display()
    ));
    Ok(ExitStatus::Well)
}

/// The names of an account's bank and branch as zengin-code lists them, half-width; an error where
/// it lists none.
fn bank_names(folder: &Path, whose: &str, account: &BankAccount) -> Result<[String; 2], CliError> {
    let name = |file: PathBuf, code: &str, what: &str| {
        let kana = zengin_code::kana_of(&read_text(&file, LIST_BYTES_MAX)?, code);
        let kana =
            kana.map_err(|error| CliError::refused(format!("{}: {error}", file.display())))?;
        let kana =
            kana.ok_or_else(|| CliError::refused(format!("{whose}: there is no {what} {code}")))?;
        // A name with a sign that no bank takes is left out: the code says it all.
        Ok::<_, CliError>(zengin::kana(&kana).unwrap_or_default())
    };
    let BankAccount { bank, branch, .. } = account;
    let branches = folder.join("branches").join(format!("{bank}.json"));
    Ok([name(folder.join("banks.json"), bank, "bank")?, name(branches, branch, "branch")?])
}
