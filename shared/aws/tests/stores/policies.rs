//! Policies and their revisions.

use futures::future::join_all;
use sluice_app::ports::Policies;
use sluice_core::ids::ComponentId;
use sluice_core::policy::kept::{MAX_KEPT_BYTES, Owner, Revision};
use sluice_core::units::Rev;
use uuid::Uuid;

use crate::made::{is_conflict, tenant};

fn owners() -> [Owner; 5] {
    let component = |name: &str, number| Owner::Component {
        tenant_id: tenant(name),
        component_id: ComponentId(Uuid::from_u128(number)),
    };
    [
        Owner::System,
        Owner::Tenant {
            tenant_id: tenant("acme"),
        },
        Owner::Tenant {
            tenant_id: tenant("system"),
        },
        component("acme", 1),
        component("acme", 2),
    ]
}

fn after(before: Option<&Revision>, owner: &Owner, text: &str) -> Revision {
    let at = "2026-01-02T03:04:05.678Z".parse().unwrap();
    Revision::after(before, owner.clone(), text.to_owned(), "user:a".to_owned(), at)
}

pub async fn the_newest_revision_holds(store: impl Policies) {
    for owner in owners() {
        assert_eq!(store.policy(&owner).await, Ok(None), "{owner:?}");
        let mut kept: Vec<Revision> = Vec::new();
        for number in 0..12 {
            let fresh = after(kept.last(), &owner, &format!("# {number}\norder: \"index\"\n"));
            store.put_policy(&fresh).await.unwrap();
            store.put_policy(&fresh).await.unwrap();
            kept.push(fresh);
        }
        assert_eq!(store.policy(&owner).await, Ok(kept.last().cloned()));
        assert_eq!(
            store.policy_revision(&owner, Rev(3)).await,
            Ok(Some(kept[2].clone()))
        );
        assert_eq!(store.policy_revision(&owner, Rev(13)).await, Ok(None));
        kept.reverse();
        for (before, limit, expected) in [
            (None, 100, &kept[..]),
            (None, 2, &kept[..2]),
            (Some(Rev(11)), 3, &kept[2..5]),
            (Some(Rev(2)), 3, &kept[11..]),
            (Some(Rev(1)), 3, &kept[12..]),
            (Some(Rev(0)), 3, &kept[12..]),
        ] {
            let listed = store.policy_revisions(&owner, before, limit).await.unwrap();
            assert_eq!(listed, expected, "{before:?} {limit}");
        }
    }
}

pub async fn of_two_policies_one_is_kept(store: impl Policies) {
    let owner = &owners()[1];
    let rivals: Vec<_> = ["a: 1", "b: 1", "c: 1"].map(|t| after(None, owner, t)).into();
    let written = join_all(rivals.iter().map(|r| store.put_policy(r))).await;
    assert_eq!(written.iter().filter(|w| w.is_ok()).count(), 1);
    for lost in written.into_iter().filter(Result::is_err) {
        is_conflict(lost);
    }
    let stored = store.policy(owner).await.unwrap().unwrap();
    assert!(rivals.contains(&stored));
}

pub async fn the_longest_policy_is_kept(store: impl Policies) {
    let owner = &owners()[3];
    let longest = after(None, owner, &"\"".repeat(MAX_KEPT_BYTES));
    store.put_policy(&longest).await.unwrap();
    assert_eq!(store.policy(owner).await, Ok(Some(longest)));
}
