//! What the agent remembers over restarts.

use serde::{Deserialize, Serialize};
use sluice_core::checks::PostUpgradeVerify;
use sluice_core::fleet::{InstanceError, InstanceReport, InstanceStatus};
use sluice_core::ids::{UpgradeId, VersionId};
use sluice_core::release::Release;
use sluice_core::units::{Attempt, Epoch};

/// Names a command of the fleet's channel. Commands are compared by epoch, then attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// The upgrade it is part of; none as long as no upgrade ever held the channel.
    pub upgrade_id: Option<UpgradeId>,
    /// Its epoch.
    pub epoch: Epoch,
    /// Its attempt within the epoch.
    pub attempt: Attempt,
}

impl Command {
    /// What commands are compared by.
    #[must_use]
    pub fn key(&self) -> (Epoch, Attempt) {
        (self.epoch, self.attempt)
    }
}

/// A switch that has begun and not ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Journal {
    /// The command by which it began.
    pub command: Command,
    /// Where it goes.
    pub target: Release,
    /// The last release that ran and verified; none on the first installation.
    pub from: Option<Release>,
    /// Whether it is the way back.
    pub revert: bool,
    /// What the upgrade prescribes to hold once the target runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm: Option<PostUpgradeVerify>,
    /// Set once the target failed and the instance goes back by itself.
    pub returning: Option<InstanceError>,
}

/// The last move that ended, so that a repeated command does not begin it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// Epoch of the command.
    pub epoch: Epoch,
    /// Attempt of the command.
    pub attempt: Attempt,
    /// The version it went to, or failed to.
    pub version_id: VersionId,
    /// Whether it was the way back.
    pub revert: bool,
}

/// Everything that outlives the process.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Record {
    /// The newest command seen; none before the first answer.
    pub seen: Option<Command>,
    /// The last word about it; none before the first command.
    pub report: Option<InstanceReport>,
    /// The release that `current` names; none before the first installation.
    pub running: Option<Release>,
    /// The release that was left last. It stays on disk.
    pub previous: Option<Release>,
    /// The switch under way.
    pub switch: Option<Journal>,
    /// The last move that ended.
    pub done: Option<Done>,
}

impl Record {
    /// The status of the newest command, `PENDING` when there is none.
    #[must_use]
    pub fn status(&self) -> InstanceStatus {
        self.report.as_ref().map_or(InstanceStatus::Pending, |r| r.status)
    }

    /// Whether `release` is what `current` names: same identity and same bytes.
    #[must_use]
    pub fn runs(&self, release: &Release) -> bool {
        self.running.as_ref().is_some_and(|r| same(r, release))
    }

    /// The releases that must stay on disk.
    pub fn needed(&self) -> impl Iterator<Item = &Release> {
        let journal = self
            .switch
            .iter()
            .flat_map(|j| std::iter::once(&j.target).chain(&j.from));
        self.running.iter().chain(&self.previous).chain(journal)
    }
}

/// Whether two releases are one: same identity and same bytes.
pub(super) fn same(one: &Release, other: &Release) -> bool {
    one.version_id == other.version_id && one.digest == other.digest
}
