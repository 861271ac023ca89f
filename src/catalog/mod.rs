//! Facts with their sources: API lists, error codes, tool signatures, address ranges, client strings.
//!
//! The entries live in `data/` as TSV and TOML, each with its source and review date, and are compiled
//! in. The settings file extends, narrows or replaces them. No code elsewhere holds a list.

pub mod api;
pub mod cam;
pub mod clients;
pub mod codes;
pub mod edit;
pub mod github;
pub mod params;
pub mod risk;
pub mod signatures;
mod tsv;
pub mod when;

use api::{ApiTable, HighRisk, Listed};
use edit::{EditError, Lists};
use ipnet::IpNet;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Why a catalog cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// A list in the settings is wrong.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// A file named in the settings cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A pattern of a rule is no regular expression.
    #[error("[rules.{rule}] pattern: {what}")]
    Pattern {
        /// The rule.
        rule: &'static str,
        /// What is wrong.
        what: String,
    },
    /// A saved meta document cannot be used.
    #[error("{by}: cannot use {path}: {what}")]
    Meta {
        /// The option or the setting.
        by: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        what: String,
    },
    /// A file is not in the shape of the built-in one.
    #[error("{file}: {what}")]
    Shape {
        /// The file.
        file: String,
        /// What is wrong, and where.
        what: String,
    },
}

/// All facts that rules and enrichment look things up in.
#[derive(Debug)]
pub struct Catalog {
    /// APIs whose call is dangerous.
    pub high_risk: ApiTable<HighRisk>,
    /// APIs that widen permissions.
    pub escalation: ApiTable<Listed>,
    /// APIs that make an access key.
    pub create_key: ApiTable<Listed>,
    /// APIs that make a user.
    pub create_user: ApiTable<Listed>,
    /// APIs that create resources which cost money or run code.
    pub create_resource: ApiTable<Listed>,
    /// APIs that run commands through TAT.
    pub tat_exec: ApiTable<Listed>,
    /// Error codes and what they mean.
    pub codes: codes::ErrorCodes,
    /// Ranges that GitHub calls from when it confirms a leaked key.
    pub github_hooks: Vec<IpNet>,
    /// What client strings tell.
    pub clients: clients::Clients,
    /// How attack tools behave.
    pub signatures: signatures::Signatures,
    /// What request parameters say about resources and roles.
    pub params: params::Params,
}

/// What the settings say about the catalog; paths are taken relative to `folder`.
#[derive(Debug, Default)]
pub struct Overrides {
    /// The `[lists.*]` tables.
    pub lists: Lists,
    /// A saved `api.github.com/meta` document, and the option or setting that names it.
    pub github_meta: Option<(&'static str, PathBuf)>,
    /// Another file of tool signatures.
    pub signatures: Option<PathBuf>,
    /// Other patterns for client strings.
    pub client_patterns: Vec<clients::OwnPattern>,
    /// Folder of the settings file.
    pub folder: PathBuf,
}

const HIGH_RISK: &str = include_str!("data/high_risk_apis.tsv");
const ESCALATION: &str = include_str!("data/privilege_escalation_apis.tsv");
const API_LISTS: &str = include_str!("data/api_lists.tsv");
const CODES: &str = include_str!("data/error_codes.tsv");
const GITHUB: &str = include_str!("data/github_ranges.toml");
const CLIENTS: &str = include_str!("data/client_patterns.toml");
const SIGNATURES: &str = include_str!("data/tool_signatures.toml");
const PARAMS: &str = include_str!("data/request_params.tsv");
const SERVICES: &str = include_str!("data/services.txt");

impl Catalog {
    /// The built-in catalog with `overrides` applied.
    pub fn load(overrides: &Overrides) -> Result<Self, CatalogError> {
        let lists = &overrides.lists;
        let folder = &overrides.folder;
        // The file tells its lists apart by names with an underscore.
        let listed = |name: &str, edit: &edit::ListEdit| -> Result<ApiTable<Listed>, CatalogError> {
            let file = edit.replacement(folder)?;
            let text = file.as_ref().map_or(API_LISTS, |(_, text)| text.as_str());
            let origin = file.as_ref().map_or("api_lists.tsv", |(path, _)| path.as_str());
            let mut table = api::listed(text, origin, Some(&name.replace('-', "_")))?;
            edit.apply(&mut table, name, Listed::added)?;
            Ok(table)
        };
        Ok(Self {
            high_risk: high_risk(lists, folder)?,
            escalation: escalation(lists, folder)?,
            create_key: listed("create-key", &lists.create_key)?,
            create_user: api::unconditional(listed("create-user", &lists.create_user)?, "create-user")?,
            create_resource: api::unconditional(listed("create-resource", &lists.create_resource)?, "create-resource")?,
            tat_exec: api::unconditional(listed("tat-exec", &lists.tat_exec)?, "tat-exec")?,
            codes: codes::ErrorCodes::load(CODES, &lists.denied_codes)?,
            github_hooks: github::hooks(GITHUB, &lists.github_hooks, overrides.github_meta.as_ref())?,
            clients: clients::Clients::load(CLIENTS, &overrides.client_patterns)?,
            signatures: signatures(overrides)?,
            params: params::Params::load(PARAMS)?,
        })
    }

