//! Installing a release from disk, so that a fleet can begin without a server.

use std::path::Path;

use anyhow::{Context, ensure};
use sluice_core::release::Release;
use tracing::info;

use crate::config::Config;
use crate::local::open_depot;
use crate::lock::HomeLock;
use crate::store::Store;

/// Verifies an archive against its release, unpacks it, makes it the one in use and writes the agent's state. The
/// agent must not run, and no switch may be half-done.
///
/// # Errors
/// What is wrong, with the file or the failure's code.
pub fn install(config: &Config, archive: &Path, release_file: &Path) -> anyhow::Result<()> {
    let text =
        std::fs::read(release_file).with_context(|| format!("{} cannot be read", release_file.display()))?;
    let release: Release = serde_json::from_slice(&text)
        .with_context(|| format!("{} is not a release", release_file.display()))?;
    let _lock = HomeLock::take(&config.home)?;
    let depot = open_depot(config)?;
    let (store, _) = Store::open(&config.home.join("state.json"))?;
    let before = store.record();
    ensure!(
        before.switch.is_none(),
        "a switch is half-done; start the agent, it finishes or undoes it"
    );
    depot.install(&release, archive)?;
    depot.link(Some(&release))?;
    store.update(|record| {
        record.previous = before.running.filter(|r| *r != release);
        record.running = Some(release.clone());
    })?;
    let (version, digest) = (&release.version, &release.digest);
    info!(component_id = %release.component_id, %version, digest, "The release is installed");
    Ok(())
}
