//! Names for shell completions: read at once or not at all, and nothing is changed, made or waited for.

use super::{Db, StoreError, is_settled};
use rusqlite::Connection;
use std::path::Path;
use std::time::Duration;

/// What names are wanted of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Alarms by id, with their rules.
    Alarms,
    /// Keys by full id, with their users.
    Keys,
    /// Source addresses, with their types.
    Addresses,
    /// Allowlist policies by name, with their numbers.
    Policies,
}

/// So many are more than anybody looks through.
const MOST: i64 = 200;

impl What {
    /// Names that begin with `?1`, and what to say about each. The ranges let indices be used.
    fn query(self) -> &'static str {
        match self {
            Self::Alarms => {
                "SELECT id, rule FROM alarms WHERE id >= ?1 AND substr(id, 1, length(?1)) = ?1
                 AND success + failed > 0 ORDER BY id LIMIT ?2"
            }
            Self::Keys => {
                "SELECT ak, max(user) FROM alarms WHERE ak >= ?1 AND substr(ak, 1, length(?1)) = ?1 GROUP BY ak
                 UNION SELECT ak, '' FROM labels WHERE substr(ak, 1, length(?1)) = ?1 AND ak NOT IN (SELECT ak FROM alarms)
                 ORDER BY 1 LIMIT ?2"
            }
            Self::Addresses => {
                "SELECT ip, '' FROM ips WHERE ip <> '' AND ip >= ?1 AND substr(ip, 1, length(?1)) = ?1
                 ORDER BY ip LIMIT ?2"
            }
            Self::Policies => "SELECT name, CAST(number AS TEXT) FROM allowlist WHERE length(?1) >= 0 ORDER BY number LIMIT ?2",
        }
    }
}

/// Names in the database at `path` that begin with `prefix` (policies: all), with a word about each; none if anything
/// is in the way.
pub fn suggest(path: &Path, what: What, prefix: &str) -> Vec<(String, String)> {
    Db::peek(path).ok().and_then(|db| read(&db.conn, what, prefix).ok()).unwrap_or_default()
}

fn read(conn: &Connection, what: What, prefix: &str) -> rusqlite::Result<Vec<(String, String)>> {
    let mut statement = conn.prepare(what.query())?;
    let rows = statement
        .query_map((prefix, MOST), |row| Ok((row.get(0)?, row.get::<_, Option<String>>(1)?.unwrap_or_default())))?;
    rows.collect()
}

impl Db {
    /// Opens a database for a glance. While nobody writes to it, not even the files that SQLite keeps beside it are made.
    fn peek(path: &Path) -> Result<Self, StoreError> {
        if is_settled(path) {
            Self::open_frozen(path, Duration::ZERO)
        } else {
            Self::open_reading(path, "", Duration::from_millis(100))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_begin_as_asked_and_failures_are_silent() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a b%.db");
        let none: Vec<(String, String)> = Vec::new();
        assert_eq!(suggest(&path, What::Alarms, ""), none);
        assert!(!path.exists(), "looking makes no database");
        let db = Db::open_or_create(&path, Duration::ZERO).unwrap();
        let add = "INSERT INTO ips (ip, ip_type, region, asset_id, asset_name, remark) VALUES (?1, 'outside', NULL, NULL, NULL, NULL)";
        for ip in ["192.0.2.1", "198.51.100.9", "198.51.100.10"] {
            db.conn.execute(add, [ip]).unwrap();
        }
        let ips =
            |prefix: &str| suggest(&path, What::Addresses, prefix).into_iter().map(|(ip, _)| ip).collect::<Vec<_>>();
        assert_eq!(ips("198."), ["198.51.100.10", "198.51.100.9"]);
        drop(db);
        assert_eq!(ips("19").len(), 3);
        for what in [What::Alarms, What::Keys, What::Policies] {
            assert!(Db::peek(&path).is_ok_and(|db| read(&db.conn, what, "x").is_ok()), "{what:?}");
        }
        let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["a b%.db"]);
        std::fs::write(&path, "no database").unwrap();
        assert_eq!(ips(""), Vec::<String>::new());
    }
}
