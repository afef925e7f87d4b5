//! Which status may follow which: one total function, used by every write.

use serde::{Deserialize, Serialize};

/// The statuses of an upgrade. What is valid in one status only stands in its variant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    /// Planned, not started.
    Pending,
    /// The checks before the first move run.
    Validating,
    /// The first canary batch moves.
    CanaryRunning,
    /// The canary runs the new version and is watched.
    CanaryMonitoring,
    /// The rest follows in batches.
    InProgress,
    /// Stopped by an operator or a gate.
    Paused {
        /// Where resume returns to.
        paused_from: Active,
    },
    /// The fleet goes back.
    RollingBack,
    /// The fleet is back.
    RolledBack,
    /// Every instance runs the new version.
    Completed,
    /// Ended without having become whole.
    Failed,
    /// Given up by an operator.
    Cancelled,
}

/// The statuses in which an upgrade moves its fleet and can be paused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Active {
    /// See [`Status::CanaryRunning`].
    CanaryRunning,
    /// See [`Status::CanaryMonitoring`].
    CanaryMonitoring,
    /// See [`Status::InProgress`].
    InProgress,
}

impl From<Active> for Status {
    fn from(active: Active) -> Self {
        match active {
            Active::CanaryRunning => Self::CanaryRunning,
            Active::CanaryMonitoring => Self::CanaryMonitoring,
            Active::InProgress => Self::InProgress,
        }
    }
}

/// What happens to an upgrade.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// An operator starts it.
    Start,
    /// The checks passed and a canary goes first.
    BeginCanary,
    /// The checks passed and the batches begin.
    BeginRolling,
    /// The first canary batch has moved.
    CanaryDeployed,
    /// The canary is good.
    Promote,
    /// The last batch is good.
    Complete,
    /// It cannot go on.
    Fail,
    /// It is to stop where it is.
    Pause,
    /// It goes on.
    Resume,
    /// It is given up where it is.
    Cancel,
    /// It goes back.
    RollBack,
    /// It is back.
    RolledBack,
}

impl Step {
    /// The name on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::BeginCanary => "begin-canary",
            Self::BeginRolling => "begin-rolling",
            Self::CanaryDeployed => "canary-deployed",
            Self::Promote => "promote",
            Self::Complete => "complete",
            Self::Fail => "fail",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Cancel => "cancel",
            Self::RollBack => "roll-back",
            Self::RolledBack => "rolled-back",
        }
    }
}

/// A step that a status does not allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{} is not possible in {}", step.name(), status.name())]
pub struct Illegal {
    /// The status.
    pub status: Status,
    /// The step.
    pub step: Step,
}

impl Status {
    /// Whether nothing follows by itself.
    #[must_use]
    pub fn is_terminal(self) -> bool {
        matches!(
            self,
            Self::Completed | Self::RolledBack | Self::Failed | Self::Cancelled
        )
    }

    /// Whether the fleet is being moved forward: not before, not while paused, not afterwards.
    #[must_use]
    pub fn is_moving(self) -> bool {
        matches!(
            self,
            Self::CanaryRunning | Self::CanaryMonitoring | Self::InProgress
        )
    }

    /// Whether it is stopped and may go on.
    #[must_use]
    pub fn is_paused(self) -> bool {
        matches!(self, Self::Paused { .. })
    }

    /// Whether the upgrade moves its fleet, paused or not.
    #[must_use]
    pub fn is_active(self) -> bool {
        self.is_moving() || self.is_paused()
    }

