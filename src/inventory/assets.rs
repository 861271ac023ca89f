//! What has an address, from saved replies that list machines, gateways, load balancers,
//! interfaces, databases and networks. Lists made by people are in `lists`, users and
//! keys in `accounts`.

use serde_json::Value;

use super::fields::{self, Object};
use super::import::{Import, Place};
use super::network::is_of_one_machine;
use super::{Asset, Rank};

/// A call whose reply lists things with addresses.
pub(super) struct AssetCall {
    /// The field with the list.
    pub(super) list: &'static str,
    /// The call, in words.
    pub(super) call: &'static str,
    rank: Rank,
    /// Id and name fields; the first id there is brings its own name along.
    identity: &'static [(&'static str, &'static str)],
    remark: &'static str,
    addresses: &'static [&'static str],
}

/// Lists whose name alone tells the call.
pub(super) const ASSET_CALLS: [AssetCall; 7] = [
    AssetCall {
        list: "InstanceSet",
        call: "cvm DescribeInstances",
        rank: Rank::Instance,
        identity: &[("InstanceId", "InstanceName")],
        remark: "",
        // The last two are what lighthouse calls them.
        addresses: &[
            "PublicIpAddresses",
            "PrivateIpAddresses",
            "IPv6Addresses",
            "PublicIPv6Addresses",
            "PublicAddresses",
            "PrivateAddresses",
        ],
    },
    AssetCall {
        list: "AddressSet",
        call: "vpc DescribeAddresses",
        rank: Rank::Interface,
        identity: &[("InstanceId", ""), ("AddressId", "AddressName")],
        remark: "",
        addresses: &["AddressIp", "PrivateAddressIp"],
    },
    AssetCall {
        list: "NatGatewaySet",
        call: "vpc DescribeNatGateways",
        rank: Rank::Resource,
        identity: &[("NatGatewayId", "NatGatewayName")],
        remark: "",
        addresses: &["PublicIpAddressSet"],
    },
    AssetCall {
        list: "NetworkInterfaceSet",
        call: "vpc DescribeNetworkInterfaces",
        rank: Rank::Interface,
        identity: &[("Attachment.InstanceId", ""), ("NetworkInterfaceId", "NetworkInterfaceName")],
        remark: "",
        addresses: &["PrivateIpAddressSet", "Ipv6AddressSet"],
    },
    AssetCall {
        list: "LoadBalancerSet",
        call: "clb DescribeLoadBalancers",
        rank: Rank::Resource,
        identity: &[("LoadBalancerId", "LoadBalancerName")],
        remark: "",
        addresses: &["LoadBalancerVips", "AddressIPv6", "SnatIps"],
    },
    AssetCall {
        list: "Machines",
        call: "cwp DescribeMachines",
        rank: Rank::Instance,
        identity: &[("InstanceId", "MachineName")],
        remark: "Remark",
        addresses: &["MachineIp", "MachineWanIp", "IpList"],
    },
    AssetCall {
        list: "Assets",
        call: "csip DescribePublicCloudAssets",
        rank: Rank::Resource,
        identity: &[("AssetId", "AssetName")],
        remark: "Remark",
        addresses: &["Address", "ResolvedAddress"],
    },
];

/// The shape shared by the csip calls that list assets under `Data`.
pub(super) const CSIP_ASSETS: AssetCall = AssetCall {
    list: "Data",
    call: "csip asset list",
    rank: Rank::Resource,
    identity: &[("AssetId", "AssetName")],
    remark: "Remark",
    addresses: &["PublicIp", "PrivateIp", "AddressIPV6"],
};

/// Fields of an address that is an object of its own.
const INNER: [&str; 5] = ["PublicIpAddress", "PrivateIpAddress", "Address", "Ipv6Address", "Ip"];

/// Takes the entries of such a list and returns how many had an address.
pub(super) fn take_assets(import: &mut Import<'_>, call: &AssetCall, list: &[Value], from: usize) -> usize {
    let items = list.iter().filter_map(Value::as_object);
    items.filter(|item| take_asset(import, call, item, from)).count()
}

