//! The folder of releases and the link to the one in use.

use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sluice_contract::check_in::Artifact;
use sluice_core::release::Release;
use tracing::{info, warn};

use super::download::{Downloader, digest_of_file};
use super::unpack::{Limits, unpack};
use crate::failure::{Code, Failure};
use crate::files;
use crate::keys::TrustedKeys;

/// How many releases stay on disk beyond those that are needed.
const KEEP_OTHERS: usize = 2;

/// The folder of releases and the link to the one in use.
#[derive(Debug)]
pub struct Depot {
    home: PathBuf,
    keys: TrustedKeys,
    limits: Limits,
    max_download_bytes: u64,
    unpackings: AtomicU64,
}

impl Depot {
    /// Makes the folders that are missing and removes what an earlier run left half-done.
    ///
    /// # Errors
    /// Whatever the disk says.
    pub fn open(home: &Path, keys: TrustedKeys, limits: Limits, max_download_bytes: u64) -> io::Result<Self> {
        for folder in ["releases", "manifests", "downloads"] {
            std::fs::create_dir_all(home.join(folder))?;
        }
        for entry in std::fs::read_dir(home.join("downloads"))? {
            let path = entry?.path();
            let removed = if path.is_dir() {
                std::fs::remove_dir_all(path)
            } else {
                std::fs::remove_file(path)
            };
            removed?;
        }
        let unpackings = AtomicU64::new(0);
        Ok(Self {
            home: home.to_path_buf(),
            keys,
            limits,
            max_download_bytes,
            unpackings,
        })
    }

    /// The folder of a release.
    #[must_use]
    pub fn folder(&self, release: &Release) -> PathBuf {
        self.home.join("releases").join(release.version.to_string())
    }

    /// The link to the release in use.
    #[must_use]
    pub fn current(&self) -> PathBuf {
        self.home.join("current")
    }

    /// Verifies the release and brings it to disk. Returns at once when it is there.
    ///
    /// # Errors
    /// [`Failure`] of signature, download, digest, size or unpacking; nothing in use was touched.
    pub async fn prepare(
        self: &Arc<Self>,
        downloader: &Downloader,
        artifact: &Artifact,
    ) -> Result<(), Failure> {
        let release = &artifact.release;
        self.admit(release)?;
        if self.holds(release) {
            return Ok(());
        }
        let number = self.unpackings.fetch_add(1, Ordering::Relaxed);
        let file = self
            .home
            .join("downloads")
            .join(format!("{}-{number}.tar.gz", release.version));
        let fetched = downloader.fetch(artifact, &file).await;
        let result = match fetched {
            Ok(()) => {
                info!(version = %release.version, size_bytes = release.size, "An artifact was fetched and verified");
                let (depot, release, archive) = (self.clone(), release.clone(), file.clone());
                tokio::task::spawn_blocking(move || depot.unpack_release(&release, &archive))
                    .await
                    .unwrap_or_else(|e| Err(Failure::new(Code::UnpackRefused, e)))
            }
            Err(failure) => Err(failure),
        };
        if let Err(problem) = tokio::fs::remove_file(&file).await
            && problem.kind() != io::ErrorKind::NotFound
        {
            warn!(path = %file.display(), %problem, "A fetched archive cannot be removed");
        }
        result
    }

    /// Verifies an archive on disk and unpacks it.
    ///
    /// # Errors
    /// As [`Depot::prepare`].
    pub fn install(&self, release: &Release, archive: &Path) -> Result<(), Failure> {
        self.admit(release)?;
        digest_of_file(archive, release.size, &release.digest)?;
        if self.holds(release) {
            Ok(())
        } else {
            self.unpack_release(release, archive)
        }
    }

