//! Where the program's counters are.

use std::path::PathBuf;

use serde::Deserialize;

/// Totals that only grow while the program runs, in Prometheus' text format; several series of one name are added up.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CountersConfig {
    /// The page that has them. Exactly one of `url` and `file` is given.
    #[serde(default)]
    pub url: Option<String>,
    /// The file that has them; an absolute path.
    #[serde(default)]
    pub file: Option<PathBuf>,
    /// Name of the counter of requests.
    pub requests: String,
    /// Name of the counter of failed requests.
    pub errors: String,
    /// Name of the counter of slow requests. Default none.
    #[serde(default)]
    pub slow: Option<String>,
}
