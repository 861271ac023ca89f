//! The settings file, and where it is looked for. See docs/settings.md.

use crate::catalog::clients::OwnPattern;
use crate::catalog::edit::{Lists, near, nearest};
use crate::catalog::{Catalog, CatalogError, Overrides};
use crate::detect::params;
use crate::detect::rules::cloud_manager_call::CloudManagerCall;
use crate::detect::rules::hacker_tool::HackerTool;
use crate::detect::rules::{ActiveRule, RuleError, active};
use crate::event::time::parse_offset;
use ipnet::IpNet;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file cannot be read.
    #[error("cannot read settings file {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not TOML, or holds an unknown name.
    #[error("cannot read settings file {path}: {what}")]
    Parse {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        what: String,
    },
    /// A rule's settings are wrong.
    #[error(transparent)]
    Rule(#[from] RuleError),
    /// A list is wrong.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// The zone has no such name.
    #[error("{by}: {name:?} is not a time zone; use a name such as Asia/Shanghai or Europe/Berlin")]
    Zone {
        /// The option or the setting.
        by: &'static str,
        /// What was written.
        name: String,
    },
    /// Too few or too many calls to keep.
    #[error("[database]: calls_per_record is {0}; it is a number from 100 to 1000000")]
    CallsPerRecord(u32),
    /// The offset cannot be read.
    #[error("{by}: {text:?} is not an offset; use one such as +08:00")]
    Offset {
        /// The option or the setting.
        by: &'static str,
        /// What was written.
        text: String,
    },
}

impl SettingsError {
    /// Whether an option is to blame, and not the file.
    pub fn of_an_option(&self) -> bool {
        match self {
            Self::Zone { by, .. } | Self::Offset { by, .. } | Self::Catalog(CatalogError::Meta { by, .. }) => {
                by.starts_with('-')
            }
            Self::Read { .. } => true,
            _ => false,
        }
    }
}

/// The settings file as written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    tz: Option<String>,
    naive_tz: Option<String>,
    github_meta: Option<PathBuf>,
    rules: BTreeMap<String, toml::Table>,
    lists: Lists,
    database: Database,
}

/// What of the calls is kept.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Database {
    calls_per_record: u32,
}

impl Default for Database {
    /// A thousand calls show what went on; the counts are exact beyond them.
    fn default() -> Self {
        Self { calls_per_record: 1000 }
    }
}

/// The settings, with what the command line says on top.
#[derive(Debug, Default)]
pub struct Settings {
    file: File,
    folder: PathBuf,
    /// Zone of local dates, from the command line.
    pub tz: Option<String>,
    /// Offset of times without one, from the command line.
    pub naive_tz: Option<String>,
    /// A saved meta document, from the command line.
    pub github_meta: Option<PathBuf>,
}

/// The zone when nobody names one: the console's own.
const DEFAULT_ZONE: chrono_tz::Tz = chrono_tz::Asia::Shanghai;
/// The offset of times without one: proven to be +08:00 for the China site.
const DEFAULT_OFFSET: i32 = 8 * 3600;

/// No settings file is longer. Somebody may name a device that never ends.
const MOST_BYTES: u64 = 16 << 20;

/// The bytes of the settings file at `path`.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(MOST_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MOST_BYTES { Err(io::Error::other("longer than 16 MiB")) } else { Ok(bytes) }
}

/// The line, from 1, in which the byte `at` of a text stands.
fn line_of(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}

impl Settings {
    /// Reads the settings file at `path`.
    pub fn read(path: &Path) -> Result<Self, SettingsError> {
        let bytes = read(path).map_err(|source| SettingsError::Read { path: path.to_path_buf(), source })?;
        let text = String::from_utf8(bytes).map_err(|error| {
            let line = line_of(&String::from_utf8_lossy(error.as_bytes()), error.utf8_error().valid_up_to());
            SettingsError::Parse { path: path.to_path_buf(), what: format!("line {line}: not UTF-8 text") }
        })?;
        Self::parse(&text, path)
    }

    /// The settings of a text that stands, or would stand, in the file at `path`.
    pub fn parse(text: &str, path: &Path) -> Result<Self, SettingsError> {
        let folder = path.parent().map(Path::to_path_buf).unwrap_or_default();
        let file = toml::from_str(text).map_err(|error| {
            let line = error.span().map_or(1, |span| line_of(text, span.start));
            SettingsError::Parse { path: path.to_path_buf(), what: format!("line {line}: {}", error.message()) }
        })?;
        Ok(Self { file, folder, ..Self::default() })
    }

    /// The zone of local dates and hours.
    pub fn zone(&self) -> Result<chrono_tz::Tz, SettingsError> {
        let by = if self.tz.is_some() { "--tz" } else { "tz" };
        let name = self.tz.as_ref().or(self.file.tz.as_ref());
        name.map_or(Ok(DEFAULT_ZONE), |name| name.parse().map_err(|_| SettingsError::Zone { by, name: name.clone() }))
    }

    /// Seconds east of UTC of times without an offset.
    pub fn naive_offset(&self) -> Result<i32, SettingsError> {
        let by = if self.naive_tz.is_some() { "--naive-tz" } else { "naive_tz" };
        let text = self.naive_tz.as_ref().or(self.file.naive_tz.as_ref());
        let wrong = |text: &String| SettingsError::Offset { by, text: text.clone() };
        text.map_or(Ok(DEFAULT_OFFSET), |text| parse_offset(text).ok_or_else(|| wrong(text)))
    }

