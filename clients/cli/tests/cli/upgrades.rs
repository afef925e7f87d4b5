//! What the commands about upgrades ask, and what they say of the answer.

use crate::support::upgrade::{COMPONENT, FROM, ID, TO, view};
use crate::support::{Server, TOKEN, arg, told};
use serde_json::{Value, json};

const REGISTRY: &str = "/api/v1/registry";

#[test]
fn each_command_asks_its_route() {
    let list = json!({ "upgrades": [], "nextCursor": null });
    let cases: [(&[&str], String, Value); 10] = [
        (
            &["upgrade", "start", ID],
            format!("POST {REGISTRY}/upgrades/{ID}/start"),
            view("PENDING"),
        ),
        (
            &["upgrade", "get", ID],
            format!("GET {REGISTRY}/upgrades/{ID}"),
            view("PENDING"),
        ),
        (
            &["upgrade", "pause", ID, "--reason", "a b&c"],
            format!("POST {REGISTRY}/upgrades/{ID}/pause?reason=a+b%26c"),
            view("PAUSED"),
        ),
        (
            &["upgrade", "pause", ID],
            format!("POST {REGISTRY}/upgrades/{ID}/pause"),
            view("PAUSED"),
        ),
        (
            &["upgrade", "resume", ID],
            format!("POST {REGISTRY}/upgrades/{ID}/resume"),
            view("PENDING"),
        ),
        (
            &["upgrade", "rollback", ID, "--reason", "slow"],
            format!("POST {REGISTRY}/upgrades/{ID}/rollback?reason=slow"),
            view("ROLLING_BACK"),
        ),
        (
            &["upgrade", "active", "--component", COMPONENT],
            format!("GET {REGISTRY}/tenants/acme/components/{COMPONENT}/upgrades/active"),
            view("PENDING"),
        ),
        (
            &["upgrade", "list", "--limit", "7", "--cursor", "x=="],
            format!("GET {REGISTRY}/tenants/acme/upgrades?limit=7&cursor=x%3D%3D"),
            list,
        ),
        (
            &["upgrade", "events", ID, "--after", "3"],
            format!("GET {REGISTRY}/upgrades/{ID}/events?after=3"),
            json!({ "events": [] }),
        ),
        (
            &["why", ID],
            format!("GET {REGISTRY}/upgrades/{ID}"),
            view("PAUSED"),
        ),
    ];
    for (args, line, answer) in cases {
        let server = Server::start([told(200, answer)]);
        let ran = server.run(args);
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{args:?}");
        assert_eq!(server.lines(), [line.as_str()]);
        let asked = &server.asked()[0];
        assert_eq!(asked.headers["authorization"], format!("Bearer {TOKEN}"));
        assert_eq!(
            asked.headers.contains_key("idempotency-key"),
            line.starts_with("POST "),
            "{args:?}"
        );
        assert!(asked.body.is_empty(), "{args:?}");
    }
}

#[test]
fn create_sends_its_options_over_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("request.json");
    let body =
        json!({ "componentId": COMPONENT, "fromVersionId": FROM, "toVersionId": FROM, "batchSize": 2 });
    std::fs::write(&file, body.to_string()).unwrap();
    let server = Server::start([told(201, view("PENDING"))]);
    let ran = server.run(&[
        "--json",
        "upgrade",
        "create",
        "--request",
        arg(&file),
        "--to",
        TO,
        "--strategy",
        "Blue-Green",
        "--auto-rollback",
        "false",
        "--installed",
        "db=1.2.0",
        "--max-surge",
        "-1",
    ]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(ran.json(), view("PENDING"));
    let asked = &server.asked()[0];
    assert_eq!(asked.line, format!("POST {REGISTRY}/tenants/acme/upgrades"));
    let expected = json!({
        "componentId": COMPONENT, "fromVersionId": FROM, "toVersionId": TO, "fleetId": "default", "batchSize": 2,
        "strategy": "BLUE_GREEN", "autoRollbackEnabled": false, "installedComponents": { "db": "1.2.0" },
        "maxSurge": -1,
    });
    assert_eq!(asked.json(), expected);
}

