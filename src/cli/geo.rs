//! Where addresses are, for every command that shows them.

use crate::geo::Geo;
use crate::lang::Lang;
use crate::store::usage::Address;
use anyhow::Result;
use std::net::IpAddr;
use std::path::PathBuf;

/// The option of commands that show where addresses are.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct GeoArgs {
    /// Database of places: .mmdb, ip2region .xdb, or CSV (repeatable; the first that knows an address is believed)
    #[arg(long, value_name = "FILE")]
    geo: Vec<PathBuf>,
}

impl GeoArgs {
    /// Opens the databases named, with the table inside the program behind them.
    pub(super) fn open(&self) -> Result<Geo> {
        Ok(Geo::open(&self.geo)?)
    }
}

/// Fills in where addresses are: as the log says, else as the first database says that knows.
pub(super) fn fill(geo: &Geo, addresses: &mut [Address], lang: Lang) {
    for address in addresses {
        if address.region.is_some() {
            address.region_source = Some("log".to_string());
            continue;
        }
        let place = address.ip.parse::<IpAddr>().ok().and_then(|ip| geo.place(ip));
        (address.region, address.region_source) =
            place.map(|place| (place.text(lang), place.source.to_string())).unzip();
    }
}

/// What every source says of one address: the log first, then the databases in their order.
pub(super) fn places(geo: &Geo, ip: &str, told: Option<&str>, lang: Lang) -> Vec<(String, Option<String>)> {
    let mut places = vec![("log".to_string(), told.map(str::to_string))];
    let answers = ip.parse::<IpAddr>().map_or_else(|_| Vec::new(), |ip| geo.answers(ip));
    places.extend(
        answers.into_iter().map(|(source, region)| (source.to_string(), region.map(|region| region.text(lang)))),
    );
    places
}
