//! What the logs cannot show, in sentences.

use super::history::{History, without_grants};
use super::input::{Case, HolderKind};
use super::patterns::Names;
use super::usage::Usage;
use super::words::{count, counted};
use crate::catalog::risk::RiskCatalog;

/// Limits of logs and inventory, beyond those of single grants.
pub(super) fn not_visible(case: &Case, usage: &Usage<'_>, history: &History, risk: &RiskCatalog) -> Vec<String> {
    let mut out = vec![window(history), regions(case)];
    out.extend(silent_services(usage, risk));
    out.extend(inventory(case));
    out.push(
        "Bucket policies and access lists of COS, and policies of an organization, are outside the inventory; they may \
         allow or refuse more than shown here."
            .to_string(),
    );
    out
}

fn window(history: &History) -> String {
    let gaps = history.span - history.seen;
    match (history.span, gaps) {
        (0, _) => "It is not known which days the logs cover.".to_string(),
        (span, 0) => {
            format!("The logs span {}. What is done more rarely is not in them.", counted(span, "day", "days"))
        }
        (span, gaps) => format!(
            "The logs span {}, but {} no events at all; what was done then is not known.",
            counted(span, "day", "days"),
            counted(gaps, "day has", "days have")
        ),
    }
}

fn regions(case: &Case) -> String {
    let regions = Names::of(case.coverage.regions.iter().cloned());
    match regions.len() {
        0 => "The logs name no region, so regions may be missing.".to_string(),
        1 => format!("The logs show one region only: {}. Logs of others may be missing.", regions.text(1)),
        number => format!("The logs show {number} regions ({}). Logs of others may be missing.", regions.text(8)),
    }
}

/// Services with calls that the log may not show. Calls on objects of COS and the handing over of roles are told by the
/// builder, with what follows for its documents.
fn silent_services(usage: &Usage<'_>, risk: &RiskCatalog) -> Option<String> {
    let silent = risk.unlogged_services().filter(|service| !matches!(*service, "cos" | "cam")).filter(|service| {
        let mut unlogged = risk.unlogged(service).iter();
        unlogged.all(|unlogged| usage.matching(unlogged.action).next().is_none())
    });
    let silent = Names::of(silent.map(ToString::to_string));
    (silent.len() > 0).then(|| {
        format!(
            "Calls that work on data may be missing from the log in {}; silence there proves nothing.",
            silent.text(8)
        )
    })
}

fn inventory(case: &Case) -> Vec<String> {
    let Some(granted) = &case.granted else {
        let root = case.holder.kind == HolderKind::Root;
        let text = format!("{} So nothing is said about today's grants.", without_grants(case.holder.kind));
        return if root { Vec::new() } else { vec![text] };
    };
    let mut out = Vec::new();
    if !granted.complete {
        out.push("The list of attached policies is not complete; there may be grants that are not judged.".to_string());
    }
    let notes = granted.notes.iter().take(20).map(|text| super::words::plain(text));
    out.extend(notes);
    let more = count(granted.notes.len().saturating_sub(20));
    if more > 0 {
        out.push(format!("There are {} more about the inventory.", counted(more, "note", "notes")));
    }
    out
}
