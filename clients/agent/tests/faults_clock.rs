//! Time: a network that is away for long, and a machine that slept. The wall clock is asked by nobody.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    reason = "helpers of tests fail like tests"
)]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sluice_agent::agent::{self, Identity, Setup};
use sluice_agent::api::{Api, ApiError, HttpApi};
use sluice_agent::clock::Clock;
use sluice_agent::config::Secret;
use sluice_agent::enrol::{Enrolment, Keep};
use sluice_agent::keys::TrustedKeys;
use sluice_agent::protocol::{Moment, Record};
use sluice_agent::store::Store;
use sluice_agent::swarm::{Faults, SimulatedHost};
use sluice_contract::check_in::{CheckInAnswer, CheckInRequest, DesiredState};
use sluice_core::fleet::InstanceStatus::{Completed, Pending};
use sluice_core::units::Ordinal;
use support::release::{COMPONENT, release, trusted_keys};
use support::server::{SECRET, Server, answer, go};
use support::world::install_tls;
use tokio_util::sync::CancellationToken;

/// A server that is never there, and counts who asks when.
#[derive(Default)]
struct Nobody {
    asked: std::sync::Mutex<Vec<tokio::time::Instant>>,
}

impl Api for Nobody {
    async fn check_in(&self, _: &CheckInRequest) -> Result<CheckInAnswer, ApiError> {
        self.asked.lock().unwrap().push(tokio::time::Instant::now());
        Err(ApiError::Unreachable("no network".to_owned()))
    }
}

fn identity() -> Identity {
    Identity {
        tenant_id: "acme".parse().unwrap(),
        component_id: COMPONENT,
        fleet_id: Default::default(),
        instance_id: "web-00001".parse().unwrap(),
        ordinal: Ordinal(1),
        failure_domain: None,
    }
}

fn setup<A: Api>(api: A, clock: Clock) -> Setup<SimulatedHost, A> {
    let keys = Arc::new(TrustedKeys::new(COMPONENT, &trusted_keys()).unwrap());
    let first = release("1.0.0", b"one");
    let host = SimulatedHost::new(keys, Ordinal(1), 10, Faults::default(), Some(first.clone()));
    let store = Store::in_memory(Record {
        running: Some(first),
        ..Record::default()
    });
    store.set_healthy(true);
    Setup {
        identity: identity(),
        host: Arc::new(host),
        api: Arc::new(api),
        store: Arc::new(store),
        clock,
        fresh: false,
        watchdog: None,
        health_interval: Duration::from_secs(86_400),
        first_check_in: Duration::ZERO,
    }
}

#[tokio::test(start_paused = true)]
async fn half_an_hour_without_a_network_is_asked_through_calmly() {
    let setup = setup(Nobody::default(), Clock::new(|| Moment(0)));
    let (api, store) = (setup.api.clone(), setup.store.clone());
    let shutdown = CancellationToken::new();
    let task = tokio::spawn(agent::run(setup, shutdown.clone()));
    tokio::time::sleep(Duration::from_secs(1_800)).await;
    shutdown.cancel();
    task.await.unwrap();
    let asked = api.asked.lock().unwrap().clone();
    let pauses: Vec<_> = asked.windows(2).map(|w| (w[1] - w[0]).as_millis()).collect();
    assert!(
        (60..=130).contains(&pauses.len()),
        "{} times in 1800 s",
        pauses.len()
    );
    let late = &pauses[7..];
    assert!(late.iter().all(|p| (15_000..=30_001).contains(p)), "{late:?}");
    let distinct: std::collections::BTreeSet<_> = late.iter().collect();
    assert!(distinct.len() > late.len() / 2, "no jitter: {late:?}");
    assert!(store.is_healthy() && store.record().switch.is_none());
}

/// A clock that jumps by what is added to it, on top of the real one.
fn jumping() -> (Clock, Arc<AtomicU64>) {
    let (real, jumped) = (Clock::since_boot(), Arc::new(AtomicU64::new(0)));
    let added = jumped.clone();
    (
        Clock::new(move || real.now().plus_ms(added.load(Ordering::Relaxed))),
        jumped,
    )
}

#[tokio::test]
async fn a_machine_that_slept_begins_nothing_by_its_old_lease() {
    install_tls();
    let server = Server::start().await;
    let client = HttpApi::client(Duration::from_secs(5)).unwrap();
    let keep = Keep::Memory {
        secret: Secret::new(SECRET.to_owned()),
        credential: Arc::default(),
    };
    let enrolment = Enrolment::new(client.clone(), &server.url, &identity(), keep);
    let api = HttpApi::new(client, &server.url, enrolment);
    let (clock, jumped) = jumping();
    let v2 = server.serve(&release("2.0.0", b"two"), vec![]);
    let later = |not_before_ms| DesiredState::Move {
        artifact: v2.clone(),
        not_before_ms,
        revert: false,
        checks: Default::default(),
    };
    let mut told = answer(2, 0, later(1_000));
    told.next_check_in_ms = 400;
    server.with(|i| i.told = Some(told));
    let setup = setup(api, clock);
    let store = setup.store.clone();
    let shutdown = CancellationToken::new();
    let task = tokio::spawn(agent::run(setup, shutdown.clone()));
    server
        .hears(2, 0, Pending)
        .await
        .report
        .unwrap_or_else(|| panic!("no report"));
    // It sleeps beyond lease and beginning. When it wakes, the server says something else.
    server.tell(2, 0, DesiredState::Stay);
    jumped.store(600_000, Ordering::Relaxed);
    server.hears_more(1).await;
    tokio::time::sleep(Duration::from_millis(1_300)).await;
    assert_eq!((store.record().status(), store.record().switch), (Pending, None));
    assert_eq!(store.record().running.unwrap().version.to_string(), "1.0.0");
    server.tell(2, 1, go(&v2));
    server.hears(2, 1, Completed).await;
    shutdown.cancel();
    task.await.unwrap();
}