    /// Makes `release` the one in use, atomically; none takes away the link.
    ///
    /// # Errors
    /// [`Failure`] with `storage-failed`.
    pub fn link(&self, release: Option<&Release>) -> Result<(), Failure> {
        let current = self.current();
        let switched = match release {
            Some(release) => {
                let next = self.home.join("current.new");
                remove_if_there(&next)
                    .and_then(|()| symlink(Path::new("releases").join(release.version.to_string()), &next))
                    .and_then(|()| std::fs::rename(&next, &current))
            }
            None => remove_if_there(&current),
        };
        switched
            .and_then(|()| files::flush_folder_of(&current))
            .map_err(|e| storage(&current, &e))
    }

    /// The release that the link names; none when there is no link or its release is not complete.
    #[must_use]
    pub fn linked(&self) -> Option<Release> {
        let target = std::fs::read_link(self.current()).ok()?;
        let name = target.file_name()?.to_str()?;
        self.manifest(name).filter(|r| self.folder(r).is_dir())
    }

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
            let folder = self.home.join("releases").join(&version);
            let removed = match std::fs::remove_dir_all(&folder) {
                Err(problem) if problem.kind() != io::ErrorKind::NotFound => Err(problem),
                _ => remove_if_there(&self.manifest_path(&version)),
            };
            match removed {
                Ok(()) => info!(version, "A release that is not needed any more was removed"),
                Err(problem) => warn!(version, %problem, "A release cannot be removed"),
            }
        }
    }

    fn admit(&self, release: &Release) -> Result<(), Failure> {
        self.keys.verify(release)?;
        if release.size > self.max_download_bytes {
            let message = format!(
                "{} bytes, and at most {} are accepted",
                release.size, self.max_download_bytes
            );
            return Err(Failure::new(Code::SizeMismatch, message));
        }
        let taken = self
            .linked()
            .filter(|l| l.version == release.version && l.digest != release.digest);
        match taken {
            Some(other) => {
                let message = format!("version {} is in use with digest {}", other.version, other.digest);
                Err(Failure::new(Code::VersionConflict, message))
            }
            None => Ok(()),
        }
    }

    fn holds(&self, release: &Release) -> bool {
        let known = self.manifest(&release.version.to_string());
        known.is_some_and(|r| r.digest == release.digest) && self.folder(release).is_dir()
    }

    fn manifest_path(&self, version: &str) -> PathBuf {
        self.home.join("manifests").join(format!("{version}.json"))
    }

    fn manifest(&self, version: &str) -> Option<Release> {
        serde_json::from_slice(&std::fs::read(self.manifest_path(version)).ok()?).ok()
    }

    fn unpack_release(&self, release: &Release, archive: &Path) -> Result<(), Failure> {
        let number = self.unpackings.fetch_add(1, Ordering::Relaxed);
        let fresh = self
            .home
            .join("downloads")
            .join(format!("{}-{number}", release.version));
        let unpacked = self.unpack_into(&fresh, release, archive);
        if unpacked.is_err()
            && fresh.exists()
            && let Err(problem) = std::fs::remove_dir_all(&fresh)
        {
            warn!(path = %fresh.display(), %problem, "A half-unpacked release cannot be removed");
        }
        unpacked
    }

    fn unpack_into(&self, fresh: &Path, release: &Release, archive: &Path) -> Result<(), Failure> {
        let failed = |e: io::Error| storage(fresh, &e);
        std::fs::create_dir(fresh).map_err(failed)?;
        unpack(archive, fresh, self.limits)?;
        files::flush_tree(fresh).map_err(failed)?;
        let folder = self.folder(release);
        // Only a release of the same version with another digest, which is not linked, can be in the way.
        if folder.exists() {
            std::fs::remove_dir_all(&folder).map_err(failed)?;
        }
        let manifest = serde_json::to_vec_pretty(release).map_err(|e| failed(e.into()))?;
        files::replace(&self.manifest_path(&release.version.to_string()), &manifest).map_err(failed)?;
        std::fs::rename(fresh, &folder)
            .and_then(|()| files::flush_folder_of(&folder))
            .map_err(failed)
    }
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(gone) if gone.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

fn storage(path: &Path, error: &io::Error) -> Failure {
    Failure::new(Code::StorageFailed, format!("{}: {error}", path.display()))
}