    /// The name on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Validating => "VALIDATING",
            Self::CanaryRunning => "CANARY_RUNNING",
            Self::CanaryMonitoring => "CANARY_MONITORING",
            Self::InProgress => "IN_PROGRESS",
            Self::Paused { .. } => "PAUSED",
            Self::RollingBack => "ROLLING_BACK",
            Self::RolledBack => "ROLLED_BACK",
            Self::Completed => "COMPLETED",
            Self::Failed => "FAILED",
            Self::Cancelled => "CANCELLED",
        }
    }

    /// The status that follows.
    ///
    /// Cancel is possible everywhere but while going back, pause in every active status, rollback in every
    /// status with moved instances, from `COMPLETED` while the channel is held, and from `FAILED` and `CANCELLED`
    /// while the channel is the upgrade's: else a fleet that was left half-way could never be made whole. What the channel
    /// says is checked where it is known.
    ///
    /// # Errors
    /// [`Illegal`] when the status does not allow the step.
    pub fn after(self, step: Step) -> Result<Self, Illegal> {
        use Active as A;
        let illegal = Illegal { status: self, step };
        let next = match (self, step) {
            (Self::Pending, Step::Start) => Self::Validating,
            (Self::Validating, Step::BeginCanary) => Self::CanaryRunning,
            (Self::Validating, Step::BeginRolling) => Self::InProgress,
            (Self::CanaryRunning, Step::CanaryDeployed) => Self::CanaryMonitoring,
            (Self::CanaryMonitoring, Step::Promote) => Self::InProgress,
            (Self::InProgress, Step::Complete) => Self::Completed,
            (Self::CanaryRunning, Step::Pause) => Self::Paused {
                paused_from: A::CanaryRunning,
            },
            (Self::CanaryMonitoring, Step::Pause) => Self::Paused {
                paused_from: A::CanaryMonitoring,
            },
            (Self::InProgress, Step::Pause) => Self::Paused {
                paused_from: A::InProgress,
            },
            (Self::Paused { paused_from }, Step::Resume) => paused_from.into(),
            (Self::RollingBack, Step::RolledBack) => Self::RolledBack,
            (
                Self::CanaryRunning
                | Self::CanaryMonitoring
                | Self::InProgress
                | Self::Paused { .. }
                | Self::Completed
                | Self::Failed
                | Self::Cancelled,
                Step::RollBack,
            ) => Self::RollingBack,
            (
                Self::Validating
                | Self::CanaryRunning
                | Self::CanaryMonitoring
                | Self::InProgress
                | Self::Paused { .. }
                | Self::RollingBack,
                Step::Fail,
            ) => Self::Failed,
            (
                Self::Pending
                | Self::Validating
                | Self::CanaryRunning
                | Self::CanaryMonitoring
                | Self::InProgress
                | Self::Paused { .. },
                Step::Cancel,
            ) => Self::Cancelled,
            _ => return Err(illegal),
        };
        Ok(next)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const STEPS: [Step; 12] = [
        Step::Start,
        Step::BeginCanary,
        Step::BeginRolling,
        Step::CanaryDeployed,
        Step::Promote,
        Step::Complete,
        Step::Fail,
        Step::Pause,
        Step::Resume,
        Step::Cancel,
        Step::RollBack,
        Step::RolledBack,
    ];

    fn statuses() -> Vec<Status> {
        reachable(Status::Pending)
    }

    fn reachable(start: Status) -> Vec<Status> {
        let mut all = vec![start];
        let mut next = 0;
        while next < all.len() {
            for step in STEPS {
                if let Ok(status) = all[next].after(step)
                    && !all.contains(&status)
                {
                    all.push(status);
                }
            }
            next += 1;
        }
        all
    }

    /// Every transition that the documents name is possible.
    #[test]
    fn documented_transitions() {
        let rows = [
            ("PENDING", "VALIDATING CANCELLED"),
            ("VALIDATING", "IN_PROGRESS CANARY_RUNNING FAILED"),
            ("IN_PROGRESS", "PAUSED COMPLETED FAILED ROLLING_BACK CANCELLED"),
            ("CANARY_RUNNING", "CANARY_MONITORING PAUSED FAILED CANCELLED"),
            ("CANARY_MONITORING", "IN_PROGRESS ROLLING_BACK CANCELLED"),
            ("PAUSED", "IN_PROGRESS CANCELLED"),
            ("ROLLING_BACK", "ROLLED_BACK FAILED"),
            ("ROLLED_BACK", ""),
            ("COMPLETED", ""),
            ("FAILED", ""),
            ("CANCELLED", ""),
        ];
        let reachable: BTreeSet<_> = statuses().iter().map(|s| s.name()).collect();
        assert_eq!(reachable, rows.iter().map(|r| r.0).collect());
        for (from, to) in rows {
            let possible: BTreeSet<_> = statuses()
                .into_iter()
                .filter(|s| s.name() == from)
                .flat_map(|s| STEPS.map(|step| s.after(step)))
                .filter_map(|r| r.ok().map(Status::name))
                .collect();
            for name in to.split_whitespace() {
                assert!(possible.contains(name), "{from} -> {name}");
            }
        }
    }

    /// Invariant 4: a terminal status can be reached from each, and rollback from each that moves a fleet.
    #[test]
    fn every_status_has_a_way_out() {
        for start in statuses() {
            let ends = reachable(start);
            assert!(ends.iter().any(|s| s.is_terminal()), "{start:?}");
            let moves = matches!(
                start.name(),
                "CANARY_RUNNING" | "CANARY_MONITORING" | "IN_PROGRESS" | "PAUSED"
            );
            assert!(
                !moves || start.after(Step::RollBack) == Ok(Status::RollingBack),
                "{start:?}"
            );
        }
    }

    #[test]
    fn terminal_statuses_end() {
        for status in statuses().into_iter().filter(|s| s.is_terminal()) {
            for step in STEPS {
                let back = step == Step::RollBack && status != Status::RolledBack;
                assert_eq!(status.after(step).is_ok(), back, "{status:?} {step:?}");
            }
        }
    }

    #[test]
    fn resume_returns_where_the_pause_came_from() {
        for status in [
            Status::CanaryRunning,
            Status::CanaryMonitoring,
            Status::InProgress,
        ] {
            assert_eq!(status.after(Step::Pause).unwrap().after(Step::Resume), Ok(status));
        }
    }

    #[test]
    fn the_wire_names_are_the_documented_ones() {
        let paused = Status::Paused {
            paused_from: Active::CanaryRunning,
        };
        assert_eq!(
            serde_json::to_value(paused).unwrap(),
            serde_json::json!({"status": "PAUSED", "paused_from": "CANARY_RUNNING"})
        );
        for status in statuses() {
            assert_eq!(serde_json::to_value(status).unwrap()["status"], status.name());
        }
    }
}
