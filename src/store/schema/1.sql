-- Version 1. Times are milliseconds since 1970, UTC. Lists are JSON arrays.

CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

-- What was scanned, when and with what result.
CREATE TABLE scans (
    number INTEGER PRIMARY KEY,
    command TEXT NOT NULL,
    version TEXT NOT NULL,
    zone TEXT NOT NULL,
    started INTEGER NOT NULL,
    finished INTEGER NOT NULL,
    context BLOB NOT NULL,
    counts TEXT NOT NULL,
    new_alarms INTEGER NOT NULL,
    grown_alarms INTEGER NOT NULL
) STRICT;

-- Files read to their end, by content. `context` is a hash of what else the result hangs on. shared: some of its events
-- stood in another file of the same scan as well; rejects: some of its records could not be read.
CREATE TABLE files (
    number INTEGER PRIMARY KEY,
    hash BLOB NOT NULL,
    context BLOB NOT NULL,
    name TEXT NOT NULL,
    size INTEGER NOT NULL,
    scan INTEGER NOT NULL REFERENCES scans (number) ON DELETE CASCADE,
    shared INTEGER NOT NULL,
    rejects INTEGER NOT NULL,
    UNIQUE (hash, context)
) STRICT;
CREATE INDEX files_by_size ON files (size);
CREATE INDEX files_by_scan ON files (scan);

-- Alarms as lists show them, made from `parts`. One without calls is withdrawn and shown nowhere.
-- level: 5 critical, 4 high, 3 medium, 2 low, 1 note. sources: JSON of the addresses in short, empty when not worked out.
CREATE TABLE alarms (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    rule TEXT NOT NULL,
    type TEXT NOT NULL,
    level INTEGER NOT NULL,
    date TEXT NOT NULL,
    account TEXT NOT NULL,
    app_id TEXT,
    identity TEXT NOT NULL,
    user TEXT,
    ak TEXT NOT NULL,
    owner TEXT NOT NULL,
    role INTEGER NOT NULL,
    ak_remark TEXT,
    first_call INTEGER NOT NULL,
    last_call INTEGER NOT NULL,
    success INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    tags TEXT NOT NULL,
    why TEXT NOT NULL,
    event_ids TEXT NOT NULL,
    sources TEXT NOT NULL DEFAULT '',
    first_seen INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    standing TEXT,
    status TEXT NOT NULL DEFAULT 'unprocessed',
    decided_at INTEGER,
    decided_by TEXT,
    decided_note TEXT,
    decided_calls INTEGER
) STRICT;
CREATE INDEX alarms_in_order ON alarms (level DESC, last_call DESC, id);
CREATE INDEX alarms_by_ak ON alarms (ak);
CREATE INDEX alarms_by_rule ON alarms (rule);

-- Call records of alarms. source_ip and user are empty when there is none; ok is 1 for calls that succeeded.
CREATE TABLE records (
    number INTEGER PRIMARY KEY,
    alarm INTEGER NOT NULL REFERENCES alarms (number) ON DELETE CASCADE,
    source_ip TEXT NOT NULL,
    service TEXT NOT NULL,
    action TEXT NOT NULL,
    api_call INTEGER NOT NULL,
    user_type TEXT NOT NULL,
    user TEXT NOT NULL,
    code TEXT NOT NULL,
    ok INTEGER NOT NULL,
    calls INTEGER NOT NULL,
    first_call INTEGER NOT NULL,
    last_call INTEGER NOT NULL,
    region TEXT,
    api_regions TEXT NOT NULL,
    ip_type TEXT NOT NULL,
    ip_remark TEXT,
    asset_id TEXT,
    asset_name TEXT,
    policies TEXT NOT NULL,
    clients TEXT NOT NULL,
    UNIQUE (alarm, source_ip, service, action, api_call, user_type, user, code, ok)
) STRICT;
CREATE INDEX records_by_ip ON records (source_ip);

-- The first calls of each record, up to the cap of the settings.
CREATE TABLE calls (
    record INTEGER NOT NULL REFERENCES records (number) ON DELETE CASCADE,
    time INTEGER NOT NULL,
    event INTEGER NOT NULL,
    request_id TEXT NOT NULL,
    PRIMARY KEY (record, time, event)
) STRICT, WITHOUT ROWID;

-- The long part of a call, shared by all alarms that hold it; secrets are taken out before.
CREATE TABLE events (
    event INTEGER PRIMARY KEY,
    time INTEGER NOT NULL,
    event_id TEXT NOT NULL,
    body TEXT NOT NULL,
    resources TEXT NOT NULL
) STRICT;

-- What each source knows of an alarm (see alarm/part.rs). kind: 0 hits, 1 gathered, 2 judged; source: the
-- key that made judged calls, else empty.
CREATE TABLE parts (
    alarm INTEGER NOT NULL REFERENCES alarms (number) ON DELETE CASCADE,
    kind INTEGER NOT NULL,
    source TEXT NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (alarm, kind, source)
) STRICT, WITHOUT ROWID;
CREATE INDEX parts_by_source ON parts (source) WHERE kind = 2;
CREATE INDEX parts_gathered ON parts (alarm) WHERE kind = 1;

