//! The recommendation in a few plain sentences.

use super::history::History;
use super::input::{Case, Class, HolderKind};
use super::output::{Confidence, DiffState, Evidence, Recommendation};
use super::patterns::Names;
use super::steps::{TEMPORARY, is_open, is_sure, stands};
use super::usage::{is_fair, permitted, tally};
use super::words::{count, counted, joined, plain};
use std::collections::BTreeSet;

/// Three to seven sentences for somebody who answers for the account.
pub(super) fn summary(case: &Case, rec: &Recommendation, history: &History) -> Vec<String> {
    let all = [
        Some(who(case)),
        Some(what(case)),
        doubts(case),
        urgent(rec),
        Some(documents(case, rec)),
        excess(case, rec),
        Some(unknown(rec, history)),
    ];
    all.into_iter().flatten().collect()
}

fn who(case: &Case) -> String {
    let holder = &case.holder;
    let name = [&holder.name, &holder.id].into_iter().find(|text| !text.is_empty()).map(|text| plain(text));
    let name = name.unwrap_or_else(|| "without a known name".to_string());
    let account =
        if holder.account.is_empty() { String::new() } else { format!(" of account {}", plain(&holder.account)) };
    let whose = match holder.kind {
        HolderKind::Root => format!("The main account{}", account.replacen(" of account", "", 1)),
        HolderKind::User => format!("The user {name}{account}"),
        HolderKind::Role => format!("The role {name}{account}"),
    };
    let gone = |status: Option<&str>| status == Some("deleted");
    let permanent = case.keys.iter().filter(|key| key.ak != TEMPORARY && !gone(key.status.as_deref())).count();
    match permanent {
        0 => format!("{whose} has no permanent access key that is known."),
        number => format!("{whose} has {}.", counted(count(number), "permanent access key", "permanent access keys")),
    }
}

fn what(case: &Case) -> String {
    let fair = || case.observed.iter().filter(|one| permitted(one) && one.calls.iter().any(is_fair));
    let services: BTreeSet<String> = fair().map(|one| plain(&one.service)).collect();
    let addresses: BTreeSet<&String> = fair().filter_map(|one| one.ip.as_ref()).collect();
    let seen = tally(fair(), |_, call| is_fair(call));
    if services.is_empty() {
        return "No ordinary call was seen.".to_string();
    }
    let services = Names::of(services);
    format!(
        "It made {} with {} ({}), from {}, on {}.",
        at_least(&seen, "ordinary call", "ordinary calls"),
        counted(count(services.len()), "product", "products"),
        services.text(4),
        counted(count(addresses.len()), "address", "addresses"),
        counted(seen.days, "day", "days")
    )
}

/// What speaks against the holder's calls, and what could not be judged for that.
fn doubts(case: &Case) -> Option<String> {
    let told: Vec<String> = [attack(case), near(case)].into_iter().flatten().collect();
    (!told.is_empty()).then(|| told.join(" "))
}

fn near(case: &Case) -> Option<String> {
    let seen = tally(&case.observed, |_, call| call.class == Class::Quarantined);
    let calls = at_least(&seen, "more call was", "more calls were");
    let are = if seen.calls == 1 { "is" } else { "are" };
    let upper = calls.replacen("at", "At", usize::from(seen.at_least));
    (seen.calls > 0).then(|| format!("{upper} made near an attack and {are} not judged."))
}

fn attack(case: &Case) -> Option<String> {
    let alarmed = || case.observed.iter().filter(|one| one.calls.iter().any(|call| call.class == Class::Alarmed));
    let seen = tally(alarmed(), |_, call| call.class == Class::Alarmed);
    if seen.calls == 0 {
        let open = count(case.alarms.iter().filter(|alarm| is_open(alarm)).count());
        let verb = if open == 1 { "is" } else { "are" };
        return (open > 0).then(|| format!("There {verb} {} about it.", counted(open, "open alarm", "open alarms")));
    }
    let actions =
        Names::of(alarmed().map(|one| plain(&format!("{}:{}", one.service, one.action))).collect::<BTreeSet<_>>());
    let let_in = tally(alarmed().filter(|one| permitted(one)), |_, call| call.class == Class::Alarmed).calls;
    let refused = seen.calls - let_in;
    let wrong = case.alarms.iter().any(|alarm| stands(alarm) && alarm.compromise && is_sure(alarm));
    let lead = if wrong { "It looks as if somebody else used it" } else { "Some of its use is suspicious" };
    let kept_out = match refused {
        0 => String::new(),
        refused => format!(", of which {} refused", counted(refused, "was", "were")),
    };
    Some(format!("{lead}: {} under alarm ({}){kept_out}.", at_least(&seen, "call is", "calls are"), actions.text(3)))
}

