//! Repeats, refusals and exit codes.

use std::net::TcpListener;

use crate::support::upgrade::{COMPONENT, FROM, ID, TO, view};
use crate::support::{Server, TOKEN, arg, command, run, told};
use serde_json::json;
use sluice_contract::problem::{Code, Problem};
use sluice_core::settings::FieldError;

fn document(problem: &Problem) -> String {
    serde_json::to_string(problem).unwrap()
}

#[test]
fn a_repeated_post_keeps_its_idempotency_key() {
    let busy = document(&Problem::new(Code::IdempotencyKeyInUse, "wait"));
    let server = Server::start([
        told(429, r#"{"message":"Too Many Requests"}"#).with("retry-after", "0"),
        told(503, document(&Problem::new(Code::Unavailable, "away"))),
        told(409, busy),
        told(202, view("VALIDATING")),
    ]);
    let ran = server.run(&["upgrade", "start", ID]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let keys: Vec<_> = server
        .asked()
        .iter()
        .map(|asked| asked.headers["idempotency-key"].clone())
        .collect();
    assert_eq!(keys.len(), 4);
    assert!(keys.iter().all(|key| *key == keys[0]), "{keys:?}");
    assert_eq!(uuid::Uuid::parse_str(&keys[0]).unwrap().get_version_num(), 4);

    server.then(told(202, view("VALIDATING")));
    server.run(&["upgrade", "start", ID]);
    assert_ne!(
        server.asked()[4].headers["idempotency-key"],
        keys[0],
        "another invocation"
    );
}

#[test]
fn only_what_passes_is_tried_again_and_not_for_ever() {
    for (status, tries, code) in [
        (429, 2, 5),
        (502, 2, 6),
        (503, 2, 6),
        (504, 2, 6),
        (400, 1, 5),
        (404, 1, 5),
        (409, 1, 5),
        (500, 1, 1),
        (302, 1, 1),
    ] {
        let server = Server::start(vec![told(status, "{}"); 9]);
        let ran = server.run(&["--retries", "2", "upgrade", "get", ID]);
        assert_eq!(
            (server.lines().len(), ran.code),
            (tries, code),
            "{status}: {ran:?}"
        );
        assert_eq!(ran.stdout, "");
    }
}

#[test]
fn a_refusal_is_told_with_title_detail_code_and_fields() {
    let fields = Problem::fields(vec![
        FieldError::new("batchSize", "is 0", "1 to 1000000"),
        FieldError::new("strategy", "is\u{1b}[31m odd", "ROLLING"),
    ]);
    let active = Problem::new(Code::UpgradeActive, "upgrade 7 is IN_PROGRESS");
    for (told_by, expected) in [
        (
            told(400, document(&fields)),
            "error: The request is not valid (invalid-request, HTTP 400)\n  \
             - batchSize: is 0; accepted: 1 to 1000000\n  - strategy: is [31m odd; accepted: ROLLING\n",
        ),
        (
            told(409, document(&active)),
            "error: Another upgrade of the component is active (upgrade-active, HTTP 409)\n  \
             upgrade 7 is IN_PROGRESS\n",
        ),
        (
            told(401, r#"{"message":"token expired"}"#),
            "error: Unauthorized (HTTP 401)\n  token expired\n",
        ),
        (told(403, "<html>no"), "error: Forbidden (HTTP 403)\n  <html>no\n"),
        (
            told(
                418,
                r#"{"title":"New","status":418,"detail":"d","code":"of-tomorrow"}"#,
            ),
            "error: New (of-tomorrow, HTTP 418)\n  d\n",
        ),
    ] {
        let server = Server::start([told_by]);
        let ran = server.run(&["upgrade", "get", ID]);
        assert_eq!(
            (ran.code, ran.stderr.as_str(), ran.stdout.as_str()),
            (5, expected, "")
        );
    }
}

#[test]
fn machines_get_the_problem_document() {
    let own = document(&Problem::new(Code::NotFound, "there is no upgrade"));
    let server = Server::start([told(404, &own), told(401, r#"{"message":"Unauthorized"}"#)]);
    let ran = server.run(&["--json", "upgrade", "get", ID]);
    assert_eq!(
        (ran.code, ran.stdout, ran.stderr.as_str()),
        (5, format!("{own}\n"), "")
    );
    let ran = server.run(&["--json", "upgrade", "get", ID]);
    let made =
        json!({ "type": "about:blank", "title": "Unauthorized", "status": 401, "detail": "Unauthorized" });
    assert_eq!((ran.code, ran.json()), (5, made));
}

#[test]
fn an_api_that_is_not_there_is_told_from_one_that_refuses() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    let ran = run(command().args([
        "--api-url",
        &url,
        "--token",
        TOKEN,
        "--retries",
        "2",
        "upgrade",
        "get",
        ID,
    ]));
    assert_eq!(ran.code, 6, "{ran:?}");
    assert!(
        ran.stderr.contains("cannot be reached") && ran.stderr.contains(&url),
        "{ran:?}"
    );

    // Accepts, and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let limits = ["--retries", "1", "--request-timeout", "1"];
    let ran = run(command()
        .args(["--api-url", &url, "--token", TOKEN, "upgrade", "get", ID])
        .args(limits));
    assert_eq!(ran.code, 6, "{ran:?}");
}

#[test]
fn an_answer_that_is_something_else_is_unexpected() {
    let server = Server::start([told(200, r#"{"executionId":7}"#)]);
    let ran = server.run(&["upgrade", "get", ID]);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("executionId"), "{ran:?}");
}

#[test]
fn bad_input_never_leaves_the_machine() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("request.json");
    std::fs::write(
        &file,
        json!({ "componentId": COMPONENT, "batchSice": 1 }).to_string(),
    )
    .unwrap();
    let server = Server::start([]);
    for (args, said) in [
        (vec!["upgrade", "get", "no-uuid"], "invalid value 'no-uuid'"),
        (
            vec!["upgrade", "create", "--from", FROM, "--to", TO],
            "--component",
        ),
        (vec!["upgrade", "create", "--request", arg(&file)], "batchSice"),
        (
            vec!["upgrade", "create", "--request", "/nowhere.json"],
            "/nowhere.json",
        ),
        (vec!["upgrade", "watch", ID, "--interval", "0"], "1..=60"),
        (
            vec!["fleet", "get", "--component", COMPONENT, "--fleet", "a/b"],
            "a/b",
        ),
        (
            vec!["--token-file", "/nowhere.token", "upgrade", "get", ID],
            "/nowhere.token",
        ),
        (vec!["--retries", "0", "upgrade", "get", ID], "1..=10"),
    ] {
        let ran = server.run(&args);
        assert_eq!(ran.code, 2, "{args:?}: {ran:?}");
        assert!(ran.stderr.contains(said), "{args:?}: {}", ran.stderr);
    }
    assert!(server.lines().is_empty());
}

#[test]
fn address_token_and_tenant_come_from_environment_or_file_too() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "from-file\n").unwrap();
    let server = Server::start(vec![told(200, json!({ "upgrades": [], "nextCursor": null })); 2]);
    let list = || {
        let mut command = command();
        command
            .env("SLUICE_API_URL", format!("{}/", server.url))
            .env("SLUICE_TENANT", "acme")
            .env("SLUICE_TOKEN", "from-env")
            .args(["upgrade", "list"]);
        command
    };
    assert_eq!(run(&mut list()).code, 0);
    assert_eq!(run(list().args(["--token-file", arg(&file)])).code, 0);
    let asked = server.asked();
    assert_eq!(asked[0].line, "GET /api/v1/registry/tenants/acme/upgrades");
    assert_eq!(asked[0].headers["authorization"], "Bearer from-env");
    assert_eq!(asked[1].headers["authorization"], "Bearer from-file");

    for (name, said) in [
        ("SLUICE_API_URL", "--api-url"),
        ("SLUICE_TOKEN", "--token"),
        ("SLUICE_TENANT", "--tenant"),
    ] {
        let ran = run(list().env_remove(name));
        assert_eq!(ran.code, 2);
        assert!(
            ran.stderr.contains(said) && ran.stderr.contains("is missing"),
            "{ran:?}"
        );
    }
}
