//! Failures in a row: what trips the breaker.

use super::{Command, Decision, Look, Phase};
use crate::hold::Cause;
use crate::policy::OnBreaker;
use crate::units::Ordinal;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A failed instance of a batch, as it was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Failed {
    /// When, by the server's clock.
    pub at: Timestamp,
    /// Which instance.
    pub ordinal: Ordinal,
    /// How many instances of the batch had arrived by then: two failures with the same number have none between them.
    pub arrived: u32,
}

/// The failures of the current batch in order, with those that the batches before ended with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct InARow {
    /// The longest run.
    pub longest: u32,
    /// The run that nothing has ended yet.
    pub last: u32,
}

/// Counts runs of failures. Those up to `reset_at` have been forgiven by an operator.
#[must_use]
pub fn in_a_row(failed: &[Failed], arrived: u32, before: u32, reset_at: Option<Timestamp>) -> InARow {
    let mut failed: Vec<_> = failed
        .iter()
        .filter(|f| reset_at.is_none_or(|at| f.at > at))
        .collect();
    failed.sort_unstable();
    let mut run = before;
    let mut longest = 0;
    let mut seen = 0;
    for one in failed {
        if one.arrived != seen {
            run = 0;
        }
        seen = one.arrived;
        run = run.saturating_add(1);
        longest = longest.max(run);
    }
    let last = if arrived == seen { run } else { 0 };
    InARow { longest, last }
}

impl Look<'_> {
    /// Failures in a row, those of the batches before included.
    pub(super) fn in_a_row(&self) -> InARow {
        let upgrade = self.upgrade;
        let reset_at = upgrade.breaker_reset_at;
        in_a_row(
            self.failed,
            self.counts.completed,
            upgrade.failures_in_a_row,
            reset_at,
        )
    }
}

/// What too many failures in a row lead to; none while there are fewer.
pub(super) fn tripped(look: &Look<'_>) -> Option<Decision> {
    let (upgrade, settings) = (look.upgrade, &look.plan.settings);
    if !matches!(upgrade.phase, Phase::Moving { .. }) || upgrade.status.is_paused() {
        return None;
    }
    let (failures, limit) = (look.in_a_row().longest, settings.max_consecutive_failures);
    if failures < limit {
        return None;
    }
    let cause = Cause::Breaker { limit, failures };
    Some(Decision::Apply(match settings.on_breaker {
        OnBreaker::Rollback => Command::RollBack {
            reason: cause.to_string(),
            automatic: true,
            verdict: None,
        },
        OnBreaker::Ask => Command::Pause { cause },
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upgrade::tests::course::BEGIN;

    /// Reports in order, `+` arrived and `-` failed; what the batches before ended with; the longest and the last run.
    #[test]
    fn runs_are_counted_across_instances() {
        let rows = [
            ("", 0, 0, 0),
            ("+++", 2, 0, 0),
            ("-", 0, 1, 1),
            ("--", 0, 2, 2),
            ("-+-", 0, 1, 1),
            ("--+", 0, 2, 0),
            ("+--+-", 0, 2, 1),
            ("+-+--+---+", 0, 3, 0),
            ("-", 1, 2, 2),
            ("+-", 1, 1, 1),
            ("-+", 1, 2, 0),
        ];
        for (reports, before, longest, last) in rows {
            let mut arrived = 0;
            let mut failed = Vec::new();
            for (n, report) in (0u32..).zip(reports.chars()) {
                match report {
                    '+' => arrived += 1,
                    _ => failed.insert(
                        0,
                        Failed {
                            at: BEGIN + jiff::SignedDuration::from_secs(n.into()),
                            ordinal: Ordinal(100 - n),
                            arrived,
                        },
                    ),
                }
            }
            let found = in_a_row(&failed, arrived, before, None);
            assert_eq!(
                (found.longest, found.last),
                (longest, last),
                "{reports} after {before}"
            );
        }
    }

    #[test]
    fn what_an_operator_has_forgiven_counts_no_more() {
        let failed = [1, 2, 3].map(|n| Failed {
            at: BEGIN + jiff::SignedDuration::from_secs(n),
            ordinal: Ordinal(0),
            arrived: 0,
        });
        let reset = |n| Some(BEGIN + jiff::SignedDuration::from_secs(n));
        let longest = [None, reset(0), reset(2), reset(3)].map(|at| in_a_row(&failed, 0, 0, at).longest);
        assert_eq!(longest, [3, 3, 1, 0]);
    }
}
