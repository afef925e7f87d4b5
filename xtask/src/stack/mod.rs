//! A whole Sluice on this machine: the local AWS, an issuer of tokens, and the functions of this workspace deployed with
//! the very template that goes to AWS.
//!
//! A [`Stack`] that is dropped stops its processes; the run that it is a part of removes its folder.

mod deploy;
mod endpoint;
mod info;
mod server;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use reqwest::Client;
use url::Url;

pub use deploy::remove;
pub use info::{StackInfo, description};

use self::endpoint::Endpoint;
use crate::cargo::Workspace;
use crate::issuer::{LONGEST_TTL_SECONDS, TokenAnswer, TokenRequest};
use crate::ports::Ports;
use crate::process::{Run, Service, end_all};
use crate::progress::{Progress, tell};
use crate::{archive, python};

/// What an operator may do: everything but speak for an instance.
pub const OPERATOR_SCOPES: &str =
    "upgrade:read upgrade:plan upgrade:execute upgrade:approve upgrade:control admin:policy admin:system";
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// How a stack is started.
#[derive(Debug, Clone)]
pub struct StackOptions {
    /// Part of the names of its resources.
    pub name: String,
    /// Port of the local AWS; a free one unless given.
    pub port: Option<u16>,
    /// Endpoint that is used in place of a local AWS.
    pub endpoint: Option<Url>,
    /// Tenant of the operator's token.
    pub tenant: String,
    /// Filter of the functions' logs (RUST_LOG).
    pub log: String,
    /// Whether it ends with the command that starts it.
    pub passing: bool,
    /// Factor on every wait and retry interval of the state machines; 1 is real time.
    pub wait_scale: f64,
}

impl StackOptions {
    /// Part of the names of the stack's resources. On an endpoint that others use too, those of a passing stack are
    /// like no other's.
    fn resource_name(&self, run: &Run) -> String {
        let (_, id) = run.mark();
        if self.endpoint.is_some() && self.passing {
            format!("{}-{}", self.name, &id[..6])
        } else {
            self.name.clone()
        }
    }
}

impl Default for StackOptions {
    fn default() -> Self {
        Self {
            name: "sluice".to_owned(),
            port: None,
            endpoint: None,
            tenant: "acme".to_owned(),
            log: "info".to_owned(),
            passing: true,
            wait_scale: 1.0,
        }
    }
}

/// A running stack.
pub struct Stack {
    pub info: StackInfo,
    /// Paths of the functions and of a fleet's programs, by name.
    pub programs: BTreeMap<String, PathBuf>,
    client: Client,
    services: Vec<Service>,
    python: PathBuf,
    script: PathBuf,
    logs: PathBuf,
    /// Whether it is to live on when this is dropped.
    released: bool,
}

impl Stack {
    /// Builds, starts and deploys everything as a part of `run`. On an error nothing is left running.
    ///
    /// # Errors
    /// When a tool is missing, a function does not build, a process does not come up or a resource is refused.
    pub async fn start(run: &Run, ports: &mut Ports, options: StackOptions) -> Result<Self> {
        let python = python::interpreter(run).await?;
        let workspace = Workspace::locate(run).await?;
        let programs = workspace.build().await?;
        let packing = Progress::start("packing the functions");
        let archives = workspace.scratch().join("functions");
        let mut files = deploy::definitions(&workspace.root)?;
        for (name, binary) in programs
            .iter()
            .filter(|(name, _)| workspace.functions.contains(name))
        {
            files.insert(format!("{name}.zip"), archive::pack(name, binary, &archives)?);
        }
        packing.done();

        let client = Client::builder()
            .timeout(ANSWER_LIMIT)
            .build()
            .context("cannot make an HTTP client")?;
        let (mut services, aws) = match &options.endpoint {
            Some(url) => (
                Vec::new(),
                Endpoint::foreign(url, |name| std::env::var(name).ok())?,
            ),
            None => {
                let starting = Progress::start("starting the local AWS");
                let aws = server::aws(run, ports, &python, &workspace, &options, &client).await?;
                starting.done();
                (vec![aws.service], Endpoint::local(aws.url))
            }
        };
        let issuer = server::issuer(run).await?;
        let mut info = StackInfo::new(options.resource_name(run), &options, &issuer, aws, run.folder());
        services.push(issuer.service);
        let outputs = deploy::deploy(run, &python, &workspace, &info, &options, files).await?;
        info.complete(&outputs)?;
        let logs = workspace.scratch().join("logs").join(&info.name);
        let mut stack = Self {
            info,
            client,
            programs,
            services,
            python,
            script: workspace.script("deploy.py"),
            logs,
            released: false,
        };
        let token = stack
            .token("operator", &options.tenant, OPERATOR_SCOPES, LONGEST_TTL_SECONDS)
            .await?;
        stack.info.operator_token = token;
        stack.info.write(&stack.description())?;
        Ok(stack)
    }

    /// File with the stack's description as JSON.
    pub fn description(&self) -> PathBuf {
        description(&self.info.run_folder)
    }

    /// A token of the stack's issuer; `scopes` are separated by blanks.
    ///
    /// # Errors
    /// When the issuer refuses it or is gone.
    pub async fn token(&self, sub: &str, tenant: &str, scopes: &str, ttl_seconds: u64) -> Result<String> {
        let scope = scopes.to_owned();
        let request = TokenRequest {
            sub: sub.to_owned(),
            tenant: tenant.to_owned(),
            scope,
            ttl_seconds,
        };
        let asked = self.client.post(&self.info.token_url).json(&request).send().await;
        let answer = asked
            .and_then(reqwest::Response::error_for_status)
            .context("the issuer gives no token")?;
        let token: TokenAnswer = answer.json().await.context("cannot read the issuer's answer")?;
        Ok(token.access_token)
    }

    /// Leaves the stack running and gives its description.
    pub fn release(mut self) -> StackInfo {
        self.services.iter_mut().for_each(Service::release);
        self.released = true;
        self.info.clone()
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        if self.released {
            return;
        }
        if self.info.foreign_endpoint
            && let Err(error) = remove(&self.python, &self.script, &self.info)
        {
            tell(&format!("warning: {error:#}"));
        }
        end_all(&mut self.services);
        // The run's folder goes; its logs are what one looks for after a failure.
        if let Err(error) = server::keep_logs(&self.info.run_folder, &self.logs) {
            tell(&format!("warning: the logs are lost: {error:#}"));
        }
    }
}
