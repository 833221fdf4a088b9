//! Events from streams.

use crate::events::{Numbers, fleet, served};
use crate::figures::report;
use crate::{databases, open};
use mender_delta::fleet::ledger::import::{BadLines, Format, ImportError, ImportOptions, Outcome};
use mender_delta::fleet::ledger::open::Ledger;
use mender_delta::fleet::ledger::record::Record;
use mender_delta::fleet::ledger::report::By;
use mender_delta::fleet::tenant::TenantId;
use std::io::{Cursor, Read};
use std::time::Duration;

fn lines(records: &[Record]) -> String {
    records.iter().map(|record| serde_json::to_string(record).unwrap() + "\n").collect()
}

fn import(
    ledger: &mut Ledger,
    text: String,
    format: Format,
    bad_lines: BadLines,
) -> Result<Outcome, ImportError> {
    let mut options = ImportOptions::default();
    (options.bad_lines, options.batch) = (bad_lines, 100);
    let mut told = 0;
    let acme = TenantId::new("acme").unwrap();
    let done = ledger.tenant(&acme).import(Box::new(Cursor::new(text)), format, &options, &mut |outcome| {
        assert!(outcome.lines >= told);
        told = outcome.lines;
    });
    if let Ok(outcome) = &done {
        assert_eq!(told, outcome.lines);
    }
    done
}

#[test]
fn twice_is_once() {
    databases(|address| {
        let mut ledger = open(address);
        let text = lines(&fleet("acme", 1500, &mut Numbers(41)));
        let first = import(&mut ledger, text.clone(), Format::JsonLines, BadLines::Refuse).unwrap();
        assert_eq!((first.lines, first.new, first.duplicates), (1500, 1500, 0));
        let before = report(&mut ledger, "acme", By::Device);
        for bad_lines in [BadLines::Refuse, BadLines::Skip] {
            let again = import(&mut ledger, text.clone(), Format::JsonLines, bad_lines).unwrap();
            assert_eq!((again.lines, again.new, again.duplicates), (1500, 0, 1500));
        }
        assert_eq!(report(&mut ledger, "acme", By::Device), before);
    });
}

#[test]
fn a_bad_line_is_named_and_all_or_only_it_is_left_out() {
    databases(|address| {
        let mut ledger = open(address);
        let records = fleet("acme", 250, &mut Numbers(42));
        let mut all: Vec<String> = lines(&records).lines().map(str::to_owned).collect();
        all.insert(200, all[3].replace("\"artifact_size\":", "\"artifact_size\":-"));
        all.insert(230, all[3].replace("\"bytes\":", "\"bites\":") + "}");
        let text = all.join("\n") + "\n";
        let refused = import(&mut ledger, text.clone(), Format::JsonLines, BadLines::Refuse).unwrap_err();
        let ImportError::Refused(refused) = refused else { panic!("{refused}") };
        assert_eq!((refused.line, refused.refusal.code()), (201, "bad_record"));
        assert_eq!(report(&mut ledger, "acme", By::Device).rows, []);
        let outcome = import(&mut ledger, text, Format::JsonLines, BadLines::Skip).unwrap();
        assert_eq!((outcome.lines, outcome.new, outcome.refused_lines()), (252, 250, 2));
        assert_eq!(outcome.first_refused.iter().map(|refused| refused.line).collect::<Vec<_>>(), [201, 231]);
    });
}

#[test]
fn an_id_with_other_content_is_a_bad_line() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = open(&folder.path().join("a").display().to_string());
    let text = lines(&[served("acme", "1"), Record { bytes: Some(1), ..served("acme", "1") }]);
    let refused = import(&mut ledger, text.clone(), Format::JsonLines, BadLines::Refuse).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "line 2: id_reused: there is another event with this id; nothing was taken"
    );
    let outcome = import(&mut ledger, text, Format::JsonLines, BadLines::Skip).unwrap();
    assert_eq!((outcome.new, outcome.refused.get("id_reused")), (1, Some(&1)));
}

#[test]
fn a_torn_last_line_is_told_and_comes_whole_later() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = open(&folder.path().join("a").display().to_string());
    let text = lines(&fleet("acme", 30, &mut Numbers(43)));
    let last = text.trim_end().rfind('\n').unwrap() + 1;
    for cut in [last + 1, last + 40, text.len() - 2] {
        let outcome =
            import(&mut ledger, text[..cut].to_owned(), Format::JsonLines, BadLines::Refuse).unwrap();
        let torn = outcome.torn.unwrap();
        assert_eq!((torn.line, torn.len_bytes), (30, (cut - last) as u64));
        assert_eq!(outcome.new + outcome.duplicates, 29);
    }
    // Without the end of the line, but whole.
    let outcome =
        import(&mut ledger, text.trim_end().to_owned(), Format::JsonLines, BadLines::Refuse).unwrap();
    assert_eq!((outcome.torn, outcome.new, outcome.duplicates), (None, 1, 29));
}

