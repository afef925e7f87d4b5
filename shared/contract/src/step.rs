//! What the steps of the state machines say to each other.
//!
//! All steps but the first take and give one [`Step`]: identity, progress and the word that the `Route` states choose
//! by. It carries no list, no secret and no decision that the record does not hold.

use serde::{Deserialize, Serialize};
use sluice_core::ids::{TenantId, UpgradeId};
use sluice_core::units::{Attempt, Epoch};

/// Looks of one batch's execution before a fresh one takes over: 1,000 looks make about 12,000 events of history, and
/// Step Functions ends an execution at 25,000.
pub const MAX_TICKS: u32 = 1_000;

/// Batches of one upgrade's execution before a fresh one takes over, for the same reason.
pub const MAX_BATCHES_RUN: u32 = 300;

/// Why a step did not do its work: what the `Catch` of a state adds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// The stable name of the error.
    #[serde(rename = "Error")]
    pub error: String,
    /// What is known about it.
    #[serde(rename = "Cause", default)]
    pub cause: String,
}

/// Input of an execution of the upgrade machine, and so of its first step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    /// Version of this contract: 1.
    pub contract: u32,
    /// Whose upgrade.
    pub tenant_id: TenantId,
    /// Which upgrade.
    pub upgrade_id: UpgradeId,
    /// Which try of the workflow.
    pub attempt: Attempt,
    /// How many executions of batches have been started for the current batch; keeps their names apart.
    #[serde(default)]
    pub generation: u32,
    /// Which execution of the upgrade machine this is, within the attempt.
    #[serde(default)]
    pub part: u32,
    /// Present when the step before failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<Fault>,
}

/// What goes from step to step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Version of this contract: 1.
    pub contract: u32,
    /// Whose upgrade.
    pub tenant_id: TenantId,
    /// Which upgrade.
    pub upgrade_id: UpgradeId,
    /// The epoch that the workflow acts in; in another one it is superseded.
    pub epoch: Epoch,
    /// The attempt that the workflow acts in; in another one it is superseded.
    pub attempt: Attempt,
    /// The batch that this execution watches; not used on the way back.
    pub batch: u32,
    /// Looks so far in this execution.
    pub ticks: u32,
    /// How many executions have been started for the current batch.
    pub generation: u32,
    /// Which execution of the upgrade machine this is, within the attempt.
    pub part: u32,
    /// Batches so far in this execution of the upgrade machine.
    pub batches_run: u32,
    /// How long until the next look, in seconds.
    pub wait_seconds: u32,
    /// What follows.
    pub next: Next,
    /// Name of the execution that `next` starts, where it starts one.
    pub execution_name: String,
    /// Present when the step before failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<Fault>,
}

/// What follows a step: the words that the `Route` states choose by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Next {
    /// Look again after `wait_seconds`.
    Wait,
    /// Release the current batch.
    Deploy,
    /// Shift the traffic.
    Shift,
    /// Run the batch that is current now in an execution of its own.
    RunBatch,
    /// Go on in a fresh execution of the upgrade machine.
    Successor,
    /// Watch the way back.
    RollBack,
    /// Write the report.
    Report,
    /// Nothing: another workflow has the upgrade.
    Superseded,
    /// Nothing: all is done.
    Done,
}

impl Start {
    /// The first execution of an attempt.
    #[must_use]
    pub fn new(tenant_id: TenantId, upgrade_id: UpgradeId, attempt: Attempt) -> Self {
        Self {
            contract: crate::VERSION,
            tenant_id,
            upgrade_id,
            attempt,
            generation: 0,
            part: 0,
            fault: None,
        }
    }

    /// The execution's name: one for each attempt and part, so that starting it twice starts it once.
    #[must_use]
    pub fn execution_name(&self) -> String {
        format!("{}-a{}-p{}", self.upgrade_id, self.attempt, self.part)
    }

    /// The step that it leads to.
    #[must_use]
    pub fn step(&self, epoch: Epoch, batch: u32, next: Next) -> Step {
        Step {
            contract: crate::VERSION,
            tenant_id: self.tenant_id.clone(),
            upgrade_id: self.upgrade_id,
            epoch,
            attempt: self.attempt,
            batch,
            ticks: 0,
            generation: self.generation,
            part: self.part,
            batches_run: 0,
            wait_seconds: 0,
            next,
            execution_name: String::new(),
            fault: None,
        }
        .named()
    }
}

impl Step {
    /// The watch over a way back, as the rollback machine is started with.
    #[must_use]
    pub fn going_back(tenant_id: TenantId, upgrade_id: UpgradeId, epoch: Epoch, attempt: Attempt) -> Self {
        let start = Start::new(tenant_id, upgrade_id, attempt);
        start.step(epoch, 0, Next::RollBack)
    }

    /// This step with what follows, and the name of the execution that this starts.
    #[must_use]
    pub fn to(&self, next: Next) -> Self {
        Self {
            next,
            fault: None,
            ..self.clone()
        }
        .named()
    }

    fn named(mut self) -> Self {
        let id = self.upgrade_id;
        self.execution_name = match self.next {
            Next::RunBatch => {
                format!(
                    "{id}-e{}-a{}-b{}-{}-{}",
                    self.epoch, self.attempt, self.batch, self.part, self.generation
                )
            }
            Next::Successor => format!("{id}-a{}-p{}", self.attempt, self.part),
            Next::RollBack => {
                format!(
                    "{id}-revert-e{}-a{}-{}",
                    self.epoch, self.attempt, self.generation
                )
            }
            _ => String::new(),
        };
        self
    }
}
