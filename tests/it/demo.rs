//! The walk-through for newcomers.

use crate::support::Folder;
use std::path::Path;
use std::process::{Command, Output};

fn demo(args: &[&str], lang: &str, folder: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_akguard"));
    let own = std::env::temp_dir();
    command.arg("demo").args(args).env_clear().env("AKGUARD_LANG", lang).env("TMPDIR", own);
    command.arg("--dir").arg(folder).output().expect("the program starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("the output is text")
}

#[test]
fn the_demo_shows_five_commands_with_their_output() {
    let room = Folder::new();
    let folder = room.path("new/demo");
    let output = demo(&[], "en", &folder);
    let (told, dir) = (text(&output.stdout), folder.display().to_string());
    assert_eq!((output.status.code(), text(&output.stderr).as_str()), (Some(0), ""));
    let typed: Vec<&str> = told.lines().filter(|line| line.starts_with("$ akguard ")).collect();
    assert_eq!(typed.len(), 5, "{told}");
    assert_eq!(typed[1], format!("$ akguard alarms --level high --db {dir}/akguard.db"));
    for part in [
        "\nFiles   8 read\n",
        "\nAlarms  15 holding ",
        "\nA-8d652502d2797e8a  critical  GitHub key confirmation request\n",
        &format!("open {dir}/report.html in a browser"),
        "more lines\n",
        &format!("rm -r {dir}\n"),
    ] {
        assert!(told.contains(part), "{part:?} is missing in {told}");
    }
    let page = std::fs::read_to_string(folder.join("report.html")).expect("the report");
    assert!(page.starts_with("<!DOCTYPE html>") && page.contains("A-8d652502d2797e8a"));
}

#[test]
fn what_the_demo_shows_can_be_typed() {
    let room = Folder::new();
    let folder = room.path("demo");
    let told = text(&demo(&[], "en", &folder).stdout);
    let line = told.lines().find_map(|line| line.strip_prefix("$ akguard alarms ")).expect("the command is shown");
    let again = Command::new(env!("CARGO_BIN_EXE_akguard")).arg("alarms").args(line.split(' ')).env_clear().output();
    let again = text(&again.expect("the program starts").stdout);
    let shown: Vec<&str> = again.lines().take(5).collect();
    assert!(told.contains(&shown.join("\n")), "{again}");
}

#[test]
fn the_demo_speaks_chinese() {
    let room = Folder::new();
    let told = text(&demo(&[], "zh", &room.path("demo")).stdout);
    for part in ["\n文件  已读取 8 个\n", "\n等级  告警 ", "处置步骤", "删除方法：rm -r "] {
        assert!(told.contains(part), "{part:?} is missing in {told}");
    }
}

#[test]
fn a_quiet_demo_prints_paths_that_are_there() {
    let room = Folder::new();
    let output = demo(&["--quiet"], "en", &room.path("demo"));
    let paths = text(&output.stdout);
    assert_eq!(paths.lines().count(), 4, "{paths}");
    assert!(paths.lines().all(|path| Path::new(path).exists()), "{paths}");
}

#[test]
fn a_folder_with_something_in_it_is_left_alone() {
    let room = Folder::new();
    room.file("mine.txt", "mine");
    let output = demo(&[], "en", &room.path(""));
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("is not empty"));
    assert!(!room.path("logs").exists());
}
