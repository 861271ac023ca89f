//! Versions of the database's tables, and the way from each to the next.

use super::Failure;
use rusqlite::Transaction;

/// What leads from each version to the next; the first makes an empty file a database.
const STEPS: &[&str] = &[include_str!("schema/1.sql"), include_str!("schema/2.sql"), include_str!("schema/3.sql")];

/// The newest version.
#[expect(clippy::cast_possible_wrap, reason = "a handful of versions")]
pub const VERSION: i64 = STEPS.len() as i64;

/// Brings a database to the newest version. Runs inside one transaction: all of it happens, or nothing.
pub fn migrate(transaction: &Transaction<'_>) -> Result<(), Failure> {
    let version: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let done = usize::try_from(version).unwrap_or_default();
    for step in STEPS.iter().skip(done) {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "user_version", VERSION)?;
    Ok(())
}
