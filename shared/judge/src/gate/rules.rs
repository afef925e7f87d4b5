//! What a gate asks for.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::metric::{Importance, Metric};
use crate::threshold::Threshold;

/// What a gate asks for. This is also the shape of a gate file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rules {
    /// Bound on the chance of ever calling a good version harmful, over a whole upgrade and all metrics. Default 0.01.
    pub alpha: f64,
    /// What is compared. Default: the error rate, critical, with a margin of 1.5.
    pub metrics: Vec<Metric>,
    /// Share of failed requests that is too much by itself, 0 to 1. Default 0.05.
    pub error_rate_limit: f64,
    /// Limits on single metrics. Default: none beside `error_rate_limit`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub thresholds: Vec<Threshold>,
    /// Fewest requests of the new version that allow a pass. Default 459: as many without an error show a rate below
    /// 1% with 99% confidence.
    pub min_requests: u64,
    /// Oldest newest datapoint that allows a pass, in milliseconds. Default 180,000: three standard datapoints.
    pub max_age_ms: u64,
    /// How many times the old version's odds of an error the new one must be below to be called harmless. Default 2.
    pub harmless_margin: f64,
    /// Bound on the chance of calling a version harmless that is not. Default 0.05: what it shortens is a wait.
    pub harmless_alpha: f64,
    /// Whether proven harmlessness ends the bake early. Default no: a bake is then never shorter than was asked for.
    pub shorten_bake: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            alpha: 0.01,
            metrics: vec![Metric::error_rate(1.5)],
            error_rate_limit: 0.05,
            thresholds: Vec::new(),
            min_requests: 459,
            max_age_ms: 180_000,
            harmless_margin: 2.0,
            harmless_alpha: 0.05,
            shorten_bake: false,
        }
    }
}

/// A rule that cannot be judged by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BadRule {
    /// Which field.
    pub field: String,
    /// What it holds.
    pub value: String,
    /// What it may hold.
    pub accepted: String,
}

impl fmt::Display for BadRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is {}; accepted: {}", self.field, self.value, self.accepted)
    }
}

impl std::error::Error for BadRule {}

impl Rules {
    /// Checks every field.
    ///
    /// # Errors
    /// The first that cannot be judged by.
    pub fn check(&self) -> Result<(), BadRule> {
        // Comparisons are written so that NaN fails them.
        let alpha = |x: f64| x > 0.0 && x <= 0.5;
        let margin = |x: f64| (1.0..=100.0).contains(&x);
        number("alpha", self.alpha, alpha, "above 0, at most 0.5")?;
        number(
            "harmless_alpha",
            self.harmless_alpha,
            alpha,
            "above 0, at most 0.5",
        )?;
        let above_one = |x: f64| x > 1.0 && x <= 100.0;
        number(
            "harmless_margin",
            self.harmless_margin,
            above_one,
            "above 1, at most 100",
        )?;
        let share = |x: f64| x > 0.0 && x <= 1.0;
        number(
            "error_rate_limit",
            self.error_rate_limit,
            share,
            "above 0, at most 1",
        )?;
        for (i, metric) in self.metrics.iter().enumerate() {
            let weight = |x: f64| x > 0.0 && x <= 1000.0;
            number(
                &format!("metrics[{i}].weight"),
                metric.weight,
                weight,
                "above 0, at most 1000",
            )?;
            number(&format!("metrics[{i}].margin"), metric.margin, margin, "1 to 100")?;
            if self.metrics[..i].iter().any(|other| other.name == metric.name) {
                return Err(BadRule {
                    field: format!("metrics[{i}].name"),
                    value: metric.name.clone(),
                    accepted: "each name once".to_owned(),
                });
            }
        }
        if self
            .metrics
            .iter()
            .all(|m| m.importance == Importance::ObserveOnly)
        {
            return Err(BadRule {
                field: "metrics".to_owned(),
                value: "without any that decides".to_owned(),
                accepted: "at least one that is not observe_only".to_owned(),
            });
        }
        for (i, threshold) in self.thresholds.iter().enumerate() {
            if threshold.consecutive == 0 {
                return Err(BadRule {
                    field: format!("thresholds[{i}].consecutive"),
                    value: "0".to_owned(),
                    accepted: "1 or more".to_owned(),
                });
            }
        }
        Ok(())
    }
}

fn number(field: &str, value: f64, accepts: impl Fn(f64) -> bool, accepted: &str) -> Result<(), BadRule> {
    if accepts(value) {
        return Ok(());
    }
    Err(BadRule {
        field: field.to_owned(),
        value: value.to_string(),
        accepted: accepted.to_owned(),
    })
}
