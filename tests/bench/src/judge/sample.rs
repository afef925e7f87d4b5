//! Random counts.

use rand::RngExt;
use rand::rngs::SmallRng;
use rand_distr::{Distribution, Poisson};

/// Above this mean, inversion is slower than the library's algorithm.
const INVERSION_UP_TO: f64 = 12.0;

/// A Poisson number.
pub fn poisson(rng: &mut SmallRng, mean: f64) -> u64 {
    if mean <= 0.0 {
        return 0;
    }
    if mean <= INVERSION_UP_TO {
        return invert(rng, (-mean).exp(), |k| mean / k);
    }
    Poisson::new(mean).map_or(0, |p| whole(p.sample(rng)))
}

/// A Poisson number whose mean is `mean` times a gamma(0.1, 10) number, that is a negative binomial one.
pub fn bursty(rng: &mut SmallRng, mean: f64) -> u64 {
    const SHAPE: f64 = 0.1;
    if mean <= 0.0 {
        return 0;
    }
    let q = mean / (mean + SHAPE);
    invert(rng, (1.0 - q).powf(SHAPE), |k| q * (k - 1.0 + SHAPE) / k)
}

/// Inversion: the first k whose cumulated probability reaches a uniform number. `ratio` is p(k) / p(k - 1).
fn invert(rng: &mut SmallRng, zero: f64, ratio: impl Fn(f64) -> f64) -> u64 {
    let mut left: f64 = rng.random();
    let (mut p, mut k) = (zero, 0u64);
    while left > p && p > 1e-14 {
        left -= p;
        k += 1;
        p *= ratio(k as f64);
    }
    k
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts are small and not negative"
)]
fn whole(x: f64) -> u64 {
    x as u64
}

/// True with a probability.
pub fn chance(rng: &mut SmallRng, probability: f64) -> bool {
    rng.random::<f64>() < probability
}
