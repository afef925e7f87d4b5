//! What a request prescribes for each instance: a check before its program is touched, and one after the new version
//! runs. Both stand beside what the instance's own configuration checks, and neither is made on the way back.
//!
//! A check is repeated until it passes or its time is over.

use serde::{Deserialize, Serialize};

mod resolve;
mod wishes;

pub(crate) use resolve::resolve;
pub use sluice_judge::threshold::{BadComparison, Comparison, Relation};
pub use wishes::{MetricWish, PreCheckKind, PreUpgradeCheckWishes, VerifyKind, VerifyWishes};

/// The checks of one upgrade; part of its plan, and sent with each move to the new version.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Checks {
    /// Must pass before the running program is touched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pre_upgrade: Option<PreUpgradeCheck>,
    /// Must pass once the new version runs and is healthy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub post_upgrade: Option<PostUpgradeVerify>,
}

impl Checks {
    /// Whether nothing is prescribed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The longest that both may take together, in milliseconds.
    #[must_use]
    pub fn longest_ms(&self) -> u64 {
        let pre = self.pre_upgrade.as_ref().map_or(0, PreUpgradeCheck::timeout_ms);
        pre + self
            .post_upgrade
            .as_ref()
            .map_or(0, PostUpgradeVerify::timeout_ms)
    }
}

/// A command whose success is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandCheck {
    /// The command line, 1 to 1,024 characters; whether it may be run is for the instance to say.
    pub command: String,
    /// What its standard output must contain, when given; it must end with success in any case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// How long it is tried, in milliseconds. 1,000 to 600,000.
    pub timeout_ms: u64,
}

/// What must hold before the running program is touched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum PreUpgradeCheck {
    /// The checks of the instance's own configuration pass for what it runs.
    HealthCheck {
        /// How long it is tried, in milliseconds. 1,000 to 600,000.
        timeout_ms: u64,
    },
    /// A command succeeds.
    Custom(CommandCheck),
}

impl PreUpgradeCheck {
    /// How long it is tried, in milliseconds.
    #[must_use]
    pub fn timeout_ms(&self) -> u64 {
        match self {
            Self::HealthCheck { timeout_ms } | Self::Custom(CommandCheck { timeout_ms, .. }) => *timeout_ms,
        }
    }
}

/// What must hold once the new version runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum PostUpgradeVerify {
    /// A command succeeds.
    Exec(CommandCheck),
    /// The program's metrics are as expected, all of them in one reading.
    Metrics {
        /// 1 to 16 of them.
        metrics: Vec<MetricCheck>,
        /// How long it is tried, in milliseconds. 1,000 to 600,000.
        timeout_ms: u64,
    },
    /// A GET request is answered as expected.
    Http {
        /// Path and query, beginning with `/`; the instance knows the address before it.
        endpoint: String,
        /// The status. 100 to 599.
        expected_status: u16,
        /// How long it is tried, in milliseconds. 1,000 to 600,000.
        timeout_ms: u64,
    },
}

impl PostUpgradeVerify {
    /// How long it is tried, in milliseconds.
    #[must_use]
    pub fn timeout_ms(&self) -> u64 {
        match self {
            Self::Exec(CommandCheck { timeout_ms, .. })
            | Self::Metrics { timeout_ms, .. }
            | Self::Http { timeout_ms, .. } => *timeout_ms,
        }
    }
}

/// A metric and what is expected of its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetricCheck {
    /// Its name, as Prometheus allows it.
    pub name: String,
    /// What its value must be.
    pub expected: Comparison,
}

#[cfg(test)]
mod tests;
