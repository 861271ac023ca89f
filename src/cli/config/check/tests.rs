//! What `akguard config check` says, setting by setting.

use super::*;
use crate::cli::config::schema::template;
use crate::settings::Settings;

fn said(text: &str) -> Vec<String> {
    said_in(text.as_bytes())
}

fn said_in(bytes: &[u8]) -> Vec<String> {
    problems(bytes, Path::new("akguard.toml")).iter().map(ToString::to_string).collect()
}

#[test]
fn the_template_and_nothing_are_fine() {
    let none = Vec::<String>::new();
    assert_eq!(said(&template()), none);
    assert_eq!(said(&template().replace("# alert_at", "alert_at")), none);
    for fine in
        ["", "\n", "\u{feff}", "\u{feff}tz = \"UTC\"\r\n", "# a word\r\n[rules.create-key]\r\nlevel = \"low\"\r\n"]
    {
        assert_eq!(said(fine), none, "{fine:?}");
        assert!(Settings::parse(fine, Path::new("akguard.toml")).is_ok(), "{fine:?}");
    }
}

#[test]
fn all_mistakes_are_told_at_once_with_the_nearest_name() {
    let text = "tz = \"Asia/Shangai\"\ncolour = true\n[rules.hacker-tols]\n[rules.create-key]\nlevel = \"hihg\"\nenabld = 1\n\
                [rules.cloud-manager-call]\nips = [\"300.1.1.1\"]\npattern = \"(\"\n[rules.dormant-key-used]\ndays = 0\n\
                [lists.high-risk]\nremove = [\"cam:Nothing\"]\nreplace = 3\n[database]\ncalls_per_record = \"9\"\n";
    let expected = [
        "1:6: tz is a time zone by its IANA name, not \"Asia/Shangai\"; the nearest is \"Asia/Shanghai\"",
        "2:1: there is no setting \"colour\"",
        "3:8: there is no rule \"hacker-tols\" in [rules]; the nearest is \"hacker-tool\"",
        "5:9: rules.create-key.level is critical, high, medium, low or note, not \"hihg\"; the nearest is \"high\"",
        "6:1: there is no setting \"enabld\" in [rules.create-key]; the nearest is \"enabled\"",
        "8:8: rules.cloud-manager-call.ips: \"300.1.1.1\" is no address, and no range smaller than everything",
        "9:11: rules.cloud-manager-call.pattern: \"(\" is no regular expression: error: unclosed group",
        "11:8: rules.dormant-key-used.days is a number from 1 to 36500, not 0",
        "13:11: lists.high-risk.remove: \"cam:Nothing\" is not on the list",
        "14:11: lists.high-risk.replace is a text in quotes that is not empty, in quotes",
        "16:20: database.calls_per_record is a whole number from 100 to 1000000",
    ];
    assert_eq!(said(text), expected);
}

#[test]
fn every_entry_of_a_list_is_judged_and_named_as_it_is_written() {
    let text = "[lists.create-key]\nadd = [\"DeleteUser\", \"cam:CreateAccessKey\", \"a:*\",\n  \"cam:CreateAccessKey\", 3]\n\
                remove = [\"cam:X\", \"cam:CreateAccesKey\"]\n[lists.github-hooks]\nadd = [\"192.0.2.0/24\", \"here\", \"300.0.0.0/8\"]\n\
                [lists.denied-codes]\nadd = [\"\", \"A.B\", \" C\"]\n[rules.hacker-tool]\ndisable = [\"region-swep\", \"recon\", \"zzzzzz\"]\n";
    let found = said(text);
    let starts = [
        "2:8: lists.create-key.add: \"DeleteUser\" is not an API",
        "2:45: lists.create-key.add: \"a:*\" is not an API",
        "3:3: lists.create-key.add: \"cam:CreateAccessKey\" stands there twice",
        "3:26: lists.create-key.add: entries of the list are texts",
        "4:11: lists.create-key.remove: \"cam:X\" is not on the list",
        "4:20: lists.create-key.remove: \"cam:CreateAccesKey\" is not on the list; the nearest is \"cam:CreateAccessKey\"",
        "6:24: lists.github-hooks.add: \"here\" is not an address range",
        "6:32: lists.github-hooks.add: \"300.0.0.0/8\" is not",
        "8:8: lists.denied-codes.add: \"\" is not a result code",
        "8:19: lists.denied-codes.add: \" C\" is not a result code",
        "10:12: rules.hacker-tool.disable: there is no signature or behaviour \"region-swep\"; the nearest is \"region-sweep\"",
    ];
    for (found, start) in found.iter().zip(starts) {
        assert!(found.starts_with(start), "{found}\n{start}");
    }
    assert!(found.last().is_some_and(|last| last.ends_with("\"zzzzzz\"")), "{found:#?}");
}

