//! The demo city's days: measurements, sessions and purchases, signed by those who were there.
//!
//! A day is a pure function of the city's seed, down to the bytes of most statements. So all cores
//! can sign days ahead while the ledger takes them in their order, and a day that was begun already
//! can be lived again: what is in the log keeps its first verdict.

use ed25519_dalek::SigningKey;
use ledger_spec::cbor::{Blob, Text};
use ledger_spec::ids::{Kid, OpId, Seq};
use ledger_spec::kinds::{Action, Body, LinkGrant, Purpose, Redeem, SettlementPaid};
use ledger_spec::points::Points;
use ledger_spec::state::Overlay;
use ledger_spec::statement::{Core, Disclosure, Holder, Values};
use ledger_spec::time::Day;
use ledger_spec::token::{self, PayToken, VENUE_LIFE_S_MAX, VenueCode};

use super::blueprint::OPEN_PHONES;
use super::cast::Cast;
use super::city::{ensure_budgets, ensure_rules};
use super::client::{CityClient, CityError, Progress, Submission, open};
use super::crew::in_order;
use super::programme::{BODY, CARE, CHECKUP, DENTAL, MEASURE, ORIGIN, PRESSURE, STEPS};
use super::residents::{Dice, Purchase, Resident, SUNDRIES, SignedBy, StationVisit};
use super::rewards::perk_cards;
use super::staged_clock::StagedClock;
use crate::bank_days::transfer_day;
use crate::engine::Engine;

const MINUTE_MS: u64 = 60_000;
const HOUR_MS: u64 = 60 * MINUTE_MS;
/// The hours in which the ledger hears of a day's acts.
const HOURS: [u64; 4] = [9, 11, 15, 17];
/// When it hears of all acts of a day that somebody else has begun: after theirs, and with the
/// codes' life before midnight.
const LATE_MS: u64 = 24 * HOUR_MS - 3 * MINUTE_MS;
/// How long a phone's code is good for, and a till's statement.
const CODE_LIFE_S: u64 = 290;
/// The most points that a phone's code of the city gives.
const CODE_POINTS: u32 = 300;
/// By then most have points to spend. With few buyers on a day its sum would be hidden, and the
/// funds' running sums would stand still until enough others hide with it.
const SHOPS_OPEN_AFTER_DAYS: u32 = 75;
/// Residents who come on each of the city's first days, for the same reason: few on one of them
/// would hide what was granted.
const FIRST_GUESTS: std::ops::Range<usize> = OPEN_PHONES..OPEN_PHONES + 20;
const FIRST_DAYS: u32 = 2;
/// A phone renews its link so often; it lasts a few days longer.
const LINK_RENEWED_DAYS: u32 = 360;
/// On this day of the month the residents with open keys come to a class, so that anyone who plays
/// them finds points to spend and room under every cap.
const OPEN_PHONES_DAY: u32 = 10;

/// What the ledger hears at one time.
struct Moment {
    at_ms: u64,
    acts: Vec<Submission>,
}

/// Lives the days from `from` up to and including `until`; `progress` hears of them.
///
/// # Errors
/// [`CityError`]
pub fn fill(
    engine: &Engine,
    cast: &Cast,
    clock: &StagedClock,
    from: Day,
    until: Day,
    progress: &mut impl FnMut(Progress),
) -> Result<(), CityError> {
    let mut client = CityClient::new(engine, cast, clock);
    let begun = engine.state()?.days.contains_key(&from);
    if from <= until {
        let hour_ms = if begun { LATE_MS } else { 8 * HOUR_MS };
        clock.set_ms(from.start_ms() + hour_ms);
        ensure_rules(&mut client, until)?;
    }
    let scribe = Scribe::new(engine, cast, begun.then_some(from))?;
    let days = usize::try_from((until.0 + 1).saturating_sub(from.0)).unwrap_or(0);
    let total = u32::try_from(days).unwrap_or(u32::MAX);
    let days_from = |piece: usize| from.plus(u32::try_from(piece).unwrap_or(u32::MAX));
    in_order(
        days,
        |piece| scribe.day(days_from(piece)),
        |piece, moments| {
            for moment in moments {
                clock.set_ms(moment.at_ms);
                for act in moment.acts {
                    client.play(act, begun && piece == 0)?;
                }
                client.settle()?;
            }
            ensure_budgets(&mut client)?;
            pay_shops(&mut client)?;
            perk_cards(&mut client)?;
            let done = u32::try_from(piece + 1).unwrap_or(u32::MAX);
            progress(Progress::Days { done, total });
            Ok(())
        },
    )?;
    clock.run();
    let today = client.today();
    ensure_rules(&mut client, today)
}

