//! The checks of a healthy program.

use std::path::Path;
use std::time::Duration;

use super::launch::Launcher;
use super::run::run;
use crate::config::Check;

/// The most of a body that is looked at, in bytes.
const MAX_BODY: usize = 64 << 10;

/// The most of a page of metrics that is read, in bytes: exporters of databases print some hundred KiB.
const MAX_PAGE: usize = 4 << 20;

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
            self.one(check, version, release).await?;
        }
        Ok(())
    }

    /// Makes one check once.
    ///
    /// # Errors
    /// One sentence when it does not pass.
    pub async fn one(&self, check: &Check, version: &str, release: &Path) -> Result<(), String> {
        let fill = |text: &str| self.launcher.fill(text, version, release);
        match check {
            Check::Exec {
                command,
                expected,
                timeout_ms,
            } => {
                let limit = Duration::from_millis(*timeout_ms);
                let text = self.output(command, version, release, limit).await?;
                contains(&fill(&command[0]), &text, expected.as_deref().map(fill))
            }
            Check::Http {
                url,
                expected_status,
                expected,
                timeout_ms,
            } => {
                let (url, limit) = (fill(url), Duration::from_millis(*timeout_ms));
                let most = expected.as_ref().map_or(0, |_| MAX_BODY);
                let body = self.get(&url, *expected_status, most, limit).await?;
                contains(&url, &body, expected.as_deref().map(fill))
            }
        }
    }

    /// What a command printed before it succeeded, at most 64 KiB.
    ///
    /// # Errors
    /// One sentence when it fails or is not done in time.
    pub async fn output(
        &self,
        command: &[String],
        version: &str,
        release: &Path,
        limit: Duration,
    ) -> Result<String, String> {
        let launch = self.launcher.short(command, version, release);
        run(&launch, limit).await.map(|output| output.text)
    }

    /// A page that is answered with 200, at most 4 MiB of it.
    ///
    /// # Errors
    /// One sentence when there is another answer, or none in time.
    pub async fn page(&self, url: &str, limit: Duration) -> Result<String, String> {
        self.get(url, 200, MAX_PAGE, limit).await
    }

    async fn get(&self, url: &str, status: u16, most: usize, limit: Duration) -> Result<String, String> {
        let lost = |e: reqwest::Error| format!("{url} gave no answer: {}", e.without_url());
        let answer = async {
            let mut response = self.client.get(url).send().await.map_err(lost)?;
            if response.status().as_u16() != status {
                return Err(format!("{url} answered {}, expected {status}", response.status()));
            }
            let mut body = Vec::new();
            while body.len() < most {
                let Some(chunk) = response.chunk().await.map_err(lost)? else {
                    break;
                };
                body.extend_from_slice(&chunk);
            }
            Ok(String::from_utf8_lossy(&body).into_owned())
        };
        let in_time = tokio::time::timeout(limit, answer).await;
        in_time.map_err(|_| format!("{url} gave no answer within {} ms", limit.as_millis()))?
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
