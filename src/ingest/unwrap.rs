//! From one record to its events: envelopes opened, JSON text inside JSON text decoded, rows and inner events merged.
//!
//! A record may be a raw event, a row with the event as text in it, or a whole API reply with fifty
//! rows. What it is shows in its keys, never in the file's name. See docs/formats.md.

use super::ROW_HOLDERS;
use super::framer::rows_inside;
use super::reject::Reason;
use super::scratch::Scratch;
use crate::event::raw::{Body, RawEvent, Session};
use crate::json::{Cursor, JsonError, Text, Value};

/// How many envelopes may stand inside one another. Known exports need four.
const MAX_WRAPS: u8 = 8;

/// What a record turned out to hold.
pub type Found<'e, 'a> = Result<&'e mut RawEvent<'a>, Reason>;

/// Reads one record and hands every event in it, or the reason why there is none, to `emit`.
pub fn unwrap_record<'a>(text: &'a str, scratch: &'a Scratch, emit: &mut dyn FnMut(Found<'_, 'a>)) {
    let mut cursor = Cursor::new(text);
    loop {
        // Several documents may share a line; commas between them are left over from a list.
        while cursor.peek() == Some(b',') {
            cursor.bump_byte();
        }
        let start = cursor.at();
        if cursor.peek().is_none() {
            return;
        }
        match document(&mut cursor, scratch) {
            Ok(doc) => resolve(doc, &text[start..cursor.at()], None, scratch, 0, emit),
            Err(error) => return rows_or(error, &text[start..], scratch, emit),
        }
    }
}

/// A document that is not JSON as a whole may be a reply with one damaged row: the others are read.
fn rows_or<'a>(error: JsonError, text: &str, scratch: &'a Scratch, emit: &mut dyn FnMut(Found<'_, 'a>)) {
    let Some(rows) = rows_inside(text) else {
        return emit(Err(error.into()));
    };
    for span in &rows.spans {
        let row = u32::try_from(span.record).unwrap_or(u32::MAX);
        let text = scratch.texts().alloc_str(&String::from_utf8_lossy(&rows.bytes[span.start..span.end]));
        match parse_text(text, scratch) {
            Ok(doc) => resolve(doc, text, None, scratch, 1, &mut |found: Found<'_, 'a>| {
                emit(of_row(found, row));
            }),
            Err(error) => emit(Err(Reason::from(error).of_row(row))),
        }
    }
    for reject in rows.rejects {
        let row = u32::try_from(reject.record).unwrap_or(u32::MAX);
        emit(Err(reject.reason.of_row(row)));
    }
}

/// One JSON document: an object with its fields sorted out, or text that may hold one.
enum Document<'a> {
    Object(Box<Fields<'a>>),
    Text(&'a str),
    Other,
}

/// An object's own event fields, and what it may be an envelope of.
#[derive(Default)]
struct Fields<'a> {
    event: RawEvent<'a>,
    /// The event inside a row: `CloudAuditEvent`, `LogJson` and the like.
    inner: Option<Value<'a>>,
    /// Further text that may be the event, when the first is none.
    raw_text: Option<Value<'a>>,
    /// Lists of rows, or objects around some.
    wrapped: Vec<Value<'a>>,
    error: Option<Value<'a>>,
    /// When the envelope or shipper says it was, for events that say nothing.
    envelope_time: &'a str,
    is_cloud_event: bool,
    access_log_marks: u8,
    other_cloud: Option<&'static str>,
}

fn document<'a>(cursor: &mut Cursor<'a>, scratch: &'a Scratch) -> Result<Document<'a>, JsonError> {
    match cursor.peek() {
        Some(b'{') => {
            let mut fields = Box::<Fields<'a>>::default();
            cursor.object(|key, cursor| field(&mut fields, key, cursor, scratch))?;
            Ok(Document::Object(fields))
        }
        _ => match cursor.value()? {
            Value::Text(text) => Ok(Document::Text(text.to_str(scratch.texts()))),
            _ => Ok(Document::Other),
        },
    }
}

fn parse_text<'a>(text: &'a str, scratch: &'a Scratch) -> Result<Document<'a>, JsonError> {
    let mut cursor = Cursor::new(text);
    let doc = document(&mut cursor, scratch)?;
    match cursor.peek() {
        None => Ok(doc),
        Some(_) => Err(JsonError { at: cursor.at(), what: "more text after the event" }),
    }
}

