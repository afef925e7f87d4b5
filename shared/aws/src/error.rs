//! From what an SDK says to the four kinds of failure that a use case tells apart.

use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use sluice_app::ports::{PortError, PortErrorKind};

/// What a service's failure means. The service's message is left out, because it may quote what was written; its code
/// and the way in which the connection failed are all that is kept.
pub(crate) fn port_error<E, R>(doing: &'static str, error: &SdkError<E, R>) -> PortError
where
    E: ProvideErrorMetadata,
{
    match error {
        SdkError::ServiceError(service) => from_code(doing, service.err().code().unwrap_or("no code")),
        SdkError::ConstructionFailure(_) => unavailable(doing, "the request could not be made"),
        SdkError::TimeoutError(_) => unavailable(doing, "no answer in time"),
        SdkError::DispatchFailure(failure) => {
            let cause = failure
                .as_connector_error()
                .map_or_else(|| "unknown cause".to_owned(), ToString::to_string);
            unavailable(doing, format!("no connection: {cause}"))
        }
        SdkError::ResponseError(_) => unavailable(doing, "the answer could not be read"),
        _ => unavailable(doing, "an unknown failure"),
    }
}

/// What a service's error code means.
pub(crate) fn from_code(doing: &'static str, code: &str) -> PortError {
    let kind = match code {
        "ConditionalCheckFailed"
        | "ConditionalCheckFailedException"
        | "TransactionConflict"
        | "TransactionConflictException" => PortErrorKind::Conflict,
        "ProvisionedThroughputExceeded"
        | "ProvisionedThroughputExceededException"
        | "RequestLimitExceeded"
        | "SlowDown"
        | "Throttling"
        | "ThrottlingError"
        | "ThrottlingException"
        | "ThrottledException"
        | "TooManyRequestsException" => PortErrorKind::Throttled,
        "NotFound"
        | "ResourceNotFoundException"
        | "NoSuchBucket"
        | "NotFoundException"
        | "StateMachineDoesNotExist" => PortErrorKind::NotFound,
        _ => PortErrorKind::Unavailable,
    };
    PortError::new(kind, doing, code)
}

/// A service that does not answer, or not as it should.
pub(crate) fn unavailable(doing: &'static str, detail: impl Into<String>) -> PortError {
    PortError::new(PortErrorKind::Unavailable, doing, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_their_kinds() {
        for (code, kind) in [
            ("ConditionalCheckFailedException", PortErrorKind::Conflict),
            ("TransactionConflict", PortErrorKind::Conflict),
            ("ProvisionedThroughputExceededException", PortErrorKind::Throttled),
            ("ThrottlingException", PortErrorKind::Throttled),
            ("RequestLimitExceeded", PortErrorKind::Throttled),
            ("ResourceNotFoundException", PortErrorKind::NotFound),
            ("NotFound", PortErrorKind::NotFound),
            ("AccessDeniedException", PortErrorKind::Unavailable),
            ("InternalServerError", PortErrorKind::Unavailable),
        ] {
            assert_eq!(from_code("testing", code).kind, kind, "{code}");
        }
    }

    #[test]
    fn a_services_message_is_left_out() {
        let error = aws_smithy_types::error::ErrorMetadata::builder()
            .code("ValidationException")
            .message("the value 'hunter2' is not possible")
            .build();
        let error: SdkError<_, ()> = SdkError::service_error(error, ());
        let text = port_error("writing", &error).to_string();
        assert!(
            text.contains("ValidationException") && !text.contains("hunter2"),
            "{text}"
        );
    }
}
