//! Published rules of other tools, as far as their documentation tells, to measure beside our own.

use sluice_judge::errors::Counts;

use super::mann_whitney::{Z_OF_98_PERCENT, shift};

/// Part of the estimated difference that the rule of Kayenta tolerates.
const TOLERANCE: f64 = 0.25;

/// The rule of Kayenta for one metric that may not increase: the confidence interval (98%) of Mann and Whitney's
/// shift lies above a quarter of the shift itself.
#[must_use]
pub fn kayenta(canary: &[f64], baseline: &[f64]) -> bool {
    if canary == baseline {
        return false;
    }
    shift(canary, baseline, Z_OF_98_PERCENT).is_some_and(|s| s.lower > TOLERANCE * s.estimate.abs())
}

/// Rules that look at counts once a minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// The rule of Kayenta on error rates per minute, every five minutes.
    KayentaEveryFive,
    /// The rule of Argo: the third measurement above 5% fails the analysis.
    ArgoThirdFailure,
    /// The rule of Flagger: the tenth check above 1% fails the analysis.
    FlaggerTenFailures,
    /// A one-sided test of two proportions at 1%, at every look.
    NaiveEveryLook,
}

impl Peer {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::KayentaEveryFive,
        Self::ArgoThirdFailure,
        Self::FlaggerTenFailures,
        Self::NaiveEveryLook,
    ];

    /// What it is called in the table.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::KayentaEveryFive => "rule of Kayenta, every 5 minutes",
            Self::ArgoThirdFailure => "rule of Argo, third failure above 5%",
            Self::FlaggerTenFailures => "rule of Flagger, ten failures above 1%",
            Self::NaiveEveryLook => "naive test at every look",
        }
    }
}

/// Follows one rule.
#[derive(Debug)]
pub struct PeerWatch {
    peer: Peer,
    rates: (Vec<f64>, Vec<f64>),
    sums: (Counts, Counts),
    failures: u32,
}

impl PeerWatch {
    /// Nothing seen yet.
    #[must_use]
    pub fn new(peer: Peer) -> Self {
        Self {
            peer,
            rates: (Vec::new(), Vec::new()),
            sums: (Counts::default(), Counts::default()),
            failures: 0,
        }
    }

    /// One minute of both versions; whether the rule now calls the new one bad.
    pub fn look(&mut self, canary: Counts, baseline: Counts) -> bool {
        let rate = |c: Counts| c.error_rate().unwrap_or(0.0);
        match self.peer {
            Peer::KayentaEveryFive => {
                self.rates.0.push(rate(canary));
                self.rates.1.push(rate(baseline));
                self.rates.0.len().is_multiple_of(5) && kayenta(&self.rates.0, &self.rates.1)
            }
            Peer::ArgoThirdFailure => self.count(rate(canary) > 0.05, 3),
            Peer::FlaggerTenFailures => self.count(rate(canary) > 0.01, 10),
            Peer::NaiveEveryLook => {
                self.sums = (self.sums.0.plus(canary), self.sums.1.plus(baseline));
                proportions(self.sums.0, self.sums.1) > Z_OF_98_PERCENT
            }
        }
    }

    fn count(&mut self, failed: bool, most: u32) -> bool {
        self.failures += u32::from(failed);
        self.failures >= most
    }
}

/// The standardised difference of two proportions.
fn proportions(canary: Counts, baseline: Counts) -> f64 {
    let (Some(a), Some(b)) = (canary.error_rate(), baseline.error_rate()) else {
        return 0.0;
    };
    let (n, m) = (canary.requests as f64, baseline.requests as f64);
    let pooled = (canary.errors + baseline.errors) as f64 / (n + m);
    let deviation = (pooled * (1.0 - pooled) * (1.0 / n + 1.0 / m)).sqrt();
    if deviation > 0.0 { (a - b) / deviation } else { 0.0 }
}
