//! Runs a scenario: rounds of all its combinations in turn, closed loops and open ones, and then
//! the books.
//!
//! Rounds of all combinations follow one another (A B C D, A B C D, …), so that a machine whose
//! speed changes with the hour favours none. Before each round its statements are signed, so that
//! the callers only send.

use kenmai::config::Limits;

use crate::callers::{Pace, Round, Stream};
use crate::city::{By, Shops};
use crate::harness::{Harness, Home, LOOK_REQUESTS, MANIFEST_ROWS, Sort};
use crate::machine::Machine;
use crate::report::{Measured, Report, ReportRow};
use crate::{Failure, Options};

/// Rounds of each combination.
const ROUNDS: u64 = 5;
/// The most requests of a round: signing and sending them must fit into the 300 seconds that a code
/// lives.
const ROUND_REQUESTS_MAX: u64 = 60_000;
/// The most manifests of a round: all rounds together fill a gigabyte of disk with two million
/// rows.
const ROUND_MANIFESTS_MAX: u64 = 35;
/// The most callers for which a warm-up grows.
const WARM_UP_CALLERS_MAX: u64 = 16;
/// What happens beside the measured requests comes so often, in an open loop: the worst day of a
/// city of Osaka's size.
const MEANWHILE_A_SECOND: u32 = 200;
const MEANWHILE_CALLERS: u16 = 32;
/// A round takes at most so many times as long as the warm-up promises; what happens beside lasts
/// as long.
const MEANWHILE_TIMES: u64 = 4;
/// An open loop has so many times the callers of the largest closed one, so that its schedule can
/// be kept.
const OPEN_TIMES: u16 = 4;

/// A scenario: who asks for what.
pub(crate) struct Scenario {
    /// The name on the command line.
    pub(crate) name: &'static str,
    /// Where its city comes from.
    pub(crate) home: Home,
    /// Callers of the closed loops, unless told otherwise.
    callers: &'static [u16],
    /// Requests of each caller before the first round: they warm everything up, and say how many
    /// fill a round.
    warm_up: u64,
    variants: &'static [Variant],
}

/// One thing that a scenario compares with others.
struct Variant {
    name: &'static str,
    sort: Sort,
    meanwhile: Option<Sort>,
}

const fn alone(name: &'static str, sort: Sort) -> Variant {
    Variant { name, sort, meanwhile: None }
}

/// A resident looks at the balance alone, or at balance, history and receipt.
pub(crate) const RESIDENTS_CHECK: Scenario = Scenario {
    name: "residents-check",
    home: Home::Founded,
    callers: &[1, 64],
    warm_up: 300,
    variants: &[alone("balance", Sort::Balance), alone("look", Sort::Look)],
};
/// Tills redeem points by the codes of phones, spread over the shops, or at one.
pub(crate) const SHOPS_REDEEM: Scenario = Scenario {
    name: "shops-redeem",
    home: Home::Founded,
    callers: &[1, 64],
    warm_up: 300,
    variants: &[
        alone("uniform", Sort::Payment(Shops::Uniform)),
        alone("one shop", Sort::Payment(Shops::One)),
    ],
};
/// Stations measure residents, known by card, or by the phone's code.
pub(crate) const STATIONS_GRANT: Scenario = Scenario {
    name: "stations-grant",
    home: Home::Founded,
    callers: &[1, 64],
    warm_up: 300,
    variants: &[
        alone("card", Sort::Measurement(By::Card)),
        alone("phone", Sort::Measurement(By::Phone)),
    ],
};
/// A year's check-ups come as manifests, alone, or while tills redeem.
pub(crate) const CHECKUP_MANIFEST: Scenario = Scenario {
    name: "checkup-manifest",
    home: Home::Founded,
    callers: &[1, 4],
    warm_up: 4,
    variants: &[
        alone("manifests", Sort::Manifest),
        Variant {
            name: "manifests beside payments",
            sort: Sort::Manifest,
            meanwhile: Some(Sort::Payment(Shops::Uniform)),
        },
    ],
};
/// Everyone looks at what is public, in a quiet hour, or while stations measure.
pub(crate) const ANALYSTS_VIEW: Scenario = Scenario {
    name: "analysts-view",
    home: Home::Demo,
    callers: &[1, 64],
    warm_up: 100,
    variants: &[
        alone("views", Sort::View),
        Variant {
            name: "views beside measurements",
            sort: Sort::View,
            meanwhile: Some(Sort::Measurement(By::Card)),
        },
    ],
};

/// A variant in one loop, with all that was measured of it.
struct Combination {
    variant: &'static Variant,
    pace: Pace,
    callers: u16,
    requests: u64,
    figures: Measured,
    meanwhile: Measured,
}

impl Combination {
    fn of(variant: &'static Variant, pace: Pace, callers: u16) -> Self {
        let (figures, meanwhile) = (Measured::default(), Measured::default());
        Self { variant, pace, callers, requests: 0, figures, meanwhile }
    }
}

