//! Names of countries and of China's provinces: from any of their names to the one that is shown.

use crate::lang::Lang;
use std::collections::HashMap;
use std::sync::LazyLock;

/// A country or province with its names.
#[derive(Debug, PartialEq, Eq)]
pub struct Entry {
    /// ISO 3166-1 code of a country, or what follows `CN-` in a province's ISO 3166-2 code.
    pub code: &'static str,
    english: &'static str,
    chinese: &'static str,
}

/// The name of a country or province.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Name {
    /// One of the tables here.
    Known(&'static Entry),
    /// One that no table here has, as its source writes it.
    Other(String),
}

impl Name {
    /// Returns the name in a language; one that is not known stays as its source writes it.
    pub fn text(&self, lang: Lang) -> &str {
        match (self, lang) {
            (Self::Known(entry), Lang::En) => entry.english,
            (Self::Known(entry), Lang::Zh) => entry.chinese,
            (Self::Other(text), _) => text,
        }
    }

    /// Returns the code; none where the name is not known.
    pub fn code(&self) -> Option<&'static str> {
        match self {
            Self::Known(entry) => Some(entry.code),
            Self::Other(_) => None,
        }
    }
}

struct Names {
    entries: Vec<Entry>,
    by_name: HashMap<String, usize>,
}

impl Names {
    fn parse(text: &'static str) -> Self {
        let mut names = Self { entries: Vec::new(), by_name: HashMap::new() };
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            names.add(line);
        }
        names
    }

    fn add(&mut self, line: &'static str) {
        let mut cells = line.split('\t');
        let mut cell = || cells.next().unwrap_or_default();
        let entry = Entry { code: cell(), english: cell(), chinese: cell() };
        let others = cell().split('|').filter(|name| !name.is_empty());
        let place = self.entries.len();
        for name in [entry.code, entry.english, entry.chinese].into_iter().chain(others) {
            self.by_name.insert(folded(name), place);
        }
        self.entries.push(entry);
    }

    fn find(&self, name: &str) -> Option<&Entry> {
        self.entries.get(*self.by_name.get(&folded(name))?)
    }
}

fn folded(name: &str) -> String {
    name.trim().to_lowercase()
}

static COUNTRIES: LazyLock<Names> = LazyLock::new(|| Names::parse(include_str!("data/countries.tsv")));
static PROVINCES: LazyLock<Names> = LazyLock::new(|| Names::parse(include_str!("data/provinces.tsv")));

/// Words that follow a province's Chinese name.
const SUFFIXES: [&str; 7] = ["特别行政区", "壮族自治区", "回族自治区", "维吾尔自治区", "自治区", "省", "市"];

/// Finds a country by code or by any of its names.
pub(super) fn country(name: &str) -> Option<&'static Entry> {
    COUNTRIES.find(name)
}

/// Finds a province of China by code, with or without `CN-`, or by name, with or without what follows it.
pub(super) fn province(name: &str) -> Option<&'static Entry> {
    let name = name.trim();
    let bare = name.strip_prefix("CN-").unwrap_or(name);
    PROVINCES.find(bare).or_else(|| without_suffix(bare)).or_else(|| by_first_words(bare))
}

fn without_suffix(name: &str) -> Option<&'static Entry> {
    SUFFIXES.iter().find_map(|suffix| PROVINCES.find(name.strip_suffix(suffix)?))
}

/// `Hebei Province`, `Inner Mongolia Autonomous Region`, `Ningxia Hui Autonomous Region`.
fn by_first_words(name: &str) -> Option<&'static Entry> {
    let ends = name.match_indices([' ', ',']).map(|(at, _)| at);
    ends.take(3).find_map(|end| PROVINCES.find(&name[..end]).filter(|_| end > 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn countries_are_found_by_any_name() {
        for name in ["US", "us", "United States", "United States of America", "美国"] {
            assert_eq!(country(name).map(|entry| entry.code), Some("US"), "{name}");
        }
        for (name, code) in [
            ("Korea (the Republic of)", "KR"),
            ("Viet Nam", "VN"),
            ("俄罗斯", "RU"),
            ("香港", "HK"),
            ("Macau", "MO"),
            ("台湾省", "TW"),
            ("Saint Kitts and Nevis", "KN"),
            ("Cote d'Ivoire", "CI"),
            ("Turkey", "TR"),
            ("韩国", "KR"),
        ] {
            assert_eq!(country(name).map(|entry| entry.code), Some(code), "{name}");
        }
        assert_eq!(country("Atlantis"), None);
    }

    #[test]
    fn provinces_are_found_by_any_name() {
        for (name, code) in [
            ("BJ", "BJ"),
            ("CN-GD", "GD"),
            ("北京市", "BJ"),
            ("广东省", "GD"),
            ("广西壮族自治区", "GX"),
            ("新疆维吾尔自治区", "XJ"),
            ("内蒙古", "NM"),
            ("Inner Mongolia Autonomous Region", "NM"),
            ("Shaanxi", "SN"),
            ("Shanxi Province", "SX"),
            ("Ningxia Hui Autonomous Region", "NX"),
            ("Hebei, China", "HE"),
        ] {
            assert_eq!(province(name).map(|entry| entry.code), Some(code), "{name}");
        }
        assert_eq!(province("Kowloon"), None);
    }

    #[test]
    fn the_tables_are_whole() {
        assert_eq!(COUNTRIES.entries.len(), 253);
        assert_eq!(PROVINCES.entries.len(), 34);
        for entry in COUNTRIES.entries.iter().chain(&PROVINCES.entries) {
            assert_eq!(entry.code.len(), 2);
            assert!(entry.english.len() > 2 && !entry.chinese.is_ascii(), "{entry:?}");
            // A dash stands between country and province, so that no name may hold one that reads as such.
            assert!(!entry.chinese.contains('-'), "{entry:?}");
        }
        for entry in &COUNTRIES.entries {
            assert_eq!(country(entry.code), Some(entry), "a name of another country is a code");
            assert_eq!(country(entry.english), Some(entry));
            assert_eq!(country(entry.chinese), Some(entry));
        }
    }
}
