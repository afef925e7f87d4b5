#![deny(missing_docs)]
//! The ports of the use cases, on AWS.
//!
//! | module and feature | port | service |
//! |---|---|---|
//! | [`dynamodb`] | `Upgrades`, `Fleets`, `Registry`, `Outbox`, `Idempotency` | one DynamoDB table |
//! | [`sfn`] | `Workflows` | Step Functions |
//! | [`sns`] | `Alerts` | SNS |
//! | [`eventbridge`] | `Bus` | EventBridge |
//! | [`cloudwatch`] | `Metrics` | CloudWatch |
//! | [`s3`] | `Blobs` | S3 |
//! | [`routes`] | `Routes` | a weighted proxy's control port, by HTTP |
//!
//! Invariants:
//!
//! * No adapter decides anything: it writes under the condition that it was given, and tells whether that held.
//! * Every failure becomes one of four kinds, in one place (`error`), and never carries what was written or read.
//! * Every page walk, retry and wait has a limit; reaching it is a failure, never a shorter answer.
//!
//! Adapters are made from the one configuration that a process loads at its start, so that a function needs no SDK
//! crate of its own.

#[cfg(feature = "cloudwatch")]
pub mod cloudwatch;
#[cfg(feature = "dynamodb")]
pub mod dynamodb;
#[cfg(feature = "sdk")]
mod error;
#[cfg(feature = "eventbridge")]
pub mod eventbridge;
#[cfg(feature = "routes")]
pub mod routes;
#[cfg(feature = "s3")]
pub mod s3;
#[cfg(feature = "sfn")]
pub mod sfn;
#[cfg(feature = "sns")]
pub mod sns;
