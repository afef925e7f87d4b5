//! What instances say, and what they may not say.

use anyhow::{Context, Result};
use serde_json::{Value, json};
use sluice_contract::check_in::{CheckInAnswer, DesiredState};
use sluice_contract::enrol::EnrolAnswer;
use sluice_contract::problem::Code;
use sluice_tests::stack::{OPERATOR, Options, Scenario};

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
    let (path, stack) = ("/fleet/check-in", &scenario.stack);
    let first_secret = scenario.enrolment_secret().await?;
    let secret = scenario.enrolment_secret().await?;
    let before = scenario.enrol(&secret, "i-00007", 7).await?;
    let enrolled = scenario.enrol(&secret, "i-00007", 7).await?;
    assert_eq!((before.incarnation.0, enrolled.incarnation.0), (1, 2));
    let other = scenario.enrol(&secret, "i-00008", 8).await?;
    let operator = stack
        .token_for("i-00007", scenario.fleet.tenant_id.as_str(), OPERATOR, 600)
        .await?;
    let registered = scenario.instances().await?;
    assert_eq!(registered.len(), 2);
    let credential = |answer: &EnrolAnswer| Some(answer.credential.reveal().to_owned());
    for (shown, code) in [
        (None, Code::InvalidCredential),
        (Some(operator), Code::InvalidCredential),
        (Some(first_secret.reveal().to_owned()), Code::InvalidCredential),
        (Some(secret.reveal().to_owned()), Code::InvalidCredential),
        (credential(&other), Code::InvalidCredential),
        (credential(&before), Code::StaleIncarnation),
    ] {
        let api = stack.api_with(shown);
        let answer = api.post(path, &body(&scenario, &json!({}))).await?;
        answer.refused(code)?;
    }
    let own = stack.api_with(credential(&enrolled));
    for (more, code) in [
        (json!({ "incarnation": 1 }), Code::NotThisInstance),
        (json!({ "incarnation": 3 }), Code::NotThisInstance),
        (json!({ "instance_id": "i-00008" }), Code::NotThisInstance),
        (json!({ "contract": 2 }), Code::InvalidRequest),
        (json!({ "colour": "red" }), Code::InvalidRequest),
        (json!({ "ordinal": "seven" }), Code::InvalidRequest),
        (json!({ "ordinal": -1 }), Code::InvalidRequest),
        (json!({ "ordinal": 8 }), Code::InvalidCredential),
        (json!({ "tenant_id": "t-stranger" }), Code::InvalidCredential),
        (json!({ "fleet_id": "nowhere" }), Code::InvalidCredential),
    ] {
        let answer = own.post(path, &body(&scenario, &more)).await?;
        answer.refused(code).with_context(|| more.to_string())?;
    }
    assert_eq!(
        scenario.instances().await?,
        registered,
        "what was refused left nothing"
    );

    let answer: CheckInAnswer = own.post(path, &body(&scenario, &json!({}))).await?.expect(200)?;
    assert_eq!(answer.desired, DesiredState::Stay);
    Ok(())
}
