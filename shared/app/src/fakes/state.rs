//! The table's ports.

use jiff::{SignedDuration, Timestamp};
use sluice_core::channel::Channel;
use sluice_core::credential::SecretHash;
use sluice_core::fleet::{Fleet, Instance};
use sluice_core::ids::{ComponentId, FleetKey, KeyId, TenantId, UpgradeId, VersionId};
use sluice_core::plan::Plan;
use sluice_core::probe::{Counts, Failed};
use sluice_core::release::Release;
use sluice_core::room::{Trouble, Troubled};
use sluice_core::stop::{Covers, Stop};
use sluice_core::units::{Ordinal, Rev, Seq};
use sluice_core::upgrade::{Change, Event, LockChange, Upgrade};

use super::{State, World};
use crate::ports::{
    Begun, Counted, Fleets, Group, Idempotency, InstanceWrite, Look, Outbox, Page, PortError, PortResult,
    Registry, StoredInstance, StoredResponse, StoredSecret, TroubledList, Upgrades,
};

/// How long a claim on an Idempotency-Key holds without an answer.
const CLAIM: SignedDuration = SignedDuration::from_mins(1);

impl Upgrades for World {
    async fn upgrade(&self, id: UpgradeId) -> PortResult<Option<Upgrade>> {
        self.call("reading an upgrade", |s| Ok(s.upgrades.get(&id).cloned()))
    }

    async fn plan(&self, id: UpgradeId) -> PortResult<Option<Plan>> {
        self.call("reading a plan", |s| Ok(s.plans.get(&id).cloned()))
    }

    async fn create(&self, change: &Change, plan: &Plan) -> PortResult<()> {
        self.call("creating an upgrade", |s| {
            write(s, change)?;
            s.plans.insert(change.upgrade.upgrade_id, plan.clone());
            Ok(())
        })
    }

    async fn commit(&self, change: &Change) -> PortResult<()> {
        self.call("changing an upgrade", |s| write(s, change))
    }

    async fn commit_with_plan(&self, change: &Change, plan: &Plan) -> PortResult<()> {
        self.call("changing a plan", |s| {
            write(s, change)?;
            s.plans.insert(change.upgrade.upgrade_id, plan.clone());
            Ok(())
        })
    }

    async fn channel(&self, fleet: &FleetKey) -> PortResult<Option<Channel>> {
        self.call("reading a channel", |s| Ok(s.channels.get(fleet).cloned()))
    }

    async fn active(&self, tenant: &TenantId, component: ComponentId) -> PortResult<Option<UpgradeId>> {
        self.call("reading a lock", |s| {
            Ok(s.locks.get(&(tenant.clone(), component)).copied())
        })
    }

    async fn upgrades(
        &self,
        tenant: &TenantId,
        limit: u32,
        cursor: Option<&str>,
    ) -> PortResult<Page<Upgrade>> {
        self.call("listing upgrades", |s| {
            let mut items: Vec<_> = s
                .upgrades
                .values()
                .filter(|u| u.fleet.tenant_id == *tenant)
                .cloned()
                .collect();
            items.sort_by_key(|u| std::cmp::Reverse((u.created_at, u.upgrade_id)));
            let skip = cursor.and_then(|c| c.parse::<usize>().ok()).unwrap_or(0);
            let end = skip + limit as usize;
            let next = (items.len() > end).then(|| end.to_string());
            Ok(Page {
                items: items.into_iter().skip(skip).take(limit as usize).collect(),
                next,
            })
        })
    }

    async fn open(&self) -> PortResult<Vec<UpgradeId>> {
        self.call("listing open upgrades", |s| {
            let open = s.upgrades.values();
            let open = open.filter(|u| u.clocks.t5_record_complete.is_none());
            Ok(open.map(|u| u.upgrade_id).collect())
        })
    }

    async fn counts(&self, group: Group) -> PortResult<Counts> {
        self.call("counting reports", |s| {
            Ok(s.counts.get(&group).copied().unwrap_or_default())
        })
    }

