//! The product's words as types: identity, method, key kind. One spelling for code, JSON, CSV and tables.

use serde::{Deserialize, Serialize};

/// Who made a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum UserType {
    /// The main account itself.
    Root,
    /// A sub-account.
    SubAccount,
    /// A role that somebody assumed.
    Role,
    /// A Tencent Cloud service, or a role made for one.
    Service,
}

impl UserType {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::Root, Self::SubAccount, Self::Role, Self::Service];

    /// The word used in every output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::SubAccount => "sub_account",
            Self::Role => "role",
            Self::Service => "service",
        }
    }
}

/// How a call was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Method {
    /// Through the API, an SDK or the command line.
    Api,
    /// Through the web console or the mini program.
    Console,
}

impl Method {
    /// The word used in every output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Console => "console",
        }
    }
}

/// The label all session keys of one user or role share.
pub const TEMP_AK: &str = "TEMP_AK";
