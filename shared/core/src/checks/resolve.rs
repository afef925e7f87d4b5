//! What becomes of a caller's wishes.

use jiff::SignedDuration;
use serde_json::Value;

use super::{
    Checks, CommandCheck, MetricCheck, MetricWish, PostUpgradeVerify, PreCheckKind, PreUpgradeCheck,
    PreUpgradeCheckWishes, VerifyKind, VerifyWishes,
};
use crate::settings::FieldError;

/// The usual time of a check: a program that answers at all answers within it.
const USUAL_TIMEOUT_MS: u64 = 30_000;

/// A page is there or it is not.
const HTTP_TIMEOUT_MS: u64 = 10_000;

/// The accepted times, in milliseconds.
const TIMEOUT_MS: std::ops::RangeInclusive<u64> = 1_000..=600_000;

/// The longest command, endpoint or expected text, in characters: plans travel with every check-in.
const MAX_TEXT: usize = 1_024;

/// The most metrics of one check.
const MAX_METRICS: usize = 16;

/// Checks what is asked for.
pub(crate) fn resolve(
    pre: Option<&PreUpgradeCheckWishes>,
    post: Option<&VerifyWishes>,
    errors: &mut Vec<FieldError>,
) -> Checks {
    let pre = pre.filter(|wishes| wishes.enabled.unwrap_or(true));
    let post = post.filter(|wishes| wishes.enabled.unwrap_or(true));
    let mut fields = Fields {
        of: "preUpgradeCheck",
        errors,
    };
    let pre_upgrade = pre.and_then(|wishes| fields.pre(wishes));
    fields.of = "postUpgradeVerify";
    let post_upgrade = post.and_then(|wishes| fields.post(wishes));
    Checks {
        pre_upgrade,
        post_upgrade,
    }
}

/// Collects what is wrong with the fields of one object.
struct Fields<'a> {
    of: &'static str,
    errors: &'a mut Vec<FieldError>,
}

