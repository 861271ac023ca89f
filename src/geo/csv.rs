//! CSV of address ranges with country and province, as published by DB-IP, IP2Location, IPinfo and others, or written
//! by hand.
//!
//! A range is a network (`1.0.0.0/24`), `first-last`, one address, or two columns of addresses or of numbers. With a
//! heading the columns are found by name; without one the range comes first, and what follows is told by the first
//! lines.

use super::names;
use super::ranges::{BadRange, Ranges};
use super::region::{Region, is_nothing};
use ipnet::IpNet;
use std::borrow::Cow;
use std::collections::HashMap;
use std::io::{self, BufRead, Read};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The longest line taken.
const LONGEST_LINE: u64 = 16 << 10;
/// The most different texts of country and province taken.
const MOST_TEXTS: usize = 1 << 18;
/// Lines looked at to tell what the columns are.
const SAMPLE: usize = 256;

/// IP2Location's files come with this duty, and say no name; they are told by their columns.
const IP2LOCATION: &str =
    "This site or product includes IP2Location LITE data available from https://lite.ip2location.com.";

const FIRST: [&str; 12] = [
    "network",
    "cidr",
    "range",
    "iprange",
    "prefix",
    "startip",
    "ipfrom",
    "iprangestart",
    "first",
    "start",
    "ipstart",
    "ip",
];
const LAST: [&str; 7] = ["endip", "ipto", "iprangeend", "last", "end", "ipend", "to"];
const COUNTRY: [&str; 11] = [
    "countrycode",
    "countryisocode",
    "countryiso",
    "isocode",
    "iso2",
    "cc",
    "country",
    "countryname",
    "国家代码",
    "国家",
    "国家地区",
];
const PROVINCE: [&str; 10] = [
    "province",
    "region",
    "regionname",
    "state1",
    "stateprov",
    "state",
    "subdivision1isocode",
    "subdivision",
    "省份",
    "省",
];

/// What DB-IP writes before the country.
const CONTINENTS: [&str; 9] = ["AF", "AN", "AS", "EU", "NA", "OC", "SA", "ZZ", ""];

/// Why a file is not taken.
#[derive(Debug)]
pub(super) enum CsvError {
    /// It cannot be read.
    Io(io::Error),
    /// What is wrong in it, and where.
    Content(String),
}

impl From<io::Error> for CsvError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

fn at_line<T>(number: u64, what: &str) -> Result<T, CsvError> {
    Err(CsvError::Content(format!("line {number}: {what}")))
}

/// Where the values stand in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Columns {
    first: usize,
    last: Option<usize>,
    country: usize,
    province: Option<usize>,
}

/// Lines with their numbers, without empty ones and comments.
struct Lines<R> {
    input: R,
    buffer: Vec<u8>,
    number: u64,
}

impl<R: BufRead> Lines<R> {
    fn next(&mut self) -> Result<Option<(u64, Cow<'_, str>)>, CsvError> {
        loop {
            self.buffer.clear();
            self.number += 1;
            let length = self.input.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut self.buffer)?;
            if length == 0 {
                return Ok(None);
            }
            if length as u64 == LONGEST_LINE && self.buffer.last() != Some(&b'\n') {
                return at_line(self.number, "longer than any row of such a table");
            }
            if self.buffer.starts_with(b"\xef\xbb\xbf") {
                self.buffer.drain(..3);
            }
            let line = self.buffer.trim_ascii();
            if !line.is_empty() && line[0] != b'#' {
                break;
            }
        }
        Ok(Some((self.number, String::from_utf8_lossy(self.buffer.trim_ascii_end()))))
    }
}

/// Reads a table.
pub(super) fn read(input: impl BufRead) -> Result<Ranges, CsvError> {
    let mut lines = Lines { input, buffer: Vec::new(), number: 0 };
    let mut sample = Vec::new();
    while sample.len() < SAMPLE
        && let Some((number, line)) = lines.next()?
    {
        sample.push((number, line.into_owned()));
    }
    let Some((number, head)) = sample.first() else {
        return Err(CsvError::Content("no row in it".into()));
    };
    let delimiter = delimiter(head);
    let cells = split(head, delimiter);
    let has_heading = bounds(&cells, 0, None).is_none();
    let columns = if has_heading {
        from_heading(&cells).or_else(|what| at_line(*number, what))?
    } else {
        from_rows(sample.iter().map(|(_, line)| split(line, delimiter)))
    };
    let mut table = Builder { columns: columns.columns, delimiter, ranges: Ranges::default(), numbers: HashMap::new() };
    for (number, line) in sample.iter().skip(usize::from(has_heading)) {
        table.add(*number, line)?;
    }
    while let Some((number, line)) = lines.next()? {
        table.add(number, &line)?;
    }
    table.ranges.finish(columns.attribution);
    if table.ranges.is_empty() {
        return Err(CsvError::Content("no row with a country in it".into()));
    }
    Ok(table.ranges)
}

