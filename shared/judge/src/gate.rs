//! From numbers to a verdict.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::errors::{Counts, Datapoint, log_evidence, restart_weight};

/// What a gate asks for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rules {
    /// Bound on the chance of ever calling a good version harmful, over a whole upgrade. Default 0.01.
    pub alpha: f64,
    /// How many times the old version's odds of an error are tolerated. Default 1.5: hosts differ that much for
    /// reasons of their own.
    pub harm_margin: f64,
    /// Share of failed requests that is too much by itself, 0 to 1. Default 0.05.
    pub error_rate_limit: f64,
    /// Fewest requests of the new version that allow a pass. Default 459: as many without an error show a rate below
    /// 1% with 99% confidence.
    pub min_requests: u64,
    /// Oldest newest datapoint that allows a pass, in milliseconds. Default 180,000: three standard datapoints.
    pub max_age_ms: u64,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            alpha: 0.01,
            harm_margin: 1.5,
            error_rate_limit: 0.05,
            min_requests: 459,
            max_age_ms: 180_000,
        }
    }
}

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

/// The numbers of a verdict.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Numbers {
    /// The new version, since the batch was released.
    pub canary: Counts,
    /// The old version, over the same time.
    pub baseline: Counts,
    /// Natural logarithm of the evidence, its part of alpha taken off already.
    pub log_evidence: f64,
    /// What the evidence has to reach: `ln(1 / alpha)`.
    pub log_bound: f64,
    /// Begin of the first datapoint in which the new version failed a request, in milliseconds since 1970.
    pub first_error_at_ms: Option<i64>,
    /// Begin of the newest datapoint, in milliseconds since 1970.
    pub newest_at_ms: Option<i64>,
}

/// What makes a version harmful.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "harm", rename_all = "kebab-case")]
pub enum Harm {
    /// It fails more often than the old version, beyond chance and margin.
    WorseThanBaseline,
    /// Its share of failed requests is above the limit while the old version's is not.
    ErrorRateAboveLimit {
        /// What was seen, 0 to 1.
        observed: f64,
        /// What is allowed, 0 to 1.
        limit: f64,
    },
}

/// What a verdict waits for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "missing", rename_all = "kebab-case")]
pub enum Missing {
    /// The fleet declares no source of metrics: nothing can ever pass.
    Source,
    /// No datapoint of the new version yet.
    Data,
    /// The newest datapoint is too old.
    FreshData {
        /// Its age in milliseconds.
        age_ms: u64,
        /// The oldest that is accepted, in milliseconds.
        limit_ms: u64,
    },
    /// Too few requests reached the new version.
    Requests {
        /// How many did.
        have: u64,
        /// How many are asked for.
        need: u64,
    },
    /// Both versions fail too often: something outside of them is broken.
    HealthyBaseline {
        /// The old version's share of failed requests, 0 to 1.
        observed: f64,
        /// What is allowed, 0 to 1.
        limit: f64,
    },
    /// The bake goes on.
    BakeTime {
        /// What is left, in milliseconds.
        left_ms: u64,
    },
}

/// What a gate says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "kebab-case")]
pub enum Verdict {
    /// The new version does harm.
    Harmful {
        /// In which way.
        reason: Harm,
        /// The proof.
        numbers: Numbers,
    },
    /// Everything that was asked for was seen, and no harm.
    Harmless {
        /// The proof.
        numbers: Numbers,
    },
    /// Neither: the upgrade holds.
    Undecided {
        /// The first thing that is missing.
        waiting_for: Missing,
        /// What is known so far.
        numbers: Numbers,
    },
}

impl Verdict {
    /// The numbers, whatever the verdict.
    #[must_use]
    pub fn numbers(&self) -> &Numbers {
        match self {
            Self::Harmful { numbers, .. } | Self::Harmless { numbers } | Self::Undecided { numbers, .. } => {
                numbers
            }
        }
    }
}

/// Judges a batch. Pure: the same evidence and rules give the same verdict.
#[must_use]
pub fn judge(evidence: &Evidence, rules: &Rules) -> Verdict {
    let numbers = numbers(evidence, rules);
    if let Some(reason) = harm(&numbers, rules) {
        return Verdict::Harmful { reason, numbers };
    }
    match missing(evidence, &numbers, rules) {
        Some(waiting_for) => Verdict::Undecided { waiting_for, numbers },
        None => Verdict::Harmless { numbers },
    }
}