fn resolve<'a>(
    doc: Document<'a>,
    whole: &'a str,
    outer: Option<&RawEvent<'a>>,
    scratch: &'a Scratch,
    wraps: u8,
    emit: &mut dyn FnMut(Found<'_, 'a>),
) {
    let mut fields = match doc {
        Document::Object(fields) => fields,
        Document::Text(text) if wraps < MAX_WRAPS => {
            return match parse_text(text, scratch) {
                Ok(inner) => resolve(inner, text, outer, scratch, wraps + 1, emit),
                Err(error) => emit(Err(error.into())),
            };
        }
        Document::Text(_) | Document::Other => return emit(Err(Reason::NotAnEvent)),
    };
    fields.event.whole = whole;
    if let Some(outer) = outer {
        fields.event.fill_from(outer);
    }
    if fields.event.time.is_empty() {
        fields.event.time = fields.envelope_time;
    }
    if wraps >= MAX_WRAPS {
        return emit(Err(Reason::NotAnEvent));
    }
    let envelope = fields.event.name.is_empty() || fields.is_cloud_event;
    let lists = fields.wrapped.iter().filter(|value| matches!(value, Value::Array(_))).count();
    match fields.inner.or(fields.raw_text) {
        Some(inner) => open_inner(inner, &fields.event, scratch, wraps, emit),
        None if envelope && !fields.wrapped.is_empty() => {
            // An envelope has ids of its own; all it knows of the events in it is EventBridge's time.
            let time = if fields.is_cloud_event { fields.event.time } else { "" };
            let outer = RawEvent { time, ..Default::default() };
            for wrapped in &fields.wrapped {
                // Beside a list of events, an object such as `data` with a status is part of the envelope.
                if lists == 0 || matches!(wrapped, Value::Array(_)) {
                    open_wrapped(*wrapped, &outer, scratch, wraps, emit);
                }
            }
        }
        None => {
            let finished = finish(&mut fields);
            emit(finished.map(|()| &mut fields.event));
        }
    }
}

/// Opens the event inside a row. When it is broken, the row around it stands in.
fn open_inner<'a>(
    inner: Value<'a>,
    row: &RawEvent<'a>,
    scratch: &'a Scratch,
    wraps: u8,
    emit: &mut dyn FnMut(Found<'_, 'a>),
) {
    let text = match inner {
        Value::Text(text) => text.to_str(scratch.texts()),
        Value::Object(text) => text,
        _ => "",
    };
    match parse_text(text, scratch) {
        Ok(Document::Object(fields)) => {
            resolve(Document::Object(fields), text, Some(row), scratch, wraps + 1, emit);
        }
        _ if row.name.is_empty() => {
            let reason = parse_text(text, scratch).err().map_or(Reason::NotAnEvent, Reason::from);
            emit(Err(reason));
        }
        _ => {
            let mut event = stand_in(row, text);
            name_principal(&mut event);
            emit(Ok(&mut event));
        }
    }
}

/// The row as an event of its own, with what can still be made out in the broken text.
fn stand_in<'a>(row: &RawEvent<'a>, broken: &'a str) -> RawEvent<'a> {
    let mut event = RawEvent { fell_back: true, caller: 0, ..*row };
    let identity = identity_part(broken);
    event.session.has_token = identity.contains("token\\\"") || identity.contains("token\"");
    event.session.has_expiry = identity.contains("expireTime");
    for (field, text, name) in [
        (&mut event.account, identity, "accountId"),
        (&mut event.principal, identity, "principalId"),
        (&mut event.identity_type, identity, "type"),
        (&mut event.resource_type, broken, "resourceType"),
        (&mut event.event_type, broken, "eventType"),
        (&mut event.action_type, broken, "actionType"),
        (&mut event.api_error_code, broken, "apiErrorCode"),
        (&mut event.client, broken, "userAgent"),
    ] {
        if field.is_empty() {
            *field = salvage(text, name);
        }
    }
    event
}

