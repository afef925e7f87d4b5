//! A small, real fleet to upgrade: a service whose releases behave as their file says, a weighted proxy in front of it,
//! and a steady load. Everything listens on loopback only.
//!
//! | module      | binary         | what it is                                                                       |
//! |-------------|----------------|----------------------------------------------------------------------------------|
//! | [`service`] | `demo-service` | one instance; `release.toml` says its version, error rate, latency and health      |
//! | [`edge`]    | `demo-edge`    | reverse proxy with weights by version; counts outcomes and publishes them          |
//! | [`load`]    | `demo-load`    | open-loop requests at a fixed rate; a report of outcomes by version                |
//!
//! Each of the three starts in-process too (`start(config)` gives a handle with the bound addresses and `shutdown`), on
//! port 0 where a test asks for it. Dropping a handle stops what it stands for.
//!
//! What the fleet promises to those who measure with it:
//! - a version with weight 0 gets no request, unless it is the named fallback and the chosen version is down;
//! - a request that no backend received is tried once more elsewhere, any other failure is shown to the caller;
//! - every answered request is counted once, under the version that answered it.

pub mod edge;
pub mod http;
pub mod load;
pub mod process;
pub mod service;
pub mod stop;
