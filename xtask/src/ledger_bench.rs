//! `cargo xtask ledger-bench`: many events into a ledger through the command, reports of it, and whether SQL that another program
//! runs over the events comes to the same sums; as a markdown table.

use crate::failure::{Doing, Failure};
use crate::step::{cargo, find, fresh_dir, output, program, run as run_step, target_dir};
use std::fmt::Write as _;
use std::fs;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

/// Devices of the fleet.
const DEVICES: u64 = 100_000;
/// Events of a download: assigned, broke off, went on, received, and one of another device that is never done.
const EVENTS_EACH: u64 = 5;
const ARTIFACT_LEN: u64 = 2_000_000;
const FULL_LEN: u64 = 100_000_000;

struct Wanted {
    events: u64,
    tool: Option<PathBuf>,
    database: Option<String>,
}

pub(crate) fn run(arguments: &[&str]) -> Result<(), Failure> {
    let wanted = parse(arguments)?;
    let tool = match &wanted.tool {
        Some(tool) => fs::canonicalize(tool).doing(|| tool.display().to_string())?,
        None => {
            run_step(cargo().args([
                "build",
                "--release",
                "-p",
                "mender-artifact-cli",
                "--bin",
                "mender-artifact",
            ]))?;
            target_dir().join("release/mender-artifact")
        }
    };
    let dir = fresh_dir("ledger-bench")?;
    let file = dir.join("ledger.db");
    let database = wanted.database.clone().unwrap_or_else(|| file.display().to_string());

    println!("| step | events | wall s | events/s |");
    println!("|---|---:|---:|---:|");
    let again = wanted.events / 10;
    for (step, events) in [("ingest", wanted.events), ("ingest the first tenth again", again)] {
        let start = Instant::now();
        let told = ingest(&tool, &database, events)?;
        let wall = start.elapsed().as_secs_f64();
        println!("| {step} ({}) | {events} | {wall:.1} | {:.0} |", told.trim(), float(events) / wall);
    }
    for by in ["tenant", "deployment", "day", "device"] {
        let start = Instant::now();
        let report = report(&tool, &database, by)?;
        println!(
            "| report --by {by} ({} lines of CSV) | | {:.2} | |",
            report.lines().count(),
            start.elapsed().as_secs_f64()
        );
    }
    let sums = sums(&report(&tool, &database, "tenant")?)?;
    println!("\nreport: {sums}");
    if wanted.database.is_none() {
        println!("file: {} MiB", fs::metadata(&file).doing(|| "ledger.db".into())?.len() >> 20);
        match find("sqlite3") {
            None => println!("skipped: comparing with SQL (sqlite3 is not installed)"),
            Some(sqlite) => {
                let start = Instant::now();
                let found = output(program(sqlite).arg(&file).arg(SQL))?;
                println!("sqlite3: {} in {:.0} s", found.trim(), start.elapsed().as_secs_f64());
                if found.trim() != sums {
                    return Err(Failure::new("the sums are not the same"));
                }
            }
        }
        fs::remove_dir_all(&dir).doing(|| format!("removing {}", dir.display()))?;
    }
    Ok(())
}

/// Transferred, transferred again, assigned, completed, saved; all out of the events.
const SQL: &str = "WITH wire AS (SELECT download,start,start+bytes AS end,bytes,max(start+bytes) OVER (PARTITION BY download \
    ORDER BY start,start+bytes,event_id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS reached FROM events WHERE event IN (1,3)), \
    new AS (SELECT sum(bytes) AS all_bytes,sum(max(0,end-max(start,ifnull(reached,0)))) AS new_bytes FROM wire), \
    done AS (SELECT DISTINCT download FROM events WHERE event=2) \
    SELECT all_bytes,all_bytes-new_bytes,(SELECT sum(artifact_size) FROM events e JOIN downloads d ON d.id=e.download WHERE event=0), \
    (SELECT count(*) FROM done),(SELECT sum(full_size) FROM downloads WHERE id IN done)- \
    (SELECT sum(bytes) FROM events WHERE event IN (1,3) AND download IN done) FROM new";