#[test]
fn create_with_start_starts_what_was_planned() {
    let server = Server::start([told(201, view("PENDING")), told(202, view("VALIDATING"))]);
    let create = [
        "upgrade",
        "create",
        "--component",
        COMPONENT,
        "--from",
        FROM,
        "--to",
        TO,
        "--start",
    ];
    let ran = server.run(&create);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.contains("VALIDATING"), "{}", ran.stdout);
    let asked = server.asked();
    assert_eq!(asked[1].line, format!("POST {REGISTRY}/upgrades/{ID}/start"));
    let key = |n: usize| asked[n].headers["idempotency-key"].clone();
    assert_ne!(key(0), key(1), "two requests, two keys");

    let server = Server::start([
        told(201, view("PENDING")),
        told(403, json!({ "message": "Forbidden" })),
    ]);
    let ran = server.run(&create);
    assert_eq!(ran.code, 5);
    assert!(
        ran.stderr.contains(&format!("upgrade {ID} is planned")),
        "{}",
        ran.stderr
    );
}

#[test]
fn why_gives_sentence_times_and_who_releases() {
    let server = Server::start([
        told(200, view("PAUSED")),
        told(200, view("PAUSED")),
        told(200, view("FAILED")),
    ]);
    let ran = server.run(&["why", ID]);
    let lines: Vec<_> = ran.stdout.lines().collect();
    assert_eq!(lines[0], "waits        paused by ann: lunch");
    assert!(
        lines[1].starts_with("since        2026-03-01T12:00:00Z ("),
        "{lines:?}"
    );
    assert_eq!(
        lines[2..],
        [
            "until        none: it ends by a deed alone; people are told after 12 hours",
            "released by  an operator: resume or rollback",
            "command      sluice upgrade resume ID",
        ]
    );
    assert_eq!(server.run(&["why", ID, "--json"]).json(), view("PAUSED")["hold"]);
    let ran = server.run(&["why", ID]);
    assert!(
        ran.stdout.starts_with("It waits for nothing: FAILED since 2026"),
        "{}",
        ran.stdout
    );
}

#[test]
fn watch_ends_with_the_upgrade_and_says_how() {
    // Side by side, as each of them waits between its looks.
    std::thread::scope(|scope| {
        for (last, code) in [
            ("COMPLETED", 0),
            ("ROLLED_BACK", 3),
            ("FAILED", 4),
            ("CANCELLED", 4),
        ] {
            scope.spawn(move || watched(last, code));
        }
    });
}

fn watched(last: &str, code: i32) {
    let answers = [view("IN_PROGRESS"), view("IN_PROGRESS"), view(last)].map(|view| told(200, view));
    let server = Server::start(answers);
    let ran = server.run(&["upgrade", "watch", ID, "--interval", "1"]);
    assert_eq!(ran.code, code, "{ran:?}");
    let paused = "paused by ann: lunch (released by an operator: resume or rollback)";
    let lines: Vec<_> = ran.stderr.lines().collect();
    let expected = [
        format!("IN_PROGRESS, batch 1 (last: 1), traffic 10%: {paused}"),
        format!("{last}, batch 1 (last: 1), traffic 10%"),
    ];
    assert_eq!(lines, expected);
    assert!(ran.stdout.contains(last), "{}", ran.stdout);
}

#[test]
fn watch_for_machines_prints_one_document_and_outlives_an_outage() {
    let server = Server::start([
        told(200, view("IN_PROGRESS")),
        told(503, "{}"),
        told(200, view("COMPLETED")),
    ]);
    let ran = server.run(&[
        "--json",
        "--retries",
        "1",
        "upgrade",
        "watch",
        ID,
        "--interval",
        "1",
    ]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{ran:?}");
    assert_eq!(ran.json(), view("COMPLETED"));
}

#[test]
fn watch_has_a_limit() {
    let server = Server::start([told(200, view("PAUSED")), told(200, view("PAUSED"))]);
    let ran = server.run(&["upgrade", "watch", ID, "--interval", "1", "--timeout", "1"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(
        ran.stderr
            .ends_with("error: the upgrade has not ended: it is PAUSED after 1 s\n"),
        "{ran:?}"
    );
}

#[test]
fn reports_come_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("report.md");
    let document = r##"{ "not":   "reformatted" }"##;
    let answers = ["# Report", "# Report", document].map(|body| told(200, body));
    let server = Server::start(answers);
    assert_eq!(server.run(&["upgrade", "report", ID]).stdout, "# Report\n");
    let ran = server.run(&["upgrade", "report", ID, "--format", "md", "--output", arg(&file)]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "# Report");
    assert_eq!(
        server.run(&["upgrade", "report", ID, "--json"]).stdout,
        format!("{document}\n")
    );
    let path = format!("GET {REGISTRY}/upgrades/{ID}/report?format=");
    assert_eq!(
        server.lines(),
        [format!("{path}md"), format!("{path}md"), format!("{path}json")]
    );
    assert_eq!(
        server
            .run(&["upgrade", "report", ID, "--json", "--format", "md"])
            .code,
        2
    );
}
