//! Fleets and their instances.

use aws_sdk_dynamodb::types::AttributeValue;
use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use sluice_app::ports::{
    Counted, Fleets, Group, InstanceWrite, PortResult, StoredInstance, StoredSecret, TroubledList,
};
use sluice_core::credential::SecretHash;
use sluice_core::fleet::{Fleet, Instance};
use sluice_core::ids::FleetKey;
use sluice_core::units::{Ordinal, Rev};

use super::call::Query;
use super::condition::Expression;
use super::item::{Attributes, Item, failed_text, read_doc, read_json, read_number, to_json};
use super::keys::{Key, block, block_partition};
use super::transaction::Write;
use super::{Table, troubled};
use crate::error::unavailable;

const WRITING: &str = "writing an instance";
const LISTING: &str = "listing instances";

/// Blocks of instances that are read at the same time. A million instances have 1,000 blocks of 1 MB at most.
const BLOCKS_AT_ONCE: usize = 8;

/// Blocks of 1,000 instances whose counters a look reads: with half an hour of them each takes two pages of 1 MB, and a
/// look may read 20. Larger fleets have their metrics elsewhere.
const MOST_COUNTED_BLOCKS: usize = 7;

impl Fleets for Table {
    async fn fleet(&self, key: &FleetKey) -> PortResult<Option<Fleet>> {
        let item = self.get("reading a fleet", Key::fleet(key)).await?;
        item.as_ref().map(read_doc).transpose()
    }

    async fn put_fleet(&self, fleet: &Fleet) -> PortResult<()> {
        let item = Item::new(Key::fleet(&fleet.key)).doc(fleet)?;
        self.put("declaring a fleet", item, None).await
    }

    async fn instance(&self, fleet: &FleetKey, ordinal: Ordinal) -> PortResult<Option<StoredInstance>> {
        let key = Key::instance(fleet, ordinal);
        let Some(item) = self.get("reading an instance", key).await? else {
            return Ok(None);
        };
        Ok(Some(StoredInstance {
            instance: read_doc(&item)?,
            rev: Rev(read_number(&item, "rev")?),
            credentials: read_json(&item, "credentials")?,
        }))
    }

    async fn put_instance(&self, fleet: &FleetKey, write: &InstanceWrite) -> PortResult<()> {
        let ordinal = write.instance.ordinal;
        let rev = write.replaces.unwrap_or_default().next();
        let mut item = Item::new(Key::instance(fleet, ordinal))
            .number("rev", rev)
            .doc(&write.instance)?;
        item = troubled::placed(item, fleet, write);
        if let Some(credentials) = &write.credentials {
            item = item.text("credentials", to_json(credentials)?);
        }
        let condition = unchanged(write.replaces);
        let mut beside: Vec<_> = write
            .count
            .map(|(group, what)| count(group, what, ordinal))
            .into_iter()
            .collect();
        if write.replaces.is_none() && !self.blocks(fleet).await?.contains(&block(ordinal)) {
            beside.push(add_block(fleet, ordinal));
        }
        if beside.is_empty() {
            return self.put(WRITING, item, Some(&condition)).await;
        }
        let mut writes = vec![Write::Put(item, condition)];
        writes.append(&mut beside);
        Ok(self.transact(WRITING, &writes, None).await?)
    }

    async fn enrolment_secret(&self, fleet: &FleetKey) -> PortResult<Option<StoredSecret>> {
        let doing = "reading an enrolment secret";
        let Some(item) = self.get(doing, Key::enrolment(fleet)).await? else {
            return Ok(None);
        };
        let hash = read_json(&item, "secret")?.ok_or_else(|| unavailable(doing, "it has no hash"))?;
        let rev = Rev(read_number(&item, "rev")?);
        Ok(Some(StoredSecret { hash, rev }))
    }

