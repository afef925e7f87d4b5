#![deny(missing_docs)]
//! The agent of an instance: it checks in with the API, is told what to run, and brings the instance there and back.
//!
//! | module | does |
//! |---|---|
//! | [`protocol`] | what an answer means: pure |
//! | [`agent`] | the loop: checks in, begins moves, watches |
//! | [`switch`] | one move, step by step, and back by itself when the target fails |
//! | [`store`] | what outlives the process |
//! | [`host`] | the port to disk and service; [`local`] is the real one, [`swarm`] has a simulated one |
//! | [`api`] | the port to the server |
//! | [`enrol`] | a credential of this machine's own |
//! | [`artifact`], [`keys`] | releases on disk, fetched and verified |
//! | [`process`] | processes of the service |
//! | [`prescribed`] | checks that an upgrade asks for, within what the configuration allows |
//! | [`config`], [`install`] | the configuration file, and installing without a server |
//!
//! Invariants: no move begins by a command that is not the newest seen or whose lease has run out; whatever can be
//! refused is refused before the running service is touched; every boundary of a switch is on disk before the step
//! behind it; every wait has a limit.
//!
//! A program that uses this library installs a TLS provider first:
//! `rustls::crypto::ring::default_provider().install_default()`.

pub mod agent;
pub mod api;
pub mod artifact;
pub mod cli;
pub mod clock;
pub mod config;
pub mod counters;
pub mod enrol;
pub mod failure;
pub mod files;
pub mod host;
pub mod install;
pub mod keys;
pub mod local;
pub mod lock;
pub mod prescribed;
pub mod process;
pub mod start;
pub mod store;
pub mod swarm;
pub mod switch;

pub use sluice_protocol as protocol;
