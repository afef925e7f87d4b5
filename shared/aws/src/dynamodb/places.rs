//! Places: one item for each list, which holds the names of all that have one.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use sluice_app::ports::{Holder, Places, PortResult, Taken, Whose};

use super::Table;
use super::call::held;
use super::condition::Expression;
use super::item::{Attributes, read_number};
use super::keys::Key;
use crate::error::{port_error, unavailable};

const READING: &str = "reading places";

impl Places for Table {
    async fn take_place(
        &self,
        whose: &Whose,
        holder: &Holder,
        most: Option<u32>,
        now: Timestamp,
    ) -> PortResult<bool> {
        let set = Expression::new("SET #at_ms = :at_ms ADD #taken :one")
            .number("at_ms", now.as_millisecond())
            .with("one", one(holder));
        let free = most.map(|most| {
            Expression::new(
                "attribute_not_exists(#taken) OR contains(#taken, :holder) OR size(#taken) < :most",
            )
            .text("holder", name(holder))
            .number("most", most)
        });
        held(self.change_places("taking a place", whose, set, free).await)
    }

    async fn give_place_back(&self, whose: &Whose, holder: &Holder) -> PortResult<()> {
        let delete = Expression::new("DELETE #taken :one").with("one", one(holder));
        self.change_places("giving a place back", whose, delete, None)
            .await
    }

    async fn taken_places(&self, whose: &Whose) -> PortResult<Taken> {
        let Some(item) = self.get(READING, Key::places(whose)).await? else {
            return Ok(Taken::default());
        };
        let last_at = match item.contains_key("at_ms") {
            true => Some(moment(read_number(&item, "at_ms")?)?),
            false => None,
        };
        Ok(Taken {
            holders: holders(&item)?,
            last_at,
        })
    }
}

impl Table {
    async fn change_places(
        &self,
        doing: &'static str,
        whose: &Whose,
        change: Expression,
        condition: Option<Expression>,
    ) -> PortResult<()> {
        let mut names = change.names();
        let mut values = change.values().unwrap_or_default();
        if let Some(condition) = &condition {
            names.extend(condition.names());
            values.extend(condition.values().unwrap_or_default());
        }
        let written = self
            .client
            .update_item()
            .table_name(&self.name)
            .set_key(Some(Key::places(whose).attributes()))
            .update_expression(change.expression())
            .set_condition_expression(condition.as_ref().map(Expression::expression))
            .set_expression_attribute_names(Some(names))
            .set_expression_attribute_values(Some(values))
            .send()
            .await;
        written.map(|_| ()).map_err(|e| port_error(doing, &e))
    }
}

fn moment(ms: u64) -> PortResult<Timestamp> {
    let ms = i64::try_from(ms)
        .ok()
        .and_then(|ms| Timestamp::from_millisecond(ms).ok());
    ms.ok_or_else(|| unavailable(READING, "the attribute at_ms is no moment"))
}

/// Names of tenants hold no `/`.
fn name(holder: &Holder) -> String {
    format!("{}/{}", holder.tenant_id, holder.upgrade_id)
}

fn one(holder: &Holder) -> AttributeValue {
    AttributeValue::Ss(vec![name(holder)])
}

/// An empty set is not kept: the attribute is gone with its last name.
fn holders(item: &Attributes) -> PortResult<BTreeSet<Holder>> {
    let names = item.get("taken").and_then(|v| v.as_ss().ok());
    let read = |name: &String| {
        let (tenant, upgrade) = name.split_once('/')?;
        Some(Holder {
            tenant_id: tenant.parse().ok()?,
            upgrade_id: upgrade.parse().ok()?,
        })
    };
    let read: Option<_> = names.into_iter().flatten().map(read).collect();
    read.ok_or_else(|| unavailable(READING, "a place's holder is no upgrade"))
}
