//! Options from the environment: every option has a variable, and all of them are named here.

use clap::builder::BoolishValueParser;
use clap::error::{ContextKind, ContextValue};
use clap::{Arg, ArgAction, Command, Error};
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

/// Options that mean the same in every command that has them: one variable serves all.
const SHARED: [&str; 8] = ["config", "db", "wait", "tz", "naive-tz", "github-meta", "color", "no-pager"];

/// Options that destroy or confirm something: whoever runs the command must mean it, so no variable stands for them.
const NEVER: [&str; 3] = ["yes", "force", "replace"];

/// What a flag's variable may say for "not given", beside nothing.
const NO: [&str; 6] = ["0", "false", "no", "off", "n", "f"];

/// Gives every option of the command and of those below it its variable.
pub(super) fn give(command: Command) -> Command {
    below(command, "")
}

fn below(command: Command, path: &str) -> Command {
    let command = command.mut_args(|arg| with_variable(arg, path));
    command.mut_subcommands(|command| {
        let path = format!("{path}{}-", command.get_name());
        below(command, &path)
    })
}

/// The variable of an option: `AKGUARD_`, the command's words unless all commands share it, and the option.
pub(super) fn name(path: &str, arg: &Arg) -> Option<String> {
    let long = arg.get_long().filter(|long| !NEVER.contains(long))?;
    let path = if SHARED.contains(&long) { "" } else { path };
    Some(format!("AKGUARD_{path}{long}").replace('-', "_").to_uppercase())
}

fn with_variable(arg: Arg, path: &str) -> Arg {
    let Some(name) = name(path, &arg) else { return arg };
    let flag = matches!(arg.get_action(), ArgAction::SetTrue);
    let arg = if flag { arg.value_parser(BoolishValueParser::new()) } else { arg };
    if std::env::var_os(&name).is_some_and(|value| says_nothing(&value, flag)) {
        // clap would take an empty text for a value, and a flag that is off for one that is given.
        return arg;
    }
    // clap wants names that live as long as the program; there is one definition in each run.
    let name: &'static str = name.leak();
    arg.env(name).hide_env_values(true)
}

fn says_nothing(value: &OsStr, flag: bool) -> bool {
    value.is_empty() || flag && value.to_str().is_some_and(|text| NO.contains(&text.to_ascii_lowercase().as_str()))
}

/// The options of a command line that nobody typed and that variables give, each with its variable.
#[derive(Debug, Default)]
pub(super) struct Given(BTreeMap<String, String>);

impl Given {
    /// Those of the arguments, of which the first is the program's name.
    pub(super) fn of(definition: &Command, args: impl IntoIterator<Item = OsString>) -> Self {
        let (commands, typed) = walk(definition, args);
        let args = commands.iter().flat_map(|command| command.get_arguments());
        let given = args.filter_map(|arg| {
            let (long, variable) = (arg.get_long()?, arg.get_env()?);
            std::env::var_os(variable)?;
            (!typed.iter().any(|typed| typed == long))
                .then(|| (format!("--{long}"), variable.to_string_lossy().into_owned()))
        });
        Self(given.collect())
    }

    /// Names the variable where the parser names an option that nobody typed.
    pub(super) fn name_in(&self, error: &mut Error) {
        for kind in [ContextKind::InvalidArg, ContextKind::PriorArg] {
            let named = match error.get(kind) {
                Some(ContextValue::String(option)) => ContextValue::String(self.named(option)),
                Some(ContextValue::Strings(options)) => {
                    ContextValue::Strings(options.iter().map(|option| self.named(option)).collect())
                }
                _ => continue,
            };
            error.insert(kind, named);
        }
    }

    /// The option, after its variable if it has one here.
    fn named(&self, option: &str) -> String {
        let long = option.split([' ', '=', '[']).next().unwrap_or_default();
        self.0.get(long).map_or_else(|| option.to_string(), |variable| format!("{variable} ({option})"))
    }

