//! Where everything lies in the table.
//!
//! | item | `pk` | `sk` | beside `doc` |
//! |---|---|---|---|
//! | upgrade | `UPG#<id>` | `UPGRADE` | `seq`, `gsi1pk`, `gsi1sk`; `gsi2pk`, `gsi2sk` while its record is not complete |
//! | plan | `UPG#<id>` | `PLAN` | |
//! | event | `UPG#<id>` | `EVENT#<seq, 10 digits>` | |
//! | delivery cursor | `UPG#<id>` | `CURSOR` | `seq`, no `doc` |
//! | last look | `UPG#<id>` | `LOOK` | `at_ms` |
//! | counter | `UPG#<id>` | `COUNT#<epoch>#<batch, or R>#<shard>` | `completed`, `failed`, `failures` (set of texts), no `doc` |
//! | channel | `FLEET#<tenant>#<component>#<fleet>` | `CHANNEL` | `rev` |
//! | fleet | same | `FLEET` | |
//! | enrolment secret | same | `ENROLMENT` | `secret` (hash), `rev`, no `doc` |
//! | blocks of instances | same | `BLOCKS` | `blocks` (set of numbers), no `doc` |
//! | stop | `STOPS` | `ALL`, `TENANT#<tenant>` or `COMP#<tenant>#<component>` | |
//! | instance | `INST#<tenant>#<component>#<fleet>#<block>` | `<ordinal, 7 digits>` | `rev`, `credentials` (hashes), `gsi3pk`, `gsi3sk` |
//! | lock | `LOCK#<tenant>#<component>` | `LOCK` | `upgrade_id`, no `doc` |
//! | release | `COMP#<tenant>#<component>` | `RELEASE#<version>` | `fixed` |
//! | places of upgrades | `SYSTEM`, `TENANT#<tenant>` | `PLACES` | `taken` (set of `<tenant>/<upgrade>`), `at_ms`, no `doc` |
//! | policy's revision | `SYSTEM`, `TENANT#<tenant>` or `COMP#<tenant>#<component>` | `POLICY#<revision, 20 digits>` | `yaml`, `hash` |
//! | version's owner | `VERSION#<tenant>#<version>` | `VERSION` | `component_id`, no `doc` |
//! | signing key | `TENANT#<tenant>` | `KEY#<key>` | `pem`, no `doc` |
//! | idempotency key | `IDEM#<tenant>#<key>` | `IDEM` | `fingerprint`, `claimed_at_ms`, `expires_at`; `doc` once answered |
//!
//! Names of tenants, components and fleets hold no `#`, so no two keys can be the same text.

use jiff::Timestamp;
use sluice_app::ports::{Group, Whose};
use sluice_core::ids::{ComponentId, FleetKey, KeyId, TenantId, UpgradeId, VersionId};
use sluice_core::policy::kept::Owner;
use sluice_core::stop::Covers;
use sluice_core::units::{Ordinal, Rev, Seq};

/// Instances of one partition: a partition of DynamoDB takes 1,000 writes a second, so that each of its instances can
/// write once a second.
const BLOCK: u32 = 1_000;

/// Counters of one group: the reports of a batch come at once, and one item alone would take them one by one.
const SHARDS: u32 = 16;

/// The key of one item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    /// The partition.
    pub pk: String,
    /// The place in it.
    pub sk: String,
}

impl Key {
    fn new(pk: String, sk: impl Into<String>) -> Self {
        Self { pk, sk: sk.into() }
    }

    pub(super) fn upgrade(id: UpgradeId) -> Self {
        Self::new(upgrade_partition(id), "UPGRADE")
    }

    pub(super) fn plan(id: UpgradeId) -> Self {
        Self::new(upgrade_partition(id), "PLAN")
    }

    /// Ten digits keep the order of numbers and of texts the same.
    pub(super) fn event(id: UpgradeId, seq: Seq) -> Self {
        Self::new(upgrade_partition(id), format!("EVENT#{:010}", seq.0))
    }

    pub(super) fn last_event(id: UpgradeId) -> Self {
        Self::event(id, Seq(9_999_999_999))
    }

    pub(super) fn cursor(id: UpgradeId) -> Self {
        Self::new(upgrade_partition(id), "CURSOR")
    }

    pub(super) fn look(id: UpgradeId) -> Self {
        Self::new(upgrade_partition(id), "LOOK")
    }

