//! From records of the stream to the upgrades whose events are to be delivered.

use std::collections::BTreeSet;

use lambda_runtime::Diagnostic;
use serde::Deserialize;
use sluice_app::error::StepError;
use sluice_app::ports::{Alerts, Bus, Outbox, Places, Upgrades, Workflows};
use sluice_app::relay::{self, Outlets};
use sluice_aws::dynamodb::event_of;
use sluice_core::ids::UpgradeId;

/// Delivers what stands after the cursor of every upgrade that the stream names. The stream brings the batch again
/// when one of them fails; those that were delivered then have nothing left to deliver.
pub async fn handle<T, B, A, W>(
    table: &T,
    outlets: &Outlets<B, A, W>,
    event: &StreamEvent,
) -> Result<(), Diagnostic>
where
    T: Upgrades + Outbox + Places,
    B: Bus,
    A: Alerts,
    W: Workflows,
{
    let mut first_error = None;
    for upgrade_id in upgrades(event) {
        match relay::run(table, outlets, upgrade_id).await {
            Ok(delivered) => tracing::info!(%upgrade_id, delivered, "events are delivered"),
            Err(error) => {
                tracing::error!(%upgrade_id, error = error.name.as_str(), detail = %error, "delivery failed");
                first_error.get_or_insert(error);
            }
        }
    }
    first_error.map_or(Ok(()), |error: StepError| {
        Err(Diagnostic {
            error_type: error.name.as_str().to_owned(),
            error_message: error.message,
        })
    })
}

fn upgrades(event: &StreamEvent) -> BTreeSet<UpgradeId> {
    let keys = event.records.iter().map(|r| &r.change.keys);
    keys.filter_map(|k| event_of(&k.pk.text, &k.sk.text)).collect()
}

/// What the stream brings, of which only the keys are of interest: what is delivered is read from the table.
#[derive(Debug, Deserialize)]
pub struct StreamEvent {
    #[serde(rename = "Records")]
    records: Vec<Record>,
}

#[derive(Debug, Deserialize)]
struct Record {
    #[serde(rename = "dynamodb")]
    change: Change,
}

#[derive(Debug, Deserialize)]
struct Change {
    #[serde(rename = "Keys")]
    keys: Keys,
}

#[derive(Debug, Deserialize)]
struct Keys {
    pk: Text,
    sk: Text,
}

#[derive(Debug, Deserialize)]
struct Text {
    #[serde(rename = "S")]
    text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_events_ring() {
        let id = "00000000-0000-0000-0000-00000000002a";
        let record = |pk: String, sk: &str| serde_json::json!({"eventName": "INSERT", "dynamodb": {"Keys": {"pk": {"S": pk}, "sk": {"S": sk}}}});
        let event = serde_json::json!({"Records": [
            record(format!("UPG#{id}"), "EVENT#0000000001"),
            record(format!("UPG#{id}"), "EVENT#0000000002"),
            record(format!("UPG#{id}"), "UPGRADE"),
            record("FLEET#t#c#f".to_owned(), "CHANNEL"),
            record("UPG#no-uuid".to_owned(), "EVENT#0000000001"),
        ]});
        let found = upgrades(&serde_json::from_value(event).unwrap());
        assert_eq!(found.into_iter().map(|u| u.to_string()).collect::<Vec<_>>(), [id]);
    }
}
