//! What instances say, and what they may not say.

use anyhow::{Context, Result};
use serde_json::{Value, json};
use sluice_contract::check_in::{CheckInAnswer, DesiredState};
use sluice_contract::problem::Code;
use sluice_tests::stack::{Options, Scenario};

fn body(scenario: &Scenario, more: &Value) -> Value {
    let mut body = json!({
        "contract": 1,
        "tenant_id": scenario.fleet.tenant_id,
        "component_id": scenario.fleet.component_id,
        "instance_id": "i-00007",
        "ordinal": 7,
        "incarnation": 2,
    });
    if let (Some(fields), Some(more)) = (body.as_object_mut(), more.as_object()) {
        fields.extend(more.clone());
    }
    body
}

#[tokio::test]
async fn an_instance_speaks_only_for_itself() -> Result<()> {
    let scenario = Scenario::start(&Options {
        instances: 0,
        ..Options::default()
    })
    .await?;
    let tenant = scenario.fleet.tenant_id.as_str();
    let own = scenario.stack.api("i-00007", tenant, "fleet:checkin").await?;
    let other = scenario.stack.api("i-00008", tenant, "fleet:checkin").await?;
    let path = "/fleet/check-in";
    other
        .post(path, &body(&scenario, &json!({})))
        .await?
        .refused(Code::NotThisInstance)?;
    assert_eq!(scenario.instances().await?, []);

    let answer: CheckInAnswer = own.post(path, &body(&scenario, &json!({}))).await?.expect(200)?;
    assert_eq!(answer.desired, DesiredState::Stay);
    let registered = scenario.instances().await?;
    assert_eq!(registered.len(), 1);
    for (more, code) in [
        (json!({ "incarnation": 1 }), Code::StaleIncarnation),
        (json!({ "contract": 2 }), Code::InvalidRequest),
        (json!({ "colour": "red" }), Code::InvalidRequest),
        (json!({ "ordinal": "seven" }), Code::InvalidRequest),
        (json!({ "ordinal": -1 }), Code::InvalidRequest),
        (json!({ "tenant_id": "t-stranger" }), Code::NotFound),
        (json!({ "fleet_id": "nowhere" }), Code::NotFound),
        (json!({ "instance_id": "i-00008" }), Code::NotThisInstance),
    ] {
        let answer = own.post(path, &body(&scenario, &more)).await?;
        answer.refused(code).with_context(|| more.to_string())?;
    }
    assert_eq!(scenario.instances().await?, registered);
    Ok(())
}
