//! Participation in figures that anyone may see: how many take part, where, by which way, and what
//! the funds gave and paid.
//!
//! A period is *released* when it is closed, and fixed from then on: what counts is the day of
//! acceptance, so that an action reported late never changes an earlier figure. A week runs from
//! Monday to Sunday in Japan; a month is released when the week of its last day is closed. There
//! are these tables and no others, with no filter that two answers could be subtracted by. Which
//! cells are hidden, and why that is enough, stands in [`suppress`] and [`funds`].

use std::collections::{BTreeMap, BTreeSet};

use ledger_spec::caps::Channel;
use ledger_spec::ids::PlaceId;
use ledger_spec::kinds::{AgeTier, Role};
use ledger_spec::points::Fund;
use ledger_spec::programme::{Evidence, Programme, Rule};
use ledger_spec::public::SMALL_CELL;
use ledger_spec::state::State;
use ledger_spec::time::{self, Day};
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use crate::engine::{Engine, EngineError};
use crate::views::{DayRow, StationMonth, Views};

pub mod funds;
pub mod population;
mod schema;
pub mod suppress;

use funds::{Behind, FlowMonth, running};
use population::Population;
use suppress::{Band, Cell, Column, Counts, Persons, persons};

/// Weeks of the trend: the last closed one and the 26 before.
pub const WEEKS: usize = 27;
/// Months released side by side.
pub const MONTHS: usize = 12;
/// Fewer persons are a small cell.
const K: u64 = SMALL_CELL as u64;

/// All that is released.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Release {
    /// The last closed weeks, the latest first.
    pub weeks: Vec<Week>,
    /// The last released months, the latest first.
    pub months: Vec<MonthFigures>,
}

/// Persons who took part in a week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Week {
    /// Its Monday.
    #[schema(value_type = String, format = Date)]
    pub monday: Day,
    /// Persons with an action.
    pub persons: Cell,
}

/// A month's tables.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct MonthFigures {
    /// Its first day.
    #[schema(value_type = String, format = Date)]
    pub month: Day,
    /// Groups listed, after the column of any action.
    pub groups: Vec<String>,
    /// Groups left out, because too few districts could be shown.
    pub left_out: Vec<String>,
    /// Persons by district.
    pub districts: Vec<FigureRow<u32>>,
    /// The sums of the districts shown.
    pub totals: Vec<Cell>,
    /// Persons of the districts shown, by age group.
    pub ages: Vec<FigureRow<Band>>,
    /// Whole percent of the actions, by channel.
    #[schema(value_type = Vec<(String, Cell)>)]
    pub channels: Vec<(Channel, Cell)>,
    /// Actions by station, most first. Stations with fewer than 10 persons are not listed.
    pub stations: Vec<Station>,
    /// Points by fund.
    pub funds: Vec<FundLine>,
}

impl MonthFigures {
    /// Persons of a column in all districts listed; withheld where one of these is hidden, because
    /// the sum of the others would be taken for the whole.
    #[must_use]
    pub fn whole(&self, column: usize) -> Cell {
        let mut cells = self.districts.iter().map(|row| row.persons.get(column));
        let shown = cells.all(|cell| cell.is_some_and(|cell| cell.value().is_some()));
        self.totals.get(column).copied().filter(|_| shown).unwrap_or(Cell::Withheld)
    }
}

/// A row of persons.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FigureRow<K> {
    /// The district's number, or the age group.
    pub key: K,
    /// Persons with any action, then with an action of each group.
    pub persons: Vec<Cell>,
    /// Persons with any action for every 1,000 inhabitants, if the city gave their number.
    pub per_mille: Option<u64>,
}

/// What a group is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupName {
    /// The code of its action.
    pub code: String,
    /// Its name in Japanese.
    pub name: String,
    /// Its name in English.
    pub name_en: String,
}

/// A station's month.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Station {
    /// Its public name.
    pub name: String,
    /// Actions recorded.
    pub actions: u64,
}

