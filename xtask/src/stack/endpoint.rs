//! Where the AWS services are: those of the local AWS, or of an endpoint that runs already.

use anyhow::{Context, Result, bail};
use url::Url;

const LOCAL_REGION: &str = "us-east-1";
/// The administrator of the local AWS; no secret.
const LOCAL_KEY: &str = "test";

/// An endpoint of every AWS service, and who calls it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Without a slash at its end.
    pub url: String,
    pub region: String,
    pub access_key_id: String,
    pub secret_access_key: String,
    pub session_token: Option<String>,
    /// Whether it was there before and stays.
    pub foreign: bool,
}

impl Endpoint {
    /// The local AWS of a stack.
    pub fn local(url: String) -> Self {
        Self {
            url,
            region: LOCAL_REGION.to_owned(),
            access_key_id: LOCAL_KEY.to_owned(),
            secret_access_key: LOCAL_KEY.to_owned(),
            session_token: None,
            foreign: false,
        }
    }

    /// An endpoint that runs already, with the credentials that `variable` gives as AWS's tools name them.
    ///
    /// # Errors
    /// When credentials are missing, and for AWS itself.
    pub fn foreign(url: &Url, variable: impl Fn(&str) -> Option<String>) -> Result<Self> {
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            bail!("--endpoint {url} is no http or https address; one looks like http://127.0.0.1:4566");
        }
        if url
            .host_str()
            .is_some_and(|host| host.ends_with(".amazonaws.com") || host.ends_with(".aws"))
        {
            bail!("--endpoint {url} is AWS itself; deploy to it as infra/README.md says");
        }
        let given = |name: &str| variable(name).filter(|value| !value.is_empty());
        let needed = |name: &str| {
            given(name).with_context(|| {
                format!("--endpoint needs credentials; {name} is not set, run: export {name}=<value>")
            })
        };
        Ok(Self {
            url: url.as_str().trim_end_matches('/').to_owned(),
            region: given("AWS_REGION")
                .or_else(|| given("AWS_DEFAULT_REGION"))
                .unwrap_or_else(|| LOCAL_REGION.to_owned()),
            access_key_id: needed("AWS_ACCESS_KEY_ID")?,
            secret_access_key: needed("AWS_SECRET_ACCESS_KEY")?,
            session_token: given("AWS_SESSION_TOKEN"),
            foreign: true,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn foreign(url: &str, set: &[(&str, &str)]) -> Result<Endpoint, String> {
        let value = |name: &str| {
            set.iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| (*value).to_owned())
        };
        Endpoint::foreign(&url.parse().unwrap(), value).map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn credentials_and_region_come_from_the_environment() {
        let keys = [("AWS_ACCESS_KEY_ID", "id"), ("AWS_SECRET_ACCESS_KEY", "secret")];
        let found = foreign("http://127.0.0.1:4566/", &keys).unwrap();
        assert_eq!(
            (&*found.url, &*found.region, found.session_token),
            ("http://127.0.0.1:4566", "us-east-1", None)
        );
        let more = [
            keys[0],
            keys[1],
            ("AWS_DEFAULT_REGION", "eu-west-1"),
            ("AWS_SESSION_TOKEN", "t"),
        ];
        let found = foreign("http://127.0.0.1:4566", &more).unwrap();
        assert_eq!(
            (&*found.region, found.session_token.as_deref()),
            ("eu-west-1", Some("t"))
        );
    }

    #[test]
    fn what_cannot_be_used_is_refused_with_a_reason() {
        let keys = [("AWS_ACCESS_KEY_ID", "id"), ("AWS_SECRET_ACCESS_KEY", "")];
        for (url, set, expected) in [
            ("http://127.0.0.1:1", &[][..], "AWS_ACCESS_KEY_ID is not set"),
            ("http://127.0.0.1:1", &keys, "AWS_SECRET_ACCESS_KEY is not set"),
            ("ftp://127.0.0.1", &keys, "no http or https address"),
            ("https://lambda.eu-west-1.amazonaws.com", &keys, "is AWS itself"),
        ] {
            let refused = foreign(url, set).unwrap_err();
            assert!(refused.contains(expected), "{url}: {refused}");
        }
    }
}