/// The text from `userIdentity` on, without the request, in which a caller may write what they like.
fn identity_part(broken: &str) -> &str {
    let from = broken.find("\"userIdentity\"").map_or("", |at| &broken[at..]);
    from.find("\"requestParameters\"").map_or(from, |end| &from[..end])
}

/// The plain value after `"name":` in a text that is not JSON as a whole; empty when there is none.
fn salvage<'a>(text: &'a str, name: &str) -> &'a str {
    let mut rest = text;
    while let Some(at) = rest.find(name) {
        let (before, after) = (&rest[..at], &rest[at + name.len()..]);
        if before.ends_with('"')
            && let Some(value) = after.strip_prefix("\":")
        {
            return match Cursor::new(value).value() {
                Ok(Value::Text(text)) if !text.escaped => text.raw,
                Ok(Value::Number(number)) => number,
                _ => "",
            };
        }
        rest = after;
    }
    ""
}

/// Rows without an inner event name the caller only: `root` is the account itself, and a number is a UIN.
/// With it, the row and the whole event are known to be one.
fn name_principal(event: &mut RawEvent<'_>) {
    if !event.principal.is_empty() {
        return;
    }
    let digits = !event.user_name.is_empty() && event.user_name.bytes().all(|b| b.is_ascii_digit());
    event.principal = match event.user_name {
        "root" => event.account,
        uin if digits => uin,
        _ => return,
    };
    event.caller = 0;
}

fn open_wrapped<'a>(
    wrapped: Value<'a>,
    outer: &RawEvent<'a>,
    scratch: &'a Scratch,
    wraps: u8,
    emit: &mut dyn FnMut(Found<'_, 'a>),
) {
    match wrapped {
        Value::Array(text) => {
            let mut row = 0;
            let items = Cursor::new(text).array(|cursor| {
                let start = cursor.at();
                let doc = document(cursor, scratch)?;
                let whole = text[start..cursor.at()].trim_start();
                row += 1;
                resolve(doc, whole, Some(outer), scratch, wraps + 1, &mut |found: Found<'_, 'a>| {
                    emit(of_row(found, row));
                });
                Ok(())
            });
            if let Err(error) = items {
                emit(Err(error.into()));
            }
        }
        Value::Object(text) => match parse_text(text, scratch) {
            Ok(doc) => resolve(doc, text, Some(outer), scratch, wraps + 1, emit),
            Err(error) => emit(Err(error.into())),
        },
        Value::Text(text) => {
            resolve(Document::Text(text.to_str(scratch.texts())), "", Some(outer), scratch, wraps + 1, emit);
        }
        _ => {}
    }
}

/// What was found in a row of a reply.
fn of_row<'e, 'a>(found: Found<'e, 'a>, row: u32) -> Found<'e, 'a> {
    match found {
        Ok(event) => {
            event.row = row;
            Ok(event)
        }
        Err(reason) => Err(reason.of_row(row)),
    }
}

fn finish(fields: &mut Fields<'_>) -> Result<(), Reason> {
    if let Some(cloud) = fields.other_cloud {
        return Err(Reason::OtherCloud(cloud));
    }
    if fields.access_log_marks >= 2 {
        return Err(Reason::CosAccessLog);
    }
    let event = &mut fields.event;
    name_principal(event);
    match (&fields.error, event.name.is_empty(), event.time.is_empty()) {
        (Some(_), true, _) => Err(Reason::ApiError),
        (_, true, true) => Err(Reason::NotAnEvent),
        (_, true, false) => Err(Reason::NoName),
        (_, false, true) => Err(Reason::NoTime),
        (_, false, false) => Ok(()),
    }
}

/// Reads a scalar, as [`scalar`] has it.
#[inline]
fn read_scalar<'a>(cursor: &mut Cursor<'a>, scratch: &'a Scratch) -> Result<&'a str, JsonError> {
    match cursor.plain_text() {
        Some(text) => Ok(trimmed(text)),
        None => Ok(scalar(cursor.value()?, scratch)),
    }
}

/// A scalar as text, without space around it; `null` is `""`.
fn scalar<'a>(value: Value<'a>, scratch: &'a Scratch) -> &'a str {
    match value {
        Value::Null => "",
        Value::Bool(true) => "true",
        Value::Bool(false) => "false",
        Value::Number(text) | Value::Object(text) | Value::Array(text) => text,
        Value::Text(text) => trimmed(text.to_str(scratch.texts())),
    }
}

