//! One fleet of one tenant with its releases, instances and traffic: all that a test is about.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Result, ensure};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use sluice_agent::swarm::Swarm;
use sluice_contract::api::{EventList, InstanceList, UpgradeView};
use sluice_core::fleet::Instance;
use sluice_core::ids::{ComponentId, FleetId, FleetKey, TenantId, UpgradeId};
use sluice_core::report::Report;
use sluice_core::upgrade::Event;
use uuid::Uuid;

use super::fleet::{declare, swarm};
use super::options::{NEW, OLD, USUAL_ERROR_RATE};
use super::{Answer, Api, Artifact, OPERATOR, Options, Signer, Stack, Traffic, eventually};

/// How long a fleet may take until all its instances are registered.
const REGISTERED: Duration = Duration::from_secs(30);

/// How long an upgrade's report may take after its end.
const REPORTED: Duration = Duration::from_secs(30);

/// A fleet that stands ready to be upgraded.
#[derive(Debug)]
pub struct Scenario {
    /// Where it is.
    pub stack: Stack,
    /// An operator of its tenant.
    pub api: Api,
    /// Tenant, component and fleet, which no other test uses.
    pub fleet: FleetKey,
    /// Signs its releases.
    pub signer: Signer,
    /// What it runs.
    pub old: Artifact,
    /// What it is brought to.
    pub new: Artifact,
    /// Its route and metrics.
    pub traffic: Traffic,
    /// Its instances; none when the fleet is empty.
    pub swarm: Swarm,
}

impl Scenario {
    /// Declares everything and waits until all instances are registered and healthy.
    ///
    /// # Errors
    /// When something is refused, or the instances do not come.
    pub async fn start(options: &Options) -> Result<Self> {
        let stack = Stack::open()?;
        let tenant = TenantId::new(format!("t-{}", Uuid::new_v4().simple()))?;
        let component = ComponentId(Uuid::new_v4());
        let api = stack.api("operator", tenant.as_str(), OPERATOR).await?;
        let signer = Signer::generate()?;
        signer.register(&api, &tenant).await?;
        let of = (&tenant, component);
        let old = signer.publish(&stack, &api, of, &OLD.to_string()).await?;
        let new = signer.publish(&stack, &api, of, &NEW.to_string()).await?;
        let fleet = FleetKey {
            tenant_id: tenant,
            component_id: component,
            fleet_id: FleetId::default(),
        };
        let rates = BTreeMap::from([
            (OLD.to_string(), USUAL_ERROR_RATE),
            (NEW.to_string(), options.error_rate),
        ]);
        let traffic = Traffic::start(&stack, &fleet, &OLD.to_string(), rates).await?;
        declare(&api, &fleet, Some(traffic.url())).await?;
        let swarm = swarm(&stack, &fleet, &signer, &old, options).await?;
        let scenario = Self {
            stack,
            api,
            fleet,
            signer,
            old,
            new,
            traffic,
            swarm,
        };
        scenario.registered(options.instances).await?;
        Ok(scenario)
    }

    /// Path of the tenant's upgrades.
    #[must_use]
    pub fn upgrades_path(&self) -> String {
        format!("/registry/tenants/{}/upgrades", self.fleet.tenant_id)
    }

    /// Path of the fleet.
    #[must_use]
    pub fn fleet_path(&self) -> String {
        fleet_path(&self.fleet)
    }

    /// A request for an upgrade to the new version, with quick batches; `more` adds fields or replaces them.
    #[must_use]
    pub fn request(&self, more: &Value) -> Value {
        let mut request = json!({
            "componentId": self.fleet.component_id,
            "fromVersionId": self.old.release.version_id,
            "toVersionId": self.new.release.version_id,
            "batchSize": 4,
            "maxUnavailablePercentage": 50,
            "batchDelaySeconds": 2,
            "healthCheckIntervalSeconds": 1,
        });
        if let (Some(fields), Some(more)) = (request.as_object_mut(), more.as_object()) {
            fields.extend(more.clone());
        }
        request
    }

