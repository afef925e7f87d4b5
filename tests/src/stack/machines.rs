//! Executions of the state machines.

use anyhow::Result;
use sluice_core::ids::UpgradeId;

use super::Stack;

/// One execution for an upgrade.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Execution {
    /// Of which machine: `upgrade`, `batch` or `rollback`.
    pub machine: &'static str,
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// Where it stands, as Step Functions says it.
    pub status: String,
}

impl Stack {
    /// Stops every execution for an upgrade that runs, as if it had died.
    ///
    /// # Errors
    /// When Step Functions does not list or stop them.
    pub async fn stop_executions(&self, id: UpgradeId) -> Result<usize> {
        let client = aws_sdk_sfn::Client::new(&self.aws());
        let running: Vec<_> = self.executions(id).await?;
        let running: Vec<_> = running.into_iter().filter(|e| e.status == "RUNNING").collect();
        for execution in &running {
            client
                .stop_execution()
                .execution_arn(&execution.arn)
                .send()
                .await?;
        }
        Ok(running.len())
    }

    /// All executions for an upgrade: their names begin with its identity.
    ///
    /// # Errors
    /// When Step Functions does not list them.
    pub async fn executions(&self, id: UpgradeId) -> Result<Vec<Execution>> {
        let (client, prefix) = (aws_sdk_sfn::Client::new(&self.aws()), id.to_string());
        let mut found = Vec::new();
        for (machine, arn) in [
            ("upgrade", &self.info.upgrade_machine_arn),
            ("batch", &self.info.batch_machine_arn),
            ("rollback", &self.info.rollback_machine_arn),
        ] {
            let mut pages = client
                .list_executions()
                .state_machine_arn(arn)
                .into_paginator()
                .items()
                .send();
            while let Some(execution) = pages.next().await.transpose()? {
                if execution.name.starts_with(&prefix) {
                    let status = execution.status.as_str().to_owned();
                    found.push(Execution {
                        machine,
                        name: execution.name,
                        arn: execution.execution_arn,
                        status,
                    });
                }
            }
        }
        Ok(found)
    }
}
