//! How a fleet is divided.

use serde::{Deserialize, Serialize};

#[cfg(doc)]
use super::Settings;
use crate::units::Percent;

/// How the instances after the canary are divided.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    /// By [`Settings::batch_size`].
    #[default]
    Count,
    /// By a share of the fleet, rounded down.
    Percentage(Percent),
    /// In stages of these shares, which sum to 100; with `CANARY` the first one is the canary.
    Ratios(Vec<Percent>),
    /// Only ordinals from this one on, by [`Settings::batch_size`].
    Partition(u32),
}

pub(super) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
