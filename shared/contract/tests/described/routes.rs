//! The routes of the template are those that the handlers answer.

use std::collections::BTreeSet;

use super::read;

const FLEET: [&str; 2] = ["POST /api/v1/fleet/check-in", "POST /api/v1/fleet/enrol"];
const REGISTRY: &str = "/api/v1/registry";

/// Method and path of every route of the template.
pub fn routes() -> BTreeSet<(String, String)> {
    let template = read("infra/template.yaml");
    let keys: Vec<_> = template
        .lines()
        .filter_map(|l| l.trim().strip_prefix("RouteKey: "))
        .collect();
    assert_eq!(keys.len(), template.matches("AWS::ApiGatewayV2::Route\n").count());
    let routes: BTreeSet<_> = keys
        .iter()
        .map(|key| {
            key.split_once(' ')
                .map(|(m, p)| (m.to_owned(), p.to_owned()))
                .expect(key)
        })
        .collect();
    assert_eq!(routes.len(), keys.len(), "a route twice");
    routes
}

/// What the handler of the API matches: pairs of method and path. Paths of components are matched by what follows
/// `/components/`.
fn matched() -> BTreeSet<(String, String)> {
    let text = read("functions/api/src/handler.rs") + &read("functions/api/src/policies.rs");
    let mut pairs = BTreeSet::new();
    for part in text.split("(\"").skip(1) {
        let words: Vec<_> = part.splitn(5, '"').collect();
        if let [method, ", ", path, rest, ..] = words[..]
            && ["GET", "POST", "PUT", "DELETE", "PATCH"].contains(&method)
            && rest.starts_with(')')
        {
            let prefix = if path.starts_with('/') {
                ""
            } else {
                "/tenants/{tenantId}/components/"
            };
            pairs.insert((method.to_owned(), format!("{REGISTRY}{prefix}{path}")));
        }
    }
    assert!(
        text.contains("path.ends_with(\"/signing-keys/{keyId}\")"),
        "keys have a way of their own"
    );
    let key = format!("{REGISTRY}/tenants/{{tenantId}}/signing-keys/{{keyId}}");
    pairs.insert(("PUT".to_owned(), key));
    pairs
}

#[test]
fn the_api_answers_the_templates_routes_and_no_others() {
    let mut routes = routes();
    for (method, path) in FLEET.map(|r| r.split_once(' ').unwrap()) {
        assert!(routes.remove(&(method.to_owned(), path.to_owned())), "{path}");
    }
    assert_eq!(matched(), routes);
}
