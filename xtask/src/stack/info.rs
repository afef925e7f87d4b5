//! What others need to know to use a running stack: the file behind `SLUICE_STACK` and `cargo xtask up --json`.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::endpoint::Endpoint;
use super::{StackOptions, server};

/// Description of a running stack.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StackInfo {
    pub name: String,
    /// Endpoint of every AWS service.
    pub endpoint_url: String,
    /// Root of Sluice's own API, without a slash at its end.
    pub api_url: String,
    pub issuer_url: String,
    /// Where a token for any subject, tenant and scope is had.
    pub token_url: String,
    pub region: String,
    pub access_key_id: String,
    pub secret_access_key: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_token: Option<String>,
    /// Whether the endpoint was there before and stays, so that the stack's resources have to be removed from it.
    pub foreign_endpoint: bool,
    /// Where the functions' code lies.
    pub code_bucket: String,
    pub table: String,
    pub bucket: String,
    pub bus: String,
    pub topic_arn: String,
    pub upgrade_machine_arn: String,
    pub batch_machine_arn: String,
    pub rollback_machine_arn: String,
    /// Tenant of the operator's token.
    pub tenant: String,
    /// Valid for a day.
    pub operator_token: String,
    /// Folder with logs and data.
    pub run_folder: PathBuf,
}

/// Path of the description in a stack's folder.
pub fn description(folder: &Path) -> PathBuf {
    folder.join("stack.json")
}

impl StackInfo {
    /// What is known before the deployment.
    pub fn new(
        name: String,
        options: &StackOptions,
        issuer: &server::Running,
        aws: Endpoint,
        folder: &Path,
    ) -> Self {
        Self {
            code_bucket: format!("{name}-code"),
            name,
            endpoint_url: aws.url,
            api_url: String::new(),
            issuer_url: issuer.url.clone(),
            token_url: format!("{}/token", issuer.url),
            region: aws.region,
            access_key_id: aws.access_key_id,
            secret_access_key: aws.secret_access_key,
            session_token: aws.session_token,
            foreign_endpoint: aws.foreign,
            table: String::new(),
            bucket: String::new(),
            bus: String::new(),
            topic_arn: String::new(),
            upgrade_machine_arn: String::new(),
            batch_machine_arn: String::new(),
            rollback_machine_arn: String::new(),
            tenant: options.tenant.clone(),
            operator_token: String::new(),
            run_folder: folder.to_owned(),
        }
    }

    /// Adds what the deployment made.
    ///
    /// # Errors
    /// When the template lacks an output.
    pub fn complete(&mut self, outputs: &BTreeMap<String, String>) -> Result<()> {
        let output = |key: &str| {
            outputs
                .get(key)
                .cloned()
                .with_context(|| format!("the template has no output {key}"))
        };
        // The local API Gateway hears on the one port of all services, by path instead of by host name.
        self.api_url = format!(
            "{}/_aws/execute-api/{}/$default",
            self.endpoint_url,
            output("ApiId")?
        );
        self.table = output("TableName")?;
        self.bucket = output("BucketName")?;
        self.bus = output("BusName")?;
        self.topic_arn = output("TopicArn")?;
        self.upgrade_machine_arn = output("UpgradeMachineArn")?;
        self.batch_machine_arn = output("BatchMachineArn")?;
        self.rollback_machine_arn = output("RollbackMachineArn")?;
        Ok(())
    }

    /// Writes the description, for this user's eyes only: it holds a token.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_vec_pretty(self).context("cannot describe the stack")?;
        let mut options = OpenOptions::new();
        let opened = options
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(path);
        opened
            .and_then(|mut file| file.write_all(&text))
            .with_context(|| format!("cannot write {}", path.display()))
    }

    /// Reads a description; none when there is no file.
    ///
    /// # Errors
    /// When the file cannot be read or is not a description.
    pub fn read(path: &Path) -> Result<Option<Self>> {
        match fs::read(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
            Ok(text) => {
                let info = serde_json::from_slice(&text);
                info.map(Some)
                    .with_context(|| format!("{} describes no stack", path.display()))
            }
        }
    }
}
