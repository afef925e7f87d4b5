//! Unpacking an archive that is trusted for its content and not for its shape.
//!
//! Only files, folders and links inside the archive are made; nothing is written through a link; size and number of
//! entries are limited before they are written.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use flate2::read::GzDecoder;
use tar::{Archive, Entry, EntryType};

use crate::failure::{Code, Failure};

/// What an archive may unpack to.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The most bytes of all files together.
    pub bytes: u64,
    /// The most files, folders and links.
    pub entries: u64,
}

/// Bytes of a tar header with its padding; also the room that long names may take.
const HEADER_BYTES: u64 = 8 << 10;

/// Unpacks the gzip-compressed tar archive at `archive` into the existing, empty folder `folder`.
///
/// # Errors
/// [`Failure`] with `unpack-refused` when the archive holds what must not be unpacked, is too large or is damaged;
/// `storage-failed` when the disk refuses.
pub fn unpack(archive: &Path, folder: &Path, limits: Limits) -> Result<(), Failure> {
    let file = File::open(archive)
        .map_err(|e| Failure::new(Code::StorageFailed, format!("{}: {e}", archive.display())))?;
    // Bounds what is decompressed even where it never becomes a file.
    let most = limits
        .bytes
        .saturating_add(limits.entries.saturating_mul(HEADER_BYTES));
    let mut archive = Archive::new(GzDecoder::new(io::BufReader::new(file)).take(most));
    archive.set_preserve_mtime(false);
    let (mut left, mut links) = (limits, HashSet::new());
    for entry in archive.entries().map_err(|e| damaged(&e))? {
        let mut entry = entry.map_err(|e| damaged(&e))?;
        left.entries = left
            .entries
            .checked_sub(1)
            .ok_or_else(|| too_much("entries", limits.entries))?;
        left.bytes = left
            .bytes
            .checked_sub(entry.size())
            .ok_or_else(|| too_much("bytes", limits.bytes))?;
        if admit(&entry, &mut links)? {
            entry.unpack_in(folder).map_err(|e| unwritten(&e))?;
        }
    }
    Ok(())
}

/// Whether an entry is to be unpacked (true) or is only a remark about the archive (false).
fn admit<R: Read>(entry: &Entry<'_, R>, links: &mut HashSet<PathBuf>) -> Result<bool, Failure> {
    let kind = entry.header().entry_type();
    if kind == EntryType::XGlobalHeader {
        return Ok(false);
    }
    let raw = entry.path().map_err(|e| damaged(&e))?.into_owned();
    let path = plain(&raw).ok_or_else(|| refused(&raw, "its path leaves the folder"))?;
    if path.ancestors().any(|a| links.contains(a)) {
        return Err(refused(&raw, "it would be written through a link"));
    }
    match kind {
        EntryType::Regular | EntryType::Continuous | EntryType::Directory => Ok(true),
        EntryType::Symlink => {
            let target = entry.link_name().map_err(|e| damaged(&e))?.unwrap_or_default();
            if !stays_inside(&path, &target) {
                return Err(refused(&raw, "its link leaves the folder"));
            }
            links.insert(path);
            Ok(true)
        }
        other => Err(refused(
            &raw,
            &format!("entries of kind {other:?} are not accepted"),
        )),
    }
}

/// The path without `.`, or none when it is absolute or holds `..`.
fn plain(path: &Path) -> Option<PathBuf> {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => plain.push(name),
            Component::CurDir => {}
            _ => return None,
        }
    }
    Some(plain)
}

/// Whether a link at `path`, none of whose parents is a link, can only lead inside: it goes up first, no further than
/// the folder, and never up again after a name (which could itself be a link).
fn stays_inside(path: &Path, target: &Path) -> bool {
    let mut depth = path.components().count().saturating_sub(1);
    let mut named = false;
    for component in target.components() {
        match component {
            Component::Normal(_) => named = true,
            Component::CurDir => {}
            Component::ParentDir if !named && depth > 0 => depth -= 1,
            _ => return false,
        }
    }
    true
}

fn refused(path: &Path, why: &str) -> Failure {
    Failure::new(Code::UnpackRefused, format!("{}: {why}", path.display()))
}

fn too_much(what: &str, limit: u64) -> Failure {
    Failure::new(
        Code::UnpackRefused,
        format!("the archive holds more than {limit} {what}"),
    )
}

fn damaged(error: &io::Error) -> Failure {
    Failure::new(Code::UnpackRefused, format!("the archive is damaged: {error}"))
}

/// The archive's reader and the disk speak through one error; only the disk's has a number, somewhere below.
fn unwritten(error: &io::Error) -> Failure {
    let first: &(dyn std::error::Error + 'static) = error;
    let mut causes = std::iter::successors(Some(first), |e| e.source());
    let disk = causes.find_map(|e| {
        e.downcast_ref::<io::Error>()
            .filter(|io| io.raw_os_error().is_some())
    });
    match disk {
        Some(cause) => Failure::new(
            Code::StorageFailed,
            format!("the archive cannot be unpacked: {error}: {cause}"),
        ),
        None => Failure::new(
            Code::UnpackRefused,
            format!("the archive cannot be unpacked: {error}"),
        ),
    }
}
