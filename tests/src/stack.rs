//! A running stack, as the tests use it: from outside, by its API, its tokens and its AWS endpoint.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_cloudwatch::config::Credentials;
use aws_smithy_http_client::{Builder, tls};
use serde::Deserialize;
use serde_json::json;

mod answer;
mod api;
mod fleet;
mod listener;
mod machines;
mod metrics;
mod options;
mod release;
mod scenario;
mod site;
mod traffic;
mod wait;
mod watch;

pub use answer::Answer;
pub use api::Api;
pub use fleet::{declare, declare_switching};
pub use listener::Listener;
pub use metrics::{Count, Metrics};
pub use options::Options;
pub use release::{Artifact, Signer, upload};
pub use scenario::Scenario;
pub use site::Site;
pub use traffic::Traffic;
pub use wait::{eventually, throughout};

/// Names the file that describes the stack.
const VARIABLE: &str = "SLUICE_STACK";

/// The longest that one request may take; a cold start on a busy machine takes a second or two.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// All that an operator may do.
pub const OPERATOR: &str =
    "upgrade:read upgrade:plan upgrade:execute upgrade:control admin:policy admin:system";

/// The description of the stack, and a client for all requests to it.
#[derive(Debug, Clone)]
pub struct Stack {
    info: Info,
    http: reqwest::Client,
}

/// What the tests need of the description.
#[derive(Debug, Clone, Deserialize)]
struct Info {
    endpoint_url: String,
    api_url: String,
    token_url: String,
    region: String,
    access_key_id: String,
    secret_access_key: String,
    session_token: Option<String>,
    bus: String,
    topic_arn: String,
    upgrade_machine_arn: String,
    batch_machine_arn: String,
    rollback_machine_arn: String,
}

#[derive(Deserialize)]
struct Token {
    access_token: String,
}

impl Stack {
    /// The stack that `SLUICE_STACK` describes.
    ///
    /// # Errors
    /// When the variable is not set or the file is no description.
    pub fn open() -> Result<Self> {
        // Refused when another test of the process was first.
        let _installed_already = rustls::crypto::ring::default_provider().install_default();
        let path = std::env::var_os(VARIABLE).map(PathBuf::from).with_context(|| {
            format!("{VARIABLE} must name the description of a running stack: use cargo xtask test")
        })?;
        let text = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let info = serde_json::from_slice(&text)
            .with_context(|| format!("{} describes no stack", path.display()))?;
        let http = reqwest::Client::builder().timeout(REQUEST_TIMEOUT).build()?;
        Ok(Self { info, http })
    }

    /// Root of the API, without a slash at its end.
    #[must_use]
    pub fn api_url(&self) -> &str {
        &self.info.api_url
    }

    /// Name of the event bus.
    #[must_use]
    pub fn bus(&self) -> &str {
        &self.info.bus
    }

    /// ARN of the topic of alerts.
    #[must_use]
    pub fn alerts(&self) -> &str {
        &self.info.topic_arn
    }

    /// The client behind all requests.
    #[must_use]
    pub fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// A token that is valid for `ttl_seconds`; `scope` holds scopes with blanks between them.
    ///
    /// # Errors
    /// When the issuer gives none.
    pub async fn token_for(&self, sub: &str, tenant: &str, scope: &str, ttl_seconds: u64) -> Result<String> {
        let asked = json!({ "sub": sub, "tenant": tenant, "scope": scope, "ttl_seconds": ttl_seconds });
        let answer = self.http.post(&self.info.token_url).json(&asked).send().await?;
        let token: Token = answer.error_for_status()?.json().await?;
        Ok(token.access_token)
    }

    /// The API as a holder of a fresh token sees it.
    ///
    /// # Errors
    /// When the issuer gives no token.
    pub async fn api(&self, sub: &str, tenant: &str, scope: &str) -> Result<Api> {
        let token = self.token_for(sub, tenant, scope, 3_600).await?;
        Ok(self.api_with(Some(token)))
    }

    /// The API as a holder of this token sees it, or somebody without one.
    #[must_use]
    pub fn api_with(&self, token: Option<String>) -> Api {
        Api::new(self.http.clone(), self.info.api_url.clone(), token)
    }

    /// How to reach the stack's AWS services.
    #[must_use]
    pub fn aws(&self) -> SdkConfig {
        let ring = tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring);
        let (id, secret) = (&self.info.access_key_id, &self.info.secret_access_key);
        let credentials = Credentials::new(id, secret, self.info.session_token.clone(), None, "stack");
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(self.info.region.clone()))
            .endpoint_url(&self.info.endpoint_url)
            .http_client(Builder::new().tls_provider(ring).build_https())
            .credentials_provider(aws_sdk_cloudwatch::config::SharedCredentialsProvider::new(
                credentials,
            ))
            .build()
    }
}
