//! The stores, in one DynamoDB table.
//!
//! The table has the key `pk`, `sk` (text), the index `by-tenant` (`gsi1pk`, `gsi1sk`, all attributes), the
//! indexes `open` (`gsi2pk`, `gsi2sk`, keys only) and `troubled` (`gsi3pk`, `gsi3sk`, keys only), and the time-to-live
//! attribute `expires_at`. The module `keys` lays it out. Every item holds its value as JSON text in `doc`, beside the few attributes that conditions, counters and the index need, so that a value's shape may grow
//! without the table knowing.

use aws_sdk_dynamodb::Client;
use aws_types::SdkConfig;

mod call;
mod condition;
mod fleets;
mod idempotency;
mod item;
mod keys;
mod lock;
mod outbox;
mod places;
mod policies;
mod registry;
mod transaction;
mod troubled;
mod upgrades;

pub use keys::event_of;

/// The index that lists a tenant's upgrades.
const BY_TENANT: &str = "by-tenant";

/// The index that lists the upgrades whose record is not complete.
const OPEN: &str = "open";

/// The index that lists a fleet's instances by what is amiss with them, and by when they were last seen.
const TROUBLED: &str = "troubled";

/// The table, and all stores in it.
#[derive(Debug, Clone)]
pub struct Table {
    client: Client,
    name: String,
}

impl Table {
    /// The table of this name.
    #[must_use]
    pub fn new(config: &SdkConfig, name: impl Into<String>) -> Self {
        Self {
            client: Client::new(config),
            name: name.into(),
        }
    }
}
