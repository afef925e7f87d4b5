//! What a plan may choose between.

use serde::{Deserialize, Serialize};

/// How a fleet goes from one version to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Strategy {
    /// In batches.
    #[default]
    Rolling,
    /// A few instances first, watched, then in batches.
    Canary,
    /// A second set, then one switch of the traffic.
    BlueGreen,
    /// All at once.
    Recreate,
    /// In batches with an approval between them.
    Staged,
}

/// Who says that a canary is good, so that the rest follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Promotion {
    /// The gate.
    #[default]
    Automatic,
    /// The gate and an operator.
    Manual,
}
