//! Documents of a bounded length out of statements.
//!
//! The parts together permit what the statements permit: a statement is cut by actions and by resources, and every action
//! meets every resource in one of its pieces.

use super::build::BuildError;
use crate::policy::{Document, Statement};
use std::collections::BTreeSet;

/// Policies that can be attached to one user or group. Documented by the vendor.
pub const MOST_PARTS: usize = 20;
/// Shortest limit that makes sense: room for a statement of one action.
pub const LEAST_LIMIT: usize = 256;

/// Puts statements into documents of at most `limit` characters, long ones first, each where it fits first.
pub fn parts(statements: &[Statement], limit: usize) -> Result<Vec<Document>, BuildError> {
    if limit < LEAST_LIMIT {
        return Err(BuildError::LimitTooSmall { limit, least: LEAST_LIMIT });
    }
    let room = limit - length(&[]);
    let mut pieces: Vec<(usize, usize, Statement)> = Vec::new();
    for statement in statements {
        for piece in cut(statement, room, limit)? {
            pieces.push((length(std::slice::from_ref(&piece)) - length(&[]), pieces.len(), piece));
        }
    }
    pieces.sort_by_key(|&(length, order, _)| (std::cmp::Reverse(length), order));
    let mut bins: Vec<(usize, Vec<(usize, Statement)>)> = Vec::new();
    for (length, order, piece) in pieces {
        // A comma parts statements.
        if let Some((used, bin)) = bins.iter_mut().find(|(used, _)| used + 1 + length <= room) {
            *used += 1 + length;
            bin.push((order, piece));
        } else {
            bins.push((length, vec![(order, piece)]));
        }
    }
    Ok(bins.into_iter().map(|(_, bin)| in_order(bin)).collect())
}

fn in_order(mut bin: Vec<(usize, Statement)>) -> Document {
    bin.sort_by_key(|&(order, _)| order);
    document(bin.into_iter().map(|(_, statement)| statement).collect())
}

/// A document of statements.
pub(super) fn document(statements: Vec<Statement>) -> Document {
    Document { principal: None, statements }
}

fn length(statements: &[Statement]) -> usize {
    document(statements.to_vec()).length()
}

/// Cuts a statement into pieces that fit, as few as may be.
fn cut(statement: &Statement, room: usize, limit: usize) -> Result<Vec<Statement>, BuildError> {
    let whole = length(std::slice::from_ref(statement)) - length(&[]);
    if whole <= room {
        return Ok(vec![statement.clone()]);
    }
    let actions = Weighed::new(&statement.actions);
    let resources = Weighed::new(&statement.resources);
    let bare = whole.saturating_sub(actions.total + resources.total);
    let space = room.saturating_sub(bare);
    if actions.most + resources.most > space {
        return Err(BuildError::StatementTooLong {
            action: actions.longest(),
            resource: resources.longest(),
            needed: limit - room + bare + actions.most + resources.most,
            limit,
        });
    }
    let (by_action, by_resource) = best_cut(&actions, &resources, space);
    let count = by_action.len().saturating_mul(by_resource.len());
    if count > MOST_PARTS * 8 {
        return Err(BuildError::TooManyDocuments { parts: count, most: MOST_PARTS, limit });
    }
    let piece = |actions: &Vec<String>, resources: &Vec<String>| Statement {
        actions: actions.clone(),
        resources: resources.clone(),
        ..statement.clone()
    };
    Ok(by_resource.iter().flat_map(|some| by_action.iter().map(move |few| piece(few, some))).collect())
}

/// Shares of the space that resources may take, in eighths; the best one is taken.
const SHARES: usize = 8;

/// Texts, a few at a time.
type Chunks = Vec<Vec<String>>;

fn best_cut(actions: &Weighed<'_>, resources: &Weighed<'_>, space: usize) -> (Chunks, Chunks) {
    let (least, most) = (resources.most, space - actions.most);
    let tries: BTreeSet<usize> = (1..SHARES)
        .map(|share| space * share / SHARES)
        .chain([least, most, resources.total])
        .map(|budget| budget.clamp(least, most))
        .collect();
    let mut best: Option<(Chunks, Chunks)> = None;
    for budget in tries {
        let by_resource = resources.chunks(budget);
        let used = heaviest(&by_resource);
        let by_action = actions.chunks(space - used);
        let count = by_action.len() * by_resource.len();
        if best.as_ref().is_none_or(|(a, r)| count < a.len() * r.len()) {
            best = Some((by_action, by_resource));
        }
    }
    best.unwrap_or_default()
}

/// Texts with the characters each takes in a document, its comma included.
struct Weighed<'w> {
    texts: &'w [String],
    total: usize,
    most: usize,
}

impl<'w> Weighed<'w> {
    fn new(texts: &'w [String]) -> Self {
        let weights = || texts.iter().map(|text| weight(text));
        Self { texts, total: weights().sum(), most: weights().max().unwrap_or(0) }
    }

    fn longest(&self) -> String {
        self.texts.iter().max_by_key(|text| weight(text)).cloned().unwrap_or_default()
    }

    fn chunks(&self, budget: usize) -> Chunks {
        let (mut chunks, mut left) = (Vec::new(), 0);
        for text in self.texts {
            let weight = weight(text);
            if weight > left {
                chunks.push(Vec::new());
                left = budget;
            }
            left = left.saturating_sub(weight);
            if let Some(chunk) = chunks.last_mut() {
                chunk.push(text.clone());
            }
        }
        chunks
    }
}

fn heaviest(chunks: &[Vec<String>]) -> usize {
    let weights = chunks.iter().map(|chunk| chunk.iter().map(|text| weight(text)).sum());
    weights.max().unwrap_or(0)
}

fn weight(text: &str) -> usize {
    serde_json::to_string(text).map_or(text.len(), |quoted| quoted.chars().count()) + 1
}