/// A fund's running sums at the end of a month.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FundLine {
    /// The fund.
    #[schema(value_type = String, example = "general")]
    pub fund: Fund,
    /// Points granted since the beginning.
    pub granted: Option<Sum>,
    /// Points redeemed since the beginning, less voids.
    pub redeemed: Option<Sum>,
    /// Points that can still be spent.
    pub outstanding: Cell,
}

/// A running sum, and the month at whose end it was so: at least 10 persons moved it since it was
/// published before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Sum {
    /// The points.
    pub points: u64,
    /// The month's first day.
    #[schema(value_type = String, format = Date)]
    pub as_of: Day,
}

impl Serialize for Cell {
    /// A number, `"<10"` for a small cell, `null` for one withheld on account of another.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Shown(value) => serializer.serialize_u64(value.get()),
            Self::Small => serializer.serialize_str("<10"),
            Self::Withheld => serializer.serialize_none(),
        }
    }
}

impl Serialize for Band {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl Band {
    /// The name in files and answers.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Under18 => "under18",
            Self::Adult => "adult",
            Self::Under65 => "under65",
            Self::Senior => "senior",
        }
    }

    fn tiers(self) -> &'static [AgeTier] {
        match self {
            Self::Under18 => &[AgeTier::Under18],
            Self::Adult => &[AgeTier::From18, AgeTier::From40],
            Self::Under65 => &[AgeTier::Under18, AgeTier::From18, AgeTier::From40],
            Self::Senior => &[AgeTier::From65, AgeTier::From75],
        }
    }
}

/// What a ledger's views release at the moment. It changes when a week or month closes.
///
/// # Errors
/// [`EngineError`]
pub fn release(engine: &Engine, population: Option<&Population>) -> Result<Release, EngineError> {
    let public = PublicNames::of(&*engine.state()?);
    Ok(Material::read(engine.views())?.map_or_else(Release::default, |material| {
        let weeks = material.weeks();
        let months = material.months(&weeks, &public, population);
        Release { weeks: weeks.into_iter().rev().take(WEEKS).collect(), months }
    }))
}

/// What the groups are called in the latest rules that have them.
///
/// # Errors
/// [`EngineError`]
pub fn group_names(engine: &Engine) -> Result<Vec<GroupName>, EngineError> {
    let state = engine.state()?;
    let rules = state.programmes.values().rev().flat_map(|programme| &programme.rules);
    let name = |rule: &Rule| GroupName {
        code: rule.action.clone(),
        name: rule.name.clone(),
        name_en: rule.name_en.clone(),
    };
    Ok(rules.map(name).collect())
}

/// What the log says in public of stations and rules.
struct PublicNames {
    stations: BTreeMap<PlaceId, String>,
    programmes: Vec<std::sync::Arc<Programme>>,
}

impl PublicNames {
    fn of(state: &State) -> Self {
        let stations = state.places.iter().filter(|(_, place)| place.role == Role::Station);
        let stations = stations.map(|(id, place)| (*id, place.name.as_str().to_owned())).collect();
        Self { stations, programmes: state.programmes.values().cloned().collect() }
    }

    /// The groups of actions that the rules knew up to a day.
    fn groups(&self, last: Day) -> BTreeSet<String> {
        let known = self.programmes.iter().filter(|programme| programme.from <= last);
        known.flat_map(|of| &of.rules).map(|rule| rule.action.clone()).collect()
    }

    /// The channels that the rules of a month leave open.
    fn channels(&self, span: MonthSpan) -> Vec<Channel> {
        let MonthSpan { first, last } = span;
        let ruling = self.programmes.iter().filter(|of| of.from <= last && of.until >= first);
        let rules = ruling.flat_map(|programme| &programme.rules);
        let worths = rules.flat_map(Rule::worths);
        let known: BTreeSet<Evidence> =
            worths.flat_map(|(_, worth)| worth.evidence.iter().copied()).collect();
        let any = |wanted: &[Evidence]| wanted.iter().any(|evidence| known.contains(evidence));
        let supervised = any(&[Evidence::Station, Evidence::Coach]);
        let own =
            any(&[Evidence::SelfReport, Evidence::PhoneSensor, Evidence::Partner, Evidence::Venue]);
        let open = |channel: &Channel| match channel {
            Channel::Phone => supervised || own || any(&[Evidence::Kiosk]),
            Channel::Card => supervised,
            Channel::Kiosk => any(&[Evidence::Kiosk]),
            Channel::Desk => any(&[Evidence::Staff, Evidence::TwoStaff, Evidence::Registry]),
        };
        Channel::ALL.iter().copied().filter(open).collect()
    }
}

