//! Enrolment: a fleet's secret for a credential of this machine's own.
//!
//! The agent enrols when it has no credential, and never by itself when it has one that is refused: two machines with
//! one ordinal would take the place from each other for ever. An operator says which machine it is, by
//! `sluice-agent enrol --force`.

mod credential;

use std::path::{Path, PathBuf};

use sluice_contract::enrol::{EnrolAnswer, EnrolRequest};
use tracing::info;

use crate::api::ApiError;
use crate::config::{Config, Secret};

pub use credential::Credential;

/// Where enrolments go, below the API's address.
const PATH: &str = "/api/v1/fleet/enrol";

/// This machine's enrolment: made when it is first needed, on disk before it is used.
#[derive(Debug, Clone)]
pub struct Enrolment {
    client: reqwest::Client,
    url: String,
    secret_file: PathBuf,
    credential_file: PathBuf,
    request: EnrolRequest,
}

impl Enrolment {
    /// The enrolment of `config`, when it asks for one.
    #[must_use]
    pub fn of(config: &Config, client: reqwest::Client) -> Option<Self> {
        Some(Self {
            client,
            url: format!("{}{PATH}", config.api_url.trim_end_matches('/')),
            secret_file: config.enrolment_secret_file.clone()?,
            credential_file: config.home.join("credential.json"),
            request: EnrolRequest {
                contract: sluice_contract::VERSION,
                tenant_id: config.tenant_id.clone(),
                component_id: config.component_id,
                fleet_id: config.fleet_id.clone(),
                instance_id: config.instance_id.clone(),
                ordinal: config.ordinal,
                failure_domain: config.failure_domain.clone(),
            },
        })
    }

    /// Where the credential is kept.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.credential_file
    }

    /// The credential on disk, or a new one when there is none. It is read each time: a new enrolment counts from the
    /// next check-in on.
    ///
    /// # Errors
    /// [`ApiError`]; asking again later may help.
    pub async fn credential(&self) -> Result<Credential, ApiError> {
        match Credential::read(&self.credential_file).map_err(|e| self.lost(&e))? {
            Some(credential) => Ok(credential),
            None => self.enrol().await,
        }
    }

    /// Enrols, whether there is a credential or not; the one before is void then.
    ///
    /// # Errors
    /// [`ApiError`] when the server refuses or is away, or the disk refuses.
    pub async fn enrol(&self) -> Result<Credential, ApiError> {
        let text = tokio::fs::read_to_string(&self.secret_file).await;
        let text = text.map_err(|e| ApiError::Credential(format!("{}: {e}", self.secret_file.display())))?;
        let call = self.client.post(&self.url).bearer_auth(text.trim());
        let answer: EnrolAnswer = crate::api::exchange(call.json(&self.request)).await?;
        if answer.contract != sluice_contract::VERSION {
            let text = format!("the enrolment is of contract {}", answer.contract);
            return Err(ApiError::Unreadable(text));
        }
        let credential = Credential {
            incarnation: answer.incarnation,
            secret: Secret::new(answer.credential.reveal().to_owned()),
        };
        credential
            .write(&self.credential_file)
            .map_err(|e| self.lost(&e))?;
        let (incarnation, ordinal) = (credential.incarnation.0, self.request.ordinal.0);
        info!(instance_id = %self.request.instance_id, ordinal, incarnation, "The instance is enrolled");
        Ok(credential)
    }

    fn lost(&self, error: &std::io::Error) -> ApiError {
        ApiError::Credential(format!("{}: {error}", self.credential_file.display()))
    }
}
