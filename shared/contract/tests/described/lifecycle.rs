//! The lifecycle of an upgrade as a table.

use std::fmt::Write;

use sluice_core::action::Action;
use sluice_core::lifecycle::{Active, Status, Step};

const STEPS: [Step; 12] = [
    Step::Start,
    Step::BeginCanary,
    Step::BeginRolling,
    Step::CanaryDeployed,
    Step::Promote,
    Step::Complete,
    Step::Pause,
    Step::Resume,
    Step::RollBack,
    Step::RolledBack,
    Step::Fail,
    Step::Cancel,
];

const STATUSES: [Status; 13] = [
    Status::Pending,
    Status::Validating,
    Status::CanaryRunning,
    Status::CanaryMonitoring,
    Status::InProgress,
    Status::Paused {
        paused_from: Active::CanaryRunning,
    },
    Status::Paused {
        paused_from: Active::CanaryMonitoring,
    },
    Status::Paused {
        paused_from: Active::InProgress,
    },
    Status::RollingBack,
    Status::Completed,
    Status::RolledBack,
    Status::Failed,
    Status::Cancelled,
];

fn name(status: Status) -> String {
    match status {
        Status::Paused { paused_from } => format!("`PAUSED` from `{}`", Status::from(paused_from).name()),
        other => format!("`{}`", other.name()),
    }
}

/// Each status with each step that it allows.
pub fn table() -> String {
    let mut text = "| status | step | status after |\n|---|---|---|\n".to_owned();
    for status in STATUSES {
        let possible: Vec<_> = STEPS
            .into_iter()
            .filter_map(|s| Some((s, status.after(s).ok()?)))
            .collect();
        if possible.is_empty() {
            writeln!(text, "| {} | none | |", name(status)).unwrap();
        }
        for (step, after) in possible {
            let step = serde_json::to_value(step).unwrap();
            writeln!(
                text,
                "| {} | {} | {} |",
                name(status),
                step.as_str().unwrap(),
                name(after)
            )
            .unwrap();
        }
    }
    text
}

/// What operators may do in each status, and why not.
pub fn actions() -> String {
    let heads: Vec<_> = Action::ALL.iter().map(|a| format!(" {} ", a.name())).collect();
    let mut text = format!(
        "| status |{}|\n|---|{}\n",
        heads.join("|"),
        "---|".repeat(heads.len())
    );
    for status in STATUSES {
        let cells = Action::ALL.map(|action| match status.act(action) {
            Ok(after) => name(after),
            Err(refused) => format!("no: {}", refused.why),
        });
        writeln!(text, "| {} | {} |", name(status), cells.join(" | ")).unwrap();
    }
    text
}

/// The lists above leave nothing out that can be reached.
#[test]
fn every_status_that_can_be_reached_is_in_the_table() {
    for status in STATUSES {
        for after in STEPS.into_iter().filter_map(|step| status.after(step).ok()) {
            assert!(STATUSES.contains(&after), "{after:?}");
        }
    }
}