/// A month from its first to its last day.
#[derive(Clone, Copy)]
struct MonthSpan {
    first: Day,
    last: Day,
}

/// What the views hold, read at one time.
struct Material<'a> {
    views: &'a Views,
    first_day: Day,
    last_day: Day,
    weeks: BTreeMap<Day, u32>,
    days: BTreeMap<Day, DayRow>,
    cells: BTreeMap<Day, Counts>,
    stations: BTreeMap<StationMonth, crate::views::Use>,
    channels: BTreeMap<(Day, Channel), crate::views::Use>,
    funds: BTreeMap<Day, Vec<FundLine>>,
}

impl<'a> Material<'a> {
    fn read(views: &'a Views) -> Result<Option<Self>, EngineError> {
        let Some((first_day, last_day)) = views.span() else { return Ok(None) };
        let mut cells: BTreeMap<Day, Counts> = BTreeMap::new();
        for ((month, group, of), persons) in views.cells()? {
            let column: Column = group.map(|code| code.as_str().to_owned());
            let counts = cells.entry(month).or_default();
            *counts.entry((column, of.district, of.age_tier)).or_default() += u64::from(persons);
        }
        let mut material = Self {
            views,
            first_day,
            last_day,
            weeks: views.weeks()?,
            days: views.days()?,
            cells,
            stations: views.stations()?,
            channels: views.channels()?,
            funds: BTreeMap::new(),
        };
        material.funds = material.fund_lines()?;
        Ok(Some(material))
    }

