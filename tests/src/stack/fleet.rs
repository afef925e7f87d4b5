//! Fleets: their declaration and their instances.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use sluice_agent::config::Secret;
use sluice_agent::swarm::{self, Swarm, SwarmConfig};
use sluice_contract::api::FleetDeclaration;
use sluice_core::fleet::{CheckInTimes, Fleet, MetricSource, Route, Switch};
use sluice_core::ids::FleetKey;
use sluice_core::policy::Approval;
use tokio_util::sync::CancellationToken;

use super::metrics::NAMESPACE;
use super::site::fleet_path;
use super::{Api, Artifact, Options, Site};

/// Check-ins are quick, so that a test is.
const CHECK_IN: CheckInTimes = CheckInTimes {
    idle_ms: 1_000,
    hold_ms: 700,
    fast_ms: 500,
};

/// Declares a fleet with quick check-ins and metrics by the second.
///
/// # Errors
/// When it is refused.
pub async fn declare(api: &Api, fleet: &FleetKey, route: Option<String>) -> Result<()> {
    declare_switching(api, fleet, route, Switch::InPlace).await
}

/// The same with a way of switching.
///
/// # Errors
/// When it is refused.
pub async fn declare_switching(
    api: &Api,
    fleet: &FleetKey,
    route: Option<String>,
    switch: Switch,
) -> Result<()> {
    let declaration = FleetDeclaration {
        route: route.map(|url| Route::HttpEdge { url }),
        metrics: Some(MetricSource {
            period_seconds: 1,
            ..MetricSource::new(NAMESPACE)
        }),
        check_in: CHECK_IN,
        switch,
        approval: Approval::Never,
    };
    let stored: Fleet = api.put(&fleet_path(fleet), &declaration).await?.expect(200)?;
    ensure!(stored.key == *fleet, "another fleet was declared: {}", stored.key);
    Ok(())
}

/// Starts a fleet's instances in this process.
///
/// # Errors
/// When the secret to enrol with or the configuration is refused.
pub(super) async fn swarm(site: &Site, old: &Artifact, options: &Options) -> Result<Swarm> {
    let Site {
        stack, fleet, signer, ..
    } = site;
    let secret = site.enrolment_secret().await?;
    let config = SwarmConfig {
        api_url: stack.api_url().to_owned(),
        enrolment_secret: Secret::new(secret.reveal().to_owned()),
        tenant_id: fleet.tenant_id.clone(),
        component_id: fleet.component_id,
        fleet_id: fleet.fleet_id.clone(),
        prefix: "i".to_owned(),
        count: options.instances,
        first_ordinal: 0,
        failure_domains: vec!["a".to_owned(), "b".to_owned()],
        trusted_keys: BTreeMap::from([(signer.key_id.clone(), signer.public_pem()?)]),
        initial_release: Some(old.release.clone()),
        switch_ms: options.switch_ms,
        spread_ms: 0,
        fail_ordinals: options.failing.clone(),
        fail_version: None,
        request_timeout_ms: 10_000,
    };
    swarm::run(&config, &CancellationToken::new()).context("the instances do not start")
}