    /// Every service that is known by name, in lower case: those of the API lists and of Tencent Cloud's catalogue.
    pub fn services(&self) -> BTreeSet<String> {
        let published = SERVICES.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let lists = [&self.escalation, &self.create_key, &self.create_user, &self.create_resource, &self.tat_exec];
        let listed = self.high_risk.names().chain(lists.into_iter().flat_map(ApiTable::names));
        let services = listed.filter_map(|api| api.split_once(':').map(|(service, _)| service));
        published.chain(services).map(str::to_ascii_lowercase).collect()
    }
}

fn high_risk(lists: &Lists, folder: &Path) -> Result<ApiTable<HighRisk>, CatalogError> {
    let edit = lists.high_risk.edit();
    let file = edit.replacement(folder)?;
    let (origin, text) = file.as_ref().map_or(("high_risk_apis.tsv", HIGH_RISK), |(p, t)| (p.as_str(), t.as_str()));
    let mut table = api::high_risk(text, origin, lists.high_risk.extended)?;
    edit.apply(&mut table, "high-risk", HighRisk::added)?;
    Ok(table)
}

fn escalation(lists: &Lists, folder: &Path) -> Result<ApiTable<Listed>, CatalogError> {
    let edit = &lists.privilege_escalation;
    let file = edit.replacement(folder)?;
    let (origin, text) =
        file.as_ref().map_or(("privilege_escalation_apis.tsv", ESCALATION), |(p, t)| (p.as_str(), t.as_str()));
    let mut table = api::listed(text, origin, None)?;
    edit.apply(&mut table, "privilege-escalation", Listed::added)?;
    Ok(table)
}

fn signatures(overrides: &Overrides) -> Result<signatures::Signatures, CatalogError> {
    match &overrides.signatures {
        None => signatures::Signatures::parse(SIGNATURES, "tool_signatures.toml"),
        Some(path) => {
            let path = overrides.folder.join(path);
            signatures::Signatures::parse(&read(&path)?, &path.display().to_string())
        }
    }
}

fn read(path: &Path) -> Result<String, CatalogError> {
    std::fs::read_to_string(path).map_err(|source| CatalogError::Read { path: path.to_path_buf(), source })
}

fn shape(file: &str, what: impl Into<String>) -> CatalogError {
    CatalogError::Shape { file: file.to_string(), what: what.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalog() -> Catalog {
        Catalog::load(&Overrides::default()).expect("the built-in catalog loads")
    }

    #[test]
    fn lists_key_on_service_and_action_together() {
        let catalog = catalog();
        assert!(catalog.high_risk.get("cam", "DeleteUser").is_some());
        assert!(catalog.high_risk.get("cam", "deleteuser").is_some());
        for other in ["dlc", "organization", "apigateway", "ciam"] {
            assert!(catalog.high_risk.get(other, "DeleteUser").is_none(), "{other}");
        }
    }

    #[test]
    fn cvm_cbs_and_vpc_are_one_family_and_autoscaling_is_as() {
        let catalog = catalog();
        assert!(catalog.high_risk.get("vpc", "TerminateInstances").is_some());
        assert!(catalog.high_risk.get("cvm", "DeleteVpc").is_some());
        assert!(catalog.create_resource.get("autoscaling", "CreateAutoScalingGroup").is_some());
        assert!(catalog.high_risk.get("lighthouse", "DeleteVpc").is_none());
    }

    #[test]
    fn services_are_those_of_the_lists_and_the_published_ones() {
        let services = catalog().services();
        for known in ["cam", "cos", "autoscaling", "workbuddyenterprise"] {
            assert!(services.contains(known), "{known}");
        }
        assert!(
            services.iter().all(|name| name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'))
        );
    }

    #[test]
    fn the_extended_tier_is_off_unless_switched_on() {
        assert!(catalog().high_risk.get("ssm", "GetSecretValue").is_none());
        let mut overrides = Overrides::default();
        overrides.lists.high_risk.extended = true;
        assert!(Catalog::load(&overrides).unwrap().high_risk.get("ssm", "GetSecretValue").is_some());
    }

    #[test]
    fn settings_add_and_remove_entries() {
        let mut overrides = Overrides::default();
        overrides.lists.high_risk.add = vec!["cvm:RunInstances".into()];
        overrides.lists.high_risk.remove = vec!["cam:ListAccessKeys".into()];
        let catalog = Catalog::load(&overrides).unwrap();
        assert!(catalog.high_risk.get("cvm", "RunInstances").is_some());
        assert!(catalog.high_risk.get("cam", "ListAccessKeys").is_none());
        overrides.lists.high_risk.remove = vec!["cam:ListAccesKeys".into()];
        let error = Catalog::load(&overrides).unwrap_err().to_string();
        assert!(error.contains("cam:ListAccessKeys"), "{error}");
    }
}
