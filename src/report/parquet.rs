//! Parquet: what JSON holds, with types, for tools that read tables of columns.
//!
//! Rows are the objects of JSON lines: the same names, the same nesting, the same texts. Times are timestamps in UTC,
//! dates dates, counts whole numbers, lists lists. Any field may be null. Rows are written in groups of bounded size, so
//! memory does not follow their number.

use super::View;
use super::json::alarm_json;
use crate::alarm::model::Alarm;
use chrono::{DateTime, NaiveDate};
use parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::{Type, TypePtr};
use serde_json::Value;
use std::io::{self, Write};
use std::sync::Arc;

/// What a field holds.
#[derive(Debug)]
pub enum Kind {
    /// Text; other JSON, where a log may give any, as its text.
    Text,
    /// A whole number.
    Number,
    /// True or false.
    Flag,
    /// A time, in milliseconds.
    Time,
    /// A day.
    Date,
    /// A list of one kind.
    List(&'static Kind),
    /// An object of fields.
    Object(&'static [Field]),
}

/// A field of JSON: its name, and what it holds.
pub type Field = (&'static str, Kind);

/// The fields of a row, in parts.
pub type Row = &'static [&'static [Field]];

const TEXTS: Kind = Kind::List(&Kind::Text);

/// The fields of an alarm.
const ALARM: &[Field] = &[
    ("id", Kind::Text),
    ("rule", Kind::Text),
    ("name", Kind::Text),
    ("type", Kind::Text),
    ("level", Kind::Text),
    ("status", Kind::Text),
    ("decision", Kind::Object(DECISION)),
    ("new_since_processed", Kind::Number),
    ("date", Kind::Date),
    ("provider", Kind::Text),
    ("account", Kind::Object(&[("id", Kind::Text), ("app_id", Kind::Text), ("name", Kind::Text)])),
    ("identity", Kind::Text),
    ("user", Kind::Text),
    ("ak", Kind::Text),
    ("ak_masked", Kind::Text),
    ("ak_remark", Kind::Text),
    ("first_seen", Kind::Time),
    ("first_call", Kind::Time),
    ("last_call", Kind::Time),
    ("calls", Kind::Object(&[("total", Kind::Number), ("success", Kind::Number), ("failed", Kind::Number)])),
    ("tags", TEXTS),
    ("attack", Kind::Text),
    ("why", Kind::Text),
    ("event_ids", TEXTS),
    ("allowlisted_by", TEXTS),
    ("allowlisted_calls", Kind::Number),
    ("records", Kind::List(&Kind::Object(RECORD))),
];

const DECISION: &[Field] = &[("status", Kind::Text), ("at", Kind::Time), ("by", Kind::Text), ("note", Kind::Text)];

/// The fields of a call record.
const RECORD: &[Field] = &[
    ("source_ip", Kind::Text),
    ("region", Kind::Text),
    ("region_source", Kind::Text),
    ("api_regions", TEXTS),
    ("ip_remark", Kind::Text),
    ("ip_type", Kind::Text),
    ("asset_id", Kind::Text),
    ("asset_name", Kind::Text),
    ("method", Kind::Text),
    ("service", Kind::Text),
    ("action", Kind::Text),
    ("user_type", Kind::Text),
    ("user", Kind::Text),
    ("policies", TEXTS),
    ("code", Kind::Text),
    ("success", Kind::Number),
    ("failed", Kind::Number),
    ("first_call", Kind::Time),
    ("last_call", Kind::Time),
    ("clients", TEXTS),
    ("allowlisted_by", TEXTS),
];

/// The fields of a call record that stands alone: what it needs of its alarm, its number, its own.
pub const RECORDS: Row = &[
    &[("alarm", Kind::Text), ("rule", Kind::Text), ("ak", Kind::Text), ("ak_masked", Kind::Text)],
    &[("ak_remark", Kind::Text), ("number", Kind::Number)],
    RECORD,
];

/// The fields of a single call.
pub const CALLS: Row = &[&[
    ("time", Kind::Time),
    ("request_id", Kind::Text),
    ("event_id", Kind::Text),
    ("success", Kind::Flag),
    ("code", Kind::Text),
    ("body", Kind::Text),
    ("script", Kind::Text),
    ("resources", TEXTS),
]];

/// What is held before a group of rows is written, in bytes.
const GROUP: usize = 16 << 20;

/// Writes alarms, one a row, with their records.
pub fn write_alarms(alarms: &[Alarm], view: View, out: &mut dyn Write) -> io::Result<()> {
    write(&[ALARM], alarms.iter().map(|alarm| alarm_json(alarm, view)), out)
}

/// Writes objects with these fields, one a row.
pub fn write(row: Row, objects: impl Iterator<Item = Value>, out: &mut dyn Write) -> io::Result<()> {
    write_groups(row, objects, GROUP, out)
}

fn write_groups(row: Row, objects: impl Iterator<Item = Value>, group: usize, out: &mut dyn Write) -> io::Result<()> {
    let fields: Vec<&Field> = row.iter().copied().flatten().collect();
    let mut file = File::new(&fields, out).map_err(io::Error::other)?;
    for object in objects {
        file.add(&fields, &object);
        if file.held >= group {
            file.write_group()?;
        }
    }
    file.finish()
}

/// A file being written: the rows held are in `leaves`, those before went to `out`.
struct File<'o> {
    writer: SerializedFileWriter<Vec<u8>>,
    leaves: Vec<Leaf>,
    held: usize,
    out: &'o mut dyn Write,
}

impl<'o> File<'o> {
    fn new(fields: &[&Field], out: &'o mut dyn Write) -> Result<Self, ParquetError> {
        let properties = WriterProperties::builder()
            .set_created_by(concat!("akguard version ", env!("CARGO_PKG_VERSION")).to_string())
            .set_compression(Compression::GZIP(parquet::basic::GzipLevel::default()))
            .build();
        let writer = SerializedFileWriter::new(Vec::new(), schema(fields)?, Arc::new(properties))?;
        let leaves = fields.iter().flat_map(|(_, kind)| kind.leaves()).collect();
        Ok(Self { writer, leaves, held: 0, out })
    }

