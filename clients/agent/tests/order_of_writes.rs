//! What must be on the disk before what: seen through a disk that writes down every call.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    reason = "helpers of tests fail like tests"
)]

mod support;

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use sluice_agent::artifact::{Depot, Limits};
use sluice_agent::files::{Disk, Files};
use sluice_agent::keys::TrustedKeys;
use sluice_agent::store::Store;
use sluice_core::release::Release;
use support::release::{COMPONENT, GOOD, archive, archive_of, release, trusted_keys};
use tempfile::TempDir;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Call {
    Write(PathBuf),
    Rename(PathBuf, PathBuf),
    Symlink(PathBuf),
    Remove(PathBuf),
    FlushFolder(PathBuf),
    FlushTree(PathBuf),
}

/// Writes down what is done, and does it.
#[derive(Debug, Default)]
struct Recorder(Mutex<Vec<Call>>);

impl Recorder {
    fn note(&self, call: Call) {
        self.0.lock().unwrap().push(call);
    }

    fn calls(&self) -> Vec<Call> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

impl Files for Recorder {
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.note(Call::Write(path.into()));
        Disk.write(path, bytes)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.note(Call::Rename(from.into(), to.into()));
        Disk.rename(from, to)
    }
    fn symlink(&self, target: &Path, path: &Path) -> io::Result<()> {
        self.note(Call::Symlink(path.into()));
        Disk.symlink(target, path)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        self.note(Call::Remove(path.into()));
        Disk.remove(path)
    }
    fn flush_folder(&self, folder: &Path) -> io::Result<()> {
        self.note(Call::FlushFolder(folder.into()));
        Disk.flush_folder(folder)
    }
    fn flush_tree(&self, folder: &Path) -> io::Result<()> {
        self.note(Call::FlushTree(folder.into()));
        Disk.flush_tree(folder)
    }
}

/// What a power loss could still take back, or tear.
#[derive(Default)]
struct Judge {
    /// Folders with a changed name that counts.
    unflushed: BTreeSet<PathBuf>,
    /// Trees and files that were flushed and may get their name.
    whole: BTreeSet<PathBuf>,
}

impl Judge {
    /// Names that count are changed one after the other: the one before is on the disk first, and what gets a name is
    /// whole. Names that end in `.new`, and those below `downloads`, do not count: they are thrown away.
    fn see(&mut self, call: &Call) {
        let counts = |path: &Path| {
            path.extension().is_none_or(|e| e != "new")
                && !path.components().any(|c| c.as_os_str() == "downloads")
        };
        let changed = match call {
            Call::Write(path) => {
                assert!(!counts(path), "{path:?} would be torn");
                self.whole.insert(path.clone());
                None
            }
            Call::Symlink(path) => {
                assert!(!counts(path), "{path:?} is not replaced at once");
                self.whole.insert(path.clone());
                None
            }
            Call::FlushTree(path) => {
                self.whole.insert(path.clone());
                None
            }
            Call::FlushFolder(folder) => {
                self.unflushed.remove(folder);
                None
            }
            Call::Rename(from, to) if counts(to) => {
                assert!(self.whole.remove(from), "{from:?} gets a name and is not flushed");
                Some(to)
            }
            Call::Rename(from, _) | Call::Remove(from) => Some(from).filter(|path| counts(path)),
        };
        if let Some(path) = changed {
            let folder = path.parent().unwrap().to_path_buf();
            assert!(
                self.unflushed.is_empty(),
                "{path:?} is changed before {:?} is on the disk",
                self.unflushed
            );
            self.unflushed.insert(folder);
        }
    }

    fn judge(calls: &[Call]) {
        let mut judge = Self::default();
        for call in calls {
            judge.see(call);
        }
        assert!(
            judge.unflushed.is_empty(),
            "{:?} could be taken back",
            judge.unflushed
        );
    }
}

struct Bench {
    home: TempDir,
    disk: Arc<Recorder>,
    depot: Depot,
}

