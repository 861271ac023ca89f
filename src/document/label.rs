//! Words for the codes of a report, and small helpers for its texts.

use crate::document::texts::{Lang, text};
use chrono::{DateTime, FixedOffset};

const KNOWN: [(&str, &str, &str); 47] = [
    ("level", "critical", "level_critical"),
    ("level", "high", "level_high"),
    ("level", "medium", "level_medium"),
    ("level", "low", "level_low"),
    ("level", "note", "level_note"),
    ("level", "invalid", "level_invalid"),
    ("status", "unprocessed", "status_unprocessed"),
    ("status", "processed", "status_processed"),
    ("status", "ignored", "status_ignored"),
    ("identity", "root", "identity_root"),
    ("identity", "sub_account", "identity_sub_account"),
    ("identity", "temporary", "identity_temporary"),
    ("type", "abnormal_call", "kind_abnormal_call"),
    ("type", "leak", "kind_leak"),
    ("ip_type", "in_account", "ip_in_account"),
    ("ip_type", "outside", "ip_outside"),
    ("ip_type", "lan", "ip_lan"),
    ("ip_type", "unknown", "ip_unknown"),
    ("method", "api", "method_api"),
    ("method", "console", "method_console"),
    ("user_type", "root", "user_root"),
    ("user_type", "sub_account", "user_sub_account"),
    ("user_type", "role", "user_role"),
    ("user_type", "service", "user_service"),
    ("risk", "root_key", "risk_root_key"),
    ("risk", "leaked", "risk_leaked"),
    ("risk", "dormant", "risk_dormant"),
    ("risk", "outside_addresses", "risk_outside_addresses"),
    ("risk", "denied_calls", "risk_denied_calls"),
    ("advice", "process_now", "advice_process_now"),
    ("advice", "harden", "advice_harden"),
    ("advice", "normal", "advice_normal"),
    ("state", "active", "state_active"),
    ("state", "disabled", "state_disabled"),
    ("state", "expired", "state_expired"),
    ("state", "read", "file_read"),
    ("state", "empty", "file_empty"),
    ("state", "rejected", "file_rejected"),
    ("event", "read", "event_read"),
    ("event", "evaluated", "event_evaluated"),
    ("event", "duplicates", "event_duplicates"),
    ("event", "platform", "event_platform"),
    ("event", "without_key", "event_without_key"),
    ("event", "outside_range", "event_outside_range"),
    ("event", "rejected", "event_rejected"),
    ("event", "fell_back", "event_fell_back"),
    ("code", "0", "code_0"),
];

/// Levels, the worst first.
pub const LEVELS: [&str; 6] = ["critical", "high", "medium", "low", "note", "invalid"];

/// The word for a code, such as `outside` as `ip_type`; the code itself where there is none.
pub fn label<'a>(lang: Lang, what: &str, code: &'a str) -> &'a str {
    KNOWN
        .iter()
        .find(|(kind, value, _)| *kind == what && *value == code)
        .map_or(code, |(_, _, name)| text(lang, "labels", name))
}

/// Whether there are words for such codes.
pub fn is_kind(what: &str) -> bool {
    KNOWN.iter().any(|(kind, ..)| *kind == what)
}

/// Place of a level in [`LEVELS`]; unknown ones come last.
pub fn rank(level: &str) -> usize {
    LEVELS.iter().position(|known| *known == level).unwrap_or(LEVELS.len())
}

/// A text with values for the names in braces. Values are put in once, so that braces in them mean nothing.
pub fn filled(template: &str, values: &[(&str, &str)]) -> String {
    let mut out = String::new();
    for (place, piece) in template.split('{').enumerate() {
        let Some((name, rest)) = piece.split_once('}').filter(|_| place > 0) else {
            out.push_str(piece);
            continue;
        };
        out.push_str(values.iter().find(|(key, _)| *key == name).map_or("", |(_, value)| value));
        out.push_str(rest);
    }
    out
}

/// A time of a report; none where it is not one.
pub fn time(text: &str) -> Option<DateTime<FixedOffset>> {
    DateTime::parse_from_rfc3339(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_words_in_each_language() {
        for (what, code, name) in &KNOWN {
            for lang in [Lang::En, Lang::Zh] {
                assert_ne!(label(lang, what, code), *name);
            }
        }
        assert_eq!(label(Lang::Zh, "level", "high"), "高危");
        assert_eq!(label(Lang::En, "level", "odd"), "odd");
    }

    #[test]
    fn values_are_put_in_once() {
        assert_eq!(filled("{a} and {b}", &[("a", "{b}"), ("b", "x")]), "{b} and x");
        assert_eq!(crate::report::text::grouped(1_234_567), "1,234,567");
    }
}
