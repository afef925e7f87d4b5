//! Measurements.

pub mod judge;
pub mod plan;