impl Bench {
    fn new() -> Self {
        let home = TempDir::new().unwrap();
        let keys = TrustedKeys::new(COMPONENT, &trusted_keys()).unwrap();
        let limits = Limits {
            bytes: 1 << 20,
            entries: 100,
        };
        let disk = Arc::new(Recorder::default());
        let depot = Depot::open(home.path(), keys, limits, 1 << 20)
            .unwrap()
            .with_files(disk.clone());
        Self { home, disk, depot }
    }

    fn install(&self, version: &str, bytes: &[u8]) -> Release {
        let release = release(version, bytes);
        let file = self.home.path().join("archive");
        std::fs::write(&file, bytes).unwrap();
        self.depot.install(&release, &file).unwrap();
        release
    }
}

#[test]
fn a_release_has_its_name_when_it_is_whole() {
    let bench = Bench::new();
    bench.install("1.0.0", &archive_of(GOOD, 5, 100));
    let (calls, home) = (bench.disk.calls(), bench.home.path());
    Judge::judge(&calls);
    let names: Vec<_> = calls
        .iter()
        .filter_map(|c| match c {
            Call::Rename(_, to) => Some(to.strip_prefix(home).unwrap().to_string_lossy().into_owned()),
            _ => None,
        })
        .collect();
    assert_eq!(
        names,
        ["manifests/1.0.0.json", "releases/1.0.0"],
        "who has a folder has a manifest"
    );
}

#[test]
fn a_release_is_there_whole_or_not_at_all_while_it_is_replaced_or_removed() {
    let bench = Bench::new();
    bench.install("1.0.0", &archive(GOOD));
    bench.disk.calls();
    bench.install("1.0.0", &archive_of(GOOD, 1, 10));
    let calls = bench.disk.calls();
    Judge::judge(&calls);
    let manifest = bench.home.path().join("manifests/1.0.0.json");
    let removed = calls.iter().position(|c| *c == Call::Remove(manifest.clone()));
    let left = calls
        .iter()
        .position(|c| matches!(c, Call::Rename(from, _) if from.ends_with("releases/1.0.0")));
    assert!(removed.unwrap() < left.unwrap(), "{calls:?}");

    for version in ["2.0.0", "3.0.0", "4.0.0"] {
        bench.install(version, &archive(GOOD));
    }
    bench.disk.calls();
    bench.depot.tidy(&[]);
    let calls = bench.disk.calls();
    Judge::judge(&calls);
    assert_eq!(
        calls.iter().filter(|c| matches!(c, Call::Rename(..))).count(),
        2,
        "{calls:?}"
    );
    assert_eq!(
        std::fs::read_dir(bench.home.path().join("releases"))
            .unwrap()
            .count(),
        2
    );
}

#[test]
fn the_link_and_the_state_are_replaced_at_once() {
    let bench = Bench::new();
    let one = bench.install("1.0.0", &archive(GOOD));
    let two = bench.install("2.0.0", &archive(GOOD));
    let path = bench.home.path().join("state.json");
    let (store, known) = Store::open(&path).unwrap();
    let store = store.with_files(bench.disk.clone());
    assert!(!known);
    bench.disk.calls();
    for release in [&one, &two] {
        bench.depot.link(Some(release)).unwrap();
        store.update(|r| r.linked(Some(release.clone()))).unwrap();
    }
    bench.depot.link(None).unwrap();
    let calls = bench.disk.calls();
    Judge::judge(&calls);
    assert_eq!(
        calls.iter().filter(|c| matches!(c, Call::Rename(..))).count(),
        4,
        "{calls:?}"
    );
}

#[test]
#[should_panic(expected = "is not flushed")]
fn the_judge_sees_a_name_that_comes_too_early() {
    Judge::judge(&[Call::Rename("downloads/1".into(), "releases/1".into())]);
}

#[test]
#[should_panic(expected = "could be taken back")]
fn the_judge_sees_a_name_that_is_not_flushed() {
    Judge::judge(&[
        Call::Write("state.json.new".into()),
        Call::Rename("state.json.new".into(), "state.json".into()),
    ]);
}
