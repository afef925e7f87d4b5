//! What was asked of an upgrade, checked and completed with defaults.

use serde::{Deserialize, Serialize};
use sluice_judge::gate::Rules;

use crate::checks::{self, Checks};
use crate::fleet::Switch;
use crate::policy::kept::RestsOn;
use crate::policy::{Approval, OnBreaker, Order};
use crate::units::Percent;

mod changes;
mod field;
mod shape;
mod wishes;
mod words;

pub use changes::Changes;
pub use field::FieldError;
use field::{DAY, number, percent, way_back};
pub use shape::Shape;
use shape::is_default;
pub use wishes::Wishes;
pub use words::{Promotion, Strategy};

/// What holds for one upgrade; part of its plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// How the fleet goes.
    pub strategy: Strategy,
    /// Share of the instances in the first canary stage.
    pub canary_percentage: Percent,
    /// Whether a second stage brings the canary to at least 20%.
    pub canary_second_stage: bool,
    /// The canary's stages, each a share of all instances; instead of the two above where there are any.
    #[serde(default, skip_serializing_if = "is_default")]
    pub canary_stages: Vec<Percent>,
    /// Which instances go first.
    #[serde(default, skip_serializing_if = "is_default")]
    pub order: Order,
    /// How the instances after the canary are divided.
    #[serde(default, skip_serializing_if = "is_default")]
    pub shape: Shape,
    /// Most instances in one batch.
    pub batch_size: u32,
    /// How long a batch is watched before the next one.
    pub batch_delay_seconds: u32,
    /// Time between two looks.
    pub health_check_interval_seconds: u32,
    /// How long an instance may take to report from the new version.
    pub health_check_timeout_seconds: u32,
    /// Most instances that may be unavailable at a time.
    pub max_unavailable_percentage: Percent,
    /// The same as a number, which then counts.
    #[serde(default, skip_serializing_if = "is_default")]
    pub max_unavailable: Option<u32>,
    /// Most instances that run the new version beside the old one at a time.
    pub max_surge: u32,
    /// How instances switch.
    #[serde(default, skip_serializing_if = "is_default")]
    pub switch: Switch,
    /// Whether failure brings the fleet back by itself.
    pub auto_rollback_enabled: bool,
    /// Failed instances that end the upgrade.
    pub failure_threshold: u32,
    /// Failures in a row that trip the breaker.
    #[serde(default = "breaker_limit")]
    pub max_consecutive_failures: u32,
    /// What the breaker does.
    #[serde(default = "back")]
    pub on_breaker: OnBreaker,
    /// Who says that the canary is good.
    #[serde(default, skip_serializing_if = "is_default")]
    pub canary_promotion: Promotion,
    /// Who has to agree to its start and to other critical actions.
    #[serde(default = "nobody")]
    pub approval: Approval,
    /// Instances that may be left behind because they never answered; beyond what may be unavailable.
    #[serde(default)]
    pub unreachable_limit: u32,
    /// Most instances that a way back may make unavailable at a time.
    #[serde(default = "all")]
    pub rollback_max_unavailable_percentage: Percent,
    /// How long the old version is kept for return after completion. Default a day.
    pub hold_seconds: u32,
    /// What a batch has to show before the next one.
    pub gate: Rules,
    /// What each instance has to show before and after its move.
    #[serde(default, skip_serializing_if = "Checks::is_empty")]
    pub checks: Checks,
    /// The policies that all of this rests on.
    #[serde(default, skip_serializing_if = "is_default")]
    pub policies: Vec<RestsOn>,
}

impl Settings {
    /// Checks the wishes and completes them with defaults.
    ///
    /// # Errors
    /// Every field whose value is out of range.
    pub fn resolve(wishes: &Wishes) -> Result<Self, Vec<FieldError>> {
        let mut errors = Vec::new();
        let settings = Self::of_fields(wishes, &mut errors);
        settings.check_together(&mut errors);
        if errors.is_empty() {
            Ok(settings)
        } else {
            Err(errors)
        }
    }

    /// Checks each wish by itself: what is left out may be said elsewhere, so that they cannot be checked together yet.
    ///
    /// # Errors
    /// Every field whose value is out of range.
    pub fn check_fields(wishes: &Wishes) -> Result<(), Vec<FieldError>> {
        let mut errors = Vec::new();
        Self::of_fields(wishes, &mut errors);
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }

    fn of_fields(wishes: &Wishes, errors: &mut Vec<FieldError>) -> Self {
        let strategy = wishes.strategy.unwrap_or_default();
        if matches!(strategy, Strategy::BlueGreen | Strategy::Staged) {
            errors.push(FieldError::new(
                "strategy",
                "this strategy is not offered",
                "ROLLING, CANARY or RECREATE",
            ));
        }
        let max_unavailable_percentage = percent(
            errors,
            "maxUnavailablePercentage",
            wishes.max_unavailable_percentage,
            25,
        );
        let batch_size = number(errors, "batchSize", wishes.batch_size, 5, 1, 1_000_000);
        // All at once is never beside.
        let switch = if strategy == Strategy::Recreate {
            Switch::InPlace
        } else {
            wishes.switch
        };
        let usual_surge = match switch {
            Switch::InPlace => 0,
            Switch::Overlap => batch_size,
        };
        let auto_rollback_enabled = wishes.auto_rollback_enabled.unwrap_or(true);
        Self {
            strategy,
            switch,
            canary_percentage: percent(errors, "canaryPercentage", wishes.canary_percentage, 10),
            canary_second_stage: wishes.canary_second_stage.unwrap_or(true),
            canary_stages: Vec::new(),
            order: Order::default(),
            shape: Shape::default(),
            max_unavailable: None,
            batch_size,
            batch_delay_seconds: number(
                errors,
                "batchDelaySeconds",
                wishes.batch_delay_seconds,
                60,
                0,
                DAY,
            ),
            health_check_interval_seconds: number(
                errors,
                "healthCheckIntervalSeconds",
                wishes.health_check_interval_seconds,
                30,
                1,
                3_600,
            ),
            health_check_timeout_seconds: number(
                errors,
                "healthCheckTimeoutSeconds",
                wishes.health_check_timeout_seconds,
                300,
                1,
                DAY,
            ),
            max_unavailable_percentage,
            rollback_max_unavailable_percentage: way_back(
                errors,
                wishes.rollback_max_unavailable_percentage,
                max_unavailable_percentage,
            ),
            max_surge: number(errors, "maxSurge", wishes.max_surge, usual_surge, 0, 1_000_000),
            auto_rollback_enabled,
            failure_threshold: number(
                errors,
                "failureThreshold",
                wishes.failure_threshold,
                3,
                1,
                1_000_000,
            ),
            max_consecutive_failures: number(
                errors,
                "maxConsecutiveFailures",
                wishes.max_consecutive_failures,
                breaker_limit(),
                1,
                MOST_IN_A_ROW,
            ),
            on_breaker: wishes.on_breaker.unwrap_or(if auto_rollback_enabled {
                OnBreaker::Rollback
            } else {
                OnBreaker::Ask
            }),
            canary_promotion: wishes.canary_promotion.unwrap_or_default(),
            approval: wishes.approval.unwrap_or(nobody()),
            unreachable_limit: number(
                errors,
                "unreachableLimit",
                wishes.unreachable_limit,
                0,
                0,
                1_000_000,
            ),
            policies: Vec::new(),
            hold_seconds: DAY,
            gate: Rules::default(),
            checks: checks::resolve(
                wishes.pre_upgrade_check.as_ref(),
                wishes.post_upgrade_verify.as_ref(),
                errors,
            ),
        }
    }

    /// What no field is wrong by itself in, and the fields together are.
    fn check_together(&self, errors: &mut Vec<FieldError>) {
        let checks_seconds = self.checks.longest_ms().div_ceil(1_000);
        if u64::from(self.health_check_timeout_seconds) <= checks_seconds {
            let problem = format!(
                "is {}, and the checks alone may take {checks_seconds} s",
                self.health_check_timeout_seconds
            );
            let accepted = format!("{} to {DAY}", checks_seconds + 1);
            errors.push(FieldError::new("healthCheckTimeoutSeconds", problem, accepted));
        }
        self.check_room(errors);
    }

    /// Something has to be able to move.
    fn check_room(&self, errors: &mut Vec<FieldError>) {
        let (field, problem, accepted) = match self.switch {
            Switch::Overlap if self.max_surge == 0 => (
                "maxSurge",
                "is 0, and the fleet is declared to switch by overlap: nothing could start beside what runs",
                "1 to 1000000",
            ),
            Switch::InPlace
                if self.strategy != Strategy::Recreate
                    && self.max_unavailable_percentage == Percent::ZERO =>
            {
                (
                    "maxUnavailablePercentage",
                    "is 0, and the fleet switches in place: an instance is unavailable while it moves",
                    "1 to 100, or 0 for a fleet that is declared with switch overlap, with maxSurge above 0",
                )
            }
            _ => return,
        };
        if !errors.iter().any(|e| e.field == field) {
            errors.push(FieldError::new(field, problem, accepted));
        }
    }
}

/// So many failures of a batch are kept in their order.
pub const MOST_IN_A_ROW: u32 = 1_000;

/// Two failures in a row are no accident of one instance.
fn breaker_limit() -> u32 {
    2
}

/// Whoever plans for a fleet says what the fleet's declaration says, which is `always` unless it says otherwise.
fn nobody() -> Approval {
    Approval::Never
}

fn back() -> OnBreaker {
    OnBreaker::Rollback
}

