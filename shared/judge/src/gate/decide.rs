//! From the numbers to harm, or to what is missing.

use super::fold::{Gate, Moment};
use super::verdict::{Harm, Missing, Numbers};
use crate::errors::Counts;
use crate::metric::{Importance, Kind};
use crate::threshold::Breach;

impl Gate {
    pub(super) fn harm(&self, numbers: &Numbers) -> Option<Harm> {
        if numbers.log_evidence >= numbers.log_bound {
            return Some(Harm::WorseThanBaseline);
        }
        if let Breach::Harmful { observed } = self.limit.breach() {
            let limit = self.rules.error_rate_limit;
            return Some(Harm::ErrorRateAboveLimit { observed, limit });
        }
        self.thresholds.iter().find_map(|t| match t.breach() {
            Breach::Harmful { observed } => Some(Harm::OutsideLimit {
                metric: t.threshold().metric.clone(),
                observed,
                limit: t.threshold().limit(),
            }),
            _ => None,
        })
    }

    pub(super) fn missing(&self, moment: Moment, numbers: &Numbers) -> Option<Missing> {
        let critical = || {
            let all = self.watches.iter();
            let critical = all.filter(|w| w.metric.importance == Importance::Critical);
            critical.map(|w| (w, w.newest_at_ms))
        };
        if self.watches.iter().all(|w| w.newest_at_ms.is_none()) {
            return Some(Missing::Data);
        }
        if let Some((watch, _)) = critical().find(|(_, newest)| newest.is_none()) {
            let metric = watch.metric.name.clone();
            return Some(Missing::Metric { metric });
        }
        let oldest = critical()
            .filter_map(|(_, newest)| newest)
            .min()
            .or(numbers.newest_at_ms)?;
        let age_ms = u64::try_from(moment.now_ms.saturating_sub(oldest)).unwrap_or(0);
        if age_ms > self.rules.max_age_ms {
            return Some(Missing::FreshData {
                age_ms,
                limit_ms: self.rules.max_age_ms,
            });
        }
        let (have, need) = (self.fewest_requests(), self.rules.min_requests);
        if have < need {
            return Some(Missing::Requests { have, need });
        }
        self.unhealthy().or_else(|| {
            let proven = self.rules.shorten_bake && numbers.log_harmless >= -self.rules.harmless_alpha.ln();
            (moment.bake_left_ms > 0 && !proven).then_some(Missing::BakeTime {
                left_ms: moment.bake_left_ms,
            })
        })
    }

    fn fewest_requests(&self) -> u64 {
        let critical = self
            .watches
            .iter()
            .filter(|w| w.metric.importance == Importance::Critical);
        let fewest = critical.map(|w| w.canary.requests).min();
        fewest.unwrap_or_else(|| self.watches.iter().map(|w| w.canary.requests).max().unwrap_or(0))
    }

    /// What is wrong without being a proof against the new version.
    fn unhealthy(&self) -> Option<Missing> {
        let limit = self.rules.error_rate_limit;
        let errors = self.watches.iter().filter(|w| w.metric.kind == Kind::Errors);
        let worst = errors
            .clone()
            .flat_map(|w| [w.canary, w.baseline])
            .filter_map(Counts::error_rate)
            .fold(0.0, f64::max);
        if worst > limit {
            return Some(Missing::HealthyBaseline {
                observed: worst,
                limit,
            });
        }
        let outside = self.thresholds.iter().find_map(|t| match t.breach() {
            Breach::Shared { observed } => Some(Missing::WithinLimit {
                metric: t.threshold().metric.clone(),
                observed,
                limit: t.threshold().limit(),
            }),
            _ => None,
        });
        let past = || {
            errors
                .clone()
                .find_map(|w| w.worse_than_the_past(-self.rules.alpha.ln()))
        };
        outside.or_else(|| past().map(|(now, then)| Missing::Comparison { now, then }))
    }
}
