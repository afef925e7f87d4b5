//! A plan's positions, read from the bucket once for each process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use sluice_contract::problem::{Code, Problem};
use sluice_core::plan::Published;
use sluice_core::units::{Ordinal, Position};

use crate::keys;
use crate::ports::Blobs;
use crate::refusal;

/// Positions of plans that this process has read. A plan's positions never change.
#[derive(Debug, Default)]
pub(super) struct Positions(Mutex<Option<(String, Arc<Placed>)>>);

/// A plan's positions by ordinal.
#[derive(Debug)]
pub(super) struct Placed {
    pub(super) published: Published,
    by_ordinal: HashMap<Ordinal, Position>,
}

impl Placed {
    /// Where an instance stands in the plan; none for one that joined after planning.
    pub(super) fn position(&self, ordinal: Ordinal) -> Option<Position> {
        self.by_ordinal.get(&ordinal).copied()
    }
}

impl Positions {
    fn cached(&self, plan_hash: &str) -> Option<Arc<Placed>> {
        let cache = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        cache
            .as_ref()
            .filter(|(hash, _)| hash == plan_hash)
            .map(|(_, placed)| Arc::clone(placed))
    }

    /// Reads a plan's positions, once for each process.
    pub(super) async fn get(&self, blobs: &impl Blobs, plan_hash: &str) -> Result<Arc<Placed>, Problem> {
        if let Some(placed) = self.cached(plan_hash) {
            return Ok(placed);
        }
        let lost = || {
            Problem::new(
                Code::Unavailable,
                "the plan's positions cannot be read; try again",
            )
        };
        let bytes = blobs
            .get(&keys::positions(plan_hash))
            .await
            .map_err(refusal::port)?
            .ok_or_else(lost)?;
        let published: Published = serde_json::from_slice(&bytes).map_err(|_| lost())?;
        let by_ordinal = (0..)
            .map(Position)
            .zip(&published.ordinals.0)
            .map(|(p, o)| (*o, p))
            .collect();
        let placed = Arc::new(Placed {
            published,
            by_ordinal,
        });
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) =
            Some((plan_hash.to_owned(), Arc::clone(&placed)));
        Ok(placed)
    }
}
