//! Address ranges that GitHub's secret scanning calls from.

use super::edit::{EditError, SetEdit, not_on_the_list, once_each};
use super::{CatalogError, shape};
use ipnet::IpNet;
use serde::Deserialize;
use std::path::PathBuf;

#[derive(Deserialize)]
struct File {
    set: Vec<Set>,
}

#[derive(Deserialize)]
struct Set {
    name: String,
    cidr: Vec<IpNet>,
}

#[derive(Deserialize)]
struct Meta {
    hooks: Vec<IpNet>,
}

/// The `hooks` ranges: built in, edited by the settings, and those of a saved meta document.
pub(super) fn hooks(
    text: &str,
    edit: &SetEdit,
    meta: Option<&(&'static str, PathBuf)>,
) -> Result<Vec<IpNet>, CatalogError> {
    let file: File = toml::from_str(text).map_err(|error| shape("github_ranges.toml", error.to_string()))?;
    let mut ranges: Vec<IpNet> =
        file.set.into_iter().filter(|set| set.name == "hooks").flat_map(|set| set.cidr).collect();
    if let Some((by, path)) = meta {
        let wrong = |what| CatalogError::Meta { by, path: path.clone(), what };
        let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
        let meta: Result<Meta, _> = serde_json::from_str(&text);
        let not_one = |error| wrong(format!("not a document of api.github.com/meta: {error}"));
        ranges.extend(meta.map_err(not_one)?.hooks);
    }
    for text in once_each(&edit.remove) {
        let range = parse(text)?;
        let before = ranges.len();
        ranges.retain(|known| *known != range);
        if ranges.len() == before {
            let known: Vec<String> = ranges.iter().map(ToString::to_string).collect();
            return Err(not_on_the_list("github-hooks", text, known.iter().map(String::as_str)).into());
        }
    }
    for text in &edit.add {
        ranges.push(parse(text)?);
    }
    Ok(ranges)
}

fn parse(text: &str) -> Result<IpNet, EditError> {
    text.parse().map_err(|_| EditError::NotARange { list: "github-hooks", text: text.to_string() })
}
