//! Files that a command is given.

use std::path::Path;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::failure::Failure;

/// The most of a JSON or key file that is read, in bytes: the API takes no larger body.
const MAX_BYTES: u64 = 1 << 20;

/// Reads a small text file.
///
/// # Errors
/// [`Failure::Input`] when it cannot be read, is larger than 1 MiB or is no text.
pub fn text(path: &Path) -> Result<String, Failure> {
    text_up_to(path, MAX_BYTES)
}

/// Reads a text file of at most so many bytes.
///
/// # Errors
/// [`Failure::Input`] when it cannot be read, is larger or is no text.
pub fn text_up_to(path: &Path, max_bytes: u64) -> Result<String, Failure> {
    let wrong = |problem: &dyn ToString| Failure::input(path.display().to_string(), problem.to_string());
    let size = std::fs::metadata(path).map_err(|e| wrong(&e))?.len();
    if size > max_bytes {
        return Err(wrong(&format!("has {size} bytes; accepted: up to {max_bytes}")));
    }
    std::fs::read_to_string(path).map_err(|e| wrong(&e))
}

/// Reads a file that holds one JSON object.
///
/// # Errors
/// [`Failure::Input`] when it does not.
pub fn object(path: &Path) -> Result<Map<String, Value>, Failure> {
    serde_json::from_str(&text(path)?).map_err(|e| Failure::input(path.display().to_string(), e))
}

/// Reads a body from its members.
///
/// # Errors
/// [`Failure::Input`] with the member that is wrong.
pub fn body<T: DeserializeOwned>(what: &str, members: Map<String, Value>) -> Result<T, Failure> {
    serde_path_to_error::deserialize(Value::Object(members)).map_err(|e| Failure::input(what, e))
}
