//! What follows from an API's name: service, read or write, destructive or not; and region spellings.

use regex::Regex;
use std::borrow::Cow;
use std::sync::LazyLock;

/// Actions that start with one of these read, when the event does not say (`actionType` is missing).
const READING: &[&str] = &[
    "Describe", "Get", "List", "Query", "Check", "Inquire", "Inquiry", "Search", "LookUp", "Lookup", "Count",
    "Preview", "Verify",
];

/// Actions that destroy. Inferred from the vendor's action catalogue: the verbs of its deleting APIs.
static DESTROYS: LazyLock<Regex> = LazyLock::new(|| {
    let verbs = "Delete|Terminate|Destroy|Isolate|Offline|Purge|Recycle|Clear|CleanUp|Drop|Remove|Erase|Wipe|\
                 Uninstall|Revoke|Return|Refund|Release";
    Regex::new(&format!("^(Batch|Force)?({verbs})([A-Z].*)?$")).expect("the pattern is valid")
});

/// Exceptions: bringing something back from isolation, and housekeeping of harmless things.
static HARMLESS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new("^Release(Isolated|.*Isolated)|(ExportJob|WhiteList|Tags?|Dashboards?|Templates?)$")
        .expect("the pattern is valid")
});

/// Whether an action destroys something, by its name.
pub fn is_destructive(action: &str) -> bool {
    DESTROYS.is_match(action) && !HARMLESS.is_match(action)
}

/// Whether an action reads, by its name.
pub fn reads_by_name(action: &str) -> bool {
    READING.iter().any(|verb| action.starts_with(verb))
}

/// Whether a call writes: as `actionType` says, else by the action's name.
pub fn writes(action_type: &str, reads_by_name: bool) -> bool {
    if action_type.eq_ignore_ascii_case("read") {
        false
    } else if action_type.eq_ignore_ascii_case("write") {
        true
    } else {
        !reads_by_name
    }
}

/// The host of `eventSource`, which may carry a path.
pub fn host(source: &str) -> &str {
    let rest = source.split_once("://").map_or(source, |(_, rest)| rest);
    rest.split(['/', ':']).next().unwrap_or_default()
}

/// The service: `resourceType`, else the first label of the host; lower case, aliases resolved.
pub fn service<'a>(resource_type: &'a str, source: &'a str) -> Cow<'a, str> {
    let name =
        if resource_type.is_empty() { host(source).split('.').next().unwrap_or_default() } else { resource_type };
    let lower = if name.bytes().any(|b| b.is_ascii_uppercase()) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    };
    if lower == "autoscaling" { Cow::Borrowed("as") } else { lower }
}

/// Where an address is, as exports with `IsReturnLocation` say; they write `未知` when they do not know.
pub fn location(location: &str) -> &str {
    if location == "未知" { "" } else { location }
}

/// Regions under the names used since 2017; before, some were two letters.
pub fn region(region: &str) -> &str {
    match region {
        "gz" => "ap-guangzhou",
        "sh" => "ap-shanghai",
        "bj" => "ap-beijing",
        "cd" => "ap-chengdu",
        "cq" => "ap-chongqing",
        "hk" => "ap-hongkong",
        "sg" => "ap-singapore",
        "ca" => "na-toronto",
        "usw" => "na-siliconvalley",
        "use" => "na-ashburn",
        "de" => "eu-frankfurt",
        "kr" => "ap-seoul",
        "in" => "ap-mumbai",
        "jp" => "ap-tokyo",
        "th" => "ap-bangkok",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn destructive_names_are_whole_words() {
        for action in [
            "DeleteUser",
            "TerminateInstances",
            "BatchDeleteImage",
            "ForceDeleteNamespace",
            "Delete",
            "ReleaseAddresses",
        ] {
            assert!(is_destructive(action), "{action}");
        }
        for action in [
            "Deleted1",
            "Undelete",
            "DescribeDeleted",
            "DeleteTags",
            "DeleteTag",
            "DeleteExportJob",
            "ReleaseIsolatedDBInstances",
            "DeleteWhiteList",
            "CreateUser",
        ] {
            assert!(!is_destructive(action), "{action}");
        }
    }

    #[test]
    fn the_action_type_decides_and_the_name_stands_in() {
        assert!(!writes("Read", false));
        assert!(writes("write", true));
        assert!(writes("", reads_by_name("DeleteUser")));
        assert!(!writes("", reads_by_name("LookUpEvents")));
    }

    #[test]
    fn the_service_comes_from_type_or_host() {
        assert_eq!(service("CAM", ""), "cam");
        assert_eq!(service("", "cvm.ap-guangzhou.api.tencentyun.com/v2/index.php"), "cvm");
        assert_eq!(service("autoscaling", ""), "as");
        assert_eq!(host("cloudaudit.api.tencentyun.com/v2/index.php"), "cloudaudit.api.tencentyun.com");
    }
}