/// The text without white space around it. Most texts have none, which their first and last byte show.
fn trimmed(text: &str) -> &str {
    let plain = |byte: Option<&u8>| byte.is_none_or(u8::is_ascii_graphic);
    let bytes = text.as_bytes();
    if plain(bytes.first()) && plain(bytes.last()) { text } else { text.trim() }
}

fn set<'a>(slot: &mut &'a str, value: Value<'a>, scratch: &'a Scratch) {
    if slot.is_empty() {
        *slot = scalar(value, scratch);
    }
}

fn body(value: Value<'_>) -> Body<'_> {
    match value {
        Value::Text(Text { raw, escaped: true, .. }) if !raw.is_empty() => Body::Escaped(raw),
        Value::Text(Text { raw, escaped: false, .. }) if !raw.is_empty() => Body::Text(raw),
        Value::Object(text) | Value::Array(text) => Body::Text(text),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => Body::Missing,
    }
}

/// Sorts one field of an event, row or envelope. Names are first compared as CloudAudit writes them,
/// which is fast; others go through [`odd_field`].
fn field<'a>(
    out: &mut Fields<'a>,
    key: Text<'a>,
    cursor: &mut Cursor<'a>,
    scratch: &'a Scratch,
) -> Result<(), JsonError> {
    let event = &mut out.event;
    let slot = match key.raw.as_bytes() {
        b"eventName" | b"EventName" => &mut event.name,
        b"eventTime" | b"EventTime" => return time_field(&mut event.time, cursor, scratch),
        b"requestID" | b"RequestID" => &mut event.request_id,
        b"eventID" | b"EventId" => &mut event.event_id,
        b"resourceType" => &mut event.resource_type,
        b"eventSource" | b"EventSource" => &mut event.source,
        b"eventRegion" | b"EventRegion" => &mut event.region,
        b"eventType" => &mut event.event_type,
        b"actionType" => &mut event.action_type,
        b"errorCode" | b"ErrorCode" => &mut event.error_code,
        b"apiErrorCode" => &mut event.api_error_code,
        b"apiErrorMessage" => &mut event.api_error_message,
        b"errorMessage" => &mut event.error_message,
        b"sourceIPAddress" | b"SourceIPAddress" => &mut event.source_ip,
        b"userAgent" => &mut event.client,
        b"eventPlatform" => &mut event.platform,
        b"Location" => &mut event.location,
        b"AccountID" | b"SecretId" | b"Username" => return row_field(out, key, cursor, scratch),
        b"resources" | b"resourceName" | b"Resources" => &mut event.resources,
        b"requestParameters" => {
            event.request = body(cursor.value()?);
            return Ok(());
        }
        b"responseElements" => {
            event.response = body(cursor.value()?);
            return Ok(());
        }
        b"userIdentity" => return identity(event, cursor, scratch),
        b"eventVersion" | b"httpMethod" | b"apiVersion" | b"sensitiveAction" | b"resourceSet" | b"tags" | b"cliIp"
        | b"ResourceTypeCn" | b"EventNameCn" | b"ResourceRegion" | b"@timestamp" => {
            return cursor.skip();
        }
        _ => return odd_field(out, key, cursor, scratch),
    };
    if slot.is_empty() {
        *slot = read_scalar(cursor, scratch)?;
        return Ok(());
    }
    cursor.skip()
}

/// Text of the row around an event about its caller, who is then no longer just what `userIdentity` says.
fn row_field<'a>(
    out: &mut Fields<'a>,
    key: Text<'a>,
    cursor: &mut Cursor<'a>,
    scratch: &'a Scratch,
) -> Result<(), JsonError> {
    let event = &mut out.event;
    let slot = match key.raw {
        "AccountID" => &mut event.account,
        "SecretId" => &mut event.secret_id,
        _ => &mut event.user_name,
    };
    if !slot.is_empty() {
        return cursor.skip();
    }
    *slot = read_scalar(cursor, scratch)?;
    event.caller = 0;
    Ok(())
}

