//! A first run that cannot install the local AWS says in one line what to do. A script plays Python.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of a test fail it by a panic, as its assertions do"
)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

/// Does as the test says: `VERSION` is what it is, `VENV` and `PIP` are its last words in the step that fails.
const PYTHON: &str = r#"#!/bin/sh
case "$*" in
  *version_info*) echo "$VERSION" ;;
  "-m venv "*)
    [ -n "$VENV" ] && { echo "$VENV" >&2; exit 1; }
    mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
  "-m pip install "*) echo "$PIP" >&2; exit 1 ;;
esac
"#;

/// What `up` says before it gives up.
fn refused(cache: &Path, python: &Path, environment: &[(&str, &str)]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.args(["up", "--name", "install"]);
    command
        .env("XDG_CACHE_HOME", cache)
        .env("SLUICE_PYTHON", python)
        .envs(environment.iter().copied());
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    said
}

#[test]
fn a_failed_installation_says_what_to_do() {
    let cases: [(&[(&str, &str)], &str); 5] = [
        (
            &[("VERSION", "3 9")],
            "is Python 3.9; install Python 3.11 or newer (sudo apt-get install python3",
        ),
        (
            &[("VERSION", "no")],
            "is no Python that runs; install Python 3.11",
        ),
        (
            &[("VERSION", "3 12"), ("VENV", "ensurepip is not available")],
            "lacks its module venv; run: sudo apt-get install python3-venv",
        ),
        (
            &[
                ("VERSION", "3 12"),
                ("PIP", "Temporary failure in name resolution"),
            ],
            "no Python package index can be reached; check the network",
        ),
        (
            &[
                ("VERSION", "3 12"),
                ("PIP", "OSError: [Errno 28] No space left on device"),
            ],
            "the disk is full: free 300 MB",
        ),
    ];
    let folder = tempfile::tempdir().unwrap();
    let python = folder.path().join("python");
    fs::write(&python, PYTHON).unwrap();
    fs::set_permissions(&python, fs::Permissions::from_mode(0o755)).unwrap();
    for (environment, expected) in cases {
        let said = refused(folder.path(), &python, environment);
        assert!(said.contains(expected), "{environment:?} gave {said}");
        let left: Vec<_> = fs::read_dir(folder.path().join("sluice/stacks"))
            .unwrap()
            .flatten()
            .collect();
        assert!(
            left.iter().all(|entry| entry.path().is_file()),
            "only the lock of the name stays: {left:?}"
        );
    }
}

#[test]
fn no_python_at_all_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.args(["up", "--name", "install"]);
    command
        .env("XDG_CACHE_HOME", folder.path())
        .env("PATH", folder.path())
        .env_remove("SLUICE_PYTHON");
    let said = String::from_utf8(command.output().unwrap().stderr).unwrap();
    assert!(
        said.contains("there is no Python; install Python 3.11 or newer"),
        "{said}"
    );
}

#[test]
fn a_cache_that_cannot_be_made_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let occupied = folder.path().join("a-file");
    fs::write(&occupied, "").unwrap();
    let said = refused(&occupied, Path::new("python3"), &[]);
    assert!(
        said.contains(&format!(
            "cannot make the folder {}",
            occupied.join("sluice").display()
        )),
        "{said}"
    );
}
