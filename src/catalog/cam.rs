//! What CAM knows of services, regions and actions, as far as the vendor's pages tell.
//!
//! `data/cam_services.tsv`, `cam_regions.tsv` and `cam_names.tsv` give each row's source and whether it was read there
//! (V) or inferred (I). `cam_actions.txt` lists API names by service.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

const SERVICES: &str = include_str!("data/cam_services.tsv");
const REGIONS: &str = include_str!("data/cam_regions.tsv");
const NAMES: &str = include_str!("data/cam_names.tsv");
const ACTIONS: &str = include_str!("data/cam_actions.txt");

/// How finely a service can be permitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Granularity {
    /// All or nothing.
    Service,
    /// By API, the resource being `*` always.
    Operation,
    /// By API and resource, for most of its APIs.
    Resource,
    /// The pages do not say.
    Unknown,
}

/// Whether conditions on the caller's address work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IpSupport {
    /// For all APIs.
    Full,
    /// For some.
    Part,
    /// For none: the key `qcs:ip` is absent.
    No,
    /// The pages do not say.
    Unknown,
}

/// What is known of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceFacts {
    /// The service in CAM actions; the first where there are several.
    pub prefix: String,
    /// How finely it can be permitted.
    pub granularity: Granularity,
    /// Whether conditions on the address work.
    pub ip: IpSupport,
    /// Whether it can be permitted by tag, where the pages say.
    pub by_tag: Option<bool>,
    /// APIs that are permitted by resource in a service of level operation, and the other way round.
    pub exceptions: Vec<&'static str>,
    /// Form of its resources, for people; blank when none is told.
    pub form: &'static str,
    /// The vendor's pages; blank when there is none.
    pub source: &'static str,
    /// Read in the source rather than inferred.
    pub verified: bool,
}

/// Facts on services, regions and actions.
#[derive(Debug)]
pub struct CamCatalog {
    services: BTreeMap<&'static str, ServiceFacts>,
    regions: BTreeMap<&'static str, &'static str>,
    names: Vec<NameRow>,
    actions: BTreeMap<&'static str, Vec<&'static str>>,
}

#[derive(Debug)]
struct NameRow {
    service: &'static str,
    holds: &'static str,
    becomes: Vec<&'static str>,
}

static BUILTIN: LazyLock<CamCatalog> = LazyLock::new(CamCatalog::read);

