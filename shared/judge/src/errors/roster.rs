//! Names of hosts and their numbers.

use std::collections::HashMap;

/// Gives each host a number, from 0 without gaps, in the order in which the names are seen.
#[derive(Debug, Clone, Default)]
pub struct Roster {
    names: Vec<String>,
    numbers: HashMap<String, u32>,
}

impl Roster {
    /// The number of a host; the next free one when its name is new. None when there are too many.
    pub fn number(&mut self, name: &str) -> Option<u32> {
        if let Some(number) = self.numbers.get(name) {
            return Some(*number);
        }
        let number = u32::try_from(self.names.len())
            .ok()
            .filter(|n| *n < super::MAX_HOSTS)?;
        self.names.push(name.to_owned());
        self.numbers.insert(name.to_owned(), number);
        Some(number)
    }

    /// The name behind a number.
    #[must_use]
    pub fn name(&self, number: u32) -> Option<&str> {
        self.names.get(number as usize).map(String::as_str)
    }
}
