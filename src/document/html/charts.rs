//! The charts, as inline SVG. Each can be read without colour, has a title and a description, and a table beside it.

use super::inert::escape;
use super::parts::{each, html_text, word};
use crate::document::label::filled;
use crate::document::model::{Day, Report};
use crate::document::texts::{Lang, text};
use crate::report::text::grouped;

/// Levels from the bottom of a bar to its top.
const LEVELS: [&str; 6] = ["critical", "high", "medium", "low", "note", "invalid"];

/// More days than this are put together to weeks, since bars would be too thin to tell patterns apart.
const MOST_BARS: usize = 62;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 190.0;
const LEFT: f64 = 38.0;
const TOP: f64 = 16.0;
const BOTTOM: f64 = 22.0;

/// Alarms of a day or a week.
struct Bar {
    /// Its first day.
    date: String,
    /// Alarms by level.
    levels: [u64; 6],
}

impl Bar {
    fn of(days: &[Day]) -> Self {
        let sum = |level: &str| days.iter().filter_map(|day| day.levels.get(level)).sum();
        Self { date: days.first().map(|day| day.date.clone()).unwrap_or_default(), levels: LEVELS.map(sum) }
    }

    fn total(&self) -> u64 {
        self.levels.iter().sum()
    }
}

/// Both charts, side by side where there is room.
pub(super) fn charts(report: &Report, lang: Lang) -> String {
    format!("<div class=\"charts\">{}{}</div>", over_time(&report.days, lang), heat_map(&report.hours, lang))
}

fn figure(title: &str, body: &str) -> String {
    format!("<figure class=\"panel chart\"><figcaption>{}</figcaption>{body}</figure>", escape(title))
}

fn over_time(days: &[Day], lang: Lang) -> String {
    let weekly = days.len() > MOST_BARS;
    let bars: Vec<Bar> = days.chunks(if weekly { 7 } else { 1 }).map(Bar::of).collect();
    let title = text(lang, "html", if weekly { "chart_weeks" } else { "chart_days" });
    let total: u64 = bars.iter().map(Bar::total).sum();
    if total == 0 {
        return figure(title, &format!("<p class=\"empty\">{}</p>", html_text(lang, "empty_days")));
    }
    let desc = filled(text(lang, "html", "chart_days_desc"), &[("n", &grouped(total))]);
    let svg = format!(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{title}\">\
         <svg class=\"days\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-labelledby=\"days-title days-desc\">\
         <title id=\"days-title\">{title}</title><desc id=\"days-desc\">{desc}</desc>{}{}</svg></div>",
        patterns(),
        plot(&bars, lang),
        title = escape(title),
        desc = escape(&desc),
    );
    let note = if weekly {
        let note = filled(text(lang, "html", "chart_weeks_note"), &[("n", &days.len().to_string())]);
        format!("<p class=\"small\">{}</p>", escape(&note))
    } else {
        String::new()
    };
    figure(title, &format!("{}{svg}{note}{}", legend(&bars, lang), days_table(&bars, weekly, lang)))
}

/// A pattern for each level, so that bars differ without colour too.
fn patterns() -> String {
    let marks = [
        "",
        "<path class=\"mark\" d=\"M-1 1l2-2M0 6l6-6M5 7l2-2\"/>",
        "<circle class=\"mark-dot\" cx=\"3\" cy=\"3\" r=\"1.2\"/>",
        "<path class=\"mark\" d=\"M0 1.5h6M0 4.5h6\"/>",
        "<path class=\"mark\" d=\"M1.5 0v6M4.5 0v6\"/>",
        "<path class=\"mark\" d=\"M0 0l6 6M6 0l-6 6\"/>",
    ];
    let one = |(level, mark): (&str, &str)| {
        format!(
            "<pattern id=\"p-{level}\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\">\
             <rect class=\"fill-{level}\" width=\"6\" height=\"6\"/>{mark}</pattern>"
        )
    };
    format!("<defs>{}</defs>", each(LEVELS.into_iter().zip(marks), one))
}

fn legend(bars: &[Bar], lang: Lang) -> String {
    let used = LEVELS.into_iter().enumerate().filter(|(place, _)| bars.iter().any(|bar| bar.levels[*place] > 0));
    let one = |(_, level): (usize, &str)| {
        format!(
            "<li><svg width=\"14\" height=\"14\" aria-hidden=\"true\"><rect class=\"edge\" width=\"14\" height=\"14\" \
             fill=\"url(#p-{level})\"/></svg>{}</li>",
            escape(&word(lang, "level", level))
        )
    };
    format!("<ul class=\"legend\">{}</ul>", each(used, one))
}

