//! Enrolment: a fleet's secret for a credential of this machine's own.
//!
//! The agent enrols when it has no credential, and never by itself when it has one that is refused: two machines with
//! one ordinal would take the place from each other for ever. An operator says which machine it is, by
//! `sluice-agent enrol --force`.

mod credential;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sluice_contract::enrol::{EnrolAnswer, EnrolRequest};
use tokio::sync::Mutex;
use tracing::info;

use crate::agent::Identity;
use crate::api::ApiError;
use crate::config::Secret;

pub use credential::Credential;

/// Where enrolments go, below the API's address.
const PATH: &str = "/api/v1/fleet/enrol";

/// Where the fleet's secret comes from, and where the credential is kept.
#[derive(Debug, Clone)]
pub enum Keep {
    /// On disk, so that it outlives the agent.
    Disk {
        /// The file of the fleet's secret.
        secret_file: PathBuf,
        /// The file of the credential.
        credential_file: PathBuf,
    },
    /// As long as the process lives.
    Memory {
        /// The fleet's secret.
        secret: Secret,
        /// The credential, once there is one.
        credential: Arc<Mutex<Option<Credential>>>,
    },
}

/// This machine's enrolment: made when it is first needed, kept before it is used.
#[derive(Debug, Clone)]
pub struct Enrolment {
    client: reqwest::Client,
    url: String,
    request: EnrolRequest,
    keep: Keep,
}

impl Enrolment {
    /// The enrolment of a machine with the API at `api_url`.
    #[must_use]
    pub fn new(client: reqwest::Client, api_url: &str, who: &Identity, keep: Keep) -> Self {
        let who = who.clone();
        Self {
            client,
            url: format!("{}{PATH}", api_url.trim_end_matches('/')),
            request: EnrolRequest {
                contract: sluice_contract::VERSION,
                tenant_id: who.tenant_id,
                component_id: who.component_id,
                fleet_id: who.fleet_id,
                instance_id: who.instance_id,
                ordinal: who.ordinal,
                failure_domain: who.failure_domain,
            },
            keep,
        }
    }

    /// The kept credential, or a new one when there is none. A file is read each time: a new enrolment counts from the
    /// next check-in on.
    ///
    /// # Errors
    /// [`ApiError`]; asking again later may help.
    pub async fn credential(&self) -> Result<Credential, ApiError> {
        let kept = match &self.keep {
            Keep::Disk { credential_file, .. } => {
                Credential::read(credential_file).map_err(|e| unusable(credential_file, &e))?
            }
            Keep::Memory { credential, .. } => credential.lock().await.clone(),
        };
        match kept {
            Some(credential) => Ok(credential),
            None => self.enrol().await,
        }
    }

    /// Enrols, whether there is a credential or not; the one before is void then.
    ///
    /// # Errors
    /// [`ApiError`] when the server refuses or is away, or the disk refuses.
    pub async fn enrol(&self) -> Result<Credential, ApiError> {
        let secret = self.secret().await?;
        let call = self.client.post(&self.url).bearer_auth(secret.reveal());
        let answer: EnrolAnswer = crate::api::exchange(call.json(&self.request)).await?;
        if answer.contract != sluice_contract::VERSION {
            let text = format!("the enrolment is of contract {}", answer.contract);
            return Err(ApiError::Unreadable(text));
        }
        let credential = Credential {
            incarnation: answer.incarnation,
            secret: Secret::new(answer.credential.reveal().to_owned()),
        };
        match &self.keep {
            Keep::Disk { credential_file, .. } => credential
                .write(credential_file)
                .map_err(|e| unusable(credential_file, &e))?,
            Keep::Memory { credential: kept, .. } => *kept.lock().await = Some(credential.clone()),
        }
        let (incarnation, ordinal) = (credential.incarnation.0, self.request.ordinal.0);
        info!(instance_id = %self.request.instance_id, ordinal, incarnation, "The instance is enrolled");
        Ok(credential)
    }

    async fn secret(&self) -> Result<Secret, ApiError> {
        match &self.keep {
            Keep::Memory { secret, .. } => Ok(secret.clone()),
            Keep::Disk { secret_file, .. } => {
                let text = tokio::fs::read_to_string(secret_file).await;
                let text = text.map_err(|e| unusable(secret_file, &e))?;
                Ok(Secret::new(text.trim().to_owned()))
            }
        }
    }
}

fn unusable(file: &Path, error: &std::io::Error) -> ApiError {
    ApiError::Credential(format!("{}: {error}", file.display()))
}
