//! The catalogue: what points can be exchanged for, as data, published in the log. Versions count
//! up, and the latest is in force; a reward that was claimed keeps the terms of the version that it
//! was claimed under.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::ids::PlaceId;
use crate::json;
use crate::kinds::{Code, Name};
use crate::points::{POINTS_MAX, Purse};
use crate::time::Day;

/// The most items of a catalogue.
pub const ITEMS_MAX: usize = 100;
/// The most places that an item, or the list of guests, names.
pub const PLACES_MAX: usize = 200;
/// A voucher or perk card is good for at most so many days after its claim.
pub const VALID_DAYS_MAX: u32 = 366;
/// The most prizes of one draw.
pub const PRIZES_MAX: u32 = 1_000;

/// What is wrong with a catalogue document, and where.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{at}: {problem}")]
pub struct CatalogueFault {
    /// The member, as in `items[3].points`; line and column where the text is no such document.
    pub at: String,
    /// What is wrong with it.
    pub problem: CatalogueProblem,
}

/// What is wrong with a member of a catalogue document.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CatalogueProblem {
    /// The text is not such a document.
    #[error("the document does not fit the format: {0}")]
    Form(String),
    /// Too many parts, or none.
    #[error("there are 1 to {ITEMS_MAX} items, each with at most {PLACES_MAX} places")]
    Size,
    /// Two items have the same number or code.
    #[error("this number or code stands twice")]
    Twice,
    /// A name or a code that a statement or a page cannot hold.
    #[error("names are 1 to 120 bytes and codes 1 to 40, without control characters")]
    Name,
    /// The first day lies after the last.
    #[error("`from` is not after `until`")]
    Dates,
    /// Points out of range.
    #[error("`points` are 1 to {POINTS_MAX}")]
    Points,
    /// Nothing is left to claim.
    #[error("`stock` and `per_person` are left out or at least 1")]
    Limits,
    /// The purse does not pay for this.
    #[error(
        "purse `yen` pays for donation and currency, purse `challenge` for perk card and lottery, and a voucher that a shop is paid for costs `yen`"
    )]
    Purse,
    /// A shop would receive more than the resident gives.
    #[error("`receives` is at most `points`")]
    Receives,
    /// Valid for too long, or not at all.
    #[error("`valid_days` are 1 to {VALID_DAYS_MAX}")]
    ValidDays,
    /// A perk card that could be had twice a year.
    #[error("a perk card is claimed once a fiscal year: `per_person` is 1")]
    PerkCard,
    /// No prize, too many, or a draw before the last claim.
    #[error("`prizes` are 1 to {PRIZES_MAX}, and `draw_from` is after `until`")]
    Lottery,
    /// What cannot be claimed for a resident, or two of it.
    #[error("`auto` is for one donation of the catalogue")]
    Auto,
    /// A number means something else than in a version before.
    #[error("number {0} stands for another item in an earlier version")]
    Number(u32),
}

/// One version of the catalogue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalogue {
    /// The version, counted up by one.
    pub version: u32,
    /// Shops of other cities: what is for the city alone is not for them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub guests: Vec<PlaceId>,
    /// What can be claimed.
    pub items: Vec<Item>,
}

/// One thing that points can be exchanged for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// The item's number, the same through all versions: stock and limits count by it.
    pub number: u32,
    /// Its code.
    pub code: String,
    /// Its name for residents.
    pub name: String,
    /// Its name in English.
    pub name_en: String,
    /// Which points pay for it.
    pub purse: Purse,
    /// What a voucher or a lottery entry costs, the points that a perk card asks for, the unit of a
    /// donation or an export.
    pub points: u32,
    /// First day on which it can be claimed.
    pub from: Day,
    /// Last day on which it can be claimed.
    pub until: Day,
    /// How many there are, through all versions; left out for any number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stock: Option<u32>,
    /// How many one person can claim in a fiscal year; left out for any number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_person: Option<u32>,
    /// Points that would expire go here where the resident has asked for it.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub auto: bool,
    /// What the resident gets.
    pub gives: Gives,
}

