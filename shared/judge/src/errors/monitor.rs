//! The comparison of two versions, datapoint by datapoint.

use super::counts::{BadPoint, Point};
use super::grid::{GRID, PerAlternative, log_grid};
use super::state::State;

/// What the comparison tolerates.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Margins {
    /// How many times the old version's odds of an error are no harm; at least 1.
    pub harm: f64,
    /// How many times the old version's odds of an error the new one must be below to be called harmless; above 1.
    pub harmless: f64,
    /// How many of the alternatives of [`GRID`](super::GRID) are bet on, 1 to all: the mildest ones.
    pub alternatives: usize,
}

impl Default for Margins {
    /// 1.5 and 2: canary hosts differ that much for reasons of their own, and what is below twice the old version's
    /// errors is no reason to wait on.
    fn default() -> Self {
        Self {
            harm: 1.5,
            harmless: 2.0,
            alternatives: GRID.len(),
        }
    }
}

/// What the data let the comparison protect itself from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    /// Host by host: a few sick hosts are told from a bad version.
    Hosts,
    /// Host by host, but the new version has only one: if that one is sick, it looks like a bad version.
    OneCanaryHost,
    /// Totals only: a sick host looks like a bad version.
    #[default]
    Totals,
}

/// What the comparison says at one moment. Evidence is the natural logarithm of an e-value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Comparison {
    /// Against the new version, the worst hosts held down. Harm is proven at `ln(1 / alpha)`.
    pub harm: f64,
    /// For the new version, since the last release. Harmlessness is proven at `ln(1 / alpha)` of its own alpha.
    pub harmless: f64,
    /// What the evidence was divided by; 1 when errors are independent.
    pub dispersion: f64,
    /// What the data allow.
    pub basis: Basis,
}

/// Folds datapoints in, one after the other, and compares at any moment.
///
/// A late datapoint is folded in where it belongs. A look costs a few microseconds, whatever has been folded in.
#[derive(Debug, Clone)]
pub struct Monitor {
    margins: Margins,
    log_grid: PerAlternative,
    points: Vec<Point>,
    releases: Vec<i64>,
    state: State,
}

impl Monitor {
    /// Nothing folded in yet. The first datapoint with requests to the new version is its first release.
    #[must_use]
    pub fn new(margins: Margins) -> Self {
        Self {
            margins,
            log_grid: log_grid(),
            points: Vec::new(),
            releases: Vec::new(),
            state: State::default(),
        }
    }

    /// Says that more hosts got the new version at this moment: the test starts anew there. Datapoints from before
    /// may still come.
    pub fn release(&mut self, at_ms: i64) {
        if let Err(place) = self.releases.binary_search(&at_ms) {
            self.releases.insert(place, at_ms);
            if self.points.last().is_some_and(|p| p.at_ms >= at_ms) {
                self.rebuild();
            }
        }
    }

    /// Takes a datapoint in.
    ///
    /// # Errors
    /// [`BadPoint`]; nothing has changed then.
    pub fn fold(&mut self, point: Point) -> Result<(), BadPoint> {
        point.check()?;
        match self.points.last() {
            Some(last) if point.at_ms <= last.at_ms => {
                let Err(place) = self.points.binary_search_by_key(&point.at_ms, |p| p.at_ms) else {
                    return Err(BadPoint::RepeatedMoment(point.at_ms));
                };
                self.points.insert(place, point);
                self.rebuild();
            }
            _ => {
                self.state.fold(&point, self.margins, &self.releases);
                self.points.push(point);
            }
        }
        Ok(())
    }

    /// The datapoints, oldest first.
    #[must_use]
    pub fn points(&self) -> &[Point] {
        &self.points
    }

    fn rebuild(&mut self) {
        self.state = State::default();
        for point in &self.points {
            self.state.fold(point, self.margins, &self.releases);
        }
    }

    /// Compares, by everything that was folded in.
    pub fn compare(&mut self) -> Comparison {
        self.state.compare(self.margins, &self.log_grid)
    }

    /// Numbers of the new version's hosts that are sick by themselves, the worst first: those of the hosts held down
    /// whose errors are, beyond chance and margin, more than those of the hosts that are not. As of the last
    /// [`Monitor::compare`].
    #[must_use]
    pub fn sick_hosts(&self, log_bound: f64) -> Vec<u32> {
        self.state.sick_hosts(self.margins.harm, log_bound)
    }
}