/// `eventTime` may be a list; its first item counts.
fn time_field<'a>(slot: &mut &'a str, cursor: &mut Cursor<'a>, scratch: &'a Scratch) -> Result<(), JsonError> {
    let value = match cursor.value()? {
        Value::Array(list) => {
            let mut first = Value::Null;
            Cursor::new(list).array(|cursor| {
                let item = cursor.value()?;
                if first == Value::Null {
                    first = item;
                }
                Ok(())
            })?;
            first
        }
        value => value,
    };
    set(slot, value, scratch);
    Ok(())
}

/// Fields with other spellings, envelopes, and the marks of other logs.
fn odd_field<'a>(
    out: &mut Fields<'a>,
    key: Text<'a>,
    cursor: &mut Cursor<'a>,
    scratch: &'a Scratch,
) -> Result<(), JsonError> {
    let name = key.to_str(scratch.texts());
    if let Some((head, rest)) = name.split_once('.') {
        return dotted_field(&mut out.event, head, rest, cursor, scratch);
    }
    let lower = name.to_ascii_lowercase();
    match lower.as_str() {
        "cloudauditevent" | "logjson" | "cloudtrailevent" => keep_inner(&mut out.inner, cursor),
        "__content__" | "rawlog" => keep_inner(&mut out.raw_text, cursor),
        holder_name if holder_name == "event" || ROW_HOLDERS.contains(&holder_name) => {
            out.wrapped.extend(holder(cursor)?);
            Ok(())
        }
        "error" => {
            out.error = holder(cursor)?;
            Ok(())
        }
        "specversion" => {
            out.is_cloud_event = true;
            cursor.skip()
        }
        "time" | "__timestamp__" => time_field(&mut out.envelope_time, cursor, scratch),
        "bucketname" | "usersecretkeyid" => {
            out.access_log_marks += 1;
            cursor.skip()
        }
        "awsregion" => {
            out.other_cloud = Some("AWS CloudTrail");
            cursor.skip()
        }
        "acsregion" => {
            out.other_cloud = Some("Alibaba Cloud ActionTrail");
            cursor.skip()
        }
        _ => spelled_otherwise(out, name, cursor, scratch),
    }
}

/// The event's own fields in another letter case: found under the name that [`field`] knows.
fn spelled_otherwise<'a>(
    out: &mut Fields<'a>,
    name: &str,
    cursor: &mut Cursor<'a>,
    scratch: &'a Scratch,
) -> Result<(), JsonError> {
    match in_other_case(&EVENT_FIELDS, name) {
        Some(known) => field(out, Text { raw: known, escaped: false, inside: 0 }, cursor, scratch),
        None => cursor.skip(),
    }
}

/// The field that `name` means in another letter case; not `name` itself, which would have been taken already.
fn in_other_case(fields: &[&'static str], name: &str) -> Option<&'static str> {
    fields.iter().copied().find(|field| *field != name && field.eq_ignore_ascii_case(name))
}

const EVENT_FIELDS: [&str; 22] = [
    "eventName",
    "eventTime",
    "requestID",
    "eventID",
    "resourceType",
    "eventSource",
    "eventRegion",
    "eventType",
    "actionType",
    "errorCode",
    "apiErrorCode",
    "apiErrorMessage",
    "sourceIPAddress",
    "userAgent",
    "eventPlatform",
    "Location",
    "AccountID",
    "SecretId",
    "Username",
    "requestParameters",
    "responseElements",
    "userIdentity",
];

fn keep_inner<'a>(slot: &mut Option<Value<'a>>, cursor: &mut Cursor<'a>) -> Result<(), JsonError> {
    let value = cursor.value()?;
    let empty = matches!(value, Value::Null | Value::Text(Text { raw: "", .. }));
    if slot.is_none() && !empty {
        *slot = Some(value);
    }
    Ok(())
}

/// A value that may hold events.
fn holder<'a>(cursor: &mut Cursor<'a>) -> Result<Option<Value<'a>>, JsonError> {
    let value = cursor.value()?;
    let holds = match value {
        Value::Object(_) | Value::Array(_) => true,
        Value::Text(text) => text.raw.starts_with(['{', '[']),
        _ => false,
    };
    Ok(holds.then_some(value))
}

