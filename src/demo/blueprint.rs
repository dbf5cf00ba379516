//! The demo's two cities as data: names, numbers and the make-up of their people. Nothing here
//! exists.

use ledger_spec::kinds::AgeTier;

/// Days of history at the first start.
pub const HISTORY_DAYS: u32 = 365;
/// Residents whose phone's private key is handed out.
pub const OPEN_PHONES: usize = 10;

/// A city to be made.
#[derive(Clone, Copy, Debug)]
pub struct Blueprint {
    /// The ledger's name in URLs and its folder's.
    pub ledger: &'static str,
    /// The ledger's origin.
    pub origin: &'static str,
    /// The programme's name in Japanese and in English.
    pub programme: [&'static str; 2],
    /// Residents who take part; at least [`OPEN_PHONES`].
    pub residents: usize,
    /// Names of the shops.
    pub shops: &'static [&'static str],
    /// Those of them, counted from 0, that are insured medical institutions.
    pub insured_medical: &'static [usize],
    /// Names of the stations.
    pub stations: &'static [&'static str],
    /// Names of the coaches.
    pub coaches: &'static [&'static str],
    /// Inhabitants, participants or not.
    pub inhabitants: u32,
}

/// The larger city, the one that the first page speaks of.
pub const YAIZU: Blueprint = Blueprint {
    ledger: "yaizu-demo",
    origin: "demo.kenmai.example/yaizu-demo",
    programme: ["やいづ健康マイレージ(デモ)", "Yaizu Health Mileage (demo)"],
    residents: 3_000,
    shops: &[
        "魚政",
        "港の八百屋",
        "まちのパン工房",
        "駅前書店",
        "みなと豆腐店",
        "茶舗さくら",
        "浜の湯",
        "はまかぜ薬局",
        "米の川村",
        "花の木園",
        "自転車の友",
        "港町食堂",
        "かつお節の増田",
        "朝市なぎさ",
        "青果まるや",
        "こめこベーカリー",
        "手打ちそば 松風",
        "喫茶ひだまり",
        "くすりの大橋",
        "めがねの光",
        "靴のあゆみ",
        "スポーツ館 はやて",
        "山の手書房",
        "文具のえんぴつ堂",
        "和菓子 花筏",
        "洋菓子メイプル",
        "肉の吉田",
        "練り物本舗 うしお",
        "八百源",
        "酒と醤油の村上",
        "みどり園芸",
        "ふとんの綿屋",
        "理容きよみず",
        "美容室リンネ",
        "クリーニング白波",
        "大浜マート",
        "西町ストア",
        "北口市場",
        "湯どころ 富士見",
        "さかな食堂 大漁",
    ],
    insured_medical: &[7],
    stations: &[
        "保健センター",
        "港公民館",
        "大きなスーパー 入口",
        "駅前図書館",
        "総合体育館",
        "山の手公民館",
        "西町公民館",
        "大浜コミュニティ館",
        "市役所 ロビー",
        "北口市場 休憩所",
        "東部交流センター",
        "健診会館",
    ],
    coaches: &[
        "保健師 北村(架空)",
        "管理栄養士 水野(架空)",
        "健康運動指導士 原(架空)",
        "保健師 西尾(架空)",
    ],
    inhabitants: 136_000,
};

/// The smaller city.
pub const MINATO: Blueprint = Blueprint {
    ledger: "minato-demo",
    origin: "demo.kenmai.example/minato-demo",
    programme: ["みなと町すこやかポイント(デモ)", "Minato Town Wellness Points (demo)"],
    residents: 60,
    shops: &["みなと商店", "岬の魚屋", "灯台パン", "丘のくすり屋"],
    insured_medical: &[],
    stations: &["町民会館", "診療所 待合室"],
    coaches: &["保健師 磯部(架空)"],
    inhabitants: 4_200,
};

/// Of a hundred inhabitants, how many live in each district; the first is district 1.
const DISTRICTS_PERCENT: [u32; 9] = [21, 17, 14, 12, 10, 8, 7, 6, 5];
/// Of a hundred inhabitants, how many are of each age.
const AGES_PERCENT: [(&str, u32); 3] = [("under18", 15), ("adult", 54), ("senior", 31)];
/// Of a hundred participants, how many are of each age.
const PARTICIPANTS_PERCENT: [(AgeTier, u32); 5] = [
    (AgeTier::Under18, 8),
    (AgeTier::From18, 26),
    (AgeTier::From40, 30),
    (AgeTier::From65, 21),
    (AgeTier::From75, 15),
];

/// The district of a participant, by a number below a hundred that chance gave.
pub(super) fn district(percentile: u32) -> u32 {
    let shares = (1..).zip(DISTRICTS_PERCENT);
    share(percentile, shares).unwrap_or(1)
}

/// The age of a participant, by a number below a hundred that chance gave.
pub(super) fn age(percentile: u32) -> AgeTier {
    share(percentile, PARTICIPANTS_PERCENT.into_iter()).unwrap_or(AgeTier::From40)
}

fn share<T>(percentile: u32, shares: impl Iterator<Item = (T, u32)>) -> Option<T> {
    let mut below = 0;
    for (part, percent) in shares {
        below += percent;
        if percentile < below {
            return Some(part);
        }
    }
    None
}

/// The city's inhabitants by district and age, as CSV: what rates of participation are counted
/// against.
pub(super) fn population_csv(city: &Blueprint) -> String {
    let mut csv = "district,age,persons\n".to_owned();
    for (district, of_city) in (1..).zip(DISTRICTS_PERCENT) {
        for (age, of_district) in AGES_PERCENT {
            let persons = city.inhabitants * of_city * of_district / 10_000;
            csv.push_str(&format!("{district},{age},{persons}\n"));
        }
    }
    csv
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shares_are_of_a_hundred() {
        assert_eq!(DISTRICTS_PERCENT.iter().sum::<u32>(), 100);
        assert_eq!(AGES_PERCENT.iter().map(|(_, percent)| percent).sum::<u32>(), 100);
        assert_eq!(PARTICIPANTS_PERCENT.iter().map(|(_, percent)| percent).sum::<u32>(), 100);
        assert_eq!((district(0), district(20), district(21), district(99)), (1, 1, 2, 9));
    }

    #[test]
    fn inhabitants_are_counted_in_27_cells() {
        let csv = population_csv(&YAIZU);
        assert_eq!(csv.lines().count(), 1 + 9 * 3);
        assert!(csv.starts_with("district,age,persons\n1,under18,4284\n1,adult,15422\n"), "{csv}");
    }
}
