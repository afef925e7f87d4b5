//! The adapters beside the table, each against a small server that answers as the service would.

#![expect(
    clippy::unwrap_used,
    reason = "a test may panic, and so may what it is made of"
)]

mod cloudwatch;
mod routes;
mod served;
mod small;
mod storage;
