//! Releases, keys and fleets.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::support::upgrade::{COMPONENT, TO};
use crate::support::{Ran, Server, arg, command, run, told};
use serde_json::{Value, json};
use sluice_contract::api::ReleaseRegistration;
use sluice_core::release::Manifest;
use sluice_core::signature;

fn keys(folder: &Path) -> (PathBuf, String) {
    let prefix = folder.join("team");
    let ran = run(command().args(["key", "generate", "--out", arg(&prefix)]));
    assert_eq!(ran.code, 0, "{ran:?}");
    let public = std::fs::read_to_string(folder.join("team.public.pem")).unwrap();
    (folder.join("team.private.pem"), public)
}

fn release(registration: &Value, url: Option<&str>) -> Value {
    let mut view = json!({ "release": {
        "component_id": COMPONENT, "version_id": TO, "version": "1.1.0", "digest": registration["digest"],
        "size": registration["size"], "signature": "c2ln", "key_id": "team", "lifecycle_state": "live",
    }});
    if let Some(url) = url {
        view["uploadUrl"] = url.into();
    }
    view
}

fn publish(server: &Server, artifact: &Path, key: &Path) -> Ran {
    server.run(&[
        "release",
        "publish",
        "--component",
        COMPONENT,
        "--version-id",
        TO,
        "--version",
        "1.1.0",
        "--artifact",
        arg(artifact),
        "--key",
        arg(key),
        "--key-id",
        "team",
        "--state",
        "live",
        "--json",
    ])
}

#[test]
fn publish_signs_registers_uploads_and_looks_again() {
    let folder = tempfile::tempdir().unwrap();
    let (private, public) = keys(folder.path());
    let artifact = folder.path().join("artifact.tar.gz");
    let bytes: Vec<u8> = (0..1_000_003_u32)
        .map(|n| n.to_le_bytes()[0] ^ n.to_le_bytes()[1])
        .collect();
    std::fs::write(&artifact, &bytes).unwrap();
    let measured = json!({ "digest": "sha256:00", "size": bytes.len() });
    let server = Server::start([]);
    let put = format!("{}/store?X-Amz-Signature=abc", server.url);
    server.then(told(200, release(&measured, Some(&put))));
    server.then(told(503, "slow down"));
    server.then(told(200, ""));
    server.then(told(200, release(&measured, None)));
    let ran = publish(&server, &artifact, &private);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{ran:?}");
    assert_eq!(
        ran.json(),
        release(&measured, None),
        "no address for writing is printed"
    );

    let path = format!("/api/v1/registry/tenants/acme/components/{COMPONENT}/releases/{TO}");
    let asked = server.asked();
    let upload = "PUT /store?X-Amz-Signature=abc";
    assert_eq!(
        server.lines(),
        [&format!("PUT {path}"), upload, upload, &format!("GET {path}")]
    );
    for upload in &asked[1..3] {
        assert_eq!(upload.body, bytes);
        assert_eq!(upload.headers["content-length"], bytes.len().to_string());
        assert!(
            !upload.headers.contains_key("authorization"),
            "the token is the API's alone"
        );
    }
    let sent: ReleaseRegistration = serde_json::from_value(asked[0].json()).unwrap();
    let manifest = Manifest {
        component: COMPONENT.parse().unwrap(),
        version: sent.version.parse().unwrap(),
        digest: sent.digest.clone(),
        size: bytes.len() as u64,
    };
    let key = signature::public_key(&public).unwrap();
    assert_eq!(signature::verify(&manifest, &sent.signature, &key), Ok(()));
    assert_eq!(asked[0].json()["lifecycleState"], "live");
    assert_eq!(asked[0].json()["keyId"], "team");
}

#[test]
fn publish_again_uploads_nothing_and_signs_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let (private, _) = keys(folder.path());
    let artifact = folder.path().join("artifact");
    std::fs::write(&artifact, "abc").unwrap();
    let measured = json!({ "digest": "sha256:00", "size": 3 });
    let server = Server::start(vec![told(200, release(&measured, None)); 2]);
    assert_eq!(publish(&server, &artifact, &private).code, 0);
    assert_eq!(publish(&server, &artifact, &private).code, 0);
    let asked = server.asked();
    assert_eq!(asked.len(), 2);
    assert_eq!(asked[0].body, asked[1].body);
    assert_eq!(
        asked[0].json()["digest"],
        "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    );
}