    async fn failed(&self, group: Group) -> PortResult<Vec<Failed>> {
        self.call("reading failures", |s| {
            Ok(s.failed.get(&group).cloned().unwrap_or_default())
        })
    }

    async fn stops(&self) -> PortResult<Vec<Stop>> {
        self.call("reading stops", |s| Ok(s.stops.values().cloned().collect()))
    }

    async fn put_stop(&self, stop: &Stop) -> PortResult<()> {
        self.call("setting a stop", |s| {
            if s.stops.contains_key(&stop.covers) {
                return Err(PortError::conflict("setting a stop"));
            }
            s.stops.insert(stop.covers.clone(), stop.clone());
            Ok(())
        })
    }

    async fn remove_stop(&self, covers: &Covers) -> PortResult<()> {
        self.call("lifting a stop", |s| {
            s.stops.remove(covers);
            Ok(())
        })
    }

    async fn look(&self, id: UpgradeId) -> PortResult<Option<Look>> {
        self.call("reading a look", |s| Ok(s.looks.get(&id).cloned()))
    }

    async fn put_look(&self, id: UpgradeId, look: &Look) -> PortResult<()> {
        self.call("keeping a look", |s| {
            let newest = s.looks.entry(id).or_insert_with(|| look.clone());
            if newest.at <= look.at {
                *newest = look.clone();
            }
            Ok(())
        })
    }
}

/// Writes a change when all its conditions hold, and nothing otherwise.
fn write(s: &mut State, change: &Change) -> PortResult<()> {
    let id = change.upgrade.upgrade_id;
    let doing = "changing an upgrade";
    let events = s.events.entry(id).or_default();
    if events.iter().any(|e| e.hash == change.event.hash) {
        return Ok(());
    }
    let stored_seq = s.upgrades.get(&id).map_or(Seq(0), |u| u.seq);
    let lock = (
        change.upgrade.fleet.tenant_id.clone(),
        change.upgrade.fleet.component_id,
    );
    let holder = s.locks.get(&lock).copied();
    let stored_rev = change
        .channel
        .as_ref()
        .map(|c| s.channels.get(&c.fleet).map_or(Rev(0), |c| c.rev));
    let fits = stored_seq.next() == change.upgrade.seq
        && change.channel.as_ref().map(|c| c.rev) == stored_rev.map(Rev::next)
        && (change.lock != LockChange::Take || holder.is_none_or(|h| h == id));
    if !fits {
        return Err(PortError::conflict(doing));
    }
    events.push(change.event.clone());
    s.changes.push(change.clone());
    s.upgrades.insert(id, change.upgrade.clone());
    if let Some(channel) = &change.channel {
        s.channels.insert(channel.fleet.clone(), channel.clone());
    }
    match change.lock {
        LockChange::Take => _ = s.locks.insert(lock, id),
        LockChange::Release if holder == Some(id) => _ = s.locks.remove(&lock),
        _ => {}
    }
    Ok(())
}

impl Fleets for World {
    async fn fleet(&self, key: &FleetKey) -> PortResult<Option<Fleet>> {
        self.call("reading a fleet", |s| Ok(s.fleets.get(key).cloned()))
    }

    async fn put_fleet(&self, fleet: &Fleet) -> PortResult<()> {
        self.call("declaring a fleet", |s| {
            s.fleets.insert(fleet.key.clone(), fleet.clone());
            Ok(())
        })
    }

    async fn instance(&self, fleet: &FleetKey, ordinal: Ordinal) -> PortResult<Option<StoredInstance>> {
        self.call("reading an instance", |s| {
            Ok(s.instances.get(fleet).and_then(|i| i.get(&ordinal)).cloned())
        })
    }

