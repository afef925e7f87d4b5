//! Policies: one item for each revision, of which the newest holds.

use sluice_app::ports::{Policies, PortResult};
use sluice_core::policy::kept::{Owner, Revision};
use sluice_core::units::Rev;

use super::Table;
use super::call::Query;
use super::condition::Expression;
use super::item::{Attributes, Item, read_doc, read_text};
use super::keys::Key;

const LISTING: &str = "listing a policy's revisions";

impl Policies for Table {
    async fn policy(&self, owner: &Owner) -> PortResult<Option<Revision>> {
        Ok(self.policy_revisions(owner, None, 1).await?.pop())
    }

    async fn policy_revision(&self, owner: &Owner, revision: Rev) -> PortResult<Option<Revision>> {
        let key = Key::policy(owner, revision);
        // A revision never changes; one that was kept this second may be asked for.
        let item = self.get("reading a policy", key).await?;
        item.as_ref().map(read).transpose()
    }

    async fn policy_revisions(
        &self,
        owner: &Owner,
        before: Option<Rev>,
        limit: u32,
    ) -> PortResult<Vec<Revision>> {
        let last = before.map_or(Rev(u64::MAX), |before| Rev(before.0.saturating_sub(1)));
        let (first, last) = (Key::policy(owner, Rev(1)), Key::policy(owner, last));
        if last.sk < first.sk {
            return Ok(Vec::new());
        }
        let items = self
            .query(LISTING, &Query::newest_between(first, last, limit))
            .await?;
        items.iter().map(read).collect()
    }

    async fn put_policy(&self, revision: &Revision) -> PortResult<()> {
        let bare = Revision {
            text: String::new(),
            ..revision.clone()
        };
        let item = Item::new(Key::policy(&revision.owner, revision.revision))
            .text("yaml", &revision.text)
            .text("hash", &revision.hash)
            .doc(&bare)?;
        let fresh =
            Expression::new("attribute_not_exists(#pk) OR #hash = :hash").text("hash", &revision.hash);
        self.put("keeping a policy", item, Some(&fresh)).await
    }
}

/// The text lies beside the document: inside it each of its quotes and lines would be longer, and an item has an end.
fn read(item: &Attributes) -> PortResult<Revision> {
    let bare: Revision = read_doc(item)?;
    Ok(Revision {
        text: read_text(item, "yaml")?.to_owned(),
        ..bare
    })
}
