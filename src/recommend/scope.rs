//! Which resources a call was about, in the form that policies name them.

use super::input::{Holder, Resources};
use crate::catalog::cam::Granularity;
use std::collections::BTreeSet;

/// Segments of a resource: qcs, project, service, region, account, resource.
const SEGMENTS: usize = 6;

/// How the resources of a call are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// The log lists them.
    Logged,
    /// They were built from the request's parameters.
    Built,
    /// They are patterns that cover what the log lists.
    Widened,
}

/// Resources of a call, with the account made explicit where it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// The log does not tell; it may have been anything.
    Unknown,
    /// The call was judged on `*`.
    All,
    /// The call was judged on each of these.
    These {
        /// The resources.
        list: BTreeSet<String>,
        /// How they are known.
        origin: Origin,
    },
}

impl Scope {
    /// Reads the resources of a call to a service of this granularity.
    ///
    /// Resources built from parameters count only where the service is known to be of resource level: an API of operation
    /// level that is granted on a resource is refused (documented by the vendor). What the log lists counts always.
    pub(super) fn of(resources: &Resources, granularity: Granularity, holder: &Holder) -> Self {
        match resources {
            Resources::Logged(list) => Self::these(list, Origin::Logged, holder),
            Resources::Widened(list) => Self::these(list, Origin::Widened, holder),
            Resources::Built(list) if granularity == Granularity::Resource => Self::these(list, Origin::Built, holder),
            Resources::Built(_) | Resources::Unknown => Self::Unknown,
        }
    }

    /// The scope of one resource as a refusal names it.
    pub(super) fn of_one(resource: &str, holder: &Holder) -> Self {
        Self::these(&BTreeSet::from([resource.to_owned()]), Origin::Logged, holder)
    }

    /// A scope that is one resource, already explicit.
    pub(super) fn one(resource: String, origin: Origin) -> Self {
        Self::These { list: BTreeSet::from([resource]), origin }
    }

    fn these(list: &BTreeSet<String>, origin: Origin, holder: &Holder) -> Self {
        // Too many different resources were seen to tell them apart: that is not being judged on all of them.
        match (list.contains("*"), origin) {
            (true, Origin::Widened) => return Self::Unknown,
            (true, _) => return Self::All,
            (false, _) => {}
        }
        let explicit: Option<BTreeSet<String>> = list.iter().map(|resource| explicit(resource, holder)).collect();
        explicit.filter(|list| !list.is_empty()).map_or(Self::Unknown, |list| Self::These { list, origin })
    }

    /// The resources to name in a policy; none when only `*` will do.
    pub(super) fn listed(&self) -> Option<&BTreeSet<String>> {
        match self {
            Self::These { list, .. } => Some(list),
            Self::Unknown | Self::All => None,
        }
    }

    /// How the resources are known, where they are.
    pub(super) fn origin(&self) -> Option<Origin> {
        match self {
            Self::These { origin, .. } => Some(*origin),
            Self::Unknown | Self::All => None,
        }
    }
}

/// The account part of a resource: COS and CAS name the APPID, all others the UIN (documented by the vendor).
fn account_of(service: &str, logged: &str, holder: &Holder) -> String {
    if !matches!(logged, "" | "uin/" | "uid/") {
        return logged.to_owned();
    }
    let (kind, id) = if matches!(service, "cos" | "cas") { ("uid", &holder.app_id) } else { ("uin", &holder.account) };
    if id.is_empty() { String::new() } else { format!("{kind}/{id}") }
}

/// Writes a logged resource as a policy names it; none for what is not of six segments.
///
/// The project stays empty as it may not be filled in today. A `${` would be read as a variable, so a `*` stands for the `$`.
fn explicit(resource: &str, holder: &Holder) -> Option<String> {
    let parts: Vec<&str> = resource.splitn(SEGMENTS, ':').collect();
    let &[start, _, service, region, account, rest] = parts.as_slice() else { return None };
    if start != "qcs" || rest.is_empty() {
        return None;
    }
    let account = account_of(service, account, holder);
    Some(format!("qcs::{service}:{region}:{account}:{rest}").replace("${", "*{"))
}