fn ingest(tool: &Path, database: &str, events: u64) -> Result<String, Failure> {
    let words = ["ledger", "ingest", "--db", database, "--tenant", "acme", "--bad-lines", "skip", "-"];
    let mut child = Command::new(tool)
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .doing(|| tool.display().to_string())?;
    let stdin = child.stdin.take().ok_or_else(|| Failure::new("the command has no standard input"))?;
    write_events(&mut BufWriter::with_capacity(1 << 18, stdin), events).doing(|| "writing events".into())?;
    let output = child.wait_with_output().doing(|| tool.display().to_string())?;
    if !output.status.success() {
        return Err(Failure::new(format!("ledger ingest: {}", output.status)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// In each deployment a device after the other in an order of its own; a thousand download at a time.
fn write_events(output: &mut impl Write, events: u64) -> std::io::Result<()> {
    let mut written = 0;
    let mut line = String::new();
    for wave in 0_u64.. {
        let deployment = wave / (DEVICES / 1000);
        for step in 0..EVENTS_EACH {
            for n in 0..1000 {
                if written == events {
                    return output.flush();
                }
                written += 1;
                let place = wave % (DEVICES / 1000) * 1000 + n;
                let device = (place * 7919 + deployment * 104_729) % DEVICES;
                line.clear();
                event(&mut line, written, deployment, device, step, place);
                output.write_all(line.as_bytes())?;
            }
        }
    }
    Ok(())
}

fn event(line: &mut String, number: u64, deployment: u64, device: u64, step: u64, place: u64) {
    let broke_off = 100_000 + number % 1_000_000;
    let (event, more) = match step {
        0 => ("assigned", String::new()),
        1 => ("aborted", format!(",\"via\":\"gateway\",\"range\":[0,{ARTIFACT_LEN}],\"bytes\":{broke_off}")),
        // Goes on from where most devices are.
        2 => ("served", format!(",\"via\":\"origin\",\"range\":[500000,{ARTIFACT_LEN}]")),
        3 => ("served", ",\"via\":\"origin\",\"range\":[0,500000],\"bytes\":500000".to_owned()),
        _ if place % 50 == 0 => ("aborted", ",\"via\":\"origin\"".to_owned()),
        _ => ("received", String::new()),
    };
    let id = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let day = 1 + (deployment + place / 25_000) % 28;
    let (hour, minute, second) = (place / 1000 % 24, step * 10 + number % 10, number % 60);
    // Writing to a String cannot fail.
    let _ = writeln!(
        line,
        "{{\"v\":1,\"event_id\":\"{id:016x}-{number:08x}\",\"tenant\":\"acme\",\"deployment\":\"deployment-{deployment:04}\",\
         \"device\":\"device-{device:06}\",\"artifact_sha256\":\"{deployment:064x}\",\"kind\":\"delta\",\"event\":\"{event}\"{more},\
         \"artifact_size\":{ARTIFACT_LEN},\"full_size\":{FULL_LEN},\"ts\":\"2026-03-{day:02}T{hour:02}:{minute:02}:{second:02}Z\"}}"
    );
}

fn report(tool: &Path, database: &str, by: &str) -> Result<String, Failure> {
    output(
        program(tool)
            .args(["ledger", "report", "--db", database, "--tenant", "acme", "--by", by, "--format", "csv"]),
    )
}

/// As SQL has them.
fn sums(csv: &str) -> Result<String, Failure> {
    let mut lines = csv.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let (head, row) = lines.next().zip(lines.next()).ok_or_else(|| Failure::new("the report is empty"))?;
    let of = |name: &str| -> Result<i64, Failure> {
        let at = head.iter().position(|column| *column == name);
        let number = at.and_then(|at| row.get(at)).and_then(|number| number.parse().ok());
        number.ok_or_else(|| Failure::new(format!("the report has no {name}")))
    };
    let both =
        |name: &str| Ok::<_, Failure>(of(&format!("{name}_origin"))? + of(&format!("{name}_gateway"))?);
    Ok(format!(
        "{}|{}|{}|{}|{}",
        both("transferred")?,
        both("retransmitted")?,
        of("assigned_bytes")?,
        of("completed")?,
        of("saved")?
    ))
}

fn float(number: u64) -> f64 {
    u32::try_from(number).map_or(f64::INFINITY, f64::from)
}

fn parse(arguments: &[&str]) -> Result<Wanted, Failure> {
    let mut wanted = Wanted { events: 5_000_000, tool: None, database: None };
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| Failure::new(format!("no value behind {word}")));
        match *word {
            "--tool" => wanted.tool = Some(PathBuf::from(value()?)),
            "--db" => wanted.database = Some((*value()?).to_owned()),
            number => wanted.events = number.parse().doing(|| number.to_owned())?,
        }
    }
    Ok(wanted)
}