    async fn put_enrolment_secret(
        &self,
        fleet: &FleetKey,
        hash: &SecretHash,
        replaces: Option<Rev>,
    ) -> PortResult<()> {
        let item = Item::new(Key::enrolment(fleet))
            .text("secret", to_json(hash)?)
            .number("rev", replaces.unwrap_or_default().next());
        self.put("replacing an enrolment secret", item, Some(&unchanged(replaces)))
            .await
    }

    async fn troubled(&self, fleet: &FleetKey, seen_before: Timestamp) -> PortResult<TroubledList> {
        self.list_troubled(fleet, seen_before).await
    }

    async fn some_instances(&self, fleet: &FleetKey, ordinals: &[Ordinal]) -> PortResult<Vec<Instance>> {
        self.read_some(fleet, ordinals).await
    }

    async fn counted(&self, fleet: &FleetKey) -> PortResult<Vec<Instance>> {
        let blocks = self.blocks(fleet).await?;
        let mut instances = Vec::new();
        if blocks.len() > MOST_COUNTED_BLOCKS {
            let detail = format!(
                "the fleet has {} blocks of instances; accepted: {MOST_COUNTED_BLOCKS}",
                blocks.len()
            );
            return Err(unavailable("reading counters", detail));
        }
        for block in blocks {
            instances.extend(self.block(fleet, block).await?);
        }
        Ok(instances)
    }

    async fn instances(&self, fleet: &FleetKey) -> PortResult<Vec<Instance>> {
        let blocks = self.blocks(fleet).await?;
        let pages = stream::iter(blocks)
            .map(|block| self.block(fleet, block))
            .buffered(BLOCKS_AT_ONCE);
        let blocks: Vec<Vec<Instance>> = pages.try_collect().await?;
        Ok(blocks.into_iter().flatten().collect())
    }
}

impl Table {
    /// The blocks in which the fleet has instances, in order.
    async fn blocks(&self, fleet: &FleetKey) -> PortResult<Vec<u32>> {
        let item = self.get("reading a fleet's blocks", Key::blocks(fleet)).await?;
        item.as_ref().map_or_else(|| Ok(Vec::new()), read_blocks)
    }

    async fn block(&self, fleet: &FleetKey, block: u32) -> PortResult<Vec<Instance>> {
        let items = self
            .query(LISTING, &Query::partition(block_partition(fleet, block)))
            .await?;
        items.iter().map(read_doc).collect()
    }
}

/// The item is at this revision; none: it is not there.
fn unchanged(rev: Option<Rev>) -> Expression {
    match rev {
        None => Expression::absent(),
        Some(before) => Expression::new("#rev = :before").number("before", before),
    }
}

fn read_blocks(item: &Attributes) -> PortResult<Vec<u32>> {
    let numbers = item.get("blocks").and_then(|v| v.as_ns().ok());
    let parsed = numbers.and_then(|n| n.iter().map(|b| b.parse().ok()).collect::<Option<Vec<u32>>>());
    let mut blocks =
        parsed.ok_or_else(|| unavailable(LISTING, "the attribute blocks is no set of numbers"))?;
    blocks.sort_unstable();
    Ok(blocks)
}

fn count(group: Group, what: Counted, ordinal: Ordinal) -> Write {
    let addition = match what {
        Counted::Completed => Expression::new("ADD #completed :one"),
        Counted::Failed(None) => Expression::new("ADD #failed :one"),
        Counted::Failed(Some(failed)) => Expression::new("ADD #failed :one, #failures :failure")
            .with("failure", AttributeValue::Ss(vec![failed_text(&failed)])),
    };
    Write::Add(Key::counter(group, ordinal), addition.number("one", 1))
}

/// Only the first instance of a block writes it, so that a fleet that joins at once does not queue up for one item.
fn add_block(fleet: &FleetKey, ordinal: Ordinal) -> Write {
    let set = AttributeValue::Ns(vec![block(ordinal).to_string()]);
    Write::Add(
        Key::blocks(fleet),
        Expression::new("ADD #blocks :block").with("block", set),
    )
}
