//! A bounded HTTP/1.1 server on loopback that ends gently.
//!
//! The end has three phases: the listener closes at once; for the drain time, connections are still served and told to
//! close with their next answer, so that a client's pool lets go of them; then idle connections close, requests in
//! flight get the rest of [`Limits::stop`], and whatever is left is cut.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use http::{HeaderValue, header};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep, timeout_at};

use crate::stop::{StopSignal, Stopper, channel};

/// How long a connection may take, or be idle, before the next request's head is complete.
pub const HEADER_TIMEOUT: Duration = Duration::from_secs(30);

/// More connections wait in the listener's backlog.
const MAX_CONNECTIONS: usize = 1_024;

/// Pause after a failed accept (no file descriptor left, for example), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The address can be reached from other machines.
    #[error("{0} is not a loopback address")]
    NotLoopback(SocketAddr),
    /// The system refused the address.
    #[error("cannot listen on {address}")]
    Refused {
        /// What was asked for.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
}

/// How long an end may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How long connections are served after the listener closed, when some are open.
    pub drain: Duration,
    /// The whole of it, drain included.
    pub stop: Duration,
}

/// A running server; dropping it stops it.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    stopper: Stopper,
    task: JoinHandle<()>,
}

impl Server {
    /// Binds `address` and serves what `router` makes of the server's stop signal.
    ///
    /// # Errors
    /// [`BindError`] for an address that is not loopback or that the system refuses.
    pub async fn start<F>(address: SocketAddr, limits: Limits, router: F) -> Result<Self, BindError>
    where
        F: FnOnce(SocketAddr, StopSignal) -> Router,
    {
        if !address.ip().is_loopback() {
            return Err(BindError::NotLoopback(address));
        }
        let refused = |source| BindError::Refused { address, source };
        let listener = TcpListener::bind(address).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        let (stopper, signal) = channel();
        let router =
            router(address, signal.clone()).layer(from_fn_with_state(signal.clone(), close_while_stopping));
        let task = tokio::spawn(serve(listener, router, signal, limits));
        Ok(Self {
            address,
            stopper,
            task,
        })
    }

    /// The bound address.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends it gently, within the limits that it was started with.
    pub async fn shutdown(self) {
        self.stopper.stop();
        if let Err(error) = self.task.await {
            tracing::error!(address = %self.address, %error, "the server's task ended abnormally");
        }
    }
}

async fn close_while_stopping(State(signal): State<StopSignal>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if signal.is_raised() {
        response
            .headers_mut()
            .insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

async fn serve(listener: TcpListener, router: Router, mut signal: StopSignal, limits: Limits) {
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = signal.raised() => break,
            Some(_ended) = connections.join_next() => {}
            accepted = listener.accept(), if connections.len() < MAX_CONNECTIONS => match accepted {
                Ok((stream, _)) => serve_connection(stream, router.clone(), &graceful, &mut connections),
                Err(error) => {
                    tracing::warn!(%error, pause_ms = ACCEPT_PAUSE.as_millis(), "accepting failed, waiting");
                    sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    end(graceful, connections, limits).await;
}

fn serve_connection(
    stream: TcpStream,
    router: Router,
    graceful: &GracefulShutdown,
    connections: &mut JoinSet<()>,
) {
    // A missed option costs latency only.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "the connection keeps Nagle's algorithm");
    }
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let watched = graceful.watch(connection);
    connections.spawn(async move {
        if let Err(error) = watched.await {
            tracing::debug!(%error, "a connection ended early");
        }
    });
}

async fn end(graceful: GracefulShutdown, mut connections: JoinSet<()>, limits: Limits) {
    let began = Instant::now();
    let all_closed = async { while connections.join_next().await.is_some() {} };
    let drained = timeout_at(began + limits.drain, all_closed).await.is_ok();
    if !drained
        && timeout_at(began + limits.stop, graceful.shutdown())
            .await
            .is_err()
    {
        tracing::warn!(
            open = connections.len(),
            "the stop limit passed, cutting what is left"
        );
    }
    connections.shutdown().await;
}
