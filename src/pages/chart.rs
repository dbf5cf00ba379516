//! Measured values over time as a small line chart: inline SVG with a name and a description, and
//! the numbers as a table. Whole numbers only: a value comes in the unit that the chart counts in.

use ledger_spec::time::Day;
use maud::{Markup, html};

use super::lang::Lang;
use super::messages::{date, t, t_args};

/// The most points a line is drawn through; older ones are left out.
pub(super) const POINTS_MAX: usize = 60;

// About the pixels of a phone, so that the letters keep their size there.
const WIDTH: u32 = 360;
const HEIGHT: u32 = 240;
const LEFT: u32 = 48;
const RIGHT: u32 = 12;
const TOP: u32 = 16;
const BOTTOM: u32 = 40;
const GRID_LINES: u32 = 4;

/// A chart's words and range.
pub(super) struct Chart<'a> {
    /// Names the heading; unique on the page.
    pub(super) id: &'a str,
    /// The heading.
    pub(super) title: String,
    /// Names of the lines.
    pub(super) lines: Vec<String>,
    /// The lowest and highest value of the scale.
    pub(super) scale: (u32, u32),
    /// Values are tenths, shown with one decimal.
    pub(super) tenths: bool,
    /// One sentence on the latest value.
    pub(super) summary: String,
}

/// A measurement: its day and one value for each line.
#[derive(Clone, Debug)]
pub(super) struct Point {
    pub(super) day: Day,
    pub(super) values: Vec<u32>,
}

/// The value as people read it.
pub(super) fn value(tenths: bool, value: u32) -> String {
    if tenths { format!("{}.{}", value / 10, value % 10) } else { value.to_string() }
}

impl Chart<'_> {
    /// Draws the points, which come oldest first.
    pub(super) fn draw(&self, lang: Lang, points: &[Point]) -> Markup {
        let points = points.get(points.len().saturating_sub(POINTS_MAX)..).unwrap_or_default();
        let (name, described) = (format!("{}-name", self.id), format!("{}-desc", self.id));
        html! {
            figure.chart {
                figcaption { (self.summary) }
                svg role="img" aria-labelledby={ (name) " " (described) } viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } {
                    title id=(name) { (self.title) }
                    desc id=(described) { (self.summary) }
                    (self.grid())
                    (days(points))
                    @for (number, line) in self.lines.iter().enumerate() { (self.line(number, line, points)) }
                }
                details {
                    summary { (t_args(lang, "chart-table", &[("title", &self.title)])) }
                    (self.table(lang, points))
                }
            }
        }
    }

    /// The height of a value, from the top.
    fn y(&self, value: u32) -> u32 {
        let (low, high) = self.scale;
        let above = u64::from(value.clamp(low, high) - low);
        let room = u64::from(HEIGHT - TOP - BOTTOM);
        let up = above * room / u64::from(high - low).max(1);
        HEIGHT - BOTTOM - u32::try_from(up).unwrap_or(0)
    }

    fn grid(&self) -> Markup {
        let (low, high) = self.scale;
        let steps = (0..=GRID_LINES).map(|step| low + (high - low) * step / GRID_LINES);
        html! {
            @for step in steps {
                line.grid x1=(LEFT) x2=(WIDTH - RIGHT) y1=(self.y(step)) y2=(self.y(step)) {}
                text x=(LEFT - 8) y=(self.y(step) + 6) text-anchor="end" { (value(self.tenths, step)) }
            }
        }
    }

    fn line(&self, number: usize, name: &str, points: &[Point]) -> Markup {
        let found: Vec<(u32, u32)> = points
            .iter()
            .filter_map(|point| Some((x(points, point.day), self.y(*point.values.get(number)?))))
            .collect();
        let path: Vec<String> = found.iter().map(|(x, y)| format!("{x},{y}")).collect();
        html! {
            g class={ "line l" (number) } {
                polyline points=(path.join(" ")) {}
                @for (x, y) in &found { circle cx=(x) cy=(y) r="5" {} }
                @if self.lines.len() > 1 && let Some((x, y)) = found.last() {
                    text x=(x) y=(y.saturating_sub(12)) text-anchor="end" { (name) }
                }
            }
        }
    }

    fn table(&self, lang: Lang, points: &[Point]) -> Markup {
        html! {
            table {
                thead { tr {
                    th scope="col" { (t(lang, "me-date")) }
                    @for line in &self.lines { th.points scope="col" { (line) } }
                } }
                tbody { @for Point { day, values } in points.iter().rev() {
                    tr {
                        th scope="row" { (date(lang, *day)) }
                        @for found in values { td.points { (value(self.tenths, *found)) } }
                    }
                } }
            }
        }
    }
}

