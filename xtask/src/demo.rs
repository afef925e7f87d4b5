//! `demo`: one upgrade that goes well and one that goes back by itself.

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::cli::DemoOptions;

/// Not there yet.
///
/// # Errors
/// Always, until it is written.
#[expect(
    clippy::unused_async,
    reason = "the signature of every command that uses a stack"
)]
pub async fn demo(_options: DemoOptions) -> Result<ExitCode> {
    bail!("the demonstration is not written yet; `cargo xtask up` starts a stack to try by hand")
}
