INSERT INTO mender_ledger.events (tenant, recorded, event_id, content, download, event, via, start, bytes, ts)
SELECT $1, $2, * FROM unnest($3::text[], $4::bytea[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[],
    $10::bigint[])