/// Records the transfers of what the shops are due, from the day on which a city makes them.
fn pay_shops(client: &mut CityClient<'_>) -> Result<(), CityError> {
    let today = client.today();
    let due: Vec<(Seq, Day)> = {
        let state = client.engine.state()?;
        let open = state.settlements.iter().filter(|(_, row)| row.paid.is_none() && row.yen > 0);
        let due = open.map(|(seq, row)| (*seq, transfer_day(row.month, row.month.last_day())));
        due.filter(|(_, day)| *day <= today).collect()
    };
    for (settlement, paid_on) in due {
        let reference = Text::new("FB-DEMO").ok_or(CityError::Text)?;
        let body = SettlementPaid { settlement, paid_on, reference };
        let core = client.core(Body::SettlementPaid(body))?;
        let statement = open(client.engine, core, &client.cast.staff(), None)?;
        client.send(statement, false)?;
    }
    client.settle()
}

/// Writes and signs what a day brings.
struct Scribe<'a> {
    engine: &'a Engine,
    cast: &'a Cast,
    residents: Vec<Resident>,
    /// Keys that sign on most days are made once: to make one costs as much as to sign.
    phones: Vec<SigningKey>,
    registry: SigningKey,
    partner: SigningKey,
    stations: Vec<SigningKey>,
    coaches: Vec<SigningKey>,
    tills: Vec<SigningKey>,
    begun: Option<Day>,
    /// The city's first day.
    founded: Day,
    /// The shops take points from this day on.
    shops_open: Day,
}

/// One day of one resident.
struct ResidentDay<'a> {
    resident: &'a Resident,
    phone: &'a SigningKey,
    dice: Dice,
    day: Day,
    programme: u32,
    at_s: u64,
}

impl<'a> Scribe<'a> {
    fn new(engine: &'a Engine, cast: &'a Cast, begun: Option<Day>) -> Result<Self, CityError> {
        let keys = |names: &[&str], key: &dyn Fn(usize) -> SigningKey| {
            (0..names.len()).map(key).collect::<Vec<_>>()
        };
        let founded = {
            let state = engine.state()?;
            let days = state.closed.keys().chain(state.days.keys());
            days.min().copied()
        };
        Ok(Self {
            engine,
            cast,
            residents: (0..cast.city.residents).map(|n| Resident::of(cast, n)).collect(),
            phones: (0..cast.city.residents).map(|number| cast.phone(number)).collect(),
            registry: cast.registry(),
            partner: cast.partner(),
            stations: keys(cast.city.stations, &|number| cast.station(number)),
            coaches: keys(cast.city.coaches, &|number| cast.coach(number)),
            tills: keys(cast.city.shops, &|number| cast.till(number)),
            begun,
            founded: founded.unwrap_or(Day(0)),
            shops_open: founded.map_or(Day(0), |day| day.plus(SHOPS_OPEN_AFTER_DAYS)),
        })
    }

    fn day(&self, day: Day) -> Result<Vec<Moment>, CityError> {
        let programme = {
            let state = self.engine.state()?;
            Overlay::over(&state).programme_for(day).map(|programme| programme.version)
        };
        // Without rules nothing can be signed: a city that nobody opened for years.
        let Some(programme) = programme else { return Ok(Vec::new()) };
        let mut moments: Vec<Moment> = HOURS
            .iter()
            .map(|hour| {
                let late = self.begun == Some(day);
                let into_ms = if late { LATE_MS } else { hour * HOUR_MS };
                Moment { at_ms: day.start_ms() + into_ms, acts: Vec::new() }
            })
            .collect();
        for (resident, phone) in self.residents.iter().zip(&self.phones) {
            let mut dice = resident.dice(day);
            let hour = dice.below(HOURS.len());
            let Some(moment) = moments.get_mut(hour) else { continue };
            let at_s = moment.at_ms / 1_000;
            let mut today = ResidentDay { resident, phone, dice, day, programme, at_s };
            self.resident(&mut today, &mut moment.acts)?;
        }
        for moment in &mut moments {
            // In no order that follows from who it is.
            moment.acts.sort_by_key(|act| act.statement.core.op_id);
        }
        Ok(moments)
    }

