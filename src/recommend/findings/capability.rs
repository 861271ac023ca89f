//! PRIVESC_CAPABILITY, DATA_EXFIL_CAPABILITY, RESOURCE_EXPOSURE, INFRA_CHANGE, CREDENTIAL_EXPOSURE.

use super::{Judge, conditioned};
use crate::catalog::risk::{Mark, Risk, RiskClass, RiskWhen};
use crate::policy::Statement;
use crate::recommend::current::{Held, names, shape};
use crate::recommend::output::{Confidence, Finding, FindingEvidence};
use crate::recommend::patterns::{Names, covers};
use crate::recommend::usage::Places;
use crate::recommend::words::counted;

/// A code, the classes it is about, and what they let somebody do.
struct Kind {
    code: &'static str,
    classes: &'static [RiskClass],
    lets: &'static str,
    advice: &'static str,
}

const KINDS: [Kind; 5] = [
    Kind {
        code: "PRIVESC_CAPABILITY",
        classes: &[RiskClass::Privesc],
        lets: "lets its holder gain more rights",
        advice: "Keep these actions for administrators; decide on each that is in use.",
    },
    Kind {
        code: "DATA_EXFIL_CAPABILITY",
        classes: &[RiskClass::Exfiltration],
        lets: "lets its holder carry data away",
        advice: "Grant these actions on the resources in use only, and from known addresses.",
    },
    Kind {
        code: "RESOURCE_EXPOSURE",
        classes: &[RiskClass::Exposure],
        lets: "lets its holder open resources to the internet or to other accounts",
        advice: "Grant these actions on the resources in use only, or not at all.",
    },
    Kind {
        code: "INFRA_CHANGE",
        classes: &[RiskClass::Infrastructure, RiskClass::Audit],
        lets: "lets its holder stop or delete what is running or stored, or start what costs money",
        advice: "Grant these actions on the resources in use only, or not at all.",
    },
    Kind {
        code: "CREDENTIAL_EXPOSURE",
        classes: &[RiskClass::Credentials],
        lets: "lets its holder obtain passwords, keys or tokens",
        advice: "Grant these actions on the secrets in use only; decide on each that is in use.",
    },
];

pub(super) fn find(judge: &Judge<'_>) -> Vec<Finding> {
    let statements = judge.current.held.iter().flat_map(|held| held.allows().map(move |(n, s)| (held, n, s)));
    let single = statements.flat_map(|(held, number, statement)| {
        let kinds = KINDS.iter().filter_map(move |kind| of_statement(judge, held, statement, kind));
        kinds.map(move |finding| Finding { statement: Some(number), ..finding })
    });
    single.chain(hand_over(judge)).collect()
}

fn of_statement(judge: &Judge<'_>, held: &Held<'_>, statement: &Statement, kind: &Kind) -> Option<Finding> {
    let risks: Vec<&Risk> = allowed(judge, statement, |risk| stands_alone(risk, kind)).collect();
    let first = risks.first()?;
    let pattern = statement.actions.iter().find(|pattern| covers(pattern, first.action))?;
    let possible = risks.iter().all(|risk| risk.when == RiskWhen::Target);
    let actions = Names::of(risks.iter().map(|risk| risk.action.to_string()));
    let finding = held.finding(kind.code, pattern.as_str());
    let sure = finding.confidence.min(surest(&risks));
    Some(Finding {
        text: format!("{} ({}){}.", sentence(kind, possible), actions.text(3), in_use(judge, &risks)),
        advice: kind.advice.to_string(),
        confidence: conditioned(sure, statement),
        evidence: FindingEvidence {
            actions: actions.shown,
            seen: judge.usage.evidence(&places(judge, &risks)),
            ..shape(statement, pattern)
        },
        ..finding
    })
}

fn sentence(kind: &Kind, possible: bool) -> String {
    let depends = if possible { "Depending on what it is aimed at, the" } else { "The" };
    let maybe = if possible { " possibly" } else { "" };
    format!("{depends} statement{maybe} {}", kind.lets)
}

/// Launchers and cam:PassRole gain rights only together, see [`hand_over`]; other classes take every entry.
fn stands_alone(risk: &Risk, kind: &Kind) -> bool {
    let together = matches!(risk.when, RiskWhen::Launcher | RiskWhen::PassRole);
    risk.classes.iter().any(|class| kind.classes.contains(class) && !(together && *class == RiskClass::Privesc))
}

fn allowed<'a>(
    judge: &'a Judge<'_>,
    statement: &'a Statement,
    wanted: impl Fn(&Risk) -> bool + 'a,
) -> impl Iterator<Item = &'a Risk> {
    let risks = judge.risk.risks().filter(move |risk| wanted(risk));
    risks.filter(|risk| judge.reach.contains(risk.action) && names(statement, risk.action))
}

/// That an action exists is certain, what it is good for is our reading: never surer than medium, and low where it
/// depends on the target or is general knowledge only.
fn surest(risks: &[&Risk]) -> Confidence {
    let firm = |risk: &&Risk| risk.when != RiskWhen::Target && risk.mark != Mark::Known;
    if risks.iter().any(firm) { Confidence::Medium } else { Confidence::Low }
}

fn places(judge: &Judge<'_>, risks: &[&Risk]) -> Places {
    risks.iter().flat_map(|risk| judge.usage.used(risk.action)).collect()
}

/// What the log shows of the risky actions, alarmed calls told apart.
fn in_use(judge: &Judge<'_>, risks: &[&Risk]) -> String {
    let places = places(judge, risks);
    let (seen, alarmed) = (judge.usage.evidence(&places), judge.usage.alarmed(&places));
    let more = if seen.at_least { "at least " } else { "" };
    match (seen.calls, alarmed) {
        (0, _) => "; no such call was seen".to_string(),
        (calls, 0) => format!("; {more}{} seen", counted(calls, "such call was", "such calls were")),
        (calls, alarmed) => format!(
            "; {more}{} seen, {alarmed} of them under alarm",
            counted(calls, "such call was", "such calls were")
        ),
    }
}

/// cam:PassRole and an action that starts something with a role, in whatever policies.
fn hand_over(judge: &Judge<'_>) -> Option<Finding> {
    let all = || judge.current.held.iter().flat_map(|held| held.allows().map(move |(n, s)| (held, n, s)));
    let (held, number, statement) = all()
        .find(|(_, _, statement)| allowed(judge, statement, |risk| risk.when == RiskWhen::PassRole).next().is_some())?;
    let launchers = judge.risk.risks().filter(|risk| risk.when == RiskWhen::Launcher);
    let granted = launchers.filter(|risk| {
        judge.reach.contains(risk.action) && all().any(|(_, _, statement)| names(statement, risk.action))
    });
    let launchers: Vec<&Risk> = granted.collect();
    let actions = Names::of(launchers.iter().map(|risk| risk.action.to_string()));
    let finding = held.finding("PRIVESC_CAPABILITY", "cam:PassRole");
    (actions.len() > 0).then(|| Finding {
        statement: Some(number),
        text: format!(
            "Together, cam:PassRole and {} let the holder act with the rights of any role it may hand over{}.",
            actions.text(3),
            in_use(judge, &launchers)
        ),
        advice: "Allow cam:PassRole on the one role that is handed over.".to_string(),
        confidence: conditioned(finding.confidence.min(Confidence::Medium), statement),
        evidence: FindingEvidence {
            actions: actions.shown,
            seen: judge.usage.evidence(&places(judge, &launchers)),
            ..shape(statement, "cam:PassRole")
        },
        ..finding
    })
}