/// What a claim brings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Gives {
    /// Something that a shop hands over: the points wait until a terminal uses the voucher.
    Voucher {
        /// The shops that honour it; left out for all of the area.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        shops: Vec<PlaceId>,
        /// Whose shops.
        area: Area,
        /// Yen that the shop gets; with 0 the shop gives it for nothing.
        receives: u32,
        /// Good for so many days after the claim.
        valid_days: u32,
        /// What becomes of the points when it was not used.
        unused: Unused,
    },
    /// A gift in whole units: the points go to the place, and its settlement pays it.
    Donation {
        /// Who gets it.
        to: PlaceId,
    },
    /// Another point or currency, in whole units: the place's operator credits the resident's
    /// wallet.
    Currency {
        /// The operator's place, which settlement pays.
        to: PlaceId,
    },
    /// A card that shops of the prefecture honour. It takes no points.
    PerkCard {
        /// Good for so many days after the claim.
        valid_days: u32,
    },
    /// An entry in a draw.
    Lottery {
        /// How many entries win.
        prizes: u32,
        /// The entrants are fixed on this day or later.
        draw_from: Day,
    },
}

/// Where a voucher is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Area {
    /// At the city's shops.
    City,
    /// At the guests' too.
    Prefecture,
}

/// What becomes of the points of a voucher that nobody used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unused {
    /// They go back to their lots.
    Return,
    /// They are given up.
    Lapse,
}

impl Catalogue {
    /// Reads and checks a document.
    ///
    /// # Errors
    /// [`CatalogueFault`], the first that is found.
    pub fn parse(document: &str) -> Result<Self, CatalogueFault> {
        let catalogue = Self::read(document)?;
        match catalogue.faults().into_iter().next() {
            Some(fault) => Err(fault),
            None => Ok(catalogue),
        }
    }

    /// Reads a document without checking what it says.
    ///
    /// # Errors
    /// [`CatalogueProblem::Form`] with line and column.
    pub fn read(document: &str) -> Result<Self, CatalogueFault> {
        serde_json::from_str(document).map_err(|error| CatalogueFault {
            at: format!("line {}, column {}", error.line(), error.column()),
            problem: CatalogueProblem::Form(json::without_place(&error)),
        })
    }

    /// Everything that is wrong with the document, in its order.
    #[must_use]
    pub fn faults(&self) -> Vec<CatalogueFault> {
        let mut faults = Vec::new();
        let mut unless = |sound: bool, at: &str, problem: CatalogueProblem| {
            if !sound {
                faults.push(CatalogueFault { at: at.to_string(), problem });
            }
        };
        unless(self.guests.len() <= PLACES_MAX, "guests", CatalogueProblem::Size);
        let count = self.items.len();
        unless((1..=ITEMS_MAX).contains(&count), "items", CatalogueProblem::Size);
        let (mut numbers, mut codes) = (BTreeSet::new(), BTreeSet::new());
        for (index, item) in self.items.iter().enumerate() {
            let at = format!("items[{index}]");
            let fresh = numbers.insert(item.number) && codes.insert(item.code.as_str());
            unless(fresh, &at, CatalogueProblem::Twice);
            item.check(&mut |sound, member, problem| {
                let dot = if member.is_empty() { "" } else { "." };
                unless(sound, &format!("{at}{dot}{member}"), problem);
            });
        }
        let once = self.items.iter().filter(|item| item.auto).count() <= 1;
        unless(once, "items", CatalogueProblem::Auto);
        faults
    }

    /// Whether each number stands for what it stood for in an earlier version.
    ///
    /// # Errors
    /// [`CatalogueProblem::Number`] with the place.
    pub fn check_numbers(&self, earlier: &Self) -> Result<(), CatalogueFault> {
        for (index, item) in self.items.iter().enumerate() {
            let same = |before: &Item| {
                let gives = core::mem::discriminant(&before.gives);
                before.code == item.code && gives == core::mem::discriminant(&item.gives)
            };
            if !earlier.item(item.number).is_none_or(same) {
                let problem = CatalogueProblem::Number(item.number);
                return Err(CatalogueFault { at: format!("items[{index}].number"), problem });
            }
        }
        Ok(())
    }

    /// The item with this number.
    #[must_use]
    pub fn item(&self, number: u32) -> Option<&Item> {
        self.items.iter().find(|item| item.number == number)
    }

    /// The item with this code.
    #[must_use]
    pub fn item_of(&self, code: &str) -> Option<&Item> {
        self.items.iter().find(|item| item.code == code)
    }

