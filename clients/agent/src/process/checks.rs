//! The checks of a healthy program.

use std::path::Path;
use std::time::Duration;

use super::launch::Launcher;
use super::run::run;
use crate::config::Check;

/// The most of a body that is looked at, in bytes.
const MAX_BODY: usize = 64 << 10;

/// All checks of an instance.
#[derive(Debug, Clone)]
pub struct Checks {
    client: reqwest::Client,
    checks: Vec<Check>,
    launcher: Launcher,
}

impl Checks {
    /// Checks do not follow redirections and use no proxy: they are about this program.
    ///
    /// # Errors
    /// What the HTTP client's construction says.
    pub fn new(checks: Vec<Check>, launcher: Launcher) -> reqwest::Result<Self> {
        // A kept connection could be one to the program before.
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .pool_max_idle_per_host(0)
            .build()?;
        Ok(Self {
            client,
            checks,
            launcher,
        })
    }

    /// Makes every check once, in order.
    ///
    /// # Errors
    /// One sentence about the first that does not pass.
    pub async fn once(&self, version: &str, release: &Path) -> Result<(), String> {
        for check in &self.checks {
            match check {
                Check::Exec {
                    command,
                    expected,
                    timeout_ms,
                } => {
                    let launch = self.launcher.short(command, version, release);
                    let output = run(&launch, Duration::from_millis(*timeout_ms)).await?;
                    let expected = expected.as_ref().map(|e| self.launcher.fill(e, version, release));
                    contains(&launch.arguments[0], &output.text, expected)?;
                }
                Check::Http {
                    url,
                    expected_status,
                    expected,
                    timeout_ms,
                } => {
                    let url = self.launcher.fill(url, version, release);
                    let expected = expected.as_ref().map(|e| self.launcher.fill(e, version, release));
                    let limit = Duration::from_millis(*timeout_ms);
                    let answer = self.get(&url, *expected_status, expected);
                    let in_time = tokio::time::timeout(limit, answer).await;
                    in_time.map_err(|_| format!("{url} gave no answer within {timeout_ms} ms"))??;
                }
            }
        }
        Ok(())
    }

    async fn get(&self, url: &str, status: u16, expected: Option<String>) -> Result<(), String> {
        let lost = |e: reqwest::Error| format!("{url} gave no answer: {}", e.without_url());
        let mut response = self.client.get(url).send().await.map_err(lost)?;
        if response.status().as_u16() != status {
            return Err(format!("{url} answered {}, expected {status}", response.status()));
        }
        let mut body = Vec::new();
        while expected.is_some() && body.len() < MAX_BODY {
            let Some(chunk) = response.chunk().await.map_err(lost)? else {
                break;
            };
            body.extend_from_slice(&chunk);
        }
        contains(url, &String::from_utf8_lossy(&body), expected)
    }
}

fn contains(who: &str, text: &str, expected: Option<String>) -> Result<(), String> {
    match expected.filter(|e| !text.contains(e)) {
        None => Ok(()),
        Some(expected) => {
            let start: String = text.trim().chars().take(120).collect();
            Err(format!("{who} answered {start:?}, expected {expected:?} in it"))
        }
    }
}