    /// Holds one more row.
    fn add(&mut self, fields: &[&Field], object: &Value) {
        let mut leaves = self.leaves.as_mut_slice();
        for (name, kind) in fields {
            let (own, rest) = leaves.split_at_mut(kind.width());
            self.held += kind.add(&object[*name], Level::default(), own);
            leaves = rest;
        }
    }

    /// Writes the rows held as a group. The file is made in memory, since the library wants a writer that may change
    /// threads, and handed on group by group.
    fn write_group(&mut self) -> io::Result<()> {
        let mut group = self.writer.next_row_group().map_err(io::Error::other)?;
        for leaf in &mut self.leaves {
            let column = group.next_column().map_err(io::Error::other)?;
            let mut column = column.ok_or_else(|| io::Error::other("the table has fewer columns than fields"))?;
            leaf.write(&mut column).and_then(|()| column.close()).map_err(io::Error::other)?;
        }
        group.close().map_err(io::Error::other)?;
        self.held = 0;
        self.writer.flush()?;
        self.hand_on()
    }

    fn hand_on(&mut self) -> io::Result<()> {
        let bytes = std::mem::take(self.writer.inner_mut());
        self.out.write_all(&bytes)
    }

    fn finish(mut self) -> io::Result<()> {
        if self.held > 0 {
            self.write_group()?;
        }
        self.writer.finish().map_err(io::Error::other)?;
        self.hand_on()
    }
}

/// The schema of rows with these fields.
fn schema(fields: &[&Field]) -> Result<TypePtr, ParquetError> {
    let fields = fields.iter().map(|(name, kind)| kind.schema(name)).collect::<Result<_, _>>()?;
    Ok(Arc::new(Type::group_type_builder("akguard").with_fields(fields).build()?))
}

/// Where a value stands among lists and absent values, as Parquet counts it.
#[derive(Clone, Copy, Default)]
struct Level {
    /// The innermost list of which this is not the first item.
    repetition: i16,
    /// How many of the fields above that may be absent are there.
    definition: i16,
    /// How many lists are around it.
    lists: i16,
}

impl Level {
    fn deeper(self, by: i16) -> Self {
        Self { definition: self.definition + by, ..self }
    }
}

/// What one value is reckoned to take, beside the bytes of its text.
const VALUE: usize = 16;

impl Kind {
    /// Its type under this name; it may be absent.
    fn schema(&self, name: &str) -> Result<TypePtr, ParquetError> {
        let plain = |physical: Physical, logical: Option<LogicalType>| {
            let builder = Type::primitive_type_builder(name, physical).with_repetition(Repetition::OPTIONAL);
            builder.with_logical_type(logical).build()
        };
        let group = || Type::group_type_builder(name).with_repetition(Repetition::OPTIONAL);
        let made = match self {
            Self::Text => plain(Physical::BYTE_ARRAY, Some(LogicalType::String)),
            Self::Number => plain(Physical::INT64, None),
            Self::Flag => plain(Physical::BOOLEAN, None),
            Self::Time => plain(Physical::INT64, Some(LogicalType::timestamp(true, TimeUnit::MILLIS))),
            Self::Date => plain(Physical::INT32, Some(LogicalType::Date)),
            Self::List(item) => {
                let items = Type::group_type_builder("list").with_repetition(Repetition::REPEATED);
                let items = items.with_fields(vec![item.schema("element")?]).build()?;
                group().with_logical_type(Some(LogicalType::List)).with_fields(vec![Arc::new(items)]).build()
            }
            Self::Object(fields) => {
                let fields = fields.iter().map(|(name, kind)| kind.schema(name)).collect::<Result<_, _>>()?;
                group().with_fields(fields).build()
            }
        };
        Ok(Arc::new(made?))
    }

