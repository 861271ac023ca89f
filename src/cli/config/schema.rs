//! Every setting: its name, what it may be, its default, and what it means.

use crate::catalog::signatures::ALERT_AT;
use crate::detect::Meta;
use crate::detect::rules::ALL;

/// What a setting may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `true` or `false`.
    Switch,
    /// A level of alarms that stand.
    Level,
    /// A whole number in these bounds.
    Number(i64, i64),
    /// A time zone by name.
    Zone,
    /// An offset of local time.
    Offset,
    /// A local time of day.
    Time,
    /// Any text but the empty one, judged where it is used.
    Text,
    /// A list of texts.
    Texts,
}

/// A setting.
#[derive(Clone, Debug)]
pub(super) struct Setting {
    /// The table it stands in; empty for the top.
    pub(super) table: String,
    /// Its name there.
    pub(super) name: &'static str,
    /// What it may be.
    pub(super) kind: Kind,
    /// The default as TOML. A setting without one is not set.
    pub(super) default: Option<String>,
    /// A value to begin from where there is no default.
    pub(super) example: &'static str,
    /// What it means.
    pub(super) meaning: &'static str,
}

impl Setting {
    /// Table and name.
    pub(super) fn path(&self) -> String {
        full_name(&self.table, self.name)
    }
}

/// Table and name of a setting.
pub(super) fn full_name(table: &str, name: &str) -> String {
    if table.is_empty() { name.to_string() } else { format!("{table}.{name}") }
}

/// Every setting, in the order in which people read them.
pub(super) fn all() -> Vec<Setting> {
    let mut settings = general();
    let mut metas: Vec<&Meta> = ALL.iter().map(|(meta, _)| *meta).collect();
    metas.sort_by_key(|meta| meta.number);
    settings.extend(metas.into_iter().flat_map(of_rule));
    settings.extend(LISTS.iter().flat_map(of_list));
    settings
}

fn general() -> Vec<Setting> {
    let top = |name, kind, default, example, meaning| setting("", name, kind, default, example, meaning);
    vec![
        top(
            "tz",
            Kind::Zone,
            Some("\"Asia/Shanghai\""),
            "",
            "Zone of dates, night hours and shown times, by its IANA name (--tz).",
        ),
        top(
            "naive_tz",
            Kind::Offset,
            Some("\"+08:00\""),
            "",
            "Offset of times in logs and inventory that have none (--naive-tz).",
        ),
        top(
            "github_meta",
            Kind::Text,
            None,
            "\"github-meta.json\"",
            "A saved copy of https://api.github.com/meta, for newer ranges of GitHub (--github-meta).",
        ),
        setting(
            "database",
            "calls_per_record",
            Kind::Number(100, 1_000_000),
            Some("1000"),
            "",
            "Calls of a record that are kept one by one, the first by time. Counts are exact beyond them.",
        ),
    ]
}

fn setting(
    table: &str,
    name: &'static str,
    kind: Kind,
    default: Option<&str>,
    example: &'static str,
    meaning: &'static str,
) -> Setting {
    Setting { table: table.to_string(), name, kind, default: default.map(str::to_string), example, meaning }
}

fn of_rule(meta: &Meta) -> Vec<Setting> {
    let table = format!("rules.{}", meta.id);
    let level = format!("{:?}", meta.level.as_str());
    let own = |name, kind, default, meaning| setting(&table, name, kind, default, "", meaning);
    let mut settings = vec![
        own("enabled", Kind::Switch, Some(if meta.on { "true" } else { "false" }), "The rule runs."),
        own("level", Kind::Level, Some(&level), "critical, high, medium, low or note."),
    ];
    if meta.skips_services {
        let meaning = "Judge Tencent's own services and the roles made for them as well.";
        settings.push(own("include_service_roles", Kind::Switch, Some("false"), meaning));
    }
    let more = OWN.iter().filter(|(id, ..)| *id == meta.id);
    settings.extend(more.map(|(_, name, kind, default, example, meaning)| {
        let default = Some(*default).filter(|text| !text.is_empty());
        setting(&table, name, *kind, default, example, meaning)
    }));
    settings
}

/// A hundred years, past which no log goes.
const DAYS: i64 = 36_500;

