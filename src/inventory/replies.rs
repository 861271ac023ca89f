//! Saved JSON replies: splitting a file into documents, unwrapping them, and telling by
//! their fields which call they answer. Taking them over is in `assets`, `accounts` and
//! `attached`.

use serde_json::{Deserializer, Value};

use super::accounts;
use super::assets::{self, ASSET_CALLS, CSIP_ASSETS};
use super::attached::{self, Attach};
use super::fields::{self, Object, field, list};
use super::import::{Import, Place, Taken, line_at};

/// Documents broken, or all of other kinds, after which the rest of a file is not tried.
const GIVE_UP: usize = 100;

/// The calls that list csip assets, by a word for each in the file name or entry.
const CSIP_CALLS: [(&str, &str); 5] = [
    ("DescribeCVMAssets", "CVM"),
    ("DescribePublicIpAssets", ""),
    ("DescribeNICAssets", "ENI"),
    ("DescribeDbAssets", ""),
    ("DescribeGatewayAssets", ""),
];

/// Takes all replies of the file, or returns nothing if there is none.
pub(super) fn take(import: &mut Import<'_>) -> Option<Taken> {
    let text = import.text;
    let mut seen = Seen::default();
    let mut start = 0;
    while start < text.len() && !seen.is_hopeless() {
        let mut stream = Deserializer::from_str(&text[start..]).into_iter::<Value>();
        match stream.next() {
            None => break,
            Some(Ok(value)) => {
                let from = start;
                start += stream.byte_offset();
                seen.take_value(import, &value, None, from);
            }
            Some(Err(error)) => {
                seen.broken += 1;
                let line = line_at(text, start) + error.line() as u64 - 1;
                import.problem(Place::Line(line), "", broken(&error));
                start = next_document(text, start);
            }
        }
    }
    if seen.broken >= GIVE_UP {
        import.problem(Place::File, "", "too much is broken; the rest is left out".to_owned());
    }
    seen.into_taken()
}

/// Keeps serde's words but not its line, which counts from the document's start.
fn broken(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let what = text.split(" at line ").next().unwrap_or_default();
    format!("JSON cannot be read: {what}")
}

/// A document begins where a line begins with a bracket: true of one a line and of
/// indented ones alike. Returns the end of the text when there is none.
fn next_document(text: &str, start: usize) -> usize {
    let bytes = text.as_bytes();
    let blank = text[start..].len() - text[start..].trim_start().len();
    let begins = |at: &usize| bytes[*at - 1] == b'\n' && matches!(bytes[*at], b'{' | b'[');
    (start + blank + 1..bytes.len()).find(begins).unwrap_or(bytes.len())
}

/// What a file has given so far.
#[derive(Default)]
struct Seen {
    calls: Vec<String>,
    entries: usize,
    others: usize,
    broken: usize,
}

impl Seen {
    fn is_hopeless(&self) -> bool {
        self.broken >= GIVE_UP || self.calls.is_empty() && self.others >= GIVE_UP
    }

    fn into_taken(self) -> Option<Taken> {
        let (taken_for, entries) = (self.calls.join(", "), self.entries);
        (!self.calls.is_empty()).then_some(Taken { taken_for, entries })
    }

    fn take_value(&mut self, import: &mut Import<'_>, value: &Value, outer: Option<&Object>, from: usize) {
        match value {
            Value::Array(items) => {
                for item in items {
                    self.take_value(import, item, outer, from);
                }
            }
            Value::Object(body) => self.take_body(import, body, outer, from),
            _ => self.others += 1,
        }
    }

    /// Takes a reply, out of its wrapping where it has one.
    fn take_body(&mut self, import: &mut Import<'_>, body: &Object, outer: Option<&Object>, from: usize) {
        for name in ["Response", "data"] {
            if let Some(inner @ Value::Object(_)) = field(body, name) {
                return self.take_value(import, inner, Some(body), from);
            }
        }
        let reply = Reply { body, outer, from };
        match take_reply(import, &reply) {
            Some((call, entries)) => {
                self.entries += entries;
                if !self.calls.contains(&call) {
                    self.calls.push(call);
                }
            }
            None => self.others += 1,
        }
    }
}

/// One reply, with what was wrapped around it.
pub(super) struct Reply<'v> {
    /// The fields of the reply.
    pub(super) body: &'v Object,
    /// The object around `Response`, where someone may have noted the user.
    pub(super) outer: Option<&'v Object>,
    /// The byte its document begins at.
    pub(super) from: usize,
}

/// What a reply was taken for, and how many entries it gave.
type Told = (String, usize);

fn take_reply(import: &mut Import<'_>, reply: &Reply<'_>) -> Option<Told> {
    take_error(import, reply)
        .or_else(|| take_resources(import, reply))
        .or_else(|| take_keys(import, reply))
        .or_else(|| take_data(import, reply))
        .or_else(|| take_attachments(import, reply))
        .or_else(|| take_list(import, reply))
        .or_else(|| take_single(import, reply))
}

