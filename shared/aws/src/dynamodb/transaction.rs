//! Writes of several items, all or nothing.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{CancellationReason, Delete, Put, TransactWriteItem, Update};
use sluice_app::ports::{PortError, PortErrorKind, PortResult};

use super::Table;
use super::condition::Expression;
use super::item::Item;
use super::keys::Key;
use crate::error::{from_code, port_error, unavailable};

/// Tries of a transaction that another one got in the way of. DynamoDB does not wait: it cancels one of two
/// transactions that touch the same counter at the same time, whatever their conditions say.
const TRIES: u32 = 6;

/// The mean pause before the second try. It doubles with each try, so that all tries together take about 0.3 s.
const FIRST_PAUSE: Duration = Duration::from_millis(10);

/// One write of a transaction.
#[derive(Debug, Clone)]
pub(super) enum Write {
    /// Writes an item under a condition.
    Put(Item, Expression),
    /// Deletes an item under a condition.
    Delete(Key, Expression),
    /// Adds to an item's numbers or sets, and creates it when it is not there.
    Add(Key, Expression),
}

/// Why a transaction was not carried out.
#[derive(Debug)]
pub(super) struct Cancelled {
    /// What that means for the caller.
    pub error: PortError,
    /// Which writes' conditions did not hold, by their place.
    pub failed_conditions: Vec<usize>,
    /// Whether nothing but another transaction at the same time was in the way.
    crossed: bool,
}

impl Table {
    /// Writes all or nothing. The same token within ten minutes is carried out once; none when the conditions alone
    /// are enough.
    pub(super) async fn transact(
        &self,
        doing: &'static str,
        writes: &[Write],
        token: Option<&str>,
    ) -> Result<(), Cancelled> {
        let items = writes.iter().cloned().map(|w| self.transaction_item(doing, w));
        let items = items
            .collect::<PortResult<Vec<_>>>()
            .map_err(Cancelled::not_sent)?;
        let mut pause = FIRST_PAUSE;
        for attempt in 1..=TRIES {
            let call = self
                .client
                .transact_write_items()
                .set_transact_items(Some(items.clone()));
            let Err(error) = call
                .set_client_request_token(token.map(str::to_owned))
                .send()
                .await
            else {
                return Ok(());
            };
            let cancelled = Cancelled::from_sdk(doing, &error);
            if !cancelled.crossed || attempt == TRIES {
                return Err(cancelled);
            }
            tokio::time::sleep(jittered(pause)).await;
            pause *= 2;
        }
        // Not reached while there is at least one try.
        Err(Cancelled::not_sent(PortError::conflict(doing)))
    }

    fn transaction_item(&self, doing: &'static str, write: Write) -> PortResult<TransactWriteItem> {
        let item = TransactWriteItem::builder();
        let built = match write {
            Write::Put(new, condition) => Put::builder()
                .table_name(&self.name)
                .set_item(Some(new.into_attributes()))
                .condition_expression(condition.expression())
                .set_expression_attribute_names(Some(condition.names()))
                .set_expression_attribute_values(condition.values())
                .build()
                .map(|put| item.put(put)),
            Write::Delete(key, condition) => Delete::builder()
                .table_name(&self.name)
                .set_key(Some(key.attributes()))
                .condition_expression(condition.expression())
                .set_expression_attribute_names(Some(condition.names()))
                .set_expression_attribute_values(condition.values())
                .build()
                .map(|delete| item.delete(delete)),
            Write::Add(key, addition) => Update::builder()
                .table_name(&self.name)
                .set_key(Some(key.attributes()))
                .update_expression(addition.expression())
                .set_expression_attribute_names(Some(addition.names()))
                .set_expression_attribute_values(addition.values())
                .build()
                .map(|update| item.update(update)),
        };
        built
            .map(aws_sdk_dynamodb::types::builders::TransactWriteItemBuilder::build)
            .map_err(|_| unavailable(doing, "the transaction could not be made"))
    }
}