fn numbers(evidence: &Evidence, rules: &Rules) -> Numbers {
    let datapoints = evidence.datapoints.as_deref().unwrap_or_default();
    let sum = |of: fn(&Datapoint) -> Counts| datapoints.iter().map(of).fold(Counts::default(), Counts::plus);
    let first = |wanted: fn(&&Datapoint) -> bool| datapoints.iter().filter(wanted).map(|d| d.at_ms).min();
    Numbers {
        canary: sum(|d| d.canary),
        baseline: sum(|d| d.baseline),
        log_evidence: log_evidence(datapoints, rules.harm_margin) + restart_weight(evidence.restart).ln(),
        log_bound: -rules.alpha.ln(),
        first_error_at_ms: first(|d| d.canary.errors > 0),
        newest_at_ms: datapoints
            .iter()
            .filter(|d| d.canary.requests > 0)
            .map(|d| d.at_ms)
            .max(),
    }
}

fn harm(numbers: &Numbers, rules: &Rules) -> Option<Harm> {
    if numbers.log_evidence >= numbers.log_bound {
        return Some(Harm::WorseThanBaseline);
    }
    let observed = numbers.canary.error_rate()?;
    let limit = rules.error_rate_limit;
    let enough = numbers.canary.requests >= rules.min_requests;
    let baseline_is_healthy = numbers.baseline.error_rate().is_some_and(|rate| rate <= limit);
    (enough && observed > limit && baseline_is_healthy)
        .then_some(Harm::ErrorRateAboveLimit { observed, limit })
}

fn missing(evidence: &Evidence, numbers: &Numbers, rules: &Rules) -> Option<Missing> {
    if evidence.datapoints.is_none() {
        return Some(Missing::Source);
    }
    let Some(newest_at_ms) = numbers.newest_at_ms else {
        return Some(Missing::Data);
    };
    let age_ms = u64::try_from(evidence.now_ms.saturating_sub(newest_at_ms)).unwrap_or(0);
    if age_ms > rules.max_age_ms {
        return Some(Missing::FreshData {
            age_ms,
            limit_ms: rules.max_age_ms,
        });
    }
    let (have, need) = (numbers.canary.requests, rules.min_requests);
    if have < need {
        return Some(Missing::Requests { have, need });
    }
    let limit = rules.error_rate_limit;
    let worst = [numbers.canary, numbers.baseline]
        .into_iter()
        .filter_map(Counts::error_rate)
        .fold(0.0, f64::max);
    if worst > limit {
        return Some(Missing::HealthyBaseline {
            observed: worst,
            limit,
        });
    }
    (evidence.bake_left_ms > 0).then_some(Missing::BakeTime {
        left_ms: evidence.bake_left_ms,
    })
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let n = self.numbers();
        match self {
            Self::Harmful {
                reason: Harm::WorseThanBaseline,
                ..
            } => write!(
                f,
                "harmful: the new version failed {} against {} of the old one; evidence e^{:.1} reached e^{:.1}",
                share(n.canary),
                share(n.baseline),
                n.log_evidence,
                n.log_bound
            ),
            Self::Harmful {
                reason: Harm::ErrorRateAboveLimit { observed, limit },
                ..
            } => write!(
                f,
                "harmful: the new version failed {:.2}% of its requests, and {:.2}% are allowed",
                observed * 100.0,
                limit * 100.0
            ),
            Self::Harmless { .. } => {
                write!(
                    f,
                    "harmless: the new version failed {}, the old one {}",
                    share(n.canary),
                    share(n.baseline)
                )
            }
            Self::Undecided { waiting_for, .. } => write!(f, "undecided: {waiting_for}"),
        }
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Source => f.write_str("the fleet declares no source of metrics"),
            Self::Data => f.write_str("waiting for the first requests to the new version"),
            Self::FreshData { age_ms, limit_ms } => write!(
                f,
                "the newest datapoint is {} s old, and at most {} s are accepted",
                age_ms / 1000,
                limit_ms / 1000
            ),
            Self::Requests { have, need } => {
                write!(
                    f,
                    "{have} of {need} requests to the new version seen, {} missing",
                    need.saturating_sub(*have)
                )
            }
            Self::HealthyBaseline { observed, limit } => write!(
                f,
                "{:.2}% of the requests fail, more than {:.2}%, without a proof against the new version",
                observed * 100.0,
                limit * 100.0
            ),
            Self::BakeTime { left_ms } => write!(f, "{} s of the bake are left", left_ms.div_ceil(1000)),
        }
    }
}

