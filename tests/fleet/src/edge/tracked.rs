//! Follows one forwarded request to its last byte and counts it exactly once.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Bytes;
use http::StatusCode;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::time::{Sleep, sleep};

use super::routing::Pick;
use super::state::{Edge, Outcome};

/// How long one answer's body may take; the demonstration's answers are a few bytes.
const BODY_TIMEOUT: Duration = Duration::from_secs(60);

/// A request under way. It is counted when this is dropped, as abandoned unless its outcome was told.
#[derive(Debug)]
pub struct Tracked {
    edge: Edge,
    version: String,
    outcome: Outcome,
}

impl Tracked {
    /// A request that goes to a backend of `version`.
    pub fn begin(edge: Edge, version: String) -> Self {
        Self {
            edge,
            version,
            outcome: Outcome::Abandoned,
        }
    }

    /// It is another version that has it.
    pub fn moved_to(&mut self, version: &str) {
        if self.version != version {
            version.clone_into(&mut self.version);
        }
    }

    /// The version that it is counted under.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The backend answered with this status.
    pub fn answered(&mut self, status: StatusCode) {
        self.outcome = if status.is_server_error() {
            Outcome::Error
        } else {
            Outcome::Ok
        };
    }

    /// No backend answered.
    pub fn failed(&mut self) {
        self.outcome = Outcome::Error;
    }
}

impl Drop for Tracked {
    fn drop(&mut self) {
        self.edge.count(&self.version, self.outcome);
    }
}

/// Why an answer broke off.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// The connection to the backend broke.
    #[error("the backend's answer broke off")]
    Broken(#[source] hyper::Error),
    /// The time for it is over.
    #[error("the backend's answer took more than {} s", BODY_TIMEOUT.as_secs())]
    TooSlow,
}

/// A backend's answer on its way to the caller.
#[derive(Debug)]
pub struct TrackedBody {
    body: Incoming,
    pick: Pick,
    tracked: Tracked,
    deadline: Pin<Box<Sleep>>,
}

impl TrackedBody {
    /// Passes `body` on, which came from `pick`.
    pub fn new(body: Incoming, pick: Pick, tracked: Tracked) -> Self {
        Self {
            body,
            pick,
            tracked,
            deadline: Box::pin(sleep(BODY_TIMEOUT)),
        }
    }

    fn broke(&mut self, error: BodyError) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.tracked.failed();
        self.tracked.edge.failed(&self.pick, &error);
        Poll::Ready(Some(Err(error)))
    }
}

impl Body for TrackedBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        if frame.is_pending() {
            ready!(self.deadline.as_mut().poll(context));
            return self.broke(BodyError::TooSlow);
        }
        match ready!(frame) {
            Some(Err(error)) => self.broke(BodyError::Broken(error)),
            Some(Ok(frame)) => Poll::Ready(Some(Ok(frame))),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
