//! One CloudAudit event as it was written, field by field, before anything is decided about it.
//!
//! Every generation of the event (2017 to 2025) and every export lands in [`RawEvent`].
//! Scalars are kept as text because their types differ between generations.

/// A request or response body: absent, JSON text inside a JSON string, or a JSON value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Body<'a> {
    /// No body, or an empty one.
    #[default]
    Missing,
    /// The body as JSON text, escapes already decoded.
    Text(&'a str),
    /// The body as a JSON string that still holds its escapes; decoded only when a rule asks.
    Escaped(&'a str),
}

/// What `userIdentity.sessionContext` says about the credential.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Session<'a> {
    /// A session token is present.
    pub has_token: bool,
    /// An expiry time is present.
    pub has_expiry: bool,
    /// Address of the person behind a console call.
    pub user_ip: &'a str,
    /// APPID of the account.
    pub app_id: &'a str,
    /// Role name from `extraInfo`.
    pub role_name: &'a str,
    /// Role session name from `extraInfo`.
    pub role_session_name: &'a str,
}

/// One event as logged. An absent, null or empty field is `""`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RawEvent<'a> {
    /// `eventTime`, as text.
    pub time: &'a str,
    /// `eventID`.
    pub event_id: &'a str,
    /// `requestID`.
    pub request_id: &'a str,
    /// `eventName`: the action.
    pub name: &'a str,
    /// `resourceType`: the service.
    pub resource_type: &'a str,
    /// `eventSource`: host and path that was called.
    pub source: &'a str,
    /// `eventRegion`.
    pub region: &'a str,
    /// `eventType`: ConsoleCall, ApiCall, MiniProgramCall.
    pub event_type: &'a str,
    /// `actionType`: Read or Write.
    pub action_type: &'a str,
    /// `errorCode`: result of signature and permission checks.
    pub error_code: &'a str,
    /// `apiErrorCode`: result of the call itself.
    pub api_error_code: &'a str,
    /// `apiErrorMessage`.
    pub api_error_message: &'a str,
    /// `errorMessage`: what the check of signature and permission says.
    pub error_message: &'a str,
    /// `sourceIPAddress`.
    pub source_ip: &'a str,
    /// `userAgent`: the client string.
    pub client: &'a str,
    /// `eventPlatform`.
    pub platform: &'a str,
    /// `Location`: where the source address is, in the row around the event.
    pub location: &'a str,
    /// `resources` or `resourceName`: what the call was about.
    pub resources: &'a str,
    /// `requestParameters`.
    pub request: Body<'a>,
    /// `responseElements`.
    pub response: Body<'a>,
    /// `userIdentity.type`.
    pub identity_type: &'a str,
    /// `userIdentity.principalId`.
    pub principal: &'a str,
    /// `userIdentity.accountId`.
    pub account: &'a str,
    /// `userIdentity.userName`.
    pub user_name: &'a str,
    /// `userIdentity.secretId`.
    pub secret_id: &'a str,
    /// `userIdentity.roleSessionName`.
    pub role_session_name: &'a str,
    /// `userIdentity.sessionContext`.
    pub session: Session<'a>,
    /// Number that events share whose caller is told in the same words; 0 when nobody knows. It stands for every
    /// field from `identity_type` to `session`, and holds for one reader only.
    pub caller: u32,
    /// The inner event was broken and this is the row around it.
    pub fell_back: bool,
    /// Number of the row in the reply that held the event, from 1; 0 when it stood alone.
    pub row: u32,
    /// The bytes of the event, for a hash when it carries no id.
    pub whole: &'a str,
}

impl<'a> RawEvent<'a> {
    /// Fills every empty field from `outer`, the row or envelope around this event.
    pub fn fill_from(&mut self, outer: &RawEvent<'a>) {
        let before = self.caller_texts();
        let pairs: [(&mut &'a str, &'a str); 18] = [
            (&mut self.time, outer.time),
            (&mut self.event_id, outer.event_id),
            (&mut self.request_id, outer.request_id),
            (&mut self.name, outer.name),
            (&mut self.resource_type, outer.resource_type),
            (&mut self.source, outer.source),
            (&mut self.region, outer.region),
            (&mut self.event_type, outer.event_type),
            (&mut self.error_code, outer.error_code),
            (&mut self.api_error_code, outer.api_error_code),
            (&mut self.source_ip, outer.source_ip),
            (&mut self.location, outer.location),
            (&mut self.resources, outer.resources),
            (&mut self.account, outer.account),
            (&mut self.user_name, outer.user_name),
            (&mut self.secret_id, outer.secret_id),
            (&mut self.principal, outer.principal),
            (&mut self.identity_type, outer.identity_type),
        ];
        for (own, other) in pairs {
            if own.is_empty() {
                *own = other;
            }
        }
        if before != self.caller_texts() {
            self.caller = 0;
        }
    }

    /// Whether nothing is known of the caller yet.
    pub fn is_caller_unknown(&self) -> bool {
        self.caller_texts().iter().all(|text| text.is_empty()) && !self.session.has_token && !self.session.has_expiry
    }

    /// What is known of the caller, text by text.
    pub fn caller_texts(&self) -> [&'a str; 10] {
        let session = &self.session;
        [
            self.identity_type,
            self.principal,
            self.account,
            self.user_name,
            self.secret_id,
            self.role_session_name,
            session.user_ip,
            session.app_id,
            session.role_name,
            session.role_session_name,
        ]
    }

    /// Puts back what [`RawEvent::caller_texts`] gave.
    pub fn set_caller_texts(&mut self, texts: [&'a str; 10]) {
        let session = &mut self.session;
        [
            self.identity_type,
            self.principal,
            self.account,
            self.user_name,
            self.secret_id,
            self.role_session_name,
            session.user_ip,
            session.app_id,
            session.role_name,
            session.role_session_name,
        ] = texts;
    }
}