-- Which files hold events of which alarms, and what each scan added.
CREATE TABLE alarm_files (
    file INTEGER NOT NULL REFERENCES files (number) ON DELETE CASCADE,
    alarm INTEGER NOT NULL REFERENCES alarms (number) ON DELETE CASCADE,
    PRIMARY KEY (file, alarm)
) STRICT, WITHOUT ROWID;
CREATE INDEX alarm_files_by_alarm ON alarm_files (alarm);
CREATE TABLE growth (
    alarm INTEGER NOT NULL REFERENCES alarms (number) ON DELETE CASCADE,
    scan INTEGER NOT NULL REFERENCES scans (number) ON DELETE CASCADE,
    calls INTEGER NOT NULL,
    PRIMARY KEY (alarm, scan)
) STRICT, WITHOUT ROWID;
CREATE INDEX growth_by_scan ON growth (scan);

-- What people decided.
CREATE TABLE decisions (
    number INTEGER PRIMARY KEY,
    alarm INTEGER NOT NULL REFERENCES alarms (number) ON DELETE CASCADE,
    status TEXT NOT NULL,
    at INTEGER NOT NULL,
    by TEXT NOT NULL,
    note TEXT
) STRICT;
CREATE INDEX decisions_by_alarm ON decisions (alarm);
CREATE TABLE remarks (
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    remark TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;
CREATE TABLE allowlist (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    policy TEXT NOT NULL,
    enabled INTEGER NOT NULL,
    created INTEGER NOT NULL,
    updated INTEGER NOT NULL,
    expires INTEGER
) STRICT;
-- Which records a policy covers, whether or not it is in force just now.
CREATE TABLE coverage (
    policy INTEGER NOT NULL REFERENCES allowlist (number) ON DELETE CASCADE,
    record INTEGER NOT NULL REFERENCES records (number) ON DELETE CASCADE,
    PRIMARY KEY (policy, record)
) STRICT, WITHOUT ROWID;
CREATE INDEX coverage_by_record ON coverage (record);
-- Ids of alarms that a run with this mark has shown; they outlast a prune, so that no alarm is shown twice.
CREATE TABLE marks (
    name TEXT NOT NULL,
    alarm TEXT NOT NULL,
    PRIMARY KEY (name, alarm)
) STRICT, WITHOUT ROWID;

-- The past that timeline rules judge by. Everything here is a first or last time, or a member of a set.
CREATE TABLE key_past (ak TEXT PRIMARY KEY, data BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE accounts (account TEXT PRIMARY KEY, first INTEGER NOT NULL, app_id TEXT) STRICT, WITHOUT ROWID;
CREATE TABLE first_uses (
    principal TEXT NOT NULL,
    value TEXT NOT NULL,
    first INTEGER NOT NULL,
    PRIMARY KEY (principal, value)
) STRICT, WITHOUT ROWID;
CREATE TABLE created_users (
    account TEXT NOT NULL,
    uin TEXT NOT NULL,
    name TEXT NOT NULL,
    time INTEGER NOT NULL,
    PRIMARY KEY (account, uin, name, time)
) STRICT, WITHOUT ROWID;
CREATE TABLE created_keys (
    account TEXT NOT NULL,
    id TEXT NOT NULL,
    time INTEGER NOT NULL,
    PRIMARY KEY (account, id, time)
) STRICT, WITHOUT ROWID;
-- What inventories said. what: key-created, key-used, user, name.
CREATE TABLE listed (
    what TEXT NOT NULL,
    id TEXT NOT NULL,
    time INTEGER NOT NULL,
    PRIMARY KEY (what, id, time)
) STRICT, WITHOUT ROWID;
-- Policies by name, as inventories gave them.
CREATE TABLE policy_documents (name TEXT PRIMARY KEY, document TEXT NOT NULL) STRICT, WITHOUT ROWID;
-- Events that a timeline rule may yet make a hit (see store/sightings.rs).
CREATE TABLE sightings (
    rule TEXT NOT NULL,
    source TEXT NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (rule, source)
) STRICT, WITHOUT ROWID;

-- Who used what from where. A label is a key as alarms name it.
CREATE TABLE labels (
    number INTEGER PRIMARY KEY,
    account TEXT NOT NULL,
    ak TEXT NOT NULL,
    owner TEXT NOT NULL,
    role INTEGER NOT NULL,
    UNIQUE (account, ak, owner, role)
) STRICT;
CREATE TABLE ak_api (
    label INTEGER NOT NULL REFERENCES labels (number),
    user_type TEXT NOT NULL,
    user TEXT NOT NULL,
    principal TEXT NOT NULL,
    service TEXT NOT NULL,
    action TEXT NOT NULL,
    outcome TEXT NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    PRIMARY KEY (label, user_type, user, principal, service, action, outcome)
) STRICT, WITHOUT ROWID;
CREATE TABLE ak_ip (
    label INTEGER NOT NULL REFERENCES labels (number),
    ip TEXT NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    PRIMARY KEY (label, ip)
) STRICT, WITHOUT ROWID;
CREATE INDEX ak_ip_by_ip ON ak_ip (ip);
CREATE TABLE ip_api (
    ip TEXT NOT NULL,
    service TEXT NOT NULL,
    action TEXT NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    PRIMARY KEY (ip, service, action)
) STRICT, WITHOUT ROWID;
CREATE TABLE ips (
    ip TEXT PRIMARY KEY,
    ip_type TEXT NOT NULL,
    region TEXT,
    asset_id TEXT,
    asset_name TEXT,
    remark TEXT
) STRICT, WITHOUT ROWID;
