//! One fleet of one tenant with its releases, instances and traffic: all that a test is about.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use sluice_agent::config::Secret;
use sluice_agent::swarm::{self, Swarm, SwarmConfig};
use sluice_contract::api::{EventList, FleetDeclaration, InstanceList, UpgradeView};
use sluice_core::fleet::{CheckInTimes, Fleet, Instance, MetricSource, Route};
use sluice_core::ids::{ComponentId, FleetId, FleetKey, InstanceId, TenantId, UpgradeId};
use sluice_core::report::Report;
use sluice_core::upgrade::Event;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::options::{NEW, OLD, USUAL_ERROR_RATE};
use super::traffic::NAMESPACE;
use super::{Answer, Api, Artifact, OPERATOR, Options, Signer, Stack, Traffic, eventually};

/// How long a fleet may take until all its instances are registered.
const REGISTERED: Duration = Duration::from_secs(30);

/// How long an upgrade's report may take after its end.
const REPORTED: Duration = Duration::from_secs(30);

/// Check-ins are quick, so that a test is.
const CHECK_IN: CheckInTimes = CheckInTimes {
    idle_ms: 1_000,
    hold_ms: 700,
    fast_ms: 500,
};

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
        let swarm = instances(&stack, &fleet, &signer, &old, options).await?;
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

    /// Waits until an upgrade is as it should be; one that has ended otherwise is not waited for.
    ///
    /// # Errors
    /// With status, hold, gate and last events, when it does not get there.
    pub async fn until(
        &self,
        id: UpgradeId,
        what: &str,
        limit: Duration,
        fits: impl Fn(&UpgradeView) -> bool,
    ) -> Result<UpgradeView> {
        let begun_ended = self.view(id).await?.ended_at;
        let found = eventually(what, limit, async || {
            let view = self.view(id).await?;
            if fits(&view) {
                return Ok(Ok(view));
            }
            if view.ended_at.is_some() && begun_ended.is_none() {
                bail!("never {what}: the upgrade has ended; {}", told(&view));
            }
            Ok(Err(told(&view)))
        });
        match found.await {
            Ok(view) => Ok(view),
            Err(error) => Err(error.context(self.last_events(id).await)),
        }
    }

    async fn last_events(&self, id: UpgradeId) -> String {
        let events = self.events(id).await.unwrap_or_default();
        let last = events.iter().rev().take(6).rev();
        let names: Vec<_> = last
            .map(|e| format!("{} {} ({})", e.at, e.name, e.actor))
            .collect();
        format!(
            "upgrade {id} of {}; last events: {}",
            self.fleet,
            names.join(", ")
        )
    }

    /// Waits until an upgrade has this status.
    ///
    /// # Errors
    /// See [`Self::until`].
    pub async fn until_status(&self, id: UpgradeId, status: &str, limit: Duration) -> Result<UpgradeView> {
        self.until(id, status, limit, |view| view.status == status).await
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

fn told(view: &UpgradeView) -> String {
    let hold = view.hold.as_ref().map_or("no hold", |h| h.sentence.as_str());
    format!(
        "status {}, batch {}, traffic {}, {hold}, gate: {}, failure: {}, rollback: {}",
        view.status,
        view.current_batch,
        view.traffic_percentage,
        view.gate.as_deref().unwrap_or("none"),
        view.failure.as_deref().unwrap_or("none"),
        view.rollback_info.rollback_reason.as_deref().unwrap_or("none"),
    )
}

fn fleet_path(fleet: &FleetKey) -> String {
    let FleetKey {
        tenant_id,
        component_id,
        fleet_id,
    } = fleet;
    format!("/registry/tenants/{tenant_id}/components/{component_id}/fleets/{fleet_id}")
}

/// Declares a fleet with quick check-ins and metrics by the second.
///
/// # Errors
/// When it is refused.
pub async fn declare(api: &Api, fleet: &FleetKey, route: Option<String>) -> Result<()> {
    let declaration = FleetDeclaration {
        route: route.map(|url| Route::HttpEdge { url }),
        metrics: Some(MetricSource {
            namespace: NAMESPACE.to_owned(),
            requests: "Requests".to_owned(),
            errors: "Errors".to_owned(),
            period_seconds: 1,
        }),
        check_in: CHECK_IN,
    };
    let stored: Fleet = api.put(&fleet_path(fleet), &declaration).await?.expect(200)?;
    ensure!(stored.key == *fleet, "another fleet was declared: {}", stored.key);
    Ok(())
}

async fn instances(
    stack: &Stack,
    fleet: &FleetKey,
    signer: &Signer,
    old: &Artifact,
    options: &Options,
) -> Result<Swarm> {
    let tenant = fleet.tenant_id.as_str();
    let mut tokens = BTreeMap::new();
    for ordinal in 0..options.instances {
        let id = InstanceId::new(format!("i-{ordinal:05}"))?;
        let token = stack
            .token_for(id.as_str(), tenant, "fleet:checkin", 3_600)
            .await?;
        tokens.insert(id, Secret::new(token));
    }
    let config = SwarmConfig {
        api_url: stack.api_url().to_owned(),
        token: None,
        tenant_id: fleet.tenant_id.clone(),
        component_id: fleet.component_id,
        fleet_id: fleet.fleet_id.clone(),
        prefix: "i".to_owned(),
        count: options.instances,
        first_ordinal: 0,
        incarnation: Default::default(),
        failure_domains: vec!["a".to_owned(), "b".to_owned()],
        trusted_keys: BTreeMap::from([(signer.key_id.clone(), signer.public_pem()?)]),
        initial_release: Some(old.release.clone()),
        switch_ms: options.switch_ms,
        spread_ms: 0,
        fail_ordinals: options.failing.clone(),
        fail_version: None,
        request_timeout_ms: 10_000,
    };
    swarm::run(&config, &tokens, &CancellationToken::new()).context("the instances do not start")
}