/// The smallest of 4, 8, 12 … 40, 80, 120 … that holds the highest bar: it divides by four without a remainder.
fn ceiling(highest: u64) -> u64 {
    let mut step = 1_u64;
    loop {
        for factor in [4, 8, 12, 16, 20, 24, 32] {
            let top = step.saturating_mul(factor);
            if top >= highest || top == u64::MAX {
                return top;
            }
        }
        step = step.saturating_mul(10);
    }
}

// Heights and places in a picture need no more exactness than a float has.
#[allow(clippy::cast_precision_loss)]
fn plot(bars: &[Bar], lang: Lang) -> String {
    let top = ceiling(bars.iter().map(Bar::total).max().unwrap_or_default());
    let height = HEIGHT - TOP - BOTTOM;
    let scale = height / top as f64;
    let step = (WIDTH - LEFT) / bars.len() as f64;
    // Few bars stay slim: a chart of two days is no wall.
    let wide = (step * 0.72).min(44.0);
    let every = bars.len().div_ceil(9);
    let grid = |quarter: u64| {
        let y = TOP + height - (top / 4 * quarter) as f64 * scale;
        let label = grouped(top / 4 * quarter);
        format!(
            "<path class=\"grid\" d=\"M{LEFT} {y:.1}H{WIDTH}\"/><text class=\"axis\" x=\"{:.1}\" y=\"{:.1}\" \
             text-anchor=\"end\">{label}</text>",
            LEFT - 6.0,
            y + 4.0
        )
    };
    let bar = |(place, bar): (usize, &Bar)| {
        let middle = LEFT + step * (place as f64 + 0.5);
        let mut y = TOP + height;
        let segments = each(LEVELS.into_iter().zip(bar.levels).filter(|(_, count)| *count > 0), |(level, count)| {
            let tall = count as f64 * scale;
            y -= tall;
            format!(
                "<rect class=\"edge\" fill=\"url(#p-{level})\" x=\"{:.1}\" y=\"{y:.1}\" width=\"{wide:.1}\" \
                 height=\"{tall:.1}\"><title>{}</title></rect>",
                middle - wide / 2.0,
                escape(&format!("{} · {}: {count}", bar.date, word(lang, "level", level)))
            )
        });
        let total = if bar.total() > 0 && step >= 16.0 {
            let count = bar.total();
            format!(
                "<text class=\"total\" x=\"{middle:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{count}</text>",
                y - 4.0
            )
        } else {
            String::new()
        };
        let label = if place.is_multiple_of(every) {
            // Month and day; a date that is none takes no more room either.
            let date = escape(&bar.date.chars().skip(5).take(5).collect::<String>());
            format!(
                "<text class=\"axis\" x=\"{middle:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{date}</text>",
                HEIGHT - 6.0
            )
        } else {
            String::new()
        };
        format!("{segments}{total}{label}")
    };
    format!("{}{}", each(0..=4, grid), each(bars.iter().enumerate(), bar))
}

fn days_table(bars: &[Bar], weekly: bool, lang: Lang) -> String {
    let head =
        each(LEVELS.into_iter(), |level| format!("<th scope=\"col\">{}</th>", escape(&word(lang, "level", level))));
    let row = |bar: &Bar| {
        let date =
            if weekly { filled(text(lang, "html", "week_of"), &[("date", &bar.date)]) } else { bar.date.clone() };
        let cells = each(bar.levels.into_iter(), |count| format!("<td>{}</td>", grouped(count)));
        format!("<tr><th scope=\"row\">{}</th>{cells}<td>{}</td></tr>", escape(&date), grouped(bar.total()))
    };
    numbers(
        &format!(
            "<tr><th scope=\"col\">{}</th>{head}<th scope=\"col\">{}</th></tr>",
            html_text(lang, "date"),
            html_text(lang, "total")
        ),
        &each(bars.iter(), row),
        lang,
    )
}

/// A table of a chart's numbers, closed until somebody wants it.
fn numbers(head: &str, body: &str, lang: Lang) -> String {
    let name = html_text(lang, "chart_table");
    format!(
        "<details class=\"numbers\"><summary>{name}</summary><div class=\"scroll\" tabindex=\"0\" role=\"region\" \
         aria-label=\"{name}\"><table><thead>{head}</thead><tbody>{body}</tbody></table></div></details>"
    )
}

/// Side lengths of the fields of the heat map.
const FIELD: usize = 26;
const FIELD_HIGH: usize = 22;
const NAMES: usize = 40;

const WEEKDAYS: [&str; 7] = ["weekday_0", "weekday_1", "weekday_2", "weekday_3", "weekday_4", "weekday_5", "weekday_6"];

