//! Lists of anything: a table fitted to the terminal, objects, lines, CSV.

use super::View;
use super::json::{line, pretty};
use super::text::{harmless, printable};
use crate::detect::Level;
use crate::event::id::mask_keys_in;
use serde_json::Value;
use std::io::{self, Write};
use unicode_width::UnicodeWidthStr;

/// Blanks between columns.
const GAP: usize = 2;

/// How a cell stands out on a terminal with colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    /// Not at all.
    Plain,
    /// Act at once.
    Urgent,
    /// Bad.
    Bad,
    /// Doubtful.
    Doubtful,
    /// Worth knowing.
    Calm,
    /// Of little weight.
    Faint,
}

impl Paint {
    /// The paint of a level.
    pub fn of(level: Level) -> Self {
        match level {
            Level::Critical => Self::Urgent,
            Level::High => Self::Bad,
            Level::Medium => Self::Doubtful,
            Level::Low => Self::Calm,
            Level::Note | Level::Invalid => Self::Faint,
        }
    }

    fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Urgent => "\x1b[1;91m",
            Self::Bad => "\x1b[91m",
            Self::Doubtful => "\x1b[93m",
            Self::Calm => "\x1b[96m",
            Self::Faint => "\x1b[90m",
        }
    }
}

/// A column of a list.
pub struct Column<T> {
    /// What stands above it.
    pub title: &'static str,
    /// Columns with a high number are left out first when the terminal is narrow; those with 0 always stay.
    drop_order: u8,
    right: bool,
    words: bool,
    text: fn(&T, View) -> String,
    paint: Option<fn(&T) -> Paint>,
}

impl<T> Column<T> {
    fn cell(&self, row: &T, view: View) -> String {
        let text = printable(&mask_keys_in(&(self.text)(row, view)));
        if self.words { view.lang.word(&text).to_string() } else { text }
    }

    /// A column of texts.
    pub const fn new(title: &'static str, drop_order: u8, text: fn(&T, View) -> String) -> Self {
        Self { title, drop_order, right: false, words: false, text, paint: None }
    }

    /// Numbers stand at the right.
    #[must_use]
    pub const fn right(mut self) -> Self {
        self.right = true;
        self
    }

    /// The cells are words of the program, which are shown in the reader's language.
    #[must_use]
    pub const fn words(mut self) -> Self {
        self.words = true;
        self
    }

    /// The cells stand out.
    #[must_use]
    pub const fn painted(mut self, paint: fn(&T) -> Paint) -> Self {
        self.paint = Some(paint);
        self
    }
}

/// Writes a table of as many columns as stand side by side without breaking a line.
pub fn write<T>(columns: &[&Column<T>], rows: &[T], view: View, out: &mut dyn Write) -> io::Result<()> {
    let titles: Vec<&str> = columns.iter().map(|column| view.lang.header(column.title)).collect();
    let text = |row: &T| columns.iter().map(|column| column.cell(row, view)).collect::<Vec<_>>();
    let cells: Vec<Vec<String>> = rows.iter().map(text).collect();
    let widths = widths(&titles, &cells);
    let shown = columns_that_fit(columns, &widths, view.width.unwrap_or(u16::MAX));
    let titles = shown.iter().map(|place| titles[*place]);
    let heading = if view.colour { "\x1b[1m" } else { "" };
    write_line(columns, &shown, &widths, titles.map(|title| (title, heading)), out)?;
    for (row, cells) in rows.iter().zip(&cells) {
        let painted = shown.iter().map(|place| {
            let paint = columns[*place].paint.filter(|_| view.colour);
            (cells[*place].as_str(), paint.map_or("", |paint| paint(row).code()))
        });
        write_line(columns, &shown, &widths, painted, out)?;
    }
    Ok(())
}

/// Writes one line of a table, without blanks at its end.
fn write_line<'c, T>(
    columns: &[&Column<T>],
    shown: &[usize],
    widths: &[usize],
    cells: impl Iterator<Item = (&'c str, &'c str)>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut line = String::new();
    let mut owed = 0;
    for (place, (text, paint)) in shown.iter().zip(cells) {
        let blanks = widths[*place].saturating_sub(width(text));
        let before = if columns[*place].right { blanks } else { 0 };
        if text.is_empty() {
            owed += widths[*place] + GAP;
            continue;
        }
        line.extend(std::iter::repeat_n(' ', owed + before));
        line.push_str(paint);
        line.push_str(text);
        line.push_str(if paint.is_empty() { "" } else { "\x1b[0m" });
        owed = blanks - before + GAP;
    }
    writeln!(out, "{line}")
}

/// The places that a text takes on a terminal: two for each Chinese character.
pub fn width(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.width() }
}

fn widths(titles: &[&str], cells: &[Vec<String>]) -> Vec<usize> {
    let widest = |(place, title): (usize, &&str)| {
        let texts = cells.iter().map(|row| width(&row[place]));
        texts.chain([width(title)]).max().unwrap_or(0)
    };
    titles.iter().enumerate().map(widest).collect()
}

