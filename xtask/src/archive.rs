//! A function's binary as the archive that Lambda takes: one file `bootstrap`, executable.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// Makes the archive of the function `name` in `folder` and gives its path; one that is newer than the binary is kept.
///
/// # Errors
/// When a file cannot be read or written.
pub fn pack(name: &str, binary: &Path, folder: &Path) -> Result<PathBuf> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let archive = folder.join(format!("{name}.zip"));
    if is_newer(&archive, binary)? {
        return Ok(archive);
    }
    let stripped = folder.join(format!("{name}.stripped"));
    let content = fs::read(if strip(binary, &stripped) {
        &stripped
    } else {
        binary
    });
    let content = content.with_context(|| format!("cannot read {}", binary.display()))?;
    let unfinished = folder.join(format!("{name}.{}.unfinished", std::process::id()));
    write(&unfinished, &content).with_context(|| format!("cannot write {}", unfinished.display()))?;
    fs::rename(&unfinished, &archive).with_context(|| format!("cannot write {}", archive.display()))?;
    Ok(archive)
}

fn is_newer(archive: &Path, binary: &Path) -> Result<bool> {
    let Ok(packed) = fs::metadata(archive).and_then(|archive| archive.modified()) else {
        return Ok(false);
    };
    let built = fs::metadata(binary).and_then(|binary| binary.modified());
    Ok(packed > built.with_context(|| format!("cannot read {}", binary.display()))?)
}

/// Leaves out debugging symbols, which are most of an unoptimised binary and slow its start; false where the machine
/// has no `strip`, and the binary is taken as it is.
fn strip(binary: &Path, stripped: &Path) -> bool {
    let mut command = Command::new("strip");
    command
        .arg("-o")
        .arg(stripped)
        .arg(binary)
        .stdin(Stdio::null())
        .stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

fn write(path: &Path, content: &[u8]) -> Result<()> {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .unix_permissions(0o755);
    let mut archive = ZipWriter::new(File::create(path)?);
    archive.start_file("bootstrap", options)?;
    std::io::Write::write_all(&mut archive, content)?;
    archive.finish()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn an_archive_holds_the_executable_and_follows_its_changes() {
        let folder = tempfile::tempdir().unwrap();
        let binary = folder.path().join("planning");
        fs::write(&binary, "first").unwrap();
        let read = |archive: &Path| {
            let mut archive = zip::ZipArchive::new(File::open(archive).unwrap()).unwrap();
            let mut file = archive.by_name("bootstrap").unwrap();
            let mut text = String::new();
            file.read_to_string(&mut text).unwrap();
            (text, file.unix_mode().unwrap() & 0o777)
        };
        let archive = pack("planning", &binary, &folder.path().join("out")).unwrap();
        assert_eq!(read(&archive), ("first".to_owned(), 0o755));
        std::thread::sleep(std::time::Duration::from_millis(20));
        fs::write(&binary, "second").unwrap();
        let archive = pack("planning", &binary, &folder.path().join("out")).unwrap();
        assert_eq!(read(&archive).0, "second");
    }
}
