//! The plan: which instance goes when. Immutable, named by its hash.

use serde::{Deserialize, Serialize};

use crate::audit;
use crate::channel::Pace;
use crate::checks::Checks;
use crate::fleet::{CheckInTimes, Switch};
use crate::ids::FleetKey;
use crate::pace;
use crate::release::VersionRef;
use crate::settings::{Settings, Shape, Strategy};
use crate::units::{Ordinal, Percent, Position};
use crate::waves::{self, Waves};

mod cut;
mod order;
mod recut;

use cut::{GRAY_COVERAGE, Stage};
use order::Line;

/// Most batches of a plan: bounds the executions of one upgrade.
pub const MAX_BATCHES: u32 = 1_000;

/// An instance as a plan sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// Its stable number.
    pub ordinal: Ordinal,
    /// Its zone or rack, where known.
    pub failure_domain: Option<String>,
    /// Whether it serves now. One that does not is missing before anything moves, and leaves so much less room.
    pub healthy: bool,
}

/// What kind of batch it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Watched before anything else follows.
    Canary,
    /// One of the batches.
    Rolling,
    /// The whole fleet at once.
    Everything,
}

/// Instances that are released together: the positions from `begin` to before `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// From 0.
    pub index: u32,
    /// What kind.
    pub kind: Kind,
    /// The first position.
    pub begin: Position,
    /// The position after the last.
    pub end: Position,
    /// The new version's share of the traffic when the batch is released.
    pub weight_before: Percent,
    /// The new version's share of the traffic once the batch has moved.
    pub weight_after: Percent,
}

impl Batch {
    /// How many instances it has.
    #[must_use]
    pub fn size(&self) -> u32 {
        self.end.0.saturating_sub(self.begin.0)
    }
}

/// What will happen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Whose fleet moves.
    #[serde(flatten)]
    pub fleet: FleetKey,
    /// The version that it leaves.
    pub from: VersionRef,
    /// The version that it gets.
    pub to: VersionRef,
    /// What holds for it.
    pub settings: Settings,
    /// How many instances it has.
    pub total_instances: u32,
    /// How many of them wait: those below the partition, which another upgrade moves when it is lowered. Their positions
    /// come after the last batch.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub waiting_instances: u32,
    /// The batches, in order; together they hold every position of an instance that moves once.
    pub batches: Vec<Batch>,
    /// Digest of the positions, which are kept apart.
    pub positions_digest: String,
    /// Upper estimate of the time it takes, in seconds: each batch's time to report and its delay.
    pub estimated_total_seconds: u64,
    /// The time in which the whole fleet can be back (T2 to T4), in seconds, as its waves allow and when a switch takes
    /// [`crate::waves::SWITCH_SECONDS`].
    #[serde(default)]
    pub estimated_rollback_seconds: u64,
    /// How long the instances may sleep when the first batch is released, in seconds: it is given as much longer.
    #[serde(default)]
    pub idle_seconds: u32,
    /// The largest share of the fleet that runs the new version before the rest follows.
    pub gray_coverage: Percent,
    /// What its reader should know.
    pub warnings: Vec<String>,
}

/// The ordinals in the order of their positions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Positions(pub Vec<Ordinal>);

/// What check-ins need of a plan, published under its hash: they never read the plan itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    /// The ordinals in the order of their positions.
    pub ordinals: Positions,
    /// The end of each batch.
    pub ends: Vec<Position>,
    /// What each instance has to show before and after its move.
    #[serde(default, skip_serializing_if = "Checks::is_empty")]
    pub checks: Checks,
}

impl Published {
    /// The batch that a position is in.
    #[must_use]
    pub fn batch_of(&self, position: Position) -> Option<u32> {
        let after = self.ends.partition_point(|end| *end <= position);
        (after < self.ends.len()).then(|| u32::try_from(after).unwrap_or(u32::MAX))
    }
}

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Nothing to move.
    #[error("the fleet has no instances")]
    EmptyFleet,
    /// Nothing to do.
    #[error("the version to leave is the version to get")]
    SameVersion,
    /// More batches than an upgrade may have.
    #[error("the plan would have {batches} batches, more than {MAX_BATCHES}; a batch size of {fits} fits")]
    TooManyBatches {
        /// How many it would have.
        batches: u32,
        /// The smallest batch size that fits.
        fits: u32,
    },
    /// Too many instances are down already.
    #[error("{down} instances are down, and no more than {cap} may be unavailable: no other one could move")]
    NoRoom {
        /// How many are down and have not moved before.
        down: u32,
        /// How many may be unavailable.
        cap: u32,
    },
}

