//! Where things are kept on this machine.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::progress::Progress;

/// Longest name of a stack; it becomes part of names that AWS limits to 64 letters.
const NAME_LIMIT: usize = 24;

/// The user's cache folder of Sluice.
///
/// # Errors
/// When the environment names neither a cache nor a home folder.
pub fn cache() -> Result<PathBuf> {
    if let Some(cache) = std::env::var_os("XDG_CACHE_HOME").filter(|value| !value.is_empty()) {
        return Ok(PathBuf::from(cache).join("sluice"));
    }
    let home = std::env::home_dir().context("neither XDG_CACHE_HOME nor HOME is set; set one of them")?;
    let caches = if cfg!(target_os = "macos") {
        "Library/Caches"
    } else {
        ".cache"
    };
    Ok(home.join(caches).join("sluice"))
}

/// Folder of a stack that stays up.
///
/// # Errors
/// When the name cannot be part of a file name and of an AWS name.
pub fn named_stack(name: &str) -> Result<PathBuf> {
    let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.is_empty() || name.len() > NAME_LIMIT || !name.chars().all(legal) {
        bail!("the name {name:?} is not made of 1 to {NAME_LIMIT} lower-case letters, digits and dashes");
    }
    Ok(cache()?.join("stacks").join(name))
}

/// Makes a folder, and those above it, that nobody else can read.
///
/// # Errors
/// When the folder cannot be made.
pub fn make_private(path: &Path) -> Result<()> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(with_advice)
        .with_context(|| format!("cannot make the folder {}", path.display()))
}

/// Waits for its turn; the system lets go of the lock when the file is closed, even by a crash.
///
/// # Errors
/// When the file cannot be written.
pub fn lock(path: &Path) -> Result<File> {
    let file = File::create(path)
        .map_err(with_advice)
        .with_context(|| format!("cannot write {}", path.display()))?;
    if file.try_lock().is_err() {
        let waiting = Progress::start(format!(
            "waiting for another process that holds {}",
            path.display()
        ));
        file.lock()
            .with_context(|| format!("cannot lock {}", path.display()))?;
        waiting.done();
    }
    Ok(file)
}

/// What a person can do about a place that cannot be written.
fn with_advice(error: io::Error) -> anyhow::Error {
    use io::ErrorKind::{PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    let to_do = match error.kind() {
        PermissionDenied => {
            "run: sudo chown -R \"$(id -un)\" <that folder>, or use another one by: export XDG_CACHE_HOME=<folder>"
        }
        ReadOnlyFilesystem => "use another folder by: export XDG_CACHE_HOME=<folder>",
        StorageFull | QuotaExceeded => {
            "free some space there, or use another disk by: export XDG_CACHE_HOME=<folder>"
        }
        _ => return error.into(),
    };
    anyhow::Error::new(error).context(to_do)
}

/// Removes a folder with all that is in it; absent is fine.
///
/// # Errors
/// When something in it cannot be removed.
pub fn remove(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove the folder {}", path.display()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_that_cannot_be_written_comes_with_a_way_out() {
        use nix::errno::Errno::{EACCES, EDQUOT, ENOSPC, EROFS};
        for (number, expected) in [
            (EACCES, "sudo chown"),
            (ENOSPC, "free some space"),
            (EROFS, "use another folder"),
            (EDQUOT, "another disk"),
        ] {
            let told = format!("{:#}", with_advice(io::Error::from_raw_os_error(number as i32)));
            assert!(told.contains(expected), "{number}: {told}");
        }
    }
}
