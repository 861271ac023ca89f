//! Shell completions: the scripts ask akguard itself, which knows the rules and may look into the database.

use super::database::usual_path;
use crate::detect::Level;
use crate::detect::rules::ALL;
use crate::report::text::printable;
use crate::store::suggest::{What, suggest};
use anyhow::{Context, Result};
use clap::{Arg, Command};
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};
use clap_complete::env::Shells;
use clap_complete::{CompleteEnv, Shell};
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

/// Scripts set this variable to ask for completions.
pub(super) const VARIABLE: &str = "AKGUARD_COMPLETE";

/// Answers a script's question, if it is one. Whatever goes wrong, nobody at a prompt wants to read about it.
pub(super) fn answer() -> Option<u8> {
    let completing = CompleteEnv::with_factory(|| attach(super::definition(), "")).var(VARIABLE);
    let answered = completing.bin("akguard").completer("akguard").try_complete(std::env::args_os(), None);
    match answered {
        Ok(false) => None,
        Ok(true) => Some(super::exit::DONE),
        Err(_) => Some(super::exit::FAILED),
    }
}

/// The script that makes a shell ask.
pub(super) fn script(shell: Shell) -> Result<Vec<u8>> {
    let shells = Shells::builtins();
    let name = shell.to_string();
    let completer = shells.completer(&name).with_context(|| format!("there are no completions for {name}"))?;
    let mut script = Vec::new();
    completer.write_registration(VARIABLE, "akguard", "akguard", "akguard", &mut script)?;
    Ok(script)
}

type Completer = fn(&OsStr) -> Vec<CompletionCandidate>;

/// Says of every argument what may stand there, as far as it is known.
fn attach(command: Command, path: &str) -> Command {
    let command = command.mut_args(|arg| match completer(path, &arg) {
        Some(completer) => arg.add(ArgValueCompleter::new(completer)),
        None => arg,
    });
    command.mut_subcommands(|command| {
        let path = format!("{path}{} ", command.get_name());
        attach(command, &path)
    })
}

fn completer(path: &str, arg: &Arg) -> Option<Completer> {
    let allowlist = path.starts_with("allowlist ");
    Some(match (arg.get_long(), arg.get_id().as_str()) {
        (Some("rule"), _) => rules,
        (Some("level" | "exact-level"), _) => levels,
        (Some("fail-on"), _) => standing_levels,
        (Some("tz"), _) => zones,
        (Some("lang"), _) => languages,
        (Some("method"), _) if allowlist => methods,
        (Some("ip-type"), _) if allowlist => ip_types,
        (Some("naive-tz"), _) => offsets,
        (Some("ak"), _) if allowlist => keys_and_kinds,
        (Some("ak"), _) | (None, "ak") => keys,
        (Some("ip"), _) | (None, "ip") => addresses,
        (Some("from-alarm"), _) | (None, "alarm" | "alarms") => alarms,
        (Some("policy"), _) | (None, "policy" | "names") if allowlist => policies,
        (None, "id") if path == "rules show " => rules,
        (None, "id") if path == "remark " => keys_and_addresses,
        _ => return None,
    })
}

/// Words that begin as the current one does.
fn among<'w>(current: &OsStr, words: impl Iterator<Item = (&'w str, &'w str)>) -> Vec<CompletionCandidate> {
    let begun = current.to_str().unwrap_or("\0");
    words.filter(|(word, _)| word.starts_with(begun)).map(|(word, about)| candidate(word, about)).collect()
}

fn candidate(word: &str, about: &str) -> CompletionCandidate {
    let about = printable(about);
    CompletionCandidate::new(word).help((!about.is_empty()).then(|| about.into()))
}

fn rules(current: &OsStr) -> Vec<CompletionCandidate> {
    let mut all: Vec<_> = ALL.iter().map(|(meta, _)| *meta).collect();
    all.sort_by_key(|meta| meta.number);
    among(current, all.iter().map(|meta| (meta.id, meta.title)))
}

