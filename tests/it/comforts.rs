//! What makes the command line easy to live with: settings shown and checked, variables, colour, completions, columns.

use crate::support::Folder;
use serde_json::{Value, json};
use std::path::Path;
use std::process::{Command, Output};

const KEY: &str = "AKIDEXAMPLEone0000000000000000000000";

fn akguard(folder: &Folder) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_akguard"));
    command
        .env_clear()
        .env("AKGUARD_DB", folder.path("a.db"))
        .env("HOME", folder.path("home"))
        .current_dir(folder.path("."));
    command
}

fn run(command: &mut Command) -> (i32, String, String) {
    let Output { status, stdout, stderr } = command.output().expect("the program runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (status.code().unwrap_or(-1), text(stdout), text(stderr))
}

/// A folder with a database that holds alarms of a user with a long name and one of a key named by an attacker.
fn kept() -> Folder {
    let folder = Folder::new();
    let event = |id: &str, user: &str, key: &str| {
        json!({
            "eventTime": 1_772_380_800, "requestID": id, "eventName": "DeleteUser", "resourceType": "cam",
            "eventType": "ApiCall", "sourceIPAddress": "192.0.2.1", "eventRegion": "ap-guangzhou",
            "userIdentity": {"type": "CAMUser", "principalId": "100000000002", "accountId": "100000000001",
                "userName": user, "secretId": key},
        })
        .to_string()
    };
    let lines = [
        event("r-1", "安全运维平台自动化账号第一组值班人员专用", KEY),
        event("r-2", "mallory", "AKIDEXAMPLE$(touch owned)000000000000"),
    ];
    folder.file("log.json", lines.join("\n"));
    let (code, _, said) = run(akguard(&folder).args(["scan", "log.json", "--quiet"]));
    assert_eq!((code, said.as_str()), (0, ""));
    folder
}

#[test]
fn settings_are_written_checked_and_shown_with_their_origin() {
    let folder = Folder::new();
    let config = |args: &[&str]| run(akguard(&folder).arg("config").args(args));
    assert_eq!(
        config(&["check"]),
        (0, "There is no settings file, so the defaults hold.\n".to_string(), String::new())
    );
    assert_eq!(config(&["init"]), (0, "wrote akguard.toml\n".to_string(), String::new()));
    assert_eq!(config(&["check"]), (0, "akguard.toml: no mistakes\n".to_string(), String::new()));
    let (code, _, said) = config(&["init"]);
    assert!(code == 2 && said.contains("--force"), "{said}");
    assert_eq!(config(&["init", "--force"]).0, 0);

    folder.file("akguard.toml", "tz = \"UTC\"\n[rules.create-key]\nlevl = \"low\"\nlevel = \"hgh\"\n");
    let (code, told, _) = config(&["check"]);
    assert_eq!(code, 1);
    assert!(
        told.contains("akguard.toml:3:1: there is no setting \"levl\"") && told.contains("nearest is \"level\""),
        "{told}"
    );
    assert!(
        told.contains("akguard.toml:4:9: rules.create-key.level is critical")
            && told.contains("nearest is \"high\"")
            && told.ends_with("2 mistakes\n"),
        "{told}"
    );

    folder.file("akguard.toml", "tz = \"UTC\"\n[rules.create-key]\nlevel = \"low\"\n");
    let shown = config(&["show", "--origin"]).1;
    let line = |name: &str| {
        let found = shown.lines().find(|line| line.split_whitespace().next() == Some(name));
        found.unwrap_or_else(|| panic!("{name}: {shown}")).to_string()
    };
    assert!(line("tz").contains("\"UTC\"") && line("tz").ends_with("settings file, line 1"), "{shown}");
    assert!(line("rules.create-key.level").ends_with("settings file, line 3"), "{shown}");
    assert!(line("naive_tz").ends_with("default"), "{shown}");
    let json = |command: &mut Command| -> Value {
        serde_json::from_str(&run(command.args(["config", "show", "--format", "json"])).1).expect("JSON")
    };
    let of = |object: &Value| object["settings"][0].clone();
    let by_variable = of(&json(akguard(&folder).env("AKGUARD_TZ", "Europe/Berlin")));
    assert_eq!(by_variable["origin"], json!({"from": "environment", "variable": "AKGUARD_TZ"}));
    assert_eq!((&by_variable["value"], &by_variable["default"]), (&json!("Europe/Berlin"), &json!("Asia/Shanghai")));
    let typed = akguard(&folder)
        .env("AKGUARD_TZ", "Europe/Berlin")
        .args(["config", "show", "--tz", "Asia/Tokyo"])
        .arg("--origin")
        .output();
    let typed = String::from_utf8(typed.expect("the program runs").stdout).expect("text");
    let line = typed.lines().find(|line| line.starts_with("tz ")).expect("the zone");
    assert!(line.contains("\"Asia/Tokyo\"") && line.ends_with("command line"), "{typed}");
}

#[test]
fn wrong_values_are_shown_with_who_says_them() {
    let folder = Folder::new();
    let show = |variables: &[(&str, &str)], args: &[&str]| {
        run(akguard(&folder).envs(variables.iter().copied()).args(["config", "show", "--origin"]).args(args))
    };
    let (code, told, _) =
        show(&[("AKGUARD_TZ", "Mars"), ("AKGUARD_NAIVE_TZ", "8"), ("AKGUARD_GITHUB_META", "none")], &[]);
    assert_eq!(code, 1, "{told}");
    for (name, value, variable) in [
        ("tz", "Mars", "AKGUARD_TZ"),
        ("naive_tz", "8", "AKGUARD_NAIVE_TZ"),
        ("github_meta", "none", "AKGUARD_GITHUB_META"),
    ] {
        let row = told.lines().find(|line| line.split_whitespace().next() == Some(name)).expect("the setting");
        assert!(row.contains(&format!("{value:?} (cannot be used)")) && row.ends_with(variable), "{row}");
        let mistake = told.lines().find(|line| line.starts_with(&format!("mistake: {name}: ")));
        assert!(mistake.is_some_and(|line| line.ends_with(&format!("(environment, {variable})"))), "{told}");
    }
    let (code, told, _) = show(&[("AKGUARD_TZ", "Mars")], &["--tz", "UTC"]);
    assert!(code == 0 && !told.contains("mistake"), "{told}");

    folder.file("akguard.toml", "tz = \"Mars\"\n[rules.create-key]\nlevl = 1\n[rules.hacker-tool]\nalert_at = -3\n");
    let (code, told, _) = show(&[], &["--format", "json"]);
    let object: Value = serde_json::from_str(&told).expect("JSON");
    assert_eq!((code, object["settings"][0]["value"].as_str()), (1, Some("Mars")));
    assert_eq!(object["settings"][0]["mistake"], "is a time zone by its IANA name, not \"Mars\"");
    assert_eq!(object["mistakes"].as_array().map(Vec::len), Some(3), "{object}");
    // The zone that is typed makes that of the file unimportant, and the rest is told all the same.
    assert!(!show(&[], &["--tz", "UTC"]).1.contains("Mars"));
    assert_eq!(show(&[("AKGUARD_CONFIG", "none.toml")], &[]).0, 1);
}

#[test]
fn commands_that_cannot_use_the_settings_name_every_mistake_with_its_place() {
    let folder = kept();
    folder.file(
        "akguard.toml",
        "tz = \"Mars\"\r\n[rules.dormant-key-used]\r\ndays = 0\r\n[lists.create-key]\r\nadd = [\"x\"]\r\n",
    );
    for command in [&["alarms"][..], &["scan", "log.json", "--no-db", "--quiet"], &["rules", "list"]] {
        let (code, _, said) = run(akguard(&folder).args(command));
        assert_eq!(code, 2, "{command:?} {said}");
        for place in [
            "akguard.toml:1:6: tz is",
            "akguard.toml:3:8: rules.dormant-key-used.days",
            "akguard.toml:5:8: lists.create-key.add",
        ] {
            assert!(said.contains(&format!("cause: {place}")), "{command:?} {said}");
        }
    }
    folder.file("latin.toml", [&b"# \xe9\n"[..]].concat());
    let (code, _, said) = run(akguard(&folder).args(["alarms", "--config", "latin.toml"]));
    assert!(code == 2 && said.contains("latin.toml:1:3: not UTF-8 text"), "{said}");
    let (code, _, said) = run(akguard(&folder).env("AKGUARD_CONFIG", ".").arg("alarms"));
    assert!(code == 2 && said.contains("hint: --config is given by the variable AKGUARD_CONFIG"), "{said}");
    let (code, _, said) = run(akguard(&folder).args(["config", "check", "."]));
    assert!(code == 1 && said.contains("cannot read settings file"), "{said}");
}

#[test]
fn wrong_values_of_variables_are_told_by_the_name_of_the_variable() {
    let folder = kept();
    folder.file("akguard.toml", "");
    let said = |variable: &str, value: &str, args: &[&str]| {
        let (code, _, said) = run(akguard(&folder).env(variable, value).args(args));
        assert_eq!(code, 2, "{variable}: {said}");
        said
    };
    for (variable, option, args) in [
        ("AKGUARD_ALARMS_LIMIT", "--limit <N>", &["alarms"][..]),
        ("AKGUARD_ALARMS_WIDE", "--wide", &["alarms"]),
        ("AKGUARD_COLOR", "--color <WHEN>", &["alarms"]),
        ("AKGUARD_AK_LIST_SORT", "--sort <ORDER>", &["--no-pager", "ak", "list"]),
    ] {
        let said = said(variable, "abc", args);
        assert!(said.contains(&format!("'{variable} ({option})'")), "{said}");
    }
    assert!(!said("AKGUARD_ALARMS_LIMIT", "1", &["alarms", "--limit", "abc"]).contains("AKGUARD"));
    assert!(!said("AKGUARD_ALARMS_LIMIT", "abc", &["alarms", "--limit=abc"]).contains("AKGUARD"));
    for (variable, value, args) in [
        ("AKGUARD_ALARMS_COLUMNS", "nothing", &["alarms"][..]),
        ("AKGUARD_ALARMS_SINCE", "never", &["alarms"]),
        ("AKGUARD_TZ", "Mars", &["alarms"]),
        ("AKGUARD_SCAN_NO_DB", "1", &["scan", "log.json", "--rescan"]),
    ] {
        let said = said(variable, value, args);
        assert!(said.contains(&format!("is given by the variable {variable}\n")), "{said}");
    }
    assert!(!said("AKGUARD_TZ", "UTC", &["alarms", "--tz", "Mars"]).contains("AKGUARD"));
}

#[test]
fn variables_stand_for_options_and_typed_ones_count_more() {
    let folder = kept();
    let alarms = |variables: &[(&str, &str)], args: &[&str]| {
        run(akguard(&folder).envs(variables.iter().copied()).arg("alarms").args(args))
    };
    assert_eq!(alarms(&[("AKGUARD_ALARMS_FAIL_ON", "low")], &[]).0, 10);
    assert_eq!(alarms(&[("AKGUARD_ALARMS_FAIL_ON", "")], &[]).0, 0);
    assert_eq!(alarms(&[("AKGUARD_ALARMS_FAIL_ON", "low")], &["--fail-on", "critical"]).0, 0);
    let (code, _, said) = alarms(&[("AKGUARD_ALARMS_FAIL_ON", "hihg")], &[]);
    assert!(code == 2 && said.contains("AKGUARD_ALARMS_FAIL_ON (--fail-on"), "{said}");
    let rules = [("AKGUARD_ALARMS_RULE", "hacker-tool,create-key")];
    assert_eq!(alarms(&rules, &[]).1, "No alarms.\n");
    assert!(alarms(&rules, &["--rule", "non-console-high-risk-api"]).1.contains("non-console-high-risk-api"));
    let csv = [("AKGUARD_ALARMS_FORMAT", "csv"), ("AKGUARD_TZ", "UTC"), ("AKGUARD_ALARMS_COLUMNS", "last-call")];
    assert!(alarms(&csv, &["--limit", "1"]).1.starts_with("last_call\n2026-03-01 "), "{:?}", alarms(&csv, &[]));

    let scan = |quiet: &str| {
        let mut command = akguard(&folder);
        run(command.env("AKGUARD_SCAN_QUIET", quiet).args(["scan", "log.json", "--no-db"]))
    };
    assert_eq!(scan("1").2, "");
    assert_eq!(scan("yes").2, "");
    for off in ["", "0", "no", "false"] {
        assert!(scan(off).2.contains("note:"), "{off}");
    }
    assert_eq!(scan("perhaps").0, 2);

    // Nothing is confirmed by a variable: without a terminal and --yes, filters are refused.
    let mut command = akguard(&folder);
    let (code, _, said) =
        run(command.env("AKGUARD_PROCESS_YES", "1").env("AKGUARD_YES", "1").args(["process", "--level", "low"]));
    assert!(code != 0 && said.contains("--yes"), "{said}");
    let (_, help, _) = run(akguard(&folder).env("AKGUARD_SCAN_SINCE", "s3cret").args(["scan", "--help"]));
    assert!(help.contains("AKGUARD_SCAN_SINCE") && !help.contains("s3cret"), "{help}");
}

#[test]
fn colour_is_asked_for_or_forbidden() {
    let folder = kept();
    let coloured = |variables: &[(&str, &str)], args: &[&str]| {
        let (_, out, _) = run(akguard(&folder).envs(variables.iter().copied()).args(args));
        assert!(!out.is_empty());
        out.contains('\u{1b}')
    };
    for args in [&["alarms"][..], &["ak", "list"], &["--help"], &["scan", "--help"]] {
        let with = |option: &'static str| [&[option], args].concat();
        assert!(!coloured(&[], args) && coloured(&[], &with("--color=always")), "{args:?}");
        assert!(coloured(&[("CLICOLOR_FORCE", "1")], args), "{args:?}");
        assert!(!coloured(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], args), "{args:?}");
        assert!(!coloured(&[("CLICOLOR_FORCE", "1")], &with("--color=never")), "{args:?}");
        assert!(coloured(&[("AKGUARD_COLOR", "always"), ("NO_COLOR", "1")], args), "{args:?}");
    }
}

