INSERT INTO events (tenant, event_id, content, download, event, via, start, bytes, ts, recorded)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
