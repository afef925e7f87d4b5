//! A verdict in one sentence.

use std::fmt;

use super::verdict::{Harm, Missing, Numbers, Verdict};
use crate::errors::{Basis, Counts};
use crate::metric::Kind;

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let n = self.numbers();
        match self {
            Self::Harmful { reason, .. } => {
                f.write_str("harmful: ")?;
                harm(f, reason, n)?;
            }
            Self::Harmless { .. } => {
                f.write_str("harmless: ")?;
                compared(f, n, ", the old one")?;
            }
            Self::Undecided { waiting_for, .. } => write!(f, "undecided: {waiting_for}")?,
        }
        if !n.host_problems.is_empty() {
            write!(
                f,
                "; a host problem, not the version's: {} {} more errors than the other hosts of the new version",
                n.host_problems.join(", "),
                if n.host_problems.len() == 1 {
                    "makes"
                } else {
                    "make"
                }
            )?;
        }
        Ok(())
    }
}

fn harm(f: &mut fmt::Formatter<'_>, reason: &Harm, n: &Numbers) -> fmt::Result {
    match reason {
        Harm::WorseThanBaseline => {
            compared(f, n, " against")?;
            write!(
                f,
                " of the old one; evidence e^{:.1} reached e^{:.1}",
                n.log_evidence, n.log_bound
            )?;
            if n.basis == Basis::OneCanaryHost {
                f.write_str("; it has one host, and a sick host would look the same")?;
            }
            Ok(())
        }
        Harm::ErrorRateAboveLimit {
            metric,
            observed,
            limit,
        } => write!(
            f,
            "{}the new version failed {:.2}% of its requests, and {:.2}% are allowed",
            named(metric),
            observed * 100.0,
            limit * 100.0
        ),
        Harm::OutsideLimit {
            metric,
            observed,
            limit,
        } => write!(
            f,
            "{metric} of the new version is {observed}, accepted: {limit}; the old version keeps to it"
        ),
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Source => f.write_str("the fleet declares no source of metrics"),
            Self::ValidRules { rule } => write!(f, "the gate's rules cannot be judged by: {rule}"),
            Self::ValidData { problem } => write!(f, "the metrics contradict themselves: {problem}"),
            Self::Data => f.write_str("waiting for the first requests to the new version"),
            Self::Metric { metric, why: None } => write!(f, "waiting for the first data of {metric}"),
            Self::Metric {
                metric,
                why: Some(why),
            } => write!(f, "there are no data of {metric}: {why}"),
            Self::ComparableArms { metric } => write!(
                f,
                "{metric} is compared by means, and both versions never had about as many samples in one minute"
            ),
            Self::FreshData { age_ms, limit_ms } => write!(
                f,
                "the newest datapoint is {} s old, and at most {} s are accepted",
                age_ms / 1000,
                limit_ms / 1000
            ),
            Self::Requests { have, need } => {
                write!(
                    f,
                    "{have} of {need} requests to the new version seen, {} missing",
                    need.saturating_sub(*have)
                )
            }
            Self::HealthyBaseline { observed, limit } => write!(
                f,
                "{:.2}% of the requests fail, more than {:.2}%, without a proof against the new version",
                observed * 100.0,
                limit * 100.0
            ),
            Self::WithinLimit {
                metric,
                observed,
                limit,
            } => write!(
                f,
                "{metric} is {observed}, accepted: {limit}; the old version does not keep to it either, or is not there"
            ),
            Self::Comparison { now, then } => write!(
                f,
                "the new version fails {:.2}% of its requests, the old one failed {:.2}%, and too few hosts run it to \
                 tell an outage from a bad version: somebody has to decide",
                now * 100.0,
                then * 100.0
            ),
            Self::BakeTime { left_ms } => write!(f, "{} s of the bake are left", left_ms.div_ceil(1000)),
        }
    }
}

/// The name of a metric before what is said about it; none where it goes without saying.
fn named(metric: &str) -> String {
    match metric {
        "" | "error_rate" => String::new(),
        metric => format!("{metric}: "),
    }
}

/// What both versions did.
fn compared(f: &mut fmt::Formatter<'_>, n: &Numbers, against: &str) -> fmt::Result {
    f.write_str(&named(&n.metric))?;
    match (n.kind, n.means) {
        (Kind::Means, Some(m)) => write!(
            f,
            "the new version had {:.4} on average over {} minutes{against} {:.4}",
            m.canary, m.minutes, m.baseline
        ),
        (Kind::Slow, _) => write!(
            f,
            "the new version was slow in {}{against} {}",
            share(n.canary),
            share(n.baseline)
        ),
        _ => write!(
            f,
            "the new version failed {}{against} {}",
            share(n.canary),
            share(n.baseline)
        ),
    }
}

fn share(counts: Counts) -> String {
    format!("{} of {} requests", counts.errors, counts.requests)
}
