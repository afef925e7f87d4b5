//! Archives that must not be unpacked, and one that must.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    reason = "helpers of tests fail like tests"
)]

mod support;

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use sluice_agent::artifact::{Limits, unpack};
use sluice_agent::failure::Code;
use tar::{Builder, EntryType, Header};

const LIMITS: Limits = Limits {
    bytes: 10_000,
    entries: 10,
};

/// Kind, path, and content or link target of an entry.
type Line<'a> = (EntryType, &'a str, &'a str);

/// Writes names as they are: the library's own setters refuse the bad ones.
fn archive(lines: &[Line<'_>]) -> Vec<u8> {
    let mut tar = Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (kind, path, content) in lines {
        let mut header = Header::new_gnu();
        let link = matches!(kind, EntryType::Symlink | EntryType::Link);
        header.as_gnu_mut().unwrap().name[..path.len()].copy_from_slice(path.as_bytes());
        if link {
            header.as_gnu_mut().unwrap().linkname[..content.len()].copy_from_slice(content.as_bytes());
        }
        header.set_entry_type(*kind);
        header.set_mode(if *kind == EntryType::Directory {
            0o755
        } else {
            0o4755
        });
        let body = if link { "" } else { content };
        header.set_size(body.len() as u64);
        header.set_cksum();
        tar.append(&header, body.as_bytes()).unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap()
}

fn try_unpack(bytes: &[u8]) -> (Result<(), Code>, tempfile::TempDir) {
    let home = tempfile::TempDir::new().unwrap();
    let (file, folder) = (home.path().join("a.tar.gz"), home.path().join("deep/folder"));
    std::fs::File::create(&file).unwrap().write_all(bytes).unwrap();
    std::fs::create_dir_all(&folder).unwrap();
    (unpack(&file, &folder, LIMITS).map_err(|f| f.code), home)
}

#[test]
fn bad_archives_are_refused() {
    use EntryType::{Char, Directory, Fifo, Link, Regular, Symlink};
    let large = "x".repeat(6_000);
    let cases: &[(&str, &[Line<'_>])] = &[
        ("path up", &[(Regular, "../escaped", "x")]),
        ("path up later", &[(Regular, "a/../../escaped", "x")]),
        ("absolute path", &[(Regular, "/tmp/escaped", "x")]),
        ("absolute link", &[(Symlink, "a", "/etc")]),
        ("link up", &[(Symlink, "a", "../escaped")]),
        (
            "link up from a folder",
            &[(Directory, "d", ""), (Symlink, "d/a", "../../escaped")],
        ),
        (
            "link up through a link",
            &[
                (Directory, "d", ""),
                (Symlink, "d/x", ".."),
                (Symlink, "d/y", "x/.."),
            ],
        ),
        (
            "write through a link",
            &[
                (Directory, "d", ""),
                (Symlink, "l", "d"),
                (Regular, "l/file", "x"),
            ],
        ),
        ("overwrite of a link", &[(Symlink, "l", "d"), (Regular, "l", "x")]),
        ("hard link", &[(Regular, "a", "x"), (Link, "b", "a")]),
        ("device", &[(Char, "null", "")]),
        ("pipe", &[(Fifo, "pipe", "")]),
        ("too large", &[(Regular, "a", &large), (Regular, "b", &large)]),
        ("too many", &[(Directory, "d", ""); 11]),
    ];
    for (name, lines) in cases {
        let (result, home) = try_unpack(&archive(lines));
        assert_eq!(result, Err(Code::UnpackRefused), "{name}");
        assert!(
            !home.path().join("deep/escaped").exists() && !home.path().join("escaped").exists(),
            "{name}"
        );
    }
}

#[test]
fn a_bomb_is_not_decompressed() {
    // A name of 16 MiB: it is no file, so the limit of the files' bytes does not see it.
    let length = 16 << 20;
    let mut gz = GzEncoder::new(Vec::new(), Compression::best());
    for (kind, size) in [(EntryType::GNULongName, length), (EntryType::Regular, 0)] {
        let mut header = Header::new_gnu();
        header.set_path("name").unwrap();
        header.set_entry_type(kind);
        header.set_size(size);
        header.set_mode(0o644);
        header.set_cksum();
        gz.write_all(header.as_bytes()).unwrap();
        gz.write_all(&vec![b'a'; usize::try_from(size).unwrap()]).unwrap();
    }
    gz.write_all(&[0; 1024]).unwrap();
    assert_eq!(try_unpack(&gz.finish().unwrap()).0, Err(Code::UnpackRefused));
}

#[test]
fn damaged_archives_are_refused() {
    let good = archive(&[(EntryType::Regular, "a", "content")]);
    assert_eq!(try_unpack(&good[..good.len() / 2]).0, Err(Code::UnpackRefused));
    assert_eq!(try_unpack(b"plain text").0, Err(Code::UnpackRefused));
}

#[test]
fn a_good_archive_is_unpacked() {
    use std::os::unix::fs::PermissionsExt;
    let lines = [
        (EntryType::Directory, "./bin/", ""),
        (EntryType::Regular, "./bin/serve", "program"),
        (EntryType::Symlink, "./bin/again", "../bin/serve"),
        (EntryType::Symlink, "latest", "bin"),
    ];
    let (result, home) = try_unpack(&archive(&lines));
    assert_eq!(result, Ok(()));
    let folder = home.path().join("deep/folder");
    assert_eq!(
        std::fs::read_to_string(folder.join("bin/again")).unwrap(),
        "program"
    );
    assert_eq!(
        std::fs::read_to_string(folder.join("latest/serve")).unwrap(),
        "program"
    );
    let mode = std::fs::metadata(folder.join("bin/serve"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o7700, 0o700, "no set-uid bit comes out of an archive");
}
