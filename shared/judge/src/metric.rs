//! What is compared, and how much it matters.

use serde::{Deserialize, Serialize};

use crate::errors::{GRID, MODERATE};

/// What a metric counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Failed requests.
    #[default]
    Errors,
    /// Requests that took longer than nine of ten of the old version's did before the upgrade.
    Slow,
    /// A mean a minute, larger is worse; for equal arms that are assigned at random ([`crate::means`]).
    Means,
}

impl Kind {
    /// The harm margin unless one is given: how many times the old version's odds are no harm. Hosts differ in errors
    /// by half for reasons of their own; slow requests are so many that a tenth more latency is seen only with a
    /// narrow one.
    #[must_use]
    pub fn default_margin(self) -> f64 {
        match self {
            Self::Errors => 1.5,
            Self::Slow => 1.05,
            // Bets on means have no margin.
            Self::Means => 1.0,
        }
    }
}

impl Kind {
    /// How many alternatives are bet on; see [`MODERATE`].
    pub(crate) fn alternatives(self) -> usize {
        match self {
            Self::Errors => GRID.len(),
            Self::Slow | Self::Means => MODERATE,
        }
    }
}

/// How much a metric matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Importance {
    /// It can prove harm, and nothing passes without it.
    Critical,
    /// It can prove harm; while it is missing, the others are enough.
    #[default]
    Normal,
    /// It is shown and decides nothing.
    ObserveOnly,
}

/// One metric of a gate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Metric {
    /// Its name, as a verdict says it.
    pub name: String,
    /// What it counts.
    pub kind: Kind,
    /// How much it matters.
    pub importance: Importance,
    /// Its part in the weighted average of the evidence, above 0. Default 1.
    pub weight: f64,
    /// How many times the old version's odds are no harm, from 1.
    pub margin: f64,
}

impl Metric {
    /// The share of failed requests, critical.
    #[must_use]
    pub fn error_rate(margin: f64) -> Self {
        Self {
            name: "error_rate".to_owned(),
            kind: Kind::Errors,
            importance: Importance::Critical,
            weight: 1.0,
            margin,
        }
    }
}

/// A metric as a gate file has it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    kind: Kind,
    #[serde(default, skip_serializing_if = "is_false")]
    critical: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    observe_only: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    weight: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    margin: Option<f64>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature that serde asks for"
)]
pub(crate) fn is_false(value: &bool) -> bool {
    !value
}

impl Importance {
    /// From the two words of a gate file.
    ///
    /// # Errors
    /// When both are said.
    pub fn written(critical: bool, observe_only: bool) -> Result<Self, &'static str> {
        match (critical, observe_only) {
            (true, true) => Err("critical and observe_only are both true; accepted: at most one of them"),
            (true, false) => Ok(Self::Critical),
            (false, true) => Ok(Self::ObserveOnly),
            (false, false) => Ok(Self::Normal),
        }
    }
}

impl TryFrom<Written> for Metric {
    type Error = String;

    fn try_from(w: Written) -> Result<Self, String> {
        let importance = Importance::written(w.critical, w.observe_only)
            .map_err(|problem| format!("metric {}: {problem}", w.name))?;
        Ok(Self {
            margin: w.margin.unwrap_or(w.kind.default_margin()),
            weight: w.weight.unwrap_or(1.0),
            name: w.name,
            kind: w.kind,
            importance,
        })
    }
}

impl From<Metric> for Written {
    fn from(m: Metric) -> Self {
        Self {
            critical: m.importance == Importance::Critical,
            observe_only: m.importance == Importance::ObserveOnly,
            weight: Some(m.weight),
            margin: Some(m.margin),
            name: m.name,
            kind: m.kind,
        }
    }
}
