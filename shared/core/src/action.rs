//! What an operator may do to an upgrade in each status: one total function, from which the table in
//! `statemachine/README.md` is drawn.

use serde::{Deserialize, Serialize};

use crate::lifecycle::{Active, Status, Step};

/// What operators do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// It begins.
    Start,
    /// It stops where it is.
    Pause,
    /// It goes on.
    Resume,
    /// The canary need not be watched any longer than the evidence takes.
    PromoteCanary,
    /// It goes on although the breaker has tripped.
    ContinueAnyway,
    /// One instance is not waited for any longer.
    DropInstance,
    /// Limits, delays and the size of batches that are not released are changed.
    Adjust,
    /// It is given up where it is.
    Cancel,
    /// Its fleet goes back.
    Rollback,
}

impl Action {
    /// All of them, as they are listed.
    pub const ALL: [Self; 9] = [
        Self::Start,
        Self::Pause,
        Self::Resume,
        Self::PromoteCanary,
        Self::ContinueAnyway,
        Self::DropInstance,
        Self::Adjust,
        Self::Cancel,
        Self::Rollback,
    ];

    /// The name on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::PromoteCanary => "promote-canary",
            Self::ContinueAnyway => "continue-anyway",
            Self::DropInstance => "drop-instance",
            Self::Adjust => "adjust",
            Self::Cancel => "cancel",
            Self::Rollback => "rollback",
        }
    }
}

/// An action that is not possible now: where the upgrade stands, why that does not allow it, and what would be possible.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} is not possible in {}: {why}; possible: {}", action.name(), status.name(), self.names())]
pub struct Impossible {
    /// The status.
    pub status: Status,
    /// The action.
    pub action: Action,
    /// Why not, in half a sentence.
    pub why: String,
    /// What would be possible.
    pub possible: Vec<Action>,
}

impl Impossible {
    /// An action that the status would allow, and something else in the record does not.
    #[must_use]
    pub fn now(status: Status, action: Action, why: impl Into<String>) -> Self {
        let possible = status.possible().filter(|a| *a != action).collect();
        Self {
            status,
            action,
            why: why.into(),
            possible,
        }
    }

    fn names(&self) -> String {
        if self.possible.is_empty() {
            return "nothing".to_owned();
        }
        let names: Vec<_> = self.possible.iter().map(|a| a.name()).collect();
        names.join(", ")
    }
}

impl Status {
    /// The status that follows on an operator's action. Total: what is not possible says why.
    ///
    /// What the status alone does not tell (whether the channel is held, whether a decision is asked for) is checked
    /// where the record is changed.
    ///
    /// # Errors
    /// [`Impossible`].
    pub fn act(self, action: Action) -> Result<Self, Impossible> {
        self.follows(action)
            .ok_or_else(|| Impossible::now(self, action, self.why_not(action)))
    }

    /// What operators can do in this status.
    pub fn possible(self) -> impl Iterator<Item = Action> {
        Action::ALL
            .into_iter()
            .filter(move |action| self.follows(*action).is_some())
    }

    fn follows(self, action: Action) -> Option<Self> {
        let step = match action {
            // The status follows when the evidence is there.
            Action::PromoteCanary => return self.watches_its_canary().then_some(self),
            Action::DropInstance => return self.waits_for_instances().then_some(self),
            Action::Adjust => return self.is_under_way().then_some(self),
            Action::Start => Step::Start,
            Action::Pause => Step::Pause,
            Action::Resume | Action::ContinueAnyway => Step::Resume,
            Action::Cancel => Step::Cancel,
            Action::Rollback => Step::RollBack,
        };
        self.after(step).ok()
    }

    fn waits_for_instances(self) -> bool {
        self.is_active() || self == Self::RollingBack
    }

    fn is_under_way(self) -> bool {
        self.is_moving() || self.is_paused()
    }

    fn watches_its_canary(self) -> bool {
        matches!(
            self,
            Self::CanaryMonitoring
                | Self::Paused {
                    paused_from: Active::CanaryMonitoring
                }
        )
    }

