//! When metrics stay away.

use serde::{Deserialize, Serialize};

/// What follows when metrics have been away for long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnSilence {
    /// Somebody has to look: nothing is known against the version.
    #[default]
    Pause,
    /// The fleet goes back: nothing is known in favour of the version either.
    Rollback,
}

/// When silence matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SilenceRules {
    /// Silence that people are told of, in milliseconds. Default 300,000.
    pub alert_after_ms: u64,
    /// Silence that is acted on, in milliseconds. Default 900,000.
    pub act_after_ms: u64,
    /// What is done then. Default: pause.
    pub then: OnSilence,
}

impl Default for SilenceRules {
    fn default() -> Self {
        Self {
            alert_after_ms: 300_000,
            act_after_ms: 900_000,
            then: OnSilence::default(),
        }
    }
}

/// What a silence calls for. While it lasts nothing passes, whatever it calls for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Silence {
    /// Nothing yet.
    Wait,
    /// People are to be told.
    Alert,
    /// The upgrade is to be paused.
    Pause,
    /// The fleet is to go back.
    Rollback,
}

impl SilenceRules {
    /// What metrics call for that have been away for some time. This is about the monitoring as a whole: when only
    /// the new version is silent, that is evidence against it, and is counted as missed check-ins.
    #[must_use]
    pub fn judge(&self, silent_ms: u64) -> Silence {
        match self.then {
            OnSilence::Pause if silent_ms >= self.act_after_ms => Silence::Pause,
            OnSilence::Rollback if silent_ms >= self.act_after_ms => Silence::Rollback,
            _ if silent_ms >= self.alert_after_ms => Silence::Alert,
            _ => Silence::Wait,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_borne_told_and_acted_on() {
        let rows = [
            (0, OnSilence::Pause, Silence::Wait),
            (299_999, OnSilence::Rollback, Silence::Wait),
            (300_000, OnSilence::Pause, Silence::Alert),
            (899_999, OnSilence::Rollback, Silence::Alert),
            (900_000, OnSilence::Pause, Silence::Pause),
            (u64::MAX, OnSilence::Rollback, Silence::Rollback),
        ];
        for (silent_ms, then, expected) in rows {
            let rules = SilenceRules {
                then,
                ..SilenceRules::default()
            };
            assert_eq!(rules.judge(silent_ms), expected, "{silent_ms} {then:?}");
        }
    }
}
