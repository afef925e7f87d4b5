//! Everything at hand, judged in one call.

use serde::{Deserialize, Serialize};

use super::fold::{Gate, Moment};
use super::rules::Rules;
use super::verdict::{Missing, Verdict};
use crate::errors::{BadHosts, Counts, Datapoint};
use crate::metric::Kind;
use crate::threshold::Sample;

/// Everything that a verdict depends on, beside the rules. Stored, it gives the same verdict again.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Evidence {
    /// What was read since the batch was released, by metric; none at all when no source of metrics is declared.
    pub series: Option<Vec<Series>>,
    /// What was known before the first release.
    #[serde(default)]
    pub before: Before,
    /// Which release of the upgrade this is, from 0: each starts a test of its own.
    pub restart: u32,
    /// What is left of the bake, in milliseconds; 0 when it has elapsed.
    pub bake_left_ms: u64,
    /// The moment of the look, in milliseconds since 1970.
    pub now_ms: i64,
}

/// What was read of one metric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// Its name in the gate's rules.
    pub metric: String,
    /// What was read.
    #[serde(flatten)]
    pub readings: Readings,
}

/// Readings of one metric, oldest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "read", rename_all = "kebab-case")]
pub enum Readings {
    /// Requests, and those that failed or were slow.
    Counts {
        /// Each over the same time of both versions.
        datapoints: Vec<Datapoint>,
    },
    /// Values.
    Values {
        /// Each over the same time of both versions.
        values: Vec<MomentValues>,
    },
    /// Nothing can be read.
    Absent {
        /// Why not.
        why: String,
    },
}

/// The values of both versions over the same time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct MomentValues {
    /// Begin of the time, in milliseconds since 1970.
    pub at_ms: i64,
    /// The new version's; none when it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary: Option<Sample>,
    /// The old version's; none when it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<Sample>,
}

/// What was frozen before the first release of an upgrade, once.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Before {
    /// Metric by metric; what is not here is not known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub metrics: Vec<Known>,
}

impl Before {
    /// What is known of a metric.
    #[must_use]
    pub fn of(&self, metric: &str) -> Option<&Known> {
        self.metrics.iter().find(|known| known.metric == metric)
    }

    /// Whether nothing is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.metrics.is_empty()
    }
}

/// What was known of one metric before the first release.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Known {
    /// Its name in the gate's rules.
    pub metric: String,
    /// How many times worse the coming canary's hosts were on the old version: the 90% lower bound, at least 1. The
    /// margin is multiplied by it.
    #[serde(default = "alike")]
    pub difference: f64,
    /// What the old version counted then.
    #[serde(default)]
    pub past: Counts,
    /// The latency above which a request is slow, where latencies are read: see [`crate::latency::SLOW_QUANTILE`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slow_above: Option<f64>,
}

fn alike() -> f64 {
    1.0
}

/// A verdict's whole ground, as it is stored: replayed, it gives the verdict again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Case {
    /// What the gate asked for.
    pub rules: Rules,
    /// What it saw.
    pub evidence: Evidence,
}

impl Case {
    /// The verdict.
    #[must_use]
    pub fn judge(&self) -> Verdict {
        judge(&self.evidence, &self.rules)
    }
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
    let Some(series) = &evidence.series else {
        return undecided(Missing::Source);
    };
    let known = evidence.before.metrics.iter();
    let folded = known
        .map(|known| gate.know(known))
        .chain([once_each(series)])
        .collect::<Result<(), _>>()
        .and_then(|()| series.iter().try_for_each(|one| gate.fold_series(one)));
    if let Err(problem) = folded {
        return undecided(Missing::ValidData { problem });
    }
    gate.look(Moment {
        now_ms: evidence.now_ms,
        bake_left_ms: evidence.bake_left_ms,
    })
}

/// The same metric twice would be counted twice.
fn once_each(series: &[Series]) -> Result<(), String> {
    let again = series
        .iter()
        .enumerate()
        .find(|(i, one)| series[..*i].iter().any(|other| other.metric == one.metric));
    again.map_or(Ok(()), |(_, one)| Err(format!("{} was read twice", one.metric)))
}

impl Gate {
    /// Takes in what was frozen before the first release.
    ///
    /// # Errors
    /// What of it cannot be judged by.
    pub fn know(&mut self, known: &Known) -> Result<(), String> {
        let Counts { requests, errors } = known.past;
        // Written so that NaN fails it.
        let proven = known.difference >= 1.0 && known.difference <= MOST_KNOWN;
        if !proven || errors > requests {
            return Err(format!(
                "{} was {} times as bad before the upgrade, with {errors} errors of {requests} requests; accepted: 1 to \
                 {MOST_KNOWN} times, and no more errors than requests",
                known.metric, known.difference
            ));
        }
        if let Some(watch) = self.watches.iter_mut().find(|w| w.metric.name == known.metric) {
            watch.know(known.difference, known.past);
        }
        Ok(())
    }

    /// Takes in what was read of one metric. What no rule asks for is left out.
    ///
    /// # Errors
    /// What of it contradicts itself or the metric's kind.
    pub fn fold_series(&mut self, series: &Series) -> Result<(), String> {
        let name = &series.metric;
        let place = self.watches.iter().position(|w| w.metric.name == *name);
        let kind = place.map(|place| self.watches[place].metric.kind);
        match (&series.readings, place, kind) {
            (Readings::Absent { why }, ..) => {
                self.absent.insert(name.clone(), why.clone());
                Ok(())
            }
            (Readings::Counts { datapoints }, Some(place), Some(Kind::Errors | Kind::Slow)) => {
                datapoints.iter().try_for_each(|datapoint| {
                    let point = datapoint.point(&mut self.roster).map_err(contradiction)?;
                    self.fold(place, point).map_err(|bad| bad.to_string())
                })
            }
            (Readings::Values { values }, Some(place), Some(Kind::Means)) => {
                let watch = &mut self.watches[place];
                values.iter().try_for_each(|v| {
                    let folded = watch.fold_means(v.at_ms, v.canary, v.baseline);
                    folded.map_err(|bad| format!("{name}: {bad}"))
                })
            }
            (Readings::Values { values }, None, _) => {
                for v in values {
                    self.fold_values(name, v.at_ms, v.canary, v.baseline);
                }
                Ok(())
            }
            (Readings::Counts { .. }, None, _) => Ok(()),
            (Readings::Counts { .. }, ..) => {
                Err(format!("{name} is compared by means, and counts were read"))
            }
            (Readings::Values { .. }, ..) => {
                Err(format!("{name} is compared by counts, and values were read"))
            }
        }
    }
}

/// Beyond this nothing would ever be harm.
const MOST_KNOWN: f64 = 100.0;

fn contradiction(bad: BadHosts) -> String {
    match bad {
        BadHosts::NotTheTotal(arm) => {
            format!("the hosts of the {arm:?} do not add up to its total").to_lowercase()
        }
        BadHosts::TooMany => format!("more than {} hosts", crate::errors::MAX_HOSTS),
    }
}
