//! Reads a configuration file and says what is wrong with it in one sentence.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use super::range::Checked;

/// What is wrong with a configuration file. The text names the key, the problem and what is accepted.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It cannot be read.
    #[error("the configuration file {} cannot be read: {source}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the disk says.
        source: std::io::Error,
    },
    /// It is not TOML.
    #[error("the configuration is not valid TOML: {0}")]
    Syntax(String),
    /// A key is unknown or missing, or its value is of another type or shape.
    #[error("configuration key `{key}`: {problem}")]
    Shape {
        /// Path of the key, `.` for the top of the file.
        key: String,
        /// What is wrong and what is expected.
        problem: String,
    },
    /// A value has the right type and cannot be used.
    #[error("configuration key `{key}`: {found} is not accepted; accepted: {accepted}")]
    Value {
        /// Path of the key.
        key: String,
        /// What was given.
        found: String,
        /// What is accepted.
        accepted: String,
    },
}

/// Reads, parses and checks a configuration file.
///
/// # Errors
/// [`ConfigError`] for the first problem.
pub fn load<T: DeserializeOwned + Checked>(path: &Path) -> Result<T, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable {
        path: path.to_path_buf(),
        source,
    })?;
    parse(&text)
}

/// Parses and checks a configuration.
///
/// # Errors
/// [`ConfigError`] for the first problem.
pub fn parse<T: DeserializeOwned + Checked>(text: &str) -> Result<T, ConfigError> {
    let toml = toml::Deserializer::parse(text).map_err(|e| ConfigError::Syntax(one_line(&e.to_string())))?;
    let config: T = serde_path_to_error::deserialize(toml).map_err(|e| ConfigError::Shape {
        key: e.path().to_string(),
        problem: one_line(e.inner().message()),
    })?;
    config.check()?;
    Ok(config)
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
