//! The agent's record: in memory for everybody, on disk before anybody acts on it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sluice_core::fleet::{InstanceReport, Running};
use tokio::sync::watch;
use tracing::{error, warn};

use crate::files::{self, Disk, Files};
use crate::protocol::Record;

/// Why a record cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[error("the agent's state {} cannot be {action}", path.display())]
pub struct StoreError {
    /// `read` or `written`.
    pub action: &'static str,
    /// Which file.
    pub path: PathBuf,
    /// What the disk says.
    #[source]
    pub source: io::Error,
}

/// Shared by the loop and the switch under way.
#[derive(Debug)]
pub struct Store {
    path: Option<PathBuf>,
    files: Arc<dyn Files>,
    inner: Mutex<Inner>,
    changes: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Inner {
    record: Record,
    healthy: bool,
}

impl Store {
    /// Keeps the record in memory only: for simulated instances.
    #[must_use]
    pub fn in_memory(record: Record) -> Self {
        Self::with(None, record)
    }

    /// Reads `path`. Also says whether there was a record. An unreadable text is set aside under the extension
    /// `corrupt` and counts as none.
    ///
    /// # Errors
    /// [`StoreError`] when the disk refuses.
    pub fn open(path: &Path) -> Result<(Self, bool), StoreError> {
        let failed = |source| StoreError {
            action: "read",
            path: path.to_path_buf(),
            source,
        };
        let record = match std::fs::read(path) {
            Err(gone) if gone.kind() == io::ErrorKind::NotFound => None,
            Err(other) => return Err(failed(other)),
            Ok(bytes) => match serde_json::from_slice(&bytes) {
                Ok(record) => Some(record),
                Err(problem) => {
                    warn!(path = %path.display(), %problem, "The state is unreadable and set aside");
                    std::fs::rename(path, path.with_added_extension("corrupt")).map_err(failed)?;
                    None
                }
            },
        };
        let known = record.is_some();
        Ok((
            Self::with(Some(path.to_path_buf()), record.unwrap_or_default()),
            known,
        ))
    }

    fn with(path: Option<PathBuf>, record: Record) -> Self {
        let inner = Mutex::new(Inner {
            record,
            healthy: false,
        });
        Self {
            path,
            files: Arc::new(Disk),
            inner,
            changes: watch::Sender::new(0),
        }
    }

    /// The same on another disk.
    #[must_use]
    pub fn with_files(self, files: Arc<dyn Files>) -> Self {
        Self { files, ..self }
    }

    /// A copy of the record.
    #[must_use]
    pub fn record(&self) -> Record {
        self.lock().record.clone()
    }

    /// The last word about the newest command.
    #[must_use]
    pub fn report(&self) -> Option<InstanceReport> {
        self.lock().record.report.clone()
    }

    /// What the instance runs, as the server is told.
    #[must_use]
    pub fn running(&self) -> Option<Running> {
        let inner = self.lock();
        let release = inner.record.running.as_ref()?;
        let (version, digest) = (release.version_ref(), release.digest.clone());
        Some(Running {
            version,
            digest,
            healthy: inner.healthy,
        })
    }

    /// Whether the last look at the service was good.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        self.lock().healthy
    }

    /// Remembers the last look at the service. Not kept on disk.
    pub fn set_healthy(&self, healthy: bool) {
        let changed = std::mem::replace(&mut self.lock().healthy, healthy) != healthy;
        if changed {
            self.changes.send_modify(|count| *count += 1);
        }
    }

    /// Changes the record, on disk first.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be written; then nothing has changed.
    pub fn update(&self, change: impl FnOnce(&mut Record)) -> Result<(), StoreError> {
        self.apply(change, false)
    }

    /// Changes the record even when it cannot be written: for what has happened already. The failure is logged.
    pub fn note(&self, change: impl FnOnce(&mut Record)) {
        if let Err(problem) = self.apply(change, true) {
            error!(path = %problem.path.display(), error = %problem.source, "The state is only in memory");
        }
    }

    /// Tells of every change, with a rising number.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    fn apply(&self, change: impl FnOnce(&mut Record), regardless: bool) -> Result<(), StoreError> {
        let mut inner = self.lock();
        let mut next = inner.record.clone();
        change(&mut next);
        if next == inner.record {
            return Ok(());
        }
        let written = self.write(&next);
        if written.is_ok() || regardless {
            inner.record = next;
            drop(inner);
            self.changes.send_modify(|count| *count += 1);
        }
        written
    }

    fn write(&self, record: &Record) -> Result<(), StoreError> {
        let Some(path) = &self.path else { return Ok(()) };
        let failed = |source| StoreError {
            action: "written",
            path: path.clone(),
            source,
        };
        let bytes = serde_json::to_vec_pretty(record).map_err(|e| failed(e.into()))?;
        files::replace(&*self.files, path, &bytes).map_err(failed)
    }

    /// A holder of the lock cannot leave the record half-changed: it is swapped whole.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
