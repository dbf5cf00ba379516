//! Lines of stories about the catalogue, its rewards and draws.

use ledger_spec::{
    catalogue::Item,
    cbor::{Blob, Text},
    draw,
    entry::{Accounting, Contra, Effect},
    kinds::{
        Body, CataloguePublish, Cause, Code, Document, DrawCommit, DrawResult, RewardCancel,
        RewardClaim, RewardRebind, RewardUse,
    },
    points::Points,
    state::Overlay,
    statement::voucher_hash,
};

use super::{Options, Story, changes, lot_text};
use crate::world::{catalogue, id};

impl Story {
    pub(super) fn publish_catalogue(&mut self, options: &Options<'_>) {
        let document = Document::new(&catalogue(&changes(options))).unwrap();
        self.world.enact(Body::CataloguePublish(CataloguePublish { version: 1, document }));
    }

    pub(super) fn claimed(&self, item: &str) -> String {
        let number = self.world.tables.catalogues[&1].item_of(item).unwrap().number;
        self.world.tables.claimed.get(&number).copied().unwrap_or(0).to_string()
    }

    /// The catalogue and what is claimed from it.
    pub(super) fn reward(&self, line: (&str, &[&str]), options: &Options<'_>) -> Body {
        let option = |name: &str| options.get(name).copied();
        let secret = |name: &str| id(&format!("secret of {}", option("secret").unwrap_or(name)));
        let state = Overlay::over(&self.world.tables);
        match line {
            ("offers", ["version", version]) => {
                let document = Document::new(&catalogue(&changes(options))).unwrap();
                let version = version.parse().unwrap();
                Body::CataloguePublish(CataloguePublish { version, document })
            }
            ("claims", [item, points, ..]) => {
                let known = state.catalogue().and_then(|catalogue| catalogue.item_of(item));
                let has_code = known.is_none_or(Item::has_code) != options.contains_key("uncoded");
                Body::RewardClaim(RewardClaim {
                    item: Code::new(item).unwrap(),
                    points: Points::new(points.parse().unwrap()).unwrap(),
                    code: has_code.then(|| voucher_hash(&secret(option("as").unwrap_or("it")))),
                })
            }
            ("uses", [name]) => {
                let voucher = self.seq(name);
                Body::RewardUse(RewardUse { voucher, secret: secret(name) })
            }
            ("rebinds", [name]) => {
                let code = voucher_hash(&secret(name));
                Body::RewardRebind(RewardRebind { voucher: self.seq(name), code })
            }
            ("cancels", [name]) => {
                Body::RewardCancel(RewardCancel { voucher: self.seq(name), cause: Cause::Other })
            }
            ("commits", [item]) => {
                let known = state.catalogue().and_then(|catalogue| catalogue.item_of(item));
                let entrants = known.map_or_else(Vec::new, |item| state.entrants_of(item.number));
                let count = u32::try_from(entrants.len()).unwrap();
                let seconds: u64 = option("in").unwrap_or("600").parse().unwrap();
                let round = (self.world.now_s() + seconds - draw::BEACON_GENESIS_S).div_ceil(3) + 1;
                Body::DrawCommit(DrawCommit {
                    draw: Code::new(item).unwrap(),
                    entrants: draw::entrants_root(entrants),
                    count: option("count").map_or(count, |count| count.parse().unwrap()),
                    beacon: Text::new(option("beacon").unwrap_or(draw::BEACON)).unwrap(),
                    round,
                })
            }
            ("draws", [name]) => {
                let commit = self.seq(name);
                let draws = &self.world.tables.draws;
                let drawn = draws.iter().find(|(_, draw)| draw.commit == commit);
                let beacon: Vec<u8> =
                    (0..3).flat_map(|n| id::<16>(&format!("beacon {n}"))).collect();
                let winners = drawn.map_or_else(Vec::new, |(item, row)| {
                    let claims = state.entrants_of(*item).into_iter().map(|(seq, _)| seq);
                    draw::winners(&beacon, &claims.collect::<Vec<_>>(), row.prizes)
                });
                let winners = option("winner").map_or(winners, |name| vec![self.seq(name)]);
                let winners = draw::winners_hash(&winners);
                Body::DrawResult(DrawResult { commit, beacon: Blob(beacon), winners })
            }
            other => panic!("no such statement: {other:?}"),
        }
    }
}

pub(super) fn rewarded(entry: &Accounting) -> Option<String> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "a text for what rewards do")]
    let parts = |named: bool| {
        let parts = entry.postings().map(|(lot, n, contra)| {
            let what = match contra {
                Contra::Shop(_) if named => "paid ",
                Contra::Retired if named => "given up ",
                Contra::Held(_) if named => "free ",
                _ => "",
            };
            format!("{what}{} {}", n.abs(), lot_text(&lot))
        });
        let parts = parts.collect::<Vec<_>>().join(", ");
        if parts.is_empty() { "nothing".into() } else { parts }
    };
    #[expect(clippy::wildcard_enum_match_arm, reason = "a text for what rewards do")]
    let text = |effect: &Effect| match effect {
        Effect::RewardClaimed { until: None, .. } => Some(format!("claimed {}", parts(false))),
        Effect::RewardClaimed { until: Some(day), .. } => {
            Some(format!("claimed {}, good until {day}", parts(false)))
        }
        Effect::RewardEnded { returned: true, .. } => Some(format!("returned {}", parts(true))),
        Effect::RewardEnded { .. } => Some(parts(true)),
        Effect::DrawCommitted { count, .. } => Some(format!("{count} entrants")),
        Effect::DrawConcluded { winners, .. } => Some(format!("{} won", winners.len())),
        _ => None,
    };
    entry.effects.iter().find_map(text)
}
