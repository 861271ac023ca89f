//! The command line, told in data files: tests/cmd and the walk-through of the README.

#[test]
fn commands_do_what_their_pages_show() {
    trycmd::TestCases::new().case("tests/cmd/*.toml").case("README.md");
}
