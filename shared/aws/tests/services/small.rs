//! Step Functions, SNS and EventBridge.

use axum::http::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};
use sluice_app::ports::{Alert, Alerts, Bus, Machine, PortErrorKind, Workflows};
use sluice_aws::eventbridge::EventBus;
use sluice_aws::sfn::Machines;
use sluice_aws::sns::Topic;
use sluice_core::ids::{ComponentId, FleetId, FleetKey, TenantId, UpgradeId};
use sluice_core::lifecycle::Status;
use sluice_core::units::Seq;
use sluice_core::upgrade::{Command, Event};
use uuid::Uuid;

use crate::served::{Asked, Served, serve};

fn body(asked: &Asked) -> Value {
    serde_json::from_slice(&asked.body).unwrap()
}

async fn machines(status: u16, answer: Value) -> (Served, Machines) {
    let served = serve(move |_| crate::served::json(status, &answer)).await;
    let machines = Machines::new(&served.config(), "arn:upgrade", "arn:rollback");
    (served, machines)
}

#[tokio::test]
async fn an_execution_is_started_by_name() {
    let (served, machines) = machines(200, json!({"executionArn": "arn:e", "startDate": 1.0})).await;
    machines
        .start(Machine::Upgrade, "u-a0-p0", r#"{"contract":1}"#)
        .await
        .unwrap();
    machines
        .start(Machine::Rollback, "u-revert-e2", "{}")
        .await
        .unwrap();
    let asked: Vec<_> = served.asked().iter().map(body).collect();
    assert_eq!(
        asked[0],
        json!({"stateMachineArn": "arn:upgrade", "name": "u-a0-p0", "input": "{\"contract\":1}"})
    );
    assert_eq!(asked[1]["stateMachineArn"], "arn:rollback");
}

#[tokio::test]
async fn only_a_name_that_exists_is_a_success() {
    for (code, expected) in [
        ("ExecutionAlreadyExists", None),
        ("StateMachineDoesNotExist", Some(PortErrorKind::NotFound)),
        ("ExecutionLimitExceeded", Some(PortErrorKind::Unavailable)),
        ("ThrottlingException", Some(PortErrorKind::Throttled)),
    ] {
        let (_served, machines) = machines(400, json!({"__type": code, "message": "no"})).await;
        let started = machines.start(Machine::Upgrade, "n", "{}").await;
        assert_eq!(started.map_err(|e| e.kind).err(), expected, "{code}");
    }
}

#[tokio::test]
async fn an_alert_reaches_the_topic() {
    let served = serve(|_| {
        let body = "<PublishResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><PublishResult>\
                    <MessageId>m</MessageId></PublishResult></PublishResponse>";
        (
            StatusCode::OK,
            vec![("content-type", "text/xml".to_owned())],
            body.into(),
        )
    })
    .await;
    let alert = Alert {
        subject: "rolled back".to_owned(),
        body: "why & how".to_owned(),
        event: "rollback.started".to_owned(),
    };
    Topic::new(&served.config(), "arn:topic")
        .publish(&alert)
        .await
        .unwrap();
    let asked = String::from_utf8(served.asked()[0].body.to_vec()).unwrap();
    for part in [
        "Action=Publish",
        "TopicArn=arn%3Atopic",
        "Subject=rolled%20back",
        "Message=why%20%26%20how",
        "MessageAttributes.entry.1.Name=event",
        "MessageAttributes.entry.1.Value.StringValue=rollback.started",
    ] {
        assert!(asked.contains(part), "{part} in {asked}");
    }
}

fn event(seq: u64) -> Event {
    let mut event = Event {
        upgrade_id: UpgradeId(Uuid::from_u128(5)),
        fleet: FleetKey {
            tenant_id: TenantId::new("acme").unwrap(),
            component_id: ComponentId(Uuid::from_u128(7)),
            fleet_id: FleetId::default(),
        },
        seq: Seq(seq),
        at: Timestamp::from_second(1_800_000_000).unwrap(),
        actor: "user:alice".to_owned(),
        name: "upgrade.started".to_owned(),
        batch: 0,
        status: Status::Validating,
        command: Command::Start,
        previous: "sha256:0".to_owned(),
        hash: String::new(),
    };
    event.hash = event.expected_hash();
    event
}

#[tokio::test]
async fn events_go_out_in_order_and_in_tens() {
    let served = serve(|_| crate::served::json(200, &json!({"FailedEntryCount": 0, "Entries": []}))).await;
    let events: Vec<_> = (1..=23).map(event).collect();
    EventBus::new(&served.config(), "bus")
        .publish(&events)
        .await
        .unwrap();
    let asked: Vec<_> = served.asked().iter().map(body).collect();
    let entries: Vec<_> = asked
        .iter()
        .map(|b| b["Entries"].as_array().unwrap().clone())
        .collect();
    assert_eq!(entries.iter().map(Vec::len).collect::<Vec<_>>(), [10, 10, 3]);
    let entries = entries.concat();
    let sent: Vec<Event> = entries
        .iter()
        .map(|e| serde_json::from_str(e["Detail"].as_str().unwrap()).unwrap())
        .collect();
    assert_eq!(sent, events);
    let mut first = entries[0].clone();
    first["Detail"] = Value::Null;
    let expected = json!({
        "EventBusName": "bus", "Source": "sluice", "DetailType": "upgrade.started", "Detail": null,
        "Resources": [events[0].upgrade_id.to_string()], "Time": 1_800_000_000,
    });
    assert_eq!(first, expected);
}

#[tokio::test]
async fn an_entry_that_is_not_accepted_is_a_failure() {
    let answer = json!({"FailedEntryCount": 1, "Entries": [{"ErrorCode": "ThrottlingException"}]});
    let served = serve(move |_| crate::served::json(200, &answer)).await;
    let events: Vec<_> = (1..=23).map(event).collect();
    let error = EventBus::new(&served.config(), "bus")
        .publish(&events)
        .await
        .unwrap_err();
    assert_eq!(error.kind, PortErrorKind::Unavailable);
    assert_eq!(
        served.asked().len(),
        1,
        "what follows a failure is not sent before it"
    );
}