/// The part after the account, which tells concrete resources apart.
pub(super) fn last_segment(resource: &str) -> &str {
    resource.splitn(SEGMENTS, ':').nth(SEGMENTS - 1).unwrap_or(resource)
}

/// How much of a resource stands for its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Depth {
    /// All up to the last `/`: the directory of an object.
    Directory,
    /// All up to the first `/` of the last segment: the bucket of an object, the type of an id.
    Kind,
}

/// What stands before a resource's id, the slash included; none for patterns and for what has no `/`.
pub(super) fn family(resource: &str, depth: Depth) -> Option<&str> {
    let last = last_segment(resource);
    let slash = match depth {
        Depth::Directory => last.rfind('/'),
        Depth::Kind => last.find('/'),
    };
    let slash = slash.filter(|_| !resource.contains('*'))?;
    resource.get(..resource.len() - last.len() + slash + 1)
}

#[cfg(test)]
mod tests {
    use super::super::needs::tests::holder;
    use super::*;

    fn set(list: &[&str]) -> BTreeSet<String> {
        list.iter().map(|&text| text.to_owned()).collect()
    }

    #[test]
    fn accounts_become_explicit_in_the_form_of_the_service() {
        let of = |text| explicit(text, &holder()).unwrap();
        assert_eq!(of("qcs::teo:::zone/z-1"), "qcs::teo::uin/100000000001:zone/z-1");
        assert_eq!(of("qcs::tke:ap-beijing:uin/:cluster/c"), "qcs::tke:ap-beijing:uin/100000000001:cluster/c");
        assert_eq!(of("qcs::cos:gz::b-1250000000/a:b"), "qcs::cos:gz:uid/1250000000:b-1250000000/a:b");
        assert_eq!(of("qcs:id/0:cvm:gz:uin/7:instance/i"), "qcs::cvm:gz:uin/7:instance/i");
    }

    #[test]
    fn an_unknown_account_stays_blank() {
        let nobody = Holder { account: String::new(), app_id: String::new(), ..holder() };
        assert_eq!(explicit("qcs::teo:::zone/z", &nobody).unwrap(), "qcs::teo:::zone/z");
    }

    #[test]
    fn variables_cannot_be_smuggled_in() {
        assert_eq!(explicit("qcs::cos:gz:uid/1:b-1/${uin}", &holder()).unwrap(), "qcs::cos:gz:uid/1:b-1/*{uin}");
    }

    #[test]
    fn what_is_no_resource_makes_the_scope_unknown() {
        let logged = |list: &[&str]| Scope::of(&Resources::Logged(set(list)), Granularity::Resource, &holder());
        assert_eq!(logged(&["qcs::cvm:uin/1410643447:*"]), Scope::Unknown);
        assert_eq!(logged(&[]), Scope::Unknown);
        assert_eq!(logged(&["qcs::cvm:gz:uin/1:instance/a", "*"]), Scope::All);
    }

    #[test]
    fn built_resources_count_only_at_resource_level() {
        let built = Resources::Built(set(&["qcs::cvm:gz:uin/1:instance/a"]));
        assert_eq!(Scope::of(&built, Granularity::Operation, &holder()), Scope::Unknown);
        assert_eq!(Scope::of(&built, Granularity::Unknown, &holder()), Scope::Unknown);
        assert_eq!(Scope::of(&built, Granularity::Resource, &holder()).origin(), Some(Origin::Built));
    }

    #[test]
    fn families_end_at_a_slash() {
        let object = "qcs::cos:gz:uid/1:b-1/x/y";
        assert_eq!(family(object, Depth::Kind), Some("qcs::cos:gz:uid/1:b-1/"));
        assert_eq!(family(object, Depth::Directory), Some("qcs::cos:gz:uid/1:b-1/x/"));
        assert_eq!(family("qcs::cos:gz:uid/1:b-1", Depth::Kind), None);
        assert_eq!(family("qcs::cvm:gz:uin/1:instance/*", Depth::Directory), None);
    }
}