/// A plan from before there were waves goes back at once.
fn all() -> Percent {
    Percent::FULL
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_the_documented_ones() {
        let s = Settings::resolve(&Wishes::default()).unwrap();
        assert_eq!(
            (
                s.strategy,
                s.canary_percentage.get(),
                s.batch_size,
                s.batch_delay_seconds
            ),
            (Strategy::Rolling, 10, 5, 60)
        );
        assert_eq!(
            (s.health_check_interval_seconds, s.health_check_timeout_seconds),
            (30, 300)
        );
        assert_eq!(
            (
                s.max_unavailable_percentage.get(),
                s.max_surge,
                s.failure_threshold
            ),
            (25, 0, 3)
        );
        assert!(s.auto_rollback_enabled && s.canary_second_stage);
        let breaker = (s.max_consecutive_failures, s.on_breaker, s.canary_promotion);
        assert_eq!(breaker, (2, OnBreaker::Rollback, Promotion::Automatic));
    }

    /// Without a way back by itself, a person is asked.
    #[test]
    fn the_breaker_asks_where_nothing_goes_back_by_itself() {
        for (json, expected) in [
            (r#"{"autoRollbackEnabled":false}"#, OnBreaker::Ask),
            (
                r#"{"autoRollbackEnabled":false,"onBreaker":"rollback"}"#,
                OnBreaker::Rollback,
            ),
            (r#"{"onBreaker":"ask"}"#, OnBreaker::Ask),
        ] {
            let settings = Settings::resolve(&serde_json::from_str(json).unwrap()).unwrap();
            assert_eq!(settings.on_breaker, expected, "{json}");
        }
    }

    #[test]
    fn each_bad_value_is_named_with_its_range() {
        let json = r#"{"canaryPercentage":101,"batchSize":0,"batchDelaySeconds":-1,"healthCheckIntervalSeconds":0,
            "healthCheckTimeoutSeconds":86401,"maxUnavailablePercentage":-5,"maxSurge":-1,"failureThreshold":0,
            "maxConsecutiveFailures":0,"strategy":"STAGED","rollbackMaxUnavailablePercentage":0,"unreachableLimit":-1}"#;
        let errors = Settings::resolve(&serde_json::from_str(json).unwrap()).unwrap_err();
        let said: Vec<_> = errors
            .iter()
            .map(|e| format!("{} {} ({})", e.field, e.problem, e.accepted))
            .collect();
        assert_eq!(
            said,
            [
                "strategy this strategy is not offered (ROLLING, CANARY or RECREATE)",
                "maxUnavailablePercentage is -5 (0 to 100)",
                "batchSize is 0 (1 to 1000000)",
                "canaryPercentage is 101 (0 to 100)",
                "batchDelaySeconds is -1 (0 to 86400)",
                "healthCheckIntervalSeconds is 0 (1 to 3600)",
                "healthCheckTimeoutSeconds is 86401 (1 to 86400)",
                "rollbackMaxUnavailablePercentage is 0 (1 to 100)",
                "maxSurge is -1 (0 to 1000000)",
                "failureThreshold is 0 (1 to 1000000)",
                "maxConsecutiveFailures is 0 (1 to 1000)",
                "unreachableLimit is -1 (0 to 1000000)",
            ]
        );
    }

    #[test]
    fn a_fleet_that_could_never_move_is_refused() {
        use Strategy::{Recreate, Rolling};
        use Switch::{InPlace, Overlap};
        for (unavailable, surge, strategy, switch, refused) in [
            (0, Some(0), Rolling, InPlace, Some("maxUnavailablePercentage")),
            (0, Some(1), Rolling, InPlace, Some("maxUnavailablePercentage")),
            (1, Some(0), Rolling, InPlace, None),
            (0, Some(0), Recreate, InPlace, None),
            (0, Some(0), Recreate, Overlap, None),
            (0, Some(0), Rolling, Overlap, Some("maxSurge")),
            (50, Some(0), Rolling, Overlap, Some("maxSurge")),
            (0, Some(1), Rolling, Overlap, None),
            (0, None, Rolling, Overlap, None),
        ] {
            let wishes = Wishes {
                max_unavailable_percentage: Some(unavailable),
                max_surge: surge,
                strategy: Some(strategy),
                switch,
                ..Wishes::default()
            };
            let errors = Settings::resolve(&wishes).err().unwrap_or_default();
            let fields: Vec<_> = errors.iter().map(|e| e.field.as_str()).collect();
            let expected: Vec<_> = refused.into_iter().collect();
            assert_eq!(
                fields, expected,
                "{unavailable} {surge:?} {strategy:?} {switch:?}"
            );
        }
    }

    #[test]
    fn an_overlap_takes_a_batch_beside_unless_told_otherwise() {
        for (surge, batch_size, expected) in [(None, 5, 5), (None, 8, 8), (Some(2), 8, 2)] {
            let wishes = Wishes {
                max_surge: surge,
                batch_size: Some(batch_size),
                switch: Switch::Overlap,
                ..Wishes::default()
            };
            let settings = Settings::resolve(&wishes).unwrap();
            assert_eq!((settings.max_surge, settings.switch), (expected, Switch::Overlap));
        }
    }
}
