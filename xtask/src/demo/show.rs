//! What a person sees of the demo: bars while it runs, a table at the end. All of it goes to standard error.

use std::cell::RefCell;
use std::io::IsTerminal as _;
use std::path::Path;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use sluice_contract::api::{BatchPhase, BatchView, UpgradeView};

use super::fleet::LoadReport;
use super::upgrade::Outcome;

/// An upgrade as it goes: a bar for each batch, and a line that says what is waited for.
pub struct Live {
    bars: Option<(Vec<ProgressBar>, ProgressBar)>,
    said: RefCell<String>,
}

impl Live {
    /// Begins to show an upgrade.
    pub fn new(view: &UpgradeView) -> Self {
        eprintln!(
            "\nupgrade {} to {}: {} instances in {} batches",
            view.from_version,
            view.to_version,
            view.total_instances,
            view.batches.len()
        );
        let bars = std::io::stderr().is_terminal().then(|| {
            let all = MultiProgress::new();
            let style = ProgressStyle::with_template("  {prefix:20} {bar:30} {pos:>3}/{len:3} {msg}");
            let bars = view.batches.iter().map(|batch| {
                let bar = all.add(ProgressBar::new(u64::from(batch.size)));
                if let Ok(style) = &style {
                    bar.set_style(style.clone());
                }
                bar.set_prefix(name(batch));
                bar
            });
            let bars = bars.collect();
            let line = all.add(ProgressBar::new_spinner());
            (bars, line)
        });
        Self {
            bars,
            said: RefCell::new(String::new()),
        }
    }

    /// Shows how it stands.
    pub fn show(&self, view: &UpgradeView) {
        let line = line(view);
        let Some((bars, last)) = &self.bars else {
            let mut said = self.said.borrow_mut();
            if *said != line {
                eprintln!("  {line}");
                *said = line;
            }
            return;
        };
        for (bar, batch) in bars.iter().zip(&view.batches) {
            bar.set_position(u64::from(batch.completed));
            bar.set_message(word(batch.phase));
        }
        last.set_message(line);
        last.tick();
    }

    /// Shows how it ended.
    pub fn end(&self, view: &UpgradeView) {
        if let Some((bars, last)) = &self.bars {
            bars.iter().for_each(ProgressBar::abandon);
            last.finish_and_clear();
        }
        eprintln!("  {}", view.status);
    }
}

fn line(view: &UpgradeView) -> String {
    let hold = view
        .hold
        .as_ref()
        .map(|h| h.sentence.as_str())
        .unwrap_or_default();
    let gate = view
        .gate
        .as_deref()
        .map(|g| format!(" [{g}]"))
        .unwrap_or_default();
    format!(
        "{}, {}% of the traffic: {hold}{gate}",
        view.status,
        view.traffic_percentage.get()
    )
}

fn name(batch: &BatchView) -> String {
    format!(
        "batch {} ({})",
        batch.index,
        format!("{:?}", batch.kind).to_lowercase()
    )
}

fn word(phase: BatchPhase) -> &'static str {
    match phase {
        BatchPhase::Pending => "",
        BatchPhase::Moving => "moving",
        BatchPhase::Shifting => "shifting traffic",
        BatchPhase::Baking => "watched",
        BatchPhase::Passed => "passed",
        BatchPhase::Reverting => "going back",
        BatchPhase::Reverted => "back",
    }
}

/// The table at the end.
pub fn summary(outcomes: &[Outcome], load: &LoadReport, results: &Path) {
    eprintln!(
        "\n{:<9} {:<12} {:>9} {:>9} {:>11} {:>7} {:>12} {:>8}  T2>T3 / T2>T4 / T2>T5",
        "scenario", "status", "instances", "on target", "on previous", "touched", "in rotation", "seconds"
    );
    for o in outcomes {
        let clock = |ms: Option<i64>| ms.map_or("-".to_owned(), |ms| format!("{ms} ms"));
        let clocks = [o.clocks_ms.t2_to_t3, o.clocks_ms.t2_to_t4, o.clocks_ms.t2_to_t5]
            .map(clock)
            .join(" / ");
        eprintln!(
            "{:<9} {:<12} {:>9} {:>9} {:>11} {:>7} {:>12} {:>8}  {clocks}",
            o.scenario,
            o.status,
            o.instances,
            o.on_target,
            o.on_previous,
            o.touched,
            format!(">= {} of {}", o.worst_in_rotation, o.instances),
            o.duration_ms / 1_000
        );
    }
    for line in outcomes.iter().filter_map(remark) {
        eprintln!("{line}");
    }
    let failed: Vec<_> = load
        .failed_by_version
        .iter()
        .map(|(v, n)| format!("{n} by {v}"))
        .collect();
    let failed = if failed.is_empty() {
        "none".to_owned()
    } else {
        failed.join(", ")
    };
    eprintln!(
        "\nrequests: {} in all, {} without an answer; failed: {failed}",
        load.total, load.unanswered
    );
    eprintln!("reports: {}", results.display());
}

/// What a scenario with trouble came to.
fn remark(o: &Outcome) -> Option<String> {
    let of = o.instances;
    let recovered = o.recovery_ms.map(|ms| {
        format!(
            "{}: an agent was killed in mid-switch; its instance ran the new version {ms} ms later",
            o.scenario
        )
    });
    recovered.or_else(|| {
        o.moved_before_bad.map(|moved| {
            format!(
                "{}: turned bad when {moved} of {of} had moved; at the worst moment {} were out of rotation, the cap is {}",
                o.scenario,
                of.saturating_sub(o.worst_in_rotation),
                o.cap
            )
        })
    })
}
