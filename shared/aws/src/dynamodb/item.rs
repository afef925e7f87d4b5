//! Items: how a value lies in the table, and how it comes out again.

use std::collections::HashMap;
use std::fmt::Display;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sluice_app::ports::{PortError, PortResult};
use sluice_core::probe::Failed;
use sluice_core::units::Ordinal;

use super::keys::Key;
use crate::error::unavailable;

/// An item as the SDK has it.
pub(super) type Attributes = HashMap<String, AttributeValue>;

/// An item that is to be written.
#[derive(Debug, Clone)]
pub(super) struct Item(Attributes);

impl Item {
    /// An item with nothing but its key.
    pub(super) fn new(key: Key) -> Self {
        Self(key.attributes())
    }

    /// Adds a text.
    pub(super) fn text(mut self, name: &str, value: impl Into<String>) -> Self {
        self.0.insert(name.to_owned(), text(value));
        self
    }

    /// Adds a number.
    pub(super) fn number(mut self, name: &str, value: impl Display + Copy) -> Self {
        self.0.insert(name.to_owned(), number(value));
        self
    }

    /// Adds the value itself, as JSON text.
    pub(super) fn doc(self, value: &impl Serialize) -> PortResult<Self> {
        Ok(self.text("doc", to_json(value)?))
    }

    /// The item as the SDK wants it.
    pub(super) fn into_attributes(self) -> Attributes {
        self.0
    }
}

impl Key {
    /// The key as the SDK wants it.
    pub(super) fn attributes(self) -> Attributes {
        HashMap::from([("pk".to_owned(), text(self.pk)), ("sk".to_owned(), text(self.sk))])
    }
}

/// A text attribute.
pub(super) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

/// A number attribute.
pub(super) fn number(value: impl Display + Copy) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// A value as JSON text.
pub(super) fn to_json(value: &impl Serialize) -> PortResult<String> {
    serde_json::to_string(value).map_err(|e| unreadable("writing an item", &e))
}

/// The value of an item.
pub(super) fn read_doc<T: DeserializeOwned>(item: &Attributes) -> PortResult<T> {
    const DOING: &str = "reading an item";
    let doc = read_text(item, "doc")?;
    serde_json::from_str(doc).map_err(|e| unreadable(DOING, &e))
}

/// A value that an item has as JSON text beside its own; none when it has none.
pub(super) fn read_json<T: DeserializeOwned>(item: &Attributes, name: &'static str) -> PortResult<Option<T>> {
    if !item.contains_key(name) {
        return Ok(None);
    }
    let text = read_text(item, name)?;
    serde_json::from_str(text)
        .map(Some)
        .map_err(|e| unreadable("reading an item", &e))
}

/// A text of an item that always has it.
pub(super) fn read_text<'a>(item: &'a Attributes, name: &'static str) -> PortResult<&'a str> {
    let value = item.get(name).and_then(|v| v.as_s().ok());
    value.map(String::as_str).ok_or_else(|| missing(name))
}

/// A number of an item that always has it.
pub(super) fn read_number(item: &Attributes, name: &'static str) -> PortResult<u64> {
    let value = item.get(name).and_then(|v| v.as_n().ok());
    value.and_then(|n| n.parse().ok()).ok_or_else(|| missing(name))
}

/// A number of a counter, which has it once something was counted.
pub(super) fn read_count(item: &Attributes, name: &'static str) -> PortResult<u32> {
    if !item.contains_key(name) {
        return Ok(0);
    }
    u32::try_from(read_number(item, name)?).map_err(|_| missing(name))
}

/// A failure as one text of a counter's set.
pub(super) fn failed_text(failed: &Failed) -> String {
    format!(
        "{} {} {}",
        failed.at.as_nanosecond(),
        failed.ordinal.0,
        failed.arrived
    )
}

/// The failures of a counter, which has them once one was counted.
pub(super) fn read_failed(item: &Attributes) -> PortResult<Vec<Failed>> {
    let Some(set) = item.get("failures") else {
        return Ok(Vec::new());
    };
    let read = |text: &String| {
        let mut words = text.split(' ');
        let at = Timestamp::from_nanosecond(words.next()?.parse().ok()?).ok()?;
        let ordinal = Ordinal(words.next()?.parse().ok()?);
        let arrived = words.next()?.parse().ok()?;
        Some(Failed { at, ordinal, arrived })
    };
    let texts = set.as_ss().map_err(|_| missing("failures"))?;
    texts
        .iter()
        .map(|text| read(text).ok_or_else(|| missing("failures")))
        .collect()
}

fn missing(name: &'static str) -> PortError {
    unavailable(
        "reading an item",
        format!("the attribute {name} is absent or of the wrong kind"),
    )
}

/// The parser's own words may quote the value, so only the kind of error and its place are kept.
fn unreadable(doing: &'static str, error: &serde_json::Error) -> PortError {
    unavailable(
        doing,
        format!(
            "JSON: {:?} error at character {}",
            error.classify(),
            error.column()
        ),
    )
}

#[cfg(test)]
mod tests {
    use sluice_core::ids::UpgradeId;
    use uuid::Uuid;

    use super::*;

    fn item(doc: &str) -> Attributes {
        HashMap::from([("doc".to_owned(), text(doc)), ("seq".to_owned(), number(7))])
    }

    #[test]
    fn errors_do_not_quote_values() {
        let error = read_doc::<Vec<u32>>(&item(r#"["hunter2"]"#))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("Data error") && !error.contains("hunter2"),
            "{error}"
        );
    }

    #[test]
    fn numbers_come_out_as_they_went_in() {
        assert_eq!(read_number(&item("0"), "seq"), Ok(7));
        assert!(read_number(&item("0"), "rev").is_err());
        assert!(read_number(&item("0"), "doc").is_err());
        assert_eq!(read_count(&item("0"), "completed"), Ok(0));
    }

    /// An event's hash covers its numbers, so that one that comes out by a bit differently breaks the chain.
    #[test]
    fn every_bit_of_a_number_survives() {
        for n in 1..20_000 {
            let number = f64::from(n).ln() * 1.7;
            let stored = Item::new(Key::look(UpgradeId(Uuid::nil()))).doc(&number).unwrap();
            let read: f64 = read_doc(&stored.into_attributes()).unwrap();
            assert_eq!(read.to_bits(), number.to_bits(), "{number}");
        }
    }
}
