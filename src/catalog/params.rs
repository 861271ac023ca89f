//! What request parameters say about resources and about roles handed to services.

use super::tsv::Tsv;
use super::{CatalogError, shape};
use hashbrown::HashMap;

/// What the parameters of one API say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AskedBy {
    /// Parameters that name resources, each with the form of the resource.
    pub resources: Vec<(String, String)>,
    /// The parameter that names a role; calling with it needs cam:PassRole.
    pub role: Option<String>,
}

/// The parameters of all APIs.
#[derive(Debug)]
pub struct Params {
    resources: HashMap<String, Vec<Entry>>,
    roles: HashMap<(String, String), String>,
}

#[derive(Debug)]
struct Entry {
    action: String,
    parameter: String,
    template: String,
}

/// Beginnings of the names of calls that have no resource yet, or are about many.
const UNSCOPED: [&str; 14] = [
    "Create", "Run", "Allocate", "Describe", "List", "Get", "Inquiry", "Inquire", "Query", "Search", "Check", "Import",
    "Purchase", "Add",
];

impl Params {
    /// Reads the list.
    pub(super) fn load(text: &str) -> Result<Self, CatalogError> {
        const FILE: &str = "request_params.tsv";
        let tsv = Tsv::parse(text, FILE)?;
        let mut params = Self { resources: HashMap::new(), roles: HashMap::new() };
        for row in tsv.rows(&["kind", "service", "action", "parameter", "template"])? {
            let (line, cells) = row?;
            let [kind, service, action, parameter, template] = cells[..] else { continue };
            let (service, action, parameter) = (service.to_string(), action.to_string(), parameter.to_string());
            match kind {
                "resource" => {
                    let entry = Entry { action, parameter, template: template.to_string() };
                    params.resources.entry(service).or_default().push(entry);
                }
                "role" => drop(params.roles.insert((service, action), parameter)),
                other => return Err(shape(FILE, format!("line {line}: `{other}` is neither resource nor role"))),
            }
        }
        Ok(params)
    }

    /// What the parameters of an API say.
    pub fn of(&self, service: &str, action: &str) -> AskedBy {
        let service = service.to_ascii_lowercase();
        let scoped = service == "cos" || !UNSCOPED.iter().any(|verb| action.starts_with(verb));
        let fits = |entry: &&Entry| entry.action == action || (entry.action == "*" && scoped);
        let entries = self.resources.get(&service).into_iter().flatten().filter(fits);
        AskedBy {
            resources: entries.map(|entry| (entry.parameter.clone(), entry.template.clone())).collect(),
            role: self.roles.get(&(service, action.to_string())).cloned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_that_change_something_name_it() {
        let params = Params::load(include_str!("data/request_params.tsv")).unwrap();
        let names = |service: &str, action: &str| params.of(service, action).resources.len();
        assert_eq!((names("cvm", "TerminateInstances"), names("cvm", "DescribeInstances")), (2, 0));
        assert_eq!((names("cos", "GetBucket"), names("cam", "CreateAccessKey"), names("cam", "AddUser")), (1, 1, 0));
        assert_eq!(params.of("scf", "CreateFunction").role.as_deref(), Some("Role"));
        assert_eq!(params.of("scf", "InvokeFunction"), AskedBy::default());
    }

    #[test]
    fn a_row_of_another_kind_is_refused() {
        let text = "kind\tservice\taction\tparameter\ttemplate\nthing\tcvm\t*\tA\t-\n";
        assert!(Params::load(text).unwrap_err().to_string().contains("line 2"));
    }
}
