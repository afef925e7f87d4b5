//! What happened to an upgrade, in a chain of hashes.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Command;
use crate::audit;
use crate::ids::{FleetKey, UpgradeId};
use crate::lifecycle::Status;
use crate::units::Seq;

/// What happened, as it is recorded: one for each change, chained by hashes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Of which upgrade.
    pub upgrade_id: UpgradeId,
    /// Of which fleet.
    #[serde(flatten)]
    pub fleet: FleetKey,
    /// Its place, from 1.
    pub seq: Seq,
    /// When.
    pub at: Timestamp,
    /// Who or what.
    pub actor: String,
    /// Its name.
    pub name: String,
    /// The batch that was current before it.
    pub batch: u32,
    /// The status after it.
    #[serde(flatten)]
    pub status: Status,
    /// What was done.
    #[serde(flatten)]
    pub command: Command,
    /// Hash of the event before it.
    pub previous: String,
    /// Hash over the one before and everything above.
    pub hash: String,
}

impl Event {
    /// The hash that the content asks for.
    #[must_use]
    pub fn expected_hash(&self) -> String {
        let content = Self {
            hash: String::new(),
            previous: String::new(),
            ..self.clone()
        };
        audit::link(&self.previous, &content)
    }
}

/// Checks a chain of events: numbered from 1 without a gap, each hash right and leading on from the one before.
///
/// # Errors
/// The first number whose event is missing or does not fit.
pub fn verify_chain(events: &[Event]) -> Result<(), Seq> {
    let mut head = audit::genesis();
    for (expected, event) in (1u64..).map(Seq).zip(events) {
        if event.seq != expected || event.previous != head || event.hash != event.expected_hash() {
            return Err(expected);
        }
        head.clone_from(&event.hash);
    }
    Ok(())
}