/// `userIdentity.secretId` and the like, as CLS writes indexed keys.
fn dotted_field<'a>(
    event: &mut RawEvent<'a>,
    head: &str,
    rest: &'a str,
    cursor: &mut Cursor<'a>,
    scratch: &'a Scratch,
) -> Result<(), JsonError> {
    if !head.eq_ignore_ascii_case("userIdentity") {
        return cursor.skip();
    }
    event.caller = 0;
    match rest.split_once('.') {
        None => identity_field(event, rest, cursor, scratch),
        Some(("sessionContext", name)) => match name.split_once('.') {
            None => session_field(&mut event.session, name, cursor, scratch),
            Some(("extraInfo", name)) => extra_field(&mut event.session, name, cursor, scratch),
            Some(_) => cursor.skip(),
        },
        Some(_) => cursor.skip(),
    }
}

/// Reads an object, or text that holds one; anything else is moved over.
fn object_or_text<'a>(
    cursor: &mut Cursor<'a>,
    scratch: &'a Scratch,
    mut each: impl FnMut(&'a str, &mut Cursor<'a>) -> Result<(), JsonError>,
) -> Result<(), JsonError> {
    if cursor.peek() == Some(b'{') {
        return cursor.object(|key, cursor| each(key.to_str(scratch.texts()), cursor));
    }
    let Value::Text(text) = cursor.value()? else { return Ok(()) };
    let mut read = |cursor: &mut Cursor<'a>| cursor.object(|key, cursor| each(key.to_str(scratch.texts()), cursor));
    // Decoding first costs more than reading, so it waits until it has to be. Fields read before that are read again.
    let done = text.escaped && read(&mut Cursor::inside(text)).is_ok();
    if !done && !text.raw.is_empty() {
        // Text that is cut or no JSON gives what stands before the damage.
        let _ = read(&mut Cursor::new(text.to_str(scratch.texts())));
    }
    Ok(())
}

/// Who called. The same few say so in the same words in event after event, which are read once.
fn identity<'a>(event: &mut RawEvent<'a>, cursor: &mut Cursor<'a>, scratch: &'a Scratch) -> Result<(), JsonError> {
    let is_object = cursor.peek() == Some(b'{');
    if !is_object || !event.is_caller_unknown() {
        event.caller = 0;
        return object_or_text(cursor, scratch, |name, cursor| identity_field(event, name, cursor, scratch));
    }
    let text = cursor.rest();
    if let Some(length) = scratch.recall_caller(text, event) {
        cursor.move_by(length);
        return Ok(());
    }
    let start = cursor.at();
    object_or_text(cursor, scratch, |name, cursor| identity_field(event, name, cursor, scratch))?;
    scratch.learn_caller(&text[..cursor.at() - start], event);
    Ok(())
}

fn identity_field<'a>(
    event: &mut RawEvent<'a>,
    name: &'a str,
    cursor: &mut Cursor<'a>,
    scratch: &'a Scratch,
) -> Result<(), JsonError> {
    let slot = match name.as_bytes() {
        b"type" => &mut event.identity_type,
        b"principalId" => &mut event.principal,
        b"accountId" => &mut event.account,
        b"userName" => &mut event.user_name,
        b"secretId" => &mut event.secret_id,
        b"roleSessionName" => &mut event.role_session_name,
        b"sessionContext" => {
            let session = &mut event.session;
            return object_or_text(cursor, scratch, |name, cursor| session_field(session, name, cursor, scratch));
        }
        _ => {
            return match in_other_case(&IDENTITY_FIELDS, name) {
                Some(field) => identity_field(event, field, cursor, scratch),
                None => cursor.skip(),
            };
        }
    };
    *slot = read_scalar(cursor, scratch)?;
    Ok(())
}

const IDENTITY_FIELDS: [&str; 7] =
    ["type", "principalId", "accountId", "userName", "secretId", "roleSessionName", "sessionContext"];

