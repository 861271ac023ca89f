//! Asks for the places of the addresses on standard input, and writes one line for each: the address, then what each
//! table says, in the order of the files given and the table inside the program last. For comparison with other
//! readers, see `compare.py` beside this file. With `--time` it says on standard error how long it took.

use akguard::geo::{Geo, Lang, Name, Region};
use std::io::{self, BufWriter, Write};
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Instant;

fn code(region: Option<&Region>) -> String {
    let Some(region) = region else { return "-".into() };
    let country = region.country.code().unwrap_or("?");
    match region.province.as_ref().and_then(Name::code) {
        Some(province) => format!("{country}-{province}"),
        None => country.into(),
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (options, files): (Vec<_>, Vec<_>) = std::env::args().skip(1).partition(|arg| arg == "--time");
    let files: Vec<PathBuf> = files.into_iter().map(PathBuf::from).collect();
    let mut err = io::stderr();
    let begin = Instant::now();
    let geo = Geo::open(&files)?;
    let opened = begin.elapsed();
    let begin = Instant::now();
    let one = geo.answers("8.8.8.8".parse()?).pop();
    let first = begin.elapsed();
    let ips = io::stdin()
        .lines()
        .map(|line| Ok(line?.trim().parse()?))
        .collect::<Result<Vec<IpAddr>, Box<dyn std::error::Error>>>()?;
    let begin = Instant::now();
    let known = ips.iter().filter(|ip| geo.place(**ip).is_some()).count();
    let asked = begin.elapsed();
    let mut out = BufWriter::new(io::stdout().lock());
    for ip in ips.iter().filter(|_| options.is_empty()) {
        write!(out, "{ip}")?;
        for (_, region) in geo.answers(*ip) {
            write!(out, "\t{}", code(region.as_ref()))?;
        }
        writeln!(out)?;
    }
    if !options.is_empty() {
        writeln!(err, "opened in {opened:?}; first answer of {:?} in {first:?}", one.map(|(name, _)| name))?;
        writeln!(err, "{} addresses in {asked:?}, {known} with a place", ips.len())?;
        writeln!(err, "8.8.8.8: {}", geo.place("8.8.8.8".parse()?).map_or("-".into(), |place| place.text(Lang::En)))?;
    }
    Ok(())
}
