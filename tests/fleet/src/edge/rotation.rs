//! How many backends were in rotation, at any time since the start.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// More changes than a demonstration sees; the oldest are forgotten first.
const MAX_CHANGES: usize = 10_000;

/// The number of backends in rotation from a moment on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Milliseconds since 1970.
    pub at_ms: u64,
    /// Backends that get requests.
    pub in_rotation: usize,
}

/// Every change of that number.
#[derive(Debug, Default)]
pub struct Rotation(VecDeque<Change>);

impl Rotation {
    /// Notes the number at this moment, when it is another than before.
    pub fn note(&mut self, at_ms: u64, in_rotation: usize) {
        if self.0.back().is_some_and(|last| last.in_rotation == in_rotation) {
            return;
        }
        if self.0.len() == MAX_CHANGES {
            self.0.pop_front();
        }
        self.0.push_back(Change { at_ms, in_rotation });
    }

    /// The changes, oldest first.
    pub fn changes(&self) -> Vec<Change> {
        self.0.iter().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_changes_are_kept_and_not_without_end() {
        let mut rotation = Rotation::default();
        for (at_ms, in_rotation) in [(1, 4), (2, 4), (3, 3), (4, 4)] {
            rotation.note(at_ms, in_rotation);
        }
        let seen: Vec<_> = rotation
            .changes()
            .iter()
            .map(|c| (c.at_ms, c.in_rotation))
            .collect();
        assert_eq!(seen, [(1, 4), (3, 3), (4, 4)]);
        for n in 0..2 * MAX_CHANGES {
            rotation.note(n as u64, n % 2);
        }
        assert_eq!(rotation.changes().len(), MAX_CHANGES);
    }
}