impl Fields<'_> {
    fn wrong(&mut self, name: &str, problem: impl Into<String>, accepted: impl Into<String>) {
        let field = format!("{}.{name}", self.of);
        self.errors.push(FieldError::new(&field, problem, accepted));
    }

    fn pre(&mut self, wishes: &PreUpgradeCheckWishes) -> Option<PreUpgradeCheck> {
        let timeout_ms = self.timeout_ms(wishes.timeout.as_deref(), USUAL_TIMEOUT_MS);
        match wishes.kind {
            None => self.missing_type("health-check or custom"),
            Some(PreCheckKind::HealthCheck) => {
                self.only("command", wishes.command.is_some(), "custom");
                self.only("expected", wishes.expected.is_some(), "custom");
                Some(PreUpgradeCheck::HealthCheck { timeout_ms })
            }
            Some(PreCheckKind::Custom) => {
                let (command, expected) = (wishes.command.as_deref(), wishes.expected.as_deref());
                Some(PreUpgradeCheck::Custom(
                    self.command(command, expected, timeout_ms),
                ))
            }
        }
    }

    fn post(&mut self, wishes: &VerifyWishes) -> Option<PostUpgradeVerify> {
        let Some(kind) = wishes.kind else {
            return self.missing_type("exec, metrics or http");
        };
        for (name, given, of, is) in [
            ("command", wishes.command.is_some(), VerifyKind::Exec, "exec"),
            ("expected", wishes.expected.is_some(), VerifyKind::Exec, "exec"),
            (
                "metrics",
                wishes.metrics.is_some(),
                VerifyKind::Metrics,
                "metrics",
            ),
            ("endpoint", wishes.endpoint.is_some(), VerifyKind::Http, "http"),
            (
                "expectedStatus",
                wishes.expected_status.is_some(),
                VerifyKind::Http,
                "http",
            ),
        ] {
            self.only(name, given && kind != of, is);
        }
        let default_ms = match kind {
            VerifyKind::Exec | VerifyKind::Metrics => USUAL_TIMEOUT_MS,
            VerifyKind::Http => HTTP_TIMEOUT_MS,
        };
        let timeout_ms = self.timeout_ms(wishes.timeout.as_deref(), default_ms);
        Some(match kind {
            VerifyKind::Exec => {
                let (command, expected) = (wishes.command.as_deref(), wishes.expected.as_deref());
                PostUpgradeVerify::Exec(self.command(command, expected, timeout_ms))
            }
            VerifyKind::Metrics => PostUpgradeVerify::Metrics {
                metrics: self.metrics(wishes.metrics.as_deref().unwrap_or_default()),
                timeout_ms,
            },
            VerifyKind::Http => PostUpgradeVerify::Http {
                endpoint: self.endpoint(wishes.endpoint.as_deref()),
                expected_status: self.status(wishes.expected_status.unwrap_or(200)),
                timeout_ms,
            },
        })
    }

    fn missing_type<T>(&mut self, accepted: &str) -> Option<T> {
        self.wrong("type", "is missing", accepted);
        None
    }

    /// A field that belongs to one type says something about a check that is not made: it is not ignored.
    fn only(&mut self, name: &str, misplaced: bool, kind: &str) {
        if misplaced {
            self.wrong(name, "is not of this type", format!("only with type {kind}"));
        }
    }

    fn timeout_ms(&mut self, given: Option<&str>, default_ms: u64) -> u64 {
        let Some(given) = given else { return default_ms };
        let duration: Option<SignedDuration> = given.parse().ok();
        let ms = duration.and_then(|d| u64::try_from(d.as_millis()).ok());
        match ms.filter(|ms| TIMEOUT_MS.contains(ms)) {
            Some(ms) => ms,
            None => {
                self.wrong("timeout", format!("is {given:?}"), "1s to 600s, as in 30s");
                default_ms
            }
        }
    }

    fn command(&mut self, command: Option<&str>, expected: Option<&str>, timeout_ms: u64) -> CommandCheck {
        CommandCheck {
            command: self.text("command", command.unwrap_or_default().trim()),
            expected: expected.map(|expected| self.text("expected", expected)),
            timeout_ms,
        }
    }

    fn text(&mut self, name: &str, given: &str) -> String {
        let length = given.chars().count();
        if !(1..=MAX_TEXT).contains(&length) || given.contains('\0') {
            let problem = format!("has {length} characters");
            self.wrong(
                name,
                problem,
                format!("1 to {MAX_TEXT} characters, none of them NUL"),
            );
        }
        given.to_owned()
    }

    fn endpoint(&mut self, given: Option<&str>) -> String {
        let given = given.unwrap_or_default();
        let plain = given.chars().all(|c| c.is_ascii_graphic());
        if !given.starts_with('/') || !plain || given.len() > MAX_TEXT {
            let accepted = format!("a path that begins with /, at most {MAX_TEXT} visible ASCII characters");
            self.wrong("endpoint", format!("is {given:?}"), accepted);
        }
        given.to_owned()
    }

    fn status(&mut self, given: i64) -> u16 {
        let status = u16::try_from(given).ok().filter(|s| (100..=599).contains(s));
        if status.is_none() {
            self.wrong("expectedStatus", format!("is {given}"), "100 to 599");
        }
        status.unwrap_or(200)
    }

    fn metrics(&mut self, given: &[MetricWish]) -> Vec<MetricCheck> {
        if !(1..=MAX_METRICS).contains(&given.len()) {
            let accepted = format!("1 to {MAX_METRICS} metrics");
            self.wrong("metrics", format!("has {}", given.len()), accepted);
        }
        let read = given
            .iter()
            .enumerate()
            .filter_map(|(index, wish)| self.metric(index, wish));
        read.collect()
    }

    fn metric(&mut self, index: usize, wish: &MetricWish) -> Option<MetricCheck> {
        let name = &wish.name;
        if !is_metric_name(name) {
            let accepted = format!("a letter, _ or :, then letters, digits, _ and :, at most {MAX_TEXT}");
            self.wrong(
                &format!("metrics[{index}].name"),
                format!("is {name:?}"),
                accepted,
            );
        }
        let text = match &wish.expected {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let Ok(expected) = text.parse() else {
            let accepted = "a number, or a text of ==, !=, >, >=, < or <= and a number";
            let problem = format!("is {}", wish.expected);
            self.wrong(&format!("metrics[{index}].expected"), problem, accepted);
            return None;
        };
        let name = name.clone();
        Some(MetricCheck { name, expected })
    }
}

fn is_metric_name(name: &str) -> bool {
    let letter = |c: char| c.is_ascii_alphabetic() || c == '_' || c == ':';
    name.len() <= MAX_TEXT
        && name.starts_with(letter)
        && name.chars().all(|c| letter(c) || c.is_ascii_digit())
}