fn session_field<'a>(
    session: &mut Session<'a>,
    name: &'a str,
    cursor: &mut Cursor<'a>,
    scratch: &'a Scratch,
) -> Result<(), JsonError> {
    match name {
        // The token itself is a secret: only that there is one is kept.
        "token" => session.has_token = !read_scalar(cursor, scratch)?.is_empty(),
        "expireTime" => session.has_expiry = !read_scalar(cursor, scratch)?.is_empty(),
        "userIp" => session.user_ip = read_scalar(cursor, scratch)?,
        "appId" => session.app_id = read_scalar(cursor, scratch)?,
        "extraInfo" => {
            return object_or_text(cursor, scratch, |name, cursor| extra_field(session, name, cursor, scratch));
        }
        _ => {
            return match in_other_case(&SESSION_FIELDS, name) {
                Some(field) => session_field(session, field, cursor, scratch),
                None => cursor.skip(),
            };
        }
    }
    Ok(())
}

fn extra_field<'a>(
    session: &mut Session<'a>,
    name: &'a str,
    cursor: &mut Cursor<'a>,
    scratch: &'a Scratch,
) -> Result<(), JsonError> {
    if name.eq_ignore_ascii_case("roleName") {
        session.role_name = read_scalar(cursor, scratch)?;
    } else if name.eq_ignore_ascii_case("roleSessionName") {
        session.role_session_name = read_scalar(cursor, scratch)?;
    } else {
        cursor.skip()?;
    }
    Ok(())
}

