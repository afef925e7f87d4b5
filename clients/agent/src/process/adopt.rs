//! What an earlier run of the agent has left running.

use std::path::Path;

use nix::sys::signal::Signal;
use tracing::{info, warn};

use super::group::Group;
use super::proc_fs::{Leftover, leftovers};

/// Chooses the service process to take over and kills the rest.
#[must_use]
pub fn adopt(home: &Path, linked: Option<&str>) -> Option<Leftover> {
    let found = leftovers(home);
    let adopted = found
        .iter()
        .find(|l| l.leads_service && Some(l.version.as_str()) == linked)
        .cloned();
    for left in &found {
        if adopted.as_ref().is_none_or(|a| a.group != left.group) {
            warn!(
                pid = left.pid.as_raw(),
                version = left.version,
                "A process of an earlier run is killed"
            );
            Group(left.group).signal(Signal::SIGKILL);
        }
    }
    if let Some(service) = &adopted {
        info!(
            pid = service.pid.as_raw(),
            version = service.version,
            "The running service is taken over"
        );
    }
    adopted
}
