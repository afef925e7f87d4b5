//! The switch on a pretended instance: every step fails once, and the agent ends once at every step.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    reason = "helpers of tests fail like tests"
)]

mod support;

use sluice_agent::host::Host;
use sluice_agent::protocol::{Decision, Moment, Receipt, Record, decide, recover};
use sluice_agent::store::Store;
use sluice_agent::switch::{self, Entry};
use sluice_contract::check_in::{Artifact, DesiredState};
use sluice_core::checks::{Checks, PostUpgradeVerify};
use sluice_core::fleet::InstanceStatus::{Completed, Failed, Pending, RolledBack};
use sluice_core::release::Release;
use support::fake::Fake;
use support::release::release;
use support::server::answer;

fn v(major: u64) -> Release {
    release(&format!("{major}.0.0"), b"x")
}

/// What is asked for forward, and never on the way back.
fn prescribed(forward: bool) -> Checks {
    let post = PostUpgradeVerify::Http {
        endpoint: "/".to_owned(),
        expected_status: 200,
        timeout_ms: 1_000,
    };
    Checks {
        pre_upgrade: None,
        post_upgrade: forward.then_some(post),
    }
}

/// An instance that runs `from` and was told to go to `to`.
fn begun(from: u64, to: u64, revert: bool) -> (Fake, Store) {
    let fake = Fake::default();
    fake.look(|w| (w.linked, w.alive, w.kept) = (Some(v(from)), Some(v(from)), Some(v(from))));
    let store = Store::in_memory(Record {
        running: Some(v(from)),
        ..Record::default()
    });
    store.set_healthy(true);
    let artifact = Artifact {
        release: v(to),
        url: String::new(),
    };
    let told = answer(
        2,
        0,
        DesiredState::Move {
            artifact,
            not_before_ms: 0,
            revert,
            checks: prescribed(!revert),
        },
    );
    let receipt = Receipt {
        asked: Moment(0),
        received: Moment(0),
    };
    let Decision::Obey { order, report } = decide(&store.record(), &told, receipt) else {
        panic!("not obeyed")
    };
    store.note(|r| {
        r.told(order.command, report);
        r.begin(&order);
    });
    (fake, store)
}

/// Whatever happened, the instance is whole: one release is linked, started, kept and told, and no switch is open.
fn check_whole(fake: &Fake, store: &Store, release: &Release, context: &str) {
    let record = store.record();
    assert_eq!(record.switch, None, "{context}");
    assert_eq!(record.running.as_ref(), Some(release), "{context}");
    fake.look(|w| {
        assert_eq!(w.linked.as_ref(), Some(release), "{context}");
        assert_eq!(w.alive.as_ref(), Some(release), "{context}");
        assert_eq!(w.kept.as_ref(), Some(release), "{context}");
    });
}

const BEGIN: Entry = Entry::Begin { drain: true };

#[tokio::test]
async fn the_steps_come_in_order() {
    for (revert, status) in [(false, Completed), (true, RolledBack)] {
        let (fake, store) = begun(1, 2, revert);
        switch::run(&fake, &store, BEGIN).await;
        let mut steps = vec!["fail over", "drain", "stop", "link", "start", "verify"];
        steps.extend((!revert).then_some("confirm"));
        assert_eq!(fake.look(|w| w.calls.clone()), steps);
        check_whole(&fake, &store, &v(2), "well");
        assert_eq!(
            (store.record().status(), store.record().previous),
            (status, Some(v(1)))
        );
        assert!(store.is_healthy());
    }
}

#[tokio::test]
async fn every_step_fails_once() {
    let codes = [
        "failover-failed",
        "drain-failed",
        "stop-failed",
        "storage-failed",
        "start-failed",
        "verify-failed",
        "verify-failed",
    ];
    for (index, code) in codes.into_iter().enumerate() {
        let (fake, store) = begun(1, 2, false);
        fake.look(|w| w.fails_at = Some(index));
        switch::run(&fake, &store, BEGIN).await;
        check_whole(&fake, &store, &v(1), code);
        let report = store.record().report.unwrap();
        assert_eq!(
            (report.status, report.error.unwrap().code.as_str()),
            (Failed, code)
        );
        assert!(store.is_healthy(), "{code}");
    }
}

#[tokio::test]
async fn a_failed_way_back_stays_where_it_is_wanted() {
    for index in 4..6 {
        let (fake, store) = begun(2, 1, true);
        fake.look(|w| w.fails_at = Some(index));
        switch::run(&fake, &store, BEGIN).await;
        check_whole(&fake, &store, &v(1), "revert");
        assert_eq!((store.record().status(), store.is_healthy()), (Failed, false));
    }
}

#[tokio::test]
async fn both_versions_may_fail() {
    let (fake, store) = begun(1, 2, false);
    fake.look(|w| (w.fails_at, w.sick) = (Some(5), Some(v(1))));
    switch::run(&fake, &store, BEGIN).await;
    check_whole(&fake, &store, &v(1), "both");
    let error = store.record().report.unwrap().error.unwrap();
    assert_eq!(error.code, "verify-failed");
    assert!(
        error.message.contains("going back failed too"),
        "{}",
        error.message
    );
    assert!(!store.is_healthy());
}

/// Runs the switch until it hangs, and gives it up there.
async fn until_it_hangs(fake: &Fake, store: &Store, entry: Entry) {
    tokio::select! {
        biased;
        () = switch::run(fake, store, entry) => panic!("it did not hang"),
        () = tokio::task::yield_now() => {}
    }
}

#[tokio::test]
async fn the_agent_ends_at_every_step_and_comes_back() {
    // Forward on a good version, forward on a sick one (5 more steps back), and the way back.
    for (revert, sick, steps) in [(false, false, 7), (false, true, 10), (true, false, 6)] {
        for step in 0..steps {
            for effect_first in [false, true] {
                let context =
                    format!("revert {revert}, sick {sick}, step {step}, effect first {effect_first}");
                let (fake, store) = begun(1, 2, revert);
                fake.look(|w| {
                    w.hangs_at = Some((step, effect_first));
                    w.sick = sick.then(|| v(2));
                });
                until_it_hangs(&fake, &store, BEGIN).await;
                fake.look(|w| w.hangs_at = None);
                let journal = store.record().switch.expect("a half-done switch is on record");
                let recovery = recover(&journal, fake.linked().as_ref());
                switch::run(&fake, &store, Entry::Resume(recovery)).await;
                let behind_link = step > 3 || (step == 3 && effect_first);
                let (status, version) = match (revert, sick) {
                    (true, _) => (RolledBack, 2),
                    (false, _) if !behind_link => (Pending, 1),
                    (false, false) => (Completed, 2),
                    (false, true) => (Failed, 1),
                };
                assert_eq!(store.record().status(), status, "{context}");
                check_whole(&fake, &store, &v(version), &context);
                assert!(store.is_healthy(), "{context}");
            }
        }
    }
}

#[tokio::test]
async fn what_runs_already_is_only_verified() {
    let (fake, store) = begun(1, 1, true);
    switch::run(&fake, &store, Entry::Verify).await;
    assert_eq!(fake.look(|w| w.calls.clone()), ["verify"]);
    assert_eq!(store.record().status(), RolledBack);

    let (fake, store) = begun(1, 1, true);
    fake.look(|w| w.fails_at = Some(0));
    switch::run(&fake, &store, Entry::Verify).await;
    assert_eq!(
        fake.look(|w| w.calls.clone()),
        ["verify", "stop", "link", "start", "verify"]
    );
    check_whole(&fake, &store, &v(1), "restarted");
}
