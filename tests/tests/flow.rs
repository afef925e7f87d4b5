//! What follows a decision: the words of the state machines, and the names of what they start.

#![cfg(test)]

use sluice_app::flow::{self, Loaded};
use sluice_contract::step::{MAX_BATCHES_RUN, MAX_TICKS, Next, Start, Step};
use sluice_core::ids::TenantId;
use sluice_core::lifecycle::{Active, Status};
use sluice_core::probe::Decision;
use sluice_core::units::{Attempt, Epoch};
use sluice_tests::sim::{Behaviour, Sim};

async fn loaded(status: Status, batch: u32) -> Loaded {
    let mut sim = Sim::new(20, Behaviour::default());
    for _ in 0..3 {
        sim.second().await;
    }
    sim.begin(&Sim::request(1, "")).await.unwrap();
    let tenant = TenantId::new("acme").unwrap();
    let mut loaded = flow::load(&sim.world, &tenant, sim.upgrade_id).await.unwrap();
    loaded.upgrade.status = status;
    loaded.upgrade.batch = batch;
    loaded.upgrade.epoch = Epoch(7);
    loaded
}

fn step(loaded: &Loaded) -> Step {
    let start = Start::new(
        loaded.upgrade.fleet.tenant_id.clone(),
        loaded.upgrade.upgrade_id,
        Attempt(2),
    );
    start.step(Epoch(6), 1, Next::Wait)
}

/// The step, with the upgrade's identity left out of the name.
fn said(step: &Step) -> String {
    let name = step.execution_name.replace(&step.upgrade_id.to_string(), "ID");
    format!(
        "{:?} {name} ticks {} run {}",
        step.next, step.ticks, step.batches_run
    )
}

#[tokio::test]
async fn words_and_names() {
    let paused = Status::Paused {
        paused_from: Active::InProgress,
    };
    let rows = [
        (Status::InProgress, 1, 0, 0, Decision::Wait, "Wait  ticks 1 run 0"),
        (
            Status::InProgress,
            1,
            0,
            0,
            Decision::Deploy,
            "Deploy  ticks 1 run 0",
        ),
        (
            Status::InProgress,
            1,
            0,
            0,
            Decision::Shift,
            "Shift  ticks 1 run 0",
        ),
        (
            Status::InProgress,
            1,
            0,
            0,
            Decision::Superseded,
            "Superseded  ticks 1 run 0",
        ),
        (
            Status::Completed,
            1,
            0,
            0,
            Decision::Ended,
            "Report  ticks 1 run 0",
        ),
        (
            Status::RollingBack,
            1,
            0,
            0,
            Decision::GoBack,
            "RollBack ID-revert-e7-a0-0 ticks 1 run 0",
        ),
        (
            Status::InProgress,
            2,
            50,
            4,
            Decision::Deploy,
            "RunBatch ID-e6-a2-b2-0-0 ticks 0 run 5",
        ),
        (
            paused,
            2,
            0,
            0,
            Decision::Wait,
            "RunBatch ID-e6-a2-b2-0-0 ticks 0 run 1",
        ),
        (
            paused,
            1,
            MAX_TICKS,
            4,
            Decision::Wait,
            "RunBatch ID-e6-a2-b1-0-1 ticks 0 run 4",
        ),
        (
            Status::InProgress,
            1,
            MAX_TICKS,
            4,
            Decision::Shift,
            "RunBatch ID-e6-a2-b1-0-1 ticks 0 run 4",
        ),
        (
            Status::InProgress,
            2,
            0,
            MAX_BATCHES_RUN - 1,
            Decision::Deploy,
            "Successor ID-a2-p1 ticks 0 run 300",
        ),
    ];
    for (status, batch, ticks, batches_run, decision, expected) in rows {
        let loaded = loaded(status, batch).await;
        let before = Step {
            ticks,
            batches_run,
            ..step(&loaded)
        };
        let after = flow::follow(&before, &loaded, &decision);
        assert_eq!(said(&after), expected, "{status:?} {decision:?}");
        assert!(
            after.execution_name.len() <= 80,
            "Step Functions allows 80 characters"
        );
    }
}

/// A step that goes on in a fresh execution of the upgrade machine is an input of that machine.
#[tokio::test]
async fn a_successor_starts_from_the_step() {
    let loaded = loaded(Status::InProgress, 2).await;
    let before = Step {
        batches_run: MAX_BATCHES_RUN,
        ..step(&loaded)
    };
    let after = flow::follow(&before, &loaded, &Decision::Deploy);
    let start: Start = serde_json::from_value(serde_json::to_value(&after).unwrap()).unwrap();
    assert_eq!(
        (start.part, start.attempt, start.execution_name()),
        (1, Attempt(2), after.execution_name)
    );
}