#[test]
fn files_that_cannot_be_read_are_told_at_the_setting_that_names_them() {
    let text = "github_meta = \"no-such.json\"\n[rules.hacker-tool]\nsignatures = \"no-such.toml\"\n[lists.create-user]\nreplace = \"no-such.tsv\"\n";
    let found = said(text);
    let starts = [
        "1:15: github_meta: cannot use no-such.json: ",
        "3:14: rules.hacker-tool.signatures: cannot read",
        "5:11: lists.create-user.replace: cannot read",
    ];
    assert_eq!(found.len(), starts.len(), "{found:#?}");
    for (found, start) in found.iter().zip(starts) {
        assert!(found.starts_with(start), "{found}\n{start}");
    }
}

#[test]
fn both_ends_of_the_night_are_judged_together() {
    let night = |start: &str, end: &str| {
        said(&format!("[rules.off-hours-sensitive-operation]\nstart = {start}\nlevel = \"low\"\nend = {end}\n"))
    };
    assert_eq!(night("\"06:00\"", "\"07:00\""), Vec::<String>::new());
    let same = night("\"06:00\"", "\"06:00\"");
    assert_eq!(
        same,
        ["4:7: rules.off-hours-sensitive-operation.end: start and end are the same, so the window is empty"]
    );
    assert_eq!(night("\"25:00\"", "\"07:00\"").len(), 1);
}

#[test]
fn each_setting_refuses_what_is_not_of_its_kind() {
    for setting in all() {
        let put = |value: &str| {
            let heading = if setting.table.is_empty() { String::new() } else { format!("[{}]\n", setting.table) };
            said(&format!("{heading}{} = {value}\n", setting.name))
        };
        let mut wrong = vec!["{}".to_string(), "1.5".to_string(), "-1".to_string(), "1979-05-27".to_string()];
        match setting.kind {
            Kind::Number(least, most) => wrong.extend([
                (least - 1).to_string(),
                (most + 1).to_string(),
                "true".into(),
                "99999999999999999999".into(),
            ]),
            Kind::Switch => wrong.extend(["\"true\"".to_string(), "1".into()]),
            Kind::Texts => wrong.extend(["\"a\"".to_string(), "[1]".into(), "[[\"a\"]]".into()]),
            _ => wrong.extend(["true".to_string(), "\"\"".into(), "[]".into()]),
        }
        for value in wrong {
            let found = put(&value);
            assert_eq!(found.len(), 1, "{} = {value}: {found:#?}", setting.path());
            assert!(found[0].contains(&setting.path()), "{} = {value}: {found:#?}", setting.path());
        }
        if let Kind::Number(least, most) = setting.kind {
            assert_eq!(
                (put(&least.to_string()), put(&most.to_string())),
                (Vec::new(), Vec::new()),
                "{}",
                setting.path()
            );
        }
    }
}

#[test]
fn rules_refuse_numbers_that_the_check_refuses() {
    for setting in all().into_iter().filter(|setting| setting.table.starts_with("rules.")) {
        let Kind::Number(least, most) = setting.kind else { continue };
        let rules = |value: i64| {
            let text = format!("[{}]\n{} = {value}\n", setting.table, setting.name);
            Settings::parse(&text, Path::new("akguard.toml")).expect("TOML").rules().map(drop)
        };
        assert!(rules(least).is_ok() && rules(most).is_ok(), "{}", setting.path());
        for wrong in [least - 1, most + 1] {
            let said = rules(wrong).expect_err("an error").to_string();
            assert!(
                said.contains(&format!("{} is {wrong}; it is a number from {least} to {most}", setting.name)),
                "{said}"
            );
        }
    }
}

#[test]
fn unknown_names_are_found_in_every_table() {
    let tables: BTreeSet<String> = all().into_iter().map(|setting| setting.table).collect();
    for table in tables {
        let heading = if table.is_empty() { String::new() } else { format!("[{table}]\n") };
        let found = said(&format!("{heading}zzzz = 1\n"));
        assert!(
            found.len() == 1 && found[0].contains("there is no setting \"zzzz\"") && !found[0].contains("nearest"),
            "{found:?}"
        );
    }
}

#[test]
fn broken_toml_and_odd_names_are_told_with_their_place() {
    assert!(said("a = 1\nb = \n")[0].starts_with("2:5: not TOML"), "{:?}", said("a = 1\nb = \n"));
    assert_eq!(said("rules = 3\n"), ["1:1: rules is a table; write [rules] and its settings below"]);
    assert_eq!(said("\"lists.high-risk\" = 1\n"), ["1:1: there is no setting \"lists.high-risk\""]);
    assert_eq!(said("tz = \"UTC\"\ntz = \"UTC\"\n").len(), 1);
    assert_eq!(said("\u{feff}colour = 1\r\n"), ["1:1: there is no setting \"colour\""]);
    assert_eq!(said_in(b"tz = \"UTC\"\n# \xff\xfe\n"), ["2:3: not UTF-8 text"]);
    let both = said("tz = Mars\nnaive_tz = \n");
    assert!(
        both.len() >= 2 && both[0].starts_with("1:") && both.iter().any(|said| said.starts_with("2:")),
        "{both:#?}"
    );
}
