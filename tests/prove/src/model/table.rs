//! Values by number: states stay small, and equal values have equal numbers.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, PoisonError, RwLock};

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Values of one type. Times that differ only by the moment of a look are one: how long something has lasted is asked
/// of the look, not of the state.
pub struct Table<T>(RwLock<Known<T>>);

type Known<T> = (HashMap<String, u32>, Vec<Arc<T>>);

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self(RwLock::new((HashMap::new(), Vec::new())))
    }
}

impl<T: Serialize + DeserializeOwned> Table<T> {
    /// The number of a value.
    pub fn put(&self, value: &T) -> u32 {
        let text = timeless(serde_json::to_string(value).unwrap_or_else(|e| unreachable!("{e}")));
        let known = self
            .0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .0
            .get(&text)
            .copied();
        known.unwrap_or_else(|| {
            let mut table = self.0.write().unwrap_or_else(PoisonError::into_inner);
            let value = serde_json::from_str(&text).unwrap_or_else(|e| unreachable!("{e}: {text}"));
            let next = u32::try_from(table.1.len()).unwrap_or(u32::MAX);
            let id = *table.0.entry(text).or_insert(next);
            if id == next {
                table.1.push(Arc::new(value));
            }
            id
        })
    }

    /// The value of a number.
    pub fn get(&self, id: u32) -> Arc<T> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner).1[id as usize])
    }
}

/// What was worked out once.
pub struct Memo<K, V>(RwLock<HashMap<K, V>>);

impl<K, V> Default for Memo<K, V> {
    fn default() -> Self {
        Self(RwLock::new(HashMap::new()))
    }
}

impl<K: Hash + Eq, V: Clone> Memo<K, V> {
    /// What is known for a key, or what `make` gives.
    pub fn get(&self, key: K, make: impl FnOnce(&K) -> V) -> V {
        let known = self
            .0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&key)
            .cloned();
        known.unwrap_or_else(|| {
            let value = make(&key);
            self.0
                .write()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(key, value.clone());
            value
        })
    }
}

/// The one moment of every state.
pub const BEGIN: Timestamp = Timestamp::constant(1_767_225_600, 0);

/// When a look is taken: what has elapsed by then is all that time means here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum When {
    /// No time has passed.
    Soon,
    /// The bake has elapsed, and leases have run out.
    Baked,
    /// Everything that can be waited for has elapsed.
    Late,
}

impl When {
    /// The moment.
    pub fn now(self) -> Timestamp {
        BEGIN
            + SignedDuration::from_secs(match self {
                Self::Soon => 1,
                Self::Baked => 40,
                Self::Late => 1_000,
            })
    }
}

fn timeless(text: String) -> String {
    let day = SignedDuration::from_hours(24);
    [When::Soon, When::Baked, When::Late]
        .into_iter()
        .fold(text, |text, when| {
            let moments = [(when.now(), BEGIN), (when.now() + day, BEGIN + day)];
            moments.into_iter().fold(text, |text, (from, to)| {
                text.replace(&from.to_string(), &to.to_string())
            })
        })
}
