//! Requests as CAM may have seen them. What the log leaves open is tried both ways.

use super::input::{Holder, HolderKind, Observed};
use super::needs::prefix;
use super::source::address;
use crate::catalog::cam::{CamCatalog, IpSupport};
use crate::policy::{Caller, CallerKind, ContextValue, Request};
use std::collections::BTreeMap;

/// The key of the source address.
pub(super) const IP_KEY: &str = "qcs:ip";

/// What is known of a request besides what it asks for.
pub(super) type Context = BTreeMap<String, ContextValue>;

/// Who asks, and the facts.
#[derive(Clone, Copy)]
pub(super) struct Ground<'g> {
    pub caller: &'g Caller,
    pub cam: &'g CamCatalog,
}

impl Ground<'_> {
    /// A request.
    pub(super) fn request(&self, action: &str, resources: Vec<String>, context: Context) -> Request {
        Request { caller: self.caller.clone(), action: action.to_owned(), resources, context }
    }

    /// A request from an address that is left open.
    pub(super) fn anywhere(&self, action: &str, resource: &str) -> Request {
        let mut context = Context::new();
        if self.cam.ip_support(prefix(action)) != IpSupport::No {
            context.insert(IP_KEY.to_owned(), ContextValue::Uncertain);
        }
        self.request(action, vec![resource.to_owned()], context)
    }
}

/// The holder as the caller of requests.
pub(super) fn caller(holder: &Holder) -> Caller {
    let kind = match holder.kind {
        HolderKind::Root => CallerKind::Root,
        HolderKind::User => CallerKind::SubAccount,
        HolderKind::Role => CallerKind::Role,
    };
    Caller { kind, uin: holder.id.clone(), owner_uin: holder.account.clone(), app_id: holder.app_id.clone() }
}

/// What `qcs:ip` may have been for a call.
///
/// Where the service supports the key for all APIs, it is the address. Where it supports it for none, the key is absent.
/// Otherwise, and for calls made in the console, it is either that very address or absent: both are tried, and only what both
/// say is certain. Without an address the key is open.
pub(super) fn contexts(seen: &Observed, action: &str, cam: &CamCatalog) -> Vec<Context> {
    let support = cam.ip_support(prefix(action));
    let with = |value| Context::from([(IP_KEY.to_owned(), value)]);
    if support == IpSupport::No {
        return vec![Context::new()];
    }
    let Some(ip) = address(seen) else { return vec![with(ContextValue::Uncertain)] };
    let known = with(ContextValue::Values(vec![ip.to_string()]));
    if support == IpSupport::Full && seen.api_call { vec![known] } else { vec![known, Context::new()] }
}
