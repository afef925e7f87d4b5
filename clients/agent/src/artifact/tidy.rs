//! Taking releases away.

use std::io;
use std::sync::atomic::Ordering;

use sluice_core::release::Release;
use tracing::{info, warn};

use super::Depot;
use crate::files;

/// How many releases stay on disk beyond those that are needed.
const KEEP_OTHERS: usize = 2;

impl Depot {
    /// Removes all releases but those of `needed`, the linked one and the newest others: one of these may have been
    /// fetched for the next move.
    pub fn tidy(&self, needed: &[Release]) {
        let linked = self.linked();
        let keep: Vec<String> = needed
            .iter()
            .chain(&linked)
            .map(|r| r.version.to_string())
            .collect();
        let Ok(entries) = std::fs::read_dir(self.home.join("manifests")) else {
            return;
        };
        let mut others: Vec<_> = entries
            .flatten()
            .filter_map(|entry| {
                let version = entry
                    .file_name()
                    .into_string()
                    .ok()?
                    .strip_suffix(".json")?
                    .to_owned();
                (!keep.contains(&version)).then_some((entry.metadata().ok()?.modified().ok()?, version))
            })
            .collect();
        others.sort();
        others.truncate(others.len().saturating_sub(KEEP_OTHERS));
        for (_, version) in others {
            match self.discard(&version) {
                Ok(()) => info!(version, "A release that is not needed any more was removed"),
                Err(problem) => warn!(version, %problem, "A release cannot be removed"),
            }
        }
    }

    /// Takes a release away so that, whenever the machine stops, it is there whole or not there at all: the manifest
    /// goes first, and the folder leaves its place before anything in it is removed.
    pub(super) fn discard(&self, version: &str) -> io::Result<()> {
        let manifest = self.manifest_path(version);
        let files = &*self.files;
        if manifest.exists() {
            files.remove(&manifest)?;
            files::flush_folder_of(files, &manifest)?;
        }
        let folder = self.home.join("releases").join(version);
        let number = self.unpackings.fetch_add(1, Ordering::Relaxed);
        let away = self
            .home
            .join("downloads")
            .join(format!("{version}-{number}.old"));
        if !folder.exists() {
            return Ok(());
        }
        files.rename(&folder, &away)?;
        files::flush_folder_of(files, &folder)?;
        std::fs::remove_dir_all(&away)
    }
}