#[test]
fn columns_are_chosen_and_nothing_is_cut_when_wide() {
    let folder = kept();
    let of = |args: &[&str]| run(akguard(&folder).args(args));
    let words = |args: &[&str], line: usize| -> Vec<String> {
        let out = of(args).1;
        out.lines().nth(line).unwrap_or_default().split_whitespace().map(str::to_string).collect()
    };
    let (code, out, _) = of(&["alarms", "--columns", "user,level", "--rule", "non-console-high-risk-api"]);
    assert_eq!(
        (code, out.lines().nth(2).map(|line| line.split_whitespace().collect::<Vec<_>>())),
        (0, Some(vec!["USER", "LEVEL"]))
    );
    assert!(out.contains('…'), "{out}");
    let wide = of(&["alarms", "--wide"]).1;
    assert!(
        wide.contains("安全运维平台自动化账号第一组值班人员专用") && wide.contains("STATUS") && !wide.contains('…'),
        "{wide}"
    );
    let (code, _, said) = of(&["alarms", "--columns", "lastcall"]);
    assert!(code == 2 && said.contains("\"last-call\""), "{said}");
    assert_eq!(words(&["ak", "list", "--columns", "key,ips"], 0), ["KEY", "IPS"]);
    assert_eq!(of(&["ip", "list", "--columns", "ip,alarms", "--format", "csv"]).0, 2, "CSV has alarms by level");
    assert_eq!(
        of(&["ip", "list", "--columns", "ip,alarms-high", "--format", "csv"]).1.lines().next(),
        Some("ip,alarms_high")
    );
    assert_eq!(words(&["rules", "list", "--columns", "state,id"], 0), ["STATE", "ID"]);
    assert_eq!(words(&["rules", "list", "--columns", "attack,id"], 0), ["ATT&CK", "ID"]);
    assert_eq!(words(&["rules", "list", "--columns", "att&ck"], 0), ["ATT&CK"]);
    assert_eq!(of(&["rules", "list", "--columns", "stat"]).0, 2);
    let scan = ["scan", "log.json", "--no-db", "--quiet"];
    let table = of(&[&scan[..], &["--columns", "user,level"]].concat()).1;
    assert!(table.lines().any(|line| line.split_whitespace().eq(["USER", "LEVEL"])), "{table}");
    let wide = of(&[&scan[..], &["--wide"]].concat()).1;
    assert!(wide.contains("STATUS") && wide.contains("安全运维平台自动化账号第一组值班人员专用"), "{wide}");
    let csv = of(&[&scan[..], &["--format", "csv", "--columns", "rule"]].concat()).1;
    assert!(csv.lines().count() > 1 && csv.lines().all(|line| !line.contains(',')), "{csv}");
    for bad in [["--columns", "nothing"], ["--columns", "nothing,level"]] {
        assert_eq!(of(&[&["scan", "missing.json", "--no-db"][..], &bad].concat()).0, 2, "before anything is read");
    }
    assert_eq!(of(&["allowlist", "add", "--ip", "192.0.2.9", "--reason", "x", "--name", "a b"]).0, 0);
    assert_eq!(words(&["allowlist", "list", "--columns", "name,state"], 0), ["NAME", "STATE"]);
    assert_eq!(words(&["allowlist", "list", "--columns", "name,state"], 1), ["a", "b", "in", "force"]);
    assert_eq!(of(&["allowlist", "list", "--columns", "name", "--format", "csv"]).1, "name\na b\n");
    let id = of(&["alarms", "--format", "csv", "--columns", "id", "--limit", "1"]).1;
    let id = id.lines().nth(1).expect("an alarm");
    assert!(of(&["calls", id, "--columns", "api,from"]).1.starts_with("API"));
    assert_eq!(of(&["calls", id, "--columns", "action", "--format", "csv"]).1, "action\nDeleteUser\n");
    let whole: Value = serde_json::from_str(&of(&["alarms", "--columns", "id", "--format", "json"]).1).expect("JSON");
    assert!(whole["alarms"][0]["records"].is_array());
}

