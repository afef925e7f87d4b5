//! Expressions of conditions, keys and updates, with what they need to be sent.

use std::collections::HashMap;
use std::fmt::Display;

use aws_sdk_dynamodb::types::AttributeValue;

use super::item::{number, text};

/// An expression in which `#name` stands for the attribute `name` and `:name` for a value. Attributes are always
/// written with `#`, because DynamoDB reserves several hundred plain words.
#[derive(Debug, Clone)]
pub(super) struct Expression {
    text: &'static str,
    values: HashMap<String, AttributeValue>,
}

impl Expression {
    /// An expression without values yet.
    pub(super) fn new(text: &'static str) -> Self {
        Self {
            text,
            values: HashMap::new(),
        }
    }

    /// The item is not there yet.
    pub(super) fn absent() -> Self {
        Self::new("attribute_not_exists(#pk)")
    }

    /// Gives a value.
    pub(super) fn with(mut self, name: &str, value: AttributeValue) -> Self {
        self.values.insert(format!(":{name}"), value);
        self
    }

    /// Gives a text.
    pub(super) fn text(self, name: &str, value: impl Into<String>) -> Self {
        self.with(name, text(value))
    }

    /// Gives a number.
    pub(super) fn number(self, name: &str, value: impl Display + Copy) -> Self {
        self.with(name, number(value))
    }

    /// The expression itself.
    pub(super) fn expression(&self) -> String {
        self.text.to_owned()
    }

    /// The attributes that it names.
    pub(super) fn names(&self) -> HashMap<String, String> {
        let words = self
            .text
            .split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '#')));
        words
            .filter_map(|w| Some((w.to_owned(), w.strip_prefix('#')?.to_owned())))
            .collect()
    }

    /// Its values; none when it has none, because DynamoDB refuses an empty list.
    pub(super) fn values(&self) -> Option<HashMap<String, AttributeValue>> {
        (!self.values.is_empty()).then(|| self.values.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found() {
        let expression = Expression::new("attribute_not_exists(#pk) OR #upgrade_id = :id").text("id", "x");
        let expected =
            [("#pk", "pk"), ("#upgrade_id", "upgrade_id")].map(|(a, b)| (a.to_owned(), b.to_owned()));
        assert_eq!(expression.names(), HashMap::from(expected));
        assert_eq!(expression.values().map(|v| v.len()), Some(1));
        assert!(Expression::absent().values().is_none());
    }
}
