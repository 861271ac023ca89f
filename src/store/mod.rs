//! The database: alarms and what people decided about them, the past that rules judge by, who used what.
//!
//! One SQLite file of the user's. `schema/` has its versions, docs/database.md says what is kept and why.

mod activity;
pub mod admin;
pub mod alarms;
pub mod allowlist;
pub mod cases;
mod classes;
pub mod decisions;
pub mod holders;
pub mod inventory;
pub mod keep;
pub mod ledger;
mod pack;
mod past;
pub mod period;
mod project;
pub mod read;
pub mod requests;
#[cfg(test)]
mod sample;
pub mod scan;
pub mod schema;
mod sightings;
pub mod suggest;
pub mod usage;

use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior};
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Why the database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no such file.
    #[error("there is no database at {0} yet")]
    Missing(PathBuf),
    /// The file or its folder cannot be made or opened.
    #[error("cannot open the database {path}")]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A copy cannot be written.
    #[error("cannot write the copy {path}")]
    Copy {
        /// The new file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is something else.
    #[error("{path} is no akguard database: {what}")]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What it is.
        what: &'static str,
    },
    /// An earlier version made it, and it cannot be brought forward where it is.
    #[error("{0} is of an earlier akguard, and cannot be written to, so that it cannot be brought to today's format")]
    Older(PathBuf),
    /// A later version of the program made it.
    #[error("{path} was made by a newer akguard: it has format {found}, and this version knows up to {known}")]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: i64,
        /// The newest format known.
        known: i64,
    },
    /// Somebody else writes to it.
    #[error("the database {path} is in use by another akguard; gave up after {waited:?}")]
    Busy {
        /// The file.
        path: PathBuf,
        /// How long it was waited for.
        waited: Duration,
    },
    /// SQLite reports an error.
    #[error("the database {path} cannot be used: {what}")]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// What to make of it.
        what: &'static str,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// What is kept there does not make sense.
    #[error("the database {path} holds something that cannot be read: {what}")]
    Content {
        /// The file.
        path: PathBuf,
        /// What.
        what: String,
    },
}

impl StoreError {
    /// What a user can try.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Missing(_) => "`akguard scan` makes one; --db or AKGUARD_DB name another place",
            Self::Open { .. } => "--db or AKGUARD_DB name another place; --no-db scans without one",
            Self::Copy { .. } => "name a file that is not there yet, in a folder that is",
            Self::Foreign { .. } => "name another file with --db",
            Self::Older(_) => "copy it to where it can be written, and name the copy with --db",
            Self::Newer { .. } => "use that version, or another file with --db; nothing was changed",
            Self::Busy { .. } => "try again later, or wait longer with --wait",
            Self::Sqlite { source, .. } => match source.sqlite_error_code() {
                Some(ErrorCode::DiskFull) => "make room on the disk and run the command again; nothing of it was kept",
                Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                    "try again later, or wait longer with --wait"
                }
                Some(ErrorCode::SystemIoFailure) => {
                    "the disk may be full or failing; make room, and run the command again"
                }
                Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
                    "the file and its folder must be writable; --db names another place"
                }
                _ => "`akguard db check` says what is damaged; docs/daily.md says how to go back to a backup",
            },
            Self::Content { .. } => {
                "`akguard db check` says what is damaged; docs/daily.md says how to go back to a backup"
            }
        }
    }
}

/// An open database.
#[derive(Debug)]
pub struct Db {
    /// The connection.
    pub conn: Connection,
    path: PathBuf,
    wait: Duration,
}

/// How long is waited at least for what takes others but a moment.
const WAIT: Duration = Duration::from_secs(5);
/// Marks the file as ours: the letters "AKGD".
const APPLICATION_ID: i64 = 0x414b_4744;
/// The first bytes of every SQLite file.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

