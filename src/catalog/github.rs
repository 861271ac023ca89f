//! Address ranges that GitHub's secret scanning calls from.

use super::edit::{EditError, SetEdit, not_on_the_list};
use super::{CatalogError, read, shape};
use ipnet::IpNet;
use serde::Deserialize;
use std::path::Path;

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
pub(super) fn hooks(text: &str, edit: &SetEdit, meta: Option<&Path>) -> Result<Vec<IpNet>, CatalogError> {
    let file: File = toml::from_str(text).map_err(|error| shape("github_ranges.toml", error.to_string()))?;
    let mut ranges: Vec<IpNet> =
        file.set.into_iter().filter(|set| set.name == "hooks").flat_map(|set| set.cidr).collect();
    if let Some(path) = meta {
        let what = |error: serde_json::Error| {
            shape(&path.display().to_string(), format!("not a document of api.github.com/meta: {error}"))
        };
        let meta: Meta = serde_json::from_str(&read(path)?).map_err(what)?;
        ranges.extend(meta.hooks);
    }
    for text in &edit.remove {
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
