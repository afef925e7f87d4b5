//! Limits on how many upgrades there are at a time: a place is taken when one is planned, and given back when it ends.
//!
//! The system's list is taken from first and given back to last, so that it has every upgrade that any tenant's list
//! has, and one look at it finds all that was left behind.

use jiff::{SignedDuration, Timestamp};
use sluice_contract::problem::{Code, Problem};
use sluice_core::policy::Limits;
use sluice_core::units::Count;

use crate::ports::{Holder, Places, PortResult, Upgrades, Whose};
use crate::refusal;

/// A place whose upgrade is not there is left alone for so long after the last one was taken, in seconds: its upgrade may
/// be about to be written.
const WRITING_SECONDS: i64 = 120;

/// Takes the places of an upgrade.
///
/// # Errors
/// [`Code::LimitReached`] with the limit; no place is kept then.
pub async fn take(
    table: &impl Places,
    holder: &Holder,
    limits: &Limits,
    now: Timestamp,
) -> Result<(), Problem> {
    let tenant = Whose::Tenant(holder.tenant_id.clone());
    let lists = [
        (Whose::System, "upgradesPerSystem", limits.upgrades_per_system),
        (tenant, "upgradesPerTenant", limits.upgrades_per_tenant),
    ];
    for (whose, limit, most) in lists {
        let most = most.map(Count::get);
        let has = table.take_place(&whose, holder, most, now).await;
        if !has.map_err(refusal::port)? {
            give_back(table, holder).await.map_err(refusal::port)?;
            let most = most.unwrap_or_default();
            let detail =
                format!("limits.{limit} allows {most} upgrades that have not ended, and there are as many");
            return Err(Problem::new(Code::LimitReached, detail));
        }
    }
    Ok(())
}

/// Gives the places of an upgrade back.
///
/// # Errors
/// What the table says; some may be given back then, and it can be asked for again.
pub async fn give_back(table: &impl Places, holder: &Holder) -> PortResult<()> {
    let tenant = Whose::Tenant(holder.tenant_id.clone());
    table.give_place_back(&tenant, holder).await?;
    table.give_place_back(&Whose::System, holder).await
}

/// Gives back what was left behind: by upgrades that have ended, and by those that never came to be. Gives how many.
///
/// # Errors
/// What the table says.
pub async fn repair<T>(table: &T, now: Timestamp) -> PortResult<u64>
where
    T: Places + Upgrades,
{
    let taken = table.taken_places(&Whose::System).await?;
    let writing = SignedDuration::from_secs(WRITING_SECONDS);
    let quiet = taken.last_at.is_none_or(|at| now.duration_since(at) >= writing);
    let mut repaired = 0;
    for holder in taken.holders {
        let left = match table.upgrade(holder.upgrade_id).await? {
            Some(upgrade) => upgrade.status.is_terminal(),
            None => quiet,
        };
        if left {
            give_back(table, &holder).await?;
            repaired += 1;
        }
    }
    Ok(repaired)
}

#[cfg(test)]
mod tests {
    use sluice_core::ids::{TenantId, UpgradeId};
    use uuid::Uuid;

    use super::*;
    use crate::fakes::World;

    fn holder(tenant: &str, number: u128) -> Holder {
        Holder {
            tenant_id: TenantId::new(tenant).unwrap(),
            upgrade_id: UpgradeId(Uuid::from_u128(number)),
        }
    }

    fn limits(system: i64, tenant: i64) -> Limits {
        Limits {
            upgrades_per_system: Count::new(system).ok(),
            upgrades_per_tenant: Count::new(tenant).ok(),
            ..Limits::default()
        }
    }

    #[tokio::test]
    async fn what_is_full_takes_nobody_and_keeps_nothing() {
        let (world, now) = (World::new(), Timestamp::UNIX_EPOCH);
        let rows = [
            (holder("a", 1), limits(3, 2), None),
            // Again, as after a lost answer.
            (holder("a", 1), limits(1, 1), None),
            (holder("a", 2), limits(3, 2), None),
            (
                holder("a", 3),
                limits(9, 2),
                Some("limits.upgradesPerTenant allows 2"),
            ),
            (holder("b", 4), limits(3, 2), None),
            (
                holder("b", 5),
                limits(3, 2),
                Some("limits.upgradesPerSystem allows 3"),
            ),
            (holder("b", 6), Limits::default(), None),
        ];
        for (holder, limits, expected) in rows {
            let said = take(&world, &holder, &limits, now).await.err().map(|p| p.detail);
            assert_eq!(said.is_some(), expected.is_some(), "{holder:?}: {said:?}");
            assert!(
                said.unwrap_or_default().starts_with(expected.unwrap_or_default()),
                "{holder:?}"
            );
        }
        let of = |whose| world.state().places[&whose].holders.len();
        assert_eq!(of(Whose::System), 4);
        assert_eq!(of(Whose::Tenant(TenantId::new("a").unwrap())), 2);
        assert_eq!(of(Whose::Tenant(TenantId::new("b").unwrap())), 2);
    }

    #[tokio::test]
    async fn what_never_came_to_be_is_given_back_after_a_while() {
        let (world, now) = (World::new(), Timestamp::UNIX_EPOCH);
        take(&world, &holder("a", 1), &limits(1, 1), now).await.unwrap();
        for (seconds, repaired) in [(119, 0), (120, 1), (121, 0)] {
            let at = now + SignedDuration::from_secs(seconds);
            assert_eq!(repair(&world, at).await, Ok(repaired), "{seconds}");
        }
        take(&world, &holder("a", 2), &limits(1, 1), now).await.unwrap();
    }
}