impl PlanError {
    /// The field of a request that it is about.
    #[must_use]
    pub fn field(&self) -> &'static str {
        match self {
            Self::EmptyFleet => "fleetId",
            Self::SameVersion => "toVersionId",
            Self::TooManyBatches { .. } => "batchSize",
            Self::NoRoom { .. } => "maxUnavailablePercentage",
        }
    }
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// What a plan is made from.
#[derive(Debug, Clone)]
pub struct Request {
    /// Whose fleet moves.
    pub fleet: FleetKey,
    /// The version that it leaves.
    pub from: VersionRef,
    /// The version that it gets.
    pub to: VersionRef,
    /// What holds for it.
    pub settings: Settings,
    /// The fleet's instances, each ordinal once.
    pub slots: Vec<Slot>,
    /// When they check in.
    pub check_in: CheckInTimes,
}

impl Plan {
    /// Makes a plan: each instance in exactly one batch, the canary first, no batch above the cap.
    ///
    /// # Errors
    /// See [`PlanError`]; nothing is planned then.
    pub fn make(request: Request) -> Result<(Self, Positions), PlanError> {
        let Request {
            fleet,
            from,
            to,
            settings,
            slots,
            check_in,
        } = request;
        if from.version_id == to.version_id {
            return Err(PlanError::SameVersion);
        }
        let total = u32::try_from(slots.len()).unwrap_or(u32::MAX);
        if total == 0 {
            return Err(PlanError::EmptyFleet);
        }
        let first = match settings.shape {
            Shape::Partition(first) => first,
            _ => 0,
        };
        let line = order::line(slots, settings.order, first);
        let stages = cut::stages(&settings, line.moving, total);
        let ends = cut::cut(&line, Vec::new(), &stages, &settings, cap(&settings, total))?;
        let gray_coverage = gray_coverage(&stages, total);
        let batches = batches(&ends, total);
        let warnings = warnings(&settings, gray_coverage, &line);
        let waiting_instances = total - line.moving;
        let positions = Positions(line.ordinals);
        let mut plan = Self {
            estimated_rollback_seconds: 0,
            idle_seconds: pace::longest_idle_seconds(check_in, total),
            warnings,
            estimated_total_seconds: estimated_seconds(&settings, batches.len()),
            positions_digest: audit::digest_numbers(&positions),
            total_instances: total,
            waiting_instances,
            fleet,
            from,
            to,
            settings,
            batches,
            gray_coverage,
        };
        let fast_ms = pace::mean_ms(check_in, Pace::Fast, total);
        plan.estimated_rollback_seconds =
            waves::estimated_seconds(Waves::of(&plan, 0), Position(plan.moving_instances()), fast_ms);
        Ok((plan, positions))
    }

    /// The plan's name: a digest of its canonical text.
    #[must_use]
    pub fn hash(&self) -> String {
        audit::digest(self)
    }

    /// The positions as they are published.
    #[must_use]
    pub fn publish(&self, ordinals: Positions) -> Published {
        Published {
            ordinals,
            ends: self.batches.iter().map(|b| b.end).collect(),
            checks: self.settings.checks.clone(),
        }
    }

    /// A batch by its index.
    #[must_use]
    pub fn batch(&self, index: u32) -> Option<&Batch> {
        self.batches.get(usize::try_from(index).ok()?)
    }

    /// How long a batch is given to report, in seconds.
    #[must_use]
    pub fn report_timeout_seconds(&self, batch: u32) -> u32 {
        let timeout = self.settings.health_check_timeout_seconds;
        // Before the first release nothing concerned the instances, and they may just have fallen asleep.
        let asleep = if batch == 0 { self.idle_seconds } else { 0 };
        timeout.saturating_add(asleep)
    }

