//! Something is destroyed or opened up at night. See docs/rules/off-hours-sensitive-operation.md.

use crate::detect::{AlarmType, Level, Meta, RowCondition, Rule, params};
use crate::event::columns;
use chrono::{NaiveTime, Timelike};
use polars::prelude::lit;
use serde::Deserialize;

/// What is fixed about the rule.
pub static META: Meta = Meta {
    number: 6,
    id: "off-hours-sensitive-operation",
    title: "Sensitive behavior during not normal time period",
    level: Level::Medium,
    kind: AlarmType::AbnormalCall,
    attack: "T1485",
    on: true,
    skips_services: true,
    because: "a sensitive operation outside working hours",
    docs: include_str!("../../../docs/rules/off-hours-sensitive-operation.md"),
};

/// The window is half open: `start` is in, `end` is out. It may span midnight.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct OffHours {
    start: String,
    end: String,
}

impl Default for OffHours {
    /// 10 PM to 6 AM, as the console's page says.
    fn default() -> Self {
        Self { start: "22:00:00".to_string(), end: "06:00:00".to_string() }
    }
}

struct OffHoursSensitiveOperation {
    start: i32,
    end: i32,
}

/// Makes the rule.
pub fn build(table: toml::Table) -> Result<Box<dyn Rule>, String> {
    let hours: OffHours = params(table)?;
    if hours.start == hours.end {
        return Err("start and end are the same, so the window is empty".to_string());
    }
    Ok(Box::new(OffHoursSensitiveOperation {
        start: seconds("start", &hours.start)?,
        end: seconds("end", &hours.end)?,
    }))
}

fn seconds(name: &str, text: &str) -> Result<i32, String> {
    let formats = ["%H:%M:%S", "%H:%M"];
    let time = formats.iter().find_map(|format| NaiveTime::parse_from_str(text, format).ok());
    let time = time.ok_or_else(|| format!("{name} is {text:?}, not a time of day such as \"22:00:00\""))?;
    i32::try_from(time.num_seconds_from_midnight()).map_err(|error| error.to_string())
}

impl Rule for OffHoursSensitiveOperation {
    fn row(&self) -> Option<RowCondition> {
        let second = columns::LOCAL_SECOND.expr();
        let (from, until) = (second.clone().gt_eq(lit(self.start)), second.lt(lit(self.end)));
        let in_window = if self.start <= self.end { from.and(until) } else { from.or(until) };
        Some(columns::SENSITIVE.expr().and(in_window).into())
    }
}
