//! Reads and single writes.

use sluice_app::ports::{PortErrorKind, PortResult};

use super::condition::Expression;
use super::item::{Attributes, Item};
use super::keys::{Key, OPEN_PARTITION};
use super::{BY_TENANT, OPEN, TROUBLED, Table};
use crate::error::{port_error, unavailable};

/// Most pages of one query. A page holds up to 1 MB, so this is far more than any list here can have.
const MAX_PAGES: u32 = 1_000;

/// Where a query looks, and in what order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// In the table: strongly consistent, in the order of the keys.
    Table,
    /// In the table, the last first.
    NewestInTable,
    /// In the index by tenant: the last first, and possibly a second old.
    NewestInIndex,
    /// In the index of open upgrades: possibly a second old.
    Open,
    /// In the index of troubled instances: possibly a second old.
    Troubled,
}

/// A range of items of one partition.
#[derive(Debug)]
pub(super) struct Query {
    key: Expression,
    place: Place,
    /// Most items; none for all.
    limit: Option<u32>,
}

impl Query {
    /// All items of a partition.
    pub(super) fn partition(pk: impl Into<String>) -> Self {
        Self {
            key: Expression::new("#pk = :pk").text("pk", pk),
            place: Place::Table,
            limit: None,
        }
    }

    /// The items whose key begins like this one.
    pub(super) fn beginning(Key { pk, sk }: Key) -> Self {
        let key = Expression::new("#pk = :pk AND begins_with(#sk, :sk)")
            .text("pk", pk)
            .text("sk", sk);
        Self {
            key,
            place: Place::Table,
            limit: None,
        }
    }

    /// The items from one key to another of the same partition, both included; at most `limit`.
    pub(super) fn between(first: Key, last: Key, limit: u32) -> Self {
        let key = Expression::new("#pk = :pk AND #sk BETWEEN :first AND :last")
            .text("pk", first.pk)
            .text("first", first.sk)
            .text("last", last.sk);
        Self {
            key,
            place: Place::Table,
            limit: Some(limit),
        }
    }

    /// The same, the last first.
    pub(super) fn newest_between(first: Key, last: Key, limit: u32) -> Self {
        Self {
            place: Place::NewestInTable,
            ..Self::between(first, last, limit)
        }
    }

    /// All items of the index of open upgrades.
    pub(super) fn open() -> Self {
        Self {
            key: Expression::new("#gsi2pk = :pk").text("pk", OPEN_PARTITION),
            place: Place::Open,
            limit: None,
        }
    }

    /// The items of a partition of the index of troubled instances that come before a place; at most `limit`.
    pub(super) fn troubled(partition: String, before: &str, limit: u32) -> Self {
        let key = Expression::new("#gsi3pk = :pk AND #gsi3sk < :before")
            .text("pk", partition)
            .text("before", before);
        Self {
            key,
            place: Place::Troubled,
            limit: Some(limit),
        }
    }

    /// The last items of the index before a place, that one included; at most `limit`.
    pub(super) fn newest(partition: String, first: &str, last: String, limit: u32) -> Self {
        let key = Expression::new("#gsi1pk = :pk AND #gsi1sk BETWEEN :first AND :last")
            .text("pk", partition)
            .text("first", first)
            .text("last", last);
        Self {
            key,
            place: Place::NewestInIndex,
            limit: Some(limit),
        }
    }
}

/// A page of a query, and where the next one begins.
type QueryPage = (Vec<Attributes>, Option<Attributes>);

impl Table {
    /// Reads one item.
    pub(super) async fn get(&self, doing: &'static str, key: Key) -> PortResult<Option<Attributes>> {
        let call = self
            .client
            .get_item()
            .table_name(&self.name)
            .set_key(Some(key.attributes()));
        let answer = call.consistent_read(true).send().await;
        Ok(answer.map_err(|e| port_error(doing, &e))?.item)
    }

    /// Writes one item, under a condition where there is one.
    pub(super) async fn put(
        &self,
        doing: &'static str,
        item: Item,
        condition: Option<&Expression>,
    ) -> PortResult<()> {
        let answer = self
            .client
            .put_item()
            .table_name(&self.name)
            .set_item(Some(item.into_attributes()))
            .set_condition_expression(condition.map(Expression::expression))
            .set_expression_attribute_names(condition.map(Expression::names))
            .set_expression_attribute_values(condition.and_then(Expression::values))
            .send()
            .await;
        answer.map(|_| ()).map_err(|e| port_error(doing, &e))
    }

    /// Reads a range, in as many pages as it takes.
    pub(super) async fn query(&self, doing: &'static str, query: &Query) -> PortResult<Vec<Attributes>> {
        let limit = query
            .limit
            .map_or(usize::MAX, |l| usize::try_from(l).unwrap_or(usize::MAX));
        let (mut items, mut start) = (Vec::new(), None);
        if limit == 0 {
            return Ok(items);
        }
        for _ in 0..MAX_PAGES {
            let (more, next) = self.page(doing, query, start).await?;
            items.extend(more);
            if next.is_none() || items.len() >= limit {
                items.truncate(limit);
                return Ok(items);
            }
            start = next;
        }
        Err(unavailable(
            doing,
            format!("the list has more than {MAX_PAGES} pages"),
        ))
    }

    async fn page(
        &self,
        doing: &'static str,
        query: &Query,
        start: Option<Attributes>,
    ) -> PortResult<QueryPage> {
        let index = match query.place {
            Place::Table | Place::NewestInTable => None,
            Place::NewestInIndex => Some(BY_TENANT),
            Place::Open => Some(OPEN),
            Place::Troubled => Some(TROUBLED),
        };
        let answer = self
            .client
            .query()
            .table_name(&self.name)
            .set_index_name(index.map(str::to_owned))
            // An index is always a little behind, and refuses to be asked for more.
            .consistent_read(index.is_none())
            .scan_index_forward(!matches!(
                query.place,
                Place::NewestInIndex | Place::NewestInTable
            ))
            .set_limit(query.limit.map(|l| i32::try_from(l).unwrap_or(i32::MAX)))
            .key_condition_expression(query.key.expression())
            .set_expression_attribute_names(Some(query.key.names()))
            .set_expression_attribute_values(query.key.values())
            .set_exclusive_start_key(start)
            .send()
            .await
            .map_err(|e| port_error(doing, &e))?;
        Ok((answer.items.unwrap_or_default(), answer.last_evaluated_key))
    }
}

/// Turns a condition that did not hold into `false`, and leaves every other failure.
pub(super) fn held(result: PortResult<()>) -> PortResult<bool> {
    match result {
        Ok(()) => Ok(true),
        Err(e) if e.kind == PortErrorKind::Conflict => Ok(false),
        Err(e) => Err(e),
    }
}