impl Db {
    /// Opens the database at `path` for reading and writing, and makes it if it is not there. Writers wait up to `wait` for each other.
    pub fn open_or_create(path: &Path, wait: Duration) -> Result<Self, StoreError> {
        let failed = |source| StoreError::Open { path: path.to_path_buf(), source };
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.exists()) {
            make_folder(folder).map_err(failed)?;
        }
        make_private(path).map_err(failed)?;
        Self::open_any(path, wait)
    }

    /// A database that is gone with the program.
    pub fn in_memory() -> Result<Self, StoreError> {
        let path = PathBuf::from(":memory:");
        let sqlite = |source| StoreError::sqlite(&path, source);
        let conn = Connection::open_in_memory().map_err(sqlite)?;
        conn.pragma_update(None, "foreign_keys", true).map_err(sqlite)?;
        conn.set_prepared_statement_cache_capacity(64);
        let db = Self { conn, path: path.clone(), wait: Duration::ZERO };
        db.migrate()?;
        Ok(db)
    }

    /// Opens the database at `path`, which must be there.
    pub fn open(path: &Path, wait: Duration) -> Result<Self, StoreError> {
        if path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.len() == 0) {
            return Err(StoreError::Missing(path.to_path_buf()));
        }
        Self::open_any(path, wait)
    }

    fn open_any(path: &Path, wait: Duration) -> Result<Self, StoreError> {
        check_file(path)?;
        let sqlite = |source| StoreError::sqlite(path, source);
        if is_frozen(path) {
            return Self::open_frozen(path, wait);
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let conn = Connection::open_with_flags(path, flags).map_err(sqlite)?;
        let db = Self { conn, path: path.to_path_buf(), wait };
        let version = db.checked_version()?;
        patiently(wait, || db.set_up(version == 0)).map_err(sqlite)?;
        if version < schema::VERSION {
            db.migrate()?;
        }
        Ok(db)
    }

    /// Opens a database that this user cannot write to, such as an auditor's copy: for reading alone.
    fn open_frozen(path: &Path, wait: Duration) -> Result<Self, StoreError> {
        Self::open_reading(path, "?immutable=1", wait)
    }

    fn open_reading(path: &Path, how: &str, wait: Duration) -> Result<Self, StoreError> {
        let sqlite = |source| StoreError::sqlite(path, source);
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let whole =
            std::path::absolute(path).map_err(|source| StoreError::Open { path: path.to_path_buf(), source })?;
        let bytes = whole.as_os_str().as_encoded_bytes();
        let escaped = bytes.iter().fold(String::new(), |text, byte| text + &format!("%{byte:02x}"));
        let conn = Connection::open_with_flags(format!("file:{escaped}{how}"), flags).map_err(sqlite)?;
        let db = Self { conn, path: path.to_path_buf(), wait };
        if db.checked_version()? < schema::VERSION {
            return Err(StoreError::Older(db.path));
        }
        Ok(db)
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn set_up(&self, is_new: bool) -> rusqlite::Result<()> {
        // Readers never wait in WAL mode but for the moment in which a writer begins anew. A new file is filled before:
        // its content then goes to the disk once instead of twice, and whoever opens it next brings it to WAL mode.
        self.conn.busy_timeout(WAIT)?;
        if !is_new {
            self.conn.pragma_update(None, "journal_mode", "WAL")?;
        }
        self.conn.pragma_update(None, "synchronous", "FULL")?;
        self.conn.pragma_update(None, "foreign_keys", true)?;
        self.conn.pragma_update(None, "trusted_schema", false)?;
        self.conn.pragma_update(None, "cache_size", -32_768)?;
        self.conn.set_prepared_statement_cache_capacity(64);
        Ok(())
    }

    /// The format of the file, once it is clear that it is ours, and not newer than this program. Nothing is changed.
    fn checked_version(&self) -> Result<i64, StoreError> {
        let sqlite = |source| StoreError::sqlite(&self.path, source);
        self.conn.busy_timeout(self.wait).map_err(sqlite)?;
        // All in one view of the file: another akguard may be making it at this moment.
        let _view = self.conn.unchecked_transaction().map_err(sqlite)?;
        let number = |name: &str| self.conn.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).map_err(sqlite);
        let (owner, version) = (number("application_id")?, number("user_version")?);
        let tables: i64 =
            self.conn.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(sqlite)?;
        let fresh = owner == 0 && version == 0 && tables == 0;
        if owner != APPLICATION_ID && !fresh {
            return Err(StoreError::Foreign { path: self.path.clone(), what: "another program's SQLite file" });
        }
        if version > schema::VERSION {
            return Err(StoreError::Newer { path: self.path.clone(), found: version, known: schema::VERSION });
        }
        Ok(version)
    }

    fn migrate(&self) -> Result<(), StoreError> {
        let work = |tx: &Transaction<'_>| {
            tx.pragma_update(None, "application_id", APPLICATION_ID)?;
            schema::migrate(tx)
        };
        self.write(work).map_err(|failure| failure.at(&self.path))
    }

    /// Does `work` in one transaction that no other writer is in at the same time: all of it is kept, or nothing.
    pub fn write<T>(&self, work: impl FnOnce(&Transaction<'_>) -> Result<T, Failure>) -> Result<T, Failure> {
        let transaction = begin(&self.conn, &self.path, self.wait)?;
        let result = work(&transaction)?;
        // Outside WAL mode, readers who are just looking are in the way of a commit.
        self.conn.busy_timeout(self.wait.max(WAIT))?;
        transaction.commit()?;
        Ok(result)
    }
}

