//! A tenant's fleet, as its operator sees it.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde::de::DeserializeOwned;
use serde_json::Value;
use sluice_contract::api::{EventList, InstanceList, UpgradeView};
use sluice_contract::enrol::{EnrolAnswer, EnrolRequest, EnrolmentSecret};
use sluice_core::credential::Secret;
use sluice_core::fleet::Instance;
use sluice_core::ids::{ComponentId, FleetId, FleetKey, InstanceId, TenantId, UpgradeId};
use sluice_core::report::Report;
use sluice_core::units::Ordinal;
use sluice_core::upgrade::Event;
use uuid::Uuid;

use super::{Answer, Api, Artifact, OPERATOR, Signer, Stack};

/// How long an upgrade's report may take after its end.
const REPORTED: Duration = Duration::from_secs(30);

/// Where a test's fleet is.
#[derive(Debug)]
pub struct Site {
    /// The stack.
    pub stack: Stack,
    /// An operator of its tenant.
    pub api: Api,
    /// Tenant, component and fleet, which no other test uses.
    pub fleet: FleetKey,
    /// Signs its releases.
    pub signer: Signer,
}

impl Site {
    /// A tenant of its own with a key that it trusts.
    ///
    /// # Errors
    /// When something is refused.
    pub async fn new() -> Result<Self> {
        let stack = Stack::open()?;
        let tenant_id = TenantId::new(format!("t-{}", Uuid::new_v4().simple()))?;
        let api = stack.api("operator", tenant_id.as_str(), OPERATOR).await?;
        let signer = Signer::generate()?;
        signer.register(&api, &tenant_id).await?;
        let fleet = FleetKey {
            tenant_id,
            component_id: ComponentId(Uuid::new_v4()),
            fleet_id: FleetId::default(),
        };
        Ok(Self {
            stack,
            api,
            fleet,
            signer,
        })
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

    /// Registers and uploads a release of a small program.
    ///
    /// # Errors
    /// When the registry or the bucket refuses it.
    pub async fn publish(&self, version: &str) -> Result<Artifact> {
        let of = (&self.fleet.tenant_id, self.fleet.component_id);
        self.signer.publish(&self.stack, &self.api, of, version).await
    }

    /// A new secret for the fleet's machines to enrol with; the one before is void.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn enrolment_secret(&self) -> Result<Secret> {
        let made = self
            .api
            .act(&format!("{}/enrolment-secret", self.fleet_path()))
            .await?;
        let made: EnrolmentSecret = made.expect(201)?;
        Ok(made.enrolment_secret)
    }

    /// Enrols a machine by this name and number.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn enrol(&self, secret: &Secret, name: &str, ordinal: u32) -> Result<EnrolAnswer> {
        let key = self.fleet.clone();
        let request = EnrolRequest {
            contract: sluice_contract::VERSION,
            tenant_id: key.tenant_id,
            component_id: key.component_id,
            fleet_id: key.fleet_id,
            instance_id: InstanceId::new(name)?,
            ordinal: Ordinal(ordinal),
            failure_domain: None,
        };
        let api = self.stack.api_with(Some(secret.reveal().to_owned()));
        api.post("/fleet/enrol", &request).await?.expect(201)
    }

    /// Plans what a request asks for, and starts it.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn begin(&self, request: &Value) -> Result<UpgradeView> {
        let planned = self.api.post(&self.upgrades_path(), request).await?;
        let planned: UpgradeView = planned.expect(201)?;
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

    async fn read<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        self.api.get(path).await?.expect(200)
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