    /// Plans an upgrade.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn plan(&self, more: &Value) -> Result<UpgradeView> {
        self.api
            .post(&self.upgrades_path(), &self.request(more))
            .await?
            .expect(201)
    }

    /// Plans an upgrade and starts it.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn upgrade(&self, more: &Value) -> Result<UpgradeView> {
        let planned = self.plan(more).await?;
        ensure!(
            planned.status == "PENDING",
            "a planned upgrade is {}",
            planned.status
        );
        self.act(planned.execution_id, "start").await
    }

    /// Has an operator do something to an upgrade.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn act(&self, id: UpgradeId, action: &str) -> Result<UpgradeView> {
        self.api
            .act(&format!("/registry/upgrades/{id}/{action}"))
            .await?
            .expect(202)
    }

    /// An upgrade as it stands.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn view(&self, id: UpgradeId) -> Result<UpgradeView> {
        self.read(&format!("/registry/upgrades/{id}")).await
    }

    /// The events of an upgrade.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn events(&self, id: UpgradeId) -> Result<Vec<Event>> {
        let list: EventList = self.read(&format!("/registry/upgrades/{id}/events")).await?;
        Ok(list.events)
    }

    /// The report of an upgrade that has ended, as JSON and as Markdown.
    ///
    /// # Errors
    /// When it does not come.
    pub async fn report(&self, id: UpgradeId) -> Result<(Report, String)> {
        self.until(id, "the report", REPORTED, |view| view.report_available)
            .await?;
        let report = self
            .read(&format!("/registry/upgrades/{id}/report?format=json"))
            .await?;
        let markdown = self
            .api
            .get(&format!("/registry/upgrades/{id}/report?format=md"))
            .await?;
        ensure!(
            markdown.status == 200 && markdown.media_type == "text/markdown",
            "the report was answered {} with {}",
            markdown.status,
            markdown.media_type
        );
        Ok((report, markdown.body))
    }

    /// Who has the component's lock.
    ///
    /// # Errors
    /// When no answer comes.
    pub async fn active(&self) -> Result<Answer> {
        let FleetKey {
            tenant_id,
            component_id,
            ..
        } = &self.fleet;
        self.api
            .get(&format!(
                "/registry/tenants/{tenant_id}/components/{component_id}/upgrades/active"
            ))
            .await
    }

    /// The fleet's instances as the registry has them.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn instances(&self) -> Result<Vec<Instance>> {
        let list: InstanceList = self.read(&format!("{}/instances", self.fleet_path())).await?;
        Ok(list.instances)
    }

    /// How many instances run a version healthily, as they know it themselves.
    #[must_use]
    pub fn running(&self, artifact: &Artifact) -> usize {
        let wanted = artifact.release.version_id;
        let on =
            |running: &sluice_core::fleet::Running| running.healthy && running.version.version_id == wanted;
        self.swarm
            .view()
            .iter()
            .filter(|i| i.running.as_ref().is_some_and(on))
            .count()
    }

    async fn read<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        self.api.get(path).await?.expect(200)
    }

    async fn registered(&self, count: u32) -> Result<()> {
        eventually("all instances are registered", REGISTERED, async || {
            let instances = self.instances().await?;
            let old = self.old.release.version_id;
            let ready = |i: &&Instance| {
                i.running
                    .as_ref()
                    .is_some_and(|r| r.healthy && r.version.version_id == old)
            };
            let found = instances.iter().filter(ready).count();
            let all = usize::try_from(count)? == found;
            Ok(if all {
                Ok(())
            } else {
                Err(format!("{found} of {count}"))
            })
        })
        .await
    }
}

/// Path of a fleet.
pub(super) fn fleet_path(fleet: &FleetKey) -> String {
    let FleetKey {
        tenant_id,
        component_id,
        fleet_id,
    } = fleet;
    format!("/registry/tenants/{tenant_id}/components/{component_id}/fleets/{fleet_id}")
}