/// What goes wrong inside a transaction.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// SQLite reports an error.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    /// Something kept cannot be read.
    #[error("{0}")]
    Content(String),
    /// The work was done to see what it would do, and is not to be kept.
    #[error("nothing was kept")]
    Undone(Box<admin::Removed>),
    /// An error that already names its file.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Failure {
    /// The error with the file it is about.
    pub fn at(self, path: &Path) -> StoreError {
        match self {
            Self::Sqlite(source) => StoreError::sqlite(path, source),
            Self::Content(what) => StoreError::Content { path: path.to_path_buf(), what },
            Self::Undone(_) => StoreError::Content { path: path.to_path_buf(), what: "nothing was kept".to_string() },
            Self::Store(error) => error,
        }
    }
}

impl StoreError {
    fn sqlite(path: &Path, source: rusqlite::Error) -> Self {
        let what = match source.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => "the disk is full",
            Some(ErrorCode::ReadOnly) => "it cannot be written to",
            Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => "it cannot be opened",
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => "it is damaged",
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => "another program holds it",
            Some(ErrorCode::SystemIoFailure) => "reading or writing it failed",
            _ => "an unexpected answer",
        };
        Self::Sqlite { path: path.to_path_buf(), what, source }
    }
}

/// Begins a writing transaction; tells on stderr when that takes waiting.
fn begin<'c>(conn: &'c Connection, path: &Path, wait: Duration) -> Result<Transaction<'c>, Failure> {
    const STEP: Duration = Duration::from_millis(50);
    let started = Instant::now();
    let mut told = false;
    conn.busy_timeout(STEP)?;
    loop {
        match Transaction::new_unchecked(conn, TransactionBehavior::Immediate) {
            Ok(transaction) => return Ok(transaction),
            Err(error) if !is_busy(&error) => return Err(error.into()),
            Err(_) if started.elapsed() >= wait => {
                return Err(StoreError::Busy { path: path.to_path_buf(), waited: wait }.into());
            }
            Err(_) if !told && started.elapsed() > 10 * STEP => {
                tell_waiting(path, wait);
                told = true;
            }
            Err(_) => {}
        }
    }
}

