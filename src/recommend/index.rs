//! Documents made ready for many requests: only statements and resources that can matter are evaluated.
//!
//! Nothing is decided here; what is left out could not have matched.

use super::input::{Call, Observed};
use super::needs::prefix;
use super::replay::{Context, IP_KEY, contexts};
use super::scope::last_segment;
use crate::catalog::cam::CamCatalog;
use crate::policy::{ContextValue, Decision, Document, Effect, Grants, Policy, Request, Statement, evaluate};
use chrono::{DateTime, SecondsFormat};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// The key of the time.
const TIME_KEY: &str = "qcs:current_time";

/// Documents by action.
pub(super) struct Index<'i> {
    /// Statements by action in lower case, for actions without a wildcard.
    exact: BTreeMap<String, Vec<&'i Statement>>,
    /// Statements with an action that is not a plain `svc:Name`.
    open: Vec<&'i Statement>,
    made: RefCell<BTreeMap<String, Rc<Relevant<'i>>>>,
}

impl<'i> Index<'i> {
    /// Sorts the statements of documents by their actions.
    pub(super) fn new(documents: &'i [Policy]) -> Self {
        let (mut exact, mut open): (BTreeMap<String, Vec<&Statement>>, Vec<&Statement>) = (BTreeMap::new(), Vec::new());
        for statement in documents.iter().flat_map(|policy| &policy.document.statements) {
            let plain = |action: &&String| !action.contains(['*', '/']) && !prefix(action).is_empty();
            for action in statement.actions.iter().filter(plain) {
                exact.entry(action.to_ascii_lowercase()).or_default().push(statement);
            }
            if !statement.actions.iter().all(|action| plain(&action)) {
                open.push(statement);
            }
        }
        Self { exact, open, made: RefCell::default() }
    }

    /// The statements that can matter for an action.
    pub(super) fn of_action(&self, action: &str) -> Rc<Relevant<'i>> {
        let key = action.to_ascii_lowercase();
        if let Some(made) = self.made.borrow().get(&key) {
            return Rc::clone(made);
        }
        let exact = self.exact.get(&key).map_or(&[][..], Vec::as_slice);
        let relevant = Rc::new(Relevant::new(exact.iter().chain(&self.open).copied().collect()));
        self.made.borrow_mut().insert(key, Rc::clone(&relevant));
        relevant
    }
}

/// Statements that can matter for one action.
pub(super) struct Relevant<'i> {
    statements: Vec<&'i Statement>,
    /// Places of statements by the last segment of their concrete resources, with those resources.
    exact: BTreeMap<&'i str, Vec<(usize, &'i str)>>,
    /// The other resources: with wildcards, with variables, and what is of no known form.
    open: Vec<(usize, &'i str)>,
    /// Keys of conditions.
    keys: BTreeSet<&'i str>,
}

impl<'i> Relevant<'i> {
    fn new(statements: Vec<&'i Statement>) -> Self {
        let (mut exact, mut open) = (BTreeMap::<_, Vec<_>>::new(), Vec::new());
        for (place, statement) in statements.iter().enumerate() {
            for resource in &statement.resources {
                let last = last_segment(resource);
                if is_concrete(resource) {
                    exact.entry(last).or_default().push((place, resource.as_str()));
                } else {
                    open.push((place, resource.as_str()));
                }
            }
        }
        let conditions = statements.iter().flat_map(|statement| &statement.conditions);
        let keys = conditions.map(|condition| condition.key.as_str()).collect();
        Self { statements, exact, open, keys }
    }

    /// Resources that are allowed somewhere.
    pub(super) fn resources(&self) -> impl Iterator<Item = &'i str> {
        let allows = self.statements.iter().filter(|statement| statement.effect == Effect::Allow);
        let all: BTreeSet<&str> = allows.flat_map(|statement| &statement.resources).map(String::as_str).collect();
        all.into_iter()
    }

    /// What may be known of a call besides what it asks for. Keys that the log does not tell are left open.
    pub(super) fn contexts(&self, seen: &Observed, action: &str, calls: &[&Call], cam: &CamCatalog) -> Vec<Context> {
        let mut base = contexts(seen, action, cam);
        for &key in self.keys.iter().filter(|key| !matches!(**key, IP_KEY | TIME_KEY)) {
            for context in &mut base {
                context.insert(key.to_owned(), ContextValue::Uncertain);
            }
        }
        if !self.keys.contains(TIME_KEY) {
            return base;
        }
        let at = |call: &&Call, context: &Context| {
            let mut context = context.clone();
            let time = DateTime::from_timestamp_millis(call.time).map(|t| t.to_rfc3339_opts(SecondsFormat::Secs, true));
            let value = time.map_or(ContextValue::Uncertain, |time| ContextValue::Values(vec![time]));
            context.insert(TIME_KEY.to_owned(), value);
            context
        };
        calls.iter().flat_map(|call| base.iter().map(move |context| at(call, context))).collect()
    }

    /// The decision of the documents.
    pub(super) fn decide(&self, request: &Request, cam: &CamCatalog) -> Decision {
        let policies = [Policy { name: String::new(), document: self.cut(&request.resources) }];
        evaluate(request, &Grants { policies: &policies, boundary: None, session: None }, cam).decision
    }

    /// The statements with only those resources that may match one of these.
    fn cut(&self, asked: &[String]) -> Document {
        let mut kept: BTreeMap<usize, BTreeSet<&str>> = BTreeMap::new();
        let exact = asked.iter().filter_map(|asked| self.exact.get(last_segment(asked))).flatten();
        let all = self.exact.values().flatten().filter(|_| asked.iter().any(|asked| is_old_form(asked)));
        for &(place, resource) in exact.chain(all).chain(&self.open) {
            kept.entry(place).or_default().insert(resource);
        }
        let cut = |(place, resources): (usize, BTreeSet<&str>)| {
            let statement = self.statements.get(place)?;
            Some(Statement {
                effect: statement.effect,
                principal: statement.principal.clone(),
                actions: statement.actions.clone(),
                resources: resources.into_iter().map(str::to_owned).collect(),
                conditions: statement.conditions.clone(),
            })
        };
        Document { principal: None, statements: kept.into_iter().filter_map(cut).collect() }
    }
}

/// An object of COS in the old form, `prefix//APPID/BUCKET/KEY`: it may be the very one that another form names.
pub(super) fn is_old_form(resource: &str) -> bool {
    last_segment(resource).starts_with("prefix/")
}

/// The resource is of six segments and matches only requests whose last segment is the very same.
fn is_concrete(resource: &str) -> bool {
    let whole = resource.starts_with("qcs:") && resource.splitn(6, ':').count() == 6;
    whole && !is_old_form(resource) && !last_segment(resource).is_empty() && !resource.contains(['*', '$'])
}
