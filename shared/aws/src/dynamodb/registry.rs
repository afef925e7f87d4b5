//! Releases and the keys that may sign them.

use sluice_app::ports::{PortResult, Registry};
use sluice_core::audit;
use sluice_core::ids::{ComponentId, KeyId, TenantId, VersionId};
use sluice_core::release::{LifecycleState, Release};

use super::Table;
use super::call::Query;
use super::condition::Expression;
use super::item::{Item, read_doc, read_text};
use super::keys::Key;
use super::transaction::Write;
use crate::error::unavailable;

impl Registry for Table {
    async fn release(
        &self,
        tenant: &TenantId,
        component: ComponentId,
        version: VersionId,
    ) -> PortResult<Option<Release>> {
        let key = Key::release(tenant, component, version);
        let item = self.get("reading a release", key).await?;
        item.as_ref().map(read_doc).transpose()
    }

    async fn component_of(&self, tenant: &TenantId, version: VersionId) -> PortResult<Option<ComponentId>> {
        const DOING: &str = "reading a version's owner";
        let Some(item) = self.get(DOING, Key::version(tenant, version)).await? else {
            return Ok(None);
        };
        let component = read_text(&item, "component_id")?.parse();
        component
            .map(Some)
            .map_err(|_| unavailable(DOING, "the owner is no component"))
    }

    async fn releases(&self, tenant: &TenantId, component: ComponentId) -> PortResult<Vec<Release>> {
        let query = Query::beginning(Key::releases(tenant, component));
        let items = self.query("listing releases", &query).await?;
        items.iter().map(read_doc).collect()
    }

    async fn put_release(&self, tenant: &TenantId, release: &Release) -> PortResult<()> {
        let (component, version) = (release.component_id, release.version_id);
        let fixed = fixed(release);
        let item = Item::new(Key::release(tenant, component, version))
            .text("fixed", &fixed)
            .doc(release)?;
        let owner = Item::new(Key::version(tenant, version)).text("component_id", component.to_string());
        let same = Expression::new("attribute_not_exists(#pk) OR #fixed = :fixed").text("fixed", fixed);
        let own = Expression::new("attribute_not_exists(#pk) OR #component_id = :component");
        let writes = [
            Write::Put(item, same),
            Write::Put(owner, own.text("component", component.to_string())),
        ];
        Ok(self.transact("registering a release", &writes, None).await?)
    }

    async fn signing_key(&self, tenant: &TenantId, key: &KeyId) -> PortResult<Option<String>> {
        let item = self
            .get("reading a signing key", Key::signing_key(tenant, key))
            .await?;
        item.as_ref()
            .map(|i| read_text(i, "pem").map(str::to_owned))
            .transpose()
    }

    async fn put_signing_key(&self, tenant: &TenantId, key: &KeyId, public_key_pem: &str) -> PortResult<()> {
        let item = Item::new(Key::signing_key(tenant, key)).text("pem", public_key_pem);
        let same = Expression::new("attribute_not_exists(#pk) OR #pem = :pem").text("pem", public_key_pem);
        self.put("trusting a signing key", item, Some(&same)).await
    }
}

/// A digest of everything that the first registration fixes: all but the lifecycle state.
fn fixed(release: &Release) -> String {
    audit::digest(&Release {
        lifecycle_state: LifecycleState::Draft,
        ..release.clone()
    })
}
