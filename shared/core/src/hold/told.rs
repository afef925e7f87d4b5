//! One table of causes: who or what ends each, by which command, and when where it ends by itself.

use super::Cause;

/// What somebody who waits wants to know beside cause and time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// Who or what ends the wait.
    pub released_by: &'static str,
    /// The command that ends it, or looks after it where nobody has to; `ID` stands for the upgrade.
    pub command: &'static str,
    /// What there is instead of a moment at which it ends by itself.
    pub deadline: &'static str,
}

const SOON: &str = "none is needed: it ends within seconds, and the watchdog sees to it after a few minutes";
const DEED: &str = "none: it ends by a deed alone";
const LONG_PAUSE: &str = "none: it ends by a deed alone; people are told after 12 hours";
const LONG_BATCH: &str = "none: it ends when what is missing is there; people are told after 30 minutes";
const NEXT_WINDOW: &str = "none: there is no such window within ten years";

impl Cause {
    /// What is told about it. Total: a cause without an answer does not compile.
    #[must_use]
    pub fn told(&self) -> Told {
        let (released_by, command, deadline) = match self {
            Self::NotStarted => ("an operator: start", "sluice upgrade start ID", DEED),
            Self::Approval { .. } => (
                "somebody else than who asked: approve or deny",
                "sluice approval approve ID NUMBER",
                DEED,
            ),
            Self::Unapproved { .. } => (
                "an operator: another plan, another approval, or cancel",
                "sluice approval ask ID start",
                DEED,
            ),
            Self::Checking | Self::Releasing { .. } | Self::Shifting { .. } => {
                ("Sluice, within seconds", "sluice upgrade watch ID", SOON)
            }
            Self::Moving { .. } => (
                "the reports of the batch's instances, or rollback",
                "sluice upgrade watch ID",
                LONG_BATCH,
            ),
            Self::Baking { .. } => (
                "the gate, once the bake has elapsed, or rollback",
                "sluice upgrade watch ID",
                LONG_BATCH,
            ),
            Self::Gate { .. } => (
                "the metrics that are missing, or an operator: rollback",
                "sluice upgrade rollback ID",
                LONG_BATCH,
            ),
            Self::Paused { .. } => (
                "an operator: resume or rollback",
                "sluice upgrade resume ID",
                LONG_PAUSE,
            ),
            Self::Stopped { .. } => (
                "whoever may lift the stop, or an operator: rollback",
                "sluice stop lift",
                LONG_PAUSE,
            ),
            Self::Harmful { .. } => (
                "an operator: rollback or cancel",
                "sluice upgrade rollback ID",
                LONG_PAUSE,
            ),
            Self::Breaker { .. } => (
                "an operator's decision: continue, roll back or abort",
                "sluice upgrade decide ID continue_anyway",
                LONG_PAUSE,
            ),
            Self::Promotion { .. } => (
                "an operator: promote or rollback",
                "sluice upgrade promote-canary ID",
                LONG_BATCH,
            ),
            Self::InstancesSilent { batch: Some(_), .. } => (
                "the instances' check-ins, or an operator: drop or rollback",
                "sluice upgrade drop ID ORDINAL",
                LONG_BATCH,
            ),
            Self::InstancesSilent { batch: None, .. } => (
                "the instances' check-ins, or an operator: drop",
                "sluice upgrade drop ID ORDINAL",
                "none: it ends when they answer; people are told after 3 minutes",
            ),
            Self::InstancesDown { .. } => (
                "the instances, once they serve again, or an operator: drop or rollback",
                "sluice upgrade rollback ID",
                LONG_BATCH,
            ),
            Self::InstancesUnable { .. } => (
                "the instances' agents, once they say that they can, or an operator: rollback",
                "sluice upgrade rollback ID",
                LONG_BATCH,
            ),
            Self::WindowClosed { .. } | Self::WindowTooShort { .. } => (
                "the maintenance window, or an operator: cancel or rollback",
                "sluice upgrade watch ID",
                NEXT_WINDOW,
            ),
            Self::Freeze { .. } => (
                "the end of the freeze, or an operator: cancel or rollback",
                "sluice upgrade watch ID",
                NEXT_WINDOW,
            ),
            Self::EmergencyStop { .. } => (
                "a policy without the stop, or an operator: cancel or rollback",
                "sluice policy put FILE",
                DEED,
            ),
            Self::WindowEnded { .. } => (
                "an operator: resume or rollback",
                "sluice upgrade resume ID",
                LONG_PAUSE,
            ),
            Self::PolicyUnusable { .. } => (
                "policies that fit together, or an operator: cancel or rollback",
                "sluice policy put FILE",
                DEED,
            ),
            Self::OrchestratorFault { .. } => (
                "the next look that succeeds, or an operator: rollback",
                "sluice upgrade rollback ID",
                SOON,
            ),
            Self::GoingBack { .. } => (
                "the acknowledgements of the instances",
                "sluice upgrade watch ID",
                "none: it ends when they answer; people are told after 3 minutes",
            ),
        };
        Told {
            released_by,
            command,
            deadline,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use jiff::Timestamp;
    use serde_json::json;
    use sluice_judge::gate::Missing;

    use super::*;
    use crate::named::Named;

    fn causes() -> Vec<Cause> {
        let by = || "user:olga".to_owned();
        let reason = || "fire".to_owned();
        vec![
            Cause::NotStarted,
            Cause::Approval { number: 1, by: by() },
            Cause::Unapproved {
                number: 1,
                why: reason(),
            },
            Cause::Checking,
            Cause::Releasing { batch: 1 },
            Cause::Moving {
                batch: 1,
                reported: 2,
                size: 3,
            },
            Cause::Shifting { batch: 1 },
            Cause::Baking { batch: 1 },
            Cause::Gate {
                waiting_for: Missing::Data,
            },
            Cause::Paused {
                by: by(),
                reason: reason(),
            },
            Cause::Stopped {
                covers: "everything".to_owned(),
                by: by(),
                reason: reason(),
            },
            Cause::Harmful { verdict: reason() },
            Cause::Breaker {
                limit: 2,
                failures: 2,
            },
            Cause::Promotion { batch: 1 },
            Cause::InstancesSilent {
                batch: Some(1),
                missing: 2,
                named: Named::default(),
            },
            Cause::InstancesSilent {
                batch: None,
                missing: 2,
                named: Named::default(),
            },
            Cause::InstancesDown {
                batch: 1,
                down: 2,
                cap: 2,
                named: Named::default(),
            },
            Cause::InstancesUnable {
                batch: 1,
                named: Named::default(),
            },
            Cause::WindowClosed { opens_at: None },
            Cause::WindowTooShort {
                needs_seconds: 60,
                opens_at: None,
            },
            Cause::Freeze {
                name: reason(),
                opens_at: None,
            },
            Cause::EmergencyStop { reason: reason() },
            Cause::WindowEnded {
                batch: 1,
                closed_at: Timestamp::UNIX_EPOCH,
            },
            Cause::PolicyUnusable { problem: reason() },
            Cause::OrchestratorFault { error: reason() },
            Cause::GoingBack {
                acknowledged: 1,
                of: 2,
            },
        ]
    }

    /// Every cause that there is has a sentence and all that is told about it.
    #[test]
    fn every_cause_has_all_its_parts() {
        let mut seen = BTreeSet::new();
        for cause in causes() {
            let Told {
                released_by,
                command,
                deadline,
            } = cause.told();
            assert!(!cause.to_string().is_empty() && !released_by.is_empty() && !deadline.is_empty());
            assert!(command.starts_with("sluice "), "{cause}: {command}");
            seen.insert(
                serde_json::to_value(&cause).unwrap()["cause"]
                    .as_str()
                    .unwrap()
                    .to_owned(),
            );
        }
        // What is accepted is told by the refusal of what is not.
        let refused = serde_json::from_value::<Cause>(json!({"cause": ""}))
            .unwrap_err()
            .to_string();
        let all: BTreeSet<_> = refused
            .split('`')
            .skip(1)
            .step_by(2)
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect();
        assert_eq!(seen, all);
    }
}
