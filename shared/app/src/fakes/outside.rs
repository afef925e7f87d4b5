//! The ports beside the table.

use std::time::Duration;

use sluice_core::fleet::Route;
use sluice_core::upgrade::Event;
use sluice_judge::gate::{Readings, Series};

use super::{State, World};
use crate::ports::Fence;
use crate::ports::{
    Alert, Alerts, Blobs, Bus, Machine, Metrics, PortError, PortErrorKind, PortResult, Quantile, Reading,
    Routes, Weights, Window, Workflows,
};

impl Blobs for World {
    async fn put(&self, key: &str, bytes: Vec<u8>, _media_type: &str) -> PortResult<()> {
        self.call("writing a blob", |s| {
            let lost = s.blobs_lose.as_ref().is_some_and(|begin| key.starts_with(begin));
            if !lost {
                s.blobs.insert(key.to_owned(), bytes);
            }
            Ok(())
        })
    }

    async fn get(&self, key: &str) -> PortResult<Option<Vec<u8>>> {
        self.call("reading a blob", |s| Ok(s.blobs.get(key).cloned()))
    }

    async fn size(&self, key: &str) -> PortResult<Option<u64>> {
        self.call("measuring a blob", |s| {
            Ok(s.blobs.get(key).map(|b| b.len() as u64))
        })
    }

    async fn download_url(&self, key: &str, _valid: Duration) -> PortResult<String> {
        self.call("signing a download", |_| Ok(format!("memory:{key}")))
    }

    async fn upload_url(&self, key: &str, _valid: Duration) -> PortResult<String> {
        self.call("signing an upload", |_| Ok(format!("memory:{key}")))
    }
}

impl Workflows for World {
    async fn start(&self, machine: Machine, name: &str, input: &str) -> PortResult<()> {
        self.call("starting an execution", |s| {
            s.executions
                .entry((machine, name.to_owned()))
                .or_insert_with(|| input.to_owned());
            Ok(())
        })
    }
}

impl Metrics for World {
    async fn read(&self, reading: Reading<'_>) -> PortResult<Vec<Series>> {
        let Window { from, until } = reading.window;
        let within = |at_ms: i64| at_ms >= from.as_millisecond() && at_ms < until.as_millisecond();
        self.call("reading metrics", |s| {
            away(s)?;
            let counted = s.datapoints.iter().filter(|d| within(d.at_ms)).cloned();
            let error_rate = Series {
                metric: "error_rate".to_owned(),
                readings: Readings::Counts {
                    datapoints: counted.collect(),
                },
            };
            let mut series = vec![error_rate];
            series.extend(s.watched.iter().cloned());
            for one in &mut series {
                match &mut one.readings {
                    Readings::Counts { datapoints } => datapoints.retain(|d| within(d.at_ms)),
                    Readings::Values { values } => values.retain(|v| within(v.at_ms)),
                    Readings::Absent { .. } => {}
                }
            }
            Ok(series)
        })
    }

    async fn quantiles(&self, _reading: Reading<'_>) -> PortResult<Vec<Quantile>> {
        self.call("reading quantiles", |s| {
            away(s)?;
            Ok(s.quantiles.clone())
        })
    }
}

fn away(s: &State) -> PortResult<()> {
    if !s.metrics_fail {
        return Ok(());
    }
    let detail = "made to fail";
    Err(PortError::new(
        PortErrorKind::Unavailable,
        "reading metrics",
        detail,
    ))
}

impl Routes for World {
    async fn set(&self, _route: &Route, weights: &Weights, fence: Fence) -> PortResult<()> {
        self.call("setting weights", |s| {
            if s.fence.is_some_and(|seen| fence < seen) {
                return Err(PortError::conflict("setting weights"));
            }
            s.fence = Some(fence);
            s.weights = Some(weights.clone());
            Ok(())
        })
    }

    async fn read(&self, _route: &Route) -> PortResult<Weights> {
        self.call("reading weights", |s| {
            let none = PortError::new(PortErrorKind::NotFound, "reading weights", "none were set");
            s.weights.clone().ok_or(none)
        })
    }
}

impl Bus for World {
    async fn publish(&self, events: &[Event]) -> PortResult<()> {
        self.call("publishing events", |s| {
            s.published.extend_from_slice(events);
            Ok(())
        })
    }
}

impl Alerts for World {
    async fn publish(&self, alert: &Alert) -> PortResult<()> {
        self.call("publishing an alert", |s| {
            s.alerts.push(alert.clone());
            Ok(())
        })
    }
}
