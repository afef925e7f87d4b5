use std::collections::BTreeSet;

use sluice_core::ids::ComponentId;
use uuid::Uuid;

use super::*;
use crate::fakes::World;

fn caller(scopes: &str) -> Caller {
    Caller {
        subject: "alice".to_owned(),
        tenant_id: TenantId::new("acme").unwrap(),
        scopes: scopes.split(' ').map(str::to_owned).collect::<BTreeSet<_>>(),
    }
}

fn tenant() -> Owner {
    Owner::Tenant {
        tenant_id: TenantId::new("acme").unwrap(),
    }
}

fn component() -> ComponentId {
    ComponentId(Uuid::from_u128(1))
}

async fn put(world: &World, owner: Owner, replaces: u64, text: &str) -> Result<PolicyView, Problem> {
    let caller = caller("admin:policy admin:system");
    put_policy(
        world,
        &caller,
        owner,
        Some(Rev(replaces)),
        text,
        Timestamp::UNIX_EPOCH,
    )
    .await
}

#[tokio::test]
async fn a_policy_replaces_the_revision_that_is_named() {
    let world = World::new();
    for (replaces, text, expected) in [
        (1, "order: index", Err(Code::RevisionDiffers)),
        (0, "order: index", Ok(1)),
        // The answer got lost.
        (0, "order: index", Ok(1)),
        (0, "order: spread", Err(Code::RevisionDiffers)),
        (1, "order: spread", Ok(2)),
        (0, "order: index", Err(Code::RevisionDiffers)),
        (2, "", Ok(3)),
    ] {
        let set = put(&world, tenant(), replaces, text).await;
        let set = set.map(|view| view.summary.revision.0).map_err(|p| p.code);
        assert_eq!(set, expected, "{replaces}: {text}");
    }
    let kept: Vec<_> = world.state().policies.values().cloned().collect();
    assert!(kept[0].follows(None) && kept[1].follows(Some(&kept[0])) && kept[2].follows(Some(&kept[1])));
}

#[tokio::test]
async fn whose_policy_it_is_decides_who_may_set_it() {
    let other = Owner::Tenant {
        tenant_id: TenantId::new("other").unwrap(),
    };
    for (scopes, owner, expected) in [
        ("admin:policy", tenant(), None),
        ("admin:system", tenant(), Some(Code::MissingScope)),
        ("admin:policy", Owner::System, Some(Code::MissingScope)),
        ("admin:system", Owner::System, None),
        ("admin:policy admin:system", other.clone(), Some(Code::NotFound)),
        ("upgrade:read upgrade:control", tenant(), Some(Code::MissingScope)),
    ] {
        let world = World::new();
        let caller = caller(scopes);
        let set = put_policy(&world, &caller, owner, Some(Rev(0)), "{}", Timestamp::UNIX_EPOCH).await;
        assert_eq!(set.err().map(|p| p.code), expected, "{scopes}");
    }
    let world = World::new();
    let unconditional = put_policy(
        &world,
        &caller("admin:policy"),
        tenant(),
        None,
        "{}",
        Timestamp::UNIX_EPOCH,
    )
    .await;
    assert_eq!(unconditional.unwrap_err().code, Code::RevisionMissing);
    let reader = caller("upgrade:read");
    assert_eq!(
        policy(&world, &reader, &other, None).await.unwrap_err().code,
        Code::NotFound
    );
}

/// The text of a policy, and the field, line and column of what is wrong in it.
#[tokio::test]
async fn what_cannot_be_followed_is_refused_with_its_place() {
    let bomb = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\n\
                d: &d [*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e,*e,*e,*e]\n";
    for (text, field, line, column) in [
        ("colour: red\n", "colour", Some(1), Some(1)),
        ("order: spread\norder: index\n", "order", Some(2), Some(1)),
        ("batches:\n  ratios: [10, 20]\n", "batches.ratios", Some(2), None),
        (
            "batches: {count: 3, percentage: 10}\n",
            "batches.percentage",
            Some(1),
            None,
        ),
        ("approval: stages\n", "approval", Some(1), None),
        (
            "watch:\n  interval: 10s\n  retry: {attempts: 2}\n",
            "watch.retry.attempts",
            Some(3),
            None,
        ),
        ("rollback: {enabled: false}\n", "rollback.enabled", Some(1), None),
        ("batches: [", "policy", Some(1), None),
        (bomb, "policy", Some(1), None),
    ] {
        let problem = put(&World::new(), tenant(), 0, text).await.unwrap_err();
        let error = &problem.errors[0];
        assert_eq!(
            (problem.code, error.field.as_str(), error.line),
            (Code::InvalidRequest, field, line),
            "{text}: {problem}"
        );
        assert!(
            error.column.is_some() && column.is_none_or(|c| error.column == Some(c)),
            "{text}: {error:?}"
        );
    }
    let long = format!("# {}\n", "x".repeat(MAX_KEPT_BYTES));
    let problem = put(&World::new(), tenant(), 0, &long).await.unwrap_err();
    assert_eq!(
        problem.detail,
        format!(
            "policy: has {} bytes; accepted: up to {MAX_KEPT_BYTES}",
            MAX_KEPT_BYTES + 3
        )
    );
}

#[tokio::test]
async fn each_value_has_its_revision() {
    let world = World::new();
    let of_component = Owner::Component {
        tenant_id: TenantId::new("acme").unwrap(),
        component_id: component(),
    };
    put(
        &world,
        Owner::System,
        0,
        "{strategy: CANARY, batches: {percentage: 20}}",
    )
    .await
    .unwrap();
    put(&world, tenant(), 0, "watch: {interval: 10s}").await.unwrap();
    put(&world, tenant(), 1, "watch: {interval: 20s}").await.unwrap();
    put(&world, of_component, 0, "batches: {count: 3}").await.unwrap();
    let acme = TenantId::new("acme").unwrap();
    let reader = caller("upgrade:read");
    let held = effective_policy(&world, &reader, &acme, Some(component()))
        .await
        .unwrap();
    let from = |key: &str| {
        let origin = held.values.iter().find(|o| o.key == key);
        origin.map(|o| format!("{} {}", o.value, o.from))
    };
    for (key, expected) in [
        ("strategy", Some("\"CANARY\" system revision 1")),
        ("watch.interval", Some("\"20s\" tenant revision 2")),
        ("batches.count", Some("3 component revision 1")),
        ("batches.percentage", None),
        ("rollback.onFailure", Some("true defaults")),
    ] {
        assert_eq!(from(key).as_deref(), expected, "{key}");
    }
    let revisions: Vec<_> = held
        .policies
        .iter()
        .map(|p| (p.layer.to_string(), p.revision.0))
        .collect();
    assert_eq!(
        revisions,
        [
            ("system".to_owned(), 1),
            ("tenant".to_owned(), 2),
            ("component".to_owned(), 1)
        ]
    );
    let page = policy_versions(&world, &reader, &tenant(), None).await.unwrap();
    assert_eq!((page.versions.len(), page.next_before), (2, None));
}
