//! Which cells of a month's tables may be shown. Pure: counts in, cells out.
//!
//! A cell that counts fewer than k persons is *small* and hidden, 0 included. Nothing else may tell
//! more about it than that, to somebody who has every other published figure and this code. Instead
//! of looking for cells to hide beside a small one, nothing that is published contains it:
//!
//! * a column's total is the sum of the districts shown, and its age groups count the people of
//!   those districts only;
//! * a district's cell of all actions ("any") is shown where the groups shown explain it even if
//!   every small cell were 0, and its age groups where nothing is hidden;
//! * whole columns and months stand back by rules that look at shown figures alone.
//!
//! So the tables are the same whatever a small cell counts, from 0 to k - 1;
//! `tests/it/participation.rs` tries all of them. Only the age groups of one column add up to
//! something shown (its total): there a small one takes the others along.

use std::collections::{BTreeMap, BTreeSet};

use ledger_spec::kinds::AgeTier;

/// A column: a group of actions by its public code, or `None` for any action.
pub type Column = Option<String>;

/// The column of a group is listed when at most one district in so many is hidden in it.
const HIDDEN_ONE_IN: usize = 3;

/// A figure that may be published. Only this module makes one, so no count of persons is shown that
/// has not been held against k here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Releasable(u64);

impl Releasable {
    /// The figure.
    #[must_use]
    pub fn get(self) -> u64 {
        self.0
    }
}

/// A figure as it is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cell {
    /// At least k persons stand behind it.
    Shown(Releasable),
    /// Fewer than k persons.
    Small,
    /// Hidden because a small figure would follow from it.
    Withheld,
}

impl Cell {
    /// A count of persons as it may be shown.
    #[must_use]
    pub fn of(persons: u64, k: u64) -> Self {
        if persons >= k { Self::Shown(Releasable(persons)) } else { Self::Small }
    }

    /// A share in whole percent, so that no number follows; withheld unless k persons stand behind
    /// every part of the whole.
    #[must_use]
    pub fn percent(part: u64, whole: u64, all_large: bool) -> Self {
        match (part * 200 + whole).checked_div(whole * 2) {
            Some(share) if all_large => Self::Shown(Releasable(share)),
            Some(_) | None => Self::Withheld,
        }
    }

    /// A sum of points; withheld while fewer than k persons, but not nobody, stand behind a part.
    #[must_use]
    pub fn points(points: u64, waiting_persons: u64) -> Self {
        if waiting_persons == 0 { Self::Shown(Releasable(points)) } else { Self::Withheld }
    }

    /// The figure, if it is shown.
    #[must_use]
    pub fn value(self) -> Option<u64> {
        match self {
            Self::Shown(value) => Some(value.0),
            Self::Small | Self::Withheld => None,
        }
    }

    fn shown(self) -> u64 {
        self.value().unwrap_or(0)
    }
}

/// An age group as published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Band {
    /// Under 18.
    Under18,
    /// 18 to 64.
    Adult,
    /// Both of these, where the young are too few to be a row of their own.
    Under65,
    /// 65 and over.
    Senior,
}

/// What a month counts: persons of a district and an age group, by column. A person stands in one
/// district and one age group for the month, in each of the own groups once, and in `None` once.
pub type Counts = BTreeMap<(Column, u32, AgeTier), u64>;

/// A month's tables of persons.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Persons {
    /// The columns: `None` first, then the groups listed.
    pub columns: Vec<Column>,
    /// Groups whose column is left out because too few districts could be shown.
    pub left_out: Vec<String>,
    /// Persons by district, one cell a column.
    pub districts: BTreeMap<u32, Vec<Cell>>,
    /// The sum of the districts shown, one cell a column.
    pub totals: Vec<Cell>,
    /// Persons of the districts shown, by age group, one cell a column.
    pub ages: BTreeMap<Band, Vec<Cell>>,
}

impl Persons {
    /// The most persons that the tables can be about, as far as shown figures and the size of small
    /// cells tell.
    #[must_use]
    pub fn reach(&self, k: u64) -> u64 {
        let column = |at: usize| {
            let cells = self.districts.values().filter_map(|row| row.get(at));
            cells.map(|cell| cell.value().unwrap_or(k - 1)).sum()
        };
        (0..self.columns.len()).map(column).max().unwrap_or(0)
    }
}

/// Persons of a district in a column. Who is in no district or of no known age is in no table.
fn district(counts: &Counts, column: &Column, district: u32) -> u64 {
    let tiers = AgeTier::ALL.iter().filter(|tier| **tier != AgeTier::Unknown);
    tiers.filter_map(|tier| counts.get(&(column.clone(), district, *tier))).sum()
}

