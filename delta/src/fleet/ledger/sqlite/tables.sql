-- Version 1. Sizes are bytes, times milliseconds since 1970, days are days since 1970 (UTC).
CREATE TABLE tenants (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;

-- One Artifact for one device in one deployment. What the events say of it, and how far it has come.
CREATE TABLE downloads (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL,
    deployment TEXT NOT NULL,
    device TEXT NOT NULL,
    artifact BLOB NOT NULL,            -- SHA-256
    kind INTEGER NOT NULL,             -- 0 not known, 1 full, 2 delta
    from_name TEXT,
    to_name TEXT,
    artifact_size INTEGER NOT NULL,
    full_size INTEGER,
    covered BLOB NOT NULL,             -- ranges that came: pairs of begin and end, 8 bytes little endian each
    unplaced INTEGER NOT NULL,         -- bytes that came from nobody knows where in the Artifact
    transferred_origin INTEGER NOT NULL,
    transferred_gateway INTEGER NOT NULL,
    last_ts INTEGER,
    received_ts INTEGER,
    UNIQUE (tenant, deployment, device, artifact)
) STRICT;

-- The ledger itself: rows are added, never changed.
CREATE TABLE events (
    tenant INTEGER NOT NULL,
    event_id TEXT NOT NULL,
    content BLOB NOT NULL,             -- first half of a SHA-256 over all that the event says
    download INTEGER NOT NULL,
    event INTEGER NOT NULL,            -- 0 assigned, 1 served, 2 received, 3 aborted
    via INTEGER,                       -- 0 origin, 1 gateway
    start INTEGER,                     -- where the bytes begin in the Artifact, if that is known
    bytes INTEGER NOT NULL,
    ts INTEGER NOT NULL,
    recorded INTEGER NOT NULL,         -- when it came into the ledger
    UNIQUE (tenant, event_id)
) STRICT;
CREATE INDEX events_of_download ON events (download);
CREATE TRIGGER events_never_change BEFORE UPDATE ON events BEGIN SELECT raise(ABORT, 'events are only added'); END;
CREATE TRIGGER events_never_go BEFORE DELETE ON events BEGIN SELECT raise(ABORT, 'events are only added'); END;

-- Sums of the events, kept up to date with them. Axis 0: name is a deployment; axis 1: name is a device.
CREATE TABLE rollups (
    tenant INTEGER NOT NULL,
    axis INTEGER NOT NULL,
    name TEXT NOT NULL,
    day INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    assigned INTEGER NOT NULL,
    assigned_bytes INTEGER NOT NULL,
    transferred_origin INTEGER NOT NULL,
    transferred_gateway INTEGER NOT NULL,
    retransmitted_origin INTEGER NOT NULL,
    retransmitted_gateway INTEGER NOT NULL,
    aborted INTEGER NOT NULL,
    completed INTEGER NOT NULL,
    full_bytes INTEGER NOT NULL,
    saved INTEGER NOT NULL,
    saved_at_origin INTEGER NOT NULL,
    unseen INTEGER NOT NULL,
    without_full_size INTEGER NOT NULL,
    PRIMARY KEY (tenant, axis, name, day, kind)
) STRICT, WITHOUT ROWID;