/// Columns, and the line of thanks that files with such columns come with.
struct Found {
    columns: Columns,
    attribution: Option<&'static str>,
}

struct Builder {
    columns: Columns,
    delimiter: char,
    ranges: Ranges,
    /// The region's number by country and province as written; none where they say nothing.
    numbers: HashMap<String, Option<u16>>,
}

impl Builder {
    fn add(&mut self, number: u64, line: &str) -> Result<(), CsvError> {
        let cells = split(line, self.delimiter);
        let Some((first, last)) = bounds(&cells, self.columns.first, self.columns.last) else {
            return at_line(number, "no range of addresses where one is expected");
        };
        let cell = |at: usize| cells.get(at).map_or("", |cell| cell.as_ref());
        let province = self.columns.province.map_or("", cell);
        let Some(region) = self.region(number, cell(self.columns.country), province)? else {
            return Ok(());
        };
        self.ranges.add(first, last, region).or_else(|bad| match bad {
            BadRange::Backwards => at_line(number, "the range ends before it begins"),
            BadRange::TooMany => at_line(number, "more ranges than are taken"),
        })
    }

    fn region(&mut self, number: u64, country: &str, province: &str) -> Result<Option<u16>, CsvError> {
        let key = format!("{country}\0{province}");
        if let Some(region) = self.numbers.get(&key) {
            return Ok(*region);
        }
        if country.contains('\u{fffd}') || province.contains('\u{fffd}') {
            return at_line(number, "not UTF-8 text");
        }
        if self.numbers.len() == MOST_TEXTS {
            return at_line(number, "more different places than are taken");
        }
        let region = match Region::read(country, province) {
            None => None,
            Some(region) => match self.ranges.add_region(region) {
                None => return at_line(number, "more different countries than are taken"),
                known => known,
            },
        };
        self.numbers.insert(key, region);
        Ok(region)
    }
}

fn delimiter(line: &str) -> char {
    [',', '\t', ';', '|'].into_iter().max_by_key(|c| (line.matches(*c).count(), *c == ',')).unwrap_or(',')
}

/// Splits a row; cells may stand in quotes, with a quote written twice.
fn split(line: &str, delimiter: char) -> Vec<Cow<'_, str>> {
    let mut cells = Vec::new();
    let mut rest = Some(line);
    while let Some(text) = rest {
        let (cell, after) = match text.trim_start_matches(' ').strip_prefix('"') {
            Some(quoted) => unquoted(quoted, delimiter),
            None => match text.split_once(delimiter) {
                Some((cell, after)) => (Cow::Borrowed(cell), Some(after)),
                None => (Cow::Borrowed(text), None),
            },
        };
        cells.push(match cell {
            Cow::Borrowed(cell) => Cow::Borrowed(cell.trim()),
            owned @ Cow::Owned(_) => owned,
        });
        rest = after;
    }
    cells
}

fn unquoted(text: &str, delimiter: char) -> (Cow<'_, str>, Option<&str>) {
    let mut from = 0;
    loop {
        let Some(found) = text[from..].find('"') else {
            return (Cow::Borrowed(text), None);
        };
        let end = from + found;
        if text[end + 1..].starts_with('"') {
            from = end + 2;
            continue;
        }
        let cell = &text[..end];
        let cell = if from == 0 { Cow::Borrowed(cell) } else { Cow::Owned(cell.replace("\"\"", "\"")) };
        return (cell, text[end + 1..].split_once(delimiter).map(|(_, after)| after));
    }
}

