//! Measurements.

pub mod plan;
