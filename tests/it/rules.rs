//! Every rule against its fixtures in `fixtures/rules/<rule>/`.
//!
//! A case is `<case>.jsonl`, raw events one a line, and `<case>.expected.json`, the alarms of that rule alone in the
//! order of the output. Beside it may stand `<case>.toml` (settings), `<case>.assets.csv` and `<case>.inventory/`.
//! Every rule has a case `fires` and a case `quiet`; every other one is called `edge-` and what it is about.
//!
//! Expected results are written by hand, from the rule's page. `SNAPSHOTS=overwrite cargo test` writes what the
//! program says instead, which is to be read before it is kept; results of `quiet` are never overwritten.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What is compared of an alarm, beside its records.
const ALARM_FIELDS: &[&str] = &["date", "ak", "user", "identity", "level", "calls", "tags", "event_ids"];
/// What is compared of a call record.
const RECORD_FIELDS: &[&str] =
    &["source_ip", "ip_type", "method", "service", "action", "user_type", "user", "code", "success", "failed"];
/// Endings of a case's files.
const ENDINGS: &[&str] = &[".expected.json", ".assets.csv", ".inventory", ".jsonl", ".toml"];

/// One case of one rule.
struct Case {
    rule: String,
    name: String,
    folder: PathBuf,
}

impl Case {
    fn file(&self, ending: &str) -> PathBuf {
        self.folder.join(format!("{}{ending}", self.name))
    }

    fn label(&self) -> String {
        format!("{}/{}", self.rule, self.name)
    }

    fn expected(&self) -> Result<Value> {
        let path = self.file(".expected.json");
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        serde_json::from_str(&text).with_context(|| format!("{} is not JSON", path.display()))
    }

    /// The alarms of the case's rule, as the program finds them.
    fn found(&self) -> Result<Value> {
        let mut args = vec![PathBuf::from("scan"), self.file(".jsonl")];
        args.extend(["--no-db", "--quiet", "--format", "json"].map(PathBuf::from));
        for (option, ending) in [("--config", ".toml"), ("--assets", ".assets.csv"), ("--inventory", ".inventory")] {
            if self.file(ending).exists() {
                args.extend([PathBuf::from(option), self.file(ending)]);
            }
        }
        let scan = akguard(&args)?;
        let rejects = &scan["summary"]["rejects"];
        ensure!(rejects.as_array().is_some_and(Vec::is_empty), "events were rejected: {rejects}");
        let of_rule = |alarm: &&Value| alarm["rule"] == self.rule.as_str();
        Ok(scan["alarms"].as_array().into_iter().flatten().filter(of_rule).map(reduced).collect())
    }

    /// What is wrong with the case, if anything.
    fn judge(&self) -> Result<Option<String>> {
        let found = self.found()?;
        if overwrites() && self.name != "quiet" {
            fs::write(self.file(".expected.json"), format!("{found:#}\n"))?;
            return Ok(None);
        }
        let expected = self.expected()?;
        Ok((found != expected).then(|| diff(&format!("{expected:#}"), &format!("{found:#}"))))
    }
}

fn overwrites() -> bool {
    std::env::var_os("SNAPSHOTS").is_some_and(|value| value == "overwrite")
}

/// Runs the program far from any settings or database, and reads the JSON that it prints.
fn akguard(args: &[PathBuf]) -> Result<Value> {
    let elsewhere = tempfile::tempdir()?;
    let output =
        Command::new(env!("CARGO_BIN_EXE_akguard")).args(args).env_clear().current_dir(elsewhere.path()).output()?;
    ensure!(output.status.success(), "{}: {}", output.status, String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).context("the output is not JSON")
}

/// An alarm without what other tests look after: ids, texts, times.
fn reduced(alarm: &Value) -> Value {
    let mut reduced = picked(alarm, ALARM_FIELDS);
    let records = alarm["records"].as_array().into_iter().flatten();
    reduced["records"] = records.map(|record| picked(record, RECORD_FIELDS)).collect();
    reduced
}

fn picked(object: &Value, fields: &[&str]) -> Value {
    fields.iter().map(|field| ((*field).to_string(), object[*field].clone())).collect()
}

