//! The rules, one file each. Generated from the folder's files; `cargo test` rewrites it when it is stale.

pub mod abnormal_ip_high_risk_api;
pub mod automation_command;
pub mod cloud_manager_call;
pub mod cos_browser_call;
pub mod create_key;
pub mod create_resource_api;
pub mod dormant_key_used;
pub mod github_key_confirmation;
pub mod hacker_tool;
pub mod new_user_high_risk_api;
pub mod non_console_high_risk_api;
pub mod off_hours_sensitive_operation;
pub mod privilege_escalation;
pub mod registry;
pub mod root_key_high_risk_api;
mod tool_match;
pub mod unauthorized_service_call;

pub use registry::{ActiveRule, RuleError, active, find};

use super::Meta;
use registry::Build;

/// Every rule and how it is made, by file name.
pub const ALL: &[(&Meta, Build)] = &[
    (&abnormal_ip_high_risk_api::META, abnormal_ip_high_risk_api::build),
    (&automation_command::META, automation_command::build),
    (&cloud_manager_call::META, cloud_manager_call::build),
    (&cos_browser_call::META, cos_browser_call::build),
    (&create_key::META, create_key::build),
    (&create_resource_api::META, create_resource_api::build),
    (&dormant_key_used::META, dormant_key_used::build),
    (&github_key_confirmation::META, github_key_confirmation::build),
    (&hacker_tool::META, hacker_tool::build),
    (&new_user_high_risk_api::META, new_user_high_risk_api::build),
    (&non_console_high_risk_api::META, non_console_high_risk_api::build),
    (&off_hours_sensitive_operation::META, off_hours_sensitive_operation::build),
    (&privilege_escalation::META, privilege_escalation::build),
    (&root_key_high_risk_api::META, root_key_high_risk_api::build),
    (&unauthorized_service_call::META, unauthorized_service_call::build),
];
