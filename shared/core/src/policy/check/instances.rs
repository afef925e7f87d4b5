//! Checks of instances: as a request may ask for them, so may a policy.

use crate::checks::{self, PreUpgradeCheckWishes, VerifyWishes};
use crate::policy::Policy;
use crate::policy::read::Wrong;

pub(super) fn checks(policy: &Policy, wrongs: &mut Vec<Wrong>) {
    let (pre, post) = wishes(policy);
    let mut errors = Vec::new();
    checks::resolve(pre.as_ref(), post.as_ref(), &mut errors);
    wrongs.extend(
        errors
            .into_iter()
            .map(|e| Wrong::new(e.field, e.problem, e.accepted)),
    );
}

/// The checks as a request would ask for them.
#[must_use]
pub fn wishes(policy: &Policy) -> (Option<PreUpgradeCheckWishes>, Option<VerifyWishes>) {
    // The blocks are written alike, key by key; a test holds them together.
    let pre = policy
        .pre_upgrade_check
        .as_ref()
        .and_then(|check| serde_json::to_value(check).ok());
    let post = policy
        .post_upgrade_verify
        .as_ref()
        .and_then(|check| serde_json::to_value(check).ok());
    (
        pre.and_then(|value| serde_json::from_value(value).ok()),
        post.and_then(|value| serde_json::from_value(value).ok()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_of_a_check_reaches_the_request() {
        let text = r#"{"preUpgradeCheck":{"enabled":true,"type":"custom","timeout":"30s","command":"a","expected":"b"},
            "postUpgradeVerify":{"enabled":true,"type":"metrics","timeout":"40s","command":"c","expected":"d",
            "metrics":[{"name":"e","expected":">0"},{"name":"f","expected":"1"}],"endpoint":"/g","expectedStatus":204}}"#;
        let policy: Policy = serde_json::from_str(text).unwrap();
        let (pre, post) = wishes(&policy);
        let wanted: serde_json::Value = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_value(pre).unwrap(), wanted["preUpgradeCheck"]);
        assert_eq!(serde_json::to_value(post).unwrap(), wanted["postUpgradeVerify"]);
    }
}
