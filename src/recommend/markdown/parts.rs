//! The sections of the report, one function each; empty where there is nothing to tell.

use super::Time;
use super::text::{block, code, inert};
use crate::event::id::mask_key;
use crate::recommend::output::{CallRef, DiffState, Evidence, Finding, Recommendation, Step};
use crate::recommend::patterns::Names;
use crate::recommend::removal::INDENT;
use crate::recommend::shell::note;
use crate::recommend::steps::TEMPORARY;
use crate::recommend::words::counted;

/// Rows of one table; the JSON has them all.
const ROWS: usize = 200;

pub(super) fn documents(rec: &Recommendation) -> String {
    let written = rec.documents.iter().map(|document| {
        let rare = if document.rare { "; seen once, attach only after review" } else { "" };
        let length = counted(u64::try_from(document.length).unwrap_or(u64::MAX), "character", "characters");
        let text = serde_json::to_string_pretty(&document.document).unwrap_or_default();
        format!("### {}\n\n{length}{rare}\n\n{}\n", inert(&document.name), block("json", &text))
    });
    section("Documents to attach", &written.collect::<Vec<_>>())
}

pub(super) fn granted(rec: &Recommendation, time: Time<'_>) -> String {
    let rows = rec.granted.iter().map(|granted| {
        let from = if granted.addresses.is_empty() { "anywhere".to_string() } else { some(&granted.addresses) };
        vec![
            code(&granted.action),
            some(&granted.resources),
            from,
            seen(&granted.evidence, time),
            granted.confidence.as_str().to_string(),
            inert(&granted.marks.join(", ")),
        ]
    });
    table("What they grant", &["Action", "Resources", "From", "Seen", "Confidence", "Marks"], &rows.collect::<Vec<_>>())
}

pub(super) fn decisions(rec: &Recommendation, time: Time<'_>) -> String {
    let written = rec.needs_decision.iter().take(ROWS).map(|held| {
        let text = serde_json::to_string_pretty(&held.statement).unwrap_or_default();
        format!(
            "### {}\n\n{} Seen: {}. If it is to be allowed, add:\n\n{}\n",
            inert(&held.action),
            inert(&held.why),
            seen(&held.evidence, time),
            block("json", &text)
        )
    });
    section("Needs a decision", &written.collect::<Vec<_>>())
}

pub(super) fn conflicts(rec: &Recommendation, time: Time<'_>) -> String {
    let rows = rec.conflicts.iter().map(|conflict| {
        vec![
            code(&conflict.action),
            some(&conflict.resources),
            inert(&conflict.why),
            calls(&conflict.legitimate, time),
            calls(&conflict.alarmed, time),
        ]
    });
    table(
        "Given up: good and bad use cannot be told apart",
        &["Action", "Resources", "Why", "Good", "Bad"],
        &rows.collect::<Vec<_>>(),
    )
}

pub(super) fn quarantined(rec: &Recommendation, time: Time<'_>) -> String {
    let rows = rec.quarantined.iter().map(|sum| vec![code(&sum.action), seen(&sum.evidence, time)]);
    table("Near a compromise: neither granted nor judged", &["Action", "Seen"], &rows.collect::<Vec<_>>())
}

pub(super) fn findings(rec: &Recommendation, time: Time<'_>) -> String {
    let rows = rec.findings.iter().map(|finding| {
        vec![
            inert(&finding.code),
            place(finding),
            inert(&finding.text),
            inert(&finding.advice),
            seen(&finding.evidence.seen, time),
            finding.confidence.as_str().to_string(),
        ]
    });
    let titles = ["Finding", "Where", "What", "What to do", "Seen", "Confidence"];
    table("Findings about today's grants, worst first", &titles, &rows.collect::<Vec<_>>())
}

fn place(finding: &Finding) -> String {
    let policy = finding.policy.as_ref().map_or_else(|| code(&finding.subject), |policy| inert(policy));
    match finding.statement {
        Some(number) => format!("{policy}, statement {number}"),
        None => policy,
    }
}

