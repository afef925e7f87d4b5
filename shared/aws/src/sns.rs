//! Alerts, by an SNS topic.

use aws_sdk_sns::Client;
use aws_sdk_sns::types::MessageAttributeValue;
use aws_types::SdkConfig;
use sluice_app::ports::{Alert, Alerts, PortResult};

use crate::error::{port_error, unavailable};

const DOING: &str = "publishing an alert";

/// SNS refuses a longer subject.
const MAX_SUBJECT: usize = 100;

/// A topic that people have subscribed to.
#[derive(Debug, Clone)]
pub struct Topic {
    client: Client,
    arn: String,
}

impl Topic {
    /// The topic of this ARN.
    #[must_use]
    pub fn new(config: &SdkConfig, arn: impl Into<String>) -> Self {
        Self {
            client: Client::new(config),
            arn: arn.into(),
        }
    }
}

impl Alerts for Topic {
    async fn publish(&self, alert: &Alert) -> PortResult<()> {
        // Subscribers can filter by it.
        let event = MessageAttributeValue::builder()
            .data_type("String")
            .string_value(&alert.event)
            .build();
        let event = event.map_err(|_| unavailable(DOING, "the request could not be made"))?;
        let published = self
            .client
            .publish()
            .topic_arn(&self.arn)
            .subject(subject(&alert.subject))
            .message(&alert.body)
            .message_attributes("event", event)
            .send()
            .await;
        published.map(|_| ()).map_err(|e| port_error(DOING, &e))
    }
}

/// A subject as SNS accepts it: printable ASCII, at most 100 characters. An alert with a mended subject is better
/// than none.
fn subject(text: &str) -> String {
    let mended = text
        .chars()
        .map(|c| if c == ' ' || c.is_ascii_graphic() { c } else { '?' });
    let mended: String = mended.collect();
    mended.trim_start().chars().take(MAX_SUBJECT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_are_what_sns_accepts() {
        for (given, expected) in [
            ("upgrade rolled back", "upgrade rolled back"),
            (" two\nlines", "two?lines"),
            ("für alle", "f?r alle"),
            (&"x".repeat(101), &*"x".repeat(100)),
        ] {
            assert_eq!(subject(given), expected);
        }
    }
}
