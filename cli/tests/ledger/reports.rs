//! Reports in all formats, and what cannot be taken.

use crate::events;
use crate::workplace::Workplace;
use serde_json::Value;

const DB: [&str; 4] = ["--db", "ledger.db", "--tenant", "acme"];

fn words<'a>(verb: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["ledger", verb], &DB[..], more].concat()
}

fn filled() -> Workplace {
    let place = Workplace::new();
    place.put("events.jsonl", events(20));
    let told = place.ok(&words("ingest", &["events.jsonl"]));
    assert_eq!(told, "events.jsonl: 80 new, 0 there before\n");
    place
}

#[test]
fn text() {
    let place = filled();
    let expected = "\
deployment  assigned  transferred   origin  gateway     again  completed  full images     saved
dep-0        9.8 KiB     10.7 KiB  7.8 KiB  2.9 KiB  1000 B         10     87.9 KiB  77.1 KiB  87.8 %
dep-1        9.8 KiB     10.7 KiB  7.8 KiB  2.9 KiB  1000 B         10     87.9 KiB  77.1 KiB  87.8 %
";
    let text = place.ok(&words("report", &[]));
    let squeezed = |text: &str| {
        text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect::<Vec<_>>()
    };
    assert_eq!(squeezed(&text)[..3], squeezed(expected));
    assert!(text.contains("\ntotal ") && text.contains("\n  delta "), "{text}");
    let top = place.ok(&words("report", &["--by", "device", "--top", "3"]));
    assert!(top.contains("3 of 20 rows"), "{top}");
}

#[test]
fn json_csv_and_html_have_the_same_figures() {
    let place = filled();
    let json = place.ok(&words("report", &["--by", "device", "--format", "json"]));
    let value: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(value["rows"].as_array().unwrap().len(), 20);
    assert_eq!(value["days"].as_array().unwrap().len(), 5);
    let total = &value["total"]["delta"];
    for (name, expected) in [
        ("assigned_bytes", 20_000),
        ("transferred_origin", 16_000),
        ("transferred_gateway", 6_000),
        ("retransmitted_origin", 2_000),
        ("retransmitted_gateway", 0),
        ("completed", 20),
        ("saved", 158_000),
        ("saved_at_origin", 164_000),
        ("unseen", 0),
    ] {
        assert_eq!(total[name], expected, "{name}");
    }
    let csv = place.ok(&words("report", &["--by", "device", "--format", "csv"]));
    let mut lines = csv.split("\r\n");
    let head: Vec<&str> = lines.next().unwrap().split(',').collect();
    let at = head.iter().position(|name| *name == "saved").unwrap();
    let saved: i64 = lines
        .filter(|line| !line.is_empty())
        .map(|line| line.split(',').nth(at).unwrap().parse::<i64>().unwrap())
        .sum();
    assert_eq!((head[0], saved), ("device", 158_000));
    assert_eq!(place.ok(&words("report", &["--format", "html", "-o", "page.html"])), "");
    let page = String::from_utf8(place.bytes("page.html")).unwrap();
    assert!(page.contains("<svg") && page.contains("154.3 KiB") && !page.contains("<script"));
}

#[test]
fn days() {
    let place = filled();
    let more = ["--by", "day", "--since", "2026-03-02", "--until", "2026-03-04", "--format", "csv"];
    let csv = place.ok(&words("report", &more));
    let names: Vec<&str> = csv.split("\r\n").skip(1).filter_map(|line| line.split(',').next()).collect();
    assert_eq!(names, ["2026-03-02", "2026-03-03", ""]);
    let message = place.fails(1, &words("report", &["--since", "yesterday"]));
    assert!(message.contains("expected a day such as 2026-01-31"), "{message}");
}

#[test]
fn a_bad_line_refuses_the_file_or_is_skipped() {
    let place = Workplace::new();
    let text = events(2).replacen("[200,1000]", "[200,1001]", 1);
    place.put("bad.jsonl", &text);
    let message = place.fails(5, &words("ingest", &["bad.jsonl"]));
    assert_eq!(
        message,
        "bad.jsonl: line 3: range_beyond_artifact: the range ends behind the artifact; nothing was taken"
    );
    let ended = place.run(&words("ingest", &["--bad-lines", "skip", "--json", "bad.jsonl"]));
    assert_eq!(ended.status, 0, "{ended:?}");
    assert!(ended.stderr.contains("line 3: range_beyond_artifact"), "{ended:?}");
    let value: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!((&value["new"], &value["refused"]["range_beyond_artifact"]), (&7.into(), &1.into()));
}

#[test]
fn statuses() {
    let place = filled();
    let with = |db: &'static str, verb: &'static str| vec!["ledger", verb, "--db", db, "--tenant", "acme"];
    assert!(place.fails(4, &with("none.db", "report")).contains("not_found"));
    assert!(!place.path("none.db").exists());
    place.put(
        "text.db",
        "this is no database, whatever its name may promise to whoever opens it without looking into it",
    );
    assert!(place.fails(5, &with("text.db", "report")).contains("not_a_ledger"));
    let message = place.fails(7, &with("postgres://me:secret@127.0.0.1:1/none", "report"));
    assert!(message.contains("unreachable") && !message.contains("secret"), "{message}");
    place.fails(1, &["ledger", "report", "--db", "ledger.db"]);
    place.fails(1, &["ledger", "report", "--db", "ledger.db", "--tenant", "a/b"]);
    place.fails(4, &words("ingest", &["none.jsonl"]));
    place.put("more.jsonl", events(4000));
    let full =
        ["ledger", "ingest", "--db", "new.db", "--tenant", "acme", "--max-bytes", "300000", "more.jsonl"];
    assert!(place.fails(3, &full).contains("disk_full"));
    // Nothing of a tenant that nobody knows.
    let text = place.ok(&["ledger", "report", "--db", "ledger.db", "--tenant", "nobody", "--format", "csv"]);
    assert_eq!(text.lines().count(), 1);
}

#[test]
fn access_logs() {
    let place = Workplace::new();
    let sha = "ef".repeat(32);
    let line = format!(
        "79a59df900b949e5 bucket [06/Feb/2026:00:00:38 +0000] 192.0.2.3 - 3E57427F3EXAMPLE REST.GET.OBJECT acme/objects/{sha} \
         \"GET /bucket/acme/objects/{sha}?X-Amz-Expires=86400&x-deployment=d1&x-device=board%201&x-kind=full HTTP/1.1\" 200 - 700 \
         700 41 28 \"-\" \"mender/5.0\" - s9lzHYrFp76= SigV4 ECDHE-RSA-AES128-GCM-SHA256 QueryString bucket.s3.amazonaws.com TLSv1.2 - -\n"
    );
    place.put("log", line.clone() + &line.replace("REST.GET", "REST.PUT"));
    let told = place.ok(&words("import-s3", &["log", "log"]));
    let expected = "log: 1 new, 0 there before, 1 passed over (other_operation)\nlog: 0 new, 1 there before, 1 passed over (other_operation)\n";
    assert_eq!(told, expected);
    let csv = place.ok(&words("report", &["--by", "device", "--format", "csv"]));
    assert!(csv.contains("board 1,full,0,0,700,0,0,0"), "{csv}");
}
