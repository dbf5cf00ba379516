//! A shop's statement and a fund's invoice, as CSV and as JSON.
//!
//! Columns are in Japanese: the files go to shops and to the accounts of a Japanese city.

use ledger_spec::ids::Seq;
use ledger_spec::kinds::SettlementClose;
use ledger_spec::points::Fund;
use ledger_spec::time::{Day, Month};
use serde::Serialize;
use utoipa::ToSchema;

use super::books::{BookLine, Settled};
use crate::csv::Table;

/// A shop's month: every line that is in no other statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct StatementTable {
    /// The settlement's entry.
    pub settlement: u64,
    /// The shop's id.
    pub shop: String,
    /// Its public name.
    pub name: String,
    /// The month.
    #[schema(value_type = String, example = "2026-10")]
    pub month: Month,
    /// The first entry of the range.
    pub first: u64,
    /// The entry after the range: the settlement's own.
    pub end: u64,
    /// Sum of the lines.
    pub points: i64,
    /// What the last statement left, 0 or less.
    pub carried: i64,
    /// Yen due.
    pub yen: u64,
    /// The day of the transfer, once it is recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = Date)]
    pub paid_on: Option<Day>,
    /// `true` where the shop is listed as an insured medical institution; otherwise absent. Each of
    /// its sales carries the till's signed word that no patient's share was paid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub insured_medical: Option<bool>,
    /// The lines in the order of the log.
    pub lines: Vec<BookLine>,
    /// The log that it was read from.
    pub log: LogHead,
}

/// A log as far as it was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct LogHead {
    /// Its origin.
    pub origin: String,
    /// Entries.
    pub size: u64,
    /// The root of the tree over them, hexadecimal.
    pub root: String,
    /// The signed checkpoint over them, where one is at hand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<String>,
}

/// A shop is not shown lines that make another sum than the ledger settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the lines do not add up to settlement {settlement}; run `kenmai audit`")]
pub struct LinesDoNotAddUp {
    /// The settlement's entry.
    pub settlement: u64,
}

/// The statement of a settlement whose lines the books have kept.
///
/// # Errors
/// [`LinesDoNotAddUp`]
pub fn statement(
    name: String,
    settled: &Settled,
    log: LogHead,
) -> Result<StatementTable, LinesDoNotAddUp> {
    let Settled { seq: Seq(settlement), close, paid_on, insured_medical, lines } = settled;
    let found: i128 = lines.iter().map(|line| i128::from(line.points)).sum();
    if found != close.points.total() {
        return Err(LinesDoNotAddUp { settlement: *settlement });
    }
    let sum = |points: i128| i64::try_from(points).unwrap_or(i64::MAX);
    Ok(StatementTable {
        settlement: *settlement,
        shop: close.shop.to_string(),
        name,
        month: close.month,
        first: close.first.0,
        end: close.end.0,
        points: sum(close.points.total()),
        carried: sum(close.carried.total()),
        yen: close.yen,
        paid_on: *paid_on,
        insured_medical: insured_medical.then_some(true),
        lines: lines.clone(),
        log,
    })
}

impl StatementTable {
    /// The statement as a table: a line for each movement, then what was carried and what is paid.
    #[must_use]
    pub fn csv(&self) -> String {
        let mut table = Table::default();
        table.line(&["伝票番号", "日付", "時刻", "種別", "ポイント", "記録番号"]);
        for line in &self.lines {
            let (points, seq) = (line.points.to_string(), line.seq.to_string());
            let time = line.accepted_min.map_or_else(String::new, time_text);
            let day = line.day.to_string();
            table.line(&[&line.receipt_number, &day, &time, kind_text(line.kind), &points, &seq]);
        }
        let last_day = self.month.last_day().to_string();
        let mut sum = |what, number: String| table.line(&["", &last_day, "", what, &number, ""]);
        sum("合計", self.points.to_string());
        sum("前回からの繰越", self.carried.to_string());
        sum("お支払額(円)", self.yen.to_string());
        if self.insured_medical == Some(true) {
            sum("区分: 保険医療機関(一部負担金には使えません)", String::new());
        }
        table.into_text()
    }
}

/// Hour and minute in Japan.
fn time_text(accepted_min: u64) -> String {
    let minute_of_day = (accepted_min + 9 * 60) % 1_440;
    format!("{:02}:{:02}", minute_of_day / 60, minute_of_day % 60)
}

