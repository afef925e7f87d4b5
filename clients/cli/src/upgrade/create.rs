//! Asks for an upgrade to be planned.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use serde::de::DeserializeOwned;
use serde::de::value::{Error, StrDeserializer};
use serde::{Deserialize as _, Serialize};
use serde_json::{Map, Value};
use sluice_contract::api::{UpgradeRequest, UpgradeView};
use sluice_core::checks::{PreUpgradeCheckWishes, VerifyWishes};
use sluice_core::ids::{ComponentId, FleetId, TenantId, VersionId};
use sluice_core::policy::OnBreaker;
use sluice_core::settings::{Promotion, Strategy};

use super::order;
use crate::api::{Answer, Api};
use crate::failure::Failure;
use crate::input;
use crate::output::Output;

/// The strategies as they are typed.
const STRATEGIES: [&str; 5] = ["rolling", "canary", "blue-green", "recreate", "staged"];

/// What is asked for.
#[derive(Debug, Args)]
pub struct Create {
    /// JSON file with the API's body; options go before its members.
    #[arg(long, value_name = "FILE.json")]
    request: Option<PathBuf>,
    /// Start it at once; then the answer is that of the start.
    #[arg(long)]
    start: bool,
    /// Change nothing, and say what it would be: batches, windows, time, way back, exposure, cost.
    #[arg(long, conflicts_with = "start")]
    pub(super) dry_run: bool,
    /// The body's members.
    #[command(flatten)]
    members: Members,
}

/// The body's members under the API's names; ranges are the API's to judge.
#[derive(Debug, Clone, Args, Serialize)]
#[serde(rename_all = "camelCase")]
struct Members {
    /// What is upgraded.
    #[arg(long = "component", value_name = "UUID", required_unless_present = "request")]
    component_id: Option<ComponentId>,
    /// The version that the fleet runs.
    #[arg(long = "from", value_name = "UUID", required_unless_present = "request")]
    from_version_id: Option<VersionId>,
    /// The version that it is to run.
    #[arg(long = "to", value_name = "UUID", required_unless_present = "request")]
    to_version_id: Option<VersionId>,
    /// Which of the component's fleets [default: default].
    #[arg(long = "fleet")]
    fleet_id: Option<FleetId>,
    /// How many instances the fleet must have [default: as many as it has].
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    total_instances: Option<i64>,
    /// Who asks, to be shown.
    #[arg(long, value_name = "NAME")]
    initiated_by: Option<String>,
    /// Version of something that the component depends on; may be repeated.
    #[arg(long = "installed", value_name = "COMPONENT=VERSION", value_parser = installed)]
    #[serde(serialize_with = "as_map", skip_serializing_if = "Vec::is_empty")]
    installed_components: Vec<(String, String)>,
    /// How the fleet goes [default: rolling].
    #[arg(long, ignore_case = true, value_parser = PossibleValuesParser::new(STRATEGIES).try_map(|s| strategy(&s)))]
    strategy: Option<Strategy>,
    /// Share of the instances in the first canary stage [default: 10].
    #[arg(long, value_name = "PERCENT", allow_negative_numbers = true)]
    canary_percentage: Option<i64>,
    /// Whether a second stage brings the canary to at least 20% [default: true].
    #[arg(long, value_name = "BOOL")]
    canary_second_stage: Option<bool>,
    /// Most instances in one batch [default: 5].
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    batch_size: Option<i64>,
    /// How long a batch is watched before the next one [default: 60].
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true)]
    batch_delay_seconds: Option<i64>,
    /// Time between two looks [default: 30].
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true)]
    health_check_interval_seconds: Option<i64>,
    /// How long an instance may take to report from the new version [default: 300].
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true)]
    health_check_timeout_seconds: Option<i64>,
    /// Most instances that may be unavailable at a time [default: 25].
    #[arg(long, value_name = "PERCENT", allow_negative_numbers = true)]
    max_unavailable_percentage: Option<i64>,
    /// Most instances beyond the fleet's size at a time [default: 0].
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    max_surge: Option<i64>,
    /// Whether failure brings the fleet back by itself [default: the policy's].
    #[arg(long = "auto-rollback", value_name = "BOOL")]
    auto_rollback_enabled: Option<bool>,
    /// Failed instances that end the upgrade [default: 3].
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    failure_threshold: Option<i64>,
    /// Failures in a row that trip the breaker [default: 2].
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    max_consecutive_failures: Option<i64>,
    /// What the breaker does: rollback or ask [default: rollback with automatic rollback, else ask].
    #[arg(long, value_name = "WHAT", value_parser = word::<OnBreaker>)]
    on_breaker: Option<OnBreaker>,
    /// Who says that the canary is good: automatic or manual [default: automatic].
    #[arg(long, value_name = "WHO", value_parser = word::<Promotion>)]
    canary_promotion: Option<Promotion>,
    /// Instances that may be left behind because they never answered [default: 0].
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    unreachable_limit: Option<i64>,
    /// Most instances that a way back makes unavailable at a time, 100 for all at once [default: as forward, at least 25].
    #[arg(long, value_name = "PERCENT", allow_negative_numbers = true)]
    rollback_max_unavailable_percentage: Option<i64>,
    /// What must hold on an instance before it is touched, as in the API's body.
    #[arg(long, value_name = "JSON", value_parser = json::<PreUpgradeCheckWishes>)]
    pre_upgrade_check: Option<PreUpgradeCheckWishes>,
    /// What must hold on an instance once it runs the new version, as in the API's body.
    #[arg(long, value_name = "JSON", value_parser = json::<VerifyWishes>)]
    post_upgrade_verify: Option<VerifyWishes>,
}

