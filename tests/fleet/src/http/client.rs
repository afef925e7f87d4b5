//! A pooled keep-alive client for plain HTTP on loopback.

use std::time::Duration;

use hyper::body::Body;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};

/// How long a TCP connect may take. Loopback answers in microseconds, so half a second means that nobody accepts.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(500);

/// How long an idle connection is kept: shorter than [`super::server::HEADER_TIMEOUT`], so that it is the client that
/// closes an idle connection and no request meets a server that is just closing.
const IDLE_TIMEOUT: Duration = Duration::from_secs(20);

/// A pooled client for bodies of type `B`.
pub type PooledClient<B> = Client<HttpConnector, B>;

/// Builds a client that keeps at most `max_idle` idle connections to each host.
///
/// Requests that were never written because a pooled connection had closed are sent again by the client itself.
#[must_use]
pub fn pooled<B>(max_idle: usize) -> PooledClient<B>
where
    B: Body + Send,
    B::Data: Send,
{
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
    Client::builder(TokioExecutor::new())
        .pool_idle_timeout(IDLE_TIMEOUT)
        .pool_timer(TokioTimer::new())
        .pool_max_idle_per_host(max_idle)
        .build(connector)
}
