//! Sheets and cells. Every text is a string cell: never a formula, never a link.

use super::WorkbookError;
use crate::document::label::{filled, rank, time};
use crate::document::safe::{formula, printable_lines};
use crate::document::texts::{Lang, text};
use crate::report::text::grouped;
use chrono::{Datelike, NaiveDate, NaiveDateTime, Timelike};
use rust_xlsxwriter::{Color, ExcelDateTime, Format, FormatAlign, Workbook, Worksheet};

/// Characters of a cell, as UTF-16 counts them.
const MOST_TEXT: usize = 32_767;
/// The largest number that a cell holds to the last digit.
const MOST_NUMBER: u64 = 1 << 53;

/// A column: the name of its heading's text, and its width in characters.
pub(super) type Column = (&'static str, u8);

/// What stands in a cell.
#[derive(Clone, Debug)]
pub(super) enum Cell {
    /// Nothing.
    Empty,
    /// Text.
    Text(String),
    /// A level and its word.
    Level(String, String),
    /// A number.
    Number(u64),
    /// A time as reports write it.
    Time(String),
    /// A date, YYYY-MM-DD.
    Date(String),
}

/// What did not get into the workbook.
#[derive(Clone, Debug, Default)]
pub(super) struct Cuts {
    /// Cells whose text was cut.
    pub(super) cells: u64,
    /// Rows that did not fit, by the sheet's name.
    pub(super) rows: Vec<(String, u64)>,
}

/// A workbook that grows by sheets.
pub(super) struct Book {
    workbook: Workbook,
    lang: Lang,
    most_rows: u32,
    cuts: Cuts,
    formats: Formats,
}

struct Formats {
    header: Format,
    text: Format,
    quoted: Format,
    number: Format,
    time: Format,
    date: Format,
    levels: [Format; 3],
}

impl Formats {
    fn new() -> Self {
        let cell = || Format::new().set_align(FormatAlign::Top);
        let level = |colour: u32| cell().set_bold().set_background_color(Color::RGB(colour));
        Self {
            header: cell().set_bold().set_background_color(Color::RGB(0x00D9_E1F2)).set_text_wrap(),
            text: cell(),
            // What a formula begins with stays text, too, when somebody edits the cell or saves the sheet as CSV.
            quoted: cell().set_quote_prefix(),
            number: cell().set_num_format("#,##0"),
            time: cell().set_num_format("yyyy-mm-dd hh:mm:ss"),
            date: cell().set_num_format("yyyy-mm-dd"),
            levels: [level(0x00F4_B6B6), level(0x00FA_D7AC), level(0x00FF_F2CC)],
        }
    }
}

impl Book {
    pub(super) fn new(lang: Lang, most_rows: u32) -> Self {
        Self { workbook: Workbook::new(), lang, most_rows, cuts: Cuts::default(), formats: Formats::new() }
    }

    /// What was cut up to now.
    pub(super) fn cuts(&self) -> Cuts {
        self.cuts.clone()
    }

    pub(super) fn into_workbook(self) -> Workbook {
        self.workbook
    }

    /// Adds a sheet with a heading that stays in view, and a filter. Rows that do not fit are counted in its last row.
    pub(super) fn sheet(
        &mut self,
        name: &'static str,
        columns: &[Column],
        rows: impl Iterator<Item = Vec<Cell>>,
    ) -> Result<(), WorkbookError> {
        let title = text(self.lang, "xlsx", name);
        let mut sheet = Worksheet::new();
        sheet.set_name(title)?;
        self.heading(&mut sheet, columns)?;
        let mut next = 1;
        let mut left = 0;
        for row in rows {
            if next + 1 >= self.most_rows {
                left += 1;
                continue;
            }
            self.row(&mut sheet, next, row)?;
            next += 1;
        }
        let last_column = u16::try_from(columns.len().saturating_sub(1)).unwrap_or(0);
        sheet.autofilter(0, 0, next - 1, last_column)?;
        if left > 0 {
            let note = filled(text(self.lang, "xlsx", "row_cut"), &[("n", &grouped(left))]);
            sheet.write_string_with_format(next, 0, note, &self.formats.header)?;
            self.cuts.rows.push((title.to_string(), left));
        }
        self.workbook.push_worksheet(sheet);
        Ok(())
    }

    fn heading(&self, sheet: &mut Worksheet, columns: &[Column]) -> Result<(), WorkbookError> {
        for (place, (name, width)) in (0u16..).zip(columns) {
            sheet.write_string_with_format(0, place, self.heading_text(name), &self.formats.header)?;
            sheet.set_column_width(place, f64::from(*width))?;
        }
        sheet.set_freeze_panes(1, 1)?.set_landscape().set_print_fit_to_pages(1, 0);
        sheet.set_repeat_rows(0, 0)?;
        Ok(())
    }

    /// Levels head columns, too.
    fn heading_text(&self, name: &'static str) -> &'static str {
        let section = if name.starts_with("level_") { "labels" } else { "xlsx" };
        text(self.lang, section, name)
    }

    fn row(&mut self, sheet: &mut Worksheet, row: u32, cells: Vec<Cell>) -> Result<(), WorkbookError> {
        for (column, cell) in (0u16..).zip(cells) {
            self.cell(sheet, (row, column), cell)?;
        }
        Ok(())
    }

    fn cell(&mut self, sheet: &mut Worksheet, (row, column): (u32, u16), cell: Cell) -> Result<(), WorkbookError> {
        match cell {
            Cell::Empty => {}
            Cell::Text(text) => self.text(sheet, (row, column), &text)?,
            Cell::Level(level, word) => match self.formats.levels.get(rank(&level)) {
                Some(format) => {
                    sheet.write_string_with_format(row, column, word, format)?;
                }
                None => self.text(sheet, (row, column), &word)?,
            },
            Cell::Number(number) => match exact(number) {
                Some(value) => {
                    sheet.write_number_with_format(row, column, value, &self.formats.number)?;
                }
                None => self.text(sheet, (row, column), &number.to_string())?,
            },
            Cell::Time(text) => match time(&text).and_then(|time| serial(time.naive_local())) {
                Some(value) => {
                    sheet.write_datetime_with_format(row, column, &value, &self.formats.time)?;
                }
                None => self.text(sheet, (row, column), &text)?,
            },
            Cell::Date(text) => match day(&text) {
                Some(value) => {
                    sheet.write_datetime_with_format(row, column, &value, &self.formats.date)?;
                }
                None => self.text(sheet, (row, column), &text)?,
            },
        }
        Ok(())
    }

    fn text(&mut self, sheet: &mut Worksheet, (row, column): (u32, u16), text: &str) -> Result<(), WorkbookError> {
        let text = self.fitted(printable_lines(text));
        if !text.is_empty() {
            let format = if formula(&text) { &self.formats.quoted } else { &self.formats.text };
            sheet.write_string_with_format(row, column, text, format)?;
        }
        Ok(())
    }

    /// The text as far as a cell can hold it; where that is not all, its end says so.
    fn fitted(&mut self, text: String) -> String {
        let units = text.encode_utf16().count();
        if units <= MOST_TEXT {
            return text;
        }
        self.cuts.cells += 1;
        let all = grouped(u64::try_from(text.chars().count()).unwrap_or(u64::MAX));
        let note = filled(crate::document::texts::text(self.lang, "xlsx", "cell_cut"), &[("n", &all)]);
        let mut room = MOST_TEXT - note.encode_utf16().count();
        let kept = text.chars().take_while(|c| {
            let fits = c.len_utf16() <= room;
            room = room.saturating_sub(c.len_utf16());
            fits
        });
        kept.chain(note.chars()).collect()
    }
}

/// The number, if a cell can hold it to the last digit.
fn exact(number: u64) -> Option<f64> {
    let high = u32::try_from(number >> 32).ok()?;
    let low = u32::try_from(number & u64::from(u32::MAX)).ok()?;
    (number <= MOST_NUMBER).then(|| f64::from(high) * 4_294_967_296.0 + f64::from(low))
}

fn serial(time: NaiveDateTime) -> Option<ExcelDateTime> {
    let date = excel_day(time.date())?;
    // Seconds are all that is shown, and a rounded millisecond would make sorted columns look unsorted.
    let second = u8::try_from(time.second()).ok()?;
    date.and_hms(u16::try_from(time.hour()).ok()?, u8::try_from(time.minute()).ok()?, second).ok()
}

fn day(text: &str) -> Option<ExcelDateTime> {
    excel_day(NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?)
}

/// A day, if Excel has it: its calendar begins in 1900, and its first two months have a day too many.
fn excel_day(date: NaiveDate) -> Option<ExcelDateTime> {
    let year = u16::try_from(date.year()).ok().filter(|year| (1901..=9999).contains(year))?;
    ExcelDateTime::from_ymd(year, u8::try_from(date.month()).ok()?, u8::try_from(date.day()).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_and_say_so() {
        let mut book = Book::new(Lang::En, 10);
        for text in ["x".repeat(40_000), "🚨".repeat(20_000)] {
            let cut = book.fitted(text);
            let units = cut.encode_utf16().count();
            assert!((MOST_TEXT - 1..=MOST_TEXT).contains(&units), "{units}");
            assert!(cut.ends_with("characters in all]"));
        }
        assert_eq!(book.cuts().cells, 2);
        assert_eq!(book.fitted("x".repeat(MOST_TEXT)).len(), MOST_TEXT);
    }

    #[test]
    fn numbers_are_exact_or_text() {
        assert_eq!(exact(5_000_000_000), Some(5e9));
        assert_eq!(exact(u64::MAX), None);
    }

    #[test]
    fn days_before_the_calendar_are_text() {
        assert!(day("1900-01-01").is_none() && day("2026-02-30").is_none() && day("x").is_none());
        assert!(day("2026-02-28").is_some());
    }
}
