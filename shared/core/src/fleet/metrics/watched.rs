//! One metric: what a gate makes of it, and what cannot be made anything of.

use sluice_judge::metric::{Importance, Kind, Metric};
use sluice_judge::threshold::{Comparison, Relation, Threshold};

use super::{MetricKind, WatchedMetric};
use crate::settings::FieldError;

/// What CloudWatch takes for a name.
pub(super) fn bad_name(field: &str, name: &str) -> Option<FieldError> {
    let fits = (1..=255).contains(&name.chars().count()) && !name.chars().any(char::is_control);
    (!fits).then(|| FieldError::new(field, format!("is {name:?}"), "1 to 255 characters"))
}

/// Takes a field's name, what is wrong with it, and what is accepted.
type Wrong<'a> = dyn FnMut(&str, String, &str) + 'a;

impl WatchedMetric {
    fn importance(&self) -> Importance {
        // Both at once are refused; the careful one would hold.
        match (self.critical, self.observe_only) {
            (true, _) => Importance::Critical,
            (false, true) => Importance::ObserveOnly,
            (false, false) => Importance::Normal,
        }
    }

    /// What is compared; none for a limit.
    pub(super) fn compared(&self) -> Option<Metric> {
        let kind = match self.kind {
            MetricKind::Errors => Kind::Errors,
            MetricKind::Slow => Kind::Slow,
            MetricKind::Means => Kind::Means,
            MetricKind::Threshold => return None,
        };
        Some(Metric {
            name: self.name.clone(),
            kind,
            importance: self.importance(),
            weight: self.weight.unwrap_or(1.0),
            margin: self.margin.unwrap_or(kind.default_margin()),
        })
    }

    /// The limit; none for what is compared.
    pub(super) fn limit(&self) -> Option<Threshold> {
        if self.kind != MetricKind::Threshold {
            return None;
        }
        let min = self.min.and_then(|min| Comparison::new(Relation::AtLeast, min));
        let max = self.max.and_then(|max| Comparison::new(Relation::AtMost, max));
        let tests = [self.expected, min, max].into_iter().flatten().collect();
        let mut limit = Threshold::new(&self.name, tests, self.importance())?;
        limit.min_samples = self.min_samples.unwrap_or(limit.min_samples);
        limit.consecutive = self.consecutive.unwrap_or(limit.consecutive);
        Some(limit)
    }

    pub(super) fn check(&self, wrong: &mut Wrong<'_>) {
        let mut letters = self.name.chars();
        let named = letters.next().is_some_and(|c| c.is_ascii_lowercase())
            && letters.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
            && self.name.len() <= 64;
        if !named {
            let accepted = "a letter a-z, then letters, digits and _, up to 64 characters";
            wrong("name", format!("is {:?}", self.name), accepted);
        }
        if self.critical && self.observe_only {
            wrong(
                "observe_only",
                "is true, and so is critical".to_owned(),
                "at most one of them",
            );
        }
        // Written so that NaN fails them.
        if let Some(weight) = self.weight.filter(|w| !(*w > 0.0 && *w <= 1000.0)) {
            wrong("weight", format!("is {weight}"), "above 0, at most 1000");
        }
        if let Some(margin) = self.margin.filter(|m| !(1.0..=100.0).contains(m)) {
            wrong("margin", format!("is {margin}"), "1 to 100");
        }
        self.check_kind(wrong);
        let names = [
            ("requests", &self.requests),
            ("errors", &self.errors),
            ("slow", &self.slow),
            ("latency", &self.latency),
            ("metric", &self.metric),
        ];
        for (field, name) in names {
            if let Some(error) = name.as_ref().and_then(|name| bad_name(field, name)) {
                wrong(field, error.problem, &error.accepted);
            }
        }
    }

    /// Each kind has fields of its own, needs some of them, and takes no other's.
    fn check_kind(&self, wrong: &mut Wrong<'_>) {
        use MetricKind::{Errors, Means, Slow, Threshold};
        let given: [(&str, bool, &[MetricKind]); 11] = [
            ("margin", self.margin.is_some(), &[Errors, Slow]),
            ("weight", self.weight.is_some(), &[Errors, Slow, Means]),
            ("requests", self.requests.is_some(), &[Errors, Slow]),
            ("errors", self.errors.is_some(), &[Errors]),
            ("slow", self.slow.is_some(), &[Slow]),
            ("latency", self.latency.is_some(), &[Slow]),
            ("metric", self.metric.is_some(), &[Means, Threshold]),
            ("statistic", self.statistic.is_some(), &[Threshold]),
            ("expected", self.expected.is_some(), &[Threshold]),
            ("min_samples", self.min_samples.is_some(), &[Threshold]),
            ("consecutive", self.consecutive.is_some(), &[Threshold]),
        ];
        for (field, _, _) in given
            .iter()
            .filter(|(_, given, of)| *given && !of.contains(&self.kind))
        {
            wrong(
                field,
                "is no field of this kind of metric".to_owned(),
                "what the kind takes",
            );
        }
        match self.kind {
            Errors if self.errors.is_none() => {
                wrong(
                    "errors",
                    "is missing".to_owned(),
                    "the metric that counts failed requests",
                );
            }
            Slow if self.slow.is_some() == self.latency.is_some() => {
                wrong(
                    "slow",
                    "and latency are both there, or neither is".to_owned(),
                    "one of slow and latency",
                );
            }
            Slow if self.latency.is_some() && self.requests.is_some() => {
                wrong(
                    "requests",
                    "is there, and latency counts them".to_owned(),
                    "none beside latency",
                );
            }
            Threshold => self.check_limit(wrong),
            _ => {}
        }
    }

    fn check_limit(&self, wrong: &mut Wrong<'_>) {
        let range = self.min.is_some() || self.max.is_some();
        if self.expected.is_some() == range {
            let problem = if range {
                "is there beside min or max"
            } else {
                "is missing"
            };
            wrong("expected", problem.to_owned(), "expected, or min, max or both");
        }
        for (field, limit) in [("min", self.min), ("max", self.max)] {
            if let Some(limit) = limit.filter(|l| !l.is_finite()) {
                wrong(field, format!("is {limit}"), "a finite number");
            }
        }
        if let (Some(min), Some(max)) = (self.min, self.max)
            && min > max
        {
            wrong("min", format!("is {min}"), &format!("at most max, {max}"));
        }
        if self.consecutive == Some(0) {
            wrong("consecutive", "is 0".to_owned(), "1 or more");
        }
    }
}
