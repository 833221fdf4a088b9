-- Version 1; see the tables of the SQLite file, which are the same.
CREATE TABLE mender_ledger.meta (version bigint NOT NULL);
INSERT INTO mender_ledger.meta VALUES (1);

CREATE TABLE mender_ledger.tenants (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE
);

CREATE SEQUENCE mender_ledger.download_ids;
CREATE TABLE mender_ledger.downloads (
    id bigint PRIMARY KEY,
    tenant bigint NOT NULL,
    deployment text COLLATE "C" NOT NULL,
    device text COLLATE "C" NOT NULL,
    artifact bytea NOT NULL,
    kind bigint NOT NULL,
    from_name text,
    to_name text,
    artifact_size bigint NOT NULL,
    full_size bigint,
    covered bytea NOT NULL,
    unplaced bigint NOT NULL,
    transferred_origin bigint NOT NULL,
    transferred_gateway bigint NOT NULL,
    last_ts bigint,
    received_ts bigint,
    UNIQUE (tenant, deployment, device, artifact)
);

CREATE TABLE mender_ledger.events (
    tenant bigint NOT NULL,
    event_id text COLLATE "C" NOT NULL,
    content bytea NOT NULL,
    download bigint NOT NULL,
    event bigint NOT NULL,
    via bigint,
    start bigint,
    bytes bigint NOT NULL,
    ts bigint NOT NULL,
    recorded bigint NOT NULL,
    PRIMARY KEY (tenant, event_id)
);
CREATE INDEX events_of_download ON mender_ledger.events (download);
CREATE FUNCTION mender_ledger.refuse() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'events are only added'; END $$;
CREATE TRIGGER events_never_change BEFORE UPDATE OR DELETE ON mender_ledger.events
    FOR EACH ROW EXECUTE FUNCTION mender_ledger.refuse();

CREATE TABLE mender_ledger.rollups (
    tenant bigint NOT NULL,
    axis bigint NOT NULL,
    name text COLLATE "C" NOT NULL,
    day bigint NOT NULL,
    kind bigint NOT NULL,
    assigned bigint NOT NULL,
    assigned_bytes bigint NOT NULL,
    transferred_origin bigint NOT NULL,
    transferred_gateway bigint NOT NULL,
    retransmitted_origin bigint NOT NULL,
    retransmitted_gateway bigint NOT NULL,
    aborted bigint NOT NULL,
    completed bigint NOT NULL,
    full_bytes bigint NOT NULL,
    saved bigint NOT NULL,
    saved_at_origin bigint NOT NULL,
    unseen bigint NOT NULL,
    without_full_size bigint NOT NULL,
    PRIMARY KEY (tenant, axis, name, day, kind)
);
