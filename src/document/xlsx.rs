//! The report as a workbook: a sheet for each kind of thing, to filter and sort.

mod rows;
mod sheet;

use crate::document::label::time;
use crate::document::model::Report;
use crate::document::texts::Lang;
use rust_xlsxwriter::{DocProperties, ExcelDateTime, Workbook};
use sheet::Book;

/// Why there is no workbook.
#[derive(Debug, thiserror::Error)]
#[error("the workbook could not be made")]
pub struct WorkbookError(#[from] rust_xlsxwriter::XlsxError);

/// Rows of a sheet, of which the first is the header.
const MOST_ROWS: u32 = 1_048_576;

/// The workbook of a report. The same report gives the same bytes.
pub fn bytes(report: &Report, lang: Lang) -> Result<Vec<u8>, WorkbookError> {
    Ok(workbook(report, lang, MOST_ROWS)?.save_to_buffer()?)
}

fn workbook(report: &Report, lang: Lang, most_rows: u32) -> Result<Workbook, WorkbookError> {
    let mut book = Book::new(lang, most_rows);
    book.sheet("sheet_alarms", &rows::ALARMS, rows::alarms(report, lang))?;
    book.sheet("sheet_records", &rows::RECORDS, rows::records(report, lang))?;
    book.sheet("sheet_keys", &rows::KEYS, rows::keys(report, lang))?;
    book.sheet("sheet_ips", &rows::IPS, rows::ips(report, lang))?;
    book.sheet("sheet_allowlist", &rows::ALLOWLIST, rows::allowlist(report, lang))?;
    let coverage = rows::left_out(report, lang, book.cuts()).chain(rows::coverage(report, lang));
    book.sheet("sheet_coverage", &rows::COVERAGE, coverage)?;
    let mut workbook = book.into_workbook();
    workbook.set_properties(&properties(report)?);
    Ok(workbook)
}

/// Made when the report was, not now, so that the same report gives the same bytes.
fn properties(report: &Report) -> Result<DocProperties, WorkbookError> {
    let seconds = time(&report.generated).map_or(0, |made| made.timestamp()).max(0);
    let made = ExcelDateTime::from_timestamp(seconds).or_else(|_| ExcelDateTime::from_timestamp(0))?;
    Ok(DocProperties::new().set_author("akguard").set_creation_datetime(&made))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::testing;

    #[test]
    fn the_same_report_gives_the_same_bytes() {
        let report = testing::sample();
        let first = bytes(&report, Lang::En).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(1100));
        assert_eq!(first, bytes(&report, Lang::En).unwrap());
        assert_ne!(first, bytes(&report, Lang::Zh).unwrap());
    }

    #[test]
    fn hostile_reports_give_workbooks() {
        for report in testing::hostile() {
            assert!(bytes(&report, Lang::Zh).unwrap().starts_with(b"PK"));
        }
    }

    #[test]
    fn empty_reports_give_workbooks() {
        assert!(bytes(&Report::default(), Lang::En).is_ok());
    }

    #[test]
    fn rows_that_do_not_fit_are_counted() {
        let mut workbook = workbook(&testing::sample(), Lang::En, 12).unwrap();
        assert!(workbook.worksheet_from_name("Alarms").is_ok());
        assert!(workbook.save_to_buffer().is_ok());
    }
}
