//! Going back is gentle too: how many instances of a fleet are on their way back at a time.
//!
//! The released positions go back newest first, through a window: an instance may begin once all but `size` of those
//! before it have acknowledged the old version. Who is down already (failed, unhealthy, in the middle of a switch) goes
//! at once, because bringing it back takes nothing away.
//!
//! What is guaranteed: the way back makes at most `size` instances unavailable at a time, however late, repeated or
//! reordered their check-ins are, because only acknowledgements move the window. The one exception is patience: a
//! window that nobody has moved for the time that an instance is given to report moves on by itself, or one dead
//! instance would leave the rest on a version that was found to be harmful. From then on the silent ones count as gone.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::plan::Plan;
use crate::settings::Strategy;
use crate::units::Position;

/// How long one instance's switch takes, as an estimate is made: it drains, stops, starts and verifies. Generous for a
/// service that starts in seconds; a program that needs longer makes each wave longer by as much.
pub const SWITCH_SECONDS: u64 = 20;

/// How a fleet goes back; set once, when it is sent back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waves {
    /// Most instances on their way at a time; at least 1.
    pub size: u32,
    /// How long a wave is waited for, in milliseconds.
    pub patience_ms: u64,
}

impl Waves {
    /// The waves of a plan when `failures` of its instances are down already: they count against the cap.
    #[must_use]
    pub fn of(plan: &Plan, failures: u32) -> Self {
        let total = plan.total_instances;
        let settings = &plan.settings;
        let size = if settings.strategy == Strategy::Recreate {
            total
        } else {
            let cap = settings
                .rollback_max_unavailable_percentage
                .of_floor(total)
                .max(1);
            cap.saturating_sub(failures)
        };
        Self {
            size: size.max(1),
            patience_ms: u64::from(settings.health_check_timeout_seconds).saturating_mul(1_000),
        }
    }

    /// How many waves bring back everything below the frontier.
    #[must_use]
    pub fn count(self, frontier: Position) -> u32 {
        frontier.0.div_ceil(self.size.max(1))
    }

    /// How long a healthy instance has to wait before it goes back, in milliseconds from now; 0 when it may go.
    ///
    /// `acknowledged` counts the instances that are back. One without a position, or above the frontier, goes with
    /// the last.
    #[must_use]
    pub fn wait_ms(
        self,
        frontier: Position,
        position: Option<Position>,
        acknowledged: u32,
        since: Timestamp,
        now: Timestamp,
    ) -> u64 {
        let last = frontier.0.saturating_sub(1);
        let rank = position.map_or(last, |p| last.saturating_sub(p.0));
        if u64::from(rank) < u64::from(acknowledged) + u64::from(self.size) {
            return 0;
        }
        let wave = u64::from(rank / self.size.max(1));
        let elapsed_ms = u64::try_from(now.duration_since(since).as_millis()).unwrap_or(0);
        wave.saturating_mul(self.patience_ms).saturating_sub(elapsed_ms)
    }
}

/// The T4 that a plan makes attainable with everything released: each wave checks in, switches, and says so.
#[must_use]
pub fn estimated_seconds(waves: Waves, frontier: Position, fast_check_in_ms: u64) -> u64 {
    let each = fast_check_in_ms.div_ceil(1_000).saturating_add(SWITCH_SECONDS);
    u64::from(waves.count(frontier)).saturating_mul(each)
}

#[cfg(test)]
mod tests;
