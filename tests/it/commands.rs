//! The command line, told in data files: tests/cmd and the walk-through of the README.

#[test]
fn commands_do_what_their_pages_show() {
    // Commands of the README tell one story with one database; nobody's own is touched.
    let folder = tempfile::tempdir().expect("a folder for the test");
    let db = folder.path().join("akguard.db");
    let cases = trycmd::TestCases::new();
    cases.env("AKGUARD_DB", db.to_string_lossy()).env("USER", "wen").env("COLUMNS", "").env("AKGUARD_LANG", "en");
    cases.case("tests/cmd/*.toml").case("README.md");
    cases.run();
}

#[test]
fn the_chinese_readme_shows_what_commands_say_in_chinese() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let db = folder.path().join("akguard.db");
    let cases = trycmd::TestCases::new();
    cases.env("AKGUARD_DB", db.to_string_lossy()).env("USER", "wen").env("COLUMNS", "").env("AKGUARD_LANG", "zh");
    cases.case("README.zh-CN.md");
    cases.run();
}
