//! Why a record, or a whole file, is not read. Sentences for people, one place for all of them.

use crate::json::JsonError;

/// What stands before the first bytes of a file that is in no known format.
pub(super) const STARTS_WITH: &str = "; it starts with ";

/// The reason why one record gave no event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// Not JSON.
    #[error("not valid JSON: {0}")]
    BadJson(JsonError),
    /// JSON, but no event.
    #[error("not a CloudAudit event: neither eventName nor eventTime")]
    NotAnEvent,
    /// An API reply that is an error.
    #[error("an API error reply, not events: run the export again")]
    ApiError,
    /// An event without a name.
    #[error("event has no eventName")]
    NoName,
    /// An event without a time.
    #[error("event has no eventTime")]
    NoTime,
    /// An event whose time cannot be read.
    #[error("time {0:?} is not a date")]
    BadTime(String),
    /// The COS access log, which has similar fields.
    #[error(
        "this is a COS access log (requests to objects), not CloudAudit (API calls); akguard reads CloudAudit exports only"
    )]
    CosAccessLog,
    /// Another provider's log.
    #[error("this is an {0} event; akguard reads Tencent CloudAudit exports only")]
    OtherCloud(&'static str),
    /// A record over the size limit.
    #[error("record is larger than {0} MiB and holds no list of events")]
    TooLarge(usize),
    /// Structure is broken, so that the record's end could not be found.
    #[error("damaged record: {0}")]
    Damaged(&'static str),
    /// The input ends too early.
    #[error("the file ends in the middle of a record")]
    Cut,
    /// The file could not be opened.
    #[error("cannot open it: {0}")]
    CannotOpen(String),
    /// The reason concerns one row of a reply.
    #[error("row {0} of the reply: {1}")]
    Row(u32, Box<Self>),
    /// The rest of an input could not be read.
    #[error("cannot read further: {0}")]
    Unreadable(String),
    /// The file is in no known format.
    #[error("not a CloudAudit export: {0}")]
    UnknownFormat(String),
}

impl From<JsonError> for Reason {
    fn from(error: JsonError) -> Self {
        Self::BadJson(error)
    }
}

impl Reason {
    /// The reason, said of one row of a reply; row 0 stands for no row.
    #[must_use]
    pub fn of_row(self, row: u32) -> Self {
        match (row, &self) {
            (0, _) | (_, Self::Row(..)) => self,
            _ => Self::Row(row, Box::new(self)),
        }
    }

    /// The reason as it may be kept: without what it quotes of the log, which may be a secret.
    pub fn without_quotes(&self) -> String {
        match self {
            Self::Row(row, reason) => format!("row {row} of the reply: {}", reason.without_quotes()),
            Self::BadTime(_) => self.kind(),
            Self::UnknownFormat(what) => {
                let said = what.split_once(STARTS_WITH).map_or(what.as_str(), |(said, _)| said);
                Self::UnknownFormat(said.to_string()).to_string()
            }
            other => other.to_string(),
        }
    }

    /// The reason without what differs from record to record, to count by.
    pub fn kind(&self) -> String {
        match self {
            Self::Row(_, reason) => reason.kind(),
            Self::BadJson(error) => format!("not valid JSON: {}", error.what),
            Self::BadTime(_) => "time is not a date".to_string(),
            other => other.to_string(),
        }
    }
}

/// A record that was not read: where it stands, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    /// Number of the file among all inputs, from 0.
    pub file: u32,
    /// Line the record starts on, from 1; 0 when the reject concerns the file as a whole.
    pub line: u64,
    /// Number of the record in its file, from 1; 0 when the reject concerns the file as a whole.
    pub record: u64,
    /// Why it was not read.
    pub reason: Reason,
}
