//! What holds where nobody says otherwise.

use crate::policy::Policy;
use crate::policy::check::partition::Partition;
use crate::policy::parts::{
    Approval, Batches, Canary, MissingData, OnHarm, OnMissing, OnPause, OnTooLong, OnWindowEnd, Order, Retry,
    Rollback, RollingUpdate, Watch,
};
use crate::seconds::Seconds;
use crate::settings::{Settings, Wishes};
use crate::units::{Amount, Count};

/// Sluice's own policy. Those values that a request can name as well are taken from there, so that both agree.
#[must_use]
pub fn defaults() -> Policy {
    let Ok(settings) = Settings::resolve(&Wishes::default()) else {
        return Policy::default();
    };
    let seconds = |n: u32| Seconds::new(u64::from(n)).ok();
    let count = |n: u32| Count::new(i64::from(n)).ok();
    Policy {
        strategy: Some(settings.strategy),
        order: Some(Order::Spread),
        canary: Some(Canary {
            percentage: Some(settings.canary_percentage),
            second_stage: Some(settings.canary_second_stage),
            stages: None,
            promotion: Some(settings.canary_promotion),
        }),
        batches: Some(Batches {
            count: count(settings.batch_size),
            delay: seconds(settings.batch_delay_seconds),
            ..Batches::default()
        }),
        rolling_update: Some(RollingUpdate {
            // How many may run beside others depends on how the fleet switches.
            max_surge: None,
            max_unavailable: Some(Amount::Percent(settings.max_unavailable_percentage)),
            partition: Some(Partition::default()),
            timeout: seconds(settings.health_check_timeout_seconds),
        }),
        watch: Some(Watch {
            interval: seconds(settings.health_check_interval_seconds),
            failure_threshold: count(settings.failure_threshold),
            max_consecutive_failures: count(2),
            on_breaker: None,
            on_harm: Some(OnHarm::Rollback),
            retry: Some(Retry {
                attempts: count(3),
                delay: seconds(10),
            }),
            missing_data: Some(MissingData {
                alert_after: seconds(300),
                act_after: seconds(900),
                action: Some(OnMissing::Pause),
            }),
        }),
        rollback: Some(Rollback {
            enabled: Some(true),
            on_failure: Some(settings.auto_rollback_enabled),
            limit: count(3),
            max_unavailable: None,
        }),
        on_window_end: Some(OnWindowEnd::FinishBatch),
        on_too_long: Some(OnTooLong::Refuse),
        approval: Some(Approval::Always),
        on_pause: Some(OnPause::Hold),
        ..Policy::default()
    }
}