    /// The columns that it takes, empty.
    fn leaves(&self) -> Vec<Leaf> {
        let values = match self {
            Self::Text => Values::Texts(Vec::new()),
            Self::Number | Self::Time => Values::Numbers(Vec::new()),
            Self::Flag => Values::Flags(Vec::new()),
            Self::Date => Values::Days(Vec::new()),
            Self::List(item) => return item.leaves(),
            Self::Object(fields) => return fields.iter().flat_map(|(_, kind)| kind.leaves()).collect(),
        };
        vec![Leaf { values, definitions: Vec::new(), repetitions: Vec::new() }]
    }

    /// How many columns it takes.
    fn width(&self) -> usize {
        match self {
            Self::List(item) => item.width(),
            Self::Object(fields) => fields.iter().map(|(_, kind)| kind.width()).sum(),
            _ => 1,
        }
    }

    /// Adds a value to its columns; tells about how many bytes it takes.
    fn add(&self, value: &Value, level: Level, leaves: &mut [Leaf]) -> usize {
        match (self, value) {
            (Self::List(item), Value::Array(values)) if !values.is_empty() => {
                let inner = Level { lists: level.lists + 1, ..level.deeper(2) };
                let again = Level { repetition: inner.lists, ..inner };
                let levels = std::iter::once(inner).chain(std::iter::repeat(again));
                values.iter().zip(levels).map(|(value, level)| item.add(value, level, leaves)).sum()
            }
            (Self::List(_), Value::Array(_)) => absent(level.deeper(1), leaves),
            (Self::Object(fields), Value::Object(_)) => {
                let (mut rest, mut size) = (leaves, 0);
                for (name, kind) in *fields {
                    let (own, others) = rest.split_at_mut(kind.width());
                    size += kind.add(&value[*name], level.deeper(1), own);
                    rest = others;
                }
                size
            }
            (Self::List(_) | Self::Object(_), _) => absent(level, leaves),
            (_, value) => leaves.first_mut().map_or(0, |leaf| leaf.add(self, value, level)),
        }
    }
}

/// Says in every column that there is nothing.
fn absent(level: Level, leaves: &mut [Leaf]) -> usize {
    for leaf in leaves.iter_mut() {
        leaf.note(level);
    }
    leaves.len() * VALUE
}

/// A column: the values that are there, and for each place in the rows whether and in which list.
struct Leaf {
    values: Values,
    definitions: Vec<i16>,
    repetitions: Vec<i16>,
}

enum Values {
    Texts(Vec<ByteArray>),
    Numbers(Vec<i64>),
    Days(Vec<i32>),
    Flags(Vec<bool>),
}

impl Leaf {
    fn note(&mut self, level: Level) {
        self.definitions.push(level.definition);
        self.repetitions.push(level.repetition);
    }

    /// Adds a value, or that there is none; tells about how many bytes it takes.
    fn add(&mut self, kind: &Kind, value: &Value, level: Level) -> usize {
        let size = value.as_str().map_or(0, str::len) + VALUE;
        let there = match &mut self.values {
            Values::Texts(texts) => text(value).map(|text| texts.push(text.into_bytes().into())),
            Values::Numbers(numbers) => {
                let number = if matches!(kind, Kind::Time) { moment(value) } else { value.as_i64() };
                number.map(|number| numbers.push(number))
            }
            Values::Days(days) => day(value).map(|day| days.push(day)),
            Values::Flags(flags) => value.as_bool().map(|flag| flags.push(flag)),
        };
        self.note(if there.is_some() { level.deeper(1) } else { level });
        size
    }

