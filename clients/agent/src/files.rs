//! Writes that are either whole or not there after a crash.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

/// Replaces `path` by `bytes`: writes a neighbour, flushes it, renames it and flushes the folder.
///
/// # Errors
/// Whatever the disk says; `path` then holds what it held before, or `bytes` when only the last flush failed.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let neighbour = path.with_added_extension("new");
    let mut file = File::create(&neighbour)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&neighbour, path)?;
    flush_folder_of(path)
}

/// Makes the creation, renaming or removal of `path` outlive a crash.
///
/// # Errors
/// Whatever the disk says.
pub fn flush_folder_of(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

/// Flushes a file or a folder with everything in it. Symbolic links are not followed.
///
/// # Errors
/// Whatever the disk says.
pub fn flush_tree(path: &Path) -> io::Result<()> {
    let mut left = vec![path.to_path_buf()];
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
