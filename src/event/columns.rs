//! The columns that rules see, declared once: name, kind and meaning.
//!
//! Text is carried as codes, small numbers that stand for a distinct value (see `enrich::names`), so
//! that a rule compares numbers and flags and a batch stays small. `docs/formats.md` lists this table.

use polars::prelude::{DataType, Expr, TimeUnit, col};

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Milliseconds since 1970, UTC.
    Time,
    /// A whole number.
    Number,
    /// A code for a distinct text.
    Code,
    /// True or false, never null.
    Flag,
}

impl Kind {
    /// The polars type.
    pub fn dtype(self) -> DataType {
        match self {
            Self::Time => DataType::Datetime(TimeUnit::Milliseconds, None),
            Self::Number => DataType::Int32,
            Self::Code => DataType::UInt32,
            Self::Flag => DataType::Boolean,
        }
    }
}

/// One column.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Its name in the frame.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// What it means, in one line.
    pub meaning: &'static str,
}

impl Column {
    /// The column in an expression.
    pub fn expr(&self) -> Expr {
        col(self.name)
    }
}

macro_rules! columns {
    ($($(#[doc = $doc:literal])+ $name:ident: $kind:ident = $text:literal;)*) => {
        $($(#[doc = $doc])+ pub const $name: Column = Column { name: $text, kind: Kind::$kind, meaning: concat!($($doc),+) };)*
        /// Every column, in the frame's order.
        pub const ALL: &[Column] = &[$($name),*];

        /// The bit of each flag column in a row; 0 for other columns.
        pub mod flag {
            $(#[doc = concat!("Bit of the column `", $text, "`.")] pub const $name: u32 = super::bit(&super::$name);)*
        }
    };
}

columns! {
    /// When the call was made.
    TIME: Time = "time";
    /// Local date as days since 1970.
    LOCAL_DAY: Number = "local_day";
    /// Seconds since local midnight.
    LOCAL_SECOND: Number = "local_second";
    /// Main account.
    ACCOUNT: Code = "account";
    /// Access key id.
    KEY: Code = "key";
    /// Who called: identity type, principal and name.
    ACTOR: Code = "actor";
    /// Service and action.
    API: Code = "api";
    /// Source address.
    IP: Code = "ip";
    /// Client string.
    CLIENT: Code = "client";
    /// Result code.
    CODE: Code = "code";
    /// Region that was called.
    REGION: Code = "region";
    /// Inside the time range asked for.
    IN_RANGE: Flag = "in_range";
    /// Made through the API, not the console.
    API_CALL: Flag = "api_call";
    /// Changes something.
    WRITE: Flag = "write";
    /// Succeeded.
    SUCCESS: Flag = "success";
    /// Failed for want of permission.
    DENIED: Flag = "denied";
    /// Failed because key or signature were wrong.
    BAD_KEY: Flag = "bad_key";
    /// The main account itself called.
    ROOT: Flag = "root";
    /// A role called, of a person or of a service.
    ROLE: Flag = "role";
    /// A Tencent Cloud service called, or a role made for one.
    SERVICE_IDENTITY: Flag = "service_identity";
    /// The key is permanent.
    PERMANENT_KEY: Flag = "permanent_key";
    /// The API is on the high-risk list.
    HIGH_RISK: Flag = "high_risk";
    /// The call is a sensitive operation: it destroys, or changes who can do what.
    SENSITIVE: Flag = "sensitive";
    /// The source address is neither an asset nor a LAN address.
    OUTSIDE: Flag = "outside";
    /// The source address is in a range of GitHub's secret scanning.
    GITHUB_HOOK: Flag = "github_hook";
    /// The source address is on the user's own cloud-manager list.
    CLOUD_MANAGER_IP: Flag = "cloud_manager_ip";
    /// The client string is that of COSBrowser.
    COS_BROWSER: Flag = "cos_browser";
    /// The client string is that of a cloud manager.
    CLOUD_MANAGER: Flag = "cloud_manager";
    /// The client string is that of an infrastructure tool.
    IAC_CLIENT: Flag = "iac_client";
    /// The call makes a key, as far as its parameters tell.
    CREATE_KEY: Flag = "create_key";
    /// The call may make a key; its parameters are unknown.
    CREATE_KEY_UNVERIFIED: Flag = "create_key_unverified";
    /// The call makes a user.
    CREATE_USER: Flag = "create_user";
    /// The call widens permissions, as far as its parameters tell.
    ESCALATION: Flag = "escalation";
    /// The call may widen permissions; its parameters are unknown.
    ESCALATION_UNVERIFIED: Flag = "escalation_unverified";
    /// The call widens permissions if it is this caller's first with this parameter.
    ESCALATION_IF_FIRST: Flag = "escalation_if_first";
    /// The API creates a resource.
    CREATE_RESOURCE: Flag = "create_resource";
    /// The API runs commands through TAT.
    TAT_EXEC: Flag = "tat_exec";
    /// The API is a step of a tool signature.
    TOOL_STEP: Flag = "tool_step";
}

/// The flag columns, in the order of their bits in a row.
pub fn flags() -> impl Iterator<Item = &'static Column> {
    ALL.iter().filter(|column| column.kind == Kind::Flag)
}

/// The bit of a flag column in a row: flags are numbered in the table's order.
pub const fn bit(flag: &Column) -> u32 {
    let (mut place, mut number) = (0, 0);
    while place < ALL.len() {
        if matches!(ALL[place].kind, Kind::Flag) {
            if same(ALL[place].name.as_bytes(), flag.name.as_bytes()) {
                return 1 << number;
            }
            number += 1;
        }
        place += 1;
    }
    0
}

const fn same(a: &[u8], b: &[u8]) -> bool {
    let mut place = 0;
    while place < a.len() && place < b.len() && a[place] == b[place] {
        place += 1;
    }
    place == a.len() && place == b.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_unique_and_flags_fit_a_row() {
        let names: BTreeSet<_> = ALL.iter().map(|c| c.name).collect();
        assert_eq!(names.len(), ALL.len());
        assert!(flags().count() <= 32);
        assert_eq!(bit(&IN_RANGE), 1);
        assert_eq!(bit(&API_CALL), 2);
    }
}
