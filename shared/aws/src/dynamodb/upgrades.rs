//! Upgrades, their plans, channels, counters and lock.

use sluice_app::ports::{Group, Look, Page, PortError, PortErrorKind, PortResult, Upgrades};
use sluice_core::channel::Channel;
use sluice_core::ids::{ComponentId, FleetKey, TenantId, UpgradeId};
use sluice_core::plan::Plan;
use sluice_core::probe::{Counts, Failed};
use sluice_core::stop::{Covers, Stop};
use sluice_core::upgrade::{Change, Event, LockChange, Upgrade};

use super::Table;
use super::call::{Query, held};
use super::condition::Expression;
use super::item::{Attributes, Item, read_count, read_doc, read_failed, read_text};
use super::keys::{
    Key, OPEN_PARTITION, STOPS_PARTITION, UPGRADE_PLACES, tenant_partition, upgrade_of, upgrade_place,
};
use super::lock::lock_write;
use super::transaction::{Cancelled, Write};
use crate::error::unavailable;

const CREATING: &str = "creating an upgrade";
const COMMITTING: &str = "committing a change";

impl Upgrades for Table {
    async fn upgrade(&self, id: UpgradeId) -> PortResult<Option<Upgrade>> {
        let item = self.get("reading an upgrade", Key::upgrade(id)).await?;
        item.as_ref().map(read_doc).transpose()
    }

    async fn plan(&self, id: UpgradeId) -> PortResult<Option<Plan>> {
        let item = self.get("reading a plan", Key::plan(id)).await?;
        item.as_ref().map(read_doc).transpose()
    }

    async fn create(&self, change: &Change, plan: &Plan) -> PortResult<()> {
        let id = change.upgrade.upgrade_id;
        let mut writes = vec![
            Write::Put(upgrade_item(&change.upgrade)?, Expression::absent()),
            Write::Put(Item::new(Key::plan(id)).doc(plan)?, Expression::absent()),
            Write::Put(event_item(&change.event)?, Expression::absent()),
        ];
        writes.extend(lock_write(change));
        let written = self
            .transact(CREATING, &writes, Some(&token(&change.event, 'c')))
            .await;
        self.settle(&change.event, written).await
    }

    async fn commit(&self, change: &Change) -> PortResult<()> {
        let mut writes = vec![
            Write::Put(
                upgrade_item(&change.upgrade)?,
                follows("#seq = :before", change.upgrade.seq.0),
            ),
            Write::Put(event_item(&change.event)?, Expression::absent()),
        ];
        if let Some(channel) = &change.channel {
            writes.push(channel_write(channel)?);
        }
        let lock = lock_write(change);
        let lock_at = writes.len();
        writes.extend(lock);
        let written = self
            .transact(COMMITTING, &writes, Some(&token(&change.event, 'l')))
            .await;
        let written = match written {
            Err(cancelled)
                if change.lock == LockChange::Release && cancelled.failed_conditions == [lock_at] =>
            {
                // The lock is another upgrade's. That must not be, and yet it must not keep this one from its end for
                // ever: it has nothing to give back, so the rest is written and the other's lock is left alone.
                tracing::error!(
                    tenant_id = %change.upgrade.fleet.tenant_id,
                    component_id = %change.upgrade.fleet.component_id,
                    upgrade_id = %change.upgrade.upgrade_id,
                    "an upgrade ends and finds its lock in another's hands"
                );
                writes.truncate(lock_at);
                self.transact(COMMITTING, &writes, Some(&token(&change.event, 'n')))
                    .await
            }
            other => other,
        };
        self.settle(&change.event, written).await
    }