#[test]
fn ids_of_keys_in_notes_are_masked_as_they_are_elsewhere() {
    let folder = kept();
    let of = |args: &[&str]| run(akguard(&folder).args(args));
    let id = of(&["alarms", "--format", "csv", "--columns", "id", "--limit", "1"]).1;
    let id = id.lines().nth(1).expect("an alarm");
    assert_eq!(of(&["process", id, "--note", &format!("replaced {KEY} today")]).0, 0);
    let shown = of(&["show", id]).1;
    assert!(shown.contains("replaced AKIDEX***") && shown.contains(" today"), "{shown}");
    assert!(!shown.contains(KEY), "{shown}");
    assert!(of(&["show", id, "--full-keys"]).1.contains(&format!("replaced {KEY} today")));
    assert!(
        of(&["show", id, "--format", "json"]).1.contains(&format!("replaced {KEY} today")),
        "programs get it whole"
    );
}

#[test]
fn marks_say_what_is_wrong_with_their_names() {
    let folder = kept();
    for command in [&["alarms", "--new", "--mark"][..], &["report", "--mark"]] {
        for (name, wrong) in [("a\tb", "control character '\\t'"), ("a\u{1b}[31m", "\\u{1b}"), (" ", "needs a name")] {
            let (code, _, said) = run(akguard(&folder).args(command).arg(name));
            assert!(code == 2 && said.contains(wrong) && said.starts_with("error: --mark"), "{said}");
        }
    }
}

