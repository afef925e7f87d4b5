//! What does not exist.

use anyhow::Result;
use sluice_contract::problem::Code;
use sluice_tests::stack::{OPERATOR, Stack};
use uuid::Uuid;

#[tokio::test]
async fn what_does_not_exist_is_not_found() -> Result<()> {
    let stack = Stack::open()?;
    let tenant = format!("t-{}", Uuid::new_v4().simple());
    let api = stack.api("operator", &tenant, OPERATOR).await?;
    let (id, component) = (Uuid::new_v4(), Uuid::new_v4());
    let of = format!("/registry/tenants/{tenant}/components/{component}");
    for path in [
        format!("/registry/upgrades/{id}"),
        format!("/registry/upgrades/{id}/events"),
        format!("/registry/upgrades/{id}/report"),
        "/registry/upgrades/no-uuid".to_owned(),
        format!("{of}/upgrades/active"),
        format!("{of}/fleets/default"),
        format!("{of}/fleets/default/instances"),
        format!("{of}/fleets/two%20words"),
        format!("{of}/releases/{id}"),
        format!("/registry/tenants/{tenant}/components/no-uuid/releases"),
    ] {
        api.get(&path).await?.refused(Code::NotFound)?;
    }
    for action in ["start", "pause", "resume", "rollback"] {
        api.act(&format!("/registry/upgrades/{id}/{action}"))
            .await?
            .refused(Code::NotFound)?;
    }
    // The gateway knows no such route, and no function is asked.
    for path in ["/registry/nothing", "/registry", "/nothing"] {
        assert_eq!(api.get(path).await?.status, 404, "{path}");
    }
    assert_eq!(api.act(&format!("/registry/upgrades/{id}")).await?.status, 404);
    Ok(())
}
