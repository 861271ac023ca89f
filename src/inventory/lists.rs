//! Files written by or for people: asset CSVs with all their header spellings, and plain
//! lists of addresses. Saved replies of calls are in `assets`.

use std::net::IpAddr;

use csv::{ReaderBuilder, StringRecord};

use super::fields::{present, short};
use super::import::{Import, Place, Taken};
use super::network::parse_nets;
use super::{Asset, Rank};

/// Header names of the CVM console's Chinese export come from public copies of it; the
/// English ones and those of other consoles are not public, hence the many spellings.
/// All are compared without case, spaces and punctuation.
const ID: &str = "id instanceid assetid resourceid hostid 实例id 资源id 资产id 主机id 实例标识";
const NAME: &str = "name instancename assetname resourcename hostname \
    名称 实例名称 实例名 资源名称 资产名称 资产名 主机名称 主机名";
const REMARK: &str = "remark remarks note notes description comment comments \
    备注 备注信息 说明 描述 ip备注";
const ADDRESS: &str = "ip ips ipv4 ipv6 eip vip address addresses ipaddress ipaddresses \
    ipv4address ipv6address cidr cidrs cidrblock ipcidr iprange ipv4cidr ipv6cidr \
    地址 ip地址 ipv4地址 ipv6地址 网段";
/// Endings that make an address column of a name with one of the next words in it,
/// such as "Private IPs" and "Public IP (primary)" ...
const ENDING: &str = "ip ips ipv4 ipv6 ipaddress ipaddresses ipv4address ipv6address cidr \
    ipprimary publicaddress privateaddress ip地址 ipv4地址 ipv6地址";
const OWN: &str = "public private primary elastic external internal machine wan lan eip vip \
    公网 内网 私网 外网 弹性 主ip 主机 实例 服务器 资产";
/// ... unless it is somebody else's address after all.
const FOREIGN: &str = "login source client remote peer attack 登录 来源 对端 攻击";

/// Takes the file for an asset CSV, if its first line names a column of addresses.
pub(super) fn take_csv(import: &mut Import<'_>) -> Option<Taken> {
    let text = import.text;
    let mut reader =
        ReaderBuilder::new().has_headers(false).flexible(true).delimiter(delimiter(text)).from_reader(text.as_bytes());
    let mut record = StringRecord::new();
    reader.read_record(&mut record).ok().filter(|more| *more)?;
    let columns = Columns::of(&record)?;
    let mut entries = 0;
    loop {
        match reader.read_record(&mut record) {
            Ok(true) => entries += usize::from(take_row(import, &columns, &record)),
            Ok(false) => break,
            Err(error) => {
                import.problem(Place::File, "", format!("cannot be read as CSV: {error}"));
                break;
            }
        }
    }
    Some(Taken { taken_for: "asset CSV".to_owned(), entries })
}

fn delimiter(text: &str) -> u8 {
    let header = text.trim_start().lines().next().unwrap_or_default();
    let count = |delimiter: &u8| header.bytes().filter(|byte| byte == delimiter).count();
    // Of equals the last wins: the comma.
    [b';', b'\t', b','].into_iter().max_by_key(count).unwrap_or(b',')
}

/// Which columns hold what; several may hold the same.
struct Columns {
    id: Vec<usize>,
    name: Vec<usize>,
    remark: Vec<usize>,
    addresses: Vec<usize>,
}

impl Columns {
    fn of(header: &StringRecord) -> Option<Self> {
        let names: Vec<String> = header.iter().map(plain).collect();
        let places = |wanted: &dyn Fn(&str) -> bool| -> Vec<usize> {
            (0..names.len()).filter(|at| wanted(&names[*at])).collect()
        };
        let columns = Self {
            id: places(&|name| one_of(ID, name)),
            name: places(&|name| one_of(NAME, name)),
            remark: places(&|name| one_of(REMARK, name)),
            addresses: places(&is_address),
        };
        (!columns.addresses.is_empty()).then_some(columns)
    }
}

/// Leaves letters and digits of any script, in lower case.
fn plain(header: &str) -> String {
    let letters = header.chars().filter(|c| c.is_alphanumeric());
    letters.flat_map(char::to_lowercase).collect()
}

