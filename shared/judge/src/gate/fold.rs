//! Taking data in.

use std::collections::BTreeMap;

use super::rules::{BadRule, Rules};
use super::verdict::Verdict;
use super::watch::Watch;
use crate::errors::{BadPoint, Counts, Point, Roster, restart_weight};
use crate::metric::{Importance, Kind};
use crate::threshold::{Sample, Threshold, ThresholdWatch};

/// When a gate is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The moment, in milliseconds since 1970.
    pub now_ms: i64,
    /// What is left of the bake then, in milliseconds; 0 when it has elapsed.
    pub bake_left_ms: u64,
}

/// In how many blocks of [`Rules::min_requests`] in a row the error rate has to be above its limit.
const BLOCKS_ABOVE_LIMIT: u32 = 3;

/// Takes datapoints in, one after the other, and judges at any moment.
#[derive(Debug, Clone)]
pub struct Gate {
    pub(super) rules: Rules,
    pub(super) watches: Vec<Watch>,
    pub(super) thresholds: Vec<ThresholdWatch>,
    /// The limit on the error rate, by the place of the metrics that it holds for.
    pub(super) limits: BTreeMap<usize, Limit>,
    pub(super) roster: Roster,
    /// Metrics that cannot be read, and why.
    pub(super) absent: BTreeMap<String, String>,
    /// Natural logarithm of the part of alpha that is this gate's.
    pub(super) log_part: f64,
}

impl Gate {
    /// Nothing folded in yet.
    ///
    /// # Errors
    /// [`BadRule`].
    pub fn new(rules: Rules) -> Result<Self, BadRule> {
        rules.check()?;
        let watch = |metric| Watch::new(metric, rules.harmless_margin);
        let limited = rules.metrics.iter().enumerate();
        let limited =
            limited.filter(|(_, m)| m.kind == Kind::Errors && m.importance != Importance::ObserveOnly);
        let limits = limited.map(|(place, metric)| (place, Limit::new(&metric.name, &rules)));
        Ok(Self {
            watches: rules.metrics.iter().cloned().map(watch).collect(),
            thresholds: rules
                .thresholds
                .iter()
                .cloned()
                .map(ThresholdWatch::new)
                .collect(),
            limits: limits.collect(),
            roster: Roster::default(),
            absent: BTreeMap::new(),
            log_part: 0.0,
            rules,
        })
    }

    /// For a gate that begins anew with each release and does not know what was before: it may spend the release's
    /// part of alpha only.
    #[must_use]
    pub fn restarted(mut self, release: u32) -> Self {
        self.log_part = restart_weight(release).ln();
        self
    }

    /// The metrics, in the order in which [`Gate::fold`] counts them.
    pub fn metrics(&self) -> &[crate::metric::Metric] {
        &self.rules.metrics
    }

    /// Names and numbers of hosts.
    pub fn roster(&mut self) -> &mut Roster {
        &mut self.roster
    }

    /// More hosts got the new version at this moment.
    pub fn release(&mut self, at_ms: i64) {
        for watch in &mut self.watches {
            watch.release(at_ms);
        }
    }

    /// Takes a datapoint of a metric in. Before the first requests to the new version it shows what was different
    /// already.
    ///
    /// # Errors
    /// [`BadPoint`]; nothing has changed then.
    pub fn fold(&mut self, metric: usize, point: Point) -> Result<(), BadPoint> {
        let Some(watch) = self.watches.get_mut(metric) else {
            return Ok(());
        };
        let counts = (point.canary.total(), point.baseline.total());
        watch.fold(point)?;
        if let Some(limit) = self.limits.get_mut(&metric)
            && counts.0.requests > 0
        {
            limit.fold(counts);
        }
        Ok(())
    }

    /// Takes the values of a metric in that has thresholds; see [`ThresholdWatch::fold`].
    pub fn fold_values(
        &mut self,
        metric: &str,
        at_ms: i64,
        canary: Option<Sample>,
        baseline: Option<Sample>,
    ) {
        for watch in self
            .thresholds
            .iter_mut()
            .filter(|t| t.threshold().metric == metric)
        {
            watch.fold(at_ms, canary, baseline);
        }
    }

    /// Judges by everything that was folded in.
    pub fn look(&mut self, moment: Moment) -> Verdict {
        let numbers = Box::new(self.numbers());
        if let Some(reason) = self.harm(&numbers) {
            return Verdict::Harmful { reason, numbers };
        }
        match self.missing(moment, &numbers) {
            Some(waiting_for) => Verdict::Undecided { waiting_for, numbers },
            None => Verdict::Harmless { numbers },
        }
    }
}

/// The limit on the error rate of one metric.
#[derive(Debug, Clone)]
pub(super) struct Limit {
    pub watch: ThresholdWatch,
    block: (Counts, Counts),
    blocks: i64,
    min_requests: u64,
}

impl Limit {
    fn new(metric: &str, rules: &Rules) -> Self {
        let limit = Threshold::at_most(
            metric,
            rules.error_rate_limit,
            rules.min_requests,
            BLOCKS_ABOVE_LIMIT,
        );
        Self {
            watch: ThresholdWatch::new(limit),
            block: Default::default(),
            blocks: 0,
            min_requests: rules.min_requests,
        }
    }

    /// Values of single datapoints would be too coarse: they are put together until there are enough requests.
    fn fold(&mut self, (canary, baseline): (Counts, Counts)) {
        self.block = (self.block.0.plus(canary), self.block.1.plus(baseline));
        if self.block.0.requests < self.min_requests {
            return;
        }
        let (canary, baseline) = std::mem::take(&mut self.block);
        self.blocks += 1;
        // The old version's block is as long, however few requests it has.
        let of_old = sample(baseline).map(|s| Sample {
            samples: u64::MAX,
            ..s
        });
        self.watch.fold(self.blocks, sample(canary), of_old);
    }
}

fn sample(counts: Counts) -> Option<Sample> {
    let value = counts.error_rate()?;
    Some(Sample {
        value,
        samples: counts.requests,
    })
}