#[test]
fn clocks_that_jump_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = open(&folder.path().join("a").display().to_string());
    let at = |id: &str, ts: &str| Record { ts: ts.to_owned(), ..served("acme", id) };
    let text = lines(&[
        at("1", "2026-01-02T00:00:00Z"),
        at("2", "1970-01-01T00:00:07Z"),
        at("3", "9999-12-01T23:59:59Z"),
        at("4", "2026-01-01T00:00:00Z"),
    ]);
    let outcome = import(&mut ledger, text, Format::JsonLines, BadLines::Refuse).unwrap();
    assert_eq!((outcome.new, outcome.odd_times), (4, 2));
    let days = report(&mut ledger, "acme", By::Day);
    let names: Vec<_> = days.rows.iter().map(|row| row.name.as_str()).collect();
    assert_eq!(names, ["1970-01-01", "2026-01-01", "2026-01-02", "9999-12-01"]);
    // Whatever came first: the one of 1970 is the first download.
    assert_eq!(days.rows[0].kinds.all().retransmitted(), 0);
    assert_eq!(days.total.all().retransmitted(), 300);
}

#[test]
fn access_logs() {
    databases(|address| {
        let mut ledger = open(address);
        let sha = "cd".repeat(32);
        let line = |id: &str, status: &str, sent: u64, operation: &str| {
            format!(
                "owner bucket [02/Jan/2026:10:00:00 +0000] 192.0.2.3 - {id} {operation} acme/objects/{sha} \"GET \
                 /bucket/x?x-deployment=dep&x-device=dev-1 HTTP/1.1\" {status} - {sent} 1000 9 8 \"-\" \"mender\" - h= - - - b - - -\n"
            )
        };
        let text = [
            line("A1", "206", 400, "REST.GET.OBJECT"),
            line("A2", "206", 700, "REST.GET.OBJECT"),
            line("A3", "200", 0, "REST.HEAD.OBJECT"),
            line("A4", "403", 200, "REST.GET.OBJECT"),
            line("A1", "206", 400, "REST.GET.OBJECT"),
        ]
        .concat();
        let outcome = import(&mut ledger, text.clone(), Format::S3AccessLog, BadLines::Refuse).unwrap();
        assert_eq!((outcome.lines, outcome.new, outcome.duplicates), (5, 2, 1));
        assert_eq!(
            outcome.passed_over.into_iter().collect::<Vec<_>>(),
            [("no_success", 1), ("other_operation", 1)]
        );
        // The log does not know what the Artifact is; the server does.
        let told = serde_json::json!({"v": 1, "event_id": "r", "tenant": "acme", "deployment": "dep", "device": "dev-1",
            "artifact_sha256": sha, "kind": "delta", "event": "received", "artifact_size": 1000, "full_size": 5000,
            "ts": "2026-01-02T10:01:00Z"});
        import(&mut ledger, format!("{told}\n"), Format::JsonLines, BadLines::Refuse).unwrap();
        let again = import(&mut ledger, text, Format::S3AccessLog, BadLines::Skip).unwrap();
        assert_eq!((again.new, again.duplicates), (0, 3));
        let total = report(&mut ledger, "acme", By::Tenant).total;
        assert_eq!((total.delta.transferred(), total.delta.retransmitted()), (1100, 100));
        assert_eq!((total.delta.saved, total.delta.unseen), (3900, 0));
        assert_eq!(total.unknown, Default::default());
    });
}

/// Gives one line, and then nothing more for a long time.
struct Slow(Option<Vec<u8>>);

impl Read for Slow {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self.0.take() {
            Some(line) => {
                buffer[..line.len()].copy_from_slice(&line);
                Ok(line.len())
            }
            None => {
                std::thread::sleep(Duration::from_secs(2));
                Ok(0)
            }
        }
    }
}

#[test]
fn what_waits_is_acknowledged_while_nothing_more_comes() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = open(&folder.path().join("a").display().to_string());
    let mut options = ImportOptions::default();
    (options.bad_lines, options.idle) = (BadLines::Skip, Duration::from_millis(50));
    let start = std::time::Instant::now();
    let mut after = None;
    let input = Box::new(Slow(Some(lines(&[served("acme", "1")]).into_bytes())));
    let acme = TenantId::new("acme").unwrap();
    ledger
        .tenant(&acme)
        .import(input, Format::JsonLines, &options, &mut |outcome| {
            assert_eq!(outcome.new, 1);
            after.get_or_insert(start.elapsed());
        })
        .unwrap();
    assert!(after.unwrap() < Duration::from_millis(1500), "{after:?}");
}