fn one_of(words: &str, name: &str) -> bool {
    words.split_whitespace().any(|word| word == name)
}

fn is_address(name: &str) -> bool {
    let with = |words: &str| words.split_whitespace().any(|word| name.contains(word));
    let ends = ENDING.split_whitespace().any(|end| name.ends_with(end));
    let primary = name.starts_with("主ipv") && name.ends_with("地址");
    one_of(ADDRESS, name) || primary || ends && with(OWN) && !with(FOREIGN)
}

fn take_row(import: &mut Import<'_>, columns: &Columns, row: &StringRecord) -> bool {
    let place = Place::Line(line_of(import.text, row));
    let first = |places: &[usize]| {
        let mut cells = places.iter().map_while(|at| row.get(*at));
        cells.find_map(present).map(short)
    };
    let asset = Asset { id: first(&columns.id), name: first(&columns.name), remark: first(&columns.remark) };
    let mut found = false;
    for cell in columns.addresses.iter().map_while(|at| row.get(*at)) {
        for net in import.nets(cell, place) {
            import.inventory.add_asset(net, Rank::List, asset.clone());
            found = true;
        }
    }
    found
}

/// The reader's position lies before any blank lines above the row.
fn line_of(text: &str, row: &StringRecord) -> u64 {
    let Some(position) = row.position() else {
        return 1;
    };
    let start = usize::try_from(position.byte()).unwrap_or(text.len());
    let rest = text.as_bytes().get(start..).unwrap_or_default();
    let blank = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
    position.line() + blank.map(|byte| u64::from(*byte == b'\n')).sum::<u64>()
}

/// Takes the file for a plain list, if most of its lines begin with an address.
pub(super) fn take_list(import: &mut Import<'_>) -> Option<Taken> {
    let lines = import.text.lines().zip(1..).map(|(line, number)| (line.trim(), number));
    let lines: Vec<(&str, u64)> = lines.filter(|(line, _)| !line.is_empty() && !line.starts_with('#')).collect();
    let begins_with = |test: fn(&str) -> bool| lines.iter().filter(move |(line, _)| test(first_token(line).0));
    begins_with(|token| parse_nets(token).is_ok()).next()?;
    if begins_with(is_like_address).count() * 2 < lines.len() {
        return None;
    }
    let entries = lines.iter().filter(|(line, number)| take_line(import, line, *number)).count();
    Some(Taken { taken_for: "address list".to_owned(), entries })
}

fn take_line(import: &mut Import<'_>, line: &str, number: u64) -> bool {
    let (first, mut rest) = first_token(line);
    let mut nets = if let Some((last, after)) = range_end(rest) {
        rest = after;
        import.nets(&format!("{first}-{last}"), Place::Line(number))
    } else {
        import.nets(first, Place::Line(number))
    };
    // Several addresses on one line share what follows them.
    while let (token, after) = first_token(rest)
        && let Ok(found) = parse_nets(token)
    {
        nets.extend(found);
        rest = after;
    }
    let remark = present(rest.trim_start_matches(['-', ' '])).map(short);
    let found = !nets.is_empty();
    for net in nets {
        let asset = Asset { remark: remark.clone(), ..Asset::default() };
        import.inventory.add_asset(net, Rank::List, asset);
    }
    found
}

/// Returns the end of a range written with spaces, `192.0.2.1 - 192.0.2.9`.
fn range_end(rest: &str) -> Option<(&str, &str)> {
    let (last, after) = first_token(rest.strip_prefix("- ")?.trim_start());
    last.parse::<IpAddr>().ok().map(|_| (last, after))
}

/// Splits an address from the remark behind it.
fn first_token(line: &str) -> (&str, &str) {
    let separator = |c: char| c.is_whitespace() || matches!(c, ',' | ';' | '#' | '，');
    let end = line.find(separator).unwrap_or(line.len());
    (&line[..end], line[end..].trim_start_matches(separator))
}

fn is_like_address(token: &str) -> bool {
    let known = |c: char| c.is_ascii_hexdigit() || matches!(c, '.' | ':' | '/' | '*' | '-');
    token.contains(['.', ':']) && token.chars().all(known)
}

