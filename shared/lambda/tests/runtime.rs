//! A step under a real Runtime API: this test's own program runs again as the function, and what it answers and logs
//! is looked at.

#![expect(
    clippy::unwrap_used,
    reason = "a test may panic, and so may what it is made of"
)]

use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::routing::{get, post};
use serde_json::{Value, json};
use sluice_app::error::StepError;
use sluice_contract::error::ErrorName;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// The function: does what its input says. Runs only as the program that the other test starts.
#[tokio::test]
#[ignore = "is the function that the other test starts"]
async fn function() {
    sluice_lambda::logs::init();
    let step = |input: Value| async move {
        match input["do"].as_str() {
            Some("panic") => panic!("out of order"),
            Some("fail") => Err(StepError::new(ErrorName::Throttled, "asks for less")),
            _ => Ok(json!({"done": input["do"]})),
        }
    };
    sluice_lambda::step::run(step).await.unwrap();
}

/// What the Runtime API is and was told.
#[derive(Clone)]
struct Api {
    inputs: Arc<Mutex<Vec<Value>>>,
    outputs: UnboundedSender<(String, Value)>,
}

async fn next(State(api): State<Api>) -> (HeaderMap, String) {
    let input = api.inputs.lock().unwrap().pop();
    let Some(input) = input else {
        // No more work: as Lambda does, let the function wait.
        return std::future::pending().await;
    };
    let headers = [
        ("lambda-runtime-aws-request-id", "request-1"),
        ("lambda-runtime-deadline-ms", "4000000000000"),
        ("lambda-runtime-invoked-function-arn", "arn:function"),
        ("lambda-runtime-trace-id", "trace"),
    ];
    let header = |(n, v)| (HeaderName::from_static(n), HeaderValue::from_static(v));
    (headers.into_iter().map(header).collect(), input.to_string())
}

async fn end(State(api): State<Api>, Path((_, how)): Path<(String, String)>, body: String) -> StatusCode {
    api.outputs
        .send((how, serde_json::from_str(&body).unwrap()))
        .unwrap();
    StatusCode::ACCEPTED
}

/// Serves inputs, the last first.
async fn runtime_api(inputs: Vec<Value>) -> (String, UnboundedReceiver<(String, Value)>) {
    let (outputs, received) = unbounded_channel();
    let api = Api {
        inputs: Arc::new(Mutex::new(inputs)),
        outputs,
    };
    let router = Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next))
        .route("/2018-06-01/runtime/invocation/{id}/{how}", post(end))
        .with_state(api);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (address, received)
}

#[tokio::test]
async fn every_invocation_ends_in_a_value_or_a_named_error() {
    let about = |what: &str| json!({"do": what, "tenant_id": "acme", "upgrade_id": "u-1"});
    let inputs = ["work", "panic", "fail", "work"]
        .map(about)
        .into_iter()
        .rev()
        .collect();
    let (address, mut outputs) = runtime_api(inputs).await;
    let mut function = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "function", "--ignored", "--nocapture"])
        .env_clear()
        .env("AWS_LAMBDA_RUNTIME_API", address)
        .env("AWS_LAMBDA_FUNCTION_NAME", "function")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
        .env("AWS_LAMBDA_LOG_STREAM_NAME", "s")
        .env("AWS_LAMBDA_LOG_GROUP_NAME", "g")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut ends = Vec::new();
    for _ in 0..4 {
        ends.push(
            tokio::time::timeout(Duration::from_secs(20), outputs.recv())
                .await
                .unwrap()
                .unwrap(),
        );
    }
    let log = BufReader::new(function.stdout.take().unwrap());
    function.kill().await.unwrap();

    let names: Vec<_> = ends.iter().map(|(how, _)| how.as_str()).collect();
    assert_eq!(
        names,
        ["response", "error", "error", "response"],
        "a panic does not end the function: {ends:?}"
    );
    assert_eq!(ends[0].1, json!({"done": "work"}));
    assert_eq!(ends[1].1["errorMessage"], "Lambda panicked: out of order");
    assert_eq!(
        ends[2].1,
        json!({"errorType": "Sluice.Throttled", "errorMessage": "asks for less"})
    );
    check_log(log).await;
}

async fn check_log(mut log: impl AsyncBufReadExt + Unpin) {
    let (mut line, mut lines) = (String::new(), Vec::new());
    while log.read_line(&mut line).await.unwrap() > 0 {
        if let Ok(entry @ Value::Object(_)) = serde_json::from_str::<Value>(&line) {
            lines.push(entry);
        }
        line.clear();
    }
    let found = |message: &str| {
        lines
            .iter()
            .filter(|l| l["message"] == message)
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_eq!(found("the step is done").len(), 2, "{lines:?}");
    let (failed, panicked) = (found("the step failed"), found("the function panicked"));
    assert_eq!(
        (failed.len(), panicked.len(), lines.len()),
        (1, 1, 4),
        "each once, and nothing else: {lines:?}"
    );
    let failed = &failed[0];
    for (field, value) in [
        ("level", "ERROR"),
        ("error", "Sluice.Throttled"),
        ("detail", "asks for less"),
        ("tenant_id", "acme"),
        ("upgrade_id", "u-1"),
    ] {
        assert_eq!(failed[field], value, "{failed}");
    }
    assert!(
        failed["duration_ms"].is_u64() && failed["timestamp"].is_string(),
        "{failed}"
    );
    assert_eq!(failed["span"]["requestId"], "request-1", "{failed}");
    assert_eq!(panicked[0]["detail"], "out of order");
}