/// Rule, name, kind, default, example, meaning.
const OWN: [(&str, &str, Kind, &str, &str, &str); 11] = [
    (
        "off-hours-sensitive-operation",
        "start",
        Kind::Time,
        "\"22:00:00\"",
        "",
        "Night begins: a local time, which is in.",
    ),
    ("off-hours-sensitive-operation", "end", Kind::Time, "\"06:00:00\"", "", "Night ends: a local time, which is out."),
    ("new-user-high-risk-api", "hours", Kind::Number(1, DAYS * 24), "24", "", "How long a user counts as new."),
    (
        "hacker-tool",
        "alert_at",
        Kind::Number(*ALERT_AT.start(), *ALERT_AT.end()),
        "",
        "60",
        "Score from which a match raises the alarm, if not as the signature file says.",
    ),
    (
        "hacker-tool",
        "disable",
        Kind::Texts,
        "[]",
        "",
        "Ids of signatures and behaviours to leave out, such as \"region-sweep\".",
    ),
    (
        "hacker-tool",
        "signatures",
        Kind::Text,
        "",
        "\"my_signatures.toml\"",
        "A file used instead of the built-in tool_signatures.toml.",
    ),
    ("dormant-key-used", "days", Kind::Number(1, DAYS), "30", "", "Days without use."),
    ("cos-browser-call", "pattern", Kind::Text, "'(?i)cos-?browser'", "", "Regular expression for the client string."),
    (
        "cloud-manager-call",
        "pattern",
        Kind::Text,
        "'(?i)(cloudbility|yunguanjia|cloud[-_ ]?manager)'",
        "",
        "Regular expression for the client string.",
    ),
    ("cloud-manager-call", "ips", Kind::Texts, "[]", "", "Addresses and ranges of your own cloud manager."),
    (
        "abnormal-ip-high-risk-api",
        "days",
        Kind::Number(0, DAYS),
        "7",
        "",
        "How long a key must be known before a new address is strange.",
    ),
];

/// A list that settings change.
struct List {
    name: &'static str,
    entries: &'static str,
    extended: bool,
    example: Option<&'static str>,
}

const fn list(name: &'static str, entries: &'static str, example: Option<&'static str>) -> List {
    List { name, entries, extended: false, example }
}

const LISTS: [List; 8] = [
    List {
        name: "high-risk",
        entries: "APIs to put on the list, as service:Action.",
        extended: true,
        example: Some("\"my_high_risk.tsv\""),
    },
    list("privilege-escalation", "APIs to put on the list, as service:Action.", Some("\"my_escalation.tsv\"")),
    list("create-key", "APIs to put on the list, as service:Action.", Some("\"my_keys.tsv\"")),
    list("create-user", "APIs to put on the list, as service:Action.", Some("\"my_users.tsv\"")),
    list("tat-exec", "APIs to put on the list, as service:Action.", Some("\"my_commands.tsv\"")),
    list("create-resource", "APIs to put on the list, as service:Action.", Some("\"my_resources.tsv\"")),
    list("denied-codes", "Result codes to put on the list, compared exactly.", None),
    list("github-hooks", "Ranges to put on the list, such as 192.0.2.0/24.", None),
];

fn of_list(list: &List) -> Vec<Setting> {
    let table = format!("lists.{}", list.name);
    let own = |name, kind, default, example, meaning| setting(&table, name, kind, default, example, meaning);
    let mut settings = Vec::new();
    if list.extended {
        settings.push(own("extended", Kind::Switch, Some("false"), "", "Use the entries of tier extended too."));
    }
    settings.push(own("add", Kind::Texts, Some("[]"), "", list.entries));
    settings.push(own("remove", Kind::Texts, Some("[]"), "", "Entries to take off the list."));
    if let Some(example) = list.example {
        settings.push(own("replace", Kind::Text, None, example, "A file used instead of the built-in list."));
    }
    settings
}

/// The settings file with every setting at its default, and what each means.
pub(super) fn template() -> String {
    let mut text = String::from(
        "# Settings of akguard. Every setting stands here with its default; all of them may be left out.\n\
         # Paths are relative to this file's folder. `akguard config check` looks for mistakes.\n",
    );
    let mut table = String::new();
    for setting in all() {
        if setting.table != table {
            table.clone_from(&setting.table);
            text.extend(["\n[", &table, "]\n"]);
        }
        text.extend(["# ", setting.meaning, "\n"]);
        let (mark, value) = setting.default.as_deref().map_or(("# ", setting.example), |default| ("", default));
        text.extend([mark, setting.name, " = ", value, "\n"]);
    }
    text
}