    fn resident(
        &self,
        today: &mut ResidentDay<'_>,
        acts: &mut Vec<Submission>,
    ) -> Result<(), CityError> {
        let mut plan = today.resident.plan(self.cast, today.day);
        if today.resident.number < OPEN_PHONES {
            let (_, _, of_month) = today.day.ymd();
            let due = of_month == OPEN_PHONES_DAY;
            let station = today.dice.below(self.stations.len());
            plan.visit = due.then(|| StationVisit::for_pressure(station));
            plan.sundry = due.then_some(0);
            (plan.session, plan.purchase) = (None, None);
        }
        let first = today.day < self.founded.plus(FIRST_DAYS);
        if first && FIRST_GUESTS.contains(&today.resident.number) {
            plan.visit = Some(StationVisit::for_pressure(today.dice.below(self.stations.len())));
        }
        if let Some(StationVisit { station, by_phone, measures }) = plan.visit {
            let Some(key) = self.stations.get(station) else { return Ok(()) };
            for (measured, action) in measures.into_iter().zip([MEASURE, PRESSURE, BODY]) {
                if measured {
                    acts.push(self.measurement(today, key, by_phone, action)?);
                }
            }
        }
        for (due, action) in [(plan.checkup, CHECKUP), (plan.dental, DENTAL)] {
            if due {
                let account = Holder::Account(self.cast.account(today.resident.number));
                let disclosed = self.told(today, account);
                acts.push(self.action(today, &self.registry, action, &disclosed)?);
            }
        }
        if let Some(steps) = plan.steps {
            acts.extend(self.steps(today, steps)?);
        }
        if let Some((action, signed_by)) = plan.sundry.and_then(|of| SUNDRIES.get(of)) {
            acts.extend(self.sundry(today, action, *signed_by)?);
        }
        if let Some(key) = plan.session.and_then(|coach| self.coaches.get(coach)) {
            let exact = Text::new(CARE.1);
            let disclosed = Disclosure { exact_action: exact, ..self.met(today, false, 1_800) };
            acts.push(self.action(today, key, CARE.0, &disclosed)?);
        }
        if let Some(purchase) = plan.purchase.filter(|_| today.day >= self.shops_open) {
            acts.extend(self.purchase(today, &purchase)?);
        }
        Ok(())
    }

    /// What the city or a service tells of a resident.
    fn told(&self, today: &mut ResidentDay<'_>, holder: Holder) -> Disclosure {
        Disclosure { holder: Some(holder), ..self.met(today, false, 3_600) }
    }

    /// The phone lets the service report its steps for a year at a time; the service does.
    fn steps(
        &self,
        today: &mut ResidentDay<'_>,
        steps: u32,
    ) -> Result<Option<Submission>, CityError> {
        let (number, since) = (today.resident.number, today.day.0.saturating_sub(self.founded.0));
        if since % LINK_RENEWED_DAYS == 1 {
            let link = self.cast.link(number, since / LINK_RENEWED_DAYS);
            let partner = Kid::of(self.partner.verifying_key().as_bytes());
            let (purpose, until) = (Purpose::Steps, today.day.plus(366));
            let body = Body::LinkGrant(LinkGrant { link, purpose, until, partner });
            let granted = Disclosure { holder: None, ..self.met(today, false, 60) };
            let core = Core { programme: None, ..self.core(today, body, None) };
            let statement = open(self.engine, core, today.phone, Some(&granted))?;
            return Ok(Some(Submission { statement, pays: None }));
        }
        let Some(linked) = since.checked_sub(2) else { return Ok(None) };
        let holder = Holder::Link(self.cast.link(number, linked / LINK_RENEWED_DAYS));
        let values = Some(Values { steps: Some(steps), ..Values::default() });
        let origin = Text::new(ORIGIN);
        let disclosed = Disclosure { values, origin, ..self.told(today, holder) };
        self.action(today, &self.partner, STEPS, &disclosed).map(Some)
    }

    fn sundry(
        &self,
        today: &mut ResidentDay<'_>,
        action: &str,
        signed_by: SignedBy,
    ) -> Result<Option<Submission>, CityError> {
        let (key, disclosed) = match signed_by {
            SignedBy::Coach => (self.coaches.first(), self.met(today, false, 1_800)),
            // Who has a phone reads the code on the event's screen.
            SignedBy::Station if today.resident.has_phone => {
                let own = Disclosure { holder: None, ..self.met(today, false, 60) };
                let venue = self.venue(today, action, own.performed_at_s);
                let phone = venue.is_some().then_some(today.phone);
                (phone, Disclosure { venue, ..own })
            }
            SignedBy::Station => {
                // One event a day in the whole city.
                let reference = Some(Blob(today.day.to_string().into_bytes()));
                let met = Disclosure { reference, ..self.met(today, false, 1_800) };
                (self.stations.first(), met)
            }
            SignedBy::Own if today.resident.has_phone => {
                let own = Disclosure { holder: None, ..self.met(today, false, 60) };
                (Some(today.phone), own)
            }
            SignedBy::Own => return Ok(None),
        };
        key.map(|key| self.action(today, key, action, &disclosed)).transpose()
    }

