//! The HTTP ground that service, proxy and load stand on.

pub mod client;
pub mod problem;
pub mod server;