    /// How long a way back is given, in seconds: each wave as long as an instance may take to report.
    #[must_use]
    pub fn way_back_timeout_seconds(&self, frontier: Position, failures: u32) -> u32 {
        let waves = Waves::of(self, failures).count(frontier).max(1);
        self.settings.health_check_timeout_seconds.saturating_mul(waves)
    }

    /// How many batches there are.
    #[must_use]
    pub fn batch_count(&self) -> u32 {
        u32::try_from(self.batches.len()).unwrap_or(u32::MAX)
    }

    /// How many instances move with this plan: all but those that wait.
    #[must_use]
    pub fn moving_instances(&self) -> u32 {
        self.total_instances.saturating_sub(self.waiting_instances)
    }

    /// Most instances that may be unavailable at a time: the number or percentage, and at least one where instances are
    /// unavailable while they move.
    #[must_use]
    pub fn max_unavailable(&self) -> u32 {
        cap(&self.settings, self.total_instances)
    }
}

/// The largest share of the fleet that is watched before the rest follows.
fn gray_coverage(stages: &[Stage], total: u32) -> Percent {
    let canary = stages.iter().rfind(|s| s.kind == Kind::Canary);
    Percent::ratio(canary.map_or(0, |s| s.end), total)
}

fn estimated_seconds(settings: &Settings, batches: usize) -> u64 {
    let each = settings.health_check_timeout_seconds + settings.batch_delay_seconds;
    batches as u64 * u64::from(each)
}

fn cap(settings: &Settings, total: u32) -> u32 {
    if settings.strategy == Strategy::Recreate {
        return total;
    }
    let allowed = settings.max_unavailable.map(|count| count.min(total));
    let allowed = allowed.unwrap_or_else(|| settings.max_unavailable_percentage.of_floor(total));
    match settings.switch {
        Switch::InPlace => allowed.max(1),
        Switch::Overlap => allowed,
    }
}

fn batches(ends: &[(u32, Kind)], total: u32) -> Vec<Batch> {
    let mut batches: Vec<Batch> = Vec::with_capacity(ends.len());
    for (index, (end, kind)) in (0..).zip(ends.iter().copied()) {
        let last = end == total;
        let before = batches.last().copied();
        batches.push(Batch {
            index,
            kind,
            begin: before.map_or(Position(0), |b| b.end),
            end: Position(end),
            // The last batch takes the old version's last instances away, so the traffic has to leave them first.
            weight_before: if last {
                Percent::FULL
            } else {
                before.map_or(Percent::ZERO, |b| b.weight_after)
            },
            weight_after: weight(end, total),
        });
    }
    batches
}

/// The share of the traffic that goes with a share of the instances: at least 1%, or a canary would see none.
fn weight(end: u32, total: u32) -> Percent {
    Percent::ratio(end, total).max(Percent::new(1).unwrap_or_default())
}

fn warnings(settings: &Settings, gray_coverage: Percent, line: &Line) -> Vec<String> {
    let mut warnings = Vec::new();
    if settings.strategy == Strategy::Recreate {
        warnings.push(
            "RECREATE takes every instance down at once: no canary, no cap on unavailable instances, and no old version to \
             compare with: errors hold instead of going back by themselves"
                .to_owned(),
        );
    }
    match settings.switch {
        Switch::Overlap => warnings.push(format!(
            "instances switch by overlap: none is unavailable meanwhile, and at most {} run both versions side by side",
            settings.max_surge
        )),
        Switch::InPlace if settings.max_surge > 0 => warnings.push(
            "maxSurge is without effect: the fleet switches in place, and no instance runs beside another one"
                .to_owned(),
        ),
        Switch::InPlace => {}
    }
    if settings.strategy == Strategy::Canary && i64::from(gray_coverage) < GRAY_COVERAGE {
        warnings.push(format!(
            "the canary covers {gray_coverage} of the fleet, less than {GRAY_COVERAGE}%, because its second stage is off"
        ));
    }
    warnings.extend(line.warnings(settings.strategy));
    if !settings.auto_rollback_enabled {
        warnings.push(
            "automatic rollback is off: a harmful version is paused and stays until an operator acts"
                .to_owned(),
        );
    }
    warnings
}

#[cfg(test)]
mod tests;