fn take_error(import: &mut Import<'_>, reply: &Reply<'_>) -> Option<Told> {
    let error = field(reply.body, "Error")?.as_object()?;
    let code = fields::text(error, &["Code"])?;
    let what = format!("the call had failed: {}", fields::quoted(&code));
    import.problem(Place::From(reply.from), &code, what);
    Some(("failed call".to_owned(), 0))
}

fn take_resources(import: &mut Import<'_>, reply: &Reply<'_>) -> Option<Told> {
    for call in &ASSET_CALLS {
        if let Some(items) = list(reply.body, call.list) {
            let entries = assets::take_assets(import, call, items, reply.from);
            return Some((call.call.to_owned(), entries));
        }
    }
    for (name, call) in [("VpcSet", "vpc DescribeVpcs"), ("SubnetSet", "vpc DescribeSubnets")] {
        if let Some(items) = list(reply.body, name) {
            let entries = assets::take_networks(import, items, reply.from);
            return Some((call.to_owned(), entries));
        }
    }
    None
}

fn take_keys(import: &mut Import<'_>, reply: &Reply<'_>) -> Option<Told> {
    for (name, call) in [
        ("AccessKeys", "cam ListAccessKeys"),
        ("IdKeys", "sts QueryApiKey"),
        ("SecretIdLastUsedRows", "cam GetSecurityLastUsed"),
    ] {
        if let Some(items) = list(reply.body, name) {
            return Some((call.to_owned(), accounts::take_keys(import, reply, items)));
        }
    }
    let items = list(reply.body, "SubAccounts")?;
    let entries = accounts::take_users(import, reply, items);
    Some(("cam DescribeSubAccounts".to_owned(), entries))
}

/// `Data` is what both csip and cam call their lists.
fn take_data(import: &mut Import<'_>, reply: &Reply<'_>) -> Option<Told> {
    let items = list(reply.body, "Data")?;
    let Some(first) = items.iter().find_map(Value::as_object) else {
        return items.is_empty().then(|| ("empty reply".to_owned(), 0));
    };
    let has = |name| field(first, name).is_some();
    // Call records have a SourceIP too, and no Remark of their own.
    if has("SourceIP") && has("Remark") && !has("CallID") {
        let entries = assets::take_sources(import, items, reply.from);
        Some(("csip DescribeSourceIPAsset".to_owned(), entries))
    } else if has("AssetId") {
        let call = csip_call(&import.stem, first);
        Some((call, assets::take_assets(import, &CSIP_ASSETS, items, reply.from)))
    } else if has("LastAccessTime") && has("SubUin") {
        let entries = accounts::take_keys(import, reply, items);
        Some(("csip DescribeAccessKeyAsset".to_owned(), entries))
    } else if has("Uin") && has("Name") && !has("AppId") {
        let entries = accounts::take_users(import, reply, items);
        Some(("cam ListUsers".to_owned(), entries))
    } else {
        None
    }
}

fn csip_call(stem: &str, first: &Object) -> String {
    let named = CSIP_CALLS.iter().find(|(call, _)| stem.contains(call));
    let kind = fields::text(first, &["AssetType"]).unwrap_or_default();
    let typed = || CSIP_CALLS.iter().find(|(_, word)| !word.is_empty() && *word == kind);
    let call = if let Some((call, _)) = named {
        call
    } else if field(first, "PublicIpType").is_some() {
        "DescribePublicIpAssets"
    } else if field(first, "AddressIPV6").is_some() {
        "DescribeGatewayAssets"
    } else if let Some((call, _)) = typed() {
        call
    } else {
        return CSIP_ASSETS.call.to_owned();
    };
    format!("csip {call}")
}

/// `List` is what cam calls roles, policies and attached policies alike.
fn take_list(import: &mut Import<'_>, reply: &Reply<'_>) -> Option<Told> {
    let items = list(reply.body, "List")?;
    let Some(first) = items.iter().find_map(Value::as_object) else {
        return items.is_empty().then(|| take_nothing(import, reply));
    };
    let has = |name| field(first, name).is_some();
    if has("RoleName") && has("RoleId") {
        Some(("cam DescribeRoleList".to_owned(), accounts::take_roles(import, reply, items)))
    } else if !has("PolicyName") {
        None
    } else if has("Attachments") || has("ServiceType") {
        Some(("cam ListPolicies".to_owned(), attached::take_policies(import, items)))
    } else {
        let attach = Attach::of(&import.stem, first, reply);
        let entries = attached::take_attached(import, reply, items, attach);
        Some((attach.call().to_owned(), entries))
    }
}

