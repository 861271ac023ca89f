//! Who works in the account and what is granted to whom, as the newest inventory said.

use super::alarms::snapshot;
use super::{Db, Failure, StoreError};
use crate::inventory::Inventory;
use rusqlite::{Connection, params};

/// Keeps what an inventory says; what it says nothing about stays as it was.
pub(super) fn save(conn: &Connection, inventory: &Inventory, scan: i64) -> Result<(), Failure> {
    let mut replace =
        conn.prepare_cached("INSERT OR REPLACE INTO inventory (kind, id, data, scan) VALUES (?1, ?2, ?3, ?4)")?;
    for row in inventory.snapshot() {
        replace.execute(params![row.kind, row.id, row.data, scan])?;
    }
    Ok(())
}

/// What inventories said so far.
pub fn stored(db: &Db) -> Result<Inventory, StoreError> {
    snapshot(db, |conn| {
        let mut inventory = Inventory::default();
        let mut select = conn.prepare("SELECT kind, id, data FROM inventory ORDER BY kind, id")?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            let (kind, id, data): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
            inventory.add_snapshot(&kind, &id, &data).map_err(Failure::Content)?;
        }
        Ok(inventory)
    })
}