/// The tables of a month. `groups` are those that the rules know: which of them were done at all is
/// not public.
#[must_use]
pub fn persons(counts: &Counts, groups: &BTreeSet<String>, k: u64) -> Persons {
    let groups: Vec<Column> = groups.iter().cloned().map(Some).collect();
    let all: BTreeSet<u32> = counts.keys().map(|(_, district, _)| *district).collect();
    let cell = |column: &Column, at: u32| Cell::of(district(counts, column, at), k);
    let any_shown = |at: &u32| groups.iter().any(|group| cell(group, *at) != Cell::Small);
    let rows: Vec<u32> = all.into_iter().filter(|at| *at != 0).filter(any_shown).collect();
    let listed = |group: &Column| {
        let hidden = rows.iter().filter(|at| cell(group, **at) == Cell::Small).count();
        hidden < rows.len() && hidden * HIDDEN_ONE_IN <= rows.len()
    };
    let (listed, left_out): (Vec<Column>, Vec<Column>) = groups.into_iter().partition(listed);
    let mut districts = BTreeMap::new();
    for at in rows {
        let mut row: Vec<Cell> = listed.iter().map(|group| cell(group, at)).collect();
        let hidden = row.iter().filter(|cell| cell.value().is_none()).count() + left_out.len();
        row.insert(0, any(cell(&None, at), &row, hidden as u64, k));
        districts.insert(at, row);
    }
    districts.retain(|_, row| row.iter().any(|cell| cell.value().is_some()));
    let columns: Vec<Column> = std::iter::once(None).chain(listed).collect();
    let mut made = Persons { columns, districts, ..Persons::default() };
    made.left_out = left_out.into_iter().flatten().collect();
    made.totals = (0..made.columns.len())
        .map(|at| {
            made.districts.values().filter_map(|row| row.get(at)).map(|cell| cell.shown()).sum()
        })
        .map(|sum| Cell::of(sum, k))
        .collect();
    made.ages = ages(counts, &made, k);
    made
}

/// The cell of any action. Every person in it is in a group, so a figure above the sum of the
/// groups shown says that somebody stands in those hidden. It is withheld in good time: also where
/// it would still be possible that nobody does.
fn any(cell: Cell, groups: &[Cell], hidden: u64, k: u64) -> Cell {
    let explained: u64 = groups.iter().map(|cell| cell.shown()).sum();
    match cell {
        Cell::Shown(persons) if hidden > 0 && persons.0 + hidden * (k - 1) > explained => {
            Cell::Withheld
        }
        Cell::Shown(_) | Cell::Small | Cell::Withheld => cell,
    }
}

fn ages(counts: &Counts, made: &Persons, k: u64) -> BTreeMap<Band, Vec<Cell>> {
    // Of each column the people of the districts shown in it, by age.
    let of = |at: usize, column: &Column, band: Band| -> u64 {
        let shown = made
            .districts
            .iter()
            .filter(|(_, row)| row.get(at).is_some_and(|cell| cell.value().is_some()));
        let counted = |district: u32| band.tiers().iter().map(move |tier| (district, *tier));
        let cells = shown.flat_map(|(district, _)| counted(*district));
        cells.filter_map(|(district, tier)| counts.get(&(column.clone(), district, tier))).sum()
    };
    let row =
        |band| made.columns.iter().enumerate().map(|(at, column)| of(at, column, band)).collect();
    let (young, adult, senior): (Vec<u64>, Vec<u64>, Vec<u64>) =
        (row(Band::Under18), row(Band::Adult), row(Band::Senior));
    let bands = if young.iter().all(|persons| *persons >= k) {
        vec![(Band::Under18, young), (Band::Adult, adult), (Band::Senior, senior)]
    } else {
        let both = young.iter().zip(&adult).map(|(young, adult)| young + adult).collect();
        vec![(Band::Under65, both), (Band::Senior, senior)]
    };
    let column = |at: usize| -> Vec<u64> {
        bands.iter().map(|(_, persons)| persons.get(at).copied().unwrap_or(0)).collect()
    };
    // One small age group takes its whole column along: the groups add up to the total.
    let mut whole: Vec<bool> =
        (0..made.columns.len()).map(|at| column(at).iter().all(|persons| *persons >= k)).collect();
    // How those who act at all divide by age is shown where nothing is hidden. Otherwise it would
    // say, together with the ages of the groups, how many of a district's people the groups shown
    // can explain.
    let open = made.left_out.is_empty()
        && made.districts.values().flatten().all(|cell| cell.value().is_some());
    let sound = open && whole.iter().skip(1).all(|whole| *whole);
    if let Some(any) = whole.first_mut() {
        *any &= sound;
    }
    let cells = |row: Vec<u64>| {
        let cells = row.into_iter().zip(&whole);
        cells
            .map(|(persons, whole)| if *whole { Cell::of(persons, k) } else { Cell::Withheld })
            .collect()
    };
    bands.into_iter().map(|(band, row)| (band, cells(row))).collect()
}
