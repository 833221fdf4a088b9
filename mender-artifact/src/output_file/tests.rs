//! Outputs appear when they are whole, and what killed runs leave goes away.

use super::*;

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_file_appears_when_committed_and_not_before() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    let mut output = OutputFile::create(&path).unwrap();
    output.write_all(b"new").unwrap();
    assert!(!path.exists());
    output.commit().unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"new");
    assert_eq!(names(folder.path()), ["a"]);
}

#[test]
fn dropping_leaves_everything_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    fs::write(&path, b"old").unwrap();
    let mut output = OutputFile::create(&path).unwrap();
    output.write_all(b"new").unwrap();
    assert!(output.path_until_committed().is_none_or(Path::exists));
    drop(output);
    assert_eq!(fs::read(&path).unwrap(), b"old");
    assert_eq!(names(folder.path()), ["a"]);
}

#[test]
fn where_a_name_is_needed_it_is_another_until_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    for contents in [&b"first"[..], b"second"] {
        let mut output = OutputFile::beside(path.clone(), NEW_FILE_MODE).unwrap();
        output.write_all(contents).unwrap();
        let unfinished = output.path_until_committed().unwrap().to_owned();
        assert!(unfinished.exists() && unfinished != path);
        output.commit().unwrap();
        assert_eq!(fs::read(&path).unwrap(), contents);
        assert_eq!(names(folder.path()), ["a"]);
    }
    let output = OutputFile::beside(path, NEW_FILE_MODE).unwrap();
    assert_eq!(names(folder.path()).len(), 2);
    drop(output);
    assert_eq!(names(folder.path()), ["a"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_file_without_a_name_gets_one_that_is_free_or_taken() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    let (Some(first), Some(second)) =
        (nameless::create_in(folder.path(), PRIVATE_MODE), nameless::create_in(folder.path(), PRIVATE_MODE))
    else {
        return println!("skipped: no files without a name on this file system");
    };
    assert!(names(folder.path()).is_empty());
    (&first).write_all(b"first").unwrap();
    (&second).write_all(b"second").unwrap();
    name(&first, &path).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"first");
    name(&second, &path).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"second");
    assert_eq!(names(folder.path()), ["a"]);
}

#[cfg(unix)]
#[test]
fn what_others_may_not_read_they_can_not_read_meanwhile() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("secret");
    fs::write(&model, b"").unwrap();
    fs::set_permissions(&model, fs::Permissions::from_mode(0o640)).unwrap();
    let mode = |output: &OutputFile| output.file().metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&OutputFile::create_private(&model).unwrap()), 0o600);
    assert_eq!(mode(&OutputFile::beside(model.clone(), PRIVATE_MODE).unwrap()), 0o600);
    assert_eq!(mode(&OutputFile::create_like(&model, &model).unwrap()), 0o640);
    let any = folder.path().join("any");
    let fresh = File::create(&any).unwrap().metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&OutputFile::create(&any).unwrap()), fresh);
    assert_eq!(mode(&OutputFile::beside(any, NEW_FILE_MODE).unwrap()), fresh);
}

#[cfg(unix)]
#[test]
fn what_a_killed_process_has_left_is_reclaimed_and_what_another_writes_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    let left = folder.path().join(".mender-artifact-a.part");
    fs::write(&left, b"left").unwrap();
    // Long ago, for where nothing tells that the file system is local.
    let long_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(2 * 60 * 60);
    File::options().write(true).open(&left).unwrap().set_modified(long_ago).unwrap();
    fs::write(folder.path().join(".mender-artifact-b.part"), b"of another").unwrap();
    OutputFile::create(&path).unwrap().commit().unwrap();
    assert_eq!(names(folder.path()), [".mender-artifact-b.part", "a"]);
    // Two at once, where a name is needed.
    let mut first = OutputFile::beside(path.clone(), NEW_FILE_MODE).unwrap();
    let mut second = OutputFile::create(&path).unwrap();
    assert!(left.exists());
    second.write_all(b"second").unwrap();
    second.commit().unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"second");
    first.write_all(b"first").unwrap();
    first.commit().unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"first");
    assert_eq!(names(folder.path()), [".mender-artifact-b.part", "a"]);
}

