//! What may be changed of a plan before it is agreed to.

use serde::{Deserialize, Serialize};

use super::{DAY, FieldError, MOST_IN_A_ROW, Settings, Shape, number};
use crate::units::Percent;

/// What is to be changed; what is absent stays.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Changes {
    /// Most of the fleet in one batch, in percent; instead of a number of instances.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch_percentage: Option<i64>,
    /// Most instances in one batch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch_size: Option<i64>,
    /// How long a batch is watched before the next one, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch_delay_seconds: Option<i64>,
    /// Time between two looks, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health_check_interval_seconds: Option<i64>,
    /// Failed instances that end the upgrade.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_threshold: Option<i64>,
    /// Failures in a row that trip the breaker.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_consecutive_failures: Option<i64>,
}

impl Settings {
    /// The settings with these changes.
    ///
    /// # Errors
    /// Every field whose value is out of range, and changes that change nothing.
    pub fn changed(&self, changes: &Changes) -> Result<Self, Vec<FieldError>> {
        let mut errors = Vec::new();
        if changes.batch_percentage.is_some() && changes.batch_size.is_some() {
            let problem = "is said beside batchSize";
            errors.push(FieldError::new("batchPercentage", problem, "one of the two"));
        }
        if changes.batch_percentage.is_some() && matches!(self.shape, Shape::Partition(_)) {
            let problem = "is said, and the plan has a partition";
            errors.push(FieldError::new("batchPercentage", problem, "batchSize"));
        }
        let shape = match changes.batch_percentage.map(Percent::new) {
            Some(Ok(share)) if share > Percent::ZERO => Shape::Percentage(share),
            Some(_) => {
                let problem = format!("is {}", changes.batch_percentage.unwrap_or_default());
                errors.push(FieldError::new("batchPercentage", problem, "1 to 100"));
                Shape::Count
            }
            None if changes.batch_size.is_some() && !matches!(self.shape, Shape::Partition(_)) => {
                Shape::Count
            }
            None => self.shape.clone(),
        };
        let mut of = |field, given, now, min, max| number(&mut errors, field, given, now, min, max);
        let changed = Self {
            shape,
            batch_size: of("batchSize", changes.batch_size, self.batch_size, 1, 1_000_000),
            batch_delay_seconds: of(
                "batchDelaySeconds",
                changes.batch_delay_seconds,
                self.batch_delay_seconds,
                0,
                DAY,
            ),
            health_check_interval_seconds: of(
                "healthCheckIntervalSeconds",
                changes.health_check_interval_seconds,
                self.health_check_interval_seconds,
                1,
                3_600,
            ),
            failure_threshold: of(
                "failureThreshold",
                changes.failure_threshold,
                self.failure_threshold,
                1,
                1_000_000,
            ),
            max_consecutive_failures: of(
                "maxConsecutiveFailures",
                changes.max_consecutive_failures,
                self.max_consecutive_failures,
                1,
                MOST_IN_A_ROW,
            ),
            ..self.clone()
        };
        if errors.is_empty() && changed == *self {
            errors.push(FieldError::new(
                "changes",
                "change nothing",
                "another value of any field",
            ));
        }
        if errors.is_empty() {
            Ok(changed)
        } else {
            Err(errors)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Wishes;

    #[test]
    fn changes_are_checked_and_made() {
        let settings = Settings::resolve(&Wishes::default()).unwrap();
        for (json, expected) in [
            (r#"{"batchPercentage":10,"maxConsecutiveFailures":1}"#, ""),
            (r#"{"batchSize":7}"#, ""),
            (r#"{"failureThreshold":1,"batchDelaySeconds":600}"#, ""),
            (r#"{"healthCheckIntervalSeconds":5}"#, ""),
            (
                r#"{"healthCheckIntervalSeconds":0}"#,
                "healthCheckIntervalSeconds",
            ),
            ("{}", "changes"),
            (r#"{"batchSize":5}"#, "changes"),
            (
                r#"{"batchSize":0,"failureThreshold":0}"#,
                "batchSize failureThreshold",
            ),
            (r#"{"batchPercentage":0}"#, "batchPercentage"),
            (r#"{"batchPercentage":10,"batchSize":7}"#, "batchPercentage"),
            (
                r#"{"batchDelaySeconds":86401,"maxConsecutiveFailures":1001}"#,
                "batchDelaySeconds maxConsecutiveFailures",
            ),
        ] {
            let changes: Changes = serde_json::from_str(json).unwrap();
            let fields = match settings.changed(&changes) {
                Ok(changed) => {
                    assert_ne!(changed, settings, "{json}");
                    String::new()
                }
                Err(errors) => errors
                    .iter()
                    .map(|e| e.field.clone())
                    .collect::<Vec<_>>()
                    .join(" "),
            };
            assert_eq!(fields, expected, "{json}");
        }
        assert!(serde_json::from_str::<Changes>(r#"{"strategy":"CANARY"}"#).is_err());
    }
}
