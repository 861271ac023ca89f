//! Turns a report in JSON into a page: `render REPORT.json PAGE.html [en|zh]`.

use akguard::document::html;
use akguard::document::model::Report;
use akguard::lang::Lang;
use std::fs::File;
use std::io::{BufReader, BufWriter, Error, Write};

fn main() -> Result<(), Error> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [from, to, rest @ ..] = arguments.as_slice() else {
        return Err(Error::other("render REPORT.json PAGE.html [en|zh]"));
    };
    let lang = if rest.first().is_some_and(|lang| lang == "zh") { Lang::Zh } else { Lang::En };
    let report: Report = serde_json::from_reader(BufReader::new(File::open(from)?))?;
    let mut out = BufWriter::new(File::create(to)?);
    html::write(&report, lang, &mut out)?;
    out.flush()
}