pub(super) fn diff(rec: &Recommendation) -> String {
    let rows = rec.diff.iter().map(|entry| {
        let state = match entry.state {
            DiffState::Unused => "granted, not used",
            DiffState::NotVisible => "granted, use not visible",
            DiffState::UsedNotGranted => "used, not granted",
        };
        let policy = entry.policy.as_ref().map_or("-".to_string(), |policy| inert(policy));
        vec![state.to_string(), code(&entry.action), policy, inert(&entry.note)]
    });
    table("Today's grants against use", &["State", "Action", "Policy", "Note"], &rows.collect::<Vec<_>>())
}

pub(super) fn steps(rec: &Recommendation, time: Time<'_>) -> String {
    section("Steps for keys", &rec.steps.iter().take(ROWS).map(|step| one_step(step, time)).collect::<Vec<_>>())
}

fn one_step(step: &Step, time: Time<'_>) -> String {
    let key = if step.target == TEMPORARY { "temporary keys".to_string() } else { code(&mask_key(&step.target)) };
    let told = step.commands.iter().any(|command| command.starts_with("# Way back"));
    let back = (!told).then(|| note(&format!("Way back: {}", step.rollback)));
    let commands: Vec<String> = back.into_iter().chain(step.commands.iter().cloned()).collect();
    format!(
        "### {} ({key})\n\n{} Seen: {}. Confidence: {}.\n\n{}\n",
        inert(&step.id),
        inert(&step.why),
        seen(&step.evidence, time),
        step.confidence.as_str(),
        block("sh", &commands.join("\n"))
    )
}

/// Sentences as text, and the commands of each step in one block.
pub(super) fn removal(rec: &Recommendation) -> String {
    let is_command = |line: &String| line.starts_with(INDENT);
    let written = rec.removal.chunk_by(|a, b| is_command(a) && is_command(b)).map(|lines| {
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        match lines[..] {
            [sentence] if !sentence.starts_with(INDENT) => format!("{}\n\n", inert(sentence)),
            _ => {
                let commands: Vec<&str> = lines.iter().map(|line| line.trim_start()).collect();
                format!("{}\n", block("sh", &commands.join("\n")))
            }
        }
    });
    section("Removal", &written.collect::<Vec<_>>())
}

fn section(title: &str, written: &[String]) -> String {
    if written.is_empty() { String::new() } else { format!("## {title}\n\n{}", written.concat()) }
}

/// A table; its cells are made harmless already. What is beyond [`ROWS`] is counted.
fn table(title: &str, titles: &[&str], rows: &[Vec<String>]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let titles: Vec<String> = titles.iter().map(ToString::to_string).collect();
    let rule: Vec<String> = titles.iter().map(|_| "---".to_string()).collect();
    let shown: Vec<String> = rows.iter().take(ROWS).map(|cells| line(cells)).collect();
    let more = rows.len().saturating_sub(ROWS);
    let rest = if more > 0 { format!("\n{more} more; the JSON has them all.\n") } else { String::new() };
    format!("## {title}\n\n{}{}{}{rest}", line(&titles), line(&rule), shown.concat())
}

fn some(names: &[String]) -> String {
    let names = Names::of(names.iter().cloned());
    if names.len() == 0 { "-".to_string() } else { inert(&names.text(5)) }
}

fn calls(refs: &[CallRef], time: Time<'_>) -> String {
    let one = |call: &CallRef| {
        let more = if call.at_least { "at least " } else { "" };
        let from = call.ip.as_deref().unwrap_or("an unknown address");
        format!("{more}{} from {} until {}", counted(call.calls, "call", "calls"), inert(from), inert(&time(call.last)))
    };
    let shown: Vec<String> = refs.iter().take(5).map(one).collect();
    let more = refs.len().saturating_sub(5);
    if more > 0 { format!("{} and {more} more", shown.join("; ")) } else { shown.join("; ") }
}

fn seen(evidence: &Evidence, time: Time<'_>) -> String {
    let (Some(first), Some(last)) = (evidence.first, evidence.last) else { return "no calls".to_string() };
    let more = if evidence.at_least { "at least " } else { "" };
    format!(
        "{more}{} on {}, {} to {}",
        counted(evidence.calls, "call", "calls"),
        counted(evidence.days, "day", "days"),
        inert(&time(first)),
        inert(&time(last))
    )
}
