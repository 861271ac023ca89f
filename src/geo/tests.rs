//! Tests of the sources together.

use super::*;
use std::fs;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/geo").join(name)
}

fn file(dir: &tempfile::TempDir, name: &str, content: &[u8]) -> PathBuf {
    let path = dir.path().join(name);
    fs::write(&path, content).unwrap();
    path
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn refused(path: &Path) -> String {
    match Geo::open(&[path.to_path_buf()]) {
        Ok(_) => panic!("{} is taken", path.display()),
        Err(error) => error.to_string(),
    }
}

#[test]
fn files_are_asked_in_order_and_the_table_inside_last() {
    let dir = tempfile::tempdir().unwrap();
    let ours = file(&dir, "ours.csv", b"8.8.8.0/24,JP\n");
    let geo = Geo::open(&[ours, fixture("city.mmdb")]).unwrap();
    let told = |text: &str| geo.place(ip(text)).map(|place| (place.text(Lang::En), place.source.to_string()));
    assert_eq!(told("8.8.8.8"), Some(("Japan".into(), "ours.csv".into())));
    assert_eq!(told("1.2.4.8"), Some(("China-Beijing".into(), "city.mmdb".into())));
    let (place, source) = told("202.12.29.1").unwrap();
    assert_eq!((place.as_str(), source.starts_with("built-in table, DB-IP Lite 20")), ("Australia", true));
    let answers = geo.answers(ip("8.8.8.8"));
    let texts: Vec<_> = answers.iter().map(|(_, region)| region.as_ref().unwrap().text(Lang::Zh)).collect();
    assert_eq!(texts, ["日本", "美国", "美国"]);
}

#[test]
fn private_addresses_are_nowhere_whatever_a_file_says() {
    let dir = tempfile::tempdir().unwrap();
    let geo = Geo::open(&[file(&dir, "all.csv", b"0.0.0.0/0,US\n::/0,US\n")]).unwrap();
    for text in ["10.0.0.1", "192.168.1.1", "127.0.0.1", "::1", "fd00::1", "::ffff:10.0.0.1", "203.0.113.5"] {
        assert_eq!(geo.place(ip(text)), None, "{text}");
        assert!(geo.answers(ip(text)).iter().all(|(_, region)| region.is_none()), "{text}");
    }
    assert!(geo.place(ip("::ffff:1.1.1.1")).is_some());
}

#[test]
fn kinds_are_told_by_content() {
    let dir = tempfile::tempdir().unwrap();
    let xdb = zstd::bulk::decompress(&fs::read(fixture("v6.xdb.zst")).unwrap(), 1 << 20).unwrap();
    let mmdb = fs::read(fixture("ipinfo.mmdb")).unwrap();
    let files = [file(&dir, "a.csv", &xdb), file(&dir, "b.xdb", &mmdb), file(&dir, "c.mmdb", b"8.8.8.8,US\n")];
    let geo = Geo::open(&files).unwrap();
    assert_eq!(&*geo.place(ip("2408:8000::1")).unwrap().source, "a.csv");
    assert_eq!(&*geo.place(ip("1.2.4.8")).unwrap().source, "b.xdb");
    assert_eq!(geo.answers(ip("8.8.8.8"))[2].1.as_ref().unwrap().text(Lang::En), "United States");
}

#[test]
fn refusals_name_the_file_what_is_wrong_and_what_is_taken() {
    let dir = tempfile::tempdir().unwrap();
    for (content, what) in [
        (&b""[..], "it is empty"),
        (b"\x1f\x8b\x08\0\0", "it is packed by gzip; unpack it first"),
        (b"PK\x03\x04\0", "it is a zip archive; unpack it first"),
        (b"\xff\xfe1\0.\0", "it is UTF-16 text; save it as UTF-8"),
        (b"\0\x01\x02", "unknown content"),
        (b"{\"country\": 1}", "line 1: neither a range of addresses nor a heading"),
        (b"\0\xab\xcd\xefMaxMind.com", "broken .mmdb file"),
    ] {
        let path = file(&dir, "places.bin", content);
        let message = refused(&path);
        assert!(message.starts_with(&path.display().to_string()), "{message}");
        assert!(message.contains(what) && message.ends_with(TAKEN), "{message}");
    }
    assert!(refused(&dir.path().join("missing")).contains("missing: "));
    assert!(refused(dir.path()).contains("directory"));
    let large = dir.path().join("large");
    fs::File::create(&large).unwrap().set_len(SIZE_LIMIT + 1).unwrap();
    assert!(refused(&large).ends_with("larger than 2 GiB"));
}

#[test]
fn names_of_files_are_made_harmless() {
    let dir = tempfile::tempdir().unwrap();
    let geo = Geo::open(&[file(&dir, "a\x1b[31m.csv", b"8.8.8.8,US\n")]).unwrap();
    assert_eq!(&*geo.place(ip("8.8.8.8")).unwrap().source, "a\u{fffd}[31m.csv");
}

#[test]
fn thanks_are_given_once() {
    let lines = Geo::open(&[fixture("dbip.mmdb"), fixture("city.mmdb")]).unwrap().attributions();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert_eq!(Geo::default().attributions(), ["IP Geolocation by DB-IP (https://db-ip.com)"]);
}
