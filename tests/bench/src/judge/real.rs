//! Real series, split at random into two arms.

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use sluice_judge::means::Means;

use super::ALPHA;
use super::peers::kayenta;
use super::runs::{Outcomes, many};

/// Points of each arm.
pub const POINTS: usize = 60;

/// A stretch of a series: of each two neighbouring points one, by chance, is the canary's, and times `factor`.
fn split(series: &[f64], factor: f64, seed: u64) -> Vec<(f64, f64)> {
    let mut rng = SmallRng::seed_from_u64(seed);
    let begin = rng.random_range(0..=series.len().saturating_sub(2 * POINTS));
    series[begin..]
        .chunks_exact(2)
        .take(POINTS)
        .map(|pair| {
            let swap: bool = rng.random();
            let (canary, baseline) = if swap {
                (pair[1], pair[0])
            } else {
                (pair[0], pair[1])
            };
            (canary * factor, baseline)
        })
        .collect()
}

/// How often the means of the arms prove harm, and at which look.
#[must_use]
pub fn by_means(series: &[(String, Vec<f64>)], factor: f64, runs: u64) -> Outcomes {
    many("real series", runs, |seed| {
        let mut means = Means::default();
        let pairs = split(pick(series, seed), factor, seed);
        let found = pairs.iter().position(|(canary, baseline)| {
            means.fold(*canary, *baseline).is_ok() && means.log_evidence() >= -ALPHA.ln()
        });
        found.and_then(|look| u32::try_from(look + 1).ok())
    })
}

/// The same by the rule of Kayenta, which looks once, at the end.
#[must_use]
pub fn by_kayenta(series: &[(String, Vec<f64>)], factor: f64, runs: u64) -> Outcomes {
    many("real series", runs, |seed| {
        let (canary, baseline): (Vec<f64>, Vec<f64>) =
            split(pick(series, seed), factor, seed).into_iter().unzip();
        kayenta(&canary, &baseline).then_some(60)
    })
}

fn pick(series: &[(String, Vec<f64>)], seed: u64) -> &[f64] {
    // The low bits pick the series; the generator of the run mixes all of them.
    let place = usize::try_from((seed >> 7) % series.len() as u64).unwrap_or(0);
    &series[place].1
}
