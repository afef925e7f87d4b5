//! Steady open-loop load: requests are sent when they are due, whether or not earlier ones were answered, so that a
//! slow service shows as waiting requests and not as a lower rate.

mod pace;
pub mod report;
mod send;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use http::Uri;
use http_body_util::Empty;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::http::client::{PooledClient, pooled};
use crate::stop::{StopSignal, Stopper, channel};
use pace::Pace;
use report::{Outcome, Report};

/// Requests that wait for an answer at the same time; the next one is skipped.
const MAX_IN_FLIGHT: usize = 256;

/// The highest accepted rate: one thread sends it with ease.
pub const MAX_RATE_PER_S: u32 = 5_000;

/// How often the report is written.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);

/// What to ask and how often.
#[derive(Debug, Clone)]
pub struct LoadConfig {
    /// What is asked: plain `http`, by GET.
    pub url: Uri,
    /// Requests a second, 1 to [`MAX_RATE_PER_S`].
    pub rate_per_s: u32,
    /// The file for the report, written every second and at the end.
    pub report: Option<PathBuf>,
    /// How long; until the shutdown when absent.
    pub duration: Option<Duration>,
}

/// Why a load did not start, or its report was lost.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Not an absolute URL of plain HTTP.
    #[error("the URL must begin with http:// and name a host, and is {0}")]
    Url(Uri),
    /// A rate out of range.
    #[error("the rate must be from 1 to {MAX_RATE_PER_S} a second, and is {0}")]
    Rate(u32),
    /// The report cannot be written.
    #[error("cannot write the report {}", path.display())]
    Report {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The load's task ended abnormally.
    #[error("the load ended abnormally")]
    Task(#[from] tokio::task::JoinError),
}

/// A running load; dropping it ends the load and keeps the last written report.
#[derive(Debug)]
pub struct LoadHandle {
    report: Arc<Mutex<Report>>,
    stopper: Stopper,
    done: StopSignal,
    task: JoinHandle<Result<(), LoadError>>,
}

/// Starts a load.
///
/// # Errors
/// [`LoadError`] for a URL or rate that cannot be used, and for a report that cannot be written.
pub fn start(config: LoadConfig) -> Result<LoadHandle, LoadError> {
    if config.url.scheme_str() != Some("http") || config.url.host().is_none() {
        return Err(LoadError::Url(config.url));
    }
    if !(1..=MAX_RATE_PER_S).contains(&config.rate_per_s) {
        return Err(LoadError::Rate(config.rate_per_s));
    }
    let report = Arc::default();
    let (stopper, stop) = channel();
    let load = Load {
        config,
        client: pooled(MAX_IN_FLIGHT),
        in_flight: JoinSet::new(),
        report,
    };
    load.write()?;
    tracing::info!(url = %load.config.url, rate_per_s = load.config.rate_per_s, "the load begins");
    let report = Arc::clone(&load.report);
    let (finisher, done) = channel();
    let task = tokio::spawn(async move {
        let result = load.run(stop).await;
        finisher.stop();
        result
    });
    Ok(LoadHandle {
        report,
        stopper,
        done,
        task,
    })
}

impl LoadHandle {
    /// What has been seen so far.
    #[must_use]
    pub fn report(&self) -> Report {
        locked(&self.report).clone()
    }

    /// Returns when the configured duration is over and the last request has ended; without a duration, never.
    pub async fn ended(&mut self) {
        self.done.raised().await;
    }

    /// Sends no more, waits for what is in flight (10 s at most), and gives the final report.
    ///
    /// # Errors
    /// [`LoadError`] when the report could not be written.
    pub async fn shutdown(self) -> Result<Report, LoadError> {
        self.stopper.stop();
        self.task.await??;
        let report = locked(&self.report).clone();
        Ok(report)
    }
}

struct Load {
    config: LoadConfig,
    client: PooledClient<Empty<Bytes>>,
    in_flight: JoinSet<Outcome>,
    report: Arc<Mutex<Report>>,
}

impl Load {
    async fn run(mut self, mut stop: StopSignal) -> Result<(), LoadError> {
        let began = Instant::now();
        let mut pace = Pace::new(self.config.rate_per_s);
        let mut ticks = interval(pace.tick());
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut writes = interval(REPORT_INTERVAL);
        writes.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !stop.is_raised()
            && self
                .config
                .duration
                .is_none_or(|duration| began.elapsed() < duration)
        {
            tokio::select! {
                _ = ticks.tick() => self.send_due(&mut pace, began.elapsed()),
                _ = writes.tick() => self.write_or_warn(),
                Some(ended) = self.in_flight.join_next() => self.count(ended),
                () = stop.raised() => {}
            }
        }
        while let Some(ended) = self.in_flight.join_next().await {
            self.count(ended);
        }
        self.write()
    }

    fn send_due(&mut self, pace: &mut Pace, elapsed: Duration) {
        let due = pace.due(elapsed);
        locked(&self.report).skipped += due.skip;
        for _ in 0..due.send {
            if self.in_flight.len() < MAX_IN_FLIGHT {
                self.in_flight
                    .spawn(send::get(self.client.clone(), self.config.url.clone()));
            } else {
                locked(&self.report).skipped += 1;
            }
        }
    }

    /// A task that ended abnormally got no answer that anybody knows of.
    fn count(&self, ended: Result<Outcome, tokio::task::JoinError>) {
        locked(&self.report).count(ended.unwrap_or(Outcome::Unanswered));
    }

    fn write(&self) -> Result<(), LoadError> {
        let Some(path) = &self.config.report else {
            return Ok(());
        };
        // A few hundred bytes: cheaper written here than handed to another thread.
        let report = locked(&self.report).clone();
        report.write(path).map_err(|source| LoadError::Report {
            path: path.clone(),
            source,
        })
    }

    fn write_or_warn(&self) {
        if let Err(error) = self.write() {
            let reason = &error as &dyn std::error::Error;
            tracing::warn!(reason, "the report could not be written, the load goes on");
        }
    }
}

/// Counters cannot be left half-changed by a panic in a way that matters, so a poisoned lock is as good as any.
fn locked(report: &Mutex<Report>) -> MutexGuard<'_, Report> {
    report.lock().unwrap_or_else(PoisonError::into_inner)
}