fn heat_map(hours: &[Vec<u64>], lang: Lang) -> String {
    let title = text(lang, "html", "chart_hours");
    let most = hours.iter().flatten().copied().max().unwrap_or_default();
    if most == 0 {
        return figure(title, &format!("<p class=\"empty\">{}</p>", html_text(lang, "empty_hours")));
    }
    let total: u64 = hours.iter().flatten().sum();
    let desc = filled(text(lang, "html", "chart_hours_desc"), &[("n", &grouped(total))]);
    let rows = WEEKDAYS.into_iter().zip(hours).enumerate();
    let labels = each(0..24, |hour| {
        format!(
            "<text class=\"axis\" x=\"{}\" y=\"12\" text-anchor=\"middle\">{hour}</text>",
            NAMES + hour * FIELD + FIELD / 2
        )
    });
    let svg = format!(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{title}\">\
         <svg class=\"hours\" viewBox=\"0 0 {} {}\" role=\"img\" aria-labelledby=\"hours-title hours-desc\">\
         <title id=\"hours-title\">{title}</title><desc id=\"hours-desc\">{desc}</desc>{labels}{}</svg></div>",
        NAMES + 24 * FIELD,
        18 + 7 * FIELD_HIGH,
        each(rows, |(place, (day, row))| heat_row(place, &html_text(lang, day), row, most)),
        title = escape(title),
        desc = escape(&desc),
    );
    figure(title, &format!("{svg}{}", hours_table(hours, lang)))
}

fn heat_row(place: usize, day: &str, row: &[u64], most: u64) -> String {
    let y = 18 + place * FIELD_HIGH;
    let field = |(hour, count): (usize, &u64)| {
        let x = NAMES + hour * FIELD;
        let heat = heat(*count, most);
        let tight = if short(*count).len() > 3 { " tight" } else { "" };
        let number = if *count == 0 {
            String::new()
        } else {
            format!(
                "<text class=\"heat-number on-{heat}{tight}\" x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
                x + FIELD / 2,
                y + 15,
                short(*count)
            )
        };
        format!(
            "<rect class=\"heat-{heat}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"2\">\
             <title>{day} {hour}:00 – {count}</title></rect>{number}",
            x + 1,
            y + 1,
            FIELD - 2,
            FIELD_HIGH - 2
        )
    };
    format!(
        "<text class=\"axis\" x=\"{}\" y=\"{}\" text-anchor=\"end\">{day}</text>{}",
        NAMES - 6,
        y + 15,
        each(row.iter().enumerate().take(24), field)
    )
}

/// How strong a field is shown: 0 for nothing, else 1 to 4 by the square root, so that one burst leaves the rest
/// visible.
// A share of the highest number needs no exactness.
#[allow(clippy::cast_precision_loss)]
fn heat(count: u64, most: u64) -> u8 {
    match (count as f64 / most as f64).sqrt() {
        _ if count == 0 => 0,
        share if share <= 0.25 => 1,
        share if share <= 0.5 => 2,
        share if share <= 0.75 => 3,
        _ => 4,
    }
}

/// At most four characters for a number, to fit into a field.
fn short(count: u64) -> String {
    match count {
        0..=999 => count.to_string(),
        1_000..=999_999 => format!("{}k", count / 1_000),
        1_000_000..=999_999_999 => format!("{}M", count / 1_000_000),
        _ => "1G+".to_string(),
    }
}

fn hours_table(hours: &[Vec<u64>], lang: Lang) -> String {
    let head = each(0..24, |hour| format!("<th scope=\"col\">{hour}</th>"));
    let row = |(day, row): (&'static str, &Vec<u64>)| {
        let cells = each(row.iter().take(24), |count| format!("<td>{}</td>", grouped(*count)));
        format!("<tr><th scope=\"row\">{}</th>{cells}</tr>", html_text(lang, day))
    };
    numbers(
        &format!("<tr><th scope=\"col\">{}</th>{head}</tr>", html_text(lang, "weekday")),
        &each(WEEKDAYS.into_iter().zip(hours), row),
        lang,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_end_at_round_numbers() {
        assert_eq!([0, 1, 4, 5, 9, 21, 81, 900].map(ceiling), [4, 4, 4, 8, 12, 24, 120, 1200]);
        assert!(ceiling(u64::MAX) >= u64::MAX / 2);
    }

    #[test]
    fn every_number_above_nothing_shows() {
        assert_eq!([0, 1, 100, 400, 700, 1000].map(|count| heat(count, 1000)), [0, 1, 2, 3, 4, 4]);
        assert_eq!([7, 999, 1_000, 23_456_789].map(short), ["7", "999", "1k", "23M"]);
    }

    #[test]
    fn long_periods_are_shown_by_week() {
        let days: Vec<Day> = (0..366)
            .map(|day| Day { date: format!("day {day}"), levels: [("high".to_string(), 1)].into_iter().collect() })
            .collect();
        let chart = over_time(&days, Lang::En);
        assert!(chart.contains("Alarms by week") && chart.contains("366 days are too many for a bar each"));
        assert!(!over_time(&days[..62], Lang::En).contains("too many"));
        assert_eq!(chart.matches("<rect class=\"edge\" fill").count(), 53);
    }
}
