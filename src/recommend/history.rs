//! Whether the logs reach back far enough to call a grant unused.

use super::input::{Case, Coverage, HolderKind};
use super::output::Confidence;
use super::words::{count, counted};
use crate::inventory::grants::Attachment;

/// Days that the logs must span before anything is called unused.
pub(super) const LEAST_DAYS: u64 = 30;

/// What the logs span.
pub(super) struct History {
    /// Days from the first to the last, both included.
    pub(super) span: u64,
    /// Of those, days with events.
    pub(super) seen: u64,
    /// The first event.
    first: Option<i64>,
    /// Why nothing may be called unused; none when grants may be judged.
    pub(super) insufficient: Option<String>,
    confidence: Confidence,
}

impl History {
    pub(super) fn of(case: &Case) -> Self {
        let span = span(&case.coverage);
        let seen = count(case.coverage.days.len()).min(span);
        let mut history =
            Self { span, seen, first: first(&case.coverage), insufficient: None, confidence: Confidence::High };
        let created = case.granted.as_ref().and_then(|granted| granted.created);
        history.confidence = history.by_gaps();
        if created.is_none() {
            history.confidence = lower(history.confidence);
        }
        history.insufficient = history.why_not(case, created);
        history
    }

    /// How sure "unused" can be for a grant; none when the grant is younger than the logs. A grant without a date
    /// counts as old enough where the logs have events on enough days, at lower confidence.
    pub(super) fn judges(&self, attachment: &Attachment) -> Option<Confidence> {
        if self.insufficient.is_some() {
            return None;
        }
        match (attachment.added, self.first) {
            (Some(added), Some(first)) if added <= first => Some(self.confidence),
            (None, _) if self.seen >= LEAST_DAYS => Some(self.confidence.min(Confidence::Medium)),
            _ => None,
        }
    }

    /// How sure a recommendation can be by what the logs cover: low below [`LEAST_DAYS`].
    pub(super) fn coverage(&self) -> Confidence {
        if self.span < LEAST_DAYS { Confidence::Low } else { self.by_gaps() }
    }

    fn why_not(&self, case: &Case, created: Option<i64>) -> Option<String> {
        let Some(granted) = &case.granted else {
            return Some(without_grants(case.holder.kind));
        };
        if self.span < LEAST_DAYS {
            let span = counted(self.span, "day", "days");
            return Some(format!("The logs span {span}; at least {LEAST_DAYS} are needed to call a grant unused."));
        }
        if created.is_some_and(|created| self.first.is_none_or(|first| created > first)) {
            return Some("The user or role is younger than the logs.".to_string());
        }
        let judged = |attachment: &Attachment| self.judges(attachment).is_some();
        if !granted.policies.is_empty() && !granted.policies.iter().any(|policy| judged(&policy.attachment)) {
            let why = "Every policy was attached after the logs begin, or its date is unknown and the logs have gaps.";
            return Some(why.to_string());
        }
        None
    }

    fn by_gaps(&self) -> Confidence {
        let gaps = self.span - self.seen;
        match gaps {
            0 => Confidence::High,
            _ if gaps * 4 <= self.span => Confidence::Medium,
            _ => Confidence::Low,
        }
    }
}

/// What is said where the grants are not known: there may be an inventory, but it does not tell them.
pub(super) fn without_grants(kind: HolderKind) -> String {
    let whom = if kind == HolderKind::Role { "role" } else { "user" };
    format!("The inventory does not say what is granted to this {whom}.")
}

/// One step less sure.
pub(super) fn lower(confidence: Confidence) -> Confidence {
    match confidence {
        Confidence::High => Confidence::Medium,
        Confidence::Medium | Confidence::Low => Confidence::Low,
    }
}

fn span(coverage: &Coverage) -> u64 {
    const DAY: i64 = 86_400_000;
    let days = match (coverage.days.first(), coverage.days.last(), coverage.first, coverage.last) {
        (Some(first), Some(last), _, _) => i64::from(*last) - i64::from(*first) + 1,
        (_, _, Some(first), Some(last)) => last.div_euclid(DAY).saturating_sub(first.div_euclid(DAY)).saturating_add(1),
        _ => 0,
    };
    u64::try_from(days).unwrap_or(0)
}

fn first(coverage: &Coverage) -> Option<i64> {
    // Local days may begin up to a day before the same day in UTC.
    let by_day = coverage.days.first().map(|day| (i64::from(*day) - 1) * 86_400_000);
    coverage.first.or(by_day)
}
