//! CSV exports: the console's operation records and CLS downloads, each row turned into the JSON row it stands for.
//!
//! Headers are matched by alias, in English or Chinese, in any letter case.

use super::framer::{CHUNK, Chunk, MAX_RECORD, Sink, Span};
use super::reject::{Reason, Reject};
use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

/// Column titles that mean a field of a row. The English ones are those of the console's export;
/// the Chinese ones are the console's own labels, inferred to be used as titles too.
const ALIASES: &[(&str, &str)] = &[
    ("accountid", "AccountID"),
    ("主账号id", "AccountID"),
    ("cloudauditevent", "CloudAuditEvent"),
    ("事件详情", "CloudAuditEvent"),
    ("errorcode", "ErrorCode"),
    ("错误码", "ErrorCode"),
    ("eventname", "EventName"),
    ("事件名称", "EventName"),
    ("eventtime", "EventTime"),
    ("事件时间", "EventTime"),
    ("eventid", "EventId"),
    ("事件id", "EventId"),
    ("requestid", "RequestID"),
    ("请求id", "RequestID"),
    ("secretid", "SecretId"),
    ("密钥id", "SecretId"),
    ("访问密钥id", "SecretId"),
    ("sourceipaddress", "SourceIPAddress"),
    ("sourceip", "SourceIPAddress"),
    ("源ip地址", "SourceIPAddress"),
    ("源ip", "SourceIPAddress"),
    ("username", "Username"),
    ("用户名", "Username"),
    ("eventregion", "eventRegion"),
    ("区域", "eventRegion"),
    ("地域", "eventRegion"),
    ("eventsource", "eventSource"),
    ("事件源", "eventSource"),
    ("resourcetype", "resourceType"),
    ("资源类型", "resourceType"),
    ("location", "Location"),
];

/// The field a column title means, or the title itself when it is a dotted or raw field name.
fn field_of(title: &str) -> String {
    let title = title.trim().trim_start_matches('\u{feff}');
    let plain: String = title.chars().filter(|c| !matches!(c, ' ' | '_' | '-')).flat_map(char::to_lowercase).collect();
    let alias = ALIASES.iter().find(|(name, _)| *name == plain);
    alias.map_or_else(|| title.to_string(), |(_, field)| (*field).to_string())
}

/// How a CSV is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    delimiter: u8,
    /// Lines end with carriage return and line feed; the reader then counts lines one behind.
    crlf: bool,
}

/// The layout of a CSV whose first line is `line`, if its titles are those of an event export.
pub fn layout_of(line: &str) -> Option<Layout> {
    let delimiter = [b',', b'\t', b';', b'|'].into_iter().find(|delimiter| {
        let titles = line.trim_end().split(char::from(*delimiter));
        let fields: Vec<String> = titles.map(|title| field_of(title.trim().trim_matches('"'))).collect();
        let has = |name: &str| fields.iter().any(|f| f.eq_ignore_ascii_case(name));
        let events = has("CloudAuditEvent") || (has("EventName") && has("EventTime"));
        (fields.len() > 1 && events) || has("CloudAuditEvent") || has("__CONTENT__")
    })?;
    Some(Layout { delimiter, crlf: line.ends_with('\r') })
}

/// Fails once a row has grown past the limit: an unclosed quote would otherwise swallow the file.
struct RowLimit<'r> {
    inner: &'r mut dyn Read,
    since_row: Rc<Cell<usize>>,
}

impl Read for RowLimit<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.since_row.get() > MAX_RECORD {
            return Err(io::Error::other("a row is larger than 4 MiB; is a quote left open?"));
        }
        let read = self.inner.read(out)?;
        self.since_row.set(self.since_row.get() + read);
        Ok(read)
    }
}

