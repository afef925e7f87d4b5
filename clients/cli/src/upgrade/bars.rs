//! An upgrade on the screen while it runs: bars on a terminal, else a line for each change.

use std::io::{IsTerminal as _, Write as _};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use sluice_contract::api::{BatchPhase, BatchView, UpgradeView};

use super::show;
use crate::output::{Output, name, plain};

/// The most batches on the screen: those around the current one.
const MAX_BARS: usize = 12;

/// Where a running upgrade is shown. On standard error: the answer comes at the end, on standard output.
pub enum Screen {
    /// For machines: nothing.
    Dark,
    /// For files and pipes: a line for each change.
    Lines {
        /// The last one.
        last: String,
    },
    /// For terminals.
    Bars(Box<Bars>),
}

/// Bars for batches, and a line about the upgrade below.
pub struct Bars {
    all: MultiProgress,
    batches: Vec<ProgressBar>,
    line: ProgressBar,
}

impl Screen {
    /// The one that suits where the output goes.
    pub fn new(out: Output) -> Self {
        if out.is_json() {
            return Self::Dark;
        }
        if !std::io::stderr().is_terminal() {
            let last = String::new();
            return Self::Lines { last };
        }
        let all = MultiProgress::new();
        let line = all.add(styled(ProgressBar::no_length(), "{spinner} {msg}"));
        Self::Bars(Box::new(Bars {
            all,
            batches: Vec::new(),
            line,
        }))
    }

    /// Shows how the upgrade stands.
    pub fn show(&mut self, view: &UpgradeView) {
        let line = told(view);
        match self {
            Self::Bars(bars) => bars.show(view, line),
            _ => self.say(&line),
        }
    }

    /// Shows one sentence; the same again is not repeated.
    pub fn say(&mut self, sentence: &str) {
        let sentence = plain(sentence);
        match self {
            Self::Dark => {}
            Self::Lines { last } if *last == sentence => {}
            Self::Lines { last } => {
                // Watching goes on when nobody reads along.
                let _ = writeln!(std::io::stderr(), "{sentence}");
                *last = sentence;
            }
            Self::Bars(bars) => bars.line.set_message(sentence),
        }
    }

    /// Clears the screen for the answer.
    pub fn close(&self) {
        if let Self::Bars(bars) = self {
            bars.batches.iter().for_each(ProgressBar::finish_and_clear);
            bars.line.finish_and_clear();
        }
    }
}

impl Bars {
    fn show(&mut self, view: &UpgradeView, line: String) {
        let shown = window(view.batches.len(), view.current_batch as usize);
        while self.batches.len() < shown.len() {
            let bar = styled(ProgressBar::new(0), "{prefix:14} {bar:30} {pos:>6}/{len:6} {msg}");
            self.batches.push(self.all.insert_before(&self.line, bar));
        }
        let visible = view.batches.get(shown).unwrap_or_default();
        for (bar, batch) in self.batches.iter().zip(visible) {
            bar.set_length(batch.size.into());
            bar.set_position(position(batch).into());
            bar.set_prefix(format!("{:>4} {}", batch.index, name(&batch.kind)));
            bar.set_message(message(batch));
        }
        self.line.set_message(line);
        self.line.tick();
    }
}

fn styled(bar: ProgressBar, template: &str) -> ProgressBar {
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style.progress_chars("##-")),
        Err(_) => bar,
    }
}

/// The batches that are shown: at most [`MAX_BARS`], with the current one and what comes next.
fn window(batches: usize, current: usize) -> std::ops::Range<usize> {
    let begin = current
        .saturating_sub(MAX_BARS / 3)
        .min(batches.saturating_sub(MAX_BARS));
    begin..batches.min(begin + MAX_BARS)
}

/// How many of a batch's instances are where they should be.
fn position(batch: &BatchView) -> u32 {
    match batch.phase {
        BatchPhase::Reverted => 0,
        _ => batch.completed.min(batch.size),
    }
}

fn message(batch: &BatchView) -> String {
    match batch.failed {
        0 => name(&batch.phase),
        failed => format!("{}, {failed} failed", name(&batch.phase)),
    }
}

/// Status and wait in one line.
fn told(view: &UpgradeView) -> String {
    let status = show::status(view);
    let line = match &view.hold {
        Some(hold) => format!("{status}: {} (released by {})", hold.sentence, hold.released_by),
        None => status,
    };
    plain(&line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_current_batch_is_always_in_sight() {
        for (batches, current, expected) in [
            (0, 0, 0..0),
            (3, 3, 0..3),
            (12, 11, 0..12),
            (100, 0, 0..12),
            (100, 50, 46..58),
            (100, 99, 88..100),
            (100, 100, 88..100),
        ] {
            assert_eq!(window(batches, current), expected, "{current} of {batches}");
        }
    }
}