/// Tries again what another akguard is in the way of, such as making the same file.
fn patiently(wait: Duration, mut work: impl FnMut() -> rusqlite::Result<()>) -> rusqlite::Result<()> {
    let started = Instant::now();
    loop {
        match work() {
            Err(error) if is_busy(&error) && started.elapsed() < wait => std::thread::sleep(Duration::from_millis(20)),
            result => return result,
        }
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

fn tell_waiting(path: &Path, wait: Duration) {
    use std::io::Write;
    let path = path.display();
    let _ = writeln!(io::stderr().lock(), "waiting up to {wait:?} for another akguard that writes to {path}");
}

/// Held by a scan from start to end, so that a second one on the same database waits instead of reading the same logs.
#[derive(Debug)]
pub struct ScanLock(#[expect(dead_code, reason = "held, not used: the lock ends with the file")] File);

impl ScanLock {
    /// Takes the lock beside the database at `path`; tells on stderr when that takes waiting, and gives up after `wait`.
    pub fn take(path: &Path, wait: Duration) -> Result<Self, StoreError> {
        let lock = beside(path, ".lock");
        let failed = |source| StoreError::Open { path: lock.clone(), source };
        make_private(&lock).map_err(failed)?;
        let file = OpenOptions::new().write(true).open(&lock).map_err(failed)?;
        let started = Instant::now();
        let mut told = false;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self(file)),
                Err(std::fs::TryLockError::Error(source)) => return Err(failed(source)),
                Err(std::fs::TryLockError::WouldBlock) if started.elapsed() >= wait => {
                    return Err(StoreError::Busy { path: path.to_path_buf(), waited: wait });
                }
                Err(std::fs::TryLockError::WouldBlock) => {
                    if !told {
                        tell_waiting(path, wait);
                        told = true;
                    }
                    std::thread::sleep(Duration::from_millis(50));
                }
            }
        }
    }
}

/// Whether a file cannot be written to, and nobody else is writing to it: there is nothing beside it that is not yet in it.
fn is_frozen(path: &Path) -> bool {
    let refused =
        |error: io::Error| matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem);
    is_settled(path) && OpenOptions::new().write(true).open(path).err().is_some_and(refused)
}

/// Whether everything is in the file itself, and nothing beside it that has yet to come in or to be taken back.
fn is_settled(path: &Path) -> bool {
    let is_empty = |ending| beside(path, ending).metadata().map_or(true, |metadata| metadata.len() == 0);
    is_empty("-wal") && is_empty("-journal")
}

/// The file beside the database whose name has this ending more.
fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(ending);
    path.with_file_name(name)
}

/// Looks at a file before SQLite does, for errors in plain words.
fn check_file(path: &Path) -> Result<(), StoreError> {
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => StoreError::Missing(path.to_path_buf()),
        _ => StoreError::Open { path: path.to_path_buf(), source },
    };
    let mut file = File::open(path).map_err(failed)?;
    if !file.metadata().map_err(failed)?.is_file() {
        return Err(StoreError::Foreign { path: path.to_path_buf(), what: "it is no file" });
    }
    let mut head = Vec::new();
    Read::by_ref(&mut file).take(MAGIC.len() as u64).read_to_end(&mut head).map_err(failed)?;
    if !head.is_empty() && head != MAGIC {
        return Err(StoreError::Foreign { path: path.to_path_buf(), what: "it is no SQLite file" });
    }
    Ok(())
}

/// Makes an empty file that only its owner can read, unless there is one.
fn make_private(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        Err(_) => close_to_others(path),
        Ok(_) => Ok(()),
    }
}

/// Takes a file that is still empty away from others; one with content is as its owner wants it.
fn close_to_others(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    if path.metadata()?.is_file() && path.metadata()?.len() == 0 {
        std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    }
    Ok(())
}

fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_database_is_filled_before_it_has_a_log() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let mode = |db: &Db| -> String { db.conn.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap() };
        let first = Db::open_or_create(&path, Duration::ZERO).unwrap();
        assert_eq!(mode(&first), "delete");
        let remark = |db: &Db, id: &str| {
            let insert = "INSERT INTO remarks (kind, id, remark, at) VALUES ('ip', ?1, 'office', 1)";
            db.write(|tx| Ok(tx.execute(insert, [id])?)).unwrap();
        };
        remark(&first, "203.0.113.1");
        // Opened by another program while the first one still has it.
        let second = Db::open(&path, Duration::from_secs(5)).unwrap();
        assert_eq!(mode(&second), "wal");
        remark(&second, "203.0.113.2");
        remark(&first, "203.0.113.3");
        let count: i64 = second.conn.query_row("SELECT count(*) FROM remarks", [], |row| row.get(0)).unwrap();
        assert_eq!(count, 3);
    }
}
