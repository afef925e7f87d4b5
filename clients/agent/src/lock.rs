//! One agent for one home.

use std::fs::File;
use std::path::{Path, PathBuf};

/// Why the home cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another agent has it.
    #[error("another agent uses the home folder {}", .0.display())]
    Taken(PathBuf),
    /// The disk refuses.
    #[error("the home folder {} cannot be used: {source}", path.display())]
    Home {
        /// Which folder.
        path: PathBuf,
        /// What the disk says.
        source: std::io::Error,
    },
}

/// Holds the home until dropped, or until the process ends in whatever way.
#[derive(Debug)]
pub struct HomeLock {
    file: File,
    folder: PathBuf,
}

impl HomeLock {
    /// Makes the home when it is missing, and takes it.
    ///
    /// # Errors
    /// [`LockError`] when another agent has it or the disk refuses.
    pub fn take(home: &Path) -> Result<Self, LockError> {
        let failed = |source| LockError::Home {
            path: home.to_path_buf(),
            source,
        };
        std::fs::create_dir_all(home).map_err(failed)?;
        let file = File::create(home.join("agent.lock")).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Self {
                file,
                folder: home.canonicalize().map_err(failed)?,
            }),
            Err(std::fs::TryLockError::WouldBlock) => Err(LockError::Taken(home.to_path_buf())),
            Err(std::fs::TryLockError::Error(source)) => Err(failed(source)),
        }
    }

    /// The home without links and detours.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for HomeLock {
    fn drop(&mut self) {
        if let Err(problem) = self.file.unlock() {
            tracing::debug!(%problem, "The lock ends with the file instead");
        }
    }
}
