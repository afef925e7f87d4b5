//! The ports beside the table.

use std::time::Duration;

use sluice_core::fleet::{MetricSource, Route};
use sluice_core::ids::FleetKey;
use sluice_core::upgrade::Event;
use sluice_judge::errors::Datapoint;

use super::World;
use crate::ports::{
    Alert, Alerts, Blobs, Bus, Machine, Metrics, PortError, PortErrorKind, PortResult, Routes, Weights,
    Window, Workflows,
};

impl Blobs for World {
    async fn put(&self, key: &str, bytes: Vec<u8>, _media_type: &str) -> PortResult<()> {
        self.call("writing a blob", |s| {
            s.blobs.insert(key.to_owned(), bytes);
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
    async fn datapoints(
        &self,
        _source: &MetricSource,
        _fleet: &FleetKey,
        _new: &str,
        _old: &str,
        window: Window,
    ) -> PortResult<Vec<Datapoint>> {
        let (from, until) = (window.from.as_millisecond(), window.until.as_millisecond());
        self.call("reading metrics", |s| {
            if s.metrics_fail {
                return Err(PortError::new(
                    PortErrorKind::Unavailable,
                    "reading metrics",
                    "made to fail",
                ));
            }
            Ok(s.datapoints
                .iter()
                .filter(|d| d.at_ms >= from && d.at_ms < until)
                .cloned()
                .collect())
        })
    }
}

impl Routes for World {
    async fn set(&self, _route: &Route, weights: &Weights) -> PortResult<()> {
        self.call("setting weights", |s| {
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
