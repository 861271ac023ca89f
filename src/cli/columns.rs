//! Which columns a list shows: `--columns` and `--wide`.

use super::error::Usage;
use crate::catalog::edit::nearest;
use crate::report::View;
use crate::report::listing::Column;
use anyhow::Result;
use std::io::{self, Write};

/// The options of every list about its columns.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct ColumnArgs {
    /// Show these columns in this order, named as in the table's header (last-call), in CSV as in its header
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    columns: Vec<String>,
    /// Leave no column of a table out and shorten no text, however narrow the terminal
    #[arg(long)]
    wide: bool,
}

impl ColumnArgs {
    /// Whether tables are as wide as they need: asked for, or by naming columns.
    pub(super) fn unfitted(&self) -> bool {
        self.wide || !self.columns.is_empty()
    }

    /// How to show the table. Columns that somebody names are all shown.
    pub(super) fn view(&self, view: View) -> View {
        let width = if self.unfitted() { None } else { view.width };
        View { width, wide: self.wide, ..view }
    }

    /// The columns asked for, of all there are; those of `usual` when nobody asks.
    pub(super) fn pick<'c, T>(
        &self,
        all: &'c [Column<T>],
        usual: impl Fn(&Column<T>) -> bool,
    ) -> Result<Vec<&'c Column<T>>> {
        let titles: Vec<&str> = all.iter().map(|column| column.title).collect();
        let places = self.places(&titles)?;
        Ok(places.map_or_else(
            || all.iter().filter(|column| self.wide || usual(column)).collect(),
            |places| places.into_iter().map(|place| &all[place]).collect(),
        ))
    }

    /// The places of the columns asked for, or nothing if nobody asks.
    pub(super) fn places(&self, titles: &[&str]) -> Result<Option<Vec<usize>>> {
        if self.columns.is_empty() {
            return Ok(None);
        }
        let names: Vec<String> = titles.iter().map(|title| plain(title)).collect();
        let place = |typed: &String| {
            let wanted = plain(typed);
            names.iter().position(|name| *name == wanted).ok_or_else(|| {
                let nearest = nearest(&wanted, names.iter().map(String::as_str));
                let near = nearest.map_or(String::new(), |nearest| format!("the nearest is {nearest:?}, and "));
                Usage(format!("--columns: there is no column {typed:?}; {near}there are {}", names.join(", ")))
            })
        };
        Ok(Some(self.columns.iter().map(place).collect::<Result<_, _>>()?))
    }
}

/// A column's name as it is typed: `LAST CALL` and `last_call` are `last-call`.
fn plain(title: &str) -> String {
    // An ampersand would have to be kept from the shell.
    let name = title.trim().to_lowercase().replace([' ', '_', '.'], "-").replace("att&ck", "attack");
    if name == "#" { "number".to_string() } else { name }
}

/// Writes the CSV of `write`, of which only the columns in these places are wanted.
pub(super) fn write_limited(
    places: Option<&[usize]>,
    out: &mut dyn Write,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let Some(places) = places else { return write(out) };
    let mut whole = Vec::new();
    write(&mut whole)?;
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(whole.as_slice());
    let mut writer = csv::Writer::from_writer(out);
    for record in reader.byte_records() {
        let record = record?;
        writer.write_record(places.iter().map(|place| record.get(*place).unwrap_or_default()))?;
    }
    writer.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(names: &[&str]) -> ColumnArgs {
        ColumnArgs { columns: names.iter().map(ToString::to_string).collect(), wide: false }
    }

    #[test]
    fn columns_come_in_the_order_asked_for() {
        let titles = ["LEVEL", "#", "LAST CALL", "alarms.critical"];
        assert_eq!(named(&["last-call", "Level", "number"]).places(&titles).unwrap(), Some(vec![2, 0, 1]));
        assert_eq!(named(&["attack", "att&ck"]).places(&["#", "ATT&CK"]).unwrap(), Some(vec![1, 1]));
        assert_eq!(named(&["#", "alarms_critical"]).places(&titles).unwrap(), Some(vec![1, 3]));
        assert_eq!(named(&[]).places(&titles).unwrap(), None);
        let error = named(&["lastcall"]).places(&titles).unwrap_err().to_string();
        assert!(error.contains("\"last-call\"") && error.contains("level, number, last-call"), "{error}");
    }

    #[test]
    fn csv_is_cut_to_the_columns_asked_for() {
        let whole = |out: &mut dyn Write| out.write_all(b"a,b,c\n1,\"x,\ny\",'=1\n");
        let mut out = Vec::new();
        write_limited(Some(&[2, 1]), &mut out, whole).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "c,b\n'=1,\"x,\ny\"\n");
    }
}
