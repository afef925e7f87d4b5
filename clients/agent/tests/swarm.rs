//! Many simulated instances against one server.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    reason = "helpers of tests fail like tests"
)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use sluice_agent::swarm::{self, InstanceView, Swarm, SwarmConfig};
use sluice_core::fleet::InstanceStatus::{Completed, Failed, RolledBack};
use sluice_core::units::Ordinal;
use support::release::{COMPONENT, release, trusted_keys};
use support::server::{SECRET, Server, back, go};
use support::world::install_tls;
use tokio_util::sync::CancellationToken;

fn config(server: &Server, count: u32) -> SwarmConfig {
    let text = format!(
        "api_url = \"{}\"\ntenant_id = \"acme\"\ncomponent_id = \"{COMPONENT}\"\nprefix = \"web\"\n\
         enrolment_secret = \"{SECRET}\"\n\
         switch_ms = 20\nfail_ordinals = [3]\n[trusted_keys]\n",
        server.url
    );
    let mut config: SwarmConfig = toml::from_str(&text).unwrap();
    config.trusted_keys = trusted_keys();
    config.initial_release = Some(release("1.0.0", b"one"));
    config.count = count;
    config.failure_domains = vec!["a".to_owned(), "b".to_owned()];
    config
}

async fn until(swarm: &Swarm, what: &str, fits: impl Fn(&InstanceView) -> bool) {
    let begin = Instant::now();
    while !swarm.view().iter().all(&fits) {
        assert!(
            begin.elapsed() < Duration::from_secs(10),
            "never {what}: {:#?}",
            swarm.view()
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_fleet_goes_forward_and_back() {
    install_tls();
    let server = Server::start().await;
    let config = config(&server, 60);
    let shutdown = CancellationToken::new();
    let swarm = swarm::run(&config, &shutdown).unwrap();
    let (one, two) = (
        server.serve(&release("1.0.0", b"one"), vec![]),
        server.serve(&release("2.0.0", b"two"), vec![]),
    );
    let on = |view: &InstanceView, version: &str| {
        view.running
            .as_ref()
            .is_some_and(|r| r.healthy && r.version.version.to_string() == version)
    };
    server.tell(2, 0, go(&two));
    until(&swarm, "moved", |v| match v.ordinal {
        Ordinal(3) => {
            v.status == Failed && v.error_code.as_deref() == Some("verify-failed") && on(v, "1.0.0")
        }
        _ => v.status == Completed && on(v, "2.0.0"),
    })
    .await;
    swarm.faults().set(BTreeSet::new(), None);
    server.tell(2, 1, go(&two));
    until(&swarm, "moved in the second attempt", |v| {
        on(v, "2.0.0") && v.status == Completed
    })
    .await;
    server.tell(3, 0, back(&one));
    until(&swarm, "back", |v| v.status == RolledBack && on(v, "1.0.0")).await;
    let domains: BTreeMap<_, _> = server.with(|i| {
        i.heard
            .iter()
            .map(|r| (r.ordinal, r.failure_domain.clone()))
            .collect()
    });
    assert_eq!(domains[&Ordinal(0)].as_deref(), Some("a"));
    assert_eq!(domains[&Ordinal(59)].as_deref(), Some("b"));
    swarm.stop().await;
    // What was on its way may still arrive.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let heard = server.with(|i| i.heard.len());
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(server.with(|i| i.heard.len()), heard, "a stopped swarm is silent");
}

#[tokio::test]
async fn signatures_are_verified() {
    install_tls();
    let server = Server::start().await;
    let shutdown = CancellationToken::new();
    let swarm = swarm::run(&config(&server, 2), &shutdown).unwrap();
    let mut forged = server.serve(&release("2.0.0", b"two"), vec![]);
    forged.release.digest = release("2.0.0", b"other").digest;
    server.tell(2, 0, go(&forged));
    until(&swarm, "refused", |v| {
        v.error_code.as_deref() == Some("signature-invalid")
    })
    .await;
}
