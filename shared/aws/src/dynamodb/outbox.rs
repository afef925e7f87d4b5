//! Events that are to be delivered.

use sluice_app::ports::{Outbox, PortResult};
use sluice_core::ids::UpgradeId;
use sluice_core::units::Seq;
use sluice_core::upgrade::Event;

use super::Table;
use super::call::Query;
use super::condition::Expression;
use super::item::{Item, read_doc, read_number};
use super::keys::Key;

impl Outbox for Table {
    async fn events(&self, id: UpgradeId, after: Seq, limit: u32) -> PortResult<Vec<Event>> {
        let (first, last) = (Key::event(id, after.next()), Key::last_event(id));
        if first.sk > last.sk {
            return Ok(Vec::new());
        }
        let items = self
            .query("reading events", &Query::between(first, last, limit))
            .await?;
        items.iter().map(read_doc).collect()
    }

    async fn cursor(&self, id: UpgradeId) -> PortResult<Seq> {
        let item = self.get("reading a cursor", Key::cursor(id)).await?;
        Ok(Seq(item.as_ref().map_or(Ok(0), |i| read_number(i, "seq"))?))
    }

    async fn move_cursor(&self, id: UpgradeId, from: Seq, to: Seq) -> PortResult<()> {
        let item = Item::new(Key::cursor(id)).number("seq", to);
        let condition = match from {
            Seq(0) => Expression::new("attribute_not_exists(#pk) OR #seq = :from"),
            _ => Expression::new("#seq = :from"),
        };
        self.put("moving a cursor", item, Some(&condition.number("from", from)))
            .await
    }
}