    /// What to say about the options that a message names: which variables give them.
    pub(super) fn hints(&self, message: &str) -> Vec<String> {
        let words: Vec<&str> = message.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').collect();
        let meant = self.0.iter().filter(|(option, _)| words.contains(&option.as_str()));
        meant.map(|(option, variable)| format!("{option} is given by the variable {variable}")).collect()
    }
}

/// The commands that the arguments name, from the outermost on, and the long names of the options among them.
fn walk(definition: &Command, args: impl IntoIterator<Item = OsString>) -> (Vec<&Command>, Vec<String>) {
    let (mut commands, mut typed) = (vec![definition], Vec::new());
    let mut args = args.into_iter().skip(1).map(|arg| arg.to_string_lossy().into_owned());
    while let Some(word) = args.next() {
        if word == "--" {
            break;
        }
        let innermost = commands[commands.len() - 1];
        let Some(option) = option(&commands, &word) else {
            commands.extend(innermost.find_subcommand(&word));
            continue;
        };
        typed.extend(option.get_long().map(str::to_string));
        let apart = !word.contains('=') && (word.starts_with("--") || word.len() == 2);
        if apart && option.get_action().takes_values() {
            args.next();
        }
    }
    (commands, typed)
}

/// The option that a word of the command line names.
fn option<'c>(commands: &[&'c Command], word: &str) -> Option<&'c Arg> {
    let (long, short) = match word.strip_prefix("--") {
        Some(long) => (long.split('=').next(), None),
        None => (None, word.strip_prefix('-')?.chars().next()),
    };
    let mut args = commands.iter().rev().flat_map(|command| command.get_arguments());
    args.find(|arg| long.is_some() && arg.get_long() == long || short.is_some() && arg.get_short() == short)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn visit(command: &Command, path: &str, each: &mut dyn FnMut(&str, &Arg)) {
        command.get_arguments().for_each(|arg| each(path, arg));
        for command in command.get_subcommands() {
            visit(command, &format!("{path}{}-", command.get_name()), each);
        }
    }

    #[test]
    fn every_option_has_a_variable_of_its_own_and_shows_no_value() {
        let mut known: BTreeMap<String, (String, String)> = BTreeMap::new();
        visit(&crate::cli::definition(), "", &mut |path, arg| {
            let Some(long) = arg.get_long() else { return };
            let variable = arg.get_env().map(|name| name.to_string_lossy().into_owned());
            if NEVER.contains(&long) {
                assert_eq!(variable, None, "{path}{long}");
                return;
            }
            let variable = variable.unwrap_or_else(|| panic!("{path}{long} has no variable"));
            assert_eq!(Some(&variable), name(path, arg).as_ref());
            assert!(variable.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'), "{variable}");
            assert!(arg.is_hide_env_values_set(), "{path}{long}");
            let owner = if SHARED.contains(&long) { String::new() } else { path.to_string() };
            let option = (owner, long.to_string());
            assert_eq!(known.entry(variable).or_insert_with(|| option.clone()), &option);
        });
        assert!(known.len() > 100, "{}", known.len());
        for name in ["AKGUARD_DB", "AKGUARD_TZ", "AKGUARD_SCAN_FAIL_ON", "AKGUARD_AK_LIST_LIMIT"] {
            assert!(known.contains_key(name), "{name}");
        }
        for taken in [crate::cli::complete::VARIABLE, crate::cli::pager::VARIABLE] {
            assert!(!known.contains_key(taken), "{taken}");
        }
    }

    #[test]
    fn what_confirms_or_destroys_is_only_typed() {
        let mut typed = Vec::new();
        visit(&crate::cli::definition(), "", &mut |path, arg| {
            if arg.get_long().is_some_and(|long| NEVER.contains(&long)) {
                typed.push(format!("{path}{}", arg.get_long().unwrap_or_default()));
            }
        });
        assert!(typed.contains(&"process-yes".to_string()) && typed.contains(&"config-init-force".to_string()));
    }

    #[test]
    fn nothing_and_no_are_as_if_unset() {
        let says = |text: &str, flag| says_nothing(OsStr::new(text), flag);
        assert!(says("", true) && says("", false) && says("No", true) && says("0", true));
        assert!(!says("0", false) && !says("1", true) && !says("maybe", true));
    }
}
