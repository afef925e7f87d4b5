//! What a function is told by its environment.

use std::collections::BTreeMap;

/// A setting of the functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Setting {
    /// Name of the table.
    Table,
    /// Name of the bucket.
    Bucket,
    /// ARN of the topic for alerts.
    TopicArn,
    /// Name or ARN of the bus for events.
    Bus,
    /// ARN of the state machine that runs upgrades.
    UpgradeMachineArn,
    /// ARN of the state machine that watches a way back.
    RollbackMachineArn,
}

impl Setting {
    /// All settings.
    pub const ALL: [Self; 6] = [
        Self::Table,
        Self::Bucket,
        Self::TopicArn,
        Self::Bus,
        Self::UpgradeMachineArn,
        Self::RollbackMachineArn,
    ];

    /// The name of the environment variable.
    #[must_use]
    pub fn variable(self) -> &'static str {
        match self {
            Self::Table => "SLUICE_TABLE",
            Self::Bucket => "SLUICE_BUCKET",
            Self::TopicArn => "SLUICE_TOPIC_ARN",
            Self::Bus => "SLUICE_BUS",
            Self::UpgradeMachineArn => "SLUICE_UPGRADE_MACHINE_ARN",
            Self::RollbackMachineArn => "SLUICE_ROLLBACK_MACHINE_ARN",
        }
    }
}

/// A setting that a function needs and was not given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the environment variable {variable} is missing or empty")]
pub struct MissingSetting {
    /// Its name.
    pub variable: &'static str,
}

/// The settings, as they were when the function started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    values: BTreeMap<Setting, String>,
    own_endpoint: bool,
}

impl Settings {
    /// Reads the environment. A setting may be absent: a function is given only what it needs.
    #[must_use]
    pub fn from_env() -> Self {
        Self::from_lookup(|variable| std::env::var(variable).ok())
    }

    /// Reads settings by any other means.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Self {
        let given = |variable: &str| lookup(variable).filter(|value| !value.is_empty());
        let values = Setting::ALL
            .into_iter()
            .filter_map(|s| Some((s, given(s.variable())?)))
            .collect();
        let own_endpoint = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"]
            .into_iter()
            .any(|v| given(v).is_some());
        Self { values, own_endpoint }
    }

    /// A setting that the function needs.
    ///
    /// # Errors
    /// [`MissingSetting`], naming the environment variable.
    pub fn require(&self, setting: Setting) -> Result<&str, MissingSetting> {
        let value = self.values.get(&setting).map(String::as_str);
        value.ok_or(MissingSetting {
            variable: setting.variable(),
        })
    }

    /// Whether S3 is to be asked with the bucket's name in the path: so where it has an address of its own, which
    /// usually knows no host name for each bucket.
    #[must_use]
    pub fn path_style(&self) -> bool {
        self.own_endpoint
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(values: &[(&str, &str)]) -> Settings {
        let values: BTreeMap<_, _> = values
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        Settings::from_lookup(|variable| values.get(variable).cloned())
    }

    #[test]
    fn each_setting_has_its_variable() {
        for setting in Setting::ALL {
            let given = settings(&[(setting.variable(), "x")]);
            for other in Setting::ALL {
                assert_eq!(
                    given.require(other).is_ok(),
                    other == setting,
                    "{setting:?} {other:?}"
                );
            }
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        for given in [settings(&[]), settings(&[("SLUICE_TABLE", "")])] {
            let error = given.require(Setting::Table).unwrap_err();
            assert_eq!(
                error.to_string(),
                "the environment variable SLUICE_TABLE is missing or empty"
            );
        }
    }

    #[test]
    fn an_own_endpoint_asks_by_path() {
        assert!(!settings(&[]).path_style());
        assert!(!settings(&[("AWS_ENDPOINT_URL", "")]).path_style());
        assert!(settings(&[("AWS_ENDPOINT_URL", "http://127.0.0.1:1")]).path_style());
        assert!(settings(&[("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")]).path_style());
    }
}
