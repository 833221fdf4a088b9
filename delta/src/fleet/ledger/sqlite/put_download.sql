INSERT INTO downloads (id, tenant, deployment, device, artifact, kind, from_name, to_name, artifact_size, full_size, covered,
    unplaced, transferred_origin, transferred_gateway, last_ts, received_ts)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET kind = excluded.kind, from_name = excluded.from_name, to_name = excluded.to_name,
    full_size = excluded.full_size, covered = excluded.covered, unplaced = excluded.unplaced,
    transferred_origin = excluded.transferred_origin, transferred_gateway = excluded.transferred_gateway,
    last_ts = excluded.last_ts, received_ts = excluded.received_ts
