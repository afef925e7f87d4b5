//! The credential of an enrolment, on disk.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sluice_core::units::Incarnation;

use crate::config::Secret;

/// What this machine speaks with. No log shows its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// Which machine of its ordinal it is.
    pub incarnation: Incarnation,
    /// The bearer token.
    pub secret: Secret,
}

#[derive(Serialize, Deserialize)]
struct OnDisk {
    incarnation: Incarnation,
    credential: String,
}

impl Credential {
    /// Reads it; none when it was never written.
    ///
    /// # Errors
    /// Whatever the disk says; an unreadable text is an error too: enrolling again would take the place from whoever
    /// has it now, and only an operator may do that.
    pub fn read(path: &Path) -> io::Result<Option<Self>> {
        let bytes = match std::fs::read(path) {
            Err(gone) if gone.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        // The parser's own message could show a part of the secret.
        let on_disk: OnDisk = serde_json::from_slice(&bytes).map_err(|_| {
            let text = "is damaged; `sluice-agent enrol --force` gets a new credential";
            io::Error::new(io::ErrorKind::InvalidData, text)
        })?;
        Ok(Some(Self {
            incarnation: on_disk.incarnation,
            secret: Secret::new(on_disk.credential),
        }))
    }

    /// Writes it for this user alone, whole or not at all.
    ///
    /// # Errors
    /// Whatever the disk says.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let text = serde_json::to_vec(&OnDisk {
            incarnation: self.incarnation,
            credential: self.secret.reveal().to_owned(),
        })?;
        let neighbour = path.with_added_extension("new");
        // A file that is there already would keep the rights that it has.
        match std::fs::remove_file(&neighbour) {
            Err(problem) if problem.kind() != io::ErrorKind::NotFound => return Err(problem),
            _ => {}
        }
        let mut options = OpenOptions::new();
        let mut file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&neighbour)?;
        file.write_all(&text)?;
        file.sync_all()?;
        std::fs::rename(&neighbour, path)?;
        path.parent()
            .map_or(Ok(()), |folder| File::open(folder)?.sync_all())
    }
}
