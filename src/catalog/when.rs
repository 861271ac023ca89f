//! Conditions in API lists: a call counts always, never, or depending on its parameters, key or history.

use crate::event::params::{Param, param};
use crate::event::raw::Body;

/// One condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Holds for every call.
    Always,
    /// A request parameter has this text, in any letter case.
    ParamIs(String, String),
    /// A request parameter is there and not empty.
    Present(String),
    /// The key is permanent.
    PermanentKey,
    /// The role in `RoleArn` belongs to another account.
    CrossAccount,
    /// The first success of this principal with this value of the parameter.
    FirstUse(String),
}

/// Conditions of which one has to hold; none means never.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct When(pub Vec<Condition>);

/// What a call says about a condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It does not hold.
    No,
    /// It holds.
    Yes,
    /// Nobody can tell; counts as holding, with the tag `unverified`.
    Unverified,
    /// It holds if this is the principal's first success with this value.
    IfFirstUse(String),
}

/// What conditions look at.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// The request body.
    pub request: Body<'a>,
    /// The caller's account.
    pub account: &'a str,
    /// The key is permanent.
    pub permanent_key: bool,
}

impl When {
    /// The condition that always holds.
    pub fn always() -> Self {
        Self(vec![Condition::Always])
    }

    /// Reads a condition such as `param:UseApi=1|present:Password`.
    pub fn parse(text: &str) -> Option<Self> {
        if text == "never" {
            return Some(Self::default());
        }
        text.split('|').map(Condition::parse).collect::<Option<Vec<_>>>().map(Self)
    }

    /// Judges a call.
    pub fn judge(&self, call: &Call<'_>) -> Verdict {
        let mut best = Verdict::No;
        for condition in &self.0 {
            match (condition.judge(call), &best) {
                (Verdict::Yes, _) => return Verdict::Yes,
                (Verdict::Unverified, _) => best = Verdict::Unverified,
                (first @ Verdict::IfFirstUse(_), Verdict::No) => best = first,
                _ => {}
            }
        }
        best
    }
}

impl Condition {
    fn parse(text: &str) -> Option<Self> {
        match text.split_once(':') {
            None if text == "always" => Some(Self::Always),
            None if text == "cross_account" => Some(Self::CrossAccount),
            Some(("key", "permanent")) => Some(Self::PermanentKey),
            Some(("present", name)) => Some(Self::Present(name.to_string())),
            Some(("first_use", name)) => Some(Self::FirstUse(name.to_string())),
            Some(("param", pair)) => {
                pair.split_once('=').map(|(name, value)| Self::ParamIs(name.to_string(), value.to_string()))
            }
            _ => None,
        }
    }

    fn judge(&self, call: &Call<'_>) -> Verdict {
        match self {
            Self::Always => Verdict::Yes,
            Self::PermanentKey => truth(call.permanent_key),
            Self::ParamIs(name, value) => on_param(call, name, |text| truth(text.eq_ignore_ascii_case(value))),
            Self::Present(name) => on_param(call, name, |text| truth(!text.is_empty())),
            Self::CrossAccount => on_param(call, "RoleArn", |arn| other_account(arn, call.account)),
            Self::FirstUse(name) => on_param(call, name, |text| match text {
                "" => Verdict::No,
                value => Verdict::IfFirstUse(value.to_string()),
            }),
        }
    }
}

fn truth(holds: bool) -> Verdict {
    if holds { Verdict::Yes } else { Verdict::No }
}

fn on_param(call: &Call<'_>, name: &str, judge: impl FnOnce(&str) -> Verdict) -> Verdict {
    match param(call.request, name) {
        Param::Is(text) => judge(&text),
        Param::Absent => Verdict::No,
        Param::Unknown => Verdict::Unverified,
    }
}

/// Role names look like `qcs::cam::uin/100000000001:roleName/deploy`.
fn other_account(arn: &str, account: &str) -> Verdict {
    let owner = arn.split_once("uin/").map(|(_, rest)| rest.split(':').next().unwrap_or_default());
    match owner {
        Some(owner) if !owner.is_empty() && !account.is_empty() => truth(owner != account),
        _ => Verdict::Unverified,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(when: &str, request: &str) -> Verdict {
        let call = Call { request: Body::Text(request), account: "100000000001", permanent_key: true };
        When::parse(when).expect("a condition").judge(&call)
    }

    #[test]
    fn parameters_compare_by_text_in_any_case() {
        assert_eq!(judge("param:UseApi=1", r#"{"UseApi":1}"#), Verdict::Yes);
        assert_eq!(judge("param:SetAsDefault=true", r#"{"SetAsDefault":"True"}"#), Verdict::Yes);
        assert_eq!(judge("param:UseApi=1", r#"{"UseApi":0}"#), Verdict::No);
        assert_eq!(judge("param:UseApi=1", r#"{"Name":"x"}"#), Verdict::No);
        assert_eq!(judge("param:UseApi=1", r#"{"Name":"x"#), Verdict::Unverified);
    }

    #[test]
    fn either_condition_is_enough_and_certainty_wins() {
        let when = "param:ConsoleLogin=1|present:Password";
        assert_eq!(judge(when, r#"{"Password":"x"}"#), Verdict::Yes);
        assert_eq!(judge(when, r#"{"ConsoleLogin":1,"Na"#), Verdict::Yes);
        assert_eq!(judge(when, r#"{"ConsoleLogin":0,"Password":""}"#), Verdict::No);
        assert_eq!(judge("never", "{}"), Verdict::No);
        assert_eq!(judge("key:permanent", ""), Verdict::Yes);
    }

    #[test]
    fn roles_of_another_account_count_and_own_ones_only_at_first_use() {
        let when = "cross_account|first_use:RoleArn";
        let own = r#"{"RoleArn":"qcs::cam::uin/100000000001:roleName/a"}"#;
        let other = r#"{"RoleArn":"qcs::cam::uin/100000000002:roleName/a"}"#;
        assert_eq!(judge(when, other), Verdict::Yes);
        assert_eq!(judge(when, own), Verdict::IfFirstUse("qcs::cam::uin/100000000001:roleName/a".to_string()));
        assert_eq!(judge(when, ""), Verdict::Unverified);
    }

    #[test]
    fn unknown_conditions_are_not_taken() {
        for text in ["", "sometimes", "param:X", "key:short"] {
            assert_eq!(When::parse(text), None, "{text}");
        }
    }
}
