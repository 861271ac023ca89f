-- Version 3: which records could not be read, and up to which scan reports have told of them.

-- The first of each file, so that a report can say where they stand and why. file: its number in the ledger, if it was
-- read to its end; line and record are 0 when the file as a whole could not be read. scan: the newest that met it, first:
-- the first one; of_file: records of the file that could not be read, 0 when it was not read at all.
CREATE TABLE rejects (
    number INTEGER PRIMARY KEY,
    scan INTEGER NOT NULL REFERENCES scans (number) ON DELETE CASCADE,
    first INTEGER NOT NULL,
    file INTEGER REFERENCES files (number) ON DELETE CASCADE,
    name TEXT NOT NULL,
    of_file INTEGER NOT NULL,
    line INTEGER NOT NULL,
    record INTEGER NOT NULL,
    reason TEXT NOT NULL
) STRICT;
CREATE INDEX rejects_by_scan ON rejects (scan);
CREATE INDEX rejects_by_name ON rejects (name);
CREATE INDEX rejects_by_file ON rejects (file);
-- The newest scan that a report or message with this mark has told of.
CREATE TABLE told (
    mark TEXT PRIMARY KEY,
    scan INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
-- Whoever used a mark before has been told of everything up to now.
INSERT INTO told SELECT DISTINCT name, coalesce((SELECT max(number) FROM scans), 0) FROM marks;