    /// The counter that an instance's report adds to.
    pub(super) fn counter(group: Group, ordinal: Ordinal) -> Self {
        let Self { pk, sk } = Self::counters(group);
        Self::new(pk, format!("{sk}{:02}", ordinal.0 % SHARDS))
    }

    /// What the keys of a group's counters begin with.
    pub(super) fn counters(group: Group) -> Self {
        let batch = group.batch.map_or_else(|| "R".to_owned(), |b| b.to_string());
        Self::new(
            upgrade_partition(group.upgrade_id),
            format!("COUNT#{}#{batch}#", group.epoch),
        )
    }

    pub(super) fn channel(fleet: &FleetKey) -> Self {
        Self::new(fleet_partition("FLEET", fleet), "CHANNEL")
    }

    pub(super) fn fleet(fleet: &FleetKey) -> Self {
        Self::new(fleet_partition("FLEET", fleet), "FLEET")
    }

    pub(super) fn enrolment(fleet: &FleetKey) -> Self {
        Self::new(fleet_partition("FLEET", fleet), "ENROLMENT")
    }

    pub(super) fn blocks(fleet: &FleetKey) -> Self {
        Self::new(fleet_partition("FLEET", fleet), "BLOCKS")
    }

    pub(super) fn instance(fleet: &FleetKey, ordinal: Ordinal) -> Self {
        Self::new(
            block_partition(fleet, block(ordinal)),
            format!("{:07}", ordinal.0),
        )
    }

    pub(super) fn stop(covers: &Covers) -> Self {
        let sk = match covers {
            Covers::Everything => "ALL".to_owned(),
            Covers::Tenant { tenant_id } => format!("TENANT#{tenant_id}"),
            Covers::Component {
                tenant_id,
                component_id,
            } => format!("COMP#{tenant_id}#{component_id}"),
        };
        Self::new(STOPS_PARTITION.to_owned(), sk)
    }

    pub(super) fn lock(tenant: &TenantId, component: ComponentId) -> Self {
        Self::new(format!("LOCK#{tenant}#{component}"), "LOCK")
    }

    pub(super) fn release(tenant: &TenantId, component: ComponentId, version: VersionId) -> Self {
        let Self { pk, sk } = Self::releases(tenant, component);
        Self::new(pk, format!("{sk}{version}"))
    }

    /// What the keys of a component's releases begin with.
    pub(super) fn releases(tenant: &TenantId, component: ComponentId) -> Self {
        Self::new(format!("COMP#{tenant}#{component}"), "RELEASE#")
    }

    pub(super) fn version(tenant: &TenantId, version: VersionId) -> Self {
        Self::new(format!("VERSION#{tenant}#{version}"), "VERSION")
    }

    pub(super) fn signing_key(tenant: &TenantId, key: &KeyId) -> Self {
        Self::new(tenant_partition(tenant), format!("KEY#{key}"))
    }

    pub(super) fn places(whose: &Whose) -> Self {
        let pk = match whose {
            Whose::System => "SYSTEM".to_owned(),
            Whose::Tenant(tenant) => tenant_partition(tenant),
        };
        Self::new(pk, "PLACES")
    }

    /// Twenty digits hold every number, in the order of texts.
    pub(super) fn policy(owner: &Owner, revision: Rev) -> Self {
        let pk = match owner {
            Owner::System => "SYSTEM".to_owned(),
            Owner::Tenant { tenant_id } => tenant_partition(tenant_id),
            Owner::Component {
                tenant_id,
                component_id,
            } => format!("COMP#{tenant_id}#{component_id}"),
        };
        Self::new(pk, format!("POLICY#{:020}", revision.0))
    }

    pub(super) fn idempotency(tenant: &TenantId, key: &str) -> Self {
        Self::new(format!("IDEM#{tenant}#{key}"), "IDEM")
    }
}

/// Partitions of a fleet's instances in the index of troubled ones: each of a million is written once in five minutes,
/// which is 417 writes a second in each of eight, and a look has to ask them all.
pub(super) const TROUBLED_SHARDS: u32 = 8;

/// The partition of an instance in the index of troubled ones.
pub(super) fn troubled_partition(fleet: &FleetKey, ordinal: u32) -> String {
    format!("{}#{}", fleet_partition("SEEN", fleet), ordinal % TROUBLED_SHARDS)
}

/// The block of instances that an ordinal is in.
pub(super) fn block(ordinal: Ordinal) -> u32 {
    ordinal.0 / BLOCK
}

