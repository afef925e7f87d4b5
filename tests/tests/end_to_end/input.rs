//! Requests that make no sense: each is refused with its name and its field, and nothing is stored.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use sluice_contract::api::{ReleaseRegistration, ReleaseView, UpgradeList};
use sluice_contract::problem::{Code, Problem};
use sluice_core::ids::{ComponentId, FleetId, FleetKey, VersionId};
use sluice_core::release::LifecycleState;
use sluice_tests::stack::{Options, Scenario, declare};
use uuid::Uuid;

/// The request is a good one but for these fields, of which `null` takes one away; the answer names the field, in
/// its errors or at the begin of its detail.
type Row = (Value, Code, &'static str);

fn rows() -> Vec<Row> {
    use Code::{EmptyFleet, InstanceCountDiffers, InvalidRequest, NotFound};
    vec![
        (json!({ "colour": "red" }), InvalidRequest, "colour"),
        (json!({ "componentId": null }), InvalidRequest, "componentId"),
        (json!({ "fromVersionId": null }), InvalidRequest, "fromVersionId"),
        (json!({ "toVersionId": null }), InvalidRequest, "toVersionId"),
        (json!({ "componentId": "web" }), InvalidRequest, "componentId"),
        (json!({ "componentId": 7 }), InvalidRequest, "componentId"),
        (json!({ "batchSize": "five" }), InvalidRequest, "batchSize"),
        (json!({ "batchSize": 1.5 }), InvalidRequest, "batchSize"),
        (json!({ "batchSize": 0 }), InvalidRequest, "batchSize"),
        (json!({ "batchSize": -1 }), InvalidRequest, "batchSize"),
        (
            json!({ "autoRollbackEnabled": "yes" }),
            InvalidRequest,
            "autoRollbackEnabled",
        ),
        (
            json!({ "canaryPercentage": 101 }),
            InvalidRequest,
            "canaryPercentage",
        ),
        (
            json!({ "canaryPercentage": -1 }),
            InvalidRequest,
            "canaryPercentage",
        ),
        (
            json!({ "maxUnavailablePercentage": 101 }),
            InvalidRequest,
            "maxUnavailablePercentage",
        ),
        (
            json!({ "maxUnavailablePercentage": 0, "maxSurge": 0 }),
            InvalidRequest,
            "maxUnavailablePercentage",
        ),
        (json!({ "maxSurge": -1 }), InvalidRequest, "maxSurge"),
        (
            json!({ "batchDelaySeconds": -1 }),
            InvalidRequest,
            "batchDelaySeconds",
        ),
        (
            json!({ "healthCheckIntervalSeconds": 0 }),
            InvalidRequest,
            "healthCheckIntervalSeconds",
        ),
        (
            json!({ "healthCheckTimeoutSeconds": 0 }),
            InvalidRequest,
            "healthCheckTimeoutSeconds",
        ),
        (
            json!({ "failureThreshold": 0 }),
            InvalidRequest,
            "failureThreshold",
        ),
        (json!({ "strategy": "STAGED" }), InvalidRequest, "strategy"),
        (json!({ "strategy": "BLUE_GREEN" }), InvalidRequest, "strategy"),
        (json!({ "strategy": "FAST" }), InvalidRequest, "strategy"),
        (json!({ "fleetId": "no fleet" }), InvalidRequest, "fleetId"),
        (json!({ "fleetId": "nowhere" }), NotFound, "fleetId"),
        (json!({ "fleetId": "empty" }), EmptyFleet, "fleetId"),
        (
            json!({ "totalInstances": 3 }),
            InstanceCountDiffers,
            "totalInstances",
        ),
        (
            json!({ "totalInstances": -1 }),
            InstanceCountDiffers,
            "totalInstances",
        ),
        (json!({ "toVersionId": Uuid::new_v4() }), NotFound, "toVersionId"),
        (
            json!({ "fromVersionId": Uuid::new_v4() }),
            NotFound,
            "fromVersionId",
        ),
    ]
}

#[tokio::test]
async fn a_bad_request_is_refused_by_field() -> Result<()> {
    let scenario = Scenario::start(&Options {
        instances: 2,
        ..Options::default()
    })
    .await?;
    let empty = FleetKey {
        fleet_id: FleetId::new("empty")?,
        ..scenario.fleet.clone()
    };
    declare(&scenario.api, &empty, None).await?;
    let same = scenario.old.release.version_id;
    let (foreign, draft, archived) = (
        register(
            &scenario,
            ComponentId(Uuid::new_v4()),
            "1.2.0",
            LifecycleState::Live,
        )
        .await?,
        register(
            &scenario,
            scenario.fleet.component_id,
            "1.3.0",
            LifecycleState::Draft,
        )
        .await?,
        register(
            &scenario,
            scenario.fleet.component_id,
            "0.9.0",
            LifecycleState::Archived,
        )
        .await?,
    );
    let mut rows = rows();
    rows.extend([
        (
            json!({ "toVersionId": same }),
            Code::InvalidRequest,
            "toVersionId",
        ),
        (
            json!({ "toVersionId": foreign }),
            Code::WrongComponent,
            "toVersionId",
        ),
        (
            json!({ "fromVersionId": foreign }),
            Code::WrongComponent,
            "fromVersionId",
        ),
        (
            json!({ "toVersionId": draft }),
            Code::VersionNotUsable,
            "toVersionId",
        ),
        (
            json!({ "fromVersionId": archived }),
            Code::VersionNotUsable,
            "fromVersionId",
        ),
    ]);
    for (fields, code, field) in rows {
        let answer = scenario
            .api
            .post(
                &scenario.upgrades_path(),
                &without_nulls(scenario.request(&fields)),
            )
            .await?;
        let named = answer.refused(code).and_then(|problem| names(&problem, field));
        named.with_context(|| fields.to_string())?;
    }
    nothing_is_stored(&scenario).await
}

#[tokio::test]
async fn what_is_no_request_is_refused() -> Result<()> {
    let scenario = Scenario::start(&Options {
        instances: 1,
        ..Options::default()
    })
    .await?;
    let path = scenario.upgrades_path();
    for body in ["", "{", "[]", "null", "\"text\"", "{} {}", "\u{feff}{}"] {
        let answer = scenario.api.post_text(&path, body.to_owned()).await?;
        answer
            .refused(Code::InvalidRequest)
            .with_context(|| format!("{body:?}"))?;
    }
    let mut large = scenario.request(&json!({})).to_string();
    large.push_str(&" ".repeat(1024 * 1024));
    scenario
        .api
        .post_text(&path, large)
        .await?
        .refused(Code::BodyTooLarge)?;
    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=ten", "limit"),
    ] {
        let answer = scenario.api.get(&format!("{path}?{query}")).await?;
        names(&answer.refused(Code::InvalidRequest)?, field).context(query)?;
    }
    nothing_is_stored(&scenario).await
}