fn word<T: DeserializeOwned>(text: &str) -> Result<T, Error> {
    T::deserialize(StrDeserializer::new(text))
}

fn json<T: DeserializeOwned>(text: &str) -> Result<T, serde_json::Error> {
    serde_json::from_str(text)
}

fn installed(text: &str) -> Result<(String, String), &'static str> {
    match text.split_once('=') {
        Some((name, version)) if !name.is_empty() && !version.is_empty() => {
            Ok((name.to_owned(), version.to_owned()))
        }
        _ => Err("accepted: COMPONENT=VERSION"),
    }
}

fn as_map<S: serde::Serializer>(pairs: &[(String, String)], serializer: S) -> Result<S::Ok, S::Error> {
    let map: BTreeMap<_, _> = pairs.iter().map(|(name, version)| (name, version)).collect();
    map.serialize(serializer)
}

fn strategy(text: &str) -> Result<Strategy, Error> {
    let name = text.to_ascii_uppercase().replace('-', "_");
    Strategy::deserialize(StrDeserializer::new(&name))
}

impl Create {
    fn body(&self) -> Result<UpgradeRequest, Failure> {
        let mut members = match &self.request {
            Some(file) => input::object(file)?,
            None => Map::new(),
        };
        let said = serde_json::to_value(&self.members).map_err(|e| Failure::unexpected("the request", e))?;
        if let Value::Object(said) = said {
            members.extend(said.into_iter().filter(|(_, value)| !value.is_null()));
        }
        input::body("the request", members)
    }
}

/// Plans, and starts when that is asked for.
pub async fn create(api: &Api, tenant: &TenantId, said: &Create, out: Output) -> Result<Answer, Failure> {
    let path = format!("/tenants/{tenant}/upgrades");
    let dry_run = [("dryRun", said.dry_run.then(|| "true".to_owned()))];
    let planned = api.post(&path, &dry_run, Some(&said.body()?)).await?;
    if !said.start {
        return Ok(planned);
    }
    let id = planned.parse::<UpgradeView>()?.execution_id;
    order(api, id, "start", None).await.inspect_err(|_| {
        // The plan exists: whoever reads of the failure must learn which one it is.
        out.note(&format!("upgrade {id} is planned, and not known to be started"));
    })
}

#[cfg(test)]
mod tests {
    use sluice_core::checks::{PreCheckKind, VerifyKind};
    use sluice_core::ids::ComponentId;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn every_strategy_is_offered() {
        use Strategy::{BlueGreen, Canary, Recreate, Rolling, Staged};
        let read = STRATEGIES.map(|text| strategy(text).unwrap());
        assert_eq!(read, [Rolling, Canary, BlueGreen, Recreate, Staged]);
    }

    #[test]
    fn every_member_of_the_body_has_an_option() {
        let id = Uuid::from_u128(1);
        let said = Members {
            component_id: Some(ComponentId(id)),
            from_version_id: Some(VersionId(id)),
            to_version_id: Some(VersionId(id)),
            fleet_id: Some(FleetId::default()),
            total_instances: Some(1),
            initiated_by: Some("ann".to_owned()),
            installed_components: vec![("db".to_owned(), "1.0.0".to_owned())],
            strategy: Some(Strategy::Canary),
            canary_percentage: Some(1),
            canary_second_stage: Some(false),
            batch_size: Some(1),
            batch_delay_seconds: Some(1),
            health_check_interval_seconds: Some(1),
            health_check_timeout_seconds: Some(1),
            max_unavailable_percentage: Some(1),
            max_surge: Some(1),
            auto_rollback_enabled: Some(false),
            failure_threshold: Some(1),
            max_consecutive_failures: Some(1),
            on_breaker: Some(OnBreaker::Ask),
            canary_promotion: Some(Promotion::Manual),
            unreachable_limit: Some(1),
            rollback_max_unavailable_percentage: Some(1),
            pre_upgrade_check: json(r#"{"type":"health-check"}"#).ok(),
            post_upgrade_verify: json(r#"{"type":"http","endpoint":"/"}"#).ok(),
        };
        // Written out, so that a new member of the body does not compile until it stands here.
        let body = UpgradeRequest {
            component_id: ComponentId(id),
            from_version_id: VersionId(id),
            to_version_id: VersionId(id),
            fleet_id: FleetId::default(),
            total_instances: Some(1),
            initiated_by: Some("ann".to_owned()),
            installed_components: BTreeMap::from([("db".to_owned(), "1.0.0".to_owned())]),
            strategy: Some(Strategy::Canary),
            canary_percentage: Some(1),
            canary_second_stage: Some(false),
            batch_size: Some(1),
            batch_delay_seconds: Some(1),
            health_check_interval_seconds: Some(1),
            health_check_timeout_seconds: Some(1),
            max_unavailable_percentage: Some(1),
            max_surge: Some(1),
            auto_rollback_enabled: Some(false),
            failure_threshold: Some(1),
            max_consecutive_failures: Some(1),
            on_breaker: Some(OnBreaker::Ask),
            canary_promotion: Some(Promotion::Manual),
            unreachable_limit: Some(1),
            rollback_max_unavailable_percentage: Some(1),
            pre_upgrade_check: Some(PreUpgradeCheckWishes {
                kind: Some(PreCheckKind::HealthCheck),
                ..PreUpgradeCheckWishes::default()
            }),
            post_upgrade_verify: Some(VerifyWishes {
                kind: Some(VerifyKind::Http),
                endpoint: Some("/".to_owned()),
                ..VerifyWishes::default()
            }),
        };
        let read = Create {
            request: None,
            start: false,
            dry_run: false,
            members: said,
        }
        .body()
        .unwrap();
        assert_eq!(read, body);
    }
}
