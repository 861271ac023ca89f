//! The project's own order: generated lists are current, every rule has its page and fixtures, rooms keep to themselves.

use akguard::detect::rules::ALL;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All files under a folder with this ending.
fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder of the project").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().ends_with(ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn generated_rule_list() -> String {
    let mut names: Vec<(String, bool)> = files("src/detect/rules", ".rs")
        .iter()
        .filter(|path| !path.ends_with("mod.rs"))
        .map(|path| {
            let text = std::fs::read_to_string(path).expect("a source file");
            (path.file_stem().expect("a name").to_string_lossy().into_owned(), text.contains("pub static META"))
        })
        .collect();
    names.sort();
    let mut out = String::from(
        "//! The rules, one file each. Generated from the folder's files; `cargo test` rewrites it when it is stale.\n\n",
    );
    for (name, is_rule) in &names {
        let public = if *is_rule || name == "registry" { "pub " } else { "" };
        out += &format!("{public}mod {name};\n");
    }
    out += "\npub use registry::{ActiveRule, RuleError, active, find};\n\nuse super::Meta;\nuse registry::Build;\n\n";
    out += "/// Every rule and how it is made, by file name.\npub const ALL: &[(&Meta, Build)] = &[\n";
    for (name, _) in names.iter().filter(|(_, is_rule)| *is_rule) {
        out += &format!("    (&{name}::META, {name}::build),\n");
    }
    out + "];\n"
}

#[test]
fn the_rule_list_is_current() {
    let path = "src/detect/rules/mod.rs";
    let expected = generated_rule_list();
    if read(path) != expected {
        std::fs::write(root().join(path), expected).expect("the list can be rewritten");
        panic!("{path} was stale and has been rewritten; run again");
    }
}

#[test]
fn every_rule_has_a_unique_id_a_page_and_fixtures() {
    let ids: BTreeSet<_> = ALL.iter().map(|(meta, _)| meta.id).collect();
    let numbers: BTreeSet<_> = ALL.iter().map(|(meta, _)| meta.number).collect();
    assert_eq!((ids.len(), numbers.len()), (ALL.len(), ALL.len()));
    for (meta, _) in ALL {
        let id = meta.id;
        assert!(id.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{id}");
        assert!(root().join(format!("src/detect/rules/{}.rs", id.replace('-', "_"))).exists(), "{id}");
        let page = read(format!("docs/rules/{id}.md"));
        assert!(page.starts_with(&format!("# {}\n", meta.title)), "{id}: the page has another title");
        assert!(page.contains(&format!("`{id}` · {}", meta.level.as_str())), "{id}: the page has another level");
        assert!(page.contains(meta.attack), "{id}: the page has another technique");
        for fixture in ["fires", "quiet"] {
            assert!(root().join(format!("fixtures/rules/{id}/{fixture}.jsonl")).exists(), "{id}: {fixture}");
        }
    }
}

#[test]
fn every_rule_page_has_the_same_headings() {
    let expected = [
        "What it watches",
        "Why it matters",
        "How it decides",
        "What it cannot see",
        "When it is fine",
        "What to do",
        "References",
    ];
    for (meta, _) in ALL {
        let headings: Vec<&str> = meta.docs.lines().filter_map(|line| line.strip_prefix("## ")).collect();
        assert_eq!(headings, expected, "{}", meta.id);
    }
}

#[test]
fn every_list_entry_has_a_source_and_a_date() {
    for path in files("src/catalog/data", ".tsv") {
        let text = std::fs::read_to_string(&path).expect("a data file");
        let mut lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
        let titles: Vec<&str> = lines.next().expect("a header").split('\t').collect();
        let place = |name: &str| titles.iter().position(|title| *title == name);
        // What holds for all entries of a file stands above them.
        let above = |name: &str| text.lines().find_map(|line| line.strip_prefix(&format!("# {name}: ")));
        for line in lines {
            let cells: Vec<&str> = line.split('\t').collect();
            let source = place("source").map_or(above("Source"), |place| cells.get(place).copied());
            assert!(source.is_some_and(|source| !source.is_empty()), "{}: {line}", path.display());
            let reviewed = place("reviewed").map_or(above("Reviewed"), |place| cells.get(place).copied());
            assert_eq!(reviewed.map(str::len), Some(10), "{}: {line}", path.display());
        }
    }
}

/// The table "who uses whom" of docs/architecture.md, as rooms and what they may use.
fn allowed() -> Vec<(String, BTreeSet<String>)> {
    let page = read("docs/architecture.md");
    let rows =
        page.lines().skip_while(|line| !line.starts_with("| room")).skip(2).take_while(|line| line.starts_with('|'));
    let words = |cell: &str| -> BTreeSet<String> {
        let word = |c: char| !c.is_ascii_lowercase() && c != '_';
        cell.split(word).filter(|word| !word.is_empty()).map(str::to_string).collect()
    };
    rows.map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split('|').collect();
        (cells[0].trim().trim_matches('`').trim_end_matches('/').to_string(), words(cells[1]))
    })
    .collect()
}

#[test]
fn rooms_use_only_the_rooms_that_the_map_allows() {
    let allowed = allowed();
    assert!(allowed.len() >= 10, "docs/architecture.md has the table of rooms");
    for (room, may_use) in &allowed {
        let folder = format!("src/{room}");
        let paths = if root().join(&folder).is_dir() {
            files(&folder, ".rs")
        } else {
            vec![root().join(format!("{folder}.rs"))]
        };
        for path in paths {
            let text = std::fs::read_to_string(&path).expect("a source file");
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            for used in code.split("crate::").skip(1) {
                let used: String = used.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
                let fine =
                    used == *room || used.is_empty() || may_use.contains(&used) || may_use.contains("everything");
                assert!(fine, "{} uses {used}, which docs/architecture.md does not allow", path.display());
            }
        }
    }
}

#[test]
fn the_columns_are_documented() {
    let page = read("docs/formats.md");
    for column in akguard::event::columns::ALL {
        assert!(page.contains(&format!("`{}`", column.name)), "docs/formats.md does not name column {}", column.name);
    }
}
