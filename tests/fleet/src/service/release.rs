//! `release.toml`: how one release of the service behaves.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// The file's name within a release's folder.
pub const FILE_NAME: &str = "release.toml";

/// The longest accepted delay, in milliseconds: a typo must not hide a release for a day.
const MAX_DELAY_MS: u64 = 600_000;

/// How a release behaves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// Its version, 1 to 64 visible ASCII characters.
    pub version: String,
    /// Share of `/work` that fails with 500, from 0 to 1. Default 0.
    #[serde(default)]
    pub error_rate: f64,
    /// The errors begin once this file is there; at once when absent. A release can so turn bad while it runs.
    #[serde(default)]
    pub errors_once: Option<PathBuf>,
    /// Time that each `/work` takes, in milliseconds. Default 0.
    #[serde(default)]
    pub latency_ms: u64,
    /// Time after the start during which it answers 503, in milliseconds. Default 0.
    #[serde(default)]
    pub start_delay_ms: u64,
    /// Whether `/health` fails for ever. Default false.
    #[serde(default)]
    pub never_healthy: bool,
}

/// Why a release cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    /// The file cannot be read.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is not TOML, or has an unknown, missing or mistyped key.
    #[error("{} is not a release file", path.display())]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// Where and why.
        source: toml::de::Error,
    },
    /// A value is outside its range.
    #[error("{key} must be {accepted}, and is {found}")]
    OutOfRange {
        /// The key in the file.
        key: &'static str,
        /// What is accepted.
        accepted: &'static str,
        /// What was found.
        found: String,
    },
}

impl Release {
    /// A healthy release without errors or delays.
    #[must_use]
    pub fn healthy(version: impl Into<String>) -> Self {
        Self {
            version: version.into(),
            error_rate: 0.0,
            errors_once: None,
            latency_ms: 0,
            start_delay_ms: 0,
            never_healthy: false,
        }
    }

    /// Reads and checks the file of a release's folder.
    ///
    /// # Errors
    /// [`ReleaseError`] when it is missing, malformed or holds a value outside its range.
    pub fn read(folder: &Path) -> Result<Self, ReleaseError> {
        let path = folder.join(FILE_NAME);
        let text = std::fs::read_to_string(&path).map_err(|source| ReleaseError::Unreadable {
            path: path.clone(),
            source,
        })?;
        let release: Self =
            toml::from_str(&text).map_err(|source| ReleaseError::Malformed { path, source })?;
        release.check()?;
        Ok(release)
    }

    /// Checks the ranges.
    ///
    /// # Errors
    /// [`ReleaseError::OutOfRange`] for the first value outside its range.
    pub fn check(&self) -> Result<(), ReleaseError> {
        let refuse = |key, accepted, found| Err(ReleaseError::OutOfRange { key, accepted, found });
        if !is_version(&self.version) {
            return refuse(
                "version",
                "1 to 64 visible ASCII characters",
                format!("{:?}", self.version),
            );
        }
        if !(0.0..=1.0).contains(&self.error_rate) {
            return refuse("error_rate", "from 0 to 1", self.error_rate.to_string());
        }
        for (key, delay_ms) in [
            ("latency_ms", self.latency_ms),
            ("start_delay_ms", self.start_delay_ms),
        ] {
            if delay_ms > MAX_DELAY_MS {
                return refuse(key, "at most 600000", delay_ms.to_string());
            }
        }
        Ok(())
    }
}

/// Whether a text can be a version here: it travels in a header and as a metric's dimension.
#[must_use]
pub fn is_version(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Release, ReleaseError> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FILE_NAME), text).unwrap();
        Release::read(folder.path())
    }

    #[test]
    fn all_but_the_version_may_be_left_out() {
        assert_eq!(read("version = \"1.2.0\"").unwrap(), Release::healthy("1.2.0"));
        let full = "version='2'\nerror_rate=0.05\nerrors_once='/x'\nlatency_ms=1\nstart_delay_ms=7\nnever_healthy=true";
        let expected = Release {
            version: "2".into(),
            error_rate: 0.05,
            errors_once: Some("/x".into()),
            latency_ms: 1,
            start_delay_ms: 7,
            never_healthy: true,
        };
        assert_eq!(read(full).unwrap(), expected);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, named) in [
            ("", "is not a release file"),
            ("version = '1'\nspeed = 1", "is not a release file"),
            ("version = ''", "version must be"),
            ("version = 'a b'", "version must be"),
            (
                "version = '1'\nerror_rate = 1.5",
                "error_rate must be from 0 to 1, and is 1.5",
            ),
            ("version = '1'\nerror_rate = nan", "error_rate must be"),
            ("version = '1'\nlatency_ms = 600001", "latency_ms must be at most"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(named), "{text:?} gave {error:?}");
        }
        let missing = Release::read(Path::new("/nowhere")).unwrap_err();
        assert!(matches!(missing, ReleaseError::Unreadable { .. }), "{missing}");
    }
}
