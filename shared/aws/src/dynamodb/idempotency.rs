//! Answers by Idempotency-Key.

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use jiff::Timestamp;
use sluice_app::ports::{Begun, Idempotency, PortResult, StoredResponse};
use sluice_core::ids::TenantId;

use super::Table;
use super::condition::Expression;
use super::item::{Attributes, Item, read_doc, read_text, to_json};
use super::keys::Key;
use crate::error::{port_error, unavailable};

const CLAIMING: &str = "claiming an idempotency key";

/// How long an answer is kept, in seconds: a day. DynamoDB deletes it some time later, so conditions look at the time
/// as well.
const KEPT_SECONDS: i64 = 86_400;

/// After how long a claim without an answer lapses, in milliseconds: twice as long as API Gateway waits for one.
const LAPSE_MS: i64 = 60_000;

impl Idempotency for Table {
    async fn begin(
        &self,
        tenant: &TenantId,
        key: &str,
        fingerprint: &str,
        now: Timestamp,
    ) -> PortResult<Begun> {
        let now_ms = now.as_millisecond();
        let item = Item::new(Key::idempotency(tenant, key))
            .text("fingerprint", fingerprint)
            .number("claimed_at_ms", now_ms)
            .number("expires_at", now.as_second().saturating_add(KEPT_SECONDS));
        let free = Expression::new(
            "attribute_not_exists(#pk) OR #expires_at <= :now \
             OR (#fingerprint = :fingerprint AND attribute_not_exists(#doc) AND #claimed_at_ms <= :lapsed)",
        )
        .number("now", now.as_second())
        .text("fingerprint", fingerprint)
        .number("lapsed", now_ms.saturating_sub(LAPSE_MS));
        let answer = self
            .client
            .put_item()
            .table_name(&self.name)
            .set_item(Some(item.into_attributes()))
            .condition_expression(free.expression())
            .set_expression_attribute_names(Some(free.names()))
            .set_expression_attribute_values(free.values())
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let Err(error) = answer else {
            return Ok(Begun::Fresh);
        };
        match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(refused)) => {
                let found = refused
                    .item()
                    .ok_or_else(|| unavailable(CLAIMING, "the refusal shows no item"))?;
                begun(found, fingerprint)
            }
            _ => Err(port_error(CLAIMING, &error)),
        }
    }

    async fn finish(&self, tenant: &TenantId, key: &str, response: &StoredResponse) -> PortResult<()> {
        let doc = to_json(response)?;
        let answer = Expression::new("SET #doc = :doc").text("doc", doc);
        let claimed =
            Expression::new("attribute_exists(#pk) AND (attribute_not_exists(#doc) OR #doc = :doc)");
        let mut names = answer.names();
        names.extend(claimed.names());
        let written = self
            .client
            .update_item()
            .table_name(&self.name)
            .set_key(Some(Key::idempotency(tenant, key).attributes()))
            .update_expression(answer.expression())
            .condition_expression(claimed.expression())
            .set_expression_attribute_names(Some(names))
            .set_expression_attribute_values(answer.values())
            .send()
            .await;
        written
            .map(|_| ())
            .map_err(|e| port_error("keeping an answer", &e))
    }
}

/// What a claim says that is in the way.
fn begun(found: &Attributes, fingerprint: &str) -> PortResult<Begun> {
    if read_text(found, "fingerprint")? != fingerprint {
        return Ok(Begun::Differs);
    }
    if found.contains_key("doc") {
        Ok(Begun::Answered(read_doc(found)?))
    } else {
        Ok(Begun::Running)
    }
}