/// The lines that differ, with three lines around them.
fn diff(expected: &str, found: &str) -> String {
    const AROUND: usize = 3;
    let (old, new): (Vec<&str>, Vec<&str>) = (expected.lines().collect(), found.lines().collect());
    let shorter = old.len().min(new.len());
    let same = |from_end: bool, most: usize| {
        let at = |lines: &[&str], place: usize| if from_end { lines.len() - 1 - place } else { place };
        (0..most).take_while(|place| old[at(&old, *place)] == new[at(&new, *place)]).count()
    };
    let head = same(false, shorter);
    let tail = same(true, shorter - head);
    let mut text = String::from("--- expected\n+++ found\n");
    let mut print = |sign: char, lines: &[&str]| {
        for line in lines {
            let _ = writeln!(text, "{sign}{line}");
        }
    };
    print(' ', &old[head.saturating_sub(AROUND)..head]);
    print('-', &old[head..old.len() - tail]);
    print('+', &new[head..new.len() - tail]);
    print(' ', &old[old.len() - tail..(old.len() - tail + AROUND).min(old.len())]);
    text
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/rules")
}

/// The ids of all rules, as the program lists them.
fn rules() -> Result<BTreeSet<String>> {
    let list = akguard(&["rules", "list", "--format", "json"].map(PathBuf::from))?;
    let rules = list.as_array().context("the list of rules is not an array")?;
    rules.iter().map(|rule| Ok(rule["id"].as_str().context("a rule without id")?.to_string())).collect()
}

/// The names of what is in a folder, sorted.
fn entries(folder: &Path) -> Result<BTreeSet<String>> {
    let list = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    list.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
}

fn cases() -> Result<Vec<Case>> {
    let mut cases = Vec::new();
    for rule in rules()? {
        let folder = fixtures().join(&rule);
        for file in entries(&folder)? {
            if let Some(name) = file.strip_suffix(".jsonl") {
                cases.push(Case { rule: rule.clone(), name: name.to_string(), folder: folder.clone() });
            }
        }
    }
    Ok(cases)
}

/// Fails with all complaints at once.
fn none_of(complaints: &[String]) {
    assert!(complaints.is_empty(), "{} complaints\n\n{}", complaints.len(), complaints.join("\n"));
}

#[test]
fn every_rule_fixture_gives_its_expected_alarms() -> Result<()> {
    let complaint = |case: &Case| match case.judge() {
        Ok(None) => None,
        Ok(Some(difference)) => Some(format!("{}\n{difference}", case.label())),
        Err(error) => Some(format!("{}\n{error:#}\n", case.label())),
    };
    none_of(&cases()?.iter().filter_map(complaint).collect::<Vec<_>>());
    Ok(())
}

#[test]
fn every_rule_has_a_case_that_fires_and_one_that_is_quiet() -> Result<()> {
    let mut missing = Vec::new();
    for rule in rules()? {
        for file in ["fires.jsonl", "quiet.jsonl"] {
            if !fixtures().join(&rule).join(file).is_file() {
                missing.push(format!("{rule}/{file} is missing"));
            }
        }
    }
    none_of(&missing);
    Ok(())
}

#[test]
fn quiet_cases_expect_nothing_and_firing_ones_something() -> Result<()> {
    let mut wrong = Vec::new();
    for case in cases()? {
        let nothing = case.expected()? == json!([]);
        if (case.name == "quiet" && !nothing) || (case.name == "fires" && nothing) {
            wrong.push(format!("{} expects the opposite of its name", case.label()));
        }
    }
    none_of(&wrong);
    Ok(())
}

#[test]
fn no_file_is_there_without_a_case() -> Result<()> {
    let rules = rules()?;
    let mut stray: Vec<String> = entries(&fixtures())?.difference(&rules).map(|name| format!("{name}/")).collect();
    for rule in &rules {
        let files = entries(&fixtures().join(rule))?;
        let belongs = |file: &&String| case_of(file).is_some_and(|case| files.contains(&format!("{case}.jsonl")));
        stray.extend(files.iter().filter(|file| !belongs(file)).map(|file| format!("{rule}/{file}")));
    }
    none_of(&stray);
    Ok(())
}

/// The case that a file belongs to, if its name is one of a case.
fn case_of(file: &str) -> Option<&str> {
    let case = ENDINGS.iter().find_map(|ending| file.strip_suffix(ending))?;
    let named = matches!(case, "fires" | "quiet") || case.starts_with("edge-");
    named.then_some(case)
}
