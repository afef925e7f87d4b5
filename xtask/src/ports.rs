//! Ports that nobody else takes before the one who was given them listens.
//!
//! A port that was free a moment ago, as the system names them, may by then be the local end of anybody's connection.
//! These lie below the range that systems choose from by themselves, and each stack has a block of its own, which it
//! holds by a lock.

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::paths;

/// Linux chooses from 32768 on, macOS from 49152 on.
const FIRST: u16 = 20_000;
/// Enough for the demo's fleet, its proxy and its stack.
const PER_BLOCK: u16 = 32;
const BLOCKS: u16 = 384;

/// A block of ports, as long as it is held.
#[derive(Debug)]
pub struct Ports {
    left: std::ops::Range<u16>,
    _lock: File,
}

impl Ports {
    /// Takes a block that no other stack of this user has.
    ///
    /// # Errors
    /// When all are taken, or the cache folder cannot be written.
    pub fn reserve() -> Result<Self> {
        let folder = paths::cache()?.join("ports");
        paths::make_private(&folder)?;
        Self::reserve_in(&folder, rand::random_range(0..BLOCKS))
    }

    fn reserve_in(folder: &Path, begin: u16) -> Result<Self> {
        for block in (begin..BLOCKS).chain(0..begin) {
            let path = folder.join(block.to_string());
            let lock = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
            if lock.try_lock().is_ok() {
                let first = FIRST + block * PER_BLOCK;
                return Ok(Self {
                    left: first..first + PER_BLOCK,
                    _lock: lock,
                });
            }
        }
        bail!("all {BLOCKS} blocks of ports are taken; end a stack first: cargo xtask down")
    }

    /// The next port of the block that is free.
    ///
    /// # Errors
    /// When there is none left.
    pub fn take(&mut self) -> Result<u16> {
        let is_free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
        self.left
            .find(is_free)
            .context("other programs listen on all ports of a stack's block; try again")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn two_stacks_never_get_the_same_port() {
        let folder = tempfile::tempdir().unwrap();
        let mut stacks: Vec<_> = (0..3)
            .map(|_| Ports::reserve_in(folder.path(), 7).unwrap())
            .collect();
        let taken: Vec<u16> = stacks
            .iter_mut()
            .flat_map(|ports| [ports.take().unwrap(), ports.take().unwrap()])
            .collect();
        assert_eq!(
            taken.iter().collect::<BTreeSet<_>>().len(),
            taken.len(),
            "{taken:?}"
        );
        assert!(
            taken
                .iter()
                .all(|port| (FIRST..FIRST + BLOCKS * PER_BLOCK).contains(port))
        );
    }

    #[test]
    fn a_port_that_somebody_listens_on_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let first = Ports::reserve_in(folder.path(), 9).unwrap().take().unwrap();
        let _somebody = TcpListener::bind((Ipv4Addr::LOCALHOST, first)).unwrap();
        let next = Ports::reserve_in(folder.path(), 9).unwrap().take().unwrap();
        assert!(next > first);
    }

    #[test]
    fn what_was_let_go_is_given_again() {
        let folder = tempfile::tempdir().unwrap();
        let first = Ports::reserve_in(folder.path(), 3).unwrap().left;
        assert_eq!(Ports::reserve_in(folder.path(), 3).unwrap().left, first);
    }
}
