//! The configuration that all AWS clients of a process share.

use std::time::Duration;

use aws_config::environment::{EnvironmentVariableCredentialsProvider, EnvironmentVariableRegionProvider};
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_smithy_http_client::{Builder, tls};

use crate::settings::MissingSetting;

/// Tries of one call, the first included.
const TRIES: u32 = 3;
/// AWS is near and answers within milliseconds: a try that takes longer is lost.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// One try.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(3);
/// All tries and the pauses between them: 3 tries of 3 s and a second of pauses.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// Reads region, credentials and endpoints from the environment, where Lambda puts them. No other source is asked, so
/// that a start makes no call.
///
/// # Errors
/// [`MissingSetting`] without a region.
pub async fn config() -> Result<SdkConfig, MissingSetting> {
    let ring = tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring);
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(ATTEMPT_TIMEOUT)
        .operation_timeout(CALL_TIMEOUT)
        .build();
    let config = aws_config::defaults(BehaviorVersion::latest())
        .region(EnvironmentVariableRegionProvider::new())
        .credentials_provider(EnvironmentVariableCredentialsProvider::new())
        .http_client(Builder::new().tls_provider(ring).build_https())
        .retry_config(RetryConfig::standard().with_max_attempts(TRIES))
        .timeout_config(timeouts)
        .load()
        .await;
    if config.region().is_none() {
        return Err(MissingSetting {
            variable: "AWS_REGION",
        });
    }
    Ok(config)
}