    fn why_not(self, action: Action) -> &'static str {
        match (self, action) {
            (Self::RolledBack, _) => "it has ended, and its fleet is back",
            (Self::Completed, Action::Cancel) => "it has ended; only a rollback undoes it",
            (Self::Completed | Self::Failed | Self::Cancelled, _) => "it has ended",
            (Self::RollingBack, Action::Rollback) => "its fleet goes back already",
            (Self::RollingBack, _) => "its fleet goes back, and nothing may stop that half-way",
            (Self::Pending, _) => "it has not been started",
            (_, Action::Start) => "it has been started already",
            (Self::Validating, _) => "nothing has moved before its checks have passed",
            (Self::Paused { .. }, Action::Pause) => "it is paused already",
            (_, Action::PromoteCanary) => "no canary is being watched",
            (_, _) => "it is not paused",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statuses() -> Vec<Status> {
        let paused = [
            Active::CanaryRunning,
            Active::CanaryMonitoring,
            Active::InProgress,
        ]
        .map(|paused_from| Status::Paused { paused_from });
        [
            Status::Pending,
            Status::Validating,
            Status::CanaryRunning,
            Status::CanaryMonitoring,
            Status::InProgress,
            Status::RollingBack,
            Status::RolledBack,
            Status::Completed,
            Status::Failed,
            Status::Cancelled,
        ]
        .into_iter()
        .chain(paused)
        .collect()
    }

    /// What is possible is what has a status after it, and a refusal names status, reason and what is possible.
    #[test]
    fn every_action_in_every_status_is_answered() {
        for status in statuses() {
            for action in Action::ALL {
                let possible: Vec<_> = status.possible().collect();
                match status.act(action) {
                    Ok(_) => assert!(possible.contains(&action), "{status:?} {action:?}"),
                    Err(refused) => {
                        assert_eq!(refused.possible, possible, "{status:?} {action:?}");
                        let said = refused.to_string();
                        let names = possible.iter().all(|a| said.contains(a.name()));
                        assert!(names && said.contains(status.name()), "{said}");
                        assert!(!refused.why.is_empty(), "{said}");
                    }
                }
            }
        }
    }

    /// The documented ones, by status: everything else is refused.
    #[test]
    fn what_operators_may_do() {
        let rows = [
            ("PENDING", "start cancel"),
            ("VALIDATING", "cancel"),
            ("CANARY_RUNNING", "pause drop-instance adjust cancel rollback"),
            (
                "CANARY_MONITORING",
                "pause promote-canary drop-instance adjust cancel rollback",
            ),
            ("IN_PROGRESS", "pause drop-instance adjust cancel rollback"),
            ("ROLLING_BACK", "drop-instance"),
            ("ROLLED_BACK", ""),
            ("COMPLETED", "rollback"),
            ("FAILED", "rollback"),
            ("CANCELLED", "rollback"),
        ];
        for status in statuses() {
            let said: Vec<_> = status.possible().map(Action::name).collect();
            let expected = match status {
                Status::Paused {
                    paused_from: Active::CanaryMonitoring,
                } => "resume promote-canary continue-anyway drop-instance adjust cancel rollback",
                Status::Paused { .. } => "resume continue-anyway drop-instance adjust cancel rollback",
                other => rows.iter().find(|r| r.0 == other.name()).unwrap().1,
            };
            assert_eq!(said.join(" "), expected, "{status:?}");
        }
    }

    #[test]
    fn a_refusal_reads_alone() {
        for (status, action, expected) in [
            (
                Status::Pending,
                Action::Pause,
                "pause is not possible in PENDING: it has not been started; possible: start, cancel",
            ),
            (
                Status::RolledBack,
                Action::Rollback,
                "rollback is not possible in ROLLED_BACK: it has ended, and its fleet is back; possible: nothing",
            ),
        ] {
            assert_eq!(status.act(action).unwrap_err().to_string(), expected);
        }
    }
}