    async fn commit_with_plan(&self, change: &Change, plan: &Plan) -> PortResult<()> {
        let id = change.upgrade.upgrade_id;
        let mut writes = vec![
            Write::Put(
                upgrade_item(&change.upgrade)?,
                follows("#seq = :before", change.upgrade.seq.0),
            ),
            Write::Put(event_item(&change.event)?, Expression::absent()),
            Write::Put(
                Item::new(Key::plan(id)).doc(plan)?,
                Expression::new("attribute_exists(#pk)"),
            ),
        ];
        if let Some(channel) = &change.channel {
            writes.push(channel_write(channel)?);
        }
        let written = self
            .transact("changing a plan", &writes, Some(&token(&change.event, 'p')))
            .await;
        self.settle(&change.event, written).await
    }

    async fn channel(&self, fleet: &FleetKey) -> PortResult<Option<Channel>> {
        let item = self.get("reading a channel", Key::channel(fleet)).await?;
        item.as_ref().map(read_doc).transpose()
    }

    async fn active(&self, tenant: &TenantId, component: ComponentId) -> PortResult<Option<UpgradeId>> {
        const DOING: &str = "reading a lock";
        let Some(item) = self.get(DOING, Key::lock(tenant, component)).await? else {
            return Ok(None);
        };
        let id = read_text(&item, "upgrade_id")?.parse();
        id.map(Some)
            .map_err(|_| unavailable(DOING, "the lock names no upgrade"))
    }

    async fn upgrades(
        &self,
        tenant: &TenantId,
        limit: u32,
        cursor: Option<&str>,
    ) -> PortResult<Page<Upgrade>> {
        // A cursor is a place in the index. It only bounds the list within the tenant, so any text is harmless.
        let before = cursor.map_or_else(|| "UPG$".to_owned(), |c| format!("{UPGRADE_PLACES}{c}"));
        // Two more than asked: the cursor's own place is included, and one beyond tells whether there is a next page.
        let query = Query::newest(
            tenant_partition(tenant),
            UPGRADE_PLACES,
            before,
            limit.saturating_add(2),
        );
        let found = self.query("listing upgrades", &query).await?;
        let found = found.iter().map(read_doc).collect::<PortResult<Vec<Upgrade>>>()?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut items: Vec<_> = found
            .into_iter()
            .filter(|u| Some(place(u).as_str()) != cursor)
            .collect();
        let more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| more).map(place);
        Ok(Page { items, next })
    }

    async fn open(&self) -> PortResult<Vec<UpgradeId>> {
        const DOING: &str = "listing open upgrades";
        let items = self.query(DOING, &Query::open()).await?;
        let id = |item: &Attributes| {
            let id = upgrade_of(read_text(item, "pk")?);
            id.ok_or_else(|| unavailable(DOING, "an item of the index is no upgrade"))
        };
        items.iter().map(id).collect()
    }

    async fn counts(&self, group: Group) -> PortResult<Counts> {
        let shards = self
            .query("reading counters", &Query::beginning(Key::counters(group)))
            .await?;
        shards.iter().try_fold(Counts::default(), |sum, shard| {
            Ok(Counts {
                completed: sum.completed.saturating_add(read_count(shard, "completed")?),
                failed: sum.failed.saturating_add(read_count(shard, "failed")?),
            })
        })
    }

    async fn failed(&self, group: Group) -> PortResult<Vec<Failed>> {
        let shards = self
            .query("reading failures", &Query::beginning(Key::counters(group)))
            .await?;
        let shards = shards.iter().map(read_failed).collect::<PortResult<Vec<_>>>()?;
        Ok(shards.into_iter().flatten().collect())
    }

    async fn stops(&self) -> PortResult<Vec<Stop>> {
        let items = self
            .query("reading stops", &Query::partition(STOPS_PARTITION))
            .await?;
        items.iter().map(read_doc).collect()
    }

    async fn put_stop(&self, stop: &Stop) -> PortResult<()> {
        let item = Item::new(Key::stop(&stop.covers)).doc(stop)?;
        self.put("setting a stop", item, Some(&Expression::absent()))
            .await
    }

    async fn remove_stop(&self, covers: &Covers) -> PortResult<()> {
        let gone = Write::Delete(
            Key::stop(covers),
            Expression::new("attribute_not_exists(#pk) OR attribute_exists(#pk)"),
        );
        Ok(self.transact("lifting a stop", &[gone], None).await?)
    }

    async fn look(&self, id: UpgradeId) -> PortResult<Option<Look>> {
        let item = self.get("reading a look", Key::look(id)).await?;
        item.as_ref().map(read_doc).transpose()
    }

    async fn put_look(&self, id: UpgradeId, look: &Look) -> PortResult<()> {
        let at_ms = look.at.as_millisecond();
        let item = Item::new(Key::look(id)).number("at_ms", at_ms).doc(look)?;
        let newer = Expression::new("attribute_not_exists(#pk) OR #at_ms <= :at_ms").number("at_ms", at_ms);
        // When a newer one is there already, this one is of no more use.
        held(self.put("remembering a look", item, Some(&newer)).await).map(|_| ())
    }
}

