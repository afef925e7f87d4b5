//! Policies by the API.

use serde_json::json;

use crate::support::{Server, arg, told};

const COMPONENT: &str = "5a1c0de0-0000-4000-8000-0000000000c1";

fn view(text: &str) -> serde_json::Value {
    json!({
        "owner": "tenant", "tenantId": "acme", "revision": 4, "setBy": "user:alice", "setAt": "2026-01-05T08:10:00Z",
        "hash": format!("sha256:{}", "0".repeat(64)), "text": text,
    })
}

#[test]
fn a_policy_is_sent_as_it_is_with_its_condition() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("p.yaml");
    let text = "# Careful.\norder: index\n";
    std::fs::write(&file, text).unwrap();
    for (more, line, header, value) in [
        (
            vec!["--replaces", "0"],
            "PUT /api/v1/registry/tenants/acme/policy",
            "if-none-match",
            "*",
        ),
        (
            vec!["--replaces", "3"],
            "PUT /api/v1/registry/tenants/acme/policy",
            "if-match",
            "\"3\"",
        ),
        (
            vec!["--replaces", "3", "--component", COMPONENT],
            "PUT /api/v1/registry/tenants/acme/components/5a1c0de0-0000-4000-8000-0000000000c1/policy",
            "if-match",
            "\"3\"",
        ),
        (
            vec!["--replaces", "0", "--system"],
            "PUT /api/v1/registry/policy",
            "if-none-match",
            "*",
        ),
    ] {
        let server = Server::start([told(200, view(text))]);
        let mut args = vec!["policy", "put", arg(&file)];
        args.extend(more);
        let ran = server.run(&args);
        assert_eq!(ran.code, 0, "{ran:?}");
        assert!(ran.stdout.contains("revision   4"), "{}", ran.stdout);
        let asked = &server.asked()[0];
        assert_eq!(
            (asked.line.as_str(), asked.body.as_slice()),
            (line, text.as_bytes())
        );
        assert_eq!(asked.headers[header], value);
        assert_eq!(asked.headers["content-type"], "application/yaml");
    }
}

#[test]
fn policies_are_printed_as_they_were_written() {
    let server = Server::start([told(200, view("# Careful.\norder: index\n"))]);
    let ran = server.run(&["policy", "get", "--revision", "4"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "# Careful.\norder: index\n"));
    assert_eq!(
        server.lines(),
        ["GET /api/v1/registry/tenants/acme/policy?revision=4"]
    );
}

#[test]
fn what_holds_is_told_with_whose_word_it_is() {
    let value = json!({"key": "order", "value": "index", "from": "tenant revision 4"});
    let held = json!({"policies": [], "policy": {"order": "index"}, "values": [value]});
    let mut list = json!({"versions": [view("")], "nextBefore": 4});
    list["versions"][0].as_object_mut().unwrap().remove("text");
    let server = Server::start([told(200, held), told(200, list)]);
    let ran = server.run(&["policy", "effective", "--live", "--component-id", COMPONENT]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(
        ran.stdout.contains("order  index  tenant revision 4"),
        "{}",
        ran.stdout
    );
    let ran = server.run(&["policy", "versions"]);
    assert!(
        ran.stdout.contains("user:alice") && ran.stdout.contains("more: --before 4"),
        "{}",
        ran.stdout
    );
    let effective =
        "GET /api/v1/registry/tenants/acme/components/5a1c0de0-0000-4000-8000-0000000000c1/policy/effective";
    assert_eq!(
        server.lines(),
        [effective, "GET /api/v1/registry/tenants/acme/policy/versions"]
    );
}
