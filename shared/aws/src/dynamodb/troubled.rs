//! The index of instances with which something is amiss: in front those that say so themselves, behind them all others
//! by the time when they were last seen. Who has been silent for too long is a range of it.

use aws_sdk_dynamodb::types::KeysAndAttributes;
use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use sluice_app::ports::{InstanceWrite, PortError, PortErrorKind, PortResult, TroubledList};
use sluice_core::fleet::Instance;
use sluice_core::ids::FleetKey;
use sluice_core::room::{Trouble, Troubled};
use sluice_core::units::{Epoch, Ordinal};

use super::Table;
use super::call::Query;
use super::item::{Attributes, Item, read_doc, read_text};
use super::keys::{Key, TROUBLED_SHARDS, troubled_partition};
use crate::error::{port_error, unavailable};

const LISTING: &str = "listing troubled instances";
const READING: &str = "reading some instances";

/// Most instances of one shard: more than that and nothing is released anyway.
const LIMIT: u32 = 1_000;

/// Most items of one `BatchGetItem`; the limit of AWS.
const BATCH: usize = 100;

/// Tries for what a batch left unread.
const MAX_TRIES: u32 = 5;

/// Puts an instance into its place in the index.
pub(super) fn placed(item: Item, fleet: &FleetKey, write: &InstanceWrite) -> Item {
    let instance = &write.instance;
    let before = match write.trouble {
        Some(Trouble::Unable) => "0#unable".to_owned(),
        Some(Trouble::Unhealthy) => "0#unhealthy".to_owned(),
        // Nobody says of itself that it is silent.
        Some(Trouble::Silent) | None => seen(instance.seen_at),
    };
    let settled = instance
        .settled_in
        .map_or_else(|| "-".to_owned(), |e| e.to_string());
    item.text("gsi3pk", troubled_partition(fleet, instance.ordinal.0))
        .text("gsi3sk", format!("{before}#{settled}"))
}

/// Fifteen digits keep the order of times and of texts the same.
fn seen(at: Timestamp) -> String {
    format!("1#{:015}", at.as_millisecond().max(0))
}

impl Table {
    pub(super) async fn list_troubled(
        &self,
        fleet: &FleetKey,
        seen_before: Timestamp,
    ) -> PortResult<TroubledList> {
        let before = seen(seen_before);
        let queries = (0..TROUBLED_SHARDS).map(|shard| {
            let query = Query::troubled(troubled_partition(fleet, shard), &before, LIMIT);
            async move { self.query(LISTING, &query).await }
        });
        let shards: Vec<Vec<Attributes>> = stream::iter(queries)
            .buffered(TROUBLED_SHARDS as usize)
            .try_collect()
            .await?;
        let complete = shards.iter().all(|items| items.len() < LIMIT as usize);
        let instances = shards.iter().flatten().map(troubled).collect::<PortResult<_>>()?;
        Ok(TroubledList { instances, complete })
    }

    pub(super) async fn read_some(
        &self,
        fleet: &FleetKey,
        ordinals: &[Ordinal],
    ) -> PortResult<Vec<Instance>> {
        let mut instances = Vec::with_capacity(ordinals.len());
        for some in ordinals.chunks(BATCH) {
            let mut keys: Vec<_> = some
                .iter()
                .map(|o| Key::instance(fleet, *o).attributes())
                .collect();
            for _ in 0..MAX_TRIES {
                let wanted = KeysAndAttributes::builder()
                    .set_keys(Some(keys))
                    .consistent_read(true);
                let wanted = wanted.build().map_err(|e| unavailable(READING, e.to_string()))?;
                let call = self.client.batch_get_item().request_items(&self.name, wanted);
                let mut answer = call.send().await.map_err(|e| port_error(READING, &e))?;
                let found = answer.responses.as_mut().and_then(|r| r.remove(&self.name));
                for item in found.unwrap_or_default() {
                    instances.push(read_doc(&item)?);
                }
                let left = answer
                    .unprocessed_keys
                    .as_mut()
                    .and_then(|u| u.remove(&self.name));
                keys = left.map(|l| l.keys).unwrap_or_default();
                if keys.is_empty() {
                    break;
                }
            }
            if !keys.is_empty() {
                let detail = "a part of them was left unread";
                return Err(PortError::new(PortErrorKind::Throttled, READING, detail));
            }
        }
        Ok(instances)
    }
}

fn troubled(item: &Attributes) -> PortResult<Troubled> {
    let (ordinal, place) = (read_text(item, "sk")?, read_text(item, "gsi3sk")?);
    let read = || {
        let (rest, settled) = place.rsplit_once('#')?;
        let (class, what) = rest.split_once('#')?;
        Some(Troubled {
            ordinal: Ordinal(ordinal.parse().ok()?),
            trouble: match (class, what) {
                ("0", "unable") => Trouble::Unable,
                ("0", "unhealthy") => Trouble::Unhealthy,
                ("1", _) => Trouble::Silent,
                _ => return None,
            },
            settled_in: match settled {
                "-" => None,
                epoch => Some(Epoch(epoch.parse().ok()?)),
            },
        })
    };
    read().ok_or_else(|| unavailable(LISTING, "an instance has no readable place in the index"))
}
