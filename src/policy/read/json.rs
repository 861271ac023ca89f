//! The JSON values of a file: one value, or one on each line.

use super::super::strict;
use super::Problem;
use serde_json::Value;

/// A value and where it stands; blank for the whole file.
pub(super) struct Item {
    pub(super) at: String,
    pub(super) value: Value,
}

/// The values of a text. A line that cannot be read is a problem and does not stop the others.
pub(super) fn items(text: &str, problems: &mut Vec<Problem>) -> Vec<Item> {
    let text = text.trim_start_matches('\u{feff}');
    if text.trim().is_empty() {
        problems.push(Problem::error("", "the file is empty", "give JSON, or one JSON object on each line"));
        return Vec::new();
    }
    let cause = match strict::value(text) {
        Ok(value) => return vec![Item { at: String::new(), value }],
        Err(cause) => cause,
    };
    if !by_lines(text) {
        let hint = "check commas, quotes and brackets at that place";
        problems.push(Problem::error("", format!("the file is not JSON: {cause}"), hint));
        return Vec::new();
    }
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let read = |(at, line): (usize, &str)| {
        let at = format!("line {}", at + 1);
        match strict::value(line.trim()) {
            Ok(value) => Some(Item { at, value }),
            Err(cause) => {
                let hint = "write one whole JSON object on each line";
                problems.push(Problem::error(&at, format!("the line is not JSON: {cause}"), hint));
                None
            }
        }
    };
    lines.filter_map(read).collect()
}

/// Whether the text has one value on each line, as far as its first line shows.
fn by_lines(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let starts = lines.next().is_some_and(|line| line.len() > 1 && line.starts_with(['{', '[', '"']));
    let more: Vec<&str> = lines.take(2).collect();
    let whole = |line: &str| strict::value(line).is_ok_and(|value| value.is_object() || value.is_array());
    let first = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    starts && !more.is_empty() && (whole(first) || more.iter().any(|line| whole(line)))
}

/// Where an item of a list stands.
pub(super) fn inside(at: &str, index: usize) -> String {
    if at.is_empty() { format!("item {}", index + 1) } else { format!("{at}, item {}", index + 1) }
}