fn take_asset(import: &mut Import<'_>, call: &AssetCall, item: &Object, from: usize) -> bool {
    let asset = identify(call, item);
    let rank = match fields::text(item, &["AssetType"]).as_deref() {
        Some("CVM") => Rank::Instance,
        Some("ENI") => Rank::Interface,
        _ => call.rank,
    };
    let mut texts = Vec::new();
    for name in call.addresses {
        if let Some(value) = fields::field(item, name) {
            gather(value, None, &mut texts);
        }
    }
    let mut found = false;
    for (text, remark) in texts.into_iter().filter(|(text, _)| !is_host_name(text)) {
        let asset = Asset { remark: remark.or_else(|| asset.remark.clone()), ..asset.clone() };
        let nets = import.nets(&text, Place::From(from)).into_iter();
        // Machines report their loopback address too: it says nothing about a caller.
        for net in nets.filter(|net| !is_of_one_machine(net)) {
            import.inventory.add_asset(net, rank, asset.clone());
            found = true;
        }
    }
    found
}

fn identify(call: &AssetCall, item: &Object) -> Asset {
    let ids = call.identity.iter().map(|(id, name)| (fields::text(item, &[id]), *name));
    let (id, name) = ids.reduce(|first, next| if first.0.is_some() { first } else { next }).unwrap_or_default();
    let name = fields::text(item, &[name]);
    Asset {
        id,
        // "Unnamed", as the console calls what has no name.
        name: name.filter(|name| name != "未命名"),
        remark: fields::text(item, &[call.remark]),
    }
}

/// Collects addresses from text, from arrays, and from objects with a description.
fn gather(value: &Value, remark: Option<&str>, texts: &mut Vec<(String, Option<String>)>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| gather(item, remark, texts)),
        Value::Object(inner) => {
            let remark = fields::text(inner, &["Description"]);
            let values = INNER.iter().filter_map(|name| fields::field(inner, name));
            values.for_each(|value| gather(value, remark.as_deref(), texts));
        }
        _ => {
            let text = fields::scalar(value);
            texts.extend(text.map(|text| (text, remark.map(str::to_owned))));
        }
    }
}

/// The multi-cloud asset list also holds domains where others hold addresses.
fn is_host_name(text: &str) -> bool {
    let known = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_');
    let last = text.rsplit('.').next().unwrap_or_default();
    text.contains('.') && text.chars().all(known) && last.contains(char::is_alphabetic)
}

/// Takes the address ranges of VPCs or subnets.
pub(super) fn take_networks(import: &mut Import<'_>, list: &[Value], from: usize) -> usize {
    let items = list.iter().filter_map(Value::as_object);
    items.filter(|item| take_network(import, item, from)).count()
}

fn take_network(import: &mut Import<'_>, item: &Object, from: usize) -> bool {
    let mut texts: Vec<String> =
        ["CidrBlock", "Ipv6CidrBlock"].iter().filter_map(|name| fields::text(item, &[name])).collect();
    for name in ["AssistantCidrSet", "Ipv6CidrBlockSet"] {
        let more = fields::list(item, name).unwrap_or_default().iter();
        let more = more.filter_map(|cidr| fields::text(cidr.as_object()?, &["CidrBlock", "IPv6CidrBlock"]));
        texts.extend(more);
    }
    let mut found = false;
    for text in texts {
        for net in import.nets(&text, Place::From(from)) {
            import.inventory.add_lan(net);
            found = true;
        }
    }
    found
}

/// Takes the calling addresses the console has seen, for the user's remarks on them.
pub(super) fn take_sources(import: &mut Import<'_>, list: &[Value], from: usize) -> usize {
    let items = list.iter().filter_map(Value::as_object);
    items.filter(|item| take_source(import, item, from)).count()
}

fn take_source(import: &mut Import<'_>, item: &Object, from: usize) -> bool {
    let Some(text) = fields::text(item, &["SourceIP"]) else {
        return false;
    };
    // 0 and 2 are the account's own addresses without and with remark; 1 and 3
    // lie outside, 4 and 5 in the LAN.
    let own = fields::text(item, &["IPType"]).is_some_and(|kind| kind == "0" || kind == "2");
    let remark = fields::text(item, &["Remark"]);
    let nets = import.nets(&text, Place::From(from));
    for net in &nets {
        if let Some(remark) = &remark {
            import.inventory.add_remark(net.addr(), remark.clone());
        }
        if own {
            let asset = Asset {
                id: fields::text(item, &["InstanceId"]),
                name: fields::text(item, &["InstanceName"]),
                remark: remark.clone(),
            };
            import.inventory.add_asset(*net, Rank::Interface, asset);
        }
    }
    !nets.is_empty()
}

#[cfg(test)]
mod tests {
    use super::super::load::tests::load_text;
    use super::super::{Inventory, IpPlace};
    use super::*;

