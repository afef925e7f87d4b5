//! Policies from YAML, which JSON is a part of.

use serde::de::DeserializeOwned;

use super::locate::{Place, Places};

/// The largest file, in bytes: a policy of a thousand windows has a quarter of it.
pub const MAX_BYTES: usize = 1 << 20;

/// Why a file was not accepted: where, what is wrong, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The file, as the caller calls it.
    pub file: String,
    /// The path in the file, such as `batches.ratios`; empty for the whole.
    pub path: String,
    /// The line, from 1; 0 where nothing is written.
    pub line: u64,
    /// The column, from 1; 0 where nothing is written.
    pub column: u64,
    /// What is wrong.
    pub problem: String,
    /// What would be right; empty when the problem says so itself.
    pub accepted: String,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.file)?;
        if self.line > 0 {
            write!(f, ":{}:{}", self.line, self.column)?;
        }
        f.write_str(": ")?;
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.problem)?;
        match self.accepted.as_str() {
            "" => Ok(()),
            accepted => write!(f, "; accepted: {accepted}"),
        }
    }
}

impl std::error::Error for Refusal {}

/// Something wrong in a value, before it is known where that is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// The path, such as `batches.ratios`.
    pub path: String,
    /// What is wrong.
    pub problem: String,
    /// What would be right.
    pub accepted: String,
}

impl Wrong {
    /// Puts one together.
    #[must_use]
    pub fn new(path: impl Into<String>, problem: impl Into<String>, accepted: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            problem: problem.into(),
            accepted: accepted.into(),
        }
    }
}

/// Limits for texts of others: far above any policy, far below what would hurt. Each alias is worked off again at each
/// use, so the events of all uses count.
pub(super) fn options() -> serde_saphyr::Options {
    serde_saphyr::options! {
        with_snippet: false,
        budget: serde_saphyr::budget! {
            max_documents: 1,
            max_depth: 32,
            max_nodes: 20_000,
            max_events: 50_000,
            max_aliases: 100,
            max_anchors: 100,
        },
    }
}

/// Reads a value from YAML or JSON.
///
/// # Errors
/// The place and the problem: no YAML, too large, nested too deep, an unknown or repeated key, a wrong value.
pub fn read<T: DeserializeOwned>(file: &str, text: &str) -> Result<T, Refusal> {
    let refusal = |place: Option<Place>, path: &str, problem: String, accepted: String| Refusal {
        file: file.to_owned(),
        path: path.to_owned(),
        line: place.map_or(0, |p| p.line),
        column: place.map_or(0, |p| p.column),
        problem,
        accepted,
    };
    if text.len() > MAX_BYTES {
        let problem = format!("has {} bytes", text.len());
        return Err(refusal(None, "", problem, format!("up to {MAX_BYTES}")));
    }
    serde_saphyr::from_str_with_options(text, options()).map_err(|error| {
        let place = error.location().map(|at| Place {
            line: at.line(),
            column: at.column(),
        });
        let places = Places::of(text);
        let path = place.and_then(|place| places.path_at(place)).unwrap_or_default();
        let (problem, accepted) = told(&error);
        refusal(place, path, problem, accepted)
    })
}

/// The error's own words without its place, and what it says that would be right.
fn told(error: &serde_saphyr::Error) -> (String, String) {
    let text = error.without_snippet().to_string();
    let text = text
        .split(" at line ")
        .next()
        .unwrap_or(&text)
        .trim_end_matches(',');
    split(text)
}

/// What is wrong, and what would be right, of a sentence that says both.
pub(super) fn split(text: &str) -> (String, String) {
    for mark in [", expected one of ", ", expected ", "; accepted: "] {
        if let Some((problem, accepted)) = text.split_once(mark) {
            return (problem.to_owned(), accepted.to_owned());
        }
    }
    (text.to_owned(), String::new())
}

/// Says where in a file something is wrong.
#[must_use]
pub fn place(file: &str, text: &str, wrongs: &[Wrong]) -> Vec<Refusal> {
    let places = Places::of(text);
    let placed = wrongs.iter().map(|wrong| {
        let place = places.find(&wrong.path);
        Refusal {
            file: file.to_owned(),
            path: wrong.path.clone(),
            line: place.map_or(0, |p| p.line),
            column: place.map_or(0, |p| p.column),
            problem: wrong.problem.clone(),
            accepted: wrong.accepted.clone(),
        }
    });
    placed.collect()
}