fn levels(current: &OsStr) -> Vec<CompletionCandidate> {
    among(current, Level::ALL.iter().map(|level| (level.as_str(), "")))
}

fn standing_levels(current: &OsStr) -> Vec<CompletionCandidate> {
    among(current, Level::ALL.iter().filter(|level| **level != Level::Invalid).map(|level| (level.as_str(), "")))
}

fn zones(current: &OsStr) -> Vec<CompletionCandidate> {
    among(current, chrono_tz::TZ_VARIANTS.iter().map(|zone| (zone.name(), "")))
}

fn languages(current: &OsStr) -> Vec<CompletionCandidate> {
    among(current, [("en", "English"), ("zh", "Simplified Chinese")].into_iter())
}

fn methods(current: &OsStr) -> Vec<CompletionCandidate> {
    among(current, [("api", ""), ("console", ""), ("all", "")].into_iter())
}

fn ip_types(current: &OsStr) -> Vec<CompletionCandidate> {
    among(current, [("in_account", ""), ("outside", ""), ("lan", "")].into_iter())
}

fn offsets(current: &OsStr) -> Vec<CompletionCandidate> {
    among(current, [("+08:00", "as the console shows times"), ("Z", "UTC")].into_iter())
}

fn alarms(current: &OsStr) -> Vec<CompletionCandidate> {
    kept(What::Alarms, current)
}

fn keys(current: &OsStr) -> Vec<CompletionCandidate> {
    kept(What::Keys, current)
}

fn keys_and_kinds(current: &OsStr) -> Vec<CompletionCandidate> {
    let kinds = [("permanent", "all permanent keys"), ("temporary", "all temporary keys")];
    among(current, kinds.into_iter()).into_iter().chain(keys(current)).collect()
}

fn addresses(current: &OsStr) -> Vec<CompletionCandidate> {
    kept(What::Addresses, current)
}

fn keys_and_addresses(current: &OsStr) -> Vec<CompletionCandidate> {
    keys(current).into_iter().chain(addresses(current)).collect()
}

/// Policies by name. A name that a shell would read otherwise is offered by its number instead, which means the same.
fn policies(current: &OsStr) -> Vec<CompletionCandidate> {
    let kept = suggest_from_database(What::Policies, current);
    let words = kept.iter().map(|(name, number)| {
        if is_plain(name) { (name.as_str(), number.as_str()) } else { (number.as_str(), name.as_str()) }
    });
    among(current, words)
}

fn kept(what: What, current: &OsStr) -> Vec<CompletionCandidate> {
    let kept = suggest_from_database(what, current);
    among(current, kept.iter().map(|(name, about)| (name.as_str(), about.as_str())).filter(|(name, _)| is_plain(name)))
}

fn suggest_from_database(what: What, current: &OsStr) -> Vec<(String, String)> {
    let path = named_database(std::env::args_os(), std::env::var_os("AKGUARD_DB")).or_else(usual_path);
    path.zip(current.to_str()).map(|(path, begun)| suggest(&path, what, begun)).unwrap_or_default()
}

/// Whether every shell takes a word as it stands. Bash puts it on the line unquoted, and names come from logs too.
fn is_plain(word: &str) -> bool {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ':' | '/' | '@');
    !word.starts_with('-') && !word.is_empty() && word.chars().all(plain)
}

