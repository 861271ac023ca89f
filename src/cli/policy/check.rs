//! `akguard policy check`: would these policies allow these requests?

use super::Shape;
use super::input::{Told, policies_of, tell, text_of};
use crate::catalog::cam::CamCatalog;
use crate::cli::exit;
use crate::cli::output::{lang, write_to};
use crate::lang::text;
use crate::lang::told::told;
use crate::policy::{Cause, Decision, Effect, Grants, Policy, Reason, Request, Tri, Verdict, evaluate, read_requests};
use crate::report::json::line;
use crate::report::listing::width;
use crate::report::text::printable;
use anyhow::Result;
use serde_json::{Value, json};
use std::io::{self, Write};
use std::path::PathBuf;

/// Say whether policies allow requests, and which statement decides
///
/// The verdict is allow, deny or unknown: where the vendor's public text does not settle a question, or something is
/// missing, unknown is the answer and never a guess. docs/policy.md has the form of requests.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  akguard policy check --policies ops.json --requests requests.jsonl\n  akguard policy check --policies policies/*.json --boundary boundary.json --requests - --format json\n\nA request: {\"principal\":{\"type\":\"sub_account\",\"uin\":\"100000000002\",\"owner_uin\":\"100000000001\"},\n  \"action\":\"cvm:RunInstances\",\"resources\":[\"*\"],\"context\":{\"qcs:ip\":[\"203.0.113.7\"]}}\nA key that context leaves out is absent in the request; {\"uncertain\":true} means that nobody knows."
)]
pub(super) struct Args {
    /// Policies: a document, a list of them, or saved replies that hold them
    #[arg(long, value_name = "FILE", required = true, num_args = 1..)]
    policies: Vec<PathBuf>,
    /// Requests: JSON or one a line; - for standard input
    #[arg(long, value_name = "FILE")]
    requests: PathBuf,
    /// The permission boundary, which limits what the policies allow
    #[arg(long, value_name = "FILE")]
    boundary: Option<PathBuf>,
    /// The policy of the session, as given to AssumeRole, which limits it too
    #[arg(long, value_name = "FILE")]
    session: Option<PathBuf>,
    /// Output format; json gives one object a line, for each request
    #[arg(long, value_name = "F", default_value = "table")]
    format: Shape,
    /// Write the result to this file
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Evaluates and returns the exit code.
pub(super) fn run(args: &Args) -> Result<u8> {
    let (policies, mut told) = policies_of(&args.policies)?;
    let mut layer = |path: &Option<PathBuf>| -> Result<Option<Vec<Policy>>> {
        let Some(path) = path else { return Ok(None) };
        let (found, problems) = policies_of(std::slice::from_ref(path))?;
        told.extend(problems);
        Ok(Some(found))
    };
    let (boundary, session) = (layer(&args.boundary)?, layer(&args.session)?);
    let left_out = tell(&told);
    let (requests, problems) = read_requests(&text_of(&args.requests)?);
    let file = args.requests.display().to_string();
    let problems: Vec<Told> = problems.into_iter().map(|problem| Told { file: file.clone(), problem }).collect();
    let mut unread = tell(&problems);
    if requests.is_empty() && !unread {
        let _ = writeln!(io::stderr().lock(), "error: {}: the file holds no request", printable(&file));
        unread = true;
    }
    let grants = Grants { policies: &policies, boundary: boundary.as_deref(), session: session.as_deref() };
    let cam = CamCatalog::builtin();
    let verdict = |request: &Request| doubted(evaluate(request, &grants, cam), left_out);
    let verdicts: Vec<(&Request, Verdict)> = requests.iter().map(|request| (request, verdict(request))).collect();
    write_to(args.output.as_deref(), |out| match args.format {
        Shape::Table => verdicts.iter().try_for_each(|(request, verdict)| write_text(request, verdict, out)),
        Shape::Json => verdicts.iter().try_for_each(|one| writeln!(out, "{}", line(&object(one)))),
    })?;
    Ok(if left_out || unread { exit::FAILED } else { exit::DONE })
}

/// A policy that could not be read might have denied, or allowed: only what was denied expressly is certain then.
fn doubted(verdict: Verdict, left_out: bool) -> Verdict {
    if !left_out || matches!(verdict.reason, Reason::ExplicitDeny | Reason::RootBypass | Reason::Undetermined) {
        return verdict;
    }
    let text = "A policy that was named could not be read, so what it says is not known.".to_string();
    let unread = Cause {
        policy: String::new(),
        statement: 0,
        effect: Effect::Deny,
        action: String::new(),
        resource: String::new(),
        condition: None,
        outcome: Tri::Unknown,
        text,
    };
    let because = if verdict.decision == Decision::Allow { verdict.because } else { Vec::new() };
    let because = std::iter::once(unread).chain(because).collect();
    Verdict { decision: Decision::Unknown, reason: Reason::Undetermined, because }
}

fn write_text(request: &Request, verdict: &Verdict, out: &mut dyn Write) -> io::Result<()> {
    let lang = lang();
    let nothing = || text(lang, "check", "nothing").to_string();
    let resources = if request.resources.is_empty() { nothing() } else { request.resources.join(", ") };
    let decision = lang.word(verdict.decision.as_str());
    let values = [
        ("decision", &*format!("{decision}{}", " ".repeat(8_usize.saturating_sub(width(decision))))),
        ("action", &request.action),
        ("resources", &resources),
        ("reason", lang.word(verdict.reason.as_str())),
    ];
    writeln!(out, "{}", printable(&lang.fill("check", "head", &values)))?;
    verdict.because.iter().try_for_each(|cause| writeln!(out, "        {}", printable(&told(lang, &cause.text))))
}

fn object((request, verdict): &(&Request, Verdict)) -> Value {
    json!({
        "action": request.action,
        "resources": request.resources,
        "decision": verdict.decision.as_str(),
        "reason": verdict.reason.as_str(),
        "because": verdict.because.iter().map(cause).collect::<Vec<_>>(),
    })
}

fn cause(cause: &Cause) -> Value {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_string());
    json!({
        "policy": some(&cause.policy),
        "statement": (cause.statement > 0).then_some(cause.statement),
        "effect": (cause.statement > 0).then(|| cause.effect.as_str()),
        "action": some(&cause.action),
        "resource": some(&cause.resource),
        "condition": cause.condition,
        "matched": match cause.outcome {
            Tri::True => "yes",
            Tri::False => "no",
            Tri::Unknown => "unknown",
        },
        "text": cause.text,
    })
}
