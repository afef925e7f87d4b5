//! Sluice from outside: a running stack with its real functions, state machines and table. Each test has a tenant of
//! its own, so that all run side by side.

use std::time::Duration;

mod absent;
mod agent;
mod check_in;
mod course;
mod declarations;
mod failures;
mod input;
mod nginx;
mod once;
mod operator;
mod overlap;
mod permission;
mod policy;
mod redis;
mod steering;
mod trouble;
mod watchdog;

/// How long an upgrade of a few batches may take on a busy machine.
const ENDS: Duration = Duration::from_secs(120);
