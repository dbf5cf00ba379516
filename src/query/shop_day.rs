//! A shop's day as its till sees it, followed in memory: a till must see its own sale at once.

use std::collections::BTreeMap;
use std::sync::Mutex;

use ledger_spec::entry::{Accounting, Contra, Effect, receipt_number};
use ledger_spec::ids::{PlaceId, Seq};
use ledger_spec::kinds::Role;
use ledger_spec::time::Day;
use serde::Serialize;
use utoipa::ToSchema;

use crate::engine::{Engine, EngineError};

/// The most lines of a shop's day that one answer gives; the sums count all.
pub const SHOP_LINES_MAX: usize = 500;

/// One sale of a shop's day, a redemption or a capture. It names no resident, fund, lot or rule.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ShopLine {
    /// The entry.
    pub seq: u64,
    /// Points redeemed.
    pub points: u64,
    /// The number that the resident's phone shows too.
    #[schema(example = "0010-C4")]
    pub receipt_number: String,
    /// Unix minutes of acceptance.
    pub accepted_min: u64,
    /// Whether it was undone.
    pub voided: bool,
}

/// A shop's day.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ShopDay {
    /// The shop's public name.
    pub shop: String,
    /// The day.
    #[schema(value_type = String, format = Date)]
    pub day: Day,
    /// Redemptions that stand.
    pub count: usize,
    /// Their points.
    pub points: u64,
    /// Points that the city gave back to residents today, of this day's sales and earlier ones.
    pub refunded: u64,
    /// The last [`SHOP_LINES_MAX`] of the day, newest first.
    pub entries: Vec<ShopLine>,
}

/// Follows the log through the day, so that a shop's list costs only what came since the last look.
#[derive(Default)]
pub struct ShopDays {
    followed: Mutex<Followed>,
}

#[derive(Default)]
struct Followed {
    day: Option<Day>,
    next: Seq,
    shops: BTreeMap<PlaceId, Vec<ShopLine>>,
    refunded: BTreeMap<PlaceId, u64>,
}

impl ShopDays {
    /// A shop's day so far; `None` for an unknown shop.
    ///
    /// # Errors
    /// [`EngineError`]
    pub fn today(
        &self,
        engine: &Engine,
        shop: PlaceId,
        today: Day,
    ) -> Result<Option<ShopDay>, EngineError> {
        let mut followed = self.followed.lock().map_err(|_| EngineError::ThreadDied)?;
        let name = {
            let state = engine.state()?;
            if followed.day != Some(today) {
                // The closing of the last day stands before the first entry of this one.
                let next = state.closed.values().max().map_or(Seq(0), |seq| Seq(seq.0 + 1));
                let (shops, refunded) = Default::default();
                *followed = Followed { day: Some(today), next, shops, refunded };
            }
            let Some(place) = state.places.get(&shop).filter(|p| p.role == Role::Shop) else {
                return Ok(None);
            };
            place.name.as_str().to_owned()
        };
        followed.follow(engine, today)?;
        let lines = followed.shops.get(&shop).map_or(&[][..], Vec::as_slice);
        let standing = || lines.iter().filter(|line| !line.voided);
        Ok(Some(ShopDay {
            shop: name,
            day: today,
            count: standing().count(),
            points: standing().map(|line| line.points).sum(),
            refunded: followed.refunded.get(&shop).copied().unwrap_or(0),
            entries: lines.iter().rev().take(SHOP_LINES_MAX).cloned().collect(),
        }))
    }
}

impl Followed {
    fn follow(&mut self, engine: &Engine, today: Day) -> Result<(), EngineError> {
        while let Some((_, accounting)) = engine.entry(self.next)? {
            self.next = Seq(self.next.0 + 1);
            if accounting.accepted_day() == today {
                self.take(engine, &accounting);
            }
        }
        Ok(())
    }

    fn take(&mut self, engine: &Engine, accounting: &Accounting) {
        let sold = accounting.postings().find_map(|(_, points, contra)| match contra {
            Contra::Shop(shop) => Some((shop, points < 0)),
            Contra::Budget(_)
            | Contra::Challenge
            | Contra::Held(_)
            | Contra::Retired
            | Contra::Expired
            | Contra::Imported => None,
        });
        if let Some((shop, true)) = sold {
            self.shops.entry(shop).or_default().push(ShopLine {
                seq: accounting.seq.0,
                points: accounting.moved(),
                receipt_number: receipt_number(engine.ledger(), accounting.seq),
                accepted_min: accounting.accepted_min,
                voided: false,
            });
        }
        for effect in &accounting.effects {
            if let Effect::Undone { entry } = effect {
                let lines = self.shops.values_mut().flatten();
                lines.filter(|line| line.seq == entry.0).for_each(|line| line.voided = true);
            }
            if let (Effect::Refunded { points, .. }, Some((shop, _))) = (effect, sold) {
                *self.refunded.entry(shop).or_default() += u64::from(*points);
            }
        }
    }
}