impl CamCatalog {
    /// The facts that come with akguard. Cheap to call.
    pub fn builtin() -> &'static Self {
        &BUILTIN
    }

    fn read() -> Self {
        Self {
            services: rows::<9>(SERVICES).map(|cells| (cells[0], facts(cells))).collect(),
            regions: rows::<3>(REGIONS).map(|[alias, region, _]| (alias, region)).collect(),
            names: rows::<5>(NAMES)
                .map(|[service, holds, becomes, ..]| NameRow { service, holds, becomes: becomes.split(' ').collect() })
                .collect(),
            actions: ACTIONS
                .lines()
                .filter(|line| !line.starts_with('#'))
                .filter_map(|line| line.split_once(": "))
                .map(|(service, names)| (service, names.split(' ').collect()))
                .collect(),
        }
    }

    /// What is known of a service by its name in the log or in CAM, in any letter case.
    pub fn service(&self, log_service: &str) -> ServiceFacts {
        let name = log_service.to_ascii_lowercase();
        self.services.get(name.as_str()).cloned().unwrap_or_else(|| ServiceFacts {
            prefix: name,
            granularity: Granularity::Unknown,
            ip: IpSupport::Unknown,
            by_tag: None,
            exceptions: Vec::new(),
            form: "",
            source: "",
            verified: false,
        })
    }

    /// How finely a service can be permitted.
    pub fn granularity_of(&self, service: &str) -> Granularity {
        self.row(service).map_or(Granularity::Unknown, |facts| facts.granularity)
    }

    /// How finely one API can be permitted.
    pub fn granularity_of_action(&self, service: &str, action: &str) -> Granularity {
        let Some(facts) = self.row(service) else { return Granularity::Unknown };
        match facts.granularity {
            Granularity::Operation if facts.exceptions.contains(&action) => Granularity::Resource,
            Granularity::Resource if facts.exceptions.contains(&action) => Granularity::Operation,
            level => level,
        }
    }

    /// The same facts with one service being all or nothing, of which the built-in table holds none.
    #[cfg(test)]
    pub(crate) fn with_service_level(service: &'static str) -> Self {
        let mut catalog = Self::read();
        let facts = ServiceFacts { granularity: Granularity::Service, ..catalog.service(service) };
        catalog.services.insert(service, facts);
        catalog
    }

    /// Whether conditions on the address work for a service.
    pub fn ip_support(&self, service: &str) -> IpSupport {
        self.row(service).map_or(IpSupport::Unknown, |facts| facts.ip)
    }

    fn row(&self, service: &str) -> Option<&ServiceFacts> {
        match self.services.get(service) {
            Some(facts) => Some(facts),
            None if service.bytes().any(|b| b.is_ascii_uppercase()) => {
                self.services.get(service.to_ascii_lowercase().as_str())
            }
            None => None,
        }
    }

    /// The region that a short name such as `gz` stands for; other names are given back as they are.
    pub fn region<'a>(&'a self, alias: &'a str) -> &'a str {
        self.regions.get(alias).copied().unwrap_or(alias)
    }

    /// Whether an API of this exact name exists in the service. Disks and networks also count as `cvm`, whose name they
    /// bear in policies.
    pub fn has_action(&self, service: &str, action: &str) -> bool {
        let service = service.to_ascii_lowercase();
        let family: &[&str] = if service == "cvm" { &["cvm", "cbs", "vpc"] } else { &[service.as_str()] };
        family.iter().any(|name| self.actions(name).binary_search(&action).is_ok())
    }

    /// The service's API names, in order; none when its catalogue is not known.
    pub fn actions(&self, service: &str) -> &[&'static str] {
        let service = if service == "as" { "autoscaling" } else { service };
        self.actions.get(service).map_or(&[], Vec::as_slice)
    }

    /// All services known by name, in order.
    pub fn services(&self) -> impl Iterator<Item = &'static str> {
        let names: BTreeSet<&'static str> = self.actions.keys().chain(self.services.keys()).copied().collect();
        names.into_iter()
    }

    /// Whether the service is known by name, in any letter case.
    pub fn has_service(&self, service: &str) -> bool {
        let name = service.to_ascii_lowercase();
        self.actions.contains_key(name.as_str()) || self.services.contains_key(name.as_str())
    }

    /// The CAM actions (`service:Name`) that a logged call may be checked as, in order. Several when the pages leave it
    /// open: such a call is permitted only if all are, and refused only if all are.
    pub fn cam_actions(&self, log_service: &str, action: &str) -> Vec<String> {
        let service = log_service.to_ascii_lowercase();
        let row = self.names.iter().find(|row| row.service == service && row.fits(action));
        let Some(row) = row else {
            return vec![format!("{}:{action}", self.service(&service).prefix)];
        };
        row.becomes.iter().map(|form| form.replace('*', action)).collect()
    }
}

impl NameRow {
    fn fits(&self, action: &str) -> bool {
        match self.holds.strip_prefix('=') {
            Some(name) => name == action,
            None => self.holds.split(' ').all(|word| action.contains(word)),
        }
    }
}

/// The rows of a table, without comments and titles.
fn rows<const N: usize>(text: &'static str) -> impl Iterator<Item = [&'static str; N]> {
    let lines = text.lines().filter(|line| !line.starts_with('#')).skip(1);
    lines.filter_map(|line| line.split('\t').collect::<Vec<_>>().try_into().ok())
}

