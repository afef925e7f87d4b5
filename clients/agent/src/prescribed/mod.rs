//! Checks that an upgrade prescribes: what the server says, within what the agent's configuration allows.
//!
//! | file | holds |
//! |---|---|
//! | `command` | a command line from the server, as what is started |
//! | `metrics` | values of metrics in a text |

mod command;
mod metrics;

use std::path::Path;
use std::time::Duration;

use sluice_core::checks::{Checks, CommandCheck, MetricCheck, PostUpgradeVerify, PreUpgradeCheck};

pub(crate) use metrics::sum;

use crate::config::{Check, RemoteChecks};
use crate::process;

/// Makes prescribed checks.
#[derive(Debug, Clone)]
pub struct Prescribed {
    allowed: RemoteChecks,
    checks: process::Checks,
}

/// The release that a check is about.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// Its version.
    pub version: &'a str,
    /// Its folder.
    pub folder: &'a Path,
}

impl Prescribed {
    /// Uses the client and the launcher of the agent's own checks.
    #[must_use]
    pub fn new(allowed: RemoteChecks, checks: process::Checks) -> Self {
        Self { allowed, checks }
    }

    /// Whether all of `checks` may be made here.
    ///
    /// # Errors
    /// One sentence that names the first one that may not, and the key that would allow it.
    pub fn permit(&self, checks: &Checks) -> Result<(), String> {
        if let Some(PreUpgradeCheck::Custom(check)) = &checks.pre_upgrade {
            self.arguments(check)
                .map_err(|p| format!("preUpgradeCheck: {p}"))?;
        }
        let post = match &checks.post_upgrade {
            None => Ok(()),
            Some(PostUpgradeVerify::Exec(check)) => self.arguments(check).map(drop),
            Some(PostUpgradeVerify::Metrics { .. }) => self.metrics_source().map(drop),
            Some(PostUpgradeVerify::Http { endpoint, .. }) => self.url(endpoint).map(drop),
        };
        post.map_err(|p| format!("postUpgradeVerify: {p}"))
    }

    /// Makes the check before a move once, for the release in use.
    ///
    /// # Errors
    /// One sentence when it does not pass.
    pub async fn pre(&self, check: &PreUpgradeCheck, of: Subject<'_>) -> Result<(), String> {
        match check {
            PreUpgradeCheck::HealthCheck { .. } => self.checks.once(of.version, of.folder).await,
            PreUpgradeCheck::Custom(check) => self.command(check, of).await,
        }
    }

    /// Makes the check after a move once.
    ///
    /// # Errors
    /// One sentence when it does not pass.
    pub async fn post(&self, check: &PostUpgradeVerify, of: Subject<'_>) -> Result<(), String> {
        match check {
            PostUpgradeVerify::Exec(check) => self.command(check, of).await,
            PostUpgradeVerify::Metrics { metrics, timeout_ms } => {
                self.metrics(metrics, *timeout_ms, of).await
            }
            PostUpgradeVerify::Http {
                endpoint,
                expected_status,
                timeout_ms,
            } => {
                let check = Check::Http {
                    url: self.url(endpoint)?,
                    expected_status: *expected_status,
                    expected: None,
                    timeout_ms: *timeout_ms,
                };
                self.checks.one(&check, of.version, of.folder).await
            }
        }
    }

    async fn command(&self, check: &CommandCheck, of: Subject<'_>) -> Result<(), String> {
        let check = Check::Exec {
            command: self.arguments(check)?.into(),
            expected: check.expected.clone(),
            timeout_ms: check.timeout_ms,
        };
        self.checks.one(&check, of.version, of.folder).await
    }

    async fn metrics(&self, metrics: &[MetricCheck], limit_ms: u64, of: Subject<'_>) -> Result<(), String> {
        let limit = Duration::from_millis(limit_ms);
        let text = match self.metrics_source()? {
            Source::Url(url) => self.checks.page(url, limit).await?,
            Source::Command(command) => self.checks.output(command, of.version, of.folder, limit).await?,
        };
        metrics.iter().try_for_each(|wanted| {
            let value = metrics::value(&text, &wanted.name)?;
            if wanted.expected.holds(value) {
                return Ok(());
            }
            Err(format!(
                "the metric {} is {value}, expected {}",
                wanted.name, wanted.expected
            ))
        })
    }

    fn arguments(&self, check: &CommandCheck) -> Result<Vec<String>, String> {
        command::arguments(&self.allowed, &check.command)
    }

    /// The endpoint begins with a slash, so that it cannot change whose address it is.
    fn url(&self, endpoint: &str) -> Result<String, String> {
        let before = self.allowed.http_url.as_deref();
        let before = before.ok_or("`remote_checks.http_url` is not set on this instance")?;
        if !endpoint.starts_with('/') {
            return Err(format!("the endpoint {endpoint:?} does not begin with a slash"));
        }
        Ok(format!("{before}{endpoint}"))
    }

    fn metrics_source(&self) -> Result<Source<'_>, String> {
        match (&self.allowed.metrics_url, &self.allowed.metrics_command) {
            (Some(url), _) => Ok(Source::Url(url)),
            (None, Some(command)) => Ok(Source::Command(command)),
            (None, None) => Err(
                "neither `remote_checks.metrics_url` nor `remote_checks.metrics_command` is set on this instance"
                    .to_owned(),
            ),
        }
    }
}

enum Source<'a> {
    Url(&'a str),
    Command(&'a [String]),
}