/// Runs the scenario and prints its report.
pub(crate) fn run(scenario: &Scenario, options: &Options) -> Result<(), Failure> {
    let mut machine = Machine::look()?;
    let pays = |v: &Variant| matches!(v.sort, Sort::Payment(_)) || v.meanwhile.is_some();
    let pay = scenario.variants.iter().any(pays);
    let mut harness = Harness::open(options, scenario.home, Limits::default(), pay)?;
    let about = harness.describe();
    let mut combinations = warm_up(&mut harness, scenario, options)?;
    let shares = combinations.len() as u64 * ROUNDS;
    for combination in &mut combinations {
        let supply = harness.supply(combination.variant.sort) / shares;
        combination.requests = combination.requests.min(supply).max(1);
    }
    let beside = u64::from(MEANWHILE_A_SECOND) * MEANWHILE_TIMES * options.seconds / ROUNDS;
    for _ in 0..ROUNDS {
        machine.look_at_disk(harness.folder())?;
        for combination in &mut combinations {
            let Combination { variant, pace, callers, requests, .. } = *combination;
            let calls = harness.make(variant.sort, requests)?;
            let mut streams = vec![Stream { calls, pace, callers, at_most: None }];
            if let Some(sort) = variant.meanwhile {
                let calls = harness.make(sort, beside.min(harness.supply(sort) / shares))?;
                let pace = Pace::Open(MEANWHILE_A_SECOND);
                streams.push(Stream { calls, pace, callers: MEANWHILE_CALLERS, at_most: None });
            }
            let (rounds, used) = harness.round(streams)?;
            let mut rounds = rounds.iter();
            let lead = rounds.next().ok_or("a round without streams")?;
            combination.figures.add(all_taken(lead)?, used);
            if let Some(beside) = rounds.next() {
                combination.meanwhile.add(all_taken(beside)?, None);
            }
        }
    }
    let checked = harness.close()?;
    let rows = combinations.into_iter().flat_map(rows_of).collect();
    Report { name: scenario.name, about, machine, rows, remarks: Vec::new(), checked }.print()
}

/// A round in which the server had room for everything.
fn all_taken(round: &Round) -> Result<&Round, Failure> {
    match round.busy.first() {
        None => Ok(round),
        Some(call) => Err(format!(
            "{} of {} requests, such as {}, were answered 503: more than this server takes; fewer --callers or a lower --rate",
            round.busy.len(),
            round.took_us.len(),
            call.operation
        )
        .into()),
    }
}

/// The first requests of every closed loop are not counted; they say how many fill a round. Without
/// --rate, an open loop follows at half of what the most callers reached.
fn warm_up(
    harness: &mut Harness,
    scenario: &Scenario,
    options: &Options,
) -> Result<Vec<Combination>, Failure> {
    let callers = options.callers.as_deref().unwrap_or(scenario.callers);
    let most = callers.iter().max().copied().unwrap_or(1);
    let of_round = |variant: &Variant, a_second: u64| {
        let list = variant.sort == Sort::Manifest;
        let most = if list { ROUND_MANIFESTS_MAX } else { ROUND_REQUESTS_MAX };
        (a_second * options.seconds / ROUNDS).clamp(LOOK_REQUESTS as u64, most)
    };
    let open = |variant, a_second: u32| Combination {
        requests: of_round(variant, a_second.into()),
        ..Combination::of(variant, Pace::Open(a_second), most.saturating_mul(OPEN_TIMES).min(400))
    };
    let (mut combinations, mut halves) = (Vec::new(), Vec::new());
    for callers in callers.iter().copied() {
        for variant in scenario.variants {
            let wanted = scenario.warm_up * u64::from(callers).min(WARM_UP_CALLERS_MAX);
            let share = harness.supply(variant.sort) / (scenario.variants.len() as u64 * 20);
            let calls = harness.make(variant.sort, wanted.min(share).max(LOOK_REQUESTS as u64))?;
            let stream = Stream { calls, pace: Pace::Closed, callers, at_most: None };
            let (rounds, _) = harness.round(vec![stream])?;
            let round = all_taken(rounds.first().ok_or("a round without streams")?)?;
            let a_second = round.took_us.len() as u64 * 1_000_000 / round.whole_us.max(1);
            if options.rate.is_none() {
                let combination = Combination::of(variant, Pace::Closed, callers);
                combinations
                    .push(Combination { requests: of_round(variant, a_second), ..combination });
                if callers == most {
                    halves.push(open(variant, u32::try_from(a_second / 2)?.max(1)));
                }
            }
        }
    }
    for a_second in options.rate.iter().flatten() {
        combinations.extend(scenario.variants.iter().map(|variant| open(variant, *a_second)));
    }
    combinations.extend(halves);
    Ok(combinations)
}

fn rows_of(combination: Combination) -> Vec<ReportRow> {
    let Combination { variant, pace, callers, figures, meanwhile, .. } = combination;
    let how = match pace {
        Pace::Closed if callers == 1 => "1 caller".to_owned(),
        Pace::Closed => format!("{callers} callers"),
        Pace::Open(a_second) => format!("open, {a_second}/s"),
    };
    let unit = match variant.sort {
        Sort::Manifest => Some(("rows", MANIFEST_ROWS as u64, 1)),
        Sort::Look => Some(("looks", 1, LOOK_REQUESTS as u64)),
        Sort::Payment(_) | Sort::Measurement(_) | Sort::Balance | Sort::View | Sort::Mix => None,
    };
    let beside = variant.meanwhile.map(|_| ReportRow {
        what: format!("… {}", variant.name.rsplit(' ').next().unwrap_or_default()),
        how: format!("open, {MEANWHILE_A_SECOND}/s"),
        figures: meanwhile,
        unit: None,
    });
    let row = ReportRow { what: variant.name.to_owned(), how, figures, unit };
    std::iter::once(row).chain(beside).collect()
}