fn kind_text(kind: &'static str) -> &'static str {
    match kind {
        "redeem" => "お支払い",
        "void" => "取消",
        "capture" => "確定",
        "reward.use" => "引換券",
        "refund" => "返金",
        _ => "その他",
    }
}

/// What a fund pays to a shop for a month, negative where it gets money back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct InvoiceLine {
    /// The fund.
    #[schema(value_type = String, example = "general")]
    pub fund: Fund,
    /// The settlement's entry.
    pub settlement: u64,
    /// The shop's id.
    pub shop: String,
    /// Its public name.
    pub name: String,
    /// Yen.
    pub yen: i64,
}

/// The funds' invoices for a month: fund by fund, shop by shop. Together they are what the shops
/// are paid.
#[must_use]
pub fn invoice<'a>(
    settlements: impl Iterator<Item = (Seq, &'a SettlementClose, String)>,
) -> Vec<InvoiceLine> {
    let mut lines: Vec<InvoiceLine> = settlements
        .flat_map(|(seq, close, name)| {
            let (paid_by, shop) = (close.paid_by().unwrap_or_default(), close.shop.to_string());
            let line = move |(fund, yen)| {
                let (shop, name) = (shop.clone(), name.clone());
                InvoiceLine { fund, settlement: seq.0, shop, name, yen }
            };
            paid_by.rows().iter().map(|row| (row.fund, row.points)).map(line).collect::<Vec<_>>()
        })
        .collect();
    lines.sort_by_key(|line| line.fund);
    lines
}

/// The funds' invoices as a table, with a sum for each fund.
#[must_use]
pub fn invoice_csv(month: Month, lines: &[InvoiceLine]) -> String {
    let mut table = Table::default();
    table.line(&["月", "財源", "店舗番号", "店舗名", "精算番号", "金額(円)"]);
    let month = month.to_string();
    for fund in Fund::ALL {
        let of_fund = || lines.iter().filter(|line| line.fund == *fund);
        for line in of_fund() {
            let (settlement, yen) = (line.settlement.to_string(), line.yen.to_string());
            table.line(&[&month, fund_text(*fund), &line.shop, &line.name, &settlement, &yen]);
        }
        if of_fund().next().is_some() {
            let sum: i64 = of_fund().map(|line| line.yen).sum();
            table.line(&[&month, fund_text(*fund), "", "合計", "", &sum.to_string()]);
        }
    }
    table.into_text()
}

fn fund_text(fund: Fund) -> &'static str {
    match fund {
        Fund::General => "一般会計",
        Fund::Nhi => "国民健康保険",
        Fund::CareInsurance => "介護保険",
        Fund::Employer => "事業主",
        Fund::None => "なし",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ledger_spec::ids::PlaceId;
    use ledger_spec::kinds::Kind;
    use ledger_spec::points::FundSums;

    /// A Japanese file shows no code that the protocol writes.
    #[test]
    fn a_kind_without_a_word_is_not_written_as_its_code() {
        assert!(Kind::ALL.iter().all(|kind| !kind_text(kind.name()).is_ascii()));
    }

    #[test]
    fn lines_that_make_another_sum_are_not_shown() {
        let mut points = FundSums::default();
        points.add(Fund::Nhi, 70).unwrap();
        let close = SettlementClose {
            shop: PlaceId([1; 8]),
            month: Month::parse("2026-11").unwrap(),
            first: Seq(3),
            end: Seq(9),
            points,
            carried: FundSums::default(),
            yen: 70,
        };
        let line = |seq, points| BookLine {
            seq,
            receipt_number: String::new(),
            day: Day(20_800),
            accepted_min: None,
            kind: "redeem",
            points,
        };
        let settled = |lines| Settled {
            seq: Seq(9),
            close: close.clone(),
            paid_on: None,
            insured_medical: false,
            lines,
        };
        let log = LogHead { origin: String::new(), size: 9, root: String::new(), checkpoint: None };
        let told = |lines| statement(String::new(), &settled(lines), log.clone());
        let wrong = Err(LinesDoNotAddUp { settlement: 9 });
        assert_eq!(told(vec![line(4, 30), line(6, 40)]).map(|table| table.points), Ok(70));
        assert_eq!(told(vec![line(4, 30)]), wrong, "a line is missing");
        assert_eq!(told(vec![line(4, 30), line(6, 40), line(6, 40)]), wrong, "one stands twice");
    }
}
