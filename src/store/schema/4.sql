-- Version 4: what was used from an address is one value (see store/activity.rs) instead of a row for each API.

-- services, apis: how many different ones.
CREATE TABLE ip_uses (
    ip TEXT PRIMARY KEY,
    services INTEGER NOT NULL,
    apis INTEGER NOT NULL,
    data BLOB NOT NULL
) STRICT, WITHOUT ROWID;