/// What bash would put on the line after these words.
fn completed(folder: &Folder, words: &[&str]) -> Vec<String> {
    let script = folder.path("completions.bash");
    if !script.exists() {
        let (code, text, _) = run(akguard(folder).args(["completions", "bash"]));
        assert_eq!(code, 0);
        folder.file("completions.bash", text);
    }
    let programs = Path::new(env!("CARGO_BIN_EXE_akguard")).parent().expect("a folder").to_path_buf();
    let ask = r#"source completions.bash; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_TYPE=9
        _clap_complete_akguard akguard "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}" 2>stderr
        cat stderr; printf '%s\n' "${COMPREPLY[@]}""#;
    let path = format!("{}:/usr/bin:/bin", programs.display());
    let mut command = Command::new("bash");
    command.env_clear().env("PATH", path).env("HOME", folder.path("home")).env("AKGUARD_DB", folder.path("a.db"));
    command.current_dir(folder.path(".")).args(["--norc", "--noprofile", "-c", ask, "bash", "akguard"]).args(words);
    let (_, out, said) = run(&mut command);
    assert_eq!(said, "");
    out.lines().filter(|line| !line.is_empty()).map(str::to_string).collect()
}

#[test]
#[cfg(unix)]
fn bash_completes_what_the_database_knows() {
    if Command::new("bash").arg("--version").output().is_err() {
        return;
    }
    let folder = kept();
    assert_eq!(
        run(akguard(&folder).args(["allowlist", "add", "--ip", "192.0.2.9", "--reason", "x", "--name", "ci-runners"]))
            .0,
        0
    );
    assert_eq!(
        run(akguard(&folder).args(["allowlist", "add", "--ip", "192.0.2.8", "--reason", "x", "--name", "$(id) x"])).0,
        0
    );
    let before = std::fs::read(folder.path("a.db")).expect("a database");
    assert_eq!(completed(&folder, &["rules", "show", "hack"]), ["hacker-tool"]);
    assert_eq!(completed(&folder, &["alarms", "--level", "cr"]), ["critical"]);
    assert_eq!(completed(&folder, &["alarms", "--status", "unp"]), ["unprocessed"]);
    let alarms = completed(&folder, &["show", "A-"]);
    assert!(!alarms.is_empty() && alarms.iter().all(|id| id.starts_with("A-")), "{alarms:?}");
    assert_eq!(completed(&folder, &["alarms", "--ak", "AKIDEX"]), [KEY], "the other one would be run by the shell");
    assert_eq!(completed(&folder, &["ip", "show", "192"]), ["192.0.2.1"]);
    assert_eq!(completed(&folder, &["allowlist", "show", ""]).first().map(String::as_str), Some("ci-runners"));
    assert!(completed(&folder, &["allowlist", "show", ""]).contains(&"2".to_string()), "by number");
    assert_eq!(completed(&folder, &["show", "--db", "missing.db", "A-"]), Vec::<String>::new());
    assert!(!folder.path("missing.db").exists());
    assert_eq!(std::fs::read(folder.path("a.db")).expect("a database"), before);
    folder.file("bad.db", "no database");
    assert_eq!(completed(&folder, &["show", "--db", "bad.db", "A-"]), Vec::<String>::new());
}

