//! What there may be only so many of.

use std::collections::BTreeSet;

use jiff::Timestamp;
use sluice_core::ids::{TenantId, UpgradeId};

use super::PortResult;

/// Whose places they are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Whose {
    /// The whole system's.
    System,
    /// A tenant's.
    Tenant(TenantId),
}

/// Who has a place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Holder {
    /// Whose upgrade.
    pub tenant_id: TenantId,
    /// Which.
    pub upgrade_id: UpgradeId,
}

/// The places that are taken.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Taken {
    /// By whom.
    pub holders: BTreeSet<Holder>,
    /// When the last one was; none before the first.
    pub last_at: Option<Timestamp>,
}

/// Places of upgrades that are planned and have not ended.
pub trait Places: Send + Sync {
    /// Takes a place on condition that fewer than `most` are taken; none for any number. Gives whether the holder has
    /// one: who has one keeps it.
    fn take_place(
        &self,
        whose: &Whose,
        holder: &Holder,
        most: Option<u32>,
        now: Timestamp,
    ) -> impl Future<Output = PortResult<bool>> + Send;

    /// Gives a place back; one that is not taken is given back already.
    fn give_place_back(&self, whose: &Whose, holder: &Holder) -> impl Future<Output = PortResult<()>> + Send;

    /// The places that are taken, strongly consistent.
    fn taken_places(&self, whose: &Whose) -> impl Future<Output = PortResult<Taken>> + Send;
}
