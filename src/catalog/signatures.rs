//! Tool signatures: the sequences and behaviours by which attack tools show themselves, and how they are scored.

use super::api::family;
use super::{CatalogError, shape};
use crate::event::params::{Param, param};
use crate::event::raw::Body;
use regex::Regex;
use serde::Deserialize;
use std::ops::RangeInclusive;

/// How a match is scored. Scores are akguard's choice; facts about tools come from their sources.
#[derive(Clone, Debug, Deserialize)]
pub struct Scoring {
    /// A match alerts from this score on.
    pub alert_at: i32,
    /// For each marker found.
    pub marker_bonus: i32,
    /// The key had not been used from this address before.
    pub new_ip_bonus: i32,
    /// The address is outside the account.
    pub external_ip_bonus: i32,
    /// At least 30 % of the events failed.
    pub failed_ratio_bonus: i32,
    /// Taken off when an infrastructure tool made the calls.
    pub iac_reduction: i32,
    /// Client strings of infrastructure tools start with one of these.
    pub iac_clients: Vec<String>,
    /// Read-only matches on this many earlier days are a habit, not an attack.
    pub habit_days: usize,
}

/// One step of a sequence: any of its APIs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Service family and lower-case action.
    pub apis: Vec<(String, String)>,
    /// May occur several times in a row.
    pub repeats: bool,
}

impl Step {
    fn parse(text: &str) -> Option<Self> {
        let (body, repeats) = text.strip_suffix('+').map_or((text, false), |body| (body, true));
        let apis = body
            .split('|')
            .map(|api| api.trim_end_matches('+').split_once(':').map(|(s, a)| (family(s), a.to_ascii_lowercase())));
        Some(Self { apis: apis.collect::<Option<_>>()?, repeats })
    }

    /// Whether the step is this API, given as family and lower-case action.
    pub fn is(&self, family: &str, action: &str) -> bool {
        self.apis.iter().any(|(s, a)| s == family && a == action)
    }
}

/// A request parameter that gives a tool away.
#[derive(Clone, Debug)]
pub struct Marker {
    step: Step,
    name: String,
    test: MarkerTest,
}

#[derive(Clone, Debug)]
enum MarkerTest {
    Equals(String),
    Matches(Regex),
}

impl Marker {
    /// What tells this marker from others, for good.
    pub fn id(&self) -> String {
        format!("{:?} {} {:?}", self.step, self.name, self.test)
    }

    /// Whether the marker is about this API.
    pub fn is_about(&self, family: &str, action: &str) -> bool {
        self.step.is(family, action)
    }

    /// Whether the request carries the marker; `None` when nobody can tell.
    pub fn found_in(&self, request: Body<'_>) -> Option<bool> {
        match param(request, &self.name) {
            Param::Is(value) => Some(match &self.test {
                MarkerTest::Equals(text) => value.eq_ignore_ascii_case(text),
                MarkerTest::Matches(regex) => regex.is_match(&value),
            }),
            Param::Absent => Some(false),
            Param::Unknown => None,
        }
    }
}

/// The sequence of one tool.
#[derive(Clone, Debug)]
pub struct Signature {
    /// Name, used as a tag.
    pub id: String,
    /// The tool and the version that was read.
    pub tool: String,
    /// Steps have to come in order.
    pub ordered: bool,
    /// Seconds from first to last step.
    pub window_s: i64,
    /// For unordered signatures: how many different steps have to occur.
    pub min_distinct: usize,
    /// The steps.
    pub steps: Vec<Step>,
    /// Base score.
    pub score: i32,
    /// The sequence changes something.
    pub writes: bool,
    /// Indices into [`Signatures::markers`].
    pub markers: Vec<usize>,
}

/// A behaviour that no single tool owns.
#[derive(Clone, Debug)]
pub struct Behaviour {
    /// Name, used as a tag.
    pub id: String,
    /// Seconds that the window is long.
    pub window_s: i64,
    /// Base score.
    pub score: i32,
    /// What is counted.
    pub kind: BehaviourKind,
}

/// What a behaviour counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BehaviourKind {
    /// Many services read in a short time.
    Recon {
        /// Different services.
        services: usize,
        /// Different read APIs.
        read_actions: usize,
        /// One of these services has to be among them.
        needs_service: Vec<String>,
        /// Only when the key is new to the address.
        only_new_ip: bool,
    },
    /// One read API called in many regions.
    RegionSweep {
        /// Different regions.
        regions: usize,
        /// At most this many regions had been used by the key before.
        before: usize,
    },
    /// Many denied calls.
    Bruteforce {
        /// Denied calls.
        denied: usize,
        /// Different APIs among them.
        actions: usize,
        /// Different services among them.
        services: usize,
    },
}

/// All signatures and behaviours.
#[derive(Clone, Debug)]
pub struct Signatures {
    /// How matches are scored.
    pub scoring: Scoring,
    /// Sequences of tools.
    pub signatures: Vec<Signature>,
    /// Behaviours of no tool in particular.
    pub behaviours: Vec<Behaviour>,
    /// The markers of all signatures.
    pub markers: Vec<Marker>,
}

/// What `alert_at` may be. From 0 down, calls without any sign of a tool would raise alarms; no match reaches a thousand.
pub const ALERT_AT: RangeInclusive<i64> = 1..=1000;

