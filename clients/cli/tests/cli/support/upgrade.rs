//! Upgrades as the API shows them.

use serde_json::{Value, json};
use sluice_contract::api::UpgradeView;

pub const ID: &str = "00000000-0000-4000-8000-00000000000a";
pub const COMPONENT: &str = "00000000-0000-4000-8000-0000000000c0";
pub const FROM: &str = "00000000-0000-4000-8000-000000000001";
pub const TO: &str = "00000000-0000-4000-8000-000000000002";

/// An upgrade in its second batch, paused.
pub fn view(status: &str) -> Value {
    let ended = matches!(status, "COMPLETED" | "ROLLED_BACK" | "FAILED" | "CANCELLED");
    let hold = json!({
        "cause": "paused", "by": "ann", "reason": "lunch",
        "since": "2026-03-01T12:00:00Z", "sentence": "paused by ann: lunch",
        "releasedBy": "an operator: resume or rollback", "command": "sluice upgrade resume ID",
        "deadline": "none: it ends by a deed alone; people are told after 12 hours",
    });
    let value = json!({
        "executionId": ID, "tenantId": "acme", "componentId": COMPONENT, "fleetId": "default",
        "fromVersionId": FROM, "fromVersion": "1.0.0", "toVersionId": TO, "toVersion": "1.1.0",
        "strategy": "CANARY", "status": status, "planHash": "sha256:00", "totalInstances": 10,
        "batches": [
            { "index": 0, "kind": "canary", "size": 1, "phase": "passed", "completed": 1, "failed": 0 },
            { "index": 1, "kind": "rolling", "size": 9, "phase": "moving", "completed": 4, "failed": 1 },
        ],
        "currentBatch": 1, "trafficPercentage": 10, "epoch": 1,
        "hold": if ended { Value::Null } else { hold },
        "gate": "harmless: 0 of 100", "rollbackInfo": {
            "autoRollbackEnabled": true, "failureThreshold": 3, "currentFailures": 1, "rollbackReason": null,
            "rollbackInitiatedAt": null, "rollbackInitiatedBy": null, "rolledBackInstances": [],
        },
        "failure": null, "warnings": [], "estimatedTotalSeconds": 120, "initiatedBy": null,
        "requestedBy": "ann", "createdAt": "2026-03-01T11:59:00Z", "startedAt": "2026-03-01T11:59:30Z",
        "endedAt": if ended { json!("2026-03-01T12:10:00Z") } else { Value::Null },
        "clocks": {}, "reportAvailable": ended, "seq": 5,
    });
    // What the tests serve must be what the API serves.
    serde_json::from_value::<UpgradeView>(value.clone()).unwrap();
    value
}
