//! Languages: which one is spoken, that every header and word has its translation, and that data stays the same.

use akguard::lang::Lang;
use std::path::{Path, PathBuf};
use std::process::Command;

const DEMO: [&str; 6] = ["scan", "--no-db", "fixtures/demo/logs", "--assets", "fixtures/demo/assets.csv", "--quiet"];

fn run(args: &[&str], environment: &[(&str, &str)]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_akguard"));
    command.args(args).env_clear().envs(environment.iter().copied()).current_dir(env!("CARGO_MANIFEST_DIR"));
    let output = command.output().expect("the program starts");
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("the output is text")
}

/// All source files of the program.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder of the project").flatten() {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

/// The titles of all columns in the source.
fn titles() -> Vec<String> {
    let column = regex::Regex::new(r#"Column::new\(\s*"([^"]+)""#).expect("a pattern");
    let list = regex::Regex::new(r##"\["#", "(NAME|ID)"[^\]]*\]"##).expect("a pattern");
    let word = regex::Regex::new(r#""([^"]+)""#).expect("a pattern");
    let (mut paths, mut found) = (Vec::new(), Vec::new());
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut paths);
    for path in paths {
        let text = std::fs::read_to_string(path).expect("a source file");
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        found.extend(column.captures_iter(code).map(|title| title[1].to_string()));
        for titles in list.find_iter(code) {
            found.extend(word.captures_iter(titles.as_str()).map(|title| title[1].to_string()));
        }
    }
    found
}

#[test]
fn every_header_has_a_translation() {
    let titles = titles();
    assert!(titles.len() > 90, "only {} titles were found", titles.len());
    for title in titles {
        let title: &'static str = title.leak();
        let same = ["#", "ID", "IP", "ATT&CK"].contains(&title);
        assert_eq!(Lang::Zh.header(title) == title, same, "src/lang/zh.toml has no header {title:?}");
        assert_eq!(Lang::En.header(title), title);
    }
}

#[test]
fn every_word_of_alarms_has_a_translation() {
    use akguard::alarm::{model::Identity, status::Status};
    use akguard::detect::{AlarmType, Level};
    let levels = Level::ALL.map(Level::as_str);
    let kinds = [AlarmType::AbnormalCall, AlarmType::Leak].map(AlarmType::as_str);
    let statuses = [Status::Unprocessed, Status::Processed, Status::Ignored].map(Status::as_str);
    let identities = [Identity::Root, Identity::SubAccount, Identity::Temporary].map(Identity::as_str);
    let places = ["in_account", "outside", "lan", "unknown", "console", "success", "failed", "denied"];
    for word in levels.iter().chain(&kinds).chain(&statuses).chain(&identities).chain(&places) {
        assert_ne!(Lang::Zh.word(word), *word);
        assert_eq!(Lang::En.word(word), *word);
    }
}

#[test]
fn the_option_the_variable_and_the_locale_choose_the_language() {
    let first = |text: String| text.lines().next().map(str::to_string).unwrap_or_default();
    let mut in_chinese = vec!["--lang", "zh"];
    in_chinese.extend(DEMO);
    assert_eq!(first(run(&DEMO, &[])), "Files   8 read");
    assert_eq!(first(run(&DEMO, &[("LC_ALL", "C.UTF-8"), ("LANG", "zh_CN.UTF-8")])), "Files   8 read");
    for text in [
        run(&in_chinese, &[("AKGUARD_LANG", "en")]),
        run(&DEMO, &[("AKGUARD_LANG", "zh"), ("LC_ALL", "C")]),
        run(&DEMO, &[("LANG", "zh_CN.UTF-8")]),
    ] {
        assert_eq!(first(text), "文件  已读取 8 个");
    }
}

#[test]
fn data_is_the_same_in_all_languages() {
    for format in ["json", "jsonl", "csv"] {
        let mut args = DEMO.to_vec();
        args.extend(["--format", format]);
        assert_eq!(run(&args, &[]), run(&args, &[("AKGUARD_LANG", "zh")]), "{format}");
    }
    let list = ["rules", "list", "--format", "json"];
    assert_eq!(run(&list, &[]), run(&list, &[("AKGUARD_LANG", "zh")]));
}

#[test]
fn a_rule_is_told_in_chinese_above_its_page() {
    let page = run(&["rules", "show", "create-key"], &[("AKGUARD_LANG", "zh")]);
    assert!(page.starts_with("# 新建密钥\n\n`create-key` · 中危 · 异常调用 · 默认启用 · ATT&CK T1098.001\n"), "{page}");
    assert!(page.ends_with(&run(&["rules", "show", "create-key"], &[])));
}

/// The texts between quotes in the code of a room, but those of errors, which are in English.
fn literals(room: &str) -> Vec<String> {
    let quoted = regex::Regex::new(r#"(?s)(error\(\s*)?"((?:[^"\\]|\\.)*)""#).expect("a pattern");
    let broken = regex::Regex::new(r"\\\n\s*").expect("a pattern");
    let comment = regex::Regex::new(r"(?m)^\s*//.*$").expect("a pattern");
    let mut paths = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(room), &mut paths);
    // What reads requests tells errors only.
    paths.retain(|path| !["tests", "policy/read"].iter().any(|part| path.to_string_lossy().contains(part)));
    let code = |path: &PathBuf| std::fs::read_to_string(path).expect("a source file");
    let texts = paths.iter().map(code).flat_map(|text| {
        let code = comment.replace_all(text.split("#[cfg(test)]").next().unwrap_or_default(), "").into_owned();
        let found = quoted.captures_iter(&code).filter(|found| found.get(1).is_none());
        found.map(|found| broken.replace_all(&found[2], "").replace(r"\'", "'")).collect::<Vec<_>>()
    });
    texts.collect()
}

#[test]
fn every_sentence_about_policies_has_a_translation() {
    let place = regex::Regex::new(r"\{[^}]*\}").expect("a pattern");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lang/told_zh.toml");
    let known = std::fs::read_to_string(path).expect("the sentences");
    let known = place.replace_all(&known, "{}");
    let all = ["recommend", "policy"].into_iter().flat_map(literals);
    let sentences: Vec<String> = all.filter(|text| is_english(text)).collect();
    assert!(sentences.len() > 200, "only {} sentences were found", sentences.len());
    // Said where an invariant is certain, within texts of others, or with braces that are no places.
    let left_out = [
        "parts are short enough",
        "without a known name",
        "the number is out of range",
        r#"write {\"key\": [\"value\"]} below the operator"#,
    ];
    let said = |part: &str| known.contains(part.trim_matches([' ', '.', ';', ':', ',', '(', ')', '`']));
    let is_known = |text: &str| place.replace_all(text, "{}").split("{}").all(said);
    let shown = sentences.iter().filter(|text| !left_out.contains(&text.as_str()));
    let lacking: Vec<&String> = shown.filter(|text| !is_known(text)).collect();
    assert!(lacking.is_empty(), "src/lang/told_zh.toml lacks {lacking:#?}");
}

/// What commands say in Chinese of the demo's logs.
fn in_chinese(args: &[&str]) -> String {
    let logs = ["--logs", "fixtures/demo/logs", "--assets", "fixtures/demo/assets.csv", "--quiet"];
    let inventory = ["--inventory", "fixtures/demo/inventory"];
    run(&[args, &logs, &inventory].concat(), &[("AKGUARD_LANG", "zh")])
}

/// Whether three English words stand in a row. Commands and policies hold some, but not of this kind.
fn is_english(line: &str) -> bool {
    let word = |word: &&str| word.len() > 1 && word.bytes().all(|byte| byte.is_ascii_lowercase());
    let words: Vec<&str> = line.split(' ').collect();
    words.windows(3).any(|row| row.iter().all(word))
}

#[test]
fn tables_and_reports_are_in_chinese_throughout() {
    let scan = [&DEMO[..], &["--details"]].concat();
    let outputs = [
        run(&scan, &[("AKGUARD_LANG", "zh")]),
        in_chinese(&["policy", "recommend", "--all"]),
        in_chinese(&["policy", "recommend", "--user", "app-backend"]),
        in_chinese(&["policy", "recommend", "--all", "--format", "md"]),
        in_chinese(&["report", "--format", "md"]),
    ];
    let command = |line: &&str| !line.contains("akguard ") && !line.contains("tccli ");
    for line in outputs.iter().flat_map(|text| text.lines()).filter(command) {
        assert!(!is_english(line), "{line}");
    }
    for (english, chinese) in [("by alarm", "根据告警"), ("What they grant", "授予的权限")] {
        assert!(outputs[2].contains(chinese) && !outputs[2].contains(english), "{chinese}");
    }
}

/// What stands for the same thing as another word that is used everywhere else.
const OTHER_WORDS: [(&str, &str); 14] = [
    ("越权", "调用被拒绝"),
    ("存在被拒绝的调用", "调用被拒绝"),
    ("参与分析", "参与检测"),
    ("已评估", "参与检测"),
    ("拒收", "无法读取"),
    ("无法解析", "无法读取"),
    ("来源 IP", "源 IP"),
    ("来源IP", "源 IP"),
    ("告警原因", "触发原因"),
    ("已加白", "无效"),
    ("处置时间", "处理时间"),
    ("处置人", "处理人"),
    ("产品数", "服务数"),
    ("主账户", "主账号"),
];

#[test]
fn one_word_stands_for_one_thing_in_chinese() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let texts = [
        "src/lang/zh.toml",
        "src/lang/told_zh.toml",
        "src/lang/rules_zh.toml",
        "src/document/texts/zh.toml",
        "README.zh-CN.md",
        "docs/terms.md",
    ];
    for path in texts {
        let text = std::fs::read_to_string(root.join(path)).expect("a text of the project");
        for (other, word) in OTHER_WORDS {
            let line = text.lines().find(|line| line.contains(other));
            assert_eq!(line, None, "{path} says {other}; everywhere else it is {word}");
        }
    }
    assert_eq!((Lang::Zh.header("REGION"), Lang::Zh.header("FROM")), ("归属地", "源 IP"));
}
