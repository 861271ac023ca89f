//! DENIED_BUT_REQUESTED, USED_NOT_GRANTED.

use super::{Judge, bare};
use crate::catalog::cam::CamCatalog;
use crate::recommend::gaps::refused;
use crate::recommend::input::{Case, Class};
use crate::recommend::output::{Confidence, Finding, FindingEvidence};
use crate::recommend::usage::{Usage, is_fair, tally};
use crate::recommend::words::{count, counted};

pub(super) fn find(judge: &Judge<'_>) -> Vec<Finding> {
    denied(judge.case, judge.usage, judge.cam).into_iter().chain(not_granted(judge)).collect()
}

/// Refused calls; these need no inventory.
pub(in crate::recommend) fn denied(case: &Case, usage: &Usage<'_>, cam: &CamCatalog) -> Vec<Finding> {
    let found = refused(case, cam).into_iter().map(|(action, places)| {
        let seen = tally(usage.at(&places), |_, call| call.class == Class::Denied);
        let resource = usage.at(&places).find_map(|observed| observed.refused.clone());
        let named = resource.is_some();
        Finding {
            text: format!("{action} was refused {} for want of permission.", counted(seen.calls, "time", "times")),
            advice: "Find out who asks for it and why; grant it only if the work needs it.".to_string(),
            evidence: FindingEvidence {
                action: Some(action.clone()),
                resource: resource.map(|(_, resource)| resource),
                seen,
                ..FindingEvidence::default()
            },
            confidence: if named { Confidence::High } else { Confidence::Medium },
            ..bare("DENIED_BUT_REQUESTED", action)
        }
    });
    found.collect()
}

fn not_granted(judge: &Judge<'_>) -> Vec<Finding> {
    let found = judge.missing.iter().map(|missing| {
        let seen = tally(judge.usage.at(&missing.places), |_, call| is_fair(call));
        Finding {
            text: format!(
                "{} succeeded ({}), but today's grants do not allow it.",
                missing.action,
                counted(count(missing.places.len()).max(seen.calls), "call", "calls")
            ),
            advice: "The inventory may be older than the logs, a bucket policy may grant it, or the rights were taken \
                     away since. Save the inventory anew and compare again."
                .to_string(),
            evidence: FindingEvidence { action: Some(missing.action.clone()), seen, ..FindingEvidence::default() },
            confidence: if judge.current.granted.complete { Confidence::Medium } else { Confidence::Low },
            ..bare("USED_NOT_GRANTED", missing.action.as_str())
        }
    });
    found.collect()
}