    /// What the screen of an event shows at a station.
    fn venue(&self, today: &mut ResidentDay<'_>, action: &str, at_s: u64) -> Option<Blob<512>> {
        let code = VenueCode {
            exp_s: at_s + VENUE_LIFE_S_MAX,
            nonce: today.dice.bytes(),
            ledger: self.engine.ledger(),
            place: self.cast.station_place(0),
            action: Text::new(action)?,
        };
        Some(Blob(token::sign(&code, self.stations.first()?)))
    }

    fn measurement(
        &self,
        today: &mut ResidentDay<'_>,
        station: &SigningKey,
        by_phone: bool,
        action: &str,
    ) -> Result<Submission, CityError> {
        let nothing = Values::default();
        let values = if action == MEASURE {
            let level = today.resident.level_tenths(&mut today.dice);
            Some(Values { level_tenths: Some(level), ..nothing })
        } else if action == PRESSURE {
            let low = today.dice.within(65, 95);
            let high = low + today.dice.within(35, 60);
            Some(Values { systolic_mmhg: Some(high), diastolic_mmhg: Some(low), ..nothing })
        } else {
            None
        };
        let ago_s = 60 * u64::from(today.dice.within(1, 50));
        let disclosed = Disclosure { values, ..self.met(today, by_phone, ago_s) };
        self.action(today, station, action, &disclosed)
    }

    /// What a coach or station that met the resident so many seconds ago discloses.
    fn met(&self, today: &mut ResidentDay<'_>, by_phone: bool, ago_s: u64) -> Disclosure {
        let performed_at_s = today.at_s - ago_s;
        let holder = if by_phone {
            self.code(today, performed_at_s, 0)
        } else {
            Holder::Card(self.cast.card(today.resident.number))
        };
        Disclosure {
            salt: today.dice.bytes(),
            performed_at_s,
            holder: Some(holder),
            ..Disclosure::default()
        }
    }

    /// The code that the resident's phone shows.
    fn code(&self, today: &mut ResidentDay<'_>, at_s: u64, max_points: u32) -> Holder {
        let token = PayToken {
            exp_s: at_s + CODE_LIFE_S,
            nonce: today.dice.bytes(),
            ledger: self.engine.ledger(),
            max_points,
            shop: None,
        };
        Holder::Phone(token::sign(&token, today.phone))
    }

    fn action(
        &self,
        today: &mut ResidentDay<'_>,
        key: &SigningKey,
        action: &str,
        disclosed: &Disclosure,
    ) -> Result<Submission, CityError> {
        let action = Text::new(action).ok_or(CityError::Text)?;
        let core = self.core(today, Body::Action(Action { action }), None);
        let statement = open(self.engine, core, key, Some(disclosed))?;
        Ok(Submission { statement, pays: None })
    }

    fn purchase(
        &self,
        today: &mut ResidentDay<'_>,
        purchase: &Purchase,
    ) -> Result<Option<Submission>, CityError> {
        let Purchase { shop, points } = *purchase;
        let (Some(till), Some(spent)) = (self.tills.get(shop), Points::new(points)) else {
            return Ok(None);
        };
        let holder = self.code(today, today.at_s, CODE_POINTS);
        let disclosed = Disclosure { holder: Some(holder), ..self.met(today, false, 0) };
        let goods = self.cast.city.insured_medical.contains(&shop).then_some(true);
        let body = Body::Redeem(Redeem { shop: self.cast.shop_place(shop), points: spent, goods });
        let core = self.core(today, body, Some(today.at_s + CODE_LIFE_S));
        let statement = open(self.engine, core, till, Some(&disclosed))?;
        Ok(Some(Submission { statement, pays: Some((today.resident.number, u64::from(points))) }))
    }

    fn core(&self, today: &mut ResidentDay<'_>, body: Body, not_after_s: Option<u64>) -> Core {
        Core {
            ledger: self.engine.ledger(),
            op_id: OpId(today.dice.bytes()),
            day: today.day,
            programme: Some(today.programme),
            not_after_s,
            body,
            sealed: None,
        }
    }
}