    /// Writes all that is held, and holds nothing then.
    fn write(&mut self, column: &mut SerializedColumnWriter<'_>) -> Result<(), ParquetError> {
        let levels = (Some(self.definitions.as_slice()), Some(self.repetitions.as_slice()));
        match &mut self.values {
            Values::Texts(texts) => {
                column.typed::<ByteArrayType>().write_batch(texts, levels.0, levels.1)?;
                texts.clear();
            }
            Values::Numbers(numbers) => {
                column.typed::<Int64Type>().write_batch(numbers, levels.0, levels.1)?;
                numbers.clear();
            }
            Values::Days(days) => {
                column.typed::<Int32Type>().write_batch(days, levels.0, levels.1)?;
                days.clear();
            }
            Values::Flags(flags) => {
                column.typed::<BoolType>().write_batch(flags, levels.0, levels.1)?;
                flags.clear();
            }
        }
        self.definitions.clear();
        self.repetitions.clear();
        Ok(())
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

fn moment(value: &Value) -> Option<i64> {
    DateTime::parse_from_rfc3339(value.as_str()?).ok().map(|time| time.timestamp_millis())
}

fn day(value: &Value) -> Option<i32> {
    let day: NaiveDate = value.as_str()?.parse().ok()?;
    i32::try_from(day.signed_duration_since(NaiveDate::default()).num_days()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use parquet::file::metadata::RowGroupMetaData;
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::{Field as Cell, Row as Found};
    use proptest::prelude::*;
    use serde_json::{Map, json};

    const INNER: &[Field] = &[("texts", TEXTS), ("number", Kind::Number), ("flag", Kind::Flag)];
    const ROW: Row = &[
        &[("text", Kind::Text), ("one", Kind::Object(INNER))],
        &[("many", Kind::List(&Kind::Object(INNER))), ("lists", Kind::List(&TEXTS)), ("last", Kind::Number)],
    ];

    fn written(rows: &[Value], group: usize) -> SerializedFileReader<std::fs::File> {
        let mut out = tempfile::tempfile().unwrap();
        write_groups(ROW, rows.iter().cloned(), group, &mut out).unwrap();
        SerializedFileReader::new(out).unwrap()
    }

    fn object(row: &Found) -> Value {
        row.get_column_iter().map(|(name, cell)| (name.clone(), value(cell))).collect::<Map<_, _>>().into()
    }

    fn value(cell: &Cell) -> Value {
        match cell {
            Cell::Null => Value::Null,
            Cell::Bool(flag) => json!(flag),
            Cell::Long(number) => json!(number),
            Cell::Str(text) => json!(text),
            Cell::Group(row) => object(row),
            Cell::ListInternal(list) => list.elements().iter().map(value).collect(),
            other => panic!("{other:?}"),
        }
    }

    fn or_null(value: impl Strategy<Value = Value> + 'static) -> impl Strategy<Value = Value> {
        prop_oneof![1 => Just(Value::Null), 3 => value]
    }

    fn list(item: impl Strategy<Value = Value> + 'static) -> impl Strategy<Value = Value> {
        or_null(prop::collection::vec(item, 0..4).prop_map(Value::Array))
    }

    fn text() -> impl Strategy<Value = Value> {
        or_null(any::<String>().prop_map(Value::String))
    }

    fn inner() -> impl Strategy<Value = Value> {
        let parts =
            (list(text()), or_null(any::<i64>().prop_map(Value::from)), or_null(any::<bool>().prop_map(Value::from)));
        or_null(parts.prop_map(|(texts, number, flag)| json!({"texts": texts, "number": number, "flag": flag})))
    }

    fn row() -> impl Strategy<Value = Value> {
        (text(), inner(), list(inner()), list(list(text())), or_null(any::<i64>().prop_map(Value::from))).prop_map(
            |(text, one, many, lists, last)| json!({"text": text, "one": one, "many": many, "lists": lists, "last": last}),
        )
    }

    proptest! {
        #[test]
        fn rows_of_any_nesting_come_back(rows in prop::collection::vec(row(), 0..20), group in 1_usize..2000) {
            let file = written(&rows, group);
            let found: Vec<Value> = file.get_row_iter(None).unwrap().map(|row| object(&row.unwrap())).collect();
            prop_assert_eq!(found, rows);
        }
    }

    #[test]
    fn groups_are_written_as_they_fill() {
        let row = json!({"text": "x".repeat(1000), "one": null, "many": [], "lists": [], "last": 1});
        let file = written(&vec![row; 1000], 100_000);
        let groups: Vec<i64> = file.metadata().row_groups().iter().map(RowGroupMetaData::num_rows).collect();
        assert!(groups.len() >= 10 && groups.iter().all(|rows| *rows <= 100), "{groups:?}");
        assert_eq!(groups.iter().sum::<i64>(), 1000);
    }

    #[test]
    fn what_is_no_text_is_kept_as_its_json() {
        let row = json!({"text": {"a": [1, "=x"]}, "lists": [["a", 1, null]]});
        let found = object(&written(&[row], 1).get_row_iter(None).unwrap().next().unwrap().unwrap());
        assert_eq!((&found["text"], &found["lists"]), (&json!(r#"{"a":[1,"=x"]}"#), &json!([["a", "1", null]])));
    }
}