fn facts([_, prefix, level, tag, ip, except, form, source, mark]: [&'static str; 9]) -> ServiceFacts {
    ServiceFacts {
        prefix: prefix.split(',').next().unwrap_or(prefix).to_string(),
        granularity: match level {
            "service" => Granularity::Service,
            "operation" => Granularity::Operation,
            "resource" => Granularity::Resource,
            _ => Granularity::Unknown,
        },
        ip: match ip {
            "full" => IpSupport::Full,
            "part" => IpSupport::Part,
            "no" => IpSupport::No,
            _ => IpSupport::Unknown,
        },
        by_tag: match tag {
            "yes" => Some(true),
            "no" => Some(false),
            _ => None,
        },
        exceptions: except.split(',').filter(|name| *name != "-").collect(),
        form: if form == "-" { "" } else { form },
        source,
        verified: mark == "V",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalog() -> &'static CamCatalog {
        CamCatalog::builtin()
    }

    #[test]
    fn every_row_of_every_file_is_read() {
        let lines = |text: &str| text.lines().filter(|line| !line.starts_with('#')).count();
        assert_eq!(catalog().services.len(), lines(SERVICES) - 1);
        assert_eq!(catalog().regions.len(), lines(REGIONS) - 1);
        assert_eq!(catalog().names.len(), lines(NAMES) - 1);
        assert_eq!(catalog().actions.len(), lines(ACTIONS));
        let marks = |text: &'static str| text.lines().filter(|line| !line.starts_with('#')).skip(1);
        for line in marks(SERVICES).chain(marks(REGIONS)).chain(marks(NAMES)) {
            assert!(["V", "I", "K"].contains(&line.rsplit('\t').next().unwrap()), "{line}");
        }
        for line in marks(SERVICES) {
            let cells: Vec<&str> = line.split('\t').collect();
            assert!(["service", "operation", "resource", "unknown"].contains(&cells[2]), "{line}");
            assert!(["yes", "no", "unknown"].contains(&cells[3]), "{line}");
            assert!(["full", "part", "no", "unknown"].contains(&cells[4]), "{line}");
        }
    }

    #[test]
    fn action_names_are_sorted_and_single() {
        for (service, names) in &catalog().actions {
            assert!(names.windows(2).all(|pair| pair[0] < pair[1]), "{service}");
        }
        assert!(catalog().has_action("cam", "CreateAccessKey"));
        assert!(!catalog().has_action("cam", "createAccessKey"));
        assert!(catalog().has_action("CVM", "CreateDisks"), "disks are permitted as cvm");
        assert!(!catalog().has_action("cbs", "RunInstances"));
        assert!(!catalog().has_action("cos", "GetObject"), "no catalogue of COS");
        assert!(catalog().has_action("as", "CreateAutoScalingGroup"));
    }

    #[test]
    fn services_tell_level_address_support_and_source() {
        let cos = catalog().service("COS");
        assert_eq!(
            (cos.granularity, cos.ip, cos.by_tag, cos.verified),
            (Granularity::Resource, IpSupport::Full, Some(true), true)
        );
        assert_eq!(catalog().service("cbs").prefix, "cvm");
        assert_eq!(catalog().service("cmqqueue").prefix, "cmqqueue");
        assert_eq!(catalog().granularity_of("cmqqueue"), Granularity::Unknown);
        assert_eq!(catalog().granularity_of("CAM"), Granularity::Operation);
        assert_eq!(catalog().ip_support("sts"), IpSupport::No);
        assert_eq!(catalog().granularity_of_action("cam", "PassRole"), Granularity::Resource);
        assert_eq!(catalog().granularity_of_action("cam", "CreateUser"), Granularity::Operation);
        assert_eq!(catalog().granularity_of_action("tat", "CreateCommand"), Granularity::Operation);
        assert!(catalog().has_service("cos") && catalog().has_service("yunsou") && !catalog().has_service("nosuch"));
        assert!(catalog().services().zip(catalog().services().skip(1)).all(|(a, b)| a < b));
    }

    #[test]
    fn short_regions_are_resolved() {
        assert_eq!(catalog().region("gz"), "ap-guangzhou");
        assert_eq!(catalog().region("ap-guangzhou"), "ap-guangzhou");
        assert_eq!(catalog().region(""), "");
    }

    #[test]
    fn logged_calls_become_cam_actions() {
        let actions = |service, action| catalog().cam_actions(service, action);
        assert_eq!(actions("cbs", "CreateDisks"), ["cvm:CreateDisks"]);
        assert_eq!(actions("vpc", "CreateVpc"), ["vpc:CreateVpc"]);
        assert_eq!(actions("vpc", "AllocateAddresses"), ["cvm:AllocateAddresses", "vpc:AllocateAddresses"]);
        assert_eq!(
            actions("cvm", "CreateSecurityGroupPolicy"),
            ["cvm:CreateSecurityGroupPolicy", "vpc:CreateSecurityGroupPolicy"]
        );
        assert_eq!(actions("vpc", "CreateAddressTemplate"), ["vpc:CreateAddressTemplate"]);
        assert_eq!(actions("scf", "Invoke"), ["scf:Invoke", "scf:InvokeFunction"]);
        assert_eq!(actions("Nosuch", "DoIt"), ["nosuch:DoIt"]);
        assert_eq!(actions("autoscaling", "CreateAutoScalingGroup"), ["as:CreateAutoScalingGroup"]);
    }
}
