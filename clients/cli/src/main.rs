//! Wires the command: arguments, TLS, runtime.

use std::process::ExitCode;

use clap::Parser;
use sluice_cli::cli::Cli;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    // An error here only says that a provider is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    sluice_cli::run(cli).await
}