    async fn put_instance(&self, fleet: &FleetKey, write: &InstanceWrite) -> PortResult<()> {
        self.call("writing an instance", |s| {
            let instances = s.instances.entry(fleet.clone()).or_default();
            let ordinal = write.instance.ordinal;
            let stored = instances.get(&ordinal).map(|i| i.rev);
            if stored != write.replaces {
                return Err(PortError::conflict("writing an instance"));
            }
            let rev = stored.unwrap_or_default().next();
            instances.insert(
                ordinal,
                StoredInstance {
                    instance: write.instance.clone(),
                    rev,
                    credentials: write.credentials.clone(),
                },
            );
            let troubles = s.troubles.entry(fleet.clone()).or_default();
            match write.trouble {
                Some(trouble) => _ = troubles.insert(ordinal, trouble),
                None => _ = troubles.remove(&ordinal),
            }
            if let Some((group, counted)) = write.count {
                let counts = s.counts.entry(group).or_default();
                match counted {
                    Counted::Completed => counts.completed += 1,
                    Counted::Failed(one) => {
                        counts.failed += 1;
                        s.failed.entry(group).or_default().extend(one);
                    }
                }
            }
            Ok(())
        })
    }

    async fn enrolment_secret(&self, fleet: &FleetKey) -> PortResult<Option<StoredSecret>> {
        self.call("reading an enrolment secret", |s| {
            Ok(s.enrolment_secrets.get(fleet).cloned())
        })
    }

    async fn put_enrolment_secret(
        &self,
        fleet: &FleetKey,
        hash: &SecretHash,
        replaces: Option<Rev>,
    ) -> PortResult<()> {
        self.call("replacing an enrolment secret", |s| {
            if s.enrolment_secrets.get(fleet).map(|stored| stored.rev) != replaces {
                return Err(PortError::conflict("replacing an enrolment secret"));
            }
            let secret = StoredSecret {
                hash: hash.clone(),
                rev: replaces.unwrap_or_default().next(),
            };
            s.enrolment_secrets.insert(fleet.clone(), secret);
            Ok(())
        })
    }

    async fn troubled(&self, fleet: &FleetKey, seen_before: Timestamp) -> PortResult<TroubledList> {
        self.call("listing troubled instances", |s| {
            let stored = s.instances.get(fleet).into_iter().flatten();
            let instances = stored.filter_map(|(ordinal, stored)| {
                let said = s.troubles.get(fleet).and_then(|t| t.get(ordinal)).copied();
                let silent = (stored.instance.seen_at < seen_before).then_some(Trouble::Silent);
                Some(Troubled {
                    ordinal: *ordinal,
                    trouble: said.or(silent)?,
                    settled_in: stored.instance.settled_in,
                })
            });
            Ok(TroubledList {
                instances: instances.collect(),
                complete: true,
            })
        })
    }

    async fn some_instances(&self, fleet: &FleetKey, ordinals: &[Ordinal]) -> PortResult<Vec<Instance>> {
        self.call("reading some instances", |s| {
            let stored = s.instances.get(fleet);
            let some = ordinals.iter().filter_map(|o| stored?.get(o));
            Ok(some.map(|i| i.instance.clone()).collect())
        })
    }

    async fn counted(&self, fleet: &FleetKey) -> PortResult<Vec<Instance>> {
        self.instances(fleet).await
    }

    async fn instances(&self, fleet: &FleetKey) -> PortResult<Vec<Instance>> {
        self.call("listing instances", |s| {
            let stored = s.instances.get(fleet).into_iter().flat_map(|i| i.values());
            Ok(stored.map(|i| i.instance.clone()).collect())
        })
    }
}

impl Registry for World {
    async fn release(
        &self,
        tenant: &TenantId,
        component: ComponentId,
        version: VersionId,
    ) -> PortResult<Option<Release>> {
        let key = (tenant.clone(), component);
        self.call("reading a release", |s| {
            Ok(s.releases.get(&key).and_then(|r| r.get(&version)).cloned())
        })
    }

    async fn component_of(&self, tenant: &TenantId, version: VersionId) -> PortResult<Option<ComponentId>> {
        self.call("reading a version", |s| {
            let owner = s
                .releases
                .iter()
                .find(|((t, _), releases)| t == tenant && releases.contains_key(&version));
            Ok(owner.map(|((_, component), _)| *component))
        })
    }