impl Table {
    /// Tells whether a change is stored, after all that may have happened to the answer: the event of its number has
    /// its hash exactly when it is.
    async fn settle(&self, event: &Event, written: Result<(), Cancelled>) -> PortResult<()> {
        let Err(Cancelled { error, .. }) = written else {
            return Ok(());
        };
        let key = Key::event(event.upgrade_id, event.seq);
        let stored = match self.get("looking for an event", key).await {
            Ok(item) => item.as_ref().map(read_doc::<Event>).transpose()?,
            // A conflict that may be the own earlier write is not a conflict yet: the caller may ask again.
            Err(unknown) if error.kind == PortErrorKind::Conflict => return Err(unknown),
            Err(_) => return Err(error),
        };
        match stored {
            Some(stored) if stored.hash == event.hash => Ok(()),
            // Whatever became of the call: the place is taken, and this change can never be made.
            Some(_) => Err(PortError::conflict(error.doing)),
            None => Err(error),
        }
    }
}

fn upgrade_item(upgrade: &Upgrade) -> PortResult<Item> {
    let item = Item::new(Key::upgrade(upgrade.upgrade_id))
        .number("seq", upgrade.seq)
        .text("gsi1pk", tenant_partition(&upgrade.fleet.tenant_id))
        .text("gsi1sk", upgrade_place(upgrade.created_at, upgrade.upgrade_id));
    let item = match upgrade.clocks.t5_record_complete {
        Some(_) => item,
        None => item
            .text("gsi2pk", OPEN_PARTITION)
            .text("gsi2sk", upgrade.upgrade_id.to_string()),
    };
    item.doc(upgrade)
}

fn event_item(event: &Event) -> PortResult<Item> {
    Item::new(Key::event(event.upgrade_id, event.seq)).doc(event)
}

fn channel_write(channel: &Channel) -> PortResult<Write> {
    let item = Item::new(Key::channel(&channel.fleet))
        .number("rev", channel.rev)
        .doc(channel)?;
    let first = channel.rev.0 <= 1;
    Ok(Write::Put(
        item,
        if first {
            Expression::absent()
        } else {
            follows("#rev = :before", channel.rev.0)
        },
    ))
}

/// The stored number is the one before this one.
fn follows(condition: &'static str, number: u64) -> Expression {
    Expression::new(condition).number("before", number.saturating_sub(1))
}

/// Where the list of upgrades goes on after this one.
fn place(upgrade: &Upgrade) -> String {
    upgrade_place(upgrade.created_at, upgrade.upgrade_id).split_off(UPGRADE_PLACES.len())
}

/// A transaction's token of at most 36 characters: one for each event and form of the transaction, so that a call
/// repeated by the SDK is carried out once.
fn token(event: &Event, form: char) -> String {
    let digits = event.hash.trim_start_matches("sha256:").chars().take(35);
    std::iter::once(form).chain(digits).collect()
}
