//! The filters of alarm lists, which commands about many alarms take too.

use super::error::Usage;
use super::lookup::full_ak;
use super::time;
use crate::alarm::model::Identity;
use crate::alarm::status::Status;
use crate::catalog::edit::near;
use crate::detect::rules::{self, RuleError};
use crate::detect::{AlarmType, Level};
use crate::store::Db;
use crate::store::alarms::AlarmFilter;
use anyhow::Result;
use chrono_tz::Tz;
use clap::ValueEnum;
use ipnet::IpNet;
use std::net::IpAddr;

/// Which alarms are meant.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Filters")]
pub(super) struct FilterArgs {
    /// This level and above: critical, high, medium, low, note, invalid
    #[arg(long, value_name = "LEVEL", value_parser = any_level)]
    level: Option<Level>,
    /// These levels only
    #[arg(long, value_name = "LEVEL,…", value_delimiter = ',', value_parser = any_level)]
    exact_level: Vec<Level>,
    /// Of this rule, by its id (repeatable, or separated by commas)
    #[arg(long, value_name = "RULE,…", value_delimiter = ',')]
    rule: Vec<String>,
    /// Of this type
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<TypeArg>,
    /// About this key: its full id, the id as tables show it, or TEMP_AK
    #[arg(long, value_name = "ID")]
    ak: Option<String>,
    /// In this main account
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    /// About keys of such an identity
    #[arg(long, value_name = "IDENTITY")]
    identity: Option<IdentityArg>,
    /// In this state (repeatable, or separated by commas)
    #[arg(long, value_name = "STATUS,…", value_delimiter = ',')]
    status: Vec<StatusArg>,
    /// With calls from this address, or from this range (203.0.113.0/24)
    #[arg(long, value_name = "IP", value_parser = range)]
    ip: Option<IpNet>,
    /// With their newest call at or after this: a date, a time, or an age such as 24h, 7d, yesterday
    #[arg(long, value_name = "T")]
    since: Option<String>,
    /// With their newest call before this
    #[arg(long, value_name = "T")]
    until: Option<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum TypeArg {
    #[value(alias = "abnormal_call")]
    AbnormalCall,
    Leak,
}

/// Whose key.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum IdentityArg {
    Root,
    #[value(alias = "sub_account")]
    SubAccount,
    Temporary,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum StatusArg {
    Unprocessed,
    Processed,
    Ignored,
}

fn any_level(text: &str) -> Result<Level, String> {
    let found = Level::ALL.into_iter().find(|level| level.as_str() == text);
    found.ok_or_else(|| "levels are critical, high, medium, low, note, invalid".to_string())
}

/// Reads a level that an alarm that stands may have.
pub(super) fn parse_level(text: &str) -> Result<Level, String> {
    Level::parse(text).ok_or_else(|| "levels are critical, high, medium, low, note".to_string())
}

fn range(text: &str) -> Result<IpNet, String> {
    let address = text.parse::<IpAddr>().map(|ip| IpNet::from(ip.to_canonical()));
    address.or_else(|_| text.parse()).map_err(|_| "not an address or a range such as 203.0.113.0/24".to_string())
}

impl FilterArgs {
    /// Whether anything is asked for.
    pub(super) fn is_empty(&self) -> bool {
        let lists = self.exact_level.is_empty() && self.rule.is_empty() && self.status.is_empty();
        let texts = [&self.ak, &self.account, &self.since, &self.until].into_iter().all(Option::is_none);
        lists && texts && self.level.is_none() && self.kind.is_none() && self.identity.is_none() && self.ip.is_none()
    }

    /// The filter, with times as of `now`.
    pub(super) fn read(&self, db: &Db, now: i64, zone: Tz) -> Result<AlarmFilter> {
        let time = |name: &str, text: &Option<String>| -> Result<Option<i64>> {
            text.as_ref().map(|text| time::option(name, text, now, zone)).transpose()
        };
        let (since, until) = (time("since", &self.since)?, time("until", &self.until)?);
        if since.zip(until).is_some_and(|(since, until)| since >= until) {
            return Err(Usage("--since is not before --until, so no call can be in between".to_string()).into());
        }
        Ok(AlarmFilter {
            min_level: self.level,
            levels: self.exact_level.clone(),
            rules: self.rule.iter().map(|id| rule(id)).collect::<Result<_>>()?,
            kind: self.kind.map(|kind| match kind {
                TypeArg::AbnormalCall => AlarmType::AbnormalCall,
                TypeArg::Leak => AlarmType::Leak,
            }),
            ak: self.ak.as_ref().map(|ak| full_ak(db, ak)).transpose()?,
            account: self.account.clone(),
            identity: self.identity.map(|identity| match identity {
                IdentityArg::Root => Identity::Root,
                IdentityArg::SubAccount => Identity::SubAccount,
                IdentityArg::Temporary => Identity::Temporary,
            }),
            statuses: self.status.iter().map(|status| status.read()).collect(),
            ip: self.ip,
            since,
            until,
            numbers: None,
            unseen_by: None,
        })
    }
}

impl StatusArg {
    fn read(self) -> Status {
        match self {
            Self::Unprocessed => Status::Unprocessed,
            Self::Processed => Status::Processed,
            Self::Ignored => Status::Ignored,
        }
    }
}

/// The name of a mark as it is kept.
pub(super) fn mark(name: &str) -> Result<&str> {
    if let Some(odd) = name.chars().find(|c| c.is_control()) {
        return Err(Usage(format!("--mark: {name:?} holds the control character {odd:?}; a mark has none")).into());
    }
    if name.trim().is_empty() { Err(Usage("--mark needs a name, such as ops".to_string()).into()) } else { Ok(name) }
}

fn rule(id: &str) -> Result<&'static str> {
    rules::find(id.trim()).map(|meta| meta.id).map_err(|error| match error {
        RuleError::Unknown { id, nearest } => Usage(format!("--rule: there is no rule {id:?}{}", near(nearest))).into(),
        other @ RuleError::Setting { .. } => other.into(),
    })
}
