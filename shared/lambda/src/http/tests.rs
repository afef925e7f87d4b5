use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sluice_contract::problem::Code;

use super::*;

fn request(change: impl FnOnce(&mut Value)) -> Request {
    let mut event = json!({
        "version": "2.0",
        "routeKey": "POST /api/v1/things",
        "rawPath": "/api/v1/things",
        "rawQueryString": "",
        "headers": {"content-type": "application/json", "idempotency-key": "k1"},
        "requestContext": {
            "accountId": "000000000000", "apiId": "a", "stage": "$default", "requestId": "r",
            "routeKey": "POST /api/v1/things", "time": "01/Jan/2026:00:00:00 +0000", "timeEpoch": 0,
            "http": {"method": "POST", "path": "/api/v1/things", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1"},
            "authorizer": {"jwt": {
                "claims": {"sub": "alice", "tenant": "acme", "scope": "upgrade:read  upgrade:plan", "exp": "1795226179"},
                "scopes": null
            }}
        },
        "body": "{\"a\":1}",
        "isBase64Encoded": false
    });
    change(&mut event);
    serde_json::from_value(event).unwrap()
}

#[test]
fn the_caller_is_in_the_claims() {
    let caller = caller(&request(|_| {})).unwrap();
    assert_eq!(
        (caller.subject.as_str(), caller.tenant_id.as_str()),
        ("alice", "acme")
    );
    assert_eq!(
        caller.scopes.into_iter().collect::<Vec<_>>(),
        ["upgrade:plan", "upgrade:read"]
    );
}

#[test]
fn without_claims_there_is_no_caller() {
    for path in [
        "/requestContext/authorizer",
        "/requestContext/authorizer/jwt/claims",
    ] {
        let request = request(|event| *event.pointer_mut(path).unwrap() = json!({}));
        assert_eq!(caller(&request).unwrap_err().code, Code::InvalidToken, "{path}");
    }
}

#[test]
fn bodies_come_as_text_or_base64() {
    let bytes = |change: fn(&mut Value)| {
        body(&request(change))
            .map(std::borrow::Cow::into_owned)
            .map_err(|p| p.code)
    };
    assert_eq!(bytes(|_| {}), Ok(b"{\"a\":1}".to_vec()));
    assert_eq!(bytes(|e| e["body"] = Value::Null), Ok(Vec::new()));
    assert_eq!(
        bytes(|e| {
            e["body"] = STANDARD.encode([0u8, 255, 7]).into();
            e["isBase64Encoded"] = true.into();
        }),
        Ok(vec![0, 255, 7])
    );
    assert_eq!(
        bytes(|e| e["isBase64Encoded"] = true.into()),
        Err(Code::InvalidRequest)
    );
}

#[test]
fn bodies_have_a_limit() {
    for (length, encoded, ok) in [
        (MAX_BODY_BYTES, false, true),
        (MAX_BODY_BYTES + 1, false, false),
        (MAX_BODY_BYTES, true, true),
        (MAX_BODY_BYTES + 1, true, false),
        (MAX_BODY_BYTES * 2, true, false),
    ] {
        let request = request(|event| {
            let bytes = vec![b'x'; length];
            let text = if encoded {
                STANDARD.encode(bytes)
            } else {
                String::from_utf8(bytes).unwrap()
            };
            event["body"] = text.into();
            event["isBase64Encoded"] = encoded.into();
        });
        let result = body(&request).map(|b| b.len()).map_err(|p| p.code);
        assert_eq!(
            result,
            if ok { Ok(length) } else { Err(Code::BodyTooLarge) },
            "{length} {encoded}"
        );
    }
}

#[test]
fn headers_are_found_in_any_case() {
    let request = request(|_| {});
    assert_eq!(header(&request, "Idempotency-Key"), Some("k1"));
    assert_eq!(header(&request, "accept"), None);
}

#[test]
fn a_bearer_secret_is_read_or_missed() {
    for (header, expected) in [
        (Some("Bearer abc"), Some("abc")),
        (Some("bearer  abc "), Some("abc")),
        (Some("Bearer "), None),
        (Some("Basic abc"), None),
        (Some("abc"), None),
        (None, None),
    ] {
        let request = request(|event| {
            if let Some(text) = header {
                event["headers"]["authorization"] = text.into();
            }
        });
        let read = bearer(&request).map(|s| s.reveal().to_owned());
        assert_eq!(read.as_deref().ok(), expected, "{header:?}");
        assert!(read.is_ok() || read.is_err_and(|p| p.code == Code::InvalidCredential));
    }
}

/// The answer as API Gateway reads it.
async fn answered(result: Result<Response, Problem>) -> Value {
    let result = std::cell::RefCell::new(Some(result));
    let handler = |_: Request| std::future::ready(result.borrow_mut().take().unwrap());
    serde_json::to_value(answer(&handler, request(|_| {})).await).unwrap()
}

#[tokio::test]
async fn answers_say_what_they_are() {
    let good = answered(Ok(json(201, &json!({"a": 1})))).await;
    assert_eq!(
        (&good["statusCode"], &good["body"]),
        (&json!(201), &json!("{\"a\":1}"))
    );
    assert_eq!(good["headers"]["content-type"], "application/json");

    for (code, status, extra) in [
        (Code::NotFound, 404, None),
        (Code::InvalidToken, 401, Some("www-authenticate")),
        (Code::Unavailable, 503, Some("retry-after")),
    ] {
        let refused = answered(Err(Problem::new(code, "why"))).await;
        assert_eq!(refused["statusCode"], json!(status));
        assert_eq!(refused["headers"]["content-type"], "application/problem+json");
        assert_eq!(
            refused["headers"].as_object().map(serde_json::Map::len),
            Some(1 + extra.iter().len()),
            "{code:?}"
        );
        assert!(
            extra.is_none_or(|name| refused["headers"].get(name).is_some()),
            "{code:?}"
        );
        let problem: Problem = serde_json::from_str(refused["body"].as_str().unwrap()).unwrap();
        assert_eq!((problem.code, problem.detail.as_str()), (code, "why"));
    }
}
