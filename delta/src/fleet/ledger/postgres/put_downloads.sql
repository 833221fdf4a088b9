INSERT INTO mender_ledger.downloads (tenant, id, deployment, device, artifact, kind, from_name, to_name, artifact_size, full_size,
    covered, unplaced, transferred_origin, transferred_gateway, last_ts, received_ts)
SELECT $1, * FROM unnest($2::bigint[], $3::text[], $4::text[], $5::bytea[], $6::bigint[], $7::text[], $8::text[], $9::bigint[],
    $10::bigint[], $11::bytea[], $12::bigint[], $13::bigint[], $14::bigint[], $15::bigint[], $16::bigint[])
ON CONFLICT (id) DO UPDATE SET kind = excluded.kind, from_name = excluded.from_name, to_name = excluded.to_name,
    full_size = excluded.full_size, covered = excluded.covered, unplaced = excluded.unplaced,
    transferred_origin = excluded.transferred_origin, transferred_gateway = excluded.transferred_gateway,
    last_ts = excluded.last_ts, received_ts = excluded.received_ts
