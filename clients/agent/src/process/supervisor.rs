//! The one long-running program of an instance. One task owns the process, so that a caller who gives up leaves no
//! half-done start or stop behind.

use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tracing::{Instrument, error};

use super::keeper::Keeper;
use super::launch::Launch;
use super::proc_fs::Leftover;

/// What is known about the program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Life {
    /// It was not started, or was stopped.
    Stopped,
    /// It runs.
    Alive,
    /// It ended by itself; how.
    Ended(String),
}

/// How the program is ended.
#[derive(Debug, Clone)]
pub struct StopPlan {
    /// Asks it to end; SIGTERM to its group when there is none.
    pub command: Option<Launch>,
    /// How long it has before SIGKILL.
    pub limit: Duration,
}

/// What the task is asked for.
pub(super) enum Request {
    Start(Launch, oneshot::Sender<Result<(), String>>),
    Stop(StopPlan, oneshot::Sender<Result<(), String>>),
    Keep(Launch, oneshot::Sender<()>),
}

/// Handle to the task that owns the program.
#[derive(Debug, Clone)]
pub struct Supervisor {
    requests: mpsc::Sender<Request>,
    life: watch::Receiver<Life>,
}

impl Supervisor {
    /// Starts the task, with a program of an earlier run when there is one. It ends with its last handle; the program
    /// does not.
    #[must_use]
    pub fn new(adopted: Option<&Leftover>) -> Self {
        let (requests, inbox) = mpsc::channel(8);
        let (keeper, life) = Keeper::new(adopted);
        tokio::spawn(keeper.serve(inbox).in_current_span());
        Self { requests, life }
    }

    /// What is known about the program, with every change.
    #[must_use]
    pub fn life(&self) -> watch::Receiver<Life> {
        self.life.clone()
    }

    /// Starts the program. It is not started again when it ends.
    ///
    /// # Errors
    /// One sentence when it cannot be started.
    pub async fn start(&self, launch: Launch) -> Result<(), String> {
        self.ask(|reply| Request::Start(launch, reply)).await?
    }

    /// Ends the program with everything in its group. Ending what does not run succeeds.
    ///
    /// # Errors
    /// One sentence when it outlives SIGKILL.
    pub async fn stop(&self, plan: StopPlan) -> Result<(), String> {
        self.ask(|reply| Request::Stop(plan, reply)).await?
    }

    /// Starts the program again whenever it ends, until the next stop; now, if it does not run.
    pub async fn keep(&self, launch: Launch) {
        if let Err(problem) = self.ask(|reply| Request::Keep(launch, reply)).await {
            error!(problem, "The program is not watched");
        }
    }

    async fn ask<T>(&self, request: impl FnOnce(oneshot::Sender<T>) -> Request) -> Result<T, String> {
        let gone = "the supervisor has ended";
        let (reply, answer) = oneshot::channel();
        self.requests.send(request(reply)).await.map_err(|_| gone)?;
        answer.await.map_err(|_| gone.to_owned())
    }
}