/// An empty list tells something as well, if it can be told whose it is.
fn take_nothing(import: &mut Import<'_>, reply: &Reply<'_>) -> Told {
    let Some(attach) = Attach::of_nothing(&import.stem, reply) else {
        return ("empty reply".to_owned(), 0);
    };
    (attach.call().to_owned(), attached::take_attached(import, reply, &[], attach))
}

/// Lists of cam with names of their own.
fn take_attachments(import: &mut Import<'_>, reply: &Reply<'_>) -> Option<Told> {
    if let Some(items) = list(reply.body, "PolicyList") {
        let entries = attached::take_attached(import, reply, items, Attach::UserAll);
        Some((Attach::UserAll.call().to_owned(), entries))
    } else if let Some(items) = list(reply.body, "GroupInfo") {
        let (call, entries) = attached::take_groups(import, reply, items);
        Some((call.to_owned(), entries))
    } else {
        let items = list(reply.body, "UserInfo")?;
        Some(("cam ListUsersForGroup".to_owned(), attached::take_members(import, reply, items)))
    }
}

/// Replies that are one thing and no list.
fn take_single(import: &mut Import<'_>, reply: &Reply<'_>) -> Option<Told> {
    let body = reply.body;
    let has = |name| field(body, name).is_some();
    if attached::is_boundary(&import.stem, body) {
        let (call, entries) = attached::take_boundary(import, reply);
        return Some((call.to_owned(), entries));
    }
    if has("PolicyVersion") || has("PolicyDocument") && has("PolicyName") {
        let call = if has("PolicyVersion") { "cam GetPolicyVersion" } else { "cam GetPolicy" };
        return Some((call.to_owned(), attached::take_policy(import, reply)));
    }
    if has("AppId") && has("OwnerUin") {
        accounts::take_account(import, body, "OwnerUin");
        return Some(("cam GetUserAppId".to_owned(), 1));
    }
    if has("AccountId") && has("PrincipalId") && has("Arn") {
        accounts::take_account(import, body, "AccountId");
        return Some(("sts GetCallerIdentity".to_owned(), 1));
    }
    if has("Uin") && has("Name") && has("Uid") {
        let user = [Value::Object(body.clone())];
        return Some(("cam GetUser".to_owned(), accounts::take_users(import, reply, &user)));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::load::tests::load_text;

    #[test]
    fn several_documents_and_arrays_of_replies_are_read() {
        let text = r#"{"Response": {"InstanceSet": [{"InstanceId": "ins-1", "PublicIpAddresses": ["192.0.2.1"]}]}}
            [{"InstanceSet": null}, {"AddressSet": [{"AddressId": "eip-1", "AddressIp": "192.0.2.2"}]}]
            {"data": {"Response": {"Machines": [{"MachineWanIp": "192.0.2.3"}]}}}"#;
        let (inventory, report) = load_text("all.json", text);
        assert_eq!(inventory.network_count(), 3);
        assert_eq!(report.entries, 3);
        assert_eq!(report.taken_for, "cvm DescribeInstances, vpc DescribeAddresses, cwp DescribeMachines");
    }

    #[test]
    fn a_broken_document_is_told_and_the_next_one_read() {
        let text = "{\"VpcSet\": []}\n{\"VpcSet\": [\n  oops\n]}\n\
                    {\"AddressSet\": [{\"AddressIp\": \"192.0.2.2\"}]}\n";
        let (inventory, report) = load_text("pages.json", text);
        assert_eq!(inventory.network_count(), 1);
        assert_eq!(report.problems.len(), 1);
        assert_eq!(report.problems[0].line, Some(3));
    }

    #[test]
    fn a_failed_call_is_told() {
        let text = r#"{"Response": {"Error": {"Code": "AuthFailure", "Message": "x"}}}"#;
        let (_, report) = load_text("users.json", text);
        assert_eq!(report.taken_for, "failed call");
        assert!(report.problems[0].what.contains("AuthFailure"));
    }

    #[test]
    fn csip_lists_are_told_apart() {
        for (entry, call) in [
            (r#""PublicIpType": 1"#, "csip DescribePublicIpAssets"),
            (r#""AssetType": "CVM""#, "csip DescribeCVMAssets"),
            (r#""AssetType": "ENI""#, "csip DescribeNICAssets"),
            (r#""AssetType": "mysql""#, "csip asset list"),
        ] {
            let text =
                format!(r#"{{"Data": [{{"AssetId": "a-1", "PublicIp": "192.0.2.1", {entry}}}], "VpcList": []}}"#);
            let (inventory, report) = load_text("page.json", &text);
            assert_eq!(report.taken_for, call);
            assert_eq!(inventory.network_count(), 1);
        }
    }

    #[test]
    fn deep_nesting_does_no_harm() {
        let text = format!("{}{}{{\"VpcSet\": []}}", "[".repeat(100_000), "\n");
        let (_, report) = load_text("deep.json", &text);
        assert_eq!(report.taken_for, "vpc DescribeVpcs");
    }
}
