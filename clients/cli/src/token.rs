//! The credential.

use std::convert::Infallible;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use reqwest::header::HeaderValue;

use crate::failure::Failure;

/// A text that no output shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

impl FromStr for Secret {
    type Err = Infallible;
    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.trim().to_owned()))
    }
}

impl Secret {
    /// The value of a header that shows it.
    ///
    /// # Errors
    /// [`Failure::Input`] when no header can hold it.
    pub fn header(&self) -> Result<HeaderValue, Failure> {
        let mut value = HeaderValue::try_from(self.0.as_str())
            .map_err(|_| Failure::input("the approval", "has characters that no token has"))?;
        value.set_sensitive(true);
        Ok(value)
    }
}

/// Where the bearer token comes from.
#[derive(Debug, Clone)]
pub enum Token {
    /// It does not change.
    Fixed(Secret),
    /// A file, read before every request: a long watch goes on with a renewed token.
    File(PathBuf),
}

impl Token {
    /// The value of the `Authorization` header.
    ///
    /// # Errors
    /// [`Failure::Input`] when the file cannot be read or the token is none.
    pub fn header(&self) -> Result<HeaderValue, Failure> {
        let (what, secret) = match self {
            Self::Fixed(secret) => ("the token".to_owned(), secret.0.clone()),
            Self::File(path) => {
                let what = path.display().to_string();
                let text = std::fs::read_to_string(path).map_err(|e| Failure::input(&what, e))?;
                (what, text.trim().to_owned())
            }
        };
        if secret.is_empty() {
            return Err(Failure::input(what, "is empty"));
        }
        let mut value = HeaderValue::try_from(format!("Bearer {secret}"))
            .map_err(|_| Failure::input(what, "has characters that no token has"))?;
        value.set_sensitive(true);
        Ok(value)
    }
}