/// Reads `input` to its end, handing its rows to `sink` as JSON records. Returns whether the sink
/// wants more, and the number of rows.
pub fn run(file: u32, layout: Layout, input: &mut dyn Read, sink: &mut Sink<'_>) -> (bool, u64) {
    let since_row = Rc::new(Cell::new(0));
    let limited = RowLimit { inner: input, since_row: since_row.clone() };
    let mut reader = ::csv::ReaderBuilder::new()
        .delimiter(layout.delimiter)
        .flexible(true)
        .buffer_capacity(1 << 16)
        .from_reader(limited);
    let mut out = Chunk { file, ..Chunk::default() };
    let fields: Vec<String> = match reader.headers() {
        Ok(titles) => titles.iter().map(field_of).collect(),
        Err(error) => return (stop(&mut out, &error.to_string(), sink), 0),
    };
    let mut row = ::csv::StringRecord::new();
    let mut bytes_row = ::csv::ByteRecord::new();
    let mut number = 0;
    loop {
        match reader.read_byte_record(&mut bytes_row) {
            Ok(false) => break,
            Ok(true) => {}
            Err(error) => return (stop(&mut out, &error.to_string(), sink), number),
        }
        since_row.set(0);
        number += 1;
        let line = bytes_row.position().map_or(0, ::csv::Position::line) + u64::from(layout.crlf);
        row.clear();
        for cell in &bytes_row {
            row.push_field(&String::from_utf8_lossy(cell));
        }
        push_row(&mut out, &fields, &row, line, number);
        if out.bytes.len() >= CHUNK && !sink(std::mem::replace(&mut out, Chunk { file, ..Chunk::default() })) {
            return (false, number);
        }
    }
    (out.spans.is_empty() || sink(out), number)
}

fn stop(out: &mut Chunk, error: &str, sink: &mut Sink<'_>) -> bool {
    let reject = Reject { file: out.file, line: 0, record: 0, reason: Reason::Unreadable(error.to_string()) };
    out.rejects.push(reject);
    sink(std::mem::take(out))
}

fn push_row(out: &mut Chunk, fields: &[String], row: &::csv::StringRecord, line: u64, record: u64) {
    let start = out.bytes.len();
    let cells = fields.iter().zip(row).filter(|(_, cell)| !matches!(cell.trim(), "" | "-"));
    for (place, (field, cell)) in cells.enumerate() {
        out.bytes.push(if place == 0 { b'{' } else { b',' });
        let pair = [field.as_str(), cell].map(|text| serde_json::to_vec(text).unwrap_or_default());
        out.bytes.extend_from_slice(&pair[0]);
        out.bytes.push(b':');
        out.bytes.extend_from_slice(&pair[1]);
    }
    // A row without any value is no event, and is counted as such where it is read.
    if out.bytes.len() == start {
        out.bytes.push(b'{');
    }
    out.bytes.push(b'}');
    out.spans.push(Span { start, end: out.bytes.len(), line, record });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> Vec<(u64, String)> {
        let layout = layout_of(text.split('\n').next().unwrap()).expect("a known header");
        let mut out = Vec::new();
        let mut sink = |chunk: Chunk| {
            for span in &chunk.spans {
                out.push((span.line, String::from_utf8_lossy(&chunk.bytes[span.start..span.end]).into_owned()));
            }
            true
        };
        run(0, layout, &mut text.as_bytes(), &mut sink);
        out
    }

    #[test]
    fn titles_are_matched_by_alias_and_case() {
        let expected = r#"{"EventName":"A","EventTime":"2025-01-01 00:00:00"}"#;
        for header in ["EventName,EventTime", "eventname;EVENTTIME", "事件名称\t事件时间", "Event Name|event_time"]
        {
            let delimiter = header.chars().find(|c| matches!(c, ',' | ';' | '\t' | '|')).unwrap();
            let text = format!("{header}\nA{delimiter}2025-01-01 00:00:00\n");
            assert_eq!(rows(&text), [(2, expected.to_string())]);
        }
    }

    #[test]
    fn quoted_cells_keep_commas_quotes_and_lines() {
        let text = "EventName,EventTime,CloudAuditEvent\nA,1,\"{\"\"x\"\":\"\"1,\n2\"\"}\"\nB,2,\n";
        let got = rows(text);
        assert_eq!(
            got[0],
            (2, r#"{"EventName":"A","EventTime":"1","CloudAuditEvent":"{\"x\":\"1,\n2\"}"}"#.to_string())
        );
        assert_eq!(got[1].0, 4);
    }

    #[test]
    fn an_asset_list_is_no_event_export() {
        assert_eq!(layout_of("id,name,ip"), None);
        assert_eq!(layout_of("hello"), None);
    }
}
