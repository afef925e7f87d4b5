//! From the numbers to harm, or to what is missing.

use super::fold::{Gate, Moment};
use super::verdict::{Harm, Missing, Numbers};
use crate::errors::Counts;
use crate::metric::{Importance, Kind};
use crate::threshold::{Breach, ThresholdWatch};

impl Gate {
    pub(super) fn harm(&self, numbers: &Numbers) -> Option<Harm> {
        if numbers.log_evidence >= numbers.log_bound {
            return Some(Harm::WorseThanBaseline);
        }
        let above = self.limits.values().find_map(|l| match l.watch.breach() {
            Breach::Harmful { observed } => Some(Harm::ErrorRateAboveLimit {
                metric: l.watch.threshold().metric.clone(),
                observed,
                limit: self.rules.error_rate_limit,
            }),
            _ => None,
        });
        let outside = || {
            self.deciding_thresholds().find_map(|t| match t.breach() {
                Breach::Harmful { observed } => Some(Harm::OutsideLimit {
                    metric: t.threshold().metric.clone(),
                    observed,
                    limit: t.threshold().limit(),
                }),
                _ => None,
            })
        };
        above.or_else(outside)
    }

    fn deciding_thresholds(&self) -> impl Iterator<Item = &ThresholdWatch> {
        let all = self.thresholds.iter();
        all.filter(|t| t.threshold().importance != Importance::ObserveOnly)
    }

    /// Critical metrics and thresholds, each with its newest datapoint.
    fn critical(&self) -> impl Iterator<Item = (&str, Option<i64>)> {
        let watches = self
            .watches
            .iter()
            .filter(|w| w.metric.importance == Importance::Critical);
        let thresholds = self
            .thresholds
            .iter()
            .filter(|t| t.threshold().importance == Importance::Critical);
        watches
            .map(|w| (w.metric.name.as_str(), w.newest_at_ms))
            .chain(thresholds.map(|t| (t.threshold().metric.as_str(), t.newest_at_ms())))
    }

    pub(super) fn missing(&self, moment: Moment, numbers: &Numbers) -> Option<Missing> {
        if self.watches.iter().all(|w| w.newest_at_ms.is_none()) {
            return Some(Missing::Data);
        }
        if let Some((metric, _)) = self.critical().find(|(_, newest)| newest.is_none()) {
            return Some(Missing::Metric {
                metric: metric.to_owned(),
                why: self.absent.get(metric).cloned(),
            });
        }
        if let Some(metric) = self.incomparable() {
            return Some(Missing::ComparableArms { metric });
        }
        let oldest = self
            .critical()
            .filter_map(|(_, newest)| newest)
            .min()
            .or_else(|| self.watches.iter().filter_map(|w| w.newest_at_ms).max());
        let Some(oldest) = oldest else {
            return Some(Missing::Data);
        };
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

    /// A critical metric of means that was read and never bet on.
    fn incomparable(&self) -> Option<String> {
        let critical = self
            .watches
            .iter()
            .filter(|w| w.metric.importance == Importance::Critical);
        let mut never = critical.filter(|w| w.means.as_ref().is_some_and(|m| m.both().is_none()));
        never.next().map(|w| w.metric.name.clone())
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
        let errors = self
            .watches
            .iter()
            .filter(|w| w.metric.kind == Kind::Errors && w.metric.importance != Importance::ObserveOnly);
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
        let outside = self.deciding_thresholds().find_map(|t| match t.breach() {
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
