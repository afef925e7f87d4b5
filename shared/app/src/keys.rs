//! Where things lie in the bucket.

use sluice_core::ids::{TenantId, UpgradeId};
use sluice_core::release::Release;

/// A release's artifact: by digest, so that nothing can be put in its place.
#[must_use]
pub fn artifact(tenant: &TenantId, release: &Release) -> String {
    format!(
        "artifacts/{tenant}/{}/{}.tar.gz",
        release.component_id,
        release.digest.replace(':', "-")
    )
}

/// A plan's positions.
#[must_use]
pub fn positions(plan_hash: &str) -> String {
    format!("positions/{}.json", plan_hash.replace(':', "-"))
}

/// What a fleet was before an upgrade.
#[must_use]
pub fn checkpoint(upgrade: UpgradeId) -> String {
    format!("checkpoints/{upgrade}.json")
}

/// What a verdict of an upgrade rests on, by its digest.
#[must_use]
pub fn evidence(upgrade: UpgradeId, digest: &str) -> String {
    format!("evidence/{upgrade}/{}.json", digest.replace(':', "-"))
}

/// An upgrade's report; the extension is `json` or `md`.
#[must_use]
pub fn report(upgrade: UpgradeId, extension: &str) -> String {
    format!("reports/{upgrade}.{extension}")
}
