//! What the system's service manager is told (systemd's `sd_notify`). Nobody is, where none started the agent.

use sd_notify::NotifyState;
use tracing::warn;

/// Tells the service manager.
pub(super) fn tell(state: &[NotifyState<'_>]) {
    if let Err(problem) = sd_notify::notify(state) {
        warn!(%problem, "The service manager cannot be told");
    }
}
