//! The sections of the report, one function each; empty where there is nothing to tell.

use super::Page;
use super::text::{block, code, inert};
use crate::event::id::mask_key;
use crate::lang::told::told;
use crate::recommend::output::{CallRef, DiffState, Evidence, Finding, Step};
use crate::recommend::patterns::Names;
use crate::recommend::removal::INDENT;
use crate::recommend::shell::note;
use crate::recommend::steps::TEMPORARY;
use crate::recommend::words::count;

/// Rows of one table; the JSON has them all.
const ROWS: usize = 200;

impl Page<'_> {
    pub(super) fn documents(&self) -> String {
        let written = self.rec.documents.iter().map(|document| {
            let rare = if document.rare { self.text("rare") } else { "" };
            let length = self.counted(count(document.length), "character", "characters");
            let text = serde_json::to_string_pretty(&document.document).unwrap_or_default();
            format!("### {}\n\n{length}{rare}\n\n{}\n", inert(&document.name), block("json", &text))
        });
        self.section("documents", &written.collect::<Vec<_>>())
    }

    pub(super) fn granted(&self) -> String {
        let rows = self.rec.granted.iter().map(|granted| {
            let anywhere = || self.text("anywhere").to_string();
            let from = if granted.addresses.is_empty() { anywhere() } else { some(&granted.addresses) };
            let marks: Vec<&str> = granted.marks.iter().map(|mark| self.lang.word(mark)).collect();
            vec![
                code(&granted.action),
                some(&granted.resources),
                from,
                self.seen(&granted.evidence),
                self.sure(granted.confidence).to_string(),
                inert(&marks.join(", ")),
            ]
        });
        let titles = ["Action", "Resources", "From", "Seen", "Confidence", "Marks"];
        self.table("granted", &titles, &rows.collect::<Vec<_>>())
    }

    pub(super) fn decisions(&self) -> String {
        let written = self.rec.needs_decision.iter().take(ROWS).map(|held| {
            let text = serde_json::to_string_pretty(&held.statement).unwrap_or_default();
            let values = [("why", self.told(&held.why)), ("seen", self.seen(&held.evidence))];
            let sentence = self.fill("decision", &values.each_ref().map(|(name, value)| (*name, value.as_str())));
            format!("### {}\n\n{sentence}\n\n{}\n", inert(&held.action), block("json", &text))
        });
        self.section("decisions", &written.collect::<Vec<_>>())
    }

    pub(super) fn conflicts(&self) -> String {
        let rows = self.rec.conflicts.iter().map(|conflict| {
            vec![
                code(&conflict.action),
                some(&conflict.resources),
                self.told(&conflict.why),
                self.calls(&conflict.legitimate),
                self.calls(&conflict.alarmed),
            ]
        });
        self.table("conflicts", &["Action", "Resources", "Why", "Good", "Bad"], &rows.collect::<Vec<_>>())
    }

    pub(super) fn quarantined(&self) -> String {
        let rows = self.rec.quarantined.iter().map(|sum| vec![code(&sum.action), self.seen(&sum.evidence)]);
        self.table("near", &["Action", "Seen"], &rows.collect::<Vec<_>>())
    }

    pub(super) fn findings(&self) -> String {
        let rows = self.rec.findings.iter().map(|finding| {
            vec![
                inert(&finding.code),
                self.place(finding),
                self.told(&finding.text),
                self.told(&finding.advice),
                self.seen(&finding.evidence.seen),
                self.sure(finding.confidence).to_string(),
            ]
        });
        let titles = ["Finding", "Where", "What", "What to do", "Seen", "Confidence"];
        self.table("findings", &titles, &rows.collect::<Vec<_>>())
    }

    fn place(&self, finding: &Finding) -> String {
        let policy = finding.policy.as_ref().map_or_else(|| code(&finding.subject), |policy| inert(policy));
        match finding.statement {
            Some(number) => self.fill("statement", &[("policy", &policy), ("n", &number.to_string())]),
            None => policy,
        }
    }

    pub(super) fn diff(&self) -> String {
        let rows = self.rec.diff.iter().map(|entry| {
            let state = match entry.state {
                DiffState::Unused => "unused",
                DiffState::NotVisible => "hidden",
                DiffState::UsedNotGranted => "missing",
            };
            let policy = entry.policy.as_ref().map_or("-".to_string(), |policy| inert(policy));
            vec![self.text(state).to_string(), code(&entry.action), policy, self.told(&entry.note)]
        });
        self.table("diff", &["State", "Action", "Policy", "Note"], &rows.collect::<Vec<_>>())
    }

    pub(super) fn steps(&self) -> String {
        let written: Vec<String> = self.rec.steps.iter().take(ROWS).map(|step| self.one_step(step)).collect();
        self.section("steps", &written)
    }

    fn one_step(&self, step: &Step) -> String {
        let temporary = || self.text("temporary").to_string();
        let key = if step.target == TEMPORARY { temporary() } else { code(&mask_key(&step.target)) };
        let tells = step.commands.iter().any(|command| command.starts_with("# Way back"));
        let back = (!tells).then(|| note(&format!("Way back: {}", step.rollback)));
        let commands: Vec<String> = back.iter().chain(&step.commands).map(|command| told(self.lang, command)).collect();
        let (why, seen) = (self.told(&step.why), self.seen(&step.evidence));
        let values = [("why", why.as_str()), ("seen", &seen), ("confidence", self.sure(step.confidence))];
        format!(
            "### {} ({key})\n\n{}\n\n{}\n",
            inert(&step.id),
            self.fill("step", &values),
            block("sh", &commands.join("\n"))
        )
    }

    /// Sentences as text, and the commands of each step in one block.
    pub(super) fn removal(&self) -> String {
        let is_command = |line: &String| line.starts_with(INDENT);
        let written = self.rec.removal.chunk_by(|a, b| is_command(a) && is_command(b)).map(|lines| {
            let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
            match lines[..] {
                [sentence] if !sentence.starts_with(INDENT) => format!("{}\n\n", self.told(sentence)),
                _ => {
                    let commands: Vec<String> = lines.iter().map(|line| told(self.lang, line.trim_start())).collect();
                    format!("{}\n", block("sh", &commands.join("\n")))
                }
            }
        });
        self.section("removal", &written.collect::<Vec<_>>())
    }

    pub(super) fn section(&self, title: &'static str, written: &[String]) -> String {
        if written.is_empty() { String::new() } else { format!("## {}\n\n{}", self.text(title), written.concat()) }
    }

    /// A table; its cells are made harmless already. What is beyond [`ROWS`] is counted.
    fn table(&self, title: &'static str, titles: &[&'static str], rows: &[Vec<String>]) -> String {
        if rows.is_empty() {
            return String::new();
        }
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let titles: Vec<String> = titles.iter().map(|title| self.text(title).to_string()).collect();
        let rule: Vec<String> = titles.iter().map(|_| "---".to_string()).collect();
        let shown: Vec<String> = rows.iter().take(ROWS).map(|cells| line(cells)).collect();
        let rest = match rows.len().saturating_sub(ROWS) {
            0 => String::new(),
            more => format!("\n{}\n", self.fill("more", &[("n", &more.to_string())])),
        };
        format!("## {}\n\n{}{}{}{rest}", self.text(title), line(&titles), line(&rule), shown.concat())
    }

    fn calls(&self, refs: &[CallRef]) -> String {
        let one = |call: &CallRef| {
            let from = call.ip.as_ref().map_or(self.text("no_ip").to_string(), |ip| inert(ip));
            let values = [
                ("calls", self.number_of_calls(call.calls, call.at_least)),
                ("ip", from),
                ("time", inert(&(self.time)(call.last))),
            ];
            self.fill("call", &values.each_ref().map(|(name, value)| (*name, value.as_str())))
        };
        let shown = refs.iter().take(5).map(one).collect::<Vec<_>>().join("; ");
        match refs.len().saturating_sub(5) {
            0 => shown,
            more => self.fill("calls_more", &[("calls", &shown), ("n", &more.to_string())]),
        }
    }

    fn number_of_calls(&self, calls: u64, at_least: bool) -> String {
        let calls = self.counted(calls, "call", "calls");
        if at_least { self.fill("least", &[("calls", &calls)]) } else { calls }
    }

    fn seen(&self, evidence: &Evidence) -> String {
        let (Some(first), Some(last)) = (evidence.first, evidence.last) else {
            return self.text("no_calls").to_string();
        };
        let values = [
            ("calls", self.number_of_calls(evidence.calls, evidence.at_least)),
            ("days", self.counted(evidence.days, "day", "days")),
            ("first", inert(&(self.time)(first))),
            ("last", inert(&(self.time)(last))),
        ];
        self.fill("seen", &values.each_ref().map(|(name, value)| (*name, value.as_str())))
    }
}

fn some(names: &[String]) -> String {
    let names = Names::of(names.iter().cloned());
    if names.len() == 0 { "-".to_string() } else { inert(&names.text(5)) }
}
