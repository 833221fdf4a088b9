//! Runs what the documents tell readers to type, in the order in which it stands there, each document in a folder of its
//! own; see CONTRIBUTING.md, section "Documents".
// All of it is test code, which may stop at whatever is not as it should be.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

mod blocks;
mod links;

use blocks::{Block, Command, Kind, blocks};
use snapbox::IntoData;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

/// The documents whose commands are run, in the project's folder. Those in `docs/` are all of them.
const OTHERS: &[&str] = &["README.md", "CONTRIBUTING.md", "packaging/README.md", "ffi/README.md"];

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn documents() -> Vec<PathBuf> {
    let mut documents: Vec<PathBuf> = OTHERS.iter().map(|name| project().join(name)).collect();
    let files = fs::read_dir(project().join("docs")).unwrap().map(|file| file.unwrap().path());
    documents.extend(files.filter(|path| path.extension().is_some_and(|extension| extension == "md")));
    documents.sort();
    documents
}

fn reports() -> Vec<PathBuf> {
    let files = fs::read_dir(project().join("docs/reports")).unwrap();
    files.map(|file| file.unwrap().path()).collect()
}

/// `PATH` with the built command before all others.
fn search_path() -> OsString {
    let own = Path::new(env!("CARGO_BIN_EXE_mender-artifact")).parent().unwrap().to_owned();
    let others = std::env::var_os("PATH").unwrap_or_default();
    std::env::join_paths(std::iter::once(own).chain(std::env::split_paths(&others))).unwrap()
}

fn is_there(program: &str) -> bool {
    std::env::split_paths(&search_path()).any(|folder| folder.join(program).is_file())
}

/// What is wrong with a command, if anything is.
fn run(command: &Command, folder: &Path) -> Result<(), String> {
    let done = std::process::Command::new("sh")
        .args(["-e", "-c", &command.words])
        .env("PATH", search_path())
        .env("LC_ALL", "C")
        .env("TZ", "UTC")
        .current_dir(folder)
        .output()
        .map_err(|error| error.to_string())?;
    let said = [&done.stdout[..], &done.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    if done.status.code() != Some(command.status) {
        return Err(format!("expected status {}, found {}: {said}", command.status, done.status));
    }
    let Some(expected) = &command.output else { return Ok(()) };
    snapbox::Assert::new()
        .try_eq(None, said.clone().into_data(), expected.into_data())
        .map_err(|difference| format!("{difference}\nfound:\n{said}"))
}

/// Runs the commands of a document; how many there were, and what was wrong.
fn run_document(document: &Path) -> (usize, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let name = document.strip_prefix(project()).unwrap().to_owned();
    let (mut count, mut wrong) = (0, Vec::new());
    for block in blocks(name, &fs::read_to_string(document).unwrap()) {
        if block.norun {
            continue;
        }
        if let Some(missing) = block.needs.iter().find(|program| !is_there(program)) {
            println!("skipped: {}:{}: {missing} is not installed", block.document.display(), block.line);
            continue;
        }
        for command in block.commands() {
            count += 1;
            if let Err(reason) = run(&command, folder.path()) {
                wrong.push(format!("{}:{}: {reason}", block.document.display(), command.line));
                // What follows builds on it.
                return (count, wrong);
            }
        }
    }
    (count, wrong)
}

#[test]
fn what_the_documents_say_works() {
    let results: Vec<(usize, Vec<String>)> = std::thread::scope(|scope| {
        let runs: Vec<_> =
            documents().into_iter().map(|document| scope.spawn(move || run_document(&document))).collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    let wrong: Vec<String> = results.iter().flat_map(|(_, wrong)| wrong.clone()).collect();
    let count: usize = results.iter().map(|(count, _)| count).sum();
    println!("{count} commands of {} documents", results.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 30, "only {count} commands were found");
}

#[test]
fn commands_of_this_program_stand_where_they_are_run() {
    let mentions = |block: &Block| {
        block.kind == Kind::Other && block.lines.iter().any(|line| line.starts_with("mender-artifact "))
    };
    for document in documents() {
        let text = fs::read_to_string(&document).unwrap();
        for block in blocks(document.clone(), &text) {
            assert!(!mentions(&block), "{}:{} is not run", document.display(), block.line);
        }
    }
}

#[test]
fn every_link_between_documents_leads_somewhere() {
    let all = documents().into_iter().chain(reports());
    let wrong: Vec<String> = all.flat_map(|document| links::wrong_links(&project(), &document)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_book_has_every_document() {
    let summary = fs::read_to_string(project().join("docs/SUMMARY.md")).unwrap();
    for document in documents() {
        let name = document.file_name().unwrap().to_str().unwrap();
        if document.parent().unwrap().ends_with("docs") && name != "SUMMARY.md" {
            assert!(summary.contains(&format!("]({name})")), "docs/SUMMARY.md does not list {name}");
        }
    }
    for report in reports() {
        let name = report.file_name().unwrap().to_str().unwrap();
        assert!(summary.contains(&format!("](reports/{name})")), "docs/SUMMARY.md does not list {name}");
    }
}
