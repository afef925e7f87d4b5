//! From numbers to a verdict.
//!
//! [`Gate`] takes datapoints in and can be asked at any moment. [`judge`] does both at once, for whoever has all
//! datapoints at hand.

mod combine;
mod decide;
mod fold;
mod rules;
mod sentence;
#[cfg(test)]
mod tests;
mod verdict;
mod watch;

use serde::{Deserialize, Serialize};

pub use fold::{Gate, Moment};
pub use rules::{BadRule, Rules};
pub use verdict::{Harm, Missing, Numbers, Verdict};

use crate::errors::{BadHosts, Datapoint};
use crate::metric::Kind;

/// Everything that a verdict depends on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// Counts since the batch was released; none at all when no source of metrics is declared.
    pub datapoints: Option<Vec<Datapoint>>,
    /// Which release of the upgrade this is, from 0: each starts a test of its own.
    pub restart: u32,
    /// What is left of the bake, in milliseconds; 0 when it has elapsed.
    pub bake_left_ms: u64,
    /// The moment of the look, in milliseconds since 1970.
    pub now_ms: i64,
}

/// Judges a batch. Pure: the same evidence and rules give the same verdict. Data and rules that cannot be judged by
/// never pass.
#[must_use]
pub fn judge(evidence: &Evidence, rules: &Rules) -> Verdict {
    let undecided = |waiting_for| Verdict::Undecided {
        waiting_for,
        numbers: Box::default(),
    };
    let mut gate = match Gate::new(rules.clone()) {
        Ok(gate) => gate.restarted(evidence.restart),
        Err(rule) => return undecided(Missing::ValidRules { rule }),
    };
    let Some(datapoints) = &evidence.datapoints else {
        return undecided(Missing::Source);
    };
    let errors = gate.metrics().iter().position(|m| m.kind == Kind::Errors);
    for datapoint in datapoints {
        let folded = datapoint.point(gate.roster()).map_err(contradiction);
        let folded = folded.and_then(|point| match errors {
            Some(metric) => gate.fold(metric, point).map_err(|bad| bad.to_string()),
            None => Ok(()),
        });
        if let Err(problem) = folded {
            return undecided(Missing::ValidData { problem });
        }
    }
    gate.look(Moment {
        now_ms: evidence.now_ms,
        bake_left_ms: evidence.bake_left_ms,
    })
}

fn contradiction(bad: BadHosts) -> String {
    match bad {
        BadHosts::NotTheTotal(arm) => {
            format!("the hosts of the {arm:?} do not add up to its total").to_lowercase()
        }
        BadHosts::TooMany => format!("more than {} hosts", crate::errors::MAX_HOSTS),
    }
}
