//! Many runs, on all cores, with the same result every time.

use std::num::NonZero;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

/// What became of many runs: the look, counted from 1, at which each was decided.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcomes {
    decided: Vec<u32>,
    runs: u64,
}

impl Outcomes {
    /// The looks, the earliest first.
    #[must_use]
    pub fn decided(&self) -> &[u32] {
        &self.decided
    }

    /// Share of runs that were decided, in percent.
    #[must_use]
    pub fn percent(&self) -> f64 {
        100.0 * self.decided.len() as f64 / self.runs.max(1) as f64
    }

    /// The look at which half of all runs were decided; none when fewer ever were.
    #[must_use]
    pub fn median(&self) -> Option<u32> {
        let half = usize::try_from(self.runs.div_ceil(2)).ok()?.saturating_sub(1);
        self.decided.get(half).copied()
    }
}

/// Runs `one` for every number below `runs`; the seed that it gets depends on `name` and that number only.
pub fn many(name: &str, runs: u64, one: impl Fn(u64) -> Option<u32> + Sync) -> Outcomes {
    let next = AtomicU64::new(0);
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let base = name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let worker = || {
        let mut decided = Vec::new();
        loop {
            let run = next.fetch_add(1, Ordering::Relaxed);
            if run >= runs {
                return decided;
            }
            decided.extend(one(base.wrapping_add(run.wrapping_mul(0x9e37_79b9_7f4a_7c15))));
        }
    };
    let mut decided: Vec<u32> = thread::scope(|scope| {
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(worker)).collect();
        workers
            .into_iter()
            .flat_map(|w| w.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    });
    decided.sort_unstable();
    Outcomes { decided, runs }
}
