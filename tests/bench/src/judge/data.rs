//! Recorded data, where they are at hand.

use std::fs;
use std::path::PathBuf;

/// Names the folder with the recorded data; without it, the folder `shared/data` beside the checkout.
pub const DATA_VARIABLE: &str = "SLUICE_BENCH_DATA";

/// The folder, if it is there.
#[must_use]
pub fn folder() -> Option<PathBuf> {
    let beside = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data"));
    let folder = std::env::var_os(DATA_VARIABLE).map_or_else(beside, PathBuf::from);
    folder.is_dir().then_some(folder)
}

/// The real series, by name: values of one metric, in order of time.
#[must_use]
pub fn real_series() -> Option<Vec<(String, Vec<f64>)>> {
    let mut series = Vec::new();
    for entry in fs::read_dir(folder()?.join("nab")).ok()? {
        let path = entry.ok()?.path();
        if path.extension().is_some_and(|e| e == "csv") {
            let text = fs::read_to_string(&path).ok()?;
            let values = text
                .lines()
                .skip(1)
                .filter_map(|l| l.split(',').nth(1)?.parse().ok());
            series.push((path.file_stem()?.to_string_lossy().into_owned(), values.collect()));
        }
    }
    // The order of a folder is not the same everywhere, and the seeds go by it.
    series.sort_by(|a, b| a.0.cmp(&b.0));
    (!series.is_empty()).then_some(series)
}

/// A pair of samples with the verdict of Kayenta's own judge.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// Whether the canary was called worse.
    pub high: bool,
    /// Values of the new version.
    pub canary: Vec<f64>,
    /// Values of the old one.
    pub baseline: Vec<f64>,
}

/// The recorded verdicts of Kayenta's judge.
#[must_use]
pub fn kayenta_verdicts() -> Option<Vec<Verdict>> {
    let text = fs::read_to_string(folder()?.join("kayenta/verdicts.csv")).ok()?;
    let values = |text: &str| {
        text.split_whitespace()
            .map(str::parse)
            .collect::<Result<Vec<f64>, _>>()
            .ok()
    };
    text.lines()
        .skip(1)
        .map(|line| {
            let fields: Vec<&str> = line.split(',').collect();
            let [_, _, verdict, canary, baseline] = fields[..] else {
                return None;
            };
            Some(Verdict {
                high: verdict == "High",
                canary: values(canary)?,
                baseline: values(baseline)?,
            })
        })
        .collect()
}