const SESSION_FIELDS: [&str; 5] = ["token", "expireTime", "userIp", "appId", "extraInfo"];

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<Result<(String, String, String, bool), String>> {
        let scratch = Scratch::default();
        let mut out = Vec::new();
        // Leaks nothing: the closure copies what it needs before the scratch goes.
        unwrap_record(scratch.texts().alloc_str(text), &scratch, &mut |found: Found<'_, '_>| {
            out.push(
                found
                    .map(|e| (e.name.to_string(), e.time.to_string(), e.secret_id.to_string(), e.fell_back))
                    .map_err(|reason| reason.to_string()),
            );
        });
        out
    }

    fn event(name: &str, time: &str, secret: &str) -> Result<(String, String, String, bool), String> {
        Ok((name.into(), time.into(), secret.into(), false))
    }

    #[test]
    fn a_raw_event_is_read_with_text_and_number_fields() {
        let text =
            r#"{"eventName":"A","eventTime":17,"userIdentity":{"secretId":"k","principalId":4611686018433460001}}"#;
        assert_eq!(read(text), [event("A", "17", "k")]);
    }

    #[test]
    fn rows_open_to_their_inner_event_and_fill_its_gaps() {
        let text = r#"{"Response":{"Events":[{"CloudAuditEvent":"{\"eventName\":\"A\",\"userIdentity\":\"{\\\"secretId\\\":\\\"k\\\"}\"}","EventTime":"9","EventName":"outer"}]}}"#;
        assert_eq!(read(text), [event("A", "9", "k")]);
    }

    #[test]
    fn a_broken_inner_event_falls_back_to_its_row() {
        let text = r#"{"Events":[{"CloudAuditEvent":"{\"eventName\":\"A\",\"requestParameters\":\"{\"x\":1}\"}","EventName":"A","EventTime":9,"SecretId":"k"}]}"#;
        assert_eq!(read(text), [Ok(("A".into(), "9".into(), "k".into(), true))]);
    }

    #[test]
    fn envelopes_of_eventbridge_cls_and_kafka_are_opened() {
        let bridge =
            r#"{"specversion":"1.0","time":1680513809000,"data":{"eventName":"A","userIdentity":{"secretId":"k"}}}"#;
        assert_eq!(read(bridge), [event("A", "1680513809000", "k")]);
        let cls = r#"{"Results":[{"Time":5,"LogJson":"{\"eventName\":\"A\",\"eventTime\":\"7\",\"userIdentity.secretId\":\"k\"}"}]}"#;
        assert_eq!(read(cls), [event("A", "7", "k")]);
        let platform = r#"{"data":{"List":[{"EventName":"A","EventTime":7,"SecretId":"k"}],"TotalCount":1}}"#;
        assert_eq!(read(platform), [event("A", "7", "k")]);
    }

    #[test]
    fn text_items_and_several_documents_on_a_line_are_read() {
        let text = r#""{\"eventName\":\"A\",\"eventTime\":7}", {"eventName":"B","eventTime":[8,9]}"#;
        assert_eq!(read(text), [event("A", "7", ""), event("B", "8", "")]);
    }

    #[test]
    fn other_logs_and_replies_are_refused_by_name() {
        let reason = |text: &str| read(text).remove(0).expect_err("a reason");
        assert!(
            reason(
                r#"{"userSecretKeyId":"k","bucketName":"b","eventName":"GETBucket","eventTime":"2025-01-01T00:00:00Z"}"#
            )
            .contains("COS access log")
        );
        assert!(
            reason(r#"{"awsRegion":"us-east-1","eventName":"A","eventTime":"2025-01-01T00:00:00Z"}"#)
                .contains("AWS CloudTrail")
        );
        assert!(reason(r#"{"Response":{"Error":{"Code":"AuthFailure"},"RequestId":"x"}}"#).contains("error"));
        assert!(reason(r#"{"InstanceSet":[]}"#).contains("not a CloudAudit event"));
        assert!(reason(r#"{"eventName":"A"}"#).contains("no eventTime"));
    }

    #[test]
    fn sessions_are_read_however_they_are_written() {
        let session = |context: &str| {
            let scratch = Scratch::default();
            let text = format!(
                r#"{{"eventName":"A","eventTime":7,"userIdentity":{{"secretId":"k","sessionContext":{context}}}}}"#
            );
            let mut told = None;
            unwrap_record(scratch.texts().alloc_str(&text), &scratch, &mut |found: Found<'_, '_>| {
                let session = found.expect("an event").session;
                told = Some((session.has_token, session.user_ip.to_string(), session.role_name.to_string()));
            });
            told.expect("an event")
        };
        let expected = (true, "192.0.2.1".to_string(), "ops \"x\"".to_string());
        let extra = serde_json::json!({ "roleName": "ops \"x\"", "roleType": 2 });
        let deep =
            serde_json::json!({ "token": "t", "other": [{}], "userIp": "192.0.2.1", "extraInfo": extra.to_string() });
        let flat = serde_json::json!({ "token": "t", "userIp": "192.0.2.1", "extraInfo": extra });
        for context in [&deep, &flat] {
            let pretty = serde_json::to_string_pretty(context).expect("json");
            let codes = serde_json::Value::from(context.to_string()).to_string().replacen("\\\"", "\\u0022", 3);
            let quoted = |text: String| serde_json::Value::from(text).to_string();
            for written in [context.to_string(), quoted(context.to_string()), quoted(pretty), codes] {
                assert_eq!(session(&written), expected, "{written}");
            }
        }
        let cut = r#""{\"token\":\"t\",\"userIp\":\"192.0.2.1\",\"extraInfo\":\"{\\\"roleName\\\":\\\"x\\\",\"""#;
        assert_eq!(session(cut), (true, "192.0.2.1".to_string(), "x".to_string()));
    }

    #[test]
    fn no_list_of_a_reply_is_lost() {
        let both = r#"{"Events":[{"eventName":"A","eventTime":7}],"Records":[{"eventName":"B","eventTime":8}]}"#;
        assert_eq!(read(both), [event("A", "7", ""), event("B", "8", "")]);
        let status = r#"{"data":{"code":0},"Events":[{"eventName":"A","eventTime":7}]}"#;
        assert_eq!(read(status), [event("A", "7", "")]);
        let raw = r#"{"RawLog":"x","LogJson":"{\"eventName\":\"A\",\"eventTime\":7}"}"#;
        assert_eq!(read(raw), [event("A", "7", "")]);
    }

    #[test]
    fn one_damaged_row_does_not_cost_the_reply() {
        let text =
            r#"{"Records":[{"eventName":"A","eventTime":7},{"eventName":"B",},{"eventName":"C","eventTime":8}]}"#;
        let got = read(text);
        assert_eq!(got.len(), 3);
        assert_eq!((&got[0], &got[2]), (&event("A", "7", ""), &event("C", "8", "")));
        assert!(got[1].as_ref().is_err_and(|reason| reason.contains("row 2")), "{:?}", got[1]);
    }

    #[test]
    fn envelopes_inside_envelopes_end_somewhere() {
        let text = format!("{}{}", r#"{"data":"#.repeat(100), "1".to_string() + &"}".repeat(100));
        assert!(read(&text).remove(0).is_err());
    }
}
