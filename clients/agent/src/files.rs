//! The port to the disk, and writes that are either whole or not there after a power loss.
//!
//! Renaming is atomic and durable only once its folder was flushed; what is renamed was flushed before. Every change of
//! a name goes through here, so that a test can see the order.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

/// What is done to the disk that must outlive a power loss. Each call is what the system call of its name is.
pub trait Files: std::fmt::Debug + Send + Sync {
    /// Makes or replaces a file, and flushes its content.
    ///
    /// # Errors
    /// Whatever the disk says; so for all of them.
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()>;

    /// Gives a file, link or folder another name, replacing a file or link that has it.
    ///
    /// # Errors
    /// Whatever the disk says.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Makes a symbolic link.
    ///
    /// # Errors
    /// Whatever the disk says.
    fn symlink(&self, target: &Path, path: &Path) -> io::Result<()>;

    /// Removes a file or link; there may be none.
    ///
    /// # Errors
    /// Whatever the disk says.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Makes the names in a folder outlive a power loss.
    ///
    /// # Errors
    /// Whatever the disk says.
    fn flush_folder(&self, folder: &Path) -> io::Result<()>;

    /// Flushes a folder with everything in it. Symbolic links are not followed.
    ///
    /// # Errors
    /// Whatever the disk says.
    fn flush_tree(&self, folder: &Path) -> io::Result<()>;
}

/// Replaces `path` by `bytes`: writes a neighbour, flushes it, renames it and flushes the folder.
///
/// # Errors
/// Whatever the disk says; `path` then holds what it held before, or `bytes` when only the last flush failed.
pub fn replace(files: &dyn Files, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let neighbour = path.with_added_extension("new");
    files.write(&neighbour, bytes)?;
    files.rename(&neighbour, path)?;
    flush_folder_of(files, path)
}

/// Makes the creation, renaming or removal of `path` outlive a power loss.
///
/// # Errors
/// Whatever the disk says.
pub fn flush_folder_of(files: &dyn Files, path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |folder| files.flush_folder(folder))
}

/// The real disk.
#[derive(Debug, Clone, Copy, Default)]
pub struct Disk;

impl Files for Disk {
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut file = File::create(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn symlink(&self, target: &Path, path: &Path) -> io::Result<()> {
        std::os::unix::fs::symlink(target, path)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        match std::fs::remove_file(path) {
            Err(gone) if gone.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }

    fn flush_folder(&self, folder: &Path) -> io::Result<()> {
        File::open(folder)?.sync_all()
    }

    fn flush_tree(&self, folder: &Path) -> io::Result<()> {
        let mut left = vec![folder.to_path_buf()];
        while let Some(next) = left.pop() {
            let kind = std::fs::symlink_metadata(&next)?.file_type();
            if kind.is_dir() {
                for entry in std::fs::read_dir(&next)? {
                    left.push(entry?.path());
                }
            }
            if kind.is_dir() || kind.is_file() {
                File::open(&next)?.sync_all()?;
            }
        }
        Ok(())
    }
}
