//! A region as every source gives it: country, and province of China.

use super::names::{self, Name};
use crate::event::text::inert;
use crate::lang::Lang;

/// What sources write where they know nothing, or where the address is nobody's.
const NOTHING: [&str; 12] = ["", "-", "--", "0", "zz", "xx", "n/a", "null", "unknown", "reserved", "内网ip", "保留"];

/// Territories that some sources give as provinces of China, and others as countries: shown alike.
const TERRITORIES: [&str; 3] = ["HK", "MO", "TW"];

/// The longest name taken from a source.
const LONGEST: usize = 64;

/// A country, and for China the province where it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region {
    /// The country.
    pub country: Name,
    /// The province; China only.
    pub province: Option<Name>,
}

impl Region {
    /// Reads a region from what a source writes; none where it writes that it knows nothing.
    pub(super) fn read(country: &str, province: &str) -> Option<Self> {
        Self::read_any(country, &[province])
    }

    /// As `read`, the province being the first of `provinces` that is one.
    pub(super) fn read_any(country: &str, provinces: &[&str]) -> Option<Self> {
        if is_nothing(country) {
            return None;
        }
        let Some(entry) = names::country(country) else {
            return Some(Self { country: Name::Other(clean(country.trim(), LONGEST)), province: None });
        };
        if entry.code != "CN" {
            return Some(Self { country: Name::Known(entry), province: None });
        }
        let province = provinces.iter().find_map(|name| names::province(name));
        let territory = province.filter(|province| TERRITORIES.contains(&province.code));
        if let Some(territory) = territory.and_then(|province| names::country(province.code)) {
            return Some(Self { country: Name::Known(territory), province: None });
        }
        Some(Self { country: Name::Known(entry), province: province.map(Name::Known) })
    }

    /// Returns `China-Beijing` or `Japan`, as the console writes places.
    pub fn text(&self, lang: Lang) -> String {
        let country = self.country.text(lang);
        match &self.province {
            Some(province) => format!("{country}-{}", province.text(lang)),
            None => country.to_string(),
        }
    }
}

/// Whether a source's cell says nothing.
pub(super) fn is_nothing(cell: &str) -> bool {
    let cell = cell.trim();
    cell.len() <= 10 && NOTHING.contains(&cell.to_lowercase().as_str())
}

/// Text from a file, made fit for a message: at most `most` characters, and none that could act on a terminal.
pub(super) fn clean(text: &str, most: usize) -> String {
    inert(&text.chars().take(most).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn both(country: &str, province: &str) -> Option<(String, String)> {
        let region = Region::read(country, province)?;
        Some((region.text(Lang::En), region.text(Lang::Zh)))
    }

    #[test]
    fn regions_are_written_as_in_the_console() {
        let pair = |a: &str, b: &str| Some((a.to_string(), b.to_string()));
        assert_eq!(both("CN", "Beijing"), pair("China-Beijing", "中国-北京"));
        assert_eq!(both("中国", "广东省"), pair("China-Guangdong", "中国-广东"));
        assert_eq!(both("CN", "?"), pair("China", "中国"));
        assert_eq!(both("Japan", "Tokyo"), pair("Japan", "日本"));
        assert_eq!(both("中国", "香港"), both("HK", "Kowloon"));
        assert_eq!(both("Atlantis\x1b[31m", ""), pair("Atlantis\u{fffd}[31m", "Atlantis\u{fffd}[31m"));
    }

    #[test]
    fn no_country_is_no_region() {
        for nothing in ["", " ", "-", "0", "ZZ", "Reserved", "内网IP"] {
            assert_eq!(both(nothing, "Beijing"), None, "{nothing}");
        }
    }
}
