//! One fleet of one tenant with its releases, instances and traffic: all that a test is about.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};
use sluice_agent::swarm::Swarm;
use sluice_contract::api::UpgradeView;
use sluice_core::fleet::Instance;

use super::fleet::{declare, swarm};
use super::options::{NEW, OLD, USUAL_ERROR_RATE};
use super::{Artifact, Options, Site, Traffic, eventually};

/// How long a fleet may take until all its instances are registered.
const REGISTERED: Duration = Duration::from_secs(30);

/// A fleet that stands ready to be upgraded.
#[derive(Debug)]
pub struct Scenario {
    /// Where it is.
    pub site: Site,
    /// What it runs.
    pub old: Artifact,
    /// What it is brought to.
    pub new: Artifact,
    /// Its route and metrics.
    pub traffic: Traffic,
    /// Its instances; none when the fleet is empty.
    pub swarm: Swarm,
}

impl Deref for Scenario {
    type Target = Site;

    fn deref(&self) -> &Site {
        &self.site
    }
}

impl Scenario {
    /// Declares everything and waits until all instances are registered and healthy.
    ///
    /// # Errors
    /// When something is refused, or the instances do not come.
    pub async fn start(options: &Options) -> Result<Self> {
        let site = Site::new().await?;
        let (old, new) = (OLD.to_string(), NEW.to_string());
        let rates = BTreeMap::from([(old.clone(), USUAL_ERROR_RATE), (new.clone(), options.error_rate)]);
        let traffic = Traffic::start(&site.stack, &site.fleet, &old, rates).await?;
        let (old, new) = (site.publish(&old).await?, site.publish(&new).await?);
        declare(&site.api, &site.fleet, Some(traffic.url())).await?;
        let swarm = swarm(&site, &old, options).await?;
        let scenario = Self {
            site,
            old,
            new,
            traffic,
            swarm,
        };
        scenario.registered(options.instances).await?;
        Ok(scenario)
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
        self.site.begin(&self.request(more)).await
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