    /// Whether a shop honours vouchers of an item.
    #[must_use]
    pub fn honours(&self, item: &Item, shop: &PlaceId) -> bool {
        let Gives::Voucher { shops, area, .. } = &item.gives else { return false };
        let named = shops.is_empty() || shops.contains(shop);
        named && (*area == Area::Prefecture || !self.guests.contains(shop))
    }

    /// Every place that the document names.
    pub fn places(&self) -> impl Iterator<Item = &PlaceId> {
        let of_items = self.items.iter().flat_map(|item| match &item.gives {
            Gives::Voucher { shops, .. } => shops.as_slice(),
            Gives::Donation { to } | Gives::Currency { to } => core::slice::from_ref(to),
            Gives::PerkCard { .. } | Gives::Lottery { .. } => &[],
        });
        self.guests.iter().chain(of_items)
    }
}

impl Item {
    /// Whether it can be claimed on a day.
    #[must_use]
    pub fn is_offered(&self, day: Day) -> bool {
        (self.from..=self.until).contains(&day)
    }

    /// The last day of what is claimed on a day: of a voucher or a perk card.
    #[must_use]
    pub fn good_until(&self, claimed_on: Day) -> Option<Day> {
        match self.gives {
            Gives::Voucher { valid_days, .. } | Gives::PerkCard { valid_days } => {
                Some(claimed_on.plus(valid_days))
            }
            Gives::Donation { .. } | Gives::Currency { .. } | Gives::Lottery { .. } => None,
        }
    }

    /// Whether so many points are what a claim takes: exactly the item's, or whole units of them.
    #[must_use]
    pub fn takes(&self, points: u32) -> bool {
        match self.gives {
            Gives::Donation { .. } | Gives::Currency { .. } => points.is_multiple_of(self.points),
            Gives::Voucher { .. } | Gives::PerkCard { .. } | Gives::Lottery { .. } => {
                points == self.points
            }
        }
    }

    /// Whether a claim brings the hash of a secret: for what is shown later, and for what is drawn.
    #[must_use]
    pub fn has_code(&self) -> bool {
        matches!(self.gives, Gives::Voucher { .. } | Gives::Lottery { .. })
    }

    fn check(&self, unless: &mut impl FnMut(bool, &str, CatalogueProblem)) {
        let named = [&self.name, &self.name_en].into_iter().all(|name| Name::new(name).is_some());
        unless(named && Code::new(&self.code).is_some(), "name", CatalogueProblem::Name);
        unless(self.from <= self.until, "from", CatalogueProblem::Dates);
        unless((1..=POINTS_MAX).contains(&self.points), "points", CatalogueProblem::Points);
        let limited = self.stock != Some(0) && self.per_person != Some(0);
        unless(limited, "stock", CatalogueProblem::Limits);
        let donation = matches!(self.gives, Gives::Donation { .. });
        unless(!self.auto || donation, "auto", CatalogueProblem::Auto);
        let yen = self.purse == Purse::Yen;
        let paid = match &self.gives {
            Gives::Voucher { receives, .. } => yen || *receives == 0,
            Gives::Donation { .. } | Gives::Currency { .. } => yen,
            Gives::PerkCard { .. } | Gives::Lottery { .. } => !yen,
        };
        unless(paid, "purse", CatalogueProblem::Purse);
        let valid = |days: u32| (1..=VALID_DAYS_MAX).contains(&days);
        match &self.gives {
            Gives::Voucher { shops, receives, valid_days, .. } => {
                unless(shops.len() <= PLACES_MAX, "gives.shops", CatalogueProblem::Size);
                unless(*receives <= self.points, "gives.receives", CatalogueProblem::Receives);
                unless(valid(*valid_days), "gives.valid_days", CatalogueProblem::ValidDays);
            }
            Gives::PerkCard { valid_days } => {
                unless(valid(*valid_days), "gives.valid_days", CatalogueProblem::ValidDays);
                unless(self.per_person == Some(1), "per_person", CatalogueProblem::PerkCard);
            }
            Gives::Lottery { prizes, draw_from } => {
                let drawn = (1..=PRIZES_MAX).contains(prizes) && *draw_from > self.until;
                unless(drawn, "gives", CatalogueProblem::Lottery);
            }
            Gives::Donation { .. } | Gives::Currency { .. } => {}
        }
    }
}