/// The partition of a block of instances.
pub(super) fn block_partition(fleet: &FleetKey, block: u32) -> String {
    format!("{}#{block}", fleet_partition("INST", fleet))
}

/// The partition of a tenant, in the table (keys) and in the index (upgrades).
pub(super) fn tenant_partition(tenant: &TenantId) -> String {
    format!("TENANT#{tenant}")
}

/// What an upgrade's place in the index begins with.
pub(super) const UPGRADE_PLACES: &str = "UPG#";

/// An upgrade's place in the index: by time, then by identity. Nine digits of a second keep the order of times and of
/// texts the same.
pub(super) fn upgrade_place(created_at: Timestamp, id: UpgradeId) -> String {
    format!("{UPGRADE_PLACES}{created_at:.9}#{id}")
}

/// The one partition of the index of open upgrades. It is written when an upgrade is planned and when its report is: a
/// thousand a second.
pub(super) const OPEN_PARTITION: &str = "OPEN";

/// The one partition of all stops: there are few, and every look reads them all.
pub(super) const STOPS_PARTITION: &str = "STOPS";

/// The upgrade whose record lies under a partition.
pub(super) fn upgrade_of(partition: &str) -> Option<UpgradeId> {
    partition.strip_prefix("UPG#")?.parse().ok()
}

/// The upgrade whose event lies under a key; none for every other item. What the stream brings is told apart by it.
#[must_use]
pub fn event_of(partition: &str, sort: &str) -> Option<UpgradeId> {
    upgrade_of(partition).filter(|_| sort.starts_with("EVENT#"))
}

fn upgrade_partition(id: UpgradeId) -> String {
    format!("UPG#{id}")
}

fn fleet_partition(kind: &str, fleet: &FleetKey) -> String {
    format!(
        "{kind}#{}#{}#{}",
        fleet.tenant_id, fleet.component_id, fleet.fleet_id
    )
}

#[cfg(test)]
mod tests {
    use sluice_core::ids::FleetId;
    use sluice_core::units::Epoch;
    use uuid::Uuid;

    use super::*;

    fn id() -> UpgradeId {
        UpgradeId(Uuid::nil())
    }

    #[test]
    fn events_sort_by_number() {
        let keys: Vec<_> = [1, 2, 10, 99, 100, 4_294_967_296]
            .map(|n| Key::event(id(), Seq(n)).sk)
            .into();
        assert!(
            keys.is_sorted() && keys.iter().all(|k| *k < Key::last_event(id()).sk),
            "{keys:?}"
        );
    }

    #[test]
    fn upgrades_sort_by_time() {
        let times = [
            "2026-01-02T03:04:05Z",
            "2026-01-02T03:04:05.123Z",
            "2026-01-02T03:04:06Z",
        ];
        let places = times.map(|t| upgrade_place(t.parse().unwrap(), id()));
        assert!(places.is_sorted(), "{places:?}");
        assert_eq!(
            places[0],
            format!("UPG#2026-01-02T03:04:05.000000000Z#{}", Uuid::nil())
        );
    }

    #[test]
    fn no_group_counts_for_another() {
        let group = |epoch, batch| Group {
            upgrade_id: id(),
            epoch: Epoch(epoch),
            batch,
        };
        let all = [
            group(1, Some(1)),
            group(1, Some(10)),
            group(1, None),
            group(11, Some(1)),
            group(11, Some(0)),
        ];
        for (i, mine) in all.into_iter().enumerate() {
            for (j, other) in all.into_iter().enumerate() {
                let counted = Key::counter(other, Ordinal(17))
                    .sk
                    .starts_with(&Key::counters(mine).sk);
                assert_eq!(counted, i == j, "{mine:?} {other:?}");
            }
        }
    }

    #[test]
    fn blocks_hold_a_thousand() {
        let fleet = FleetKey {
            tenant_id: TenantId::new("t").unwrap(),
            component_id: ComponentId(Uuid::nil()),
            fleet_id: FleetId::default(),
        };
        assert_eq!(
            [0, 999, 1_000, 999_999].map(|o| block(Ordinal(o))),
            [0, 0, 1, 999]
        );
        assert_eq!(Key::instance(&fleet, Ordinal(999_999)).sk, "0999999");
        assert_eq!(
            Key::instance(&fleet, Ordinal(1_000)).pk,
            block_partition(&fleet, 1)
        );
    }
}