/// The places of the columns that there is room for, the important ones first.
fn columns_that_fit<T>(columns: &[&Column<T>], widths: &[usize], room: u16) -> Vec<usize> {
    let mut by_importance: Vec<usize> = (0..columns.len()).collect();
    by_importance.sort_by_key(|place| columns[*place].drop_order);
    let (mut room, mut shown) = (usize::from(room), Vec::new());
    for place in by_importance {
        let needed = widths[place] + if shown.is_empty() { 0 } else { GAP };
        if needed <= room || columns[place].drop_order == 0 {
            room = room.saturating_sub(needed);
            shown.push(place);
        }
    }
    shown.sort_unstable();
    shown
}

/// Writes one object.
pub fn write_object(object: &Value, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", pretty(object))
}

/// Writes one object a line.
pub fn write_lines(objects: &[Value], out: &mut dyn Write) -> io::Result<()> {
    objects.iter().try_for_each(|object| writeln!(out, "{}", line(object)))
}

/// Writes CSV whose columns are the fields of the objects: lists joined by semicolons, absent values empty.
///
/// `names` are the fields; a dot leads into an object. Each cell is made harmless for spreadsheets.
pub fn write_csv(names: &[&str], objects: &[Value], out: &mut dyn Write) -> io::Result<()> {
    let mut writer = ::csv::Writer::from_writer(out);
    writer.write_record(names.iter().map(|name| name.replace('.', "_")))?;
    for object in objects {
        writer.write_record(names.iter().map(|name| harmless(&short_time(name, cell(at(object, name))))))?;
    }
    writer.flush()
}

/// Times stand in CSV as in tables, without `T` and offset.
fn short_time(name: &str, cell: String) -> String {
    let is_time = ["_call", "_use", "_hit", "_seen", "time", "created", "updated", "expires"]
        .iter()
        .any(|end| name.ends_with(end));
    match (is_time && cell.is_ascii() && cell.len() >= 25, cell.split_at_checked(10)) {
        (true, Some((date, rest))) if rest.starts_with('T') => format!("{date} {}", &rest[1..9]),
        _ => cell,
    }
}

fn at<'v>(object: &'v Value, name: &str) -> &'v Value {
    name.split('.').fold(object, |value, part| &value[part])
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(cell).collect::<Vec<_>>().join(";"),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lang::Lang;

    type Row = [&'static str; 4];

    const COLUMNS: [Column<Row>; 4] = [
        Column::new("LEVEL", 0, |row: &Row, _| row[0].to_string()).words(),
        Column::new("USER", 2, |row, _| row[1].to_string()),
        Column::new("CALLS", 1, |row: &Row, _| row[2].to_string()).right(),
        Column::new("ID", 3, |row, _| row[3].to_string()),
    ];

    fn table(rows: &[Row], width: u16) -> String {
        table_in(Lang::En, rows, width)
    }

    fn table_in(lang: Lang, rows: &[Row], width: u16) -> String {
        let view = View { zone: chrono_tz::UTC, colour: false, details: false, width: Some(width), wide: false, lang };
        let mut out = Vec::new();
        write(&COLUMNS.iter().collect::<Vec<_>>(), rows, view, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn narrow_terminals_lose_columns_and_never_break_lines() {
        let rows = [["critical", "app-backend", "1", "A-2ac52112"], ["low", "x", "1,000", ""]];
        assert_eq!(
            table(&rows, 200),
            "LEVEL     USER         CALLS  ID\ncritical  app-backend      1  A-2ac52112\nlow       x            1,000\n"
        );
        assert_eq!(table(&rows, 20), "LEVEL     CALLS\ncritical      1\nlow       1,000\n");
        assert_eq!(table(&rows, 3), "LEVEL\ncritical\nlow\n");
    }

    #[test]
    fn chinese_text_counts_two_places_a_character() {
        let rows = [["low", "安全运维", "1", "A"]];
        assert_eq!(table(&rows, 5 + 2 + 8 + 2 + 5 + 2 + 2).lines().next(), Some("LEVEL  USER      CALLS  ID"));
        assert_eq!(table(&rows, 5 + 2 + 8 + 2 + 5 + 2 + 1).lines().next(), Some("LEVEL  USER      CALLS"));
    }

    #[test]
    fn headers_and_words_are_in_the_language_and_stay_aligned() {
        let rows = [["critical", "high", "1", "A-1"], ["low", "安全运维", "1,000", "A-2"]];
        let table = table_in(Lang::Zh, &rows, 200);
        let expected = "等级  用户       调用  ID\n严重  high          1  A-1\n低危  安全运维  1,000  A-2\n";
        assert_eq!(table, expected);
        let starts = |line: &str, what: &str| width(line.split(what).next().unwrap_or_default());
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!([starts(lines[0], "ID"), starts(lines[1], "A-"), starts(lines[2], "A-")], [23; 3]);
    }

    #[test]
    fn csv_cells_are_harmless_and_lists_are_joined() {
        let mut out = Vec::new();
        let object = serde_json::json!({"a": "=1", "b": {"c": ["x", "y"]}, "d": null});
        write_csv(&["a", "b.c", "d"], &[object], &mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "a,b_c,d\n'=1,x;y,\n");
    }
}