/// What the script of a shell that asks with words of its own hands on, one answer a line, without what it explains.
fn asked(folder: &Folder, shell: &str, words: &[&str]) -> Vec<String> {
    let place = words.len().to_string();
    let mut command = akguard(folder);
    command.env("AKGUARD_COMPLETE", shell).env("_CLAP_COMPLETE_INDEX", place).env("_CLAP_IFS", "\n");
    let (code, out, said) = run(command.args(["--", "akguard"]).args(words));
    assert_eq!((code, said.as_str()), (0, ""), "{shell} {words:?}");
    let explained = if shell == "zsh" { ':' } else { '\t' };
    out.lines().map(|line| line.split(explained).next().unwrap_or_default().to_string()).collect()
}

#[test]
fn every_shell_gets_the_same_answers() {
    let folder = kept();
    for shell in ["zsh", "fish", "powershell", "elvish"] {
        assert_eq!(asked(&folder, shell, &["rules", "show", "hack"]), ["hacker-tool"], "{shell}");
        assert_eq!(asked(&folder, shell, &["--lang", ""]), ["en", "zh"], "{shell}");
        assert_eq!(asked(&folder, shell, &["alarms", "--color", "a"]), ["auto", "always"], "{shell}");
        assert_eq!(asked(&folder, shell, &["alarms", "--ak", "AKIDEX"]), [KEY], "{shell}");
        assert_eq!(asked(&folder, shell, &["alarms", "--level", "cr"]), ["critical"], "{shell}");
    }
}