    /// Calls of a record that a database keeps beside their count.
    pub fn calls_per_record(&self) -> Result<usize, SettingsError> {
        let most = self.file.database.calls_per_record;
        // The first hundred request ids of an alarm are its evidence.
        let wrong = || SettingsError::CallsPerRecord(most);
        usize::try_from(most).ok().filter(|most| (100..=1_000_000).contains(most)).ok_or_else(wrong)
    }

    /// Other files that the settings name.
    pub fn files(&self) -> Vec<PathBuf> {
        let meta =
            self.github_meta.clone().or_else(|| self.file.github_meta.as_ref().map(|path| self.folder.join(path)));
        let signatures = self.rule_params::<HackerTool>("hacker-tool").ok().and_then(|rule| rule.signatures);
        meta.into_iter().chain(signatures.map(|path| self.folder.join(path))).collect()
    }

    /// The rules that are on.
    pub fn rules(&self) -> Result<Vec<ActiveRule>, SettingsError> {
        Ok(active(&self.file.rules)?)
    }

    /// The catalog with the settings' changes.
    pub fn catalog(&self) -> Result<Catalog, SettingsError> {
        let hacker_tool: HackerTool = self.rule_params("hacker-tool")?;
        let pattern_of = |id: &str| {
            let table = self.file.rules.get(id)?;
            table.get("pattern")?.as_str().map(str::to_string)
        };
        let patterns = [("cos-browser", "cos-browser-call"), ("cloud-manager", "cloud-manager-call")];
        let own = |(client, rule)| Some(OwnPattern { client, rule, pattern: pattern_of(rule)? });
        let client_patterns = patterns.into_iter().filter_map(own).collect();
        let typed = self.github_meta.as_ref().map(|path| ("--github-meta", path.clone()));
        let meta = || self.file.github_meta.as_ref().map(|path| ("github_meta", self.folder.join(path)));
        let catalog = Catalog::load(&Overrides {
            lists: self.file.lists.clone(),
            github_meta: typed.or_else(meta),
            signatures: hacker_tool.signatures,
            client_patterns,
            folder: self.folder.clone(),
        })?;
        let known: Vec<&str> = catalog.signatures.ids().collect();
        match hacker_tool.disable.iter().find(|id| !known.contains(&id.as_str())) {
            None => Ok(catalog),
            Some(id) => {
                let near = near(nearest(id, known.iter().copied()));
                let what = format!("disable: there is no signature or behaviour {id:?}{near}");
                Err(RuleError::Setting { id: "hacker-tool", what }.into())
            }
        }
    }

    /// The addresses of the user's own cloud manager.
    pub fn cloud_manager_ips(&self) -> Result<Vec<IpNet>, SettingsError> {
        let rule: CloudManagerCall = self.rule_params("cloud-manager-call")?;
        rule.ranges().map_err(|what| RuleError::Setting { id: "cloud-manager-call", what }.into())
    }

    fn rule_params<P: serde::de::DeserializeOwned>(&self, id: &'static str) -> Result<P, SettingsError> {
        let mut table = self.file.rules.get(id).cloned().unwrap_or_default();
        for common in ["enabled", "level", "include_service_roles"] {
            table.remove(common);
        }
        params(table).map_err(|what| RuleError::Setting { id, what }.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(text: &str) -> Result<Settings, SettingsError> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("akguard.toml");
        std::fs::write(&path, text).expect("a file");
        Settings::read(&path)
    }

    fn error(text: &str) -> String {
        let checked = settings(text).and_then(|s| {
            s.zone()?;
            s.naive_offset()?;
            s.rules()?;
            s.cloud_manager_ips()?;
            s.catalog().map(drop)
        });
        checked.expect_err("an error").to_string()
    }

    #[test]
    fn rules_are_switched_and_relevelled() {
        let text = "[rules.cos-browser-call]\nenabled = false\n[rules.create-key]\nlevel = \"note\"\n[rules.abnormal-ip-high-risk-api]\nenabled = true\n";
        let rules = settings(text).unwrap().rules().unwrap();
        let level = |id: &str| rules.iter().find(|r| r.meta.id == id).map(|r| r.level.as_str());
        assert_eq!(level("cos-browser-call"), None);
        assert_eq!(level("create-key"), Some("note"));
        assert_eq!(level("abnormal-ip-high-risk-api"), Some("critical"));
        assert_eq!(rules.len(), 14);
    }

    #[test]
    fn mistakes_are_named_with_the_nearest_valid_name() {
        assert!(error("[rules.create-keys]\n").contains("create-key"));
        assert!(error("[rules.create-key]\nlevel = \"urgent\"\n").contains("critical, high"));
        assert!(error("[rules.dormant-key-used]\nday = 3\n").contains("day"));
        assert!(error("[rules.cloud-manager-call]\nips = [\"300.1.1.1\"]\n").contains("300.1.1.1"));
        assert!(error("tz = \"Mars/Olympus\"\n").contains("Mars/Olympus"));
        assert!(error("\n\ncolour = true\n").contains("line 3"));
        assert!(error("[lists.high-risk]\nadd = [\"DeleteUser\"]\n").contains("service:Action"));
    }
}