impl Cancelled {
    fn not_sent(error: PortError) -> Self {
        Self {
            error,
            failed_conditions: Vec::new(),
            crossed: false,
        }
    }

    fn from_sdk<R>(doing: &'static str, error: &SdkError<TransactWriteItemsError, R>) -> Self {
        match error.as_service_error() {
            Some(TransactWriteItemsError::TransactionCanceledException(e)) => {
                Self::from_reasons(doing, e.cancellation_reasons())
            }
            // The same token with another content: an earlier call with it was carried out.
            Some(TransactWriteItemsError::IdempotentParameterMismatchException(_)) => {
                Self::not_sent(PortError::conflict(doing))
            }
            _ => Self::not_sent(port_error(doing, error)),
        }
    }

    /// A condition that did not hold says more than anything else: another try cannot help.
    fn from_reasons(doing: &'static str, reasons: &[CancellationReason]) -> Self {
        let codes: Vec<_> = reasons.iter().map(|r| r.code().unwrap_or("None")).collect();
        let failed_conditions: Vec<_> = (0..codes.len())
            .filter(|i| codes.get(*i) == Some(&"ConditionalCheckFailed"))
            .collect();
        if !failed_conditions.is_empty() {
            return Self {
                error: PortError::conflict(doing),
                failed_conditions,
                crossed: false,
            };
        }
        let others: Vec<_> = codes.into_iter().filter(|c| *c != "None").collect();
        let crossed = !others.is_empty() && others.iter().all(|c| *c == "TransactionConflict");
        let errors = others.into_iter().map(|c| from_code(doing, c));
        let worst = errors.min_by_key(|e| match e.kind {
            PortErrorKind::Unavailable | PortErrorKind::NotFound => 0,
            PortErrorKind::Throttled => 1,
            PortErrorKind::Conflict => 2,
        });
        let error = worst.unwrap_or_else(|| unavailable(doing, "cancelled without a reason"));
        Self {
            error,
            failed_conditions,
            crossed,
        }
    }
}

impl From<Cancelled> for PortError {
    fn from(cancelled: Cancelled) -> Self {
        cancelled.error
    }
}

/// Half to one and a half times a pause, by chance, so that those who met once do not meet again.
fn jittered(pause: Duration) -> Duration {
    let chance = RandomState::new().build_hasher().finish() % 1_000;
    let thousandths = u32::try_from(chance).unwrap_or(500);
    pause / 2 + pause * thousandths / 1_000
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cancelled(codes: &[&str]) -> Cancelled {
        let reasons: Vec<_> = codes
            .iter()
            .map(|c| CancellationReason::builder().code(*c).build())
            .collect();
        Cancelled::from_reasons("testing", &reasons)
    }

    #[test]
    fn reasons_have_their_kinds() {
        use PortErrorKind::{Conflict, Throttled, Unavailable};
        for (codes, kind, failed, crossed) in [
            (["None", "ConditionalCheckFailed"], Conflict, vec![1], false),
            (
                ["TransactionConflict", "ConditionalCheckFailed"],
                Conflict,
                vec![1],
                false,
            ),
            (["TransactionConflict", "None"], Conflict, vec![], true),
            (
                ["TransactionConflict", "ThrottlingError"],
                Throttled,
                vec![],
                false,
            ),
            (
                ["None", "ProvisionedThroughputExceeded"],
                Throttled,
                vec![],
                false,
            ),
            (["ValidationError", "None"], Unavailable, vec![], false),
            (["None", "None"], Unavailable, vec![], false),
        ] {
            let cancelled = cancelled(&codes);
            assert_eq!(cancelled.error.kind, kind, "{codes:?}");
            assert_eq!(
                (cancelled.failed_conditions, cancelled.crossed),
                (failed, crossed),
                "{codes:?}"
            );
        }
    }

    #[test]
    fn pauses_stay_near_their_mean() {
        for _ in 0..1_000 {
            let pause = jittered(Duration::from_millis(10));
            assert!(
                (Duration::from_millis(5)..Duration::from_millis(15)).contains(&pause),
                "{pause:?}"
            );
        }
    }
}
