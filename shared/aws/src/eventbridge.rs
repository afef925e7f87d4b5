//! Events, by an EventBridge bus.

use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::primitives::DateTime;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use aws_types::SdkConfig;
use sluice_app::ports::{Bus, PortResult};
use sluice_core::upgrade::Event;

use crate::error::{port_error, unavailable};

const DOING: &str = "publishing events";

/// The `source` of every event, by which rules choose.
const SOURCE: &str = "sluice";

/// EventBridge refuses more entries in one call.
const MAX_ENTRIES: usize = 10;

/// EventBridge refuses a call above 262,144 bytes; the rest of an entry beside its detail is well below 1,000.
const MAX_DETAIL_BYTES: usize = 262_144 - MAX_ENTRIES * 1_000;

/// A bus that listeners have rules on.
#[derive(Debug, Clone)]
pub struct EventBus {
    client: Client,
    name: String,
}

impl EventBus {
    /// The bus of this name or ARN.
    #[must_use]
    pub fn new(config: &SdkConfig, name: impl Into<String>) -> Self {
        Self {
            client: Client::new(config),
            name: name.into(),
        }
    }

    fn entry(&self, event: &Event, detail: &str) -> PutEventsRequestEntry {
        PutEventsRequestEntry::builder()
            .event_bus_name(&self.name)
            .source(SOURCE)
            .detail_type(&event.name)
            .resources(event.upgrade_id.to_string())
            .time(DateTime::from_secs(event.at.as_second()))
            .detail(detail)
            .build()
    }
}

impl Bus for EventBus {
    async fn publish(&self, events: &[Event]) -> PortResult<()> {
        let details = events
            .iter()
            .map(|e| serde_json::to_string(e).map_err(|_| unavailable(DOING, "no JSON")));
        let details = details.collect::<PortResult<Vec<_>>>()?;
        let mut left: Vec<_> = events.iter().zip(&details).collect();
        // Each round takes at least one event away.
        while !left.is_empty() {
            let lengths: Vec<_> = left.iter().map(|(_, detail)| detail.len()).collect();
            let chunk = left
                .drain(..fitting(&lengths))
                .map(|(event, detail)| self.entry(event, detail))
                .collect();
            let sent = self.client.put_events().set_entries(Some(chunk)).send().await;
            let refused = sent.map_err(|e| port_error(DOING, &e))?.failed_entry_count;
            // The caller comes again with all of them; listeners tell repeated ones by upgrade and number.
            if refused > 0 {
                return Err(unavailable(
                    DOING,
                    format!("{refused} of the entries were not accepted"),
                ));
            }
        }
        Ok(())
    }
}

/// How many of the first details fit into one call: at least one, which is refused if it is too large alone.
fn fitting(lengths: &[usize]) -> usize {
    let mut total = 0usize;
    let fits = lengths.iter().take(MAX_ENTRIES).take_while(|length| {
        total = total.saturating_add(**length);
        total <= MAX_DETAIL_BYTES
    });
    fits.count().max(1).min(lengths.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_fit() {
        for (lengths, expected) in [
            (vec![], 0),
            (vec![100; 3], 3),
            (vec![100; 25], 10),
            (vec![100_000; 4], 2),
            (vec![300_000, 100], 1),
            (vec![100, 300_000], 1),
        ] {
            assert_eq!(fitting(&lengths), expected, "{lengths:?}");
        }
    }
}