    fn asset<'i>(inventory: &'i Inventory, ip: &str) -> Option<&'i Asset> {
        inventory.asset(ip.parse().unwrap())
    }

    fn remark<'i>(inventory: &'i Inventory, ip: &str) -> Option<&'i str> {
        inventory.ip_remark(ip.parse().unwrap())
    }

    #[test]
    fn replies_with_addresses_give_assets() {
        let text = r#"{"InstanceSet": [{"InstanceId": "ins-1", "InstanceName": "未命名",
              "PublicIpAddresses": ["192.0.2.1"], "PrivateIpAddresses": null, "IPv6Addresses": ["2001:db8::1"]}]}
            {"NatGatewaySet": [{"NatGatewayId": "nat-1", "NatGatewayName": "out",
              "PublicIpAddressSet": [{"AddressId": "eip-1", "PublicIpAddress": "192.0.2.2"}]}]}
            {"NetworkInterfaceSet": [{"NetworkInterfaceId": "eni-1", "Attachment": {"InstanceId": "ins-1"},
              "PrivateIpAddressSet": [{"PrivateIpAddress": "10.0.0.3", "PublicIpAddress": "", "Description": "db"}]}]}
            {"LoadBalancerSet": [{"LoadBalancerId": "lb-1", "LoadBalancerVips": ["192.0.2.4", "203.***.***.51"],
              "AddressIPv6": null, "SnatIps": [{"SubnetId": "subnet-1", "Ip": "10.0.0.4"}]}]}
            {"Machines": [{"InstanceId": "ins-5", "IpList": "192.0.2.5;127.0.0.1", "Remark": "keep"}]}
            {"Assets": [{"AssetID": "a-6", "Address": "www.example.com", "ResolvedAddress": ["192.0.2.6"]}]}"#;
        let (inventory, report) = load_text("all.json", text);
        let id = |ip| asset(&inventory, ip).and_then(|asset| asset.id.as_deref());
        assert_eq!((id("192.0.2.1"), id("2001:db8::1")), (Some("ins-1"), Some("ins-1")));
        assert_eq!(asset(&inventory, "192.0.2.1").unwrap().name, None);
        assert_eq!((id("192.0.2.2"), id("10.0.0.3")), (Some("nat-1"), Some("ins-1")));
        assert_eq!((id("192.0.2.4"), id("10.0.0.4")), (Some("lb-1"), Some("lb-1")));
        assert_eq!((id("192.0.2.5"), id("192.0.2.6")), (Some("ins-5"), Some("a-6")));
        assert_eq!(remark(&inventory, "10.0.0.3"), Some("db"));
        assert_eq!(remark(&inventory, "192.0.2.5"), Some("keep"));
        assert!(asset(&inventory, "127.0.0.1").is_none());
        assert_eq!(report.problems.len(), 1);
        assert_eq!(report.problems[0].line, Some(7));
    }

    #[test]
    fn networks_are_lan_and_not_assets() {
        let text = r#"{"VpcSet": [{"CidrBlock": "203.0.113.0/25", "Ipv6CidrBlock": "",
            "AssistantCidrSet": [{"CidrBlock": "198.51.100.0/24"}]}]}"#;
        let (inventory, _) = load_text("vpc.json", text);
        let place = |ip: &str| inventory.place(ip.parse().unwrap());
        assert_eq!(place("203.0.113.9"), IpPlace::Lan);
        assert_eq!(place("198.51.100.9"), IpPlace::Lan);
        assert_eq!(place("203.0.113.200"), IpPlace::Outside);
    }

    #[test]
    fn a_remark_on_a_calling_address_does_not_make_it_the_accounts_own() {
        let text = r#"{"Data": [{"SourceIP": "192.0.2.1", "IPType": 3, "Remark": "partner"},
            {"SourceIP": "192.0.2.2", "IPType": "2", "Remark": "nat", "InstanceID": "ins-1"},
            {"SourceIP": "203.0.113.***", "IPType": 1, "Remark": ""}]}"#;
        let (inventory, report) = load_text("sources.json", text);
        assert_eq!(report.taken_for, "csip DescribeSourceIPAsset");
        assert_eq!(inventory.place("192.0.2.1".parse().unwrap()), IpPlace::Outside);
        assert_eq!(inventory.place("192.0.2.2".parse().unwrap()), IpPlace::InAccount);
        assert_eq!(remark(&inventory, "192.0.2.1"), Some("partner"));
        assert_eq!(remark(&inventory, "192.0.2.2"), Some("nat"));
        assert_eq!(report.problems[0].line, Some(3));
    }
}
