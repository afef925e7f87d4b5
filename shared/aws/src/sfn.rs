//! Executions of state machines, in Step Functions.

use aws_sdk_sfn::Client;
use aws_sdk_sfn::operation::start_execution::StartExecutionError;
use aws_types::SdkConfig;
use sluice_app::ports::{Machine, PortResult, Workflows};

use crate::error::port_error;

/// The state machines that upgrades run on.
#[derive(Debug, Clone)]
pub struct Machines {
    client: Client,
    upgrade_arn: String,
    rollback_arn: String,
}

impl Machines {
    /// The state machines of these ARNs.
    #[must_use]
    pub fn new(config: &SdkConfig, upgrade_arn: impl Into<String>, rollback_arn: impl Into<String>) -> Self {
        Self {
            client: Client::new(config),
            upgrade_arn: upgrade_arn.into(),
            rollback_arn: rollback_arn.into(),
        }
    }
}

impl Workflows for Machines {
    async fn start(&self, machine: Machine, name: &str, input: &str) -> PortResult<()> {
        let arn = match machine {
            Machine::Upgrade => &self.upgrade_arn,
            Machine::Rollback => &self.rollback_arn,
        };
        let started = self
            .client
            .start_execution()
            .state_machine_arn(arn)
            .name(name)
            .input(input)
            .send()
            .await;
        match started {
            Ok(_) => Ok(()),
            // One name is one execution: whoever asks again wanted this one.
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(StartExecutionError::is_execution_already_exists) =>
            {
                Ok(())
            }
            Err(error) => Err(port_error("starting an execution", &error)),
        }
    }
}
