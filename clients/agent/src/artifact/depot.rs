//! The folder of releases and the link to the one in use.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sluice_contract::check_in::Artifact;
use sluice_core::release::Release;
use tracing::{info, warn};

use super::download::{Downloader, digest_of_file};
use super::unpack::{Limits, unpack};
use crate::failure::{Code, Failure};
use crate::files::{self, Disk, Files};
use crate::keys::TrustedKeys;

/// The folder of releases and the link to the one in use.
#[derive(Debug)]
pub struct Depot {
    pub(super) home: PathBuf,
    keys: TrustedKeys,
    limits: Limits,
    max_download_bytes: u64,
    pub(super) unpackings: AtomicU64,
    pub(super) files: Arc<dyn Files>,
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
            files: Arc::new(Disk),
        })
    }

    /// The same on another disk.
    #[must_use]
    pub fn with_files(self, files: Arc<dyn Files>) -> Self {
        Self { files, ..self }
    }

    /// Writes the manifests of `known` releases again whose folders are there and whose manifests are not, or are
    /// unreadable.
    ///
    /// # Errors
    /// Whatever the disk says.
    pub fn heal<'a>(&self, known: impl Iterator<Item = &'a Release>) -> io::Result<()> {
        for release in known {
            let version = release.version.to_string();
            if self.manifest(&version).is_none() && self.folder(release).is_dir() {
                warn!(version, "A release's manifest was damaged and is written again");
                self.write_manifest(release)?;
            }
        }
        Ok(())
    }

    /// The folder of a release.
    #[must_use]
    pub fn folder(&self, release: &Release) -> PathBuf {
        self.folder_of(&release.version.to_string())
    }

    /// The folder of a version.
    #[must_use]
    pub fn folder_of(&self, version: &str) -> PathBuf {
        self.home.join("releases").join(version)
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
                let (next, target) = (
                    self.home.join("current.new"),
                    Path::new("releases").join(release.version.to_string()),
                );
                // A link that is right needs no room on the disk.
                if std::fs::read_link(&current).is_ok_and(|is| is == target) {
                    Ok(())
                } else {
                    let files = &self.files;
                    files
                        .remove(&next)
                        .and_then(|()| files.symlink(&target, &next))
                        .and_then(|()| files.rename(&next, &current))
                }
            }
            None => self.files.remove(&current),
        };
        switched
            .and_then(|()| files::flush_folder_of(&*self.files, &current))
            .map_err(|e| storage(&current, &e))
    }

    /// The release that the link names; none when there is no link or its release is not complete.
    #[must_use]
    pub fn linked(&self) -> Option<Release> {
        self.manifest(&self.linked_version()?)
            .filter(|r| self.folder(r).is_dir())
    }

    /// The version that the link names, whatever is known about its release.
    #[must_use]
    pub fn linked_version(&self) -> Option<String> {
        let target = std::fs::read_link(self.current()).ok()?;
        Some(target.file_name()?.to_str()?.to_owned())
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

    pub(super) fn manifest_path(&self, version: &str) -> PathBuf {
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
        self.files.flush_tree(fresh).map_err(failed)?;
        // Only a release of the same version with another digest, which is not linked, can be in the way.
        self.discard(&release.version.to_string()).map_err(failed)?;
        self.write_manifest(release).map_err(failed)?;
        let folder = self.folder(release);
        self.files
            .rename(fresh, &folder)
            .and_then(|()| files::flush_folder_of(&*self.files, &folder))
            .map_err(failed)
    }

    fn write_manifest(&self, release: &Release) -> io::Result<()> {
        let text = serde_json::to_vec_pretty(release)?;
        files::replace(
            &*self.files,
            &self.manifest_path(&release.version.to_string()),
            &text,
        )
    }
}

fn storage(path: &Path, error: &io::Error) -> Failure {
    Failure::new(Code::StorageFailed, format!("{}: {error}", path.display()))
}