/// Markers are kept as bits of one number.
pub const MAX_MARKERS: usize = 32;

#[derive(Deserialize)]
struct File {
    scoring: Scoring,
    #[serde(default)]
    signature: Vec<RawSignature>,
    #[serde(default)]
    behaviour: Vec<RawBehaviour>,
}

#[derive(Deserialize)]
struct RawSignature {
    id: String,
    #[serde(default)]
    tool: String,
    ordered: bool,
    window_s: i64,
    min_distinct: Option<usize>,
    steps: Vec<String>,
    score: i32,
    writes: bool,
    #[serde(default)]
    markers: Vec<RawMarker>,
}

#[derive(Deserialize)]
struct RawMarker {
    action: String,
    param: String,
    equals: Option<String>,
    matches: Option<String>,
}

#[derive(Deserialize)]
struct RawBehaviour {
    id: String,
    window_s: i64,
    score: i32,
    min_services: Option<usize>,
    min_read_actions: Option<usize>,
    #[serde(default)]
    needs_service: Vec<String>,
    #[serde(default)]
    only_new_ip: bool,
    min_regions_one_action: Option<usize>,
    max_regions_before: Option<usize>,
    min_denied: Option<usize>,
    min_denied_actions: Option<usize>,
    min_denied_services: Option<usize>,
}

impl Signatures {
    /// Reads a signature file.
    pub fn parse(text: &str, file: &str) -> Result<Self, CatalogError> {
        let raw: File = toml::from_str(text).map_err(|error| shape(file, error.to_string()))?;
        let alert_at = raw.scoring.alert_at;
        if !ALERT_AT.contains(&alert_at.into()) {
            return Err(shape(file, format!("alert_at is {alert_at}; it is a number from 1 to 1000")));
        }
        let mut markers = Vec::new();
        let signatures =
            raw.signature.into_iter().map(|s| signature(s, &mut markers, file)).collect::<Result<_, _>>()?;
        if markers.len() > MAX_MARKERS {
            return Err(shape(file, format!("more than {MAX_MARKERS} markers")));
        }
        let behaviours = raw.behaviour.into_iter().map(|b| behaviour(b, file)).collect::<Result<_, _>>()?;
        Ok(Self { scoring: raw.scoring, signatures, behaviours, markers })
    }

    /// The names of all signatures and behaviours.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.signatures.iter().map(|s| s.id.as_str()).chain(self.behaviours.iter().map(|b| b.id.as_str()))
    }

    /// Whether any signature has a step with this API.
    pub fn has_step(&self, family: &str, action: &str) -> bool {
        self.signatures.iter().flat_map(|s| &s.steps).any(|step| step.is(family, action))
    }
}

fn step(text: &str, id: &str, file: &str) -> Result<Step, CatalogError> {
    Step::parse(text).ok_or_else(|| shape(file, format!("signature {id:?}: step {text:?} is not service:Action")))
}

fn signature(raw: RawSignature, markers: &mut Vec<Marker>, file: &str) -> Result<Signature, CatalogError> {
    let first = markers.len();
    for m in raw.markers {
        let test = match (m.equals, m.matches) {
            (Some(text), None) => MarkerTest::Equals(text),
            (None, Some(pattern)) => MarkerTest::Matches(
                Regex::new(&pattern).map_err(|error| shape(file, format!("signature {:?}: {error}", raw.id)))?,
            ),
            _ => return Err(shape(file, format!("signature {:?}: a marker needs `equals` or `matches`", raw.id))),
        };
        markers.push(Marker { step: step(&m.action, &raw.id, file)?, name: m.param, test });
    }
    let steps: Vec<Step> = raw.steps.iter().map(|text| step(text, &raw.id, file)).collect::<Result<_, _>>()?;
    if steps.is_empty() {
        return Err(shape(file, format!("signature {:?} has no steps", raw.id)));
    }
    Ok(Signature {
        min_distinct: raw.min_distinct.unwrap_or(steps.len()),
        id: raw.id,
        tool: raw.tool,
        ordered: raw.ordered,
        window_s: raw.window_s,
        steps,
        score: raw.score,
        writes: raw.writes,
        markers: (first..markers.len()).collect(),
    })
}

fn behaviour(raw: RawBehaviour, file: &str) -> Result<Behaviour, CatalogError> {
    let kind = match (raw.min_services, raw.min_regions_one_action, raw.min_denied) {
        (Some(services), None, None) => BehaviourKind::Recon {
            services,
            read_actions: raw.min_read_actions.unwrap_or(0),
            needs_service: raw.needs_service,
            only_new_ip: raw.only_new_ip,
        },
        (None, Some(regions), None) => {
            BehaviourKind::RegionSweep { regions, before: raw.max_regions_before.unwrap_or(usize::MAX) }
        }
        (None, None, Some(denied)) => BehaviourKind::Bruteforce {
            denied,
            actions: raw.min_denied_actions.unwrap_or(0),
            services: raw.min_denied_services.unwrap_or(0),
        },
        _ => return Err(shape(file, format!("behaviour {:?}: unknown kind", raw.id))),
    };
    Ok(Behaviour { id: raw.id, window_s: raw.window_s, score: raw.score, kind })
}
