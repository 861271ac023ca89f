//! What people decide about an alarm.

/// Where an alarm stands in somebody's work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// Nobody has decided yet.
    #[default]
    Unprocessed,
    /// Somebody dealt with it.
    Processed,
    /// Somebody decided that it is harmless.
    Ignored,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 3] = [Self::Unprocessed, Self::Processed, Self::Ignored];

    /// The word used in every output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unprocessed => "unprocessed",
            Self::Processed => "processed",
            Self::Ignored => "ignored",
        }
    }

    /// The status of that name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

/// A decision about an alarm: what, by whom, when and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// What was decided.
    pub status: Status,
    /// When, in milliseconds.
    pub at: i64,
    /// By whom: the name of the user who ran the command.
    pub by: String,
    /// Why, as they put it.
    pub note: Option<String>,
}