#[test]
fn an_upload_that_fails_or_is_not_seen_is_no_success() {
    let folder = tempfile::tempdir().unwrap();
    let (private, public) = keys(folder.path());
    let artifact = folder.path().join("artifact");
    std::fs::write(&artifact, "abc").unwrap();
    let measured = json!({ "digest": "sha256:00", "size": 3 });
    for (answers, code, said) in [
        (vec![told(403, "<Code>AccessDenied</Code>")], 1, "AccessDenied"),
        (vec![told(503, "slow down"); 4], 6, "slow down"),
    ] {
        let server = Server::start([]);
        let put = format!("{}/store?X-Amz-Signature=abc", server.url);
        server.then(told(200, release(&measured, Some(&put))));
        answers.into_iter().for_each(|told| server.then(told));
        let ran = publish(&server, &artifact, &private);
        assert_eq!(ran.code, code, "{ran:?}");
        assert!(
            ran.stderr.contains(said) && !ran.stderr.contains("X-Amz"),
            "{ran:?}"
        );
    }
    let server = Server::start([]);
    let put = format!("{}/store", server.url);
    server.then(told(200, release(&measured, Some(&put))));
    server.then(told(200, ""));
    server.then(told(200, release(&measured, Some(&put))));
    let ran = publish(&server, &artifact, &private);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("does not see all 3 bytes"), "{ran:?}");

    let server = Server::start([]);
    let public_file = folder.path().join("team.public.pem");
    assert_eq!(std::fs::read_to_string(&public_file).unwrap(), public);
    assert_eq!(
        publish(&server, &artifact, &public_file).code,
        2,
        "a public key signs nothing"
    );
    assert_eq!(publish(&server, &folder.path().join("nothing"), &private).code, 2);
    assert!(server.lines().is_empty());
}

#[test]
fn keys_are_private_and_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let (private, public) = keys(folder.path());
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&private), 0o600);
    let before = std::fs::read_to_string(&private).unwrap();
    let prefix = folder.path().join("team");
    let generate = || run(command().args(["key", "generate", "--out", arg(&prefix), "--json"]));
    assert_eq!(generate().code, 2);
    std::fs::remove_file(folder.path().join("team.public.pem")).unwrap();
    assert_eq!(generate().code, 2, "the private key is still there");
    assert!(
        !folder.path().join("team.public.pem").exists(),
        "no public key without its private one"
    );
    assert_eq!(std::fs::read_to_string(&private).unwrap(), before);

    let server = Server::start([told(200, json!({ "publicKeyPem": public }))]);
    let file = folder.path().join("given.pem");
    std::fs::write(&file, &public).unwrap();
    let ran = server.run(&["key", "trust", "--key-id", "team", "--public-key", arg(&file)]);
    assert_eq!(
        (ran.code, ran.stdout.as_str()),
        (0, "acme trusts the key team\n"),
        "{ran:?}"
    );
    assert_eq!(
        server.lines(),
        ["PUT /api/v1/registry/tenants/acme/signing-keys/team"]
    );
    assert_eq!(server.asked()[0].json(), json!({ "publicKeyPem": public }));
    let ran = server.run(&["key", "trust", "--key-id", "team", "--public-key", arg(&private)]);
    assert_eq!(ran.code, 2, "a private key is not sent anywhere");
    assert_eq!(server.lines().len(), 1);
}

#[test]
fn a_fleet_is_declared_from_options_and_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("fleet.json");
    let declared = json!({
        "route": { "kind": "http-edge", "url": "http://old" },
        "metrics": { "namespace": "Shop", "period_seconds": 10 }, "checkIn": { "idle_ms": 1000 },
    });
    std::fs::write(&file, declared.to_string()).unwrap();
    let fleet = json!({
        "tenant_id": "acme", "component_id": COMPONENT, "fleet_id": "eu", "route": null, "metrics": null,
    });
    let server = Server::start([
        told(200, &fleet),
        told(200, &fleet),
        told(200, json!({ "instances": [] })),
        told(201, json!({ "enrolmentSecret": "sluice-enrolment-abc" })),
    ]);
    let named = ["--component", COMPONENT, "--fleet", "eu"];
    let declare = [
        "fleet",
        "declare",
        "--declaration",
        arg(&file),
        "--route-http-edge",
        "http://edge",
        "--metrics-errors",
        "Failures",
        "--check-in-fast-ms",
        "500",
    ];
    assert_eq!(server.run(&[&declare[..], &named].concat()).code, 0);
    assert_eq!(server.run(&[&["fleet", "get"][..], &named].concat()).code, 0);
    assert_eq!(
        server.run(&[&["fleet", "instances"][..], &named].concat()).code,
        0
    );
    let ran = server.run(&[&["fleet", "enrolment-secret"][..], &named].concat());
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "sluice-enrolment-abc\n"));
    let path = format!("/api/v1/registry/tenants/acme/components/{COMPONENT}/fleets/eu");
    let expected = [
        format!("PUT {path}"),
        format!("GET {path}"),
        format!("GET {path}/instances"),
        format!("POST {path}/enrolment-secret"),
    ];
    assert_eq!(server.lines(), expected);
    assert_eq!(
        server.asked()[0].json(),
        json!({
            "route": { "kind": "http-edge", "url": "http://edge" },
            "metrics": { "namespace": "Shop", "requests": "Requests", "errors": "Failures", "period_seconds": 10 },
            "checkIn": { "idle_ms": 1000, "hold_ms": 60000, "fast_ms": 500 },
        })
    );
    let ran = server.run(&[
        "fleet",
        "declare",
        "--component",
        COMPONENT,
        "--metrics-errors",
        "Failures",
    ]);
    assert_eq!(ran.code, 2, "metrics without a namespace");
    assert!(ran.stderr.contains("namespace"), "{ran:?}");
}