    /// Months that are released, from the first of the ledger on.
    fn released(&self) -> impl Iterator<Item = MonthSpan> + '_ {
        let first = time::Month::of(self.first_day);
        let months = std::iter::successors(Some(first), |month| Some(month.next()));
        let spans =
            months.map(|month| MonthSpan { first: month.first_day(), last: month.last_day() });
        spans.take_while(|span| span.last.week_start().plus(7) <= self.last_day)
    }

    /// Closed weeks, the first of the ledger first.
    fn weeks(&self) -> Vec<Week> {
        let mondays =
            std::iter::successors(Some(self.first_day.week_start()), |at| Some(at.plus(7)));
        let closed = mondays.take_while(|monday| monday.plus(7) <= self.last_day);
        closed
            .map(|monday| {
                let counted = u64::from(self.weeks.get(&monday).copied().unwrap_or(0));
                let clear = self.days_explain(counted, monday, monday.plus(6));
                let persons = Cell::of(counted, K);
                let hidden = persons.value().is_some() && !clear;
                Week { monday, persons: if hidden { Cell::Withheld } else { persons } }
            })
            .collect()
    }

    /// Whether the public totals of the days shown explain so many persons, whatever the hidden
    /// days count.
    fn days_explain(&self, persons: u64, first: Day, last: Day) -> bool {
        let days = self.days.range(first..=last).filter_map(|(_, row)| row.accounts);
        explain(persons, days.map(|accounts| Cell::of(accounts.into(), K)))
    }

    fn months(
        &self,
        weeks: &[Week],
        public: &PublicNames,
        population: Option<&Population>,
    ) -> Vec<MonthFigures> {
        let released: Vec<MonthSpan> = self.released().collect();
        let latest = released.into_iter().rev().take(MONTHS);
        latest.map(|span| self.month(span, weeks, public, population)).collect()
    }

    fn month(
        &self,
        span: MonthSpan,
        weeks: &[Week],
        public: &PublicNames,
        population: Option<&Population>,
    ) -> MonthFigures {
        let MonthSpan { first: month, last } = span;
        let touching = || {
            let touching =
                weeks.iter().filter(|week| (month.week_start()..=last).contains(&week.monday));
            touching.map(|week| week.persons)
        };
        let none = Counts::new();
        let counts = self.cells.get(&month).unwrap_or(&none);
        let mut tables = persons(counts, &public.groups(last), K);
        let reach = tables.reach(K);
        if !explain(reach, touching()) || !self.days_explain(reach, month, last) {
            tables = Persons::default();
        }
        let upper = |cell: Cell| cell.value().unwrap_or(K - 1);
        let groups = tables
            .districts
            .values()
            .map(|row| row.iter().skip(1).copied().map(upper).sum::<u64>());
        let acts = groups.sum::<u64>().max(touching().map(upper).sum());
        let rates = |cells: &[Cell], inhabitants: Option<u64>| {
            let persons = cells.first().and_then(|cell| cell.value())?;
            Some(persons * 1_000 / inhabitants?)
        };
        let listed: Vec<u32> = tables.districts.keys().copied().collect();
        let districts = tables.districts.into_iter().map(|(key, persons)| {
            let inhabitants = population.and_then(|of| of.of_district(key));
            FigureRow { key, per_mille: rates(&persons, inhabitants), persons }
        });
        let ages = tables.ages.into_iter().map(|(key, persons)| {
            let inhabitants = population.and_then(|of| of.of_ages(key, &listed));
            FigureRow { key, per_mille: rates(&persons, inhabitants), persons }
        });
        MonthFigures {
            month,
            groups: tables.columns.into_iter().flatten().collect(),
            left_out: tables.left_out,
            districts: districts.collect(),
            totals: tables.totals,
            ages: ages.collect(),
            channels: self.channels(span, public),
            stations: self.stations(month, acts, public),
            funds: self.funds.get(&month).cloned().unwrap_or_default(),
        }
    }

    /// Shares in whole percent, so that no number of actions follows; all channels or none, because
    /// they add up.
    fn channels(&self, span: MonthSpan, public: &PublicNames) -> Vec<(Channel, Cell)> {
        let open = public.channels(span);
        let used = |channel: &Channel| self.channels.get(&(span.first, *channel));
        let whole =
            open.iter().all(|channel| used(channel).is_some_and(|used| used.crowd.is_large()));
        let actions = |channel: &Channel| used(channel).map_or(0, |used| used.actions);
        let all: u64 = open.iter().map(actions).sum();
        let share = |channel: Channel| Cell::percent(actions(&channel), all, whole);
        open.iter().map(|channel| (*channel, share(*channel))).collect()
    }

    /// Stations with at least k persons. `acts` is the least that all stations together can have
    /// recorded: if those shown do not explain it, something would follow for the others, and none
    /// is shown.
    fn stations(&self, month: Day, acts: u64, public: &PublicNames) -> Vec<Station> {
        let used =
            |station: &PlaceId| self.stations.get(&StationMonth { month, station: *station });
        let shown = public.stations.iter().filter_map(|(id, name)| {
            let used = used(id).filter(|used| used.crowd.is_large())?;
            Some(Station { name: name.clone(), actions: used.actions })
        });
        let mut shown: Vec<Station> = shown.collect();
        let explained: u64 = shown.iter().map(|station| station.actions).sum();
        if shown.len() < public.stations.len() && explained < acts {
            shown.clear();
        }
        shown.sort_by(|a, b| (b.actions, &a.name).cmp(&(a.actions, &b.name)));
        shown
    }

    fn fund_lines(&self) -> Result<BTreeMap<Day, Vec<FundLine>>, EngineError> {
        let released: Vec<MonthSpan> = self.released().collect();
        let (funds, lots) = (self.views.funds()?, self.views.lots()?);
        let (budgets, holders) = (self.views.budgets()?, self.views.holders()?);
        let budgeted = |last: Day| -> Vec<Fund> {
            budgets.iter().filter(|(_, since)| **since <= last.0).map(|(fund, _)| *fund).collect()
        };
        let flow = |of_what: PointFlow| {
            let months = released.iter().map(|MonthSpan { first: month, last }| {
                let of = |fund: Fund| {
                    let row = funds.get(&(*month, fund)).cloned().unwrap_or_default();
                    let (points, crowd) = match of_what {
                        PointFlow::Granted => (row.granted, row.earners),
                        PointFlow::Redeemed => (row.redeemed, row.spenders),
                        PointFlow::Refunded => (row.refunded, row.refunders),
                    };
                    (fund, (points, crowd.0.into_iter().collect::<Behind>()))
                };
                let days =
                    self.days.range(*month..=*last).filter(|(_, row)| row.accounts.is_some());
                let crowds = days.filter_map(|(_, row)| match of_what {
                    PointFlow::Granted => Some(&row.earners),
                    PointFlow::Redeemed => Some(&row.spenders),
                    // No day's public totals tell of refunds.
                    PointFlow::Refunded => None,
                });
                let hidden = crowds.filter(|crowd| !crowd.is_large());
                FlowMonth {
                    month: *month,
                    funds: budgeted(*last).into_iter().map(of).collect(),
                    hidden_days: hidden.map(|crowd| crowd.0.iter().copied().collect()).collect(),
                }
            });
            running(&months.collect::<Vec<_>>(), SMALL_CELL as usize)
        };
        let (granted, redeemed) = (flow(PointFlow::Granted), flow(PointFlow::Redeemed));
        // What was refunded is not published itself, and follows from the figures shown.
        let refunded = flow(PointFlow::Refunded);
        let mut lines = BTreeMap::new();
        let flows = granted.into_iter().zip(redeemed).zip(refunded);
        for (MonthSpan { first: month, last }, flows) in released.iter().zip(flows) {
            let ((granted, redeemed), refunded) = flows;
            let line = |fund: Fund| {
                let current =
                    [&granted, &redeemed, &refunded].iter().all(|of| of.as_of == Some(*month));
                // What lapsed is what nobody spent: a running sum like the others, which follows
                // from the three shown.
                let lapsed = holders.range((fund, Day(0))..=(fund, *last));
                let waiting = lapsed.fold(0, |waiting, (_, holders)| {
                    let waiting = waiting + u64::from(*holders);
                    if waiting >= K { 0 } else { waiting }
                });
                let open = |(at, of, until): &&(Day, Fund, Day)| {
                    at <= month && *of == fund && until > last
                };
                let left: i64 =
                    lots.iter().filter(|(key, _)| open(key)).map(|(_, points)| points).sum();
                let outstanding = if current {
                    Cell::points(u64::try_from(left).unwrap_or(0), waiting)
                } else {
                    Cell::Withheld
                };
                FundLine {
                    fund,
                    granted: sum(&granted, fund),
                    redeemed: sum(&redeemed, fund),
                    outstanding,
                }
            };
            lines.insert(*month, budgeted(*last).into_iter().map(line).collect());
        }
        Ok(lines)
    }
}

/// Which way points go.
#[derive(Clone, Copy)]
enum PointFlow {
    Granted,
    Redeemed,
    Refunded,
}

fn sum(running: &funds::Running, fund: Fund) -> Option<Sum> {
    let points = running.points.get(&fund).copied().unwrap_or(0);
    Some(Sum { points: u64::try_from(points).unwrap_or(0), as_of: running.as_of? })
}

/// Whether parts explain so many persons even if everybody is missing from those hidden and they
/// are as large as hidden ones can be. Each of the persons is in at least one part; what the parts
/// shown left open would tell of the others.
fn explain(persons: u64, parts: impl Iterator<Item = Cell>) -> bool {
    let (mut shown, mut hidden) = (0, 0);
    for part in parts {
        match part {
            Cell::Shown(persons) => shown += persons.get(),
            Cell::Small | Cell::Withheld => hidden += K - 1,
        }
    }
    hidden == 0 || persons + hidden <= shown
}