async fn register(
    scenario: &Scenario,
    component: ComponentId,
    version: &str,
    lifecycle_state: LifecycleState,
) -> Result<VersionId> {
    let registration = ReleaseRegistration {
        lifecycle_state,
        ..scenario
            .signer
            .registration(component, version, version.as_bytes())?
    };
    let id = Uuid::new_v4();
    let path = format!(
        "/registry/tenants/{}/components/{component}/releases/{id}",
        scenario.fleet.tenant_id
    );
    let made: ReleaseView = scenario.api.put(&path, &registration).await?.expect(200)?;
    Ok(made.release.version_id)
}

fn without_nulls(mut request: Value) -> Value {
    if let Some(fields) = request.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    request
}

/// Checks that a problem is about this field and no other.
pub fn names(problem: &Problem, field: &str) -> Result<()> {
    let in_errors = problem.errors.iter().map(|e| e.field.as_str()).eq([field]);
    let in_detail = problem.errors.is_empty() && problem.detail.starts_with(&format!("{field}: "));
    ensure!(in_errors || in_detail, "{field} is not named alone: {problem:?}");
    Ok(())
}

async fn nothing_is_stored(scenario: &Scenario) -> Result<()> {
    let list: UpgradeList = scenario.api.get(&scenario.upgrades_path()).await?.expect(200)?;
    assert_eq!(list.upgrades, []);
    scenario.active().await?.refused(Code::NotFound)?;
    Ok(())
}
