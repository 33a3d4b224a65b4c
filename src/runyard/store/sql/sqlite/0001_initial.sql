-- Runs and their one log. Text columns are never NULL; times are seconds since 1970.

CREATE TABLE runs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    run_id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    workflow_name TEXT NOT NULL,
    workflow_version TEXT NOT NULL,
    owner TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    version INTEGER NOT NULL,
    status TEXT NOT NULL,
    message TEXT NOT NULL DEFAULT '',
    last_error TEXT NOT NULL DEFAULT '',
    interrupted_reason TEXT NOT NULL DEFAULT '',
    last_notify_error TEXT NOT NULL DEFAULT '',
    started_at REAL,
    finished_at REAL,
    updated_at REAL
);

CREATE INDEX runs_by_status ON runs (status, id);

-- Apart from runs, whose row is written by every commit: a workflow's text can be long.
CREATE TABLE specs (
    run INTEGER PRIMARY KEY,
    data TEXT NOT NULL
);

CREATE TABLE events (
    run INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    at REAL NOT NULL,
    version INTEGER NOT NULL,
    type TEXT NOT NULL,
    step TEXT NOT NULL,
    host TEXT NOT NULL,
    data TEXT NOT NULL,
    PRIMARY KEY (run, seq)
) WITHOUT ROWID;

-- `position` is the seq of the first step.started: the order of the steps.
CREATE TABLE steps (
    run INTEGER NOT NULL,
    step TEXT NOT NULL,
    position INTEGER NOT NULL,
    status TEXT NOT NULL,
    started_at REAL,
    finished_at REAL,
    message TEXT NOT NULL DEFAULT '',
    hosts TEXT NOT NULL DEFAULT '[]',
    PRIMARY KEY (run, step)
) WITHOUT ROWID;

-- A result is kept once, in its event: `result` is that event's seq. `seq` is the last event
-- about the attempt; the newest attempt of a step on a host is the one that counts.
CREATE TABLE attempts (
    run INTEGER NOT NULL,
    step TEXT NOT NULL,
    host TEXT NOT NULL,
    n INTEGER NOT NULL,
    status TEXT NOT NULL,
    started_at REAL,
    finished_at REAL,
    message TEXT NOT NULL DEFAULT '',
    seq INTEGER NOT NULL,
    result INTEGER,
    done INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (run, step, host, n)
) WITHOUT ROWID;

-- What people ask of a run. `void`: asked of an owner that is gone, and not of the next one.
CREATE TABLE controls (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    run INTEGER NOT NULL,
    kind TEXT NOT NULL,
    data TEXT NOT NULL,
    at REAL NOT NULL,
    void INTEGER NOT NULL DEFAULT 0
);

CREATE INDEX controls_by_run ON controls (run, id);

-- Anything of which there is one: a concurrency key, an agent session, a fleet's slot.
CREATE TABLE leases (
    resource TEXT PRIMARY KEY,
    holder TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    expires_at REAL NOT NULL
) WITHOUT ROWID;

-- How far each reader (a notifier) has got; the log itself is what is yet to be delivered.
CREATE TABLE outbox (
    reader TEXT NOT NULL,
    run INTEGER NOT NULL,
    delivered INTEGER NOT NULL,
    delivered_at REAL NOT NULL,
    PRIMARY KEY (reader, run)
) WITHOUT ROWID;

-- Records as somebody who embeds the engine gave them (RunStore); not a fold of anything here.
CREATE TABLE snapshots (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    run_id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    workflow_name TEXT NOT NULL,
    status TEXT NOT NULL,
    data TEXT NOT NULL
);
