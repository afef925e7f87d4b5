//! What a request holds.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sluice_app::caller::Caller;
use sluice_contract::problem::{Code, Problem};
use sluice_core::credential::Secret;

use super::Request;

/// Most bytes of a body: 1 MiB.
pub const MAX_BODY_BYTES: usize = 1_048_576;

/// Who asks: by the claims of the token that the gateway has checked.
///
/// # Errors
/// [`Code::InvalidToken`] when there is no token, or it names no tenant or no subject.
pub fn caller(request: &Request) -> Result<Caller, Problem> {
    // `scope` and not the authorizer's own list, which is there only where a route asks for scopes.
    Caller::from_claims(
        claim(request, "sub"),
        claim(request, "tenant"),
        claim(request, "scope"),
    )
}

/// One claim of the token.
pub(super) fn claim<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    let jwt = request.request_context.authorizer.as_ref()?.jwt.as_ref()?;
    jwt.claims.get(name).map(String::as_str)
}

/// The bearer secret that a caller shows.
///
/// # Errors
/// [`Code::InvalidCredential`] when it shows none.
pub fn bearer(request: &Request) -> Result<Secret, Problem> {
    let shown = header(request, "authorization").and_then(|h| h.split_once(' '));
    let secret = shown.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let secret = secret.map(|(_, secret)| secret.trim()).filter(|s| !s.is_empty());
    secret.map(Secret::given).ok_or_else(|| {
        let detail = "Authorization: there is no bearer secret";
        Problem::new(Code::InvalidCredential, detail)
    })
}

/// A header's text; none when it is absent or no text.
#[must_use]
pub fn header<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    request.headers.get(name)?.to_str().ok()
}

/// The body's bytes; empty when there is none.
///
/// # Errors
/// [`Code::BodyTooLarge`] above [`MAX_BODY_BYTES`], [`Code::InvalidRequest`] when it is said to be base64 and is not.
pub fn body(request: &Request) -> Result<Cow<'_, [u8]>, Problem> {
    let text = request.body.as_deref().unwrap_or_default();
    // Four characters of base64 hold three bytes: what is longer than this is too large however it is read.
    if text.len() > MAX_BODY_BYTES.div_ceil(3) * 4 {
        return Err(too_large());
    }
    let bytes = if request.is_base64_encoded {
        let decoded = STANDARD.decode(text);
        Cow::Owned(decoded.map_err(|_| Problem::new(Code::InvalidRequest, "the body is not base64"))?)
    } else {
        Cow::Borrowed(text.as_bytes())
    };
    if bytes.len() > MAX_BODY_BYTES {
        Err(too_large())
    } else {
        Ok(bytes)
    }
}

fn too_large() -> Problem {
    Problem::new(
        Code::BodyTooLarge,
        format!("a body has at most {MAX_BODY_BYTES} bytes"),
    )
}
