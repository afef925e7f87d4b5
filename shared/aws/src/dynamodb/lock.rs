//! The lock that keeps a component to one active upgrade.

use sluice_core::upgrade::{Change, LockChange};

use super::condition::Expression;
use super::item::Item;
use super::keys::Key;
use super::transaction::Write;

/// The lock is free, or this upgrade's own.
const FREE_OR_MINE: &str = "attribute_not_exists(#pk) OR #upgrade_id = :id";

/// What becomes of the lock with a change.
pub(super) fn lock_write(change: &Change) -> Option<Write> {
    let upgrade = &change.upgrade;
    let key = Key::lock(&upgrade.fleet.tenant_id, upgrade.fleet.component_id);
    let id = upgrade.upgrade_id.to_string();
    let free_or_mine = Expression::new(FREE_OR_MINE).text("id", &id);
    match change.lock {
        LockChange::Keep => None,
        LockChange::Take => Some(Write::Put(Item::new(key).text("upgrade_id", id), free_or_mine)),
        // A lock that is gone already is given back already.
        LockChange::Release => Some(Write::Delete(key, free_or_mine)),
    }
}
