//! A metric of means, minute by minute.

use std::collections::BTreeMap;

use crate::errors::{Basis, Comparison, MAX_STARTS, RESTART_EVERY_MS, restart_weight};
use crate::means::{BadMean, Means};
use crate::threshold::Sample;

/// How many times as many samples one arm may have as the other one in a minute that is bet on: with more, the mean
/// of the smaller arm is another kind of number, and exchanging both would show.
const COMPARABLE: u64 = 2;

/// More than this is as good as proven, and its exponential is still a number.
const MOST: f64 = 600.0;

/// The bets on one metric. Late minutes are folded in where they belong.
#[derive(Debug, Clone, Default)]
pub(super) struct MeanWatch {
    minutes: BTreeMap<i64, (Sample, Sample)>,
}

/// The means of both arms over all minutes that were bet on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct BothMeans {
    pub canary: f64,
    pub baseline: f64,
    pub minutes: u32,
}

impl MeanWatch {
    /// Takes a minute in; one in which the arms are not comparable is not bet on.
    pub fn fold(&mut self, at_ms: i64, canary: Sample, baseline: Sample) -> Result<(), BadMean> {
        Means::default().fold(canary.value, baseline.value)?;
        let (few, many) = (
            canary.samples.min(baseline.samples),
            canary.samples.max(baseline.samples),
        );
        if few > 0 && many <= few.saturating_mul(COMPARABLE) {
            self.minutes.insert(at_ms, (canary, baseline));
        }
        Ok(())
    }

    /// Forgets what was before a release.
    pub fn release(&mut self, at_ms: i64) {
        self.minutes = self.minutes.split_off(&at_ms);
    }

    /// Both means; none while no minute was comparable.
    pub fn both(&self) -> Option<BothMeans> {
        let minutes = u32::try_from(self.minutes.len()).unwrap_or(u32::MAX);
        let mean = |of: fn(&(Sample, Sample)) -> f64| {
            self.minutes.values().map(of).sum::<f64>() / f64::from(minutes)
        };
        (minutes > 0).then(|| BothMeans {
            canary: mean(|(canary, _)| canary.value),
            baseline: mean(|(_, baseline)| baseline.value),
            minutes,
        })
    }

    /// The evidence: a mixture of bets that began at the first minute and at each quarter of an hour after it.
    pub fn compare(&self) -> Option<Comparison> {
        let first = *self.minutes.keys().next()?;
        let mut starts: Vec<(u32, Means)> = Vec::new();
        let (mut next, mut number) = (first, 0);
        for (at_ms, (canary, baseline)) in &self.minutes {
            if *at_ms >= next {
                if starts.len() == MAX_STARTS {
                    starts.remove(1);
                }
                starts.push((number, Means::default()));
                number += 1;
                let passed = at_ms.saturating_sub(first) / RESTART_EVERY_MS + 1;
                next = first.saturating_add(passed.saturating_mul(RESTART_EVERY_MS));
            }
            for (_, means) in &mut starts {
                means.fold(canary.value, baseline.value).ok()?;
            }
        }
        let sum: f64 = starts
            .iter()
            .map(|(number, means)| restart_weight(*number) * means.log_evidence().min(MOST).exp())
            .sum();
        // What no start has bet yet counts as 1.
        let unspent = 0.5 / f64::from(number);
        Some(Comparison {
            harm: (sum + unspent).ln(),
            harmless: 0.0,
            dispersion: 1.0,
            basis: Basis::Totals,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(value: f64, samples: u64) -> Sample {
        Sample { value, samples }
    }

    #[test]
    fn late_harm_is_found_as_fast_as_early_harm() {
        let found = |begin: i64| {
            let mut watch = MeanWatch::default();
            (0..240).find(|minute| {
                let usual = 100.0 + (minute % 7) as f64;
                let factor = if *minute < begin { 1.0 } else { 1.5 };
                // Before the harm, both are larger in turn.
                let wobble = if minute % 2 == 0 { 1.0 } else { -1.0 };
                let canary = sample(usual * factor + wobble, 50);
                watch.fold(minute * 60_000, canary, sample(usual, 50)).unwrap();
                watch.compare().is_some_and(|c| c.harm >= 100f64.ln())
            })
        };
        let (early, late) = (found(0).unwrap(), found(120).unwrap() - 120);
        assert!((5..=20).contains(&early), "{early}");
        assert!((5..=45).contains(&late), "{late}");
    }

    /// Rows: samples of both arms in a minute, and whether it is bet on.
    #[test]
    fn only_comparable_arms_are_bet_on() {
        for (canary, baseline, bet) in [
            (10, 10, true),
            (10, 20, true),
            (20, 10, true),
            (10, 21, false),
            (0, 10, false),
            (0, 0, false),
        ] {
            let mut watch = MeanWatch::default();
            watch.fold(0, sample(2.0, canary), sample(1.0, baseline)).unwrap();
            assert_eq!(watch.both().is_some(), bet, "{canary} against {baseline}");
            assert_eq!(watch.compare().is_some(), bet, "{canary} against {baseline}");
        }
    }

    #[test]
    fn what_is_no_mean_is_refused() {
        for bad in [f64::NAN, f64::INFINITY, -1.0] {
            let mut watch = MeanWatch::default();
            assert!(watch.fold(0, sample(bad, 5), sample(1.0, 5)).is_err(), "{bad}");
            assert!(watch.fold(0, sample(1.0, 5), sample(bad, 5)).is_err(), "{bad}");
            assert!(watch.both().is_none());
        }
    }

    /// However the minutes arrive, the evidence is that of their order.
    #[test]
    fn late_minutes_are_folded_in_where_they_belong() {
        let evidence = |order: &[i64]| {
            let mut watch = MeanWatch::default();
            for minute in order {
                let canary = sample(10.0 + (minute % 3) as f64, 5);
                watch.fold(minute * 60_000, canary, sample(10.5, 5)).unwrap();
            }
            watch.compare().unwrap().harm
        };
        assert!((evidence(&[0, 1, 2, 20, 21]) - evidence(&[21, 2, 0, 20, 1])).abs() < 1e-12);
    }
}