#[cfg(unix)]
#[test]
fn a_file_that_was_taken_away_is_not_taken_for_the_one_of_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let (path, unfinished) = (folder.path().join("a"), folder.path().join(".mender-artifact-a.part"));
    fs::write(&path, b"old").unwrap();
    let ends = [OutputFile::commit, OutputFile::commit_new, |output: OutputFile| {
        drop(output);
        Err(io::Error::other("the unfinished file was taken away"))
    }];
    for end in ends {
        let mut output = OutputFile::beside(path.clone(), NEW_FILE_MODE).unwrap();
        output.write_all(b"new").unwrap();
        fs::remove_file(&unfinished).unwrap();
        fs::write(&unfinished, b"half of ano").unwrap();
        let error = end(output).unwrap_err().to_string();
        assert_eq!(error, "the unfinished file was taken away");
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read(&unfinished).unwrap(), b"half of ano");
        fs::remove_file(&unfinished).unwrap();
        let output = OutputFile::beside(path.clone(), NEW_FILE_MODE).unwrap();
        fs::remove_file(&unfinished).unwrap();
        assert!(end(output).is_err());
        assert_eq!(fs::read(&path).unwrap(), b"old");
    }
}

#[cfg(unix)]
#[test]
fn what_has_the_name_of_an_unfinished_file_and_is_none_stays() {
    let folder = tempfile::tempdir().unwrap();
    let (path, other) = (folder.path().join("a"), folder.path().join("other"));
    fs::write(&other, b"mine").unwrap();
    std::os::unix::fs::symlink("other", folder.path().join(".mender-artifact-a.part")).unwrap();
    for contents in [&b"first"[..], b"second"] {
        let mut output = OutputFile::create(&path).unwrap();
        output.write_all(contents).unwrap();
        output.commit().unwrap();
        assert_eq!(fs::read(&path).unwrap(), contents);
    }
    assert_eq!(fs::read(other).unwrap(), b"mine");
    assert_eq!(names(folder.path()), [".mender-artifact-a.part", "a", "other"]);
}

#[test]
fn a_new_file_takes_nobodys_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    for make in [OutputFile::create, |path: &Path| OutputFile::beside(path.to_owned(), NEW_FILE_MODE)] {
        let mut output = make(&path).unwrap();
        output.write_all(b"first").unwrap();
        output.commit_new().unwrap();
        let error = make(&path).unwrap().commit_new().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"first");
        assert_eq!(names(folder.path()), ["a"]);
        fs::remove_file(&path).unwrap();
    }
}

#[test]
fn folders_and_missing_folders_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    assert!(OutputFile::create(folder.path()).is_err());
    assert!(OutputFile::create(&folder.path().join("no/a")).is_err());
}

#[cfg(unix)]
#[test]
fn links_stay_links_and_modes_can_be_kept() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let (path, link) = (folder.path().join("a"), folder.path().join("link"));
    fs::write(&path, b"old").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    std::os::unix::fs::symlink("a", &link).unwrap();
    let mut output = OutputFile::create_like(&link, &path).unwrap();
    output.write_all(b"new").unwrap();
    output.commit().unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::read(&path).unwrap(), b"new");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o640);
    std::os::unix::fs::symlink("nothing", folder.path().join("dangling")).unwrap();
    assert!(OutputFile::create(&folder.path().join("dangling")).is_err());
}

#[cfg(unix)]
#[test]
fn devices_are_written_directly() {
    let mut output = OutputFile::create(Path::new("/dev/null")).unwrap();
    output.write_all(b"gone").unwrap();
    output.commit().unwrap();
    assert!(!fs::metadata("/dev/null").unwrap().is_file());
}
