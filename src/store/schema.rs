//! Versions of the database's tables, and the way from each to the next.

use super::Failure;
use super::activity;
use rusqlite::Transaction;

/// What leads from each version to the next; the first makes an empty file a database.
const STEPS: &[&str] = &[
    include_str!("schema/1.sql"),
    include_str!("schema/2.sql"),
    include_str!("schema/3.sql"),
    include_str!("schema/4.sql"),
];
/// The version that keeps what was used from an address as one value.
const ONE_VALUE_PER_IP: usize = 4;

/// The newest version.
#[expect(clippy::cast_possible_wrap, reason = "a handful of versions")]
pub const VERSION: i64 = STEPS.len() as i64;

/// Brings a database to the newest version. Runs inside one transaction: all of it happens, or nothing.
pub fn migrate(transaction: &Transaction<'_>) -> Result<(), Failure> {
    let version: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let done = usize::try_from(version).unwrap_or_default();
    for (number, step) in (1..).zip(STEPS).skip(done) {
        transaction.execute_batch(step)?;
        if number == ONE_VALUE_PER_IP {
            activity::take_rows_together(transaction)?;
        }
    }
    transaction.pragma_update(None, "user_version", VERSION)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::Connection;

    #[test]
    fn marks_of_before_count_as_told_of_everything() {
        let mut conn = Connection::open_in_memory().unwrap();
        for step in &STEPS[..2] {
            conn.execute_batch(step).unwrap();
        }
        conn.pragma_update(None, "user_version", 2).unwrap();
        let scan = "INSERT INTO scans (command, version, zone, started, finished, context, counts, new_alarms, grown_alarms) \
             VALUES ('scan', '0', 'UTC', 1, 2, x'00', '{}', 0, 0)";
        let marks = "INSERT INTO marks VALUES ('ops', 'A-1'), ('ops', 'A-2'), ('siem', 'A-1')";
        conn.execute_batch(&format!("{scan}; {scan}; {marks}")).unwrap();
        let transaction = conn.transaction().unwrap();
        migrate(&transaction).unwrap();
        transaction.commit().unwrap();
        let told: Vec<(String, i64)> = conn
            .prepare("SELECT mark, scan FROM told ORDER BY mark")
            .unwrap()
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        assert_eq!(told, [("ops".to_string(), 2), ("siem".to_string(), 2)]);
    }
}
