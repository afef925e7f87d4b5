//! One metric, from the first datapoint on.

use std::collections::HashSet;

use super::mean::MeanWatch;
use crate::errors::{Arm, BadPoint, Comparison, Counts, Margins, Monitor, Point};
use crate::means::BadMean;
use crate::metric::{Kind, Metric};
use crate::precheck::apart;
use crate::threshold::Sample;

/// Share of the requests above which the old version is too small to be compared with.
pub(super) const HARDLY_ANY_BASELINE: f64 = 0.95;

#[derive(Debug, Clone)]
pub(super) struct Watch {
    pub metric: Metric,
    harmless_margin: f64,
    /// Datapoints before the first release.
    before: Vec<Point>,
    /// From the first release on.
    monitor: Option<Monitor>,
    /// The bets, where means are compared.
    pub means: Option<MeanWatch>,
    /// What was known to be different before.
    known: f64,
    /// The margin that was frozen then.
    pub margin: f64,
    released_at_ms: i64,
    /// Since the newest release.
    pub canary: Counts,
    pub baseline: Counts,
    pub first_error_at_ms: Option<i64>,
    pub newest_at_ms: Option<i64>,
    /// The old version while it still had its part of the requests, and the new version since it has nearly all.
    past: Counts,
    alone: Counts,
}

impl Watch {
    pub fn new(metric: Metric, harmless_margin: f64) -> Self {
        Self {
            margin: metric.margin,
            means: (metric.kind == Kind::Means).then(MeanWatch::default),
            known: 1.0,
            metric,
            harmless_margin,
            before: Vec::new(),
            monitor: None,
            released_at_ms: i64::MIN,
            canary: Counts::default(),
            baseline: Counts::default(),
            first_error_at_ms: None,
            newest_at_ms: None,
            past: Counts::default(),
            alone: Counts::default(),
        }
    }

    pub fn release(&mut self, at_ms: i64) {
        if let Some(monitor) = &mut self.monitor {
            monitor.release(at_ms);
            self.released_at_ms = at_ms;
            (self.canary, self.baseline) = (Counts::default(), Counts::default());
            (self.first_error_at_ms, self.newest_at_ms) = (None, None);
        }
        if let Some(means) = &mut self.means {
            means.release(at_ms);
            (self.canary, self.baseline, self.newest_at_ms) = Default::default();
        }
    }

    /// What was frozen before the first release.
    pub fn know(&mut self, difference: f64, past: Counts) {
        self.known = difference;
        self.past = past;
    }

    /// Takes a minute's means in.
    pub fn fold_means(
        &mut self,
        at_ms: i64,
        canary: Option<Sample>,
        baseline: Option<Sample>,
    ) -> Result<(), BadMean> {
        let Some(means) = &mut self.means else {
            return Ok(());
        };
        if let (Some(canary), Some(baseline)) = (canary, baseline) {
            means.fold(at_ms, canary, baseline)?;
        }
        for (counts, sample) in [(&mut self.canary, canary), (&mut self.baseline, baseline)] {
            let requests = sample.map_or(0, |s| s.samples);
            *counts = counts.plus(Counts { requests, errors: 0 });
        }
        if canary.is_some_and(|c| c.samples > 0) {
            self.newest_at_ms = self.newest_at_ms.max(Some(at_ms));
        }
        Ok(())
    }

    pub fn fold(&mut self, point: Point) -> Result<(), BadPoint> {
        let (canary, baseline) = (point.canary.total(), point.baseline.total());
        let at_ms = point.at_ms;
        if self.monitor.is_none() && canary.requests > 0 {
            self.begin(&point.canary)?;
        }
        match &mut self.monitor {
            None => {
                // Checked like any other, and kept until it is known which hosts are the canary's.
                Monitor::new(Margins::default()).fold(point.clone())?;
                self.before.push(point);
                self.past = self.past.plus(baseline);
                return Ok(());
            }
            Some(monitor) => monitor.fold(point)?,
        }
        self.remember(canary, baseline);
        if at_ms < self.released_at_ms {
            return Ok(());
        }
        self.canary = self.canary.plus(canary);
        self.baseline = self.baseline.plus(baseline);
        if canary.errors > 0 {
            self.first_error_at_ms = Some(self.first_error_at_ms.map_or(at_ms, |first| first.min(at_ms)));
        }
        if canary.requests > 0 {
            self.newest_at_ms = Some(self.newest_at_ms.map_or(at_ms, |newest| newest.max(at_ms)));
        }
        Ok(())
    }

    /// The first release: what was different before it is allowed for, and frozen.
    fn begin(&mut self, canary: &Arm) -> Result<(), BadPoint> {
        let coming: HashSet<u32> = canary.hosts().iter().map(|h| h.host).collect();
        let known = apart(&self.before, &coming).map_or(self.known, |(known, _)| known);
        self.margin = self.metric.margin * known;
        let mut monitor = Monitor::new(Margins {
            harm: self.margin,
            harmless: self.harmless_margin.max(self.margin),
            alternatives: self.metric.kind.alternatives(),
        });
        for point in self.before.drain(..) {
            monitor.fold(point)?;
        }
        self.monitor = Some(monitor);
        Ok(())
    }

    fn remember(&mut self, canary: Counts, baseline: Counts) {
        let all = canary.requests.saturating_add(baseline.requests);
        if all == 0 {
            return;
        }
        if canary.requests as f64 / all as f64 > HARDLY_ANY_BASELINE {
            self.alone = self.alone.plus(canary);
        } else {
            self.past = self.past.plus(baseline);
            self.alone = Counts::default();
        }
    }

    pub fn compare(&mut self) -> Option<Comparison> {
        match &self.means {
            Some(means) => means.compare(),
            None => self.monitor.as_mut().map(Monitor::compare),
        }
    }

    pub fn sick_hosts(&self, log_bound: f64) -> Vec<u32> {
        self.monitor
            .as_ref()
            .map_or_else(Vec::new, |m| m.sick_hosts(log_bound))
    }

    /// The error rates now and then, when hardly any old version is left and the new one is beyond chance and margin
    /// worse than the old one was.
    pub fn worse_than_the_past(&self, log_bound: f64) -> Option<(f64, f64)> {
        let (now, then) = (self.alone.error_rate()?, self.past.error_rate()?);
        let point = Point {
            at_ms: 0,
            canary: Arm::Total(self.alone),
            baseline: Arm::Total(self.past),
        };
        let mut monitor = Monitor::new(Margins {
            harm: self.margin,
            ..Margins::default()
        });
        monitor.fold(point).ok()?;
        (monitor.compare().harm >= log_bound).then_some((now, then))
    }
}