/// What a shell that is installed offers for a line, by its own script.
#[cfg(unix)]
fn offered(folder: &Folder, shell: &str, ask: &str) -> Option<String> {
    let programs = Path::new(env!("CARGO_BIN_EXE_akguard")).parent().expect("a folder").to_path_buf();
    Command::new(shell).arg("--version").output().ok()?;
    let (code, script, _) = run(akguard(folder).args(["completions", shell]));
    assert_eq!(code, 0);
    folder.file(&format!("script.{shell}"), script);
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap_or_default());
    let mut command = Command::new(shell);
    command.env("PATH", path).env("HOME", folder.path("home")).env("AKGUARD_DB", folder.path("a.db"));
    Some(run(command.current_dir(folder.path(".")).args(["-c", ask])).1)
}

#[test]
#[cfg(unix)]
fn fish_and_zsh_run_their_scripts_where_they_are_installed() {
    let folder = kept();
    let fish = |line: &str| offered(&folder, "fish", &format!("source script.fish; complete -C '{line}'"));
    for (line, word) in
        [("akguard rules show hack", "hacker-tool"), ("akguard --lang ", "zh"), ("akguard alarms --ak AKIDEX", KEY)]
    {
        let Some(out) = fish(line) else { break };
        assert!(out.lines().any(|offer| offer.split('\t').next() == Some(word)), "{line}: {out}");
    }
    // Outside its line editor zsh has no completion, so what its script hands over is caught.
    let zsh = |words: &str, place: usize| {
        let ask = format!(
            "compdef() {{ : }}; _describe() {{ local name=${{@[-1]}}; print -rl -- ${{(P)name}} }}; source script.zsh\n\
             words=({words}); CURRENT={place}; _clap_dynamic_completer_akguard"
        );
        offered(&folder, "zsh", &ask)
    };
    for (words, place, word) in [("akguard rules show hack", 4, "hacker-tool"), ("akguard --lang z", 3, "zh")] {
        let Some(out) = zsh(words, place) else { break };
        assert!(out.lines().any(|offer| offer.split(':').next() == Some(word)), "{words}: {out}");
    }
}

#[test]
fn every_command_has_a_manual_page() {
    let folder = Folder::new();
    assert_eq!(run(akguard(&folder).args(["man", "--dir", "man1"])).0, 0);
    for page in ["akguard.1", "akguard-scan.1", "akguard-config-show.1", "akguard-allowlist-add.1", "akguard-ak-list.1"]
    {
        let text = std::fs::read_to_string(folder.path("man1").join(page)).expect(page);
        assert!(text.contains(".SH \"EXIT STATUS\"") && text.contains("AKGUARD_LANG"), "{page}");
    }
}
