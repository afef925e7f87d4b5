//! What a gate says, with its numbers.

use serde::{Deserialize, Serialize};

use super::rules::BadRule;
use crate::errors::{Basis, Counts};
use crate::metric::{Importance, Kind};

/// The numbers of a verdict.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Numbers {
    /// The metric that the counts are of: the one with the strongest evidence.
    #[serde(default)]
    pub metric: String,
    /// What that metric counts.
    #[serde(default)]
    pub kind: Kind,
    /// The new version, since the batch was released.
    pub canary: Counts,
    /// The old version, over the same time.
    pub baseline: Counts,
    /// Natural logarithm of the evidence of harm over all metrics, its part of alpha taken off already.
    pub log_evidence: f64,
    /// What the evidence has to reach: `ln(1 / alpha)`.
    pub log_bound: f64,
    /// Natural logarithm of the evidence of harmlessness: the least over the critical metrics.
    #[serde(default)]
    pub log_harmless: f64,
    /// What the evidence was divided by because hosts differ more than chance makes them; 1 when they do not.
    #[serde(default = "independent")]
    pub dispersion: f64,
    /// How many times the old version's odds of an error are no harm: the margin, widened by what was different
    /// before the upgrade already.
    #[serde(default)]
    pub margin: f64,
    /// What the data allow.
    #[serde(default)]
    pub basis: Basis,
    /// The means of both versions, where the metric is one of means.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub means: Option<MeanValues>,
    /// Every metric and limit, where there are several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub all: Vec<Observed>,
    /// Names the stored [`Evidence`](super::Evidence) that gives this verdict again, where it was stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recorded_as: Option<String>,
    /// Hosts of the new version that are sick by themselves, the worst first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub host_problems: Vec<String>,
    /// Begin of the first datapoint in which the new version failed a request, in milliseconds since 1970.
    pub first_error_at_ms: Option<i64>,
    /// Begin of the newest datapoint, in milliseconds since 1970.
    pub newest_at_ms: Option<i64>,
}

/// The means of both versions over the same minutes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct MeanValues {
    /// The new version's.
    pub canary: f64,
    /// The old version's.
    pub baseline: f64,
    /// Over how many minutes.
    pub minutes: u32,
}

/// One of several metrics.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Observed {
    /// Its name.
    pub metric: String,
    /// How much it matters.
    pub importance: Importance,
    /// The new version's value or share, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary: Option<f64>,
    /// The old version's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<f64>,
    /// Natural logarithm of its own evidence of harm; none for a limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_evidence: Option<f64>,
    /// Why it has no values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub absent: Option<String>,
}

fn independent() -> f64 {
    1.0
}

impl Default for Numbers {
    fn default() -> Self {
        Self {
            metric: String::new(),
            kind: Kind::default(),
            means: None,
            all: Vec::new(),
            recorded_as: None,
            canary: Counts::default(),
            baseline: Counts::default(),
            log_evidence: 0.0,
            log_bound: 0.0,
            log_harmless: 0.0,
            dispersion: independent(),
            margin: 1.0,
            basis: Basis::default(),
            host_problems: Vec::new(),
            first_error_at_ms: None,
            newest_at_ms: None,
        }
    }
}

/// What makes a version harmful.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "harm", rename_all = "kebab-case")]
pub enum Harm {
    /// It fails more often than the old version, beyond chance and margin.
    WorseThanBaseline,
    /// Its share of failed requests is above the limit, several times in a row, while the old version's is not.
    ErrorRateAboveLimit {
        /// Of which metric.
        #[serde(default)]
        metric: String,
        /// What was seen, 0 to 1.
        observed: f64,
        /// What is allowed, 0 to 1.
        limit: f64,
    },
    /// A metric is outside its limit, several times in a row, while the old version's is not.
    OutsideLimit {
        /// Which one.
        metric: String,
        /// What was seen.
        observed: f64,
        /// What is allowed, as text.
        limit: String,
    },
}

/// What a verdict waits for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "missing", rename_all = "kebab-case")]
pub enum Missing {
    /// The fleet declares no source of metrics: nothing can ever pass.
    Source,
    /// The rules cannot be judged by.
    ValidRules {
        /// The first that is wrong.
        rule: BadRule,
    },
    /// The data contradict themselves, so they prove nothing.
    ValidData {
        /// In which way.
        problem: String,
    },
    /// No datapoint of the new version yet.
    Data,
    /// No datapoint of a critical metric yet.
    Metric {
        /// Which one.
        metric: String,
        /// Why there is none, where that is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<String>,
    },
    /// A critical metric of means has never had about as many samples of both versions in one minute, and the means of
    /// few and of many are not comparable.
    ComparableArms {
        /// Which one.
        metric: String,
    },
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
    /// A metric is outside its limit, and so is the old version's, or it has none.
    WithinLimit {
        /// Which one.
        metric: String,
        /// What was seen.
        observed: f64,
        /// What is allowed, as text.
        limit: String,
    },
    /// Hardly any old version is left to compare with, and the new one fails more often than the old one did. The
    /// past is no proof, since an outage looks the same: somebody has to decide.
    Comparison {
        /// Share of failed requests of the new version, 0 to 1.
        now: f64,
        /// Share of failed requests of the old version when it still had its part of the traffic, 0 to 1.
        then: f64,
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
        numbers: Box<Numbers>,
    },
    /// Everything that was asked for was seen, and no harm.
    Harmless {
        /// The proof.
        numbers: Box<Numbers>,
    },
    /// Neither: the upgrade holds.
    Undecided {
        /// The first thing that is missing.
        waiting_for: Missing,
        /// What is known so far.
        numbers: Box<Numbers>,
    },
}

impl Verdict {
    /// The same verdict, with the name under which its evidence is stored.
    #[must_use]
    pub fn recorded_as(mut self, name: &str) -> Self {
        match &mut self {
            Self::Harmful { numbers, .. } | Self::Harmless { numbers } | Self::Undecided { numbers, .. } => {
                numbers.recorded_as = Some(name.to_owned());
            }
        }
        self
    }

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
