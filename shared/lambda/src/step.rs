//! A step of the state machines, as a Lambda function.

use std::time::Instant;

use lambda_runtime::{Diagnostic, Error, LambdaEvent, service_fn};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sluice_app::error::StepError;
use sluice_contract::error::ErrorName;

/// Runs a step for every invocation until Lambda ends the process.
///
/// # Errors
/// When the Runtime API cannot be reached any more.
pub async fn run<I, O, F, A>(step: F) -> Result<(), Error>
where
    I: DeserializeOwned,
    O: Serialize,
    F: Fn(I) -> A,
    A: Future<Output = Result<O, StepError>>,
{
    let step = &step;
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| {
        invoke(step, event.payload)
    }))
    .await
}

/// Runs a step once, and logs how it went with what the input says it was about.
async fn invoke<I, O, F, A>(step: &F, input: Value) -> Result<Value, Failure>
where
    I: DeserializeOwned,
    O: Serialize,
    F: Fn(I) -> A,
    A: Future<Output = Result<O, StepError>>,
{
    let begun = Instant::now();
    let (tenant, upgrade) = (named(&input, "tenant_id"), named(&input, "upgrade_id"));
    let (tenant, upgrade) = (tenant.as_deref(), upgrade.as_deref());
    let result = translate(step, input).await;
    let duration_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    match &result {
        Ok(_) => tracing::info!(
            tenant_id = tenant,
            upgrade_id = upgrade,
            duration_ms,
            "the step is done"
        ),
        Err(Failure(error)) => tracing::error!(
            tenant_id = tenant,
            upgrade_id = upgrade,
            duration_ms,
            error = error.name.as_str(),
            detail = error.message,
            "the step failed"
        ),
    }
    result
}

async fn translate<I, O, F, A>(step: &F, input: Value) -> Result<Value, Failure>
where
    I: DeserializeOwned,
    O: Serialize,
    F: Fn(I) -> A,
    A: Future<Output = Result<O, StepError>>,
{
    // Read here and not by the runtime, which would name the failure after a type of its own.
    let input = serde_path_to_error::deserialize(input).map_err(|e| {
        Failure(StepError::new(
            ErrorName::BadInput,
            format!("the input does not parse: {e}"),
        ))
    })?;
    let output = step(input).await.map_err(Failure)?;
    serde_json::to_value(output).map_err(|e| {
        Failure(StepError::new(
            ErrorName::Unavailable,
            format!("the output cannot be written: {e}"),
        ))
    })
}

fn named(input: &Value, field: &str) -> Option<String> {
    input.get(field).and_then(Value::as_str).map(str::to_owned)
}

/// A step's failure, as the runtime takes it.
#[derive(Debug)]
struct Failure(StepError);

impl From<Failure> for Diagnostic {
    fn from(Failure(error): Failure) -> Self {
        Self {
            error_type: error.name.as_str().to_owned(),
            error_message: error.message,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::ready;

    use serde_json::json;

    use super::*;

    /// How an invocation of a step ends that gives its input back, and fails on 0.
    async fn end(input: Value) -> Result<Value, (String, String)> {
        let step = |n: u8| {
            let zero = || StepError::new(ErrorName::Conflict, "zero");
            ready(if n == 0 { Err(zero()) } else { Ok(n) })
        };
        invoke(&step, input).await.map_err(|failure| {
            let Diagnostic {
                error_type,
                error_message,
            } = failure.into();
            (error_type, error_message)
        })
    }

    #[tokio::test]
    async fn failures_have_stable_names() {
        assert_eq!(end(json!(7)).await, Ok(json!(7)));
        assert_eq!(
            end(json!(0)).await,
            Err(("Sluice.Conflict".to_owned(), "zero".to_owned()))
        );
        let (name, _) = end(json!("seven")).await.unwrap_err();
        assert_eq!(name, "Sluice.BadInput");
    }

    #[tokio::test]
    async fn a_field_that_does_not_parse_is_named() {
        #[derive(serde::Deserialize)]
        struct Input {
            #[expect(dead_code, reason = "only its parsing is of interest")]
            batch: u32,
        }
        let step = |_: Input| ready(Ok(()));
        let Failure(error) = invoke(&step, json!({"batch": -1})).await.unwrap_err();
        assert!(error.message.contains("batch"), "{}", error.message);
    }
}