fn share(counts: Counts) -> String {
    format!("{} of {} requests", counts.errors, counts.requests)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows: datapoints as (new requests, new errors, old requests, old errors), bake left, age, and what the verdict
    /// begins with.
    #[test]
    fn verdicts() {
        type Row = (
            &'static str,
            Option<&'static [(u64, u64, u64, u64)]>,
            u64,
            i64,
            &'static str,
        );
        let rows: &[Row] = &[
            (
                "nothing declared",
                None,
                0,
                0,
                "undecided: the fleet declares no source",
            ),
            (
                "no data",
                Some(&[]),
                0,
                0,
                "undecided: waiting for the first requests",
            ),
            (
                "only the old version has data",
                Some(&[(0, 0, 900, 0)]),
                0,
                0,
                "undecided: waiting for the first",
            ),
            (
                "clean and enough",
                Some(&[(500, 0, 4500, 0)]),
                0,
                0,
                "harmless: the new version failed 0 of 500",
            ),
            (
                "one request too few",
                Some(&[(458, 0, 4500, 0)]),
                0,
                0,
                "undecided: 458 of 459 requests",
            ),
            (
                "bake goes on",
                Some(&[(500, 0, 4500, 0)]),
                4_001,
                0,
                "undecided: 5 s of the bake",
            ),
            (
                "stale",
                Some(&[(500, 0, 4500, 0)]),
                0,
                200_000,
                "undecided: the newest datapoint is 200 s old",
            ),
            (
                "5% against none",
                Some(&[(100, 5, 900, 0)]),
                9_000,
                0,
                "harmful: the new version failed 5 of 100",
            ),
            ("both alike", Some(&[(500, 5, 4500, 45)]), 0, 0, "harmless"),
            (
                "shared outage",
                Some(&[(500, 100, 4500, 900)]),
                0,
                0,
                "undecided: 20.00% of the requests fail",
            ),
            (
                "a bad old version does not excuse",
                Some(&[(500, 250, 4500, 900)]),
                0,
                0,
                "harmful",
            ),
            (
                "above the limit, within the margin",
                Some(&[(9000, 495, 1000, 49)]),
                0,
                0,
                "harmful: the new version failed 5.50%",
            ),
            ("alone and clean", Some(&[(500, 0, 0, 0)]), 0, 0, "harmless"),
            (
                "alone and failing holds",
                Some(&[(500, 250, 0, 0)]),
                0,
                0,
                "undecided: 50.00% of the requests fail",
            ),
        ];
        for (name, points, bake_left_ms, age_ms, expected) in rows {
            let datapoints = points.map(|points| {
                points
                    .iter()
                    .map(|&(requests, errors, old, old_errors)| Datapoint {
                        at_ms: 1_000_000,
                        canary: Counts { requests, errors },
                        baseline: Counts {
                            requests: old,
                            errors: old_errors,
                        },
                    })
                    .collect()
            });
            let evidence = Evidence {
                datapoints,
                restart: 0,
                bake_left_ms: *bake_left_ms,
                now_ms: 1_000_000 + age_ms,
            };
            let said = judge(&evidence, &Rules::default()).to_string();
            assert!(said.starts_with(expected), "{name}: {said}");
        }
    }

    #[test]
    fn a_later_start_needs_more_evidence() {
        let look = |restart| {
            let points = vec![Datapoint {
                at_ms: 0,
                canary: Counts {
                    requests: 100,
                    errors: 4,
                },
                baseline: Counts {
                    requests: 900,
                    errors: 0,
                },
            }];
            let evidence = Evidence {
                datapoints: Some(points),
                restart,
                bake_left_ms: 0,
                now_ms: 0,
            };
            judge(&evidence, &Rules::default()).numbers().log_evidence
        };
        assert!(look(0) > look(1) && look(1) > look(5));
    }
}