fn urgent(rec: &Recommendation) -> Option<String> {
    let keys = |id: &str| count(rec.steps.iter().filter(|step| step.id == id).count());
    let doubted = |id: &str| {
        let mut of_kind = rec.steps.iter().filter(|step| step.id == id);
        of_kind.all(|step| step.confidence < Confidence::High)
    };
    let at_once = |id: &str| if doubted(id) { "unless the owner made the calls" } else { "now" };
    let verbs = [
        ("DISABLE_NOW", "disable", at_once("DISABLE_NOW")),
        ("END_SESSIONS", "take the rights from the temporary keys of", at_once("END_SESSIONS")),
        ("REMOVE_ROOT_KEY", "replace and remove", "soon"),
        ("ROTATE", "change", ""),
        ("DELETE_UNUSED", "delete", ""),
        ("TWO_KEYS", "delete", "as it is idle"),
    ];
    let told = verbs.iter().filter(|(id, ..)| keys(id) > 0).map(|(id, verb, when)| {
        let what = if *id == "END_SESSIONS" { "this holder".to_string() } else { counted(keys(id), "key", "keys") };
        format!("{verb} {what} {when}").trim_end().to_string()
    });
    let told: Vec<String> = told.collect();
    (!told.is_empty()).then(|| format!("About keys, the advice is to {}.", joined(&told)))
}

fn documents(case: &Case, rec: &Recommendation) -> String {
    if case.holder.kind == HolderKind::Root {
        return "No policy can limit the main account, so the only remedy is to stop using its keys.".to_string();
    }
    let usual = count(rec.documents.iter().filter(|document| !document.rare).count());
    let rare = count(rec.documents.iter().filter(|document| document.rare).count());
    let actions = rec.granted.iter().map(|granted| granted.action.as_str()).collect::<BTreeSet<_>>().len();
    if usual + rare == 0 {
        return "There is too little ordinary use to propose a policy.".to_string();
    }
    let mut out = format!(
        "{} to {} seen in use, and to nothing else",
        counted(usual + rare, "proposed policy limits it", "proposed policies limit it"),
        counted(count(actions), "action", "actions")
    );
    let open = count(rec.needs_decision.len());
    if open > 0 {
        out = format!("{out}; {} for a decision", counted(open, "risky action waits", "risky actions wait"));
    }
    let given_up = count(rec.conflicts.len());
    if given_up > 0 {
        let text = counted(given_up, "action is", "actions are");
        out = format!("{out}; {text} left out because good and bad use cannot be told apart");
    }
    format!("{out}.")
}

fn excess(case: &Case, rec: &Recommendation) -> Option<String> {
    case.granted.as_ref().filter(|_| case.holder.kind != HolderKind::Root)?;
    let unused = rec.findings.iter().filter(|finding| finding.code == "UNUSED_SERVICE");
    let unused = count(unused.map(|finding| finding.subject.as_str()).collect::<BTreeSet<_>>().len());
    let policies =
        rec.findings.iter().filter(|f| matches!(f.code.as_str(), "UNUSED_POLICY" | "UNUSED_GRANT_VIA_GROUP"));
    let idle = count(policies.count());
    let admin = rec.findings.iter().any(|finding| finding.code == "ADMIN_POLICY");
    let parts: Vec<String> = [
        admin.then(|| "the rights of an administrator".to_string()),
        (unused > 0).then(|| counted(unused, "product that it does not use", "products that it does not use")),
        (idle > 0).then(|| counted(idle, "policy without any use", "policies without any use")),
    ]
    .into_iter()
    .flatten()
    .collect();
    if parts.is_empty() {
        let unused = rec.diff.iter().any(|entry| entry.state == DiffState::Unused);
        return unused.then(|| "Today it may do more than it does.".to_string());
    }
    Some(format!("Today it also has {}.", joined(&parts)))
}

fn unknown(rec: &Recommendation, history: &History) -> String {
    match rec.insufficient_history.as_ref().filter(|_| rec.policy_attachable) {
        Some(why) => format!("Nothing should be taken away yet. {why}"),
        None => format!(
            "All this rests on {} of logs; what is done more rarely, or leaves no trace in them, is not known.",
            counted(history.seen, "day", "days")
        ),
    }
}

fn at_least(seen: &Evidence, one: &str, many: &str) -> String {
    let calls = counted(seen.calls, one, many);
    if seen.at_least { format!("at least {calls}") } else { calls }
}
