//! Series of counts, from CSV.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use sluice_judge::errors::{ArmName, Counts};

use crate::failure::Failure;

/// The largest file that is read, in bytes.
const MAX_BYTES: u64 = 256 << 20;

/// The largest count that is read: up to it, floating-point numbers tell counts exactly.
const MAX_COUNT: f64 = 9_007_199_254_740_992.0;

/// The largest minute: counted from 1970, it lies in the year 2160.
const MAX_MINUTE: f64 = 100_000_000.0;

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Line of the file, from 1.
    pub line: u64,
    /// The host; empty for a whole arm.
    pub host: String,
    /// Its version.
    pub arm: ArmName,
    /// Requests and errors.
    pub errors: Counts,
    /// Requests and slow ones, when they were counted.
    pub slow: Option<Counts>,
}

/// Rows by minute.
pub type Series = BTreeMap<i64, Vec<Row>>;

/// Reads a series. Rows may be in any order: a late one belongs to its minute.
///
/// # Errors
/// [`Failure::Input`] with line and column of the first value that cannot be judged by, and what is accepted.
pub fn read(path: &Path) -> Result<Series, Failure> {
    let wrong = |problem: &dyn ToString| Failure::input(path.display().to_string(), problem.to_string());
    let size = std::fs::metadata(path).map_err(|e| wrong(&e))?.len();
    if size > MAX_BYTES {
        return Err(wrong(&format!("has {size} bytes; accepted: up to {MAX_BYTES}")));
    }
    let text = std::fs::read(path).map_err(|e| wrong(&e))?;
    parse(&text).map_err(|problem| wrong(&problem))
}

fn parse(text: &[u8]) -> Result<Series, String> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text);
    let columns = Columns::find(reader.headers().map_err(|e| e.to_string())?)?;
    let mut series = Series::new();
    let mut seen = HashMap::new();
    for record in reader.records() {
        let record = record.map_err(|e| e.to_string())?;
        let line = record.position().map_or(0, csv::Position::line);
        let (minute, row) = columns.row(&record, line)?;
        let key = (minute, row.host.clone());
        if let Some((first, arm)) = seen.insert(key, (line, row.arm)) {
            let both = row.host.is_empty() && arm != row.arm;
            if !both {
                return Err(format!(
                    "line {line}: minute {minute} of {} is on line {first} already; accepted: each host once a minute, \
                     in one arm",
                    if row.host.is_empty() {
                        "this arm"
                    } else {
                        &row.host
                    },
                ));
            }
        }
        series.entry(minute).or_default().push(row);
    }
    for (minute, rows) in &series {
        check_minute(*minute, rows)?;
    }
    if series.is_empty() {
        return Err("has no rows; accepted: at least one".to_owned());
    }
    let minutes = series
        .keys()
        .next_back()
        .zip(series.keys().next())
        .map_or(0, |(b, a)| b - a);
    if minutes > MAX_LENGTH {
        return Err(format!(
            "column minute: spans {minutes} minutes; accepted: up to {MAX_LENGTH}"
        ));
    }
    Ok(series)
}

/// The longest series, in minutes: ten weeks.
const MAX_LENGTH: i64 = 100_800;

/// What only all rows of a minute show: an arm is told host by host or as a whole, and as a whole once.
fn check_minute(minute: i64, rows: &[Row]) -> Result<(), String> {
    for arm in [ArmName::Canary, ArmName::Baseline] {
        let total = |r: &&Row| r.arm == arm && r.host.is_empty();
        let mut totals = rows.iter().filter(total);
        let (first, second) = (totals.next(), totals.next());
        if let Some((first, second)) = first.zip(second) {
            return Err(format!(
                "line {}: minute {minute} of this arm is on line {} already; accepted: each arm once a minute",
                second.line, first.line
            ));
        }
        let host = rows.iter().find(|r| r.arm == arm && !r.host.is_empty());
        if let Some((total, host)) = first.zip(host) {
            return Err(format!(
                "line {}, column host: is empty, while line {} names a host of the same minute and arm; accepted: an \
                 arm host by host or as a whole",
                total.line, host.line
            ));
        }
    }
    Ok(())
}

/// Where each column is.
struct Columns {
    minute: usize,
    host: Option<usize>,
    arm: usize,
    requests: usize,
    errors: usize,
    slow: Option<usize>,
}

impl Columns {
    fn find(header: &csv::StringRecord) -> Result<Self, String> {
        const KNOWN: [&str; 6] = ["minute", "host", "arm", "requests", "errors", "slow"];
        if let Some(other) = header.iter().find(|name| !KNOWN.contains(name)) {
            return Err(format!(
                "line 1: column {other:?}; accepted: {}",
                KNOWN.join(", ")
            ));
        }
        let place = |name: &str| header.iter().position(|n| n == name);
        let needed = |name: &str| {
            place(name)
                .ok_or_else(|| format!("line 1: column {name} is missing; accepted: {}", KNOWN.join(", ")))
        };
        Ok(Self {
            minute: needed("minute")?,
            host: place("host"),
            arm: needed("arm")?,
            requests: needed("requests")?,
            errors: needed("errors")?,
            slow: place("slow"),
        })
    }

    fn row(&self, record: &csv::StringRecord, line: u64) -> Result<(i64, Row), String> {
        let field = |place: usize| record.get(place).unwrap_or_default();
        let count = |name: &str, place: usize, most: f64| whole(field(place), most, line, name);
        let minute = count("minute", self.minute, MAX_MINUTE)?;
        let arm = match field(self.arm) {
            "canary" => ArmName::Canary,
            "baseline" => ArmName::Baseline,
            other => {
                return Err(format!(
                    "line {line}, column arm: is {other:?}; accepted: canary, baseline"
                ));
            }
        };
        let requests = count("requests", self.requests, MAX_COUNT)?;
        let part = |name: &str, place: usize| {
            let part = count(name, place, MAX_COUNT)?;
            if part > requests {
                return Err(format!(
                    "line {line}, column {name}: is {part}; accepted: 0 to the row's requests, {requests}"
                ));
            }
            Ok(Counts {
                requests,
                errors: part,
            })
        };
        let errors = part("errors", self.errors)?;
        let slow = match self.slow.filter(|place| !field(*place).is_empty()) {
            Some(place) => Some(part("slow", place)?),
            None => None,
        };
        let host = self.host.map_or("", field).to_owned();
        let minute = i64::try_from(minute).map_err(|e| e.to_string())?;
        Ok((
            minute,
            Row {
                line,
                host,
                arm,
                errors,
                slow,
            },
        ))
    }
}

/// A whole number of a minute, not a running total: those are negative when a counter begins anew.
fn whole(text: &str, most: f64, line: u64, column: &str) -> Result<u64, String> {
    if let Ok(number) = text.parse::<u64>()
        && number as f64 <= most
    {
        return Ok(number);
    }
    match text.parse::<f64>() {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "whole and within range"
        )]
        Ok(number) if (0.0..=most).contains(&number) && number.fract() == 0.0 => Ok(number as u64),
        _ => Err(format!(
            "line {line}, column {column}: is {text:?}; accepted: a whole number from 0 to {most}, counted in that \
             minute alone"
        )),
    }
}
