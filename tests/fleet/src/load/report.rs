//! What the load has seen.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// Outcomes of the requests that have ended. `total` is the sum of `ok`, `failed` and `unanswered`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Requests that have ended.
    pub total: u64,
    /// Answered below 400.
    pub ok: u64,
    /// Answered with 400 or more, or with an answer that broke off.
    pub failed: u64,
    /// `failed` by the version that the answer was marked with; one without a mark is in no entry.
    pub failed_by_version: BTreeMap<String, u64>,
    /// Answered, well or not, by the version that the answer was marked with.
    pub by_version: BTreeMap<String, u64>,
    /// Without an answer in time.
    pub unanswered: u64,
    /// Due but not sent, because the sender itself was held up, or too many others were waiting for their answers (each of
    /// which is counted by what becomes of it); in no other figure.
    pub skipped: u64,
}

/// How one request ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// With an answer.
    Answered {
        /// The version that the answer was marked with.
        version: Option<String>,
        /// Whether it was below 400 and complete.
        ok: bool,
    },
    /// Without one.
    Unanswered,
}

impl Report {
    /// Counts one request.
    pub fn count(&mut self, outcome: Outcome) {
        self.total += 1;
        let Outcome::Answered { version, ok } = outcome else {
            self.unanswered += 1;
            return;
        };
        *if ok { &mut self.ok } else { &mut self.failed } += 1;
        let Some(version) = version else { return };
        if !ok {
            *self.failed_by_version.entry(version.clone()).or_default() += 1;
        }
        *self.by_version.entry(version).or_default() += 1;
    }

    /// Writes it as JSON, so that a reader sees the one before or this one, never a part.
    ///
    /// # Errors
    /// What the system says about the file, or the one beside it with `.part` at the end of its name.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let mut part = path.as_os_str().to_owned();
        part.push(".part");
        std::fs::write(&part, serde_json::to_vec(self)?)?;
        std::fs::rename(&part, path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_add_up_and_survive_the_file() {
        let mut report = Report::default();
        for (version, ok) in [
            (Some("1"), true),
            (Some("1"), false),
            (Some("2"), false),
            (None, false),
        ] {
            report.count(Outcome::Answered {
                version: version.map(str::to_owned),
                ok,
            });
        }
        report.count(Outcome::Unanswered);
        assert_eq!(
            (report.total, report.ok, report.failed, report.unanswered),
            (5, 1, 3, 1)
        );
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.json");
        report.write(&path).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(
            text,
            r#"{"total":5,"ok":1,"failed":3,"failed_by_version":{"1":1,"2":1},"by_version":{"1":2,"2":1},"unanswered":1,"skipped":0}"#
        );
        assert_eq!(serde_json::from_str::<Report>(&text).unwrap(), report);
        assert_eq!(
            std::fs::read_dir(folder.path()).unwrap().count(),
            1,
            "nothing is left beside it"
        );
    }
}
