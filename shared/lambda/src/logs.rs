//! Logs: one JSON object a line, on standard output, where Lambda takes it up.

use std::panic::PanicHookInfo;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

/// The runtime logs every failed invocation by itself, without the fields that we log it with: once is enough.
const TWICE_LOGGED: &str = "lambda_runtime::layers::panic=off";

/// Starts logging: at the levels of `RUST_LOG`, else everything from `info`. Panics are logged like everything else.
/// A second call changes nothing.
pub fn init() {
    let mut filter = EnvFilter::builder()
        .with_default_directive(LevelFilter::INFO.into())
        .from_env_lossy();
    if let Ok(directive) = TWICE_LOGGED.parse() {
        filter = filter.add_directive(directive);
    }
    let started = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_span_list(false)
        .with_ansi(false)
        .with_env_filter(filter)
        .try_init();
    if started.is_ok() {
        std::panic::set_hook(Box::new(log_panic));
    }
}

fn log_panic(info: &PanicHookInfo<'_>) {
    let place = info.location().map(ToString::to_string);
    tracing::error!(place, detail = info.payload_as_str(), "the function panicked");
}