/// Reads the range that a row begins with.
fn bounds(cells: &[Cow<'_, str>], first: usize, last: Option<usize>) -> Option<(IpAddr, IpAddr)> {
    let text = cells.get(first)?.as_ref();
    if let Some(last) = last {
        let last = cells.get(last)?.as_ref();
        return text.parse().ok().zip(last.parse().ok()).or_else(|| numbers(text, last));
    }
    if let Ok(ip) = text.parse::<IpAddr>() {
        return Some((ip, ip));
    }
    if let Ok(net) = text.parse::<IpNet>() {
        return Some((net.network(), last_of(net)));
    }
    if let Some((first, last)) = text.split_once('-') {
        return first.trim().parse().ok().zip(last.trim().parse().ok());
    }
    // A number alone is only told from a row whose second column is one too.
    let next = cells.get(first + 1)?.as_ref();
    numbers(text, next)
}

fn last_of(net: IpNet) -> IpAddr {
    match net {
        IpNet::V4(net) => IpAddr::V4(net.broadcast()),
        IpNet::V6(net) => IpAddr::V6(net.broadcast()),
    }
}

/// Two numbers: IPv4 where both are small enough.
fn numbers(first: &str, last: &str) -> Option<(IpAddr, IpAddr)> {
    let (first, last) = (digits(first)?, digits(last)?);
    match (u32::try_from(first), u32::try_from(last)) {
        (Ok(first), Ok(last)) => Some((Ipv4Addr::from_bits(first).into(), Ipv4Addr::from_bits(last).into())),
        _ => Some((Ipv6Addr::from_bits(first).into(), Ipv6Addr::from_bits(last).into())),
    }
}

fn digits(text: &str) -> Option<u128> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

fn from_heading(cells: &[Cow<'_, str>]) -> Result<Found, &'static str> {
    let plain = |cell: &Cow<'_, str>| cell.to_lowercase().replace([' ', '_', '-', '.'], "");
    let heads: Vec<String> = cells.iter().map(plain).collect();
    let find = |names: &[&str]| names.iter().find_map(|name| heads.iter().position(|head| head == name));
    let Some(first) = find(&FIRST) else {
        return Err("neither a range of addresses nor a heading that names one (such as network, start_ip, cidr)");
    };
    if heads.iter().any(|head| head == "geonameid") && find(&COUNTRY).is_none() {
        return Err("MaxMind's CSV keeps countries in a second file; take the .mmdb instead");
    }
    let country = find(&COUNTRY).ok_or("the heading names no column of countries (such as country, country_code)")?;
    Ok(Found { columns: Columns { first, last: find(&LAST), country, province: find(&PROVINCE) }, attribution: None })
}

/// Tells the columns after the range by what the first rows hold.
fn from_rows<'a>(rows: impl Iterator<Item = Vec<Cow<'a, str>>>) -> Found {
    let rows: Vec<Vec<Cow<'a, str>>> = rows.collect();
    let last = rows.first().and_then(|cells| bounds(cells, 0, Some(1))).map(|_| 1);
    let start = last.map_or(1, |last| last + 1);
    let cell = |row: &[Cow<'a, str>], at: usize| row.get(start + at).map_or(String::new(), ToString::to_string);
    let (country, province, attribution) = if rows.iter().all(|row| is_dbip(&cell(row, 0), &cell(row, 1))) {
        (1, 2, None)
    } else if 2 * rows.iter().filter(|row| is_code_and_name(&cell(row, 0), &cell(row, 1))).count() > rows.len() {
        (0, 2, Some(IP2LOCATION))
    } else {
        (0, 1, None)
    };
    Found {
        columns: Columns { first: 0, last, country: start + country, province: Some(start + province) },
        attribution,
    }
}

/// Continent and country, as in DB-IP's table of cities.
fn is_dbip(continent: &str, country: &str) -> bool {
    CONTINENTS.contains(&continent) && country.len() == 2 && country.bytes().all(|byte| byte.is_ascii_uppercase())
}

/// A country's code and name, as in IP2Location's tables.
fn is_code_and_name(code: &str, name: &str) -> bool {
    let same = || names::country(code).is_some_and(|entry| names::country(name) == Some(entry));
    code == "-" && name == "-" || code.len() == 2 && !is_nothing(code) && name.len() > 2 && same()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geo::Lang;
    use proptest::prelude::*;

    fn table(text: &str) -> Ranges {
        match read(text.as_bytes()) {
            Ok(ranges) => ranges,
            Err(error) => panic!("{error:?} in {text}"),
        }
    }

    fn at(table: &Ranges, ip: &str) -> String {
        table.region(ip.parse().unwrap()).map_or("none".into(), |region| region.text(Lang::En))
    }

    fn wrong(text: &[u8]) -> String {
        match read(text) {
            Err(CsvError::Content(what)) => what,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn ranges_are_written_in_many_ways() {
        for text in [
            "1.2.4.0/24,CN,Beijing\n1.2.8.0/24,JP\n",
            "\u{feff}# ours\n\n1.2.4.0-1.2.4.255;CN;BJ\r\n1.2.8.0 - 1.2.8.255;Japan;\r\n",
            "1.2.4.0,1.2.4.255,中国,北京市\n1.2.8.0,1.2.8.255,日本,\n",
            "16909312,16909567,CN,Beijing\n16910336,16910591,JP,Tokyo\n",
            "\"16909312\",\"16909567\",\"CN\",\"China\",\"Beijing\",\"Beijing\"\n\"16910336\",\"16910591\",\"JP\",\"Japan\",\"Tokyo\",\"x\"\n",
            "1.2.4.0,1.2.4.255,AS,CN,Beijing,\"Fengtai (a, \"\"b\"\")\",39.8,116.1\n1.2.8.0,1.2.8.255,AS,JP,Tokyo,x,1,2\n",
            "1.2.4.0,1.2.4.255,CN,Beijing,,Fengtai,,39.8,116.1,\n1.2.8.0,1.2.8.255,JP,Tokyo,,x,,1,2,\n",
            "network,country,country_code,continent,region\n1.2.4.0/24,China,CN,Asia,Beijing\n1.2.8.0/24,Japan,JP,Asia,Tokyo\n",
            "start_ip\tend_ip\tcountry\tregion\n1.2.4.0\t1.2.4.255\tCN\tBeijing\n1.2.8.0\t1.2.8.255\tJP\tTokyo\n",
            "省份,国家,网段,cidr\n北京,中国,x,1.2.4.0/24\n,日本,x,1.2.8.0/24\n",
        ] {
            let table = table(text);
            assert_eq!(at(&table, "1.2.4.8"), "China-Beijing", "{text}");
            assert_eq!(at(&table, "1.2.8.255"), "Japan", "{text}");
            assert_eq!(at(&table, "1.2.5.0"), "none", "{text}");
        }
    }

    #[test]
    fn ipv6_is_read_as_addresses_and_numbers() {
        let text = "\"0\",\"281470681743359\",\"-\",\"-\"\n\"281470698652672\",\"281470698652927\",\"CN\",\"China\"\n\
            \"47879185398722508842706713674190471168\",\"47879185477950671356970051267734421503\",\"CN\",\"China\"\n";
        let numbers = table(text);
        assert_eq!(at(&numbers, "1.2.4.8"), "China");
        assert_eq!(at(&numbers, "2405:1::"), "none");
        assert_eq!(numbers.attribution(), Some(IP2LOCATION));
        let addresses = table("2408:8000::,2408:80ff:ffff:ffff:ffff:ffff:ffff:ffff,CN\n");
        assert_eq!(at(&addresses, "2408:8000::1"), "China");
        let networks = table("1.2.4.0/24,CN\n2409::/16,CN,广东\n");
        assert_eq!(at(&networks, "2409:1::1"), "China-Guangdong");
    }

    #[test]
    fn the_narrowest_network_is_believed() {
        let table = table("1.0.0.0/8,US\n1.2.0.0/16,CN\n1.2.4.0/24,CN,Beijing\n");
        assert_eq!(
            ["1.1.1.1", "1.2.3.4", "1.2.4.8"].map(|ip| at(&table, ip)),
            ["United States", "China", "China-Beijing"]
        );
    }

    #[test]
    fn a_continent_is_not_taken_for_a_country() {
        // Without a second code beside it, NA is Namibia.
        assert_eq!(at(&table("1.2.4.0/24,NA,Khomas\n"), "1.2.4.8"), "Namibia");
        assert_eq!(at(&table("1.2.4.0,1.2.4.255,NA,US,x\n"), "1.2.4.8"), "United States");
    }

    #[test]
    fn what_is_wrong_is_said_with_the_line() {
        assert!(wrong(b"hello,world\n").starts_with("line 1: neither a range"));
        assert!(wrong(b"\n#\nnetwork,city\n").starts_with("line 3: the heading names no column of countries"));
        assert!(wrong(b"network,geoname_id,registered_country_geoname_id\n").contains(".mmdb"));
        assert_eq!(wrong(b"1.2.4.0/24,CN\nx,CN\n"), "line 2: no range of addresses where one is expected");
        assert_eq!(wrong(b"1.2.4.9,1.2.4.0,CN\n"), "line 1: the range ends before it begins");
        assert_eq!(wrong(b"1.2.4.0/24,\xd6\xd0\xb9\xfa\n"), "line 1: not UTF-8 text");
        assert_eq!(wrong(b"1.2.4.0/24,-\n"), "no row with a country in it");
        assert_eq!(wrong(b"#\n"), "no row in it");
        assert_eq!(wrong(&vec![b'1'; 100_000]), "line 1: longer than any row of such a table");
    }

    #[test]
    fn names_without_end_are_not_taken() {
        let rows: Vec<String> = (0..5000).map(|n| format!("1.0.{}.{}/32,land{n}", n / 256, n % 256)).collect();
        assert_eq!(wrong(rows.join("\n").as_bytes()), "line 4097: more different countries than are taken");
    }

    proptest! {
        #[test]
        fn no_text_makes_it_fail(text in "([0-9.:/,;\"\\-a-zA-Z\n中]|1\\.2\\.3\\.4|/24|,CN){0,60}") {
            let _ = read(text.as_bytes());
        }

        #[test]
        fn quoted_cells_come_back(cells in prop::collection::vec("[a-c\", ]{0,6}", 1..5)) {
            let quoted: Vec<String> = cells.iter().map(|cell| format!("\"{}\"", cell.replace('"', "\"\""))).collect();
            let line = quoted.join(",");
            let read: Vec<String> = split(&line, ',').iter().map(|cell| cell.trim().to_string()).collect();
            let cells: Vec<&str> = cells.iter().map(|cell| cell.trim()).collect();
            prop_assert_eq!(read, cells);
        }
    }
}
