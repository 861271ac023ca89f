//! Where addresses are, for every command that shows them.

use crate::alarm::model::{Alarm, CallRecord};
use crate::geo::Geo;
use crate::lang::Lang;
use crate::report::listing::Column;
use crate::report::{Format, table};
use crate::store::usage::Address;
use anyhow::Result;
use hashbrown::HashMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

/// The option of commands that show where addresses are.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct GeoArgs {
    /// Database of places: .mmdb, ip2region .xdb, or CSV (repeatable; the first that knows an address is believed)
    #[arg(long, value_name = "FILE")]
    geo: Vec<PathBuf>,
}

impl GeoArgs {
    /// Whether an alarm table shows a column without being asked: that of places, once a database is named.
    pub(super) fn is_usual(&self, column: &Column<Alarm>, alarms: &[Alarm]) -> bool {
        table::is_usual(column, alarms) || column.title == table::REGION && !self.geo.is_empty()
    }

    /// Opens the databases named, with the table inside the program behind them.
    pub(super) fn open(&self) -> Result<Geo> {
        Ok(Geo::open(&self.geo)?)
    }

    /// Opens them for an answer in this format: only tables are for people, and in their language.
    pub(super) fn places(&self, format: Format) -> Result<Places> {
        let lang = if format == Format::Table { super::output::lang() } else { Lang::En };
        Ok(Places { geo: self.open()?, lang, known: HashMap::new() })
    }
}

/// A place and who says so.
type Told = (String, Arc<str>);

/// Where addresses are, each looked up once.
pub(super) struct Places {
    geo: Geo,
    lang: Lang,
    known: HashMap<String, Option<Told>>,
}

impl Places {
    /// Where an address is, as the first database says that knows.
    fn place(&mut self, ip: &str) -> Option<Told> {
        if let Some(known) = self.known.get(ip) {
            return known.clone();
        }
        let place = ip.parse::<IpAddr>().ok().and_then(|ip| self.geo.place(ip));
        let told = place.map(|place| (place.text(self.lang), place.source));
        self.known.insert(ip.to_string(), told.clone());
        told
    }

    /// Fills in where an address is: as the log says, else as the first database says that knows.
    pub(super) fn fill(&mut self, address: &mut Address) {
        if address.region.is_some() {
            address.region_source = Some("log".to_string());
            return;
        }
        let told = self.place(&address.ip);
        (address.region, address.region_source) = told.map(|(region, source)| (region, source.to_string())).unzip();
    }

    /// Fills in where the addresses of records are, of those whose log does not say it.
    pub(super) fn fill_records<'r>(&mut self, records: impl IntoIterator<Item = &'r mut CallRecord>) {
        for record in records.into_iter().filter(|record| record.region.is_none()) {
            let told = record.source_ip.as_deref().and_then(|ip| self.place(ip));
            (record.region, record.region_source) = told.unzip();
        }
    }

    /// Fills in where the address is that each alarm is listed with; `told` is what the logs say.
    pub(super) fn fill_sources(&mut self, alarms: &mut [Alarm], told: &HashMap<String, String>) {
        for sources in alarms.iter_mut().map(|alarm| &mut alarm.sources) {
            let Some(ip) = &sources.newest else { continue };
            sources.region = told.get(ip).cloned().or_else(|| self.place(ip).map(|(region, _)| region));
        }
    }

    /// What every source says of one address: the log first, then the databases in their order.
    pub(super) fn answers(&self, ip: &str, told: Option<&str>) -> Vec<(String, Option<String>)> {
        let mut places = vec![("log".to_string(), told.map(str::to_string))];
        let answers = ip.parse::<IpAddr>().map_or_else(|_| Vec::new(), |ip| self.geo.answers(ip));
        let text = |(source, region): (Arc<str>, Option<crate::geo::Region>)| {
            (source.to_string(), region.map(|region| region.text(self.lang)))
        };
        places.extend(answers.into_iter().map(text));
        places
    }
}