    async fn releases(&self, tenant: &TenantId, component: ComponentId) -> PortResult<Vec<Release>> {
        let key = (tenant.clone(), component);
        self.call("listing releases", |s| {
            Ok(s.releases
                .get(&key)
                .into_iter()
                .flat_map(|r| r.values())
                .cloned()
                .collect())
        })
    }

    async fn put_release(&self, tenant: &TenantId, release: &Release) -> PortResult<()> {
        self.call("registering a release", |s| {
            let conflict = PortError::conflict("registering a release");
            let version = release.version_id;
            for ((owner, component), releases) in &s.releases {
                let Some(stored) = releases.get(&version).filter(|_| owner == tenant) else {
                    continue;
                };
                let same = Release {
                    lifecycle_state: stored.lifecycle_state,
                    ..release.clone()
                } == *stored;
                if *component != release.component_id || !same {
                    return Err(conflict);
                }
            }
            let key = (tenant.clone(), release.component_id);
            s.releases
                .entry(key)
                .or_default()
                .insert(version, release.clone());
            Ok(())
        })
    }

    async fn signing_key(&self, tenant: &TenantId, key: &KeyId) -> PortResult<Option<String>> {
        let name = (tenant.clone(), key.clone());
        self.call("reading a key", |s| Ok(s.keys.get(&name).cloned()))
    }

    async fn put_signing_key(&self, tenant: &TenantId, key: &KeyId, public_key_pem: &str) -> PortResult<()> {
        let name = (tenant.clone(), key.clone());
        self.call("trusting a key", |s| {
            let stored = s.keys.entry(name).or_insert_with(|| public_key_pem.to_owned());
            if stored == public_key_pem {
                Ok(())
            } else {
                Err(PortError::conflict("trusting a key"))
            }
        })
    }
}

impl Outbox for World {
    async fn events(&self, id: UpgradeId, after: Seq, limit: u32) -> PortResult<Vec<Event>> {
        self.call("reading events", |s| {
            let events = s.events.get(&id).into_iter().flatten().filter(|e| e.seq > after);
            Ok(events.take(limit as usize).cloned().collect())
        })
    }

    async fn cursor(&self, id: UpgradeId) -> PortResult<Seq> {
        self.call("reading a cursor", |s| {
            Ok(s.cursors.get(&id).copied().unwrap_or_default())
        })
    }

    async fn move_cursor(&self, id: UpgradeId, from: Seq, to: Seq) -> PortResult<()> {
        self.call("moving a cursor", |s| {
            let stored = s.cursors.entry(id).or_default();
            if *stored != from {
                return Err(PortError::conflict("moving a cursor"));
            }
            *stored = to;
            Ok(())
        })
    }
}

impl Idempotency for World {
    async fn begin(
        &self,
        tenant: &TenantId,
        key: &str,
        fingerprint: &str,
        now: Timestamp,
    ) -> PortResult<Begun> {
        let name = (tenant.clone(), key.to_owned());
        self.call("claiming a key", |s| {
            let begun = match s.responses.get(&name) {
                Some((stored, ..)) if stored != fingerprint => Begun::Differs,
                Some((.., Some(response))) => Begun::Answered(response.clone()),
                Some((_, claimed_at, None)) if now.duration_since(*claimed_at) < CLAIM => Begun::Running,
                _ => Begun::Fresh,
            };
            if begun == Begun::Fresh {
                s.responses.insert(name, (fingerprint.to_owned(), now, None));
            }
            Ok(begun)
        })
    }

    async fn finish(&self, tenant: &TenantId, key: &str, response: &StoredResponse) -> PortResult<()> {
        let name = (tenant.clone(), key.to_owned());
        self.call("keeping an answer", |s| {
            let kept = s
                .responses
                .get_mut(&name)
                .map(|entry| entry.2.get_or_insert_with(|| response.clone()));
            if kept.is_some_and(|kept| kept == response) {
                Ok(())
            } else {
                Err(PortError::conflict("keeping an answer"))
            }
        })
    }
}
