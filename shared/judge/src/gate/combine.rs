//! The evidence of all metrics together.

use super::fold::Gate;
use super::mean::MeanWatch;
use super::verdict::{MeanValues, Numbers, Observed};
use super::watch::Watch;
use crate::errors::{Comparison, Counts};
use crate::metric::Importance;
use crate::threshold::Threshold;

impl Gate {
    pub(super) fn numbers(&mut self) -> Numbers {
        let log_bound = -self.rules.alpha.ln();
        let log_part = self.log_part;
        let compared: Vec<_> = self.watches.iter_mut().map(Watch::compare).collect();
        let deciding = || {
            let both = self.watches.iter().zip(&compared);
            both.filter(|(w, _)| w.metric.importance != Importance::ObserveOnly)
                .map(|(w, c)| (w.metric.weight, c))
        };
        let average = |of: fn(&Comparison) -> f64| {
            let logs = deciding().map(|(weight, c)| (weight, c.as_ref().map_or(0.0, of)));
            log_average(logs) + log_part
        };
        let log_evidence = average(|c| c.harm);
        let strongest = self
            .watches
            .iter()
            .zip(&compared)
            .filter(|(w, _)| w.metric.importance != Importance::ObserveOnly)
            .filter_map(|(w, c)| c.as_ref().map(|c| (w, c)))
            .max_by(|a, b| {
                (a.0.metric.weight.ln() + a.1.harm).total_cmp(&(b.0.metric.weight.ln() + b.1.harm))
            });
        let Some((watch, comparison)) = strongest else {
            return Numbers {
                log_evidence,
                log_bound,
                all: self.observed(&compared),
                ..Numbers::default()
            };
        };
        let sick = if log_evidence < log_bound {
            watch.sick_hosts(log_bound)
        } else {
            Vec::new()
        };
        let name = |h: &u32| self.roster.name(*h).map_or_else(|| h.to_string(), str::to_owned);
        let host_problems = sick.iter().map(name).collect();
        let critical = self
            .watches
            .iter()
            .zip(&compared)
            .filter(|(w, _)| w.metric.importance == Importance::Critical);
        let log_harmless = critical
            .map(|(_, c)| c.as_ref().map_or(0.0, |c| c.harmless))
            .reduce(f64::min)
            .unwrap_or(0.0);
        Numbers {
            metric: watch.metric.name.clone(),
            kind: watch.metric.kind,
            means: watch
                .means
                .as_ref()
                .and_then(MeanWatch::both)
                .map(|b| MeanValues {
                    canary: b.canary,
                    baseline: b.baseline,
                    minutes: b.minutes,
                }),
            all: self.observed(&compared),
            recorded_as: None,
            canary: watch.canary,
            baseline: watch.baseline,
            log_evidence,
            log_bound,
            log_harmless,
            dispersion: comparison.dispersion,
            margin: watch.margin,
            basis: comparison.basis,
            host_problems,
            first_error_at_ms: watch.first_error_at_ms,
            newest_at_ms: watch.newest_at_ms,
        }
    }
}

impl Gate {
    /// Every metric and limit, where there are several.
    fn observed(&self, compared: &[Option<Comparison>]) -> Vec<Observed> {
        let several = self.watches.len() + self.thresholds.len() > 1;
        let metrics = self.watches.iter().zip(compared).map(|(w, c)| {
            let means = w.means.as_ref().map(MeanWatch::both);
            let (canary, baseline) = match means {
                Some(both) => (both.map(|b| b.canary), both.map(|b| b.baseline)),
                None => (Counts::error_rate(w.canary), Counts::error_rate(w.baseline)),
            };
            Observed {
                metric: w.metric.name.clone(),
                importance: w.metric.importance,
                canary,
                baseline,
                log_evidence: c.as_ref().map(|c| c.harm),
                absent: self.absent.get(&w.metric.name).cloned(),
            }
        });
        let limits = self.thresholds.iter().map(|t| {
            let Threshold {
                metric, importance, ..
            } = t.threshold();
            let (canary, baseline) = t.newest();
            Observed {
                metric: metric.clone(),
                importance: *importance,
                canary,
                baseline,
                log_evidence: None,
                absent: self.absent.get(metric).cloned(),
            }
        });
        metrics.chain(limits).filter(|_| several).collect()
    }
}

/// `ln` of the weighted average of exponentials, given as weights and logarithms.
fn log_average(logs: impl Iterator<Item = (f64, f64)> + Clone) -> f64 {
    let weights: f64 = logs.clone().map(|(weight, _)| weight).sum();
    let largest = logs.clone().map(|(_, log)| log).fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = logs
        .map(|(weight, log)| weight / weights * (log - largest).exp())
        .sum();
    largest + sum.ln()
}
