//! Users and keys that came into being in the logs: who is new, and which key has no past.

use crate::enrich::names::{ActorFacts, clipped};
use crate::event::params::{Param, param};
use crate::event::raw::{Body, RawEvent};
use crate::json::decode;
use serde_json::Value;

/// A user made by a logged call.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CreatedUser {
    /// Number of the account.
    pub account: u32,
    /// UIN from the response, when it has one.
    pub uin: Option<String>,
    /// Name from the request, when it has one.
    pub name: Option<String>,
    /// When, in milliseconds.
    pub time: i64,
}

/// A key made by a logged call.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CreatedKey {
    /// Number of the account.
    pub account: u32,
    /// The key's id.
    pub id: String,
    /// When, in milliseconds.
    pub time: i64,
}

/// What the events of a batch brought into being.
#[derive(Clone, Debug, Default)]
pub struct Created {
    /// Users.
    pub users: Vec<CreatedUser>,
    /// Keys.
    pub keys: Vec<CreatedKey>,
}

impl CreatedUser {
    /// The users that a successful call made: one for each `Uin` of the response, else by the request's `Name`.
    pub fn all_in(event: &RawEvent<'_>, account: u32, time: i64) -> Vec<Self> {
        let name = ["Name", "UserName", "SubAccountName"].iter().find_map(|name| match param(event.request, name) {
            Param::Is(text) if !text.is_empty() => Some(clipped(&text).to_string()),
            _ => None,
        });
        let uins = texts_under(event.response, &["Uin", "SubUin", "MemberUin"]);
        if uins.is_empty() {
            return name.map(|name| Self { account, uin: None, name: Some(name), time }).into_iter().collect();
        }
        let several = uins.len() > 1;
        let name = name.filter(|_| !several);
        uins.into_iter().map(|uin| Self { account, uin: Some(uin), name: name.clone(), time }).collect()
    }

    /// Whether this user is the caller: by UIN, else by the name as logged. A role's own name is no user's.
    pub fn is(&self, caller: &ActorFacts) -> bool {
        match &self.uin {
            Some(uin) if !caller.principal.is_empty() => *uin == caller.principal,
            _ => self.name.as_ref() == Some(&caller.user_name),
        }
    }
}

impl CreatedKey {
    /// The keys that a successful call made, as its response names them.
    pub fn all_in(event: &RawEvent<'_>, account: u32, time: i64) -> Vec<Self> {
        let ids = texts_under(event.response, &["AccessKeyId", "SecretId"]);
        ids.into_iter().map(|id| Self { account, id, time }).collect()
    }
}

/// The texts and numbers under any of `names`, at any depth.
fn texts_under(body: Body<'_>, names: &[&str]) -> Vec<String> {
    let json = match body {
        Body::Missing => return Vec::new(),
        Body::Text(text) => serde_json::from_str::<Value>(text),
        Body::Escaped(raw) => serde_json::from_str(&decode(raw)),
    };
    let mut found = Vec::new();
    if let Ok(json) = json {
        collect(&json, names, &mut found);
    }
    found
}

fn collect(json: &Value, names: &[&str], found: &mut Vec<String>) {
    match json {
        Value::Array(items) => items.iter().for_each(|item| collect(item, names, found)),
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(text) if names.contains(&name.as_str()) && !text.is_empty() => {
                        found.push(clipped(text).to_string());
                    }
                    Value::Number(number) if names.contains(&name.as_str()) => found.push(number.to_string()),
                    nested => collect(nested, names, found),
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::words::UserType;

    fn caller(user_type: UserType, principal: &str, name: &str) -> ActorFacts {
        let user_name = if user_type == UserType::Role { "roleUser" } else { name }.to_string();
        let (principal, name) = (principal.to_string(), name.to_string());
        ActorFacts { user_type, name, user_name, user: 0, principal, principal_number: 0 }
    }

    #[test]
    fn the_response_names_the_user_and_the_request_stands_in() {
        let event = RawEvent {
            request: Body::Text(r#"{"Name":"ci","UseApi":1}"#),
            response: Body::Text(r#"{"Uin":100000000105,"SecretId":"AKIDEXAMPLE","SecretKey":"x"}"#),
            ..RawEvent::default()
        };
        let users = CreatedUser::all_in(&event, 1, 5);
        assert_eq!(
            users,
            [CreatedUser { account: 1, uin: Some("100000000105".into()), name: Some("ci".into()), time: 5 }]
        );
        assert!(users[0].is(&caller(UserType::SubAccount, "100000000105", "other")));
        assert!(!users[0].is(&caller(UserType::SubAccount, "100000000106", "ci")));
        assert_eq!(CreatedKey::all_in(&event, 1, 5)[0].id, "AKIDEXAMPLE");

        let without = RawEvent { response: Body::Missing, ..event };
        let users = CreatedUser::all_in(&without, 1, 5);
        assert!(users[0].is(&caller(UserType::SubAccount, "100000000106", "ci")));
        assert!(!users[0].is(&caller(UserType::Role, "4611686018433460001", "ci")));
    }
}