/// The database that the line to complete names, or the environment.
fn named_database(words: impl Iterator<Item = OsString>, variable: Option<OsString>) -> Option<PathBuf> {
    let words: Vec<OsString> = words.collect();
    let typed = words.iter().enumerate().find_map(|(place, word)| match word.to_str()? {
        "--db" => words.get(place + 1).cloned(),
        text => text.strip_prefix("--db=").map(OsString::from),
    });
    typed.or(variable).filter(|name| !name.is_empty()).map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(found: &[CompletionCandidate]) -> Vec<String> {
        found.iter().map(|one| one.get_value().to_string_lossy().into_owned()).collect()
    }

    fn complete(line: &[&str]) -> Vec<String> {
        let mut command = attach(super::super::definition(), "");
        let line: Vec<OsString> = std::iter::once("akguard").chain(line.iter().copied()).map(OsString::from).collect();
        let place = line.len() - 1;
        words(&clap_complete::engine::complete(&mut command, line, place, None).expect("completions"))
    }

    #[test]
    fn rules_levels_and_statuses_are_completed() {
        assert_eq!(complete(&["rules", "show", "hack"]), ["hacker-tool"]);
        assert_eq!(complete(&["alarms", "--rule", "hacker-tool,dorm"]), ["hacker-tool,dormant-key-used"]);
        assert_eq!(complete(&["alarms", "--level", "in"]), ["invalid"]);
        assert_eq!(complete(&["scan", "--fail-on", "in"]), Vec::<String>::new());
        assert_eq!(complete(&["process", "--status", "ig"]), ["ignored"]);
        assert_eq!(complete(&["alarms", "--tz", "Asia/Shang"]), ["Asia/Shanghai"]);
        assert_eq!(complete(&["allowlist", "add", "--ak", "perm"]), ["permanent"]);
        assert_eq!(complete(&["--color", "a"]), ["auto", "always"]);
    }

    /// Every option of a command and of those below it, with the words that lead to it.
    fn options(command: &Command, line: &[String], each: &mut dyn FnMut(&[String], &Arg)) {
        command.get_arguments().for_each(|arg| each(line, arg));
        for below in command.get_subcommands() {
            let line: Vec<String> = line.iter().cloned().chain([below.get_name().to_string()]).collect();
            options(below, &line, each);
        }
    }

    #[test]
    fn options_with_few_values_offer_them_in_every_command() {
        let known = [
            "format", "lang", "color", "sort", "status", "type", "identity", "level", "fail-on", "tz", "method",
            "ip-type",
        ];
        let mut asked = 0;
        options(&super::super::definition(), &[], &mut |line, arg| {
            let Some(long) = arg.get_long().filter(|long| known.contains(long) && arg.get_action().takes_values())
            else {
                return;
            };
            let option = format!("--{long}");
            let line: Vec<&str> = line.iter().map(String::as_str).chain([option.as_str(), ""]).collect();
            assert!(!complete(&line).is_empty(), "{line:?}");
            asked += 1;
        });
        assert!(asked > 40, "{asked}");
        assert_eq!(complete(&["--lang", ""]), ["en", "zh"]);
        assert_eq!(complete(&["alarms", "--lang=z"]), ["--lang=zh"]);
    }

    #[test]
    fn the_database_of_the_line_counts_before_that_of_the_environment() {
        let of = |words: &[&str], variable: Option<&str>| {
            named_database(words.iter().map(OsString::from), variable.map(OsString::from))
        };
        assert_eq!(of(&["akguard", "show", "--db", "a.db", ""], Some("b.db")), Some("a.db".into()));
        assert_eq!(of(&["akguard", "--db=c.db"], None), Some("c.db".into()));
        assert_eq!(of(&["akguard"], Some("b.db")), Some("b.db".into()));
        assert_eq!(of(&["akguard"], Some("")), None);
    }

    #[test]
    fn words_that_a_shell_would_run_are_never_offered() {
        assert!(is_plain("A-8d6525") && is_plain("AKIDEXAMPLEone") && is_plain("2001:db8::1") && is_plain("安全"));
        for word in ["$(id)", "a b", "a;b", "`x`", "a'b", "-x", "", "a\nb", "*", "a>b", "~root", "a&b", "\u{1b}"] {
            assert!(!is_plain(word), "{word:?}");
        }
    }

    #[test]
    fn every_shell_has_a_script_that_asks_akguard() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish, Shell::PowerShell, Shell::Elvish] {
            let script = String::from_utf8(script(shell).expect("a script")).expect("text");
            assert!(script.contains(VARIABLE) && script.contains("akguard"), "{shell}");
        }
    }
}