#[cfg(test)]
mod tests {
    use super::super::Inventory;
    use super::super::load::tests::load_text;
    use super::*;

    fn asset<'i>(inventory: &'i Inventory, ip: &str) -> Option<&'i Asset> {
        inventory.asset(ip.parse().unwrap())
    }

    fn remark<'i>(inventory: &'i Inventory, ip: &str) -> Option<&'i str> {
        inventory.ip_remark(ip.parse().unwrap())
    }

    #[test]
    fn the_console_export_is_read() {
        let text = "ID,名称,状态,带宽(Mbps),主IPv4公网IP,主IPv4内网IP,主IPv6地址,备注\n\
                    ins-00000001,web-1,运行中,5,203.0.113.10,10.0.0.10,-,前端\n\
                    ins-00000002,-,运行中,5,,10.0.0.11,2001:db8::7,无\n";
        let (inventory, report) = load_text("cvm.csv", text);
        assert_eq!((report.taken_for.as_str(), report.entries), ("asset CSV", 2));
        assert_eq!(report.problems, []);
        let first = asset(&inventory, "10.0.0.10").unwrap();
        assert_eq!(first.id.as_deref(), Some("ins-00000001"));
        assert_eq!(first.name.as_deref(), Some("web-1"));
        assert_eq!(remark(&inventory, "203.0.113.10"), Some("前端"));
        let second = asset(&inventory, "2001:db8::7").unwrap();
        assert_eq!((&second.name, &second.remark), (&None, &None));
    }

    #[test]
    fn cells_with_several_addresses_and_bad_ones_are_read_with_their_line() {
        let text = "Instance ID;Instance Name;Public IP (primary);Private IPs;Last login public IP\r\n\
                    \r\n\
                    ins-1;a;\"192.0.2.1|192.0.2.2\n192.0.2.3\";10.3.4.5.6、10.0.0.1;198.51.100.9\r\n\
                    ins-2;b;203.***.***.51;192.0.2.8/30(EIP);\r\n";
        let (inventory, report) = load_text("assets.csv", text);
        assert_eq!(inventory.network_count(), 5);
        assert_eq!(asset(&inventory, "192.0.2.11").unwrap().name.as_deref(), Some("b"));
        assert!(asset(&inventory, "198.51.100.9").is_none());
        let told: Vec<_> = report.problems.iter().map(|problem| problem.line).collect();
        assert_eq!(told, [Some(3), Some(5)]);
        let what = &report.problems[0].what;
        assert_eq!(what, "address \"10.3.4.5.6\" is not an IP address or CIDR");
    }

    #[test]
    fn very_long_remarks_are_cut() {
        let text = format!("192.0.2.0-192.0.2.200 {}\n", "备".repeat(100_000));
        let (inventory, _) = load_text("office.txt", &text);
        assert!(remark(&inventory, "192.0.2.9").unwrap().len() < 2000);
    }

    #[test]
    fn header_names_are_told_apart() {
        for name in ["Public IP", "primary_private_ipv4", "IP/CIDR", "弹性公网IP", "内网IP地址"] {
            assert!(is_address(&plain(name)), "{name}");
        }
        for name in ["sourceIPAddress", "公网IP类型", "登录公网IP", "MAC address", "Zip", "带宽"] {
            assert!(!is_address(&plain(name)), "{name}");
        }
    }

    #[test]
    fn plain_lists_are_read_with_their_remarks() {
        let text = "# office\n192.0.2.0/28 main office # HQ\n192.0.2.20 - 192.0.2.21, vpn\n\n\
                    10.3.4.5.6 broken\n198.51.100.1, 198.51.100.2 - branch - north\n2001:db8::/64\n";
        let (inventory, report) = load_text("office.txt", text);
        assert_eq!((report.taken_for.as_str(), report.entries), ("address list", 4));
        assert_eq!(report.problems[0].line, Some(5));
        assert_eq!(remark(&inventory, "192.0.2.9"), Some("main office # HQ"));
        assert_eq!(remark(&inventory, "192.0.2.21"), Some("vpn"));
        assert_eq!(remark(&inventory, "198.51.100.2"), Some("branch - north"));
        assert!(asset(&inventory, "2001:db8::9").is_some());
    }
}