/// The place of a day, from the left: days that lie apart stand apart.
fn x(points: &[Point], day: Day) -> u32 {
    let first = points.first().map_or(day, |first| first.day);
    let last = points.last().map_or(day, |last| last.day);
    let room = u64::from(WIDTH - LEFT - RIGHT);
    let days = u64::from(last.0.saturating_sub(first.0));
    if days == 0 {
        return LEFT + (WIDTH - LEFT - RIGHT) / 2;
    }
    let along = u64::from(day.0.saturating_sub(first.0)) * room / days;
    LEFT + u32::try_from(along).unwrap_or(0)
}

fn days(points: &[Point]) -> Markup {
    let month_day = |day: Day| {
        let (_, month, day) = day.ymd();
        format!("{month}/{day}")
    };
    let first = points.first().map(|point| point.day);
    let last = points.last().map(|point| point.day).filter(|last| Some(*last) != first);
    html! {
        @if let Some(day) = first {
            text x=(x(points, day)) y=(HEIGHT - 12) text-anchor=(if last.is_some() { "start" } else { "middle" }) {
                (month_day(day))
            }
        }
        @if let Some(day) = last {
            text x=(x(points, day)) y=(HEIGHT - 12) text-anchor="end" { (month_day(day)) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level() -> Chart<'static> {
        Chart {
            id: "level",
            title: "<野菜>".into(),
            lines: vec!["レベル".into()],
            scale: (0, 120),
            tenths: true,
            summary: "最新は 7.5".into(),
        }
    }

    fn points(found: &[(&str, u32)]) -> Vec<Point> {
        found
            .iter()
            .map(|(day, value)| Point { day: Day::parse(day).unwrap(), values: vec![*value] })
            .collect()
    }

    #[test]
    fn days_and_values_keep_their_distances() {
        let points = points(&[("2026-11-01", 0), ("2026-11-04", 60), ("2026-11-13", 120)]);
        let svg = level().draw(Lang::Ja, &points).0;
        // A quarter of the way along, half of the way up.
        assert!(svg.contains("points=\"48,200 123,108 348,16\""), "{svg}");
        assert!(svg.contains("2026年11月13日") && svg.contains("<td class=\"points\">12.0</td>"));
        assert!(
            svg.contains("&lt;野菜&gt;")
                && svg.contains("aria-labelledby=\"level-name level-desc\"")
        );
        assert!(!svg.contains("style="));
    }

    #[test]
    fn one_point_stands_in_the_middle_and_odd_ones_on_the_edge() {
        let one = level().draw(Lang::En, &points(&[("2026-11-01", 500)])).0;
        assert!(one.contains("points=\"198,16\""), "{one}");
        assert_eq!(one.matches("11/1<").count(), 1);
        let many: Vec<Point> =
            (0..200).map(|day| Point { day: Day(20_000 + day), values: vec![50] }).collect();
        assert_eq!(level().draw(Lang::En, &many).0.matches("<circle").count(), POINTS_MAX);
    }

    #[test]
    fn tenths_have_one_decimal() {
        assert_eq!(
            (value(true, 75), value(true, 120), value(false, 128)),
            ("7.5".into(), "12.0".into(), "128".into())
        );
    }
}
