//! One background task at most, of which the loop can wait and which ends with its holder.

use std::future::Future;

use tokio::task::{JoinError, JoinHandle};
use tracing::Instrument;

/// A slot for a task. Dropping it gives the task up.
#[derive(Debug)]
pub struct Slot<T>(Option<JoinHandle<T>>);

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: Send + 'static> Slot<T> {
    /// Whether a task is in it.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.0.is_some()
    }

    /// Starts a task, giving up the one before.
    pub fn start(&mut self, future: impl Future<Output = T> + Send + 'static) {
        self.give_up();
        self.0 = Some(tokio::spawn(future.in_current_span()));
    }

    /// Gives the task up at its next await.
    pub fn give_up(&mut self) {
        if let Some(task) = self.0.take() {
            task.abort();
        }
    }

    /// Gives the task up and waits until it has really ended.
    pub async fn ended(&mut self) {
        if let Some(task) = self.0.take() {
            task.abort();
            match task.await {
                Err(problem) if problem.is_panic() => tracing::error!(%problem, "A task was lost"),
                _ => {}
            }
        }
    }

    /// The task's result; never, while the slot is empty. May be dropped and called again.
    ///
    /// # Errors
    /// [`JoinError`] when the task was lost.
    pub async fn result(&mut self) -> Result<T, JoinError> {
        let Some(task) = &mut self.0 else {
            return std::future::pending().await;
        };
        let result = task.await;
        self.0 = None;
        result
    }
}

impl<T> Drop for Slot<T> {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}
