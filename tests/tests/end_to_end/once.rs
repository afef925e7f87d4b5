//! What is asked for twice happens once, and two upgrades of one component do not run at the same time.

use anyhow::Result;
use serde_json::json;
use sluice_contract::api::{UpgradeList, UpgradeView};
use sluice_contract::problem::Code;
use sluice_tests::stack::{Options, Scenario};

use crate::ENDS;

async fn listed(scenario: &Scenario) -> Result<UpgradeList> {
    scenario.api.get(&scenario.upgrades_path()).await?.expect(200)
}

#[tokio::test]
async fn a_repeated_request_is_answered_like_the_first() -> Result<()> {
    let scenario = Scenario::start(&Options {
        instances: 2,
        ..Options::default()
    })
    .await?;
    let (path, api, request) = (
        scenario.upgrades_path(),
        &scenario.api,
        scenario.request(&json!({})),
    );
    let first = api.post_once(&path, "plan-1", &request).await?;
    let planned: UpgradeView = first.expect(201)?;
    assert_eq!(api.post_once(&path, "plan-1", &request).await?, first);
    assert_eq!(listed(&scenario).await?.upgrades.len(), 1);

    let other = scenario.request(&json!({ "batchSize": 1 }));
    api.post_once(&path, "plan-1", &other)
        .await?
        .refused(Code::IdempotencyKeyReused)?;
    let start = format!("/registry/upgrades/{}/start", planned.execution_id);
    api.post_once(&start, "plan-1", &json!({}))
        .await?
        .refused(Code::IdempotencyKeyReused)?;

    let started = api.post_once(&start, "start-1", &json!({})).await?;
    assert_eq!(started.expect::<UpgradeView>(202)?.status, "VALIDATING");
    assert_eq!(api.post_once(&start, "start-1", &json!({})).await?, started);
    api.post_once(&start, "start-2", &json!({}))
        .await?
        .refused(Code::NotPossibleNow)?;
    scenario
        .until_status(planned.execution_id, "COMPLETED", ENDS)
        .await?;
    let events = scenario.events(planned.execution_id).await?;
    for name in [
        "upgrade.created",
        "upgrade.started",
        "upgrade.validated",
        "upgrade.completed",
    ] {
        assert_eq!(events.iter().filter(|e| e.name == name).count(), 1, "{name}");
    }
    Ok(())
}

#[tokio::test]
async fn a_refusal_is_repeated_too() -> Result<()> {
    let scenario = Scenario::start(&Options {
        instances: 1,
        ..Options::default()
    })
    .await?;
    let bad = scenario.request(&json!({ "batchSize": 0 }));
    let first = scenario
        .api
        .post_once(&scenario.upgrades_path(), "bad", &bad)
        .await?;
    first.refused(Code::InvalidRequest)?;
    assert_eq!(
        scenario
            .api
            .post_once(&scenario.upgrades_path(), "bad", &bad)
            .await?,
        first
    );
    for key in ["", "two words", &"x".repeat(256)] {
        let answer = scenario
            .api
            .post_once(&scenario.upgrades_path(), key, &scenario.request(&json!({})))
            .await?;
        let problem = answer.refused(Code::InvalidRequest)?;
        assert_eq!(problem.errors[0].field, "Idempotency-Key");
    }
    assert_eq!(listed(&scenario).await?.upgrades, []);
    Ok(())
}

#[tokio::test]
async fn one_key_at_the_same_time_makes_one_upgrade() -> Result<()> {
    let scenario = Scenario::start(&Options {
        instances: 1,
        ..Options::default()
    })
    .await?;
    let (path, request) = (scenario.upgrades_path(), scenario.request(&json!({})));
    let ask = || scenario.api.post_once(&path, "same", &request);
    let (a, b, c) = tokio::try_join!(ask(), ask(), ask())?;
    let (made, refused): (Vec<_>, Vec<_>) = [a, b, c].into_iter().partition(|answer| answer.status == 201);
    assert!(
        !made.is_empty() && made.windows(2).all(|pair| pair[0] == pair[1]),
        "{made:?}"
    );
    for answer in refused {
        answer.refused(Code::IdempotencyKeyInUse)?;
    }
    assert_eq!(listed(&scenario).await?.upgrades.len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_component_has_one_active_upgrade() -> Result<()> {
    let scenario = Scenario::start(&Options {
        instances: 1,
        ..Options::default()
    })
    .await?;
    let (path, request) = (scenario.upgrades_path(), scenario.request(&json!({})));
    let ask = || scenario.api.post(&path, &request);
    let (a, b, c) = tokio::try_join!(ask(), ask(), ask())?;
    let (made, refused): (Vec<_>, Vec<_>) = [a, b, c].into_iter().partition(|answer| answer.status == 201);
    assert_eq!((made.len(), refused.len()), (1, 2), "{made:?} {refused:?}");
    let planned: UpgradeView = made[0].expect(201)?;
    for answer in refused {
        let problem = answer.refused(Code::UpgradeActive)?;
        assert!(
            problem.detail.contains(&planned.execution_id.to_string()),
            "{}",
            problem.detail
        );
    }
    assert_eq!(listed(&scenario).await?.upgrades.len(), 1);
    let active: UpgradeView = scenario.active().await?.expect(200)?;
    assert_eq!(active.execution_id, planned.execution_id);
    Ok(())
}
