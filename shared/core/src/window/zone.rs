//! A zone's clock.

use jiff::tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase};
use jiff::{Timestamp, civil};
use serde::{Deserialize, Serialize};

/// Why a text names no zone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "there is no time zone {0:?}; accepted: a name of the IANA time zone database, such as Europe/Berlin or UTC"
)]
pub struct UnknownZone(pub String);

/// A time zone of the IANA database that comes with the program.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Zone {
    name: String,
    rules: TimeZone,
}

impl Zone {
    /// Looks a zone up.
    ///
    /// # Errors
    /// [`UnknownZone`] when the database has none of that name.
    pub fn new(name: &str) -> Result<Self, UnknownZone> {
        let unknown = || UnknownZone(name.chars().take(60).collect());
        let rules = TimeZoneDatabase::bundled().get(name).map_err(|_| unknown())?;
        // The database's own spelling: names are found in any case.
        let name = rules.iana_name().unwrap_or(name).to_owned();
        Ok(Self { name, rules })
    }

    /// Greenwich's clock without summer time.
    #[must_use]
    pub fn utc() -> Self {
        Self {
            name: "UTC".to_owned(),
            rules: TimeZone::UTC,
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What its clock shows at an instant.
    #[must_use]
    pub fn clock(&self, at: Timestamp) -> civil::DateTime {
        self.rules.to_datetime(at)
    }

    /// The first instant at which the clock shows `at`, or where it skips that, the first instant after the skip. None
    /// at the ends of time.
    #[must_use]
    pub fn first_instant(&self, at: civil::DateTime) -> Option<Timestamp> {
        let found = self.rules.to_ambiguous_timestamp(at);
        match found.offset() {
            AmbiguousOffset::Gap { after, .. } => {
                // Read with the later offset it lies before the change.
                let before = after.to_timestamp(at).ok()?;
                Some(self.rules.following(before).next()?.timestamp())
            }
            _ => found.earlier().ok(),
        }
    }

    /// As [`Self::first_instant`], and the last one where the clock shows `at` twice.
    #[must_use]
    pub fn last_instant(&self, at: civil::DateTime) -> Option<Timestamp> {
        let found = self.rules.to_ambiguous_timestamp(at);
        match found.offset() {
            AmbiguousOffset::Gap { .. } => self.first_instant(at),
            _ => found.later().ok(),
        }
    }
}

impl TryFrom<String> for Zone {
    type Error = UnknownZone;
    fn try_from(name: String) -> Result<Self, UnknownZone> {
        Self::new(&name)
    }
}

impl From<Zone> for String {
    fn from(zone: Zone) -> String {
        zone.name
    }
}

#[cfg(test)]
impl schemars::JsonSchema for Zone {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Zone".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "A time zone of the IANA database, such as Europe/Berlin or UTC.",
            "type": "string"
        })
    }
}
