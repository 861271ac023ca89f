-- Version 2: what permissions were asked for, and what the account grants.

-- What one caller asked of one API with one key (see store/requests.rs).
CREATE TABLE requests (
    label INTEGER NOT NULL REFERENCES labels (number),
    user_type TEXT NOT NULL,
    user TEXT NOT NULL,
    principal TEXT NOT NULL,
    service TEXT NOT NULL,
    action TEXT NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (label, user_type, user, principal, service, action)
) STRICT, WITHOUT ROWID;
-- Local days, since 1970, with events of an account in a region; the region is empty where an event names none.
CREATE TABLE seen_days (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    day INTEGER NOT NULL,
    PRIMARY KEY (account, region, day)
) STRICT, WITHOUT ROWID;
-- Users, keys, roles, groups, policies and what is attached to whom, as the newest inventory with each had it: JSON.
CREATE TABLE inventory (
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    data TEXT NOT NULL,
    scan INTEGER NOT NULL,
    PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;
-- Files read before know nothing of this: the next scan of them reads them again.
UPDATE files SET context = CAST('format 1, file ' || number AS BLOB);
