//! The options that say what a policy covers, and what becomes of them.

use super::Room;
use crate::allow::{Draft, PolicyError};
use crate::cli::error::Usage;
use crate::cli::time;
use anyhow::Result;

/// What a policy covers.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "What it covers")]
pub(super) struct ScopeArgs {
    /// Rules, by id; every rule if not given
    #[arg(long = "rule", value_name = "R", value_delimiter = ',')]
    rules: Vec<String>,
    /// Source addresses and ranges, such as 203.0.113.7 and 2001:db8::/32
    #[arg(long = "ip", value_name = "CIDR", value_delimiter = ',')]
    ips: Vec<String>,
    /// Kinds of source addresses: in_account, outside, lan; +remark or -remark after it for those with one or without
    #[arg(long = "ip-type", value_name = "T", value_delimiter = ',')]
    ip_types: Vec<String>,
    /// How the calls are made: api, console, all
    #[arg(long, value_name = "M")]
    method: Option<String>,
    /// Keys: full ids, or permanent or temporary for all of that kind
    #[arg(long = "ak", value_name = "ID", value_delimiter = ',')]
    aks: Vec<String>,
    /// APIs as service:Action; * stands for any letters
    #[arg(long = "api", value_name = "S:A", value_delimiter = ',')]
    apis: Vec<String>,
    /// Response codes, 0 for success; or success, failed, all
    #[arg(long = "code", value_name = "C", value_delimiter = ',')]
    codes: Vec<String>,
}

impl ScopeArgs {
    /// True if no option was given.
    pub(super) fn is_empty(&self) -> bool {
        self.method.is_none()
            && [&self.rules, &self.ips, &self.ip_types, &self.aks, &self.apis, &self.codes].iter().all(|l| l.is_empty())
    }

    /// Puts what was given in the place of what the draft has. With `clearing`, an empty text clears a dimension;
    /// else it is a mistake, such as a variable of the shell that is not set.
    pub(super) fn put(&self, draft: &mut Draft, clearing: bool) {
        let given = |own: &Vec<String>, list: &mut Vec<String>| {
            if clearing && own.iter().all(|text| text.trim().is_empty()) && !own.is_empty() {
                list.clear();
            } else if !own.is_empty() {
                list.clone_from(own);
            }
        };
        given(&self.rules, &mut draft.rules);
        given(&self.ips, &mut draft.ips);
        given(&self.ip_types, &mut draft.ip_types);
        given(&self.aks, &mut draft.aks);
        given(&self.apis, &mut draft.apis);
        given(&self.codes, &mut draft.codes);
        if let Some(method) = &self.method {
            draft.method = Some(method.clone()).filter(|text| !clearing || !text.trim().is_empty());
        }
    }
}

/// What is told about a policy.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "What is told about it")]
pub(super) struct AboutArgs {
    /// Why these calls are fine
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Who answers for it [default: the user who runs the command]
    #[arg(long, value_name = "WHO")]
    owner: Option<String>,
    /// When it ends: a date (its start), a time, how long from now such as 30d and 12h, or never
    #[arg(long, value_name = "T")]
    expires: Option<String>,
}

impl AboutArgs {
    /// True if no option was given.
    pub(super) fn is_empty(&self) -> bool {
        self.reason.is_none() && self.owner.is_none() && self.expires.is_none()
    }

    /// Puts what was given in the place of what the draft has.
    pub(super) fn put(&self, draft: &mut Draft, room: &Room) -> Result<()> {
        if let Some(text) = &self.expires {
            let end = time::parse_future(text, room.now, room.zone);
            draft.expires = end.map_err(|what| Usage(format!("expires: {what}")))?;
        }
        for (given, field) in [(&self.reason, &mut draft.reason), (&self.owner, &mut draft.owner)] {
            if given.is_some() {
                field.clone_from(given);
            }
        }
        Ok(())
    }
}

/// A mistake in the options.
pub(super) fn usage(error: &PolicyError) -> anyhow::Error {
    Usage(error.to_string()).into()
}

/// The user who runs the command, if the system says so in a way that can be kept.
pub(super) fn user() -> Option<String> {
    let named = ["USER", "LOGNAME", "USERNAME"].iter().find_map(|name| std::env::var(name).ok());
    named.filter(|name| !name.is_empty() && name.chars().count() <= 60 && !name.chars().any(char::is_control))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_text_clears_a_dimension_only_when_that_is_meant() {
        let args = ScopeArgs {
            ips: vec![String::new()],
            apis: vec!["cam:*".to_string()],
            method: Some(String::new()),
            ..ScopeArgs::default()
        };
        let old = Draft {
            ips: vec!["192.0.2.1".to_string()],
            apis: vec!["cvm:*".to_string()],
            codes: vec!["0".to_string()],
            method: Some("api".to_string()),
            ..Draft::default()
        };
        let mut cleared = old.clone();
        args.put(&mut cleared, true);
        assert_eq!((cleared.ips.len(), cleared.apis, cleared.method), (0, args.apis.clone(), None));
        assert_eq!(cleared.codes, old.codes);
        let mut kept = old.clone();
        args.put(&mut kept, false);
        assert_eq!((kept.ips, kept.method), (vec![String::new()], Some(String::new())));
    }
}
