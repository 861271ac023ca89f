//! Tab-separated data files: comment lines, a header row, then entries looked up by column name.

use super::{CatalogError, shape};

/// A data file's rows.
pub(super) struct Tsv<'t> {
    file: &'t str,
    titles: Vec<&'t str>,
    rows: Vec<(usize, Vec<&'t str>)>,
}

impl<'t> Tsv<'t> {
    pub(super) fn parse(text: &'t str, file: &'t str) -> Result<Self, CatalogError> {
        let mut lines = text
            .trim_start_matches('\u{feff}')
            .lines()
            .enumerate()
            .map(|(n, line)| (n + 1, line.trim_end_matches('\r')))
            .filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
        let (_, header) = lines.next().ok_or_else(|| shape(file, "the file holds no header row"))?;
        let titles: Vec<&str> = header.split('\t').map(str::trim).collect();
        let rows = lines.map(|(n, line)| (n, line.split('\t').map(str::trim).collect())).collect();
        Ok(Self { file, titles, rows })
    }

    /// The rows as functions from column name to cell. A missing column is an error, a short row too.
    pub(super) fn rows<'s>(
        &'s self,
        columns: &'s [&'s str],
    ) -> Result<impl Iterator<Item = Result<(usize, Vec<&'t str>), CatalogError>> + 's, CatalogError> {
        let places: Vec<usize> = columns
            .iter()
            .map(|name| {
                let place = self.titles.iter().position(|title| title == name);
                place.ok_or_else(|| shape(self.file, format!("column `{name}` is missing")))
            })
            .collect::<Result<_, _>>()?;
        Ok(self.rows.iter().map(move |(line, cells)| {
            let picked: Option<Vec<&str>> = places.iter().map(|place| cells.get(*place).copied()).collect();
            picked
                .map(|cells| (*line, cells))
                .ok_or_else(|| shape(self.file, format!("line {line} has too few columns")))
        }))
    }
}
