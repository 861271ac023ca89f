//! Commands for a POSIX shell, as text. Names and ids come from logs, so every value is quoted, and values that a shell
//! or terminal could obey are refused.

use crate::event::text::acts;

/// Longest value in a command.
const LONGEST: usize = 256;

/// Stands for what is not known, in a way that no command accepts.
pub(super) const UNKNOWN: &str = "<fill in>";

/// A value in single quotes; none for one that is too long, begins like an option, or holds control characters.
pub(super) fn quoted(value: &str) -> Option<String> {
    let fits = !value.is_empty() && value.chars().count() <= LONGEST;
    let harmless = !value.starts_with('-') && !value.chars().any(acts);
    (fits && harmless).then(|| format!("'{}'", value.replace('\'', r"'\''")))
}

/// `tccli cam <api> --Name 'value' …`; a note instead of the command when a value is refused.
pub(super) fn cam(api: &str, values: &[(&str, &str)]) -> String {
    let parts: Option<Vec<String>> =
        values.iter().map(|(name, value)| Some(format!(" --{name} {}", quoted(or_unknown(value))?))).collect();
    match parts {
        Some(parts) => format!("tccli cam {api}{}", parts.concat()),
        None => note(&format!("{api} is left out: a name or id holds unusual characters. Use the console.")),
    }
}

/// The same with a document that is read from a file.
pub(super) fn cam_with_file(api: &str, values: &[(&str, &str)], option: &str, file: &str) -> String {
    let command = cam(api, values);
    match quoted(file) {
        Some(file) if !command.starts_with('#') => format!(r#"{command} --{option} "$(cat {file})""#),
        _ => note(&format!("{api} is left out: a file name holds unusual characters. Use the console.")),
    }
}

/// A line that the shell skips.
pub(super) fn note(text: &str) -> String {
    format!("# {}", text.chars().filter(|c| !acts(*c)).collect::<String>())
}

fn or_unknown(value: &str) -> &str {
    if value.is_empty() { UNKNOWN } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_cannot_leave_their_quotes() {
        assert_eq!(quoted("a'; rm -rf ~; '").unwrap(), r"'a'\''; rm -rf ~; '\'''");
        assert_eq!(quoted("$(x) `y`").unwrap(), "'$(x) `y`'");
        for refused in ["", "--Status", "a\nb", "a\u{1b}b", "a\u{202e}b"] {
            assert_eq!(quoted(refused), None, "{refused:?}");
        }
        assert_eq!(quoted(&"x".repeat(LONGEST + 1)), None);
    }

    #[test]
    fn commands_are_left_out_rather_than_bent() {
        let key = |id: &str| cam("UpdateAccessKey", &[("AccessKeyId", id), ("Status", "Inactive")]);
        assert_eq!(key("AKIDx"), "tccli cam UpdateAccessKey --AccessKeyId 'AKIDx' --Status 'Inactive'");
        assert_eq!(key(""), "tccli cam UpdateAccessKey --AccessKeyId '<fill in>' --Status 'Inactive'");
        assert!(key("a\nb").starts_with("# UpdateAccessKey is left out"));
        let file = cam_with_file("CreatePolicy", &[("PolicyName", "p")], "PolicyDocument", "p.json");
        assert_eq!(file, r#"tccli cam CreatePolicy --PolicyName 'p' --PolicyDocument "$(cat 'p.json')""#);
        assert!(!note("a\nrm").contains('\n'));
    }
}
