//! Releases and keys.

use sluice_app::ports::Registry;
use sluice_core::ids::KeyId;
use sluice_core::release::{LifecycleState, Release};

use crate::made::{is_conflict, release, tenant};

pub async fn a_release_is_fixed_but_for_its_state(store: impl Registry) {
    let (acme, mine) = (tenant("acme"), release(1, 1));
    let stored = || store.release(&acme, mine.component_id, mine.version_id);
    assert_eq!(stored().await, Ok(None));
    store.put_release(&acme, &mine).await.unwrap();
    store.put_release(&acme, &mine).await.unwrap();
    let live = Release {
        lifecycle_state: LifecycleState::Live,
        ..mine.clone()
    };
    store.put_release(&acme, &live).await.unwrap();
    assert_eq!(stored().await, Ok(Some(live.clone())));
    for other in [
        Release {
            digest: "sha256:ff".to_owned(),
            ..mine.clone()
        },
        Release {
            size: 1,
            ..mine.clone()
        },
        Release {
            signature: "AAAA".to_owned(),
            ..mine.clone()
        },
    ] {
        is_conflict(store.put_release(&acme, &other).await);
    }
    assert_eq!(stored().await, Ok(Some(live)));
}

pub async fn a_version_has_one_component(store: impl Registry) {
    let acme = tenant("acme");
    assert_eq!(
        store.component_of(&acme, release(1, 1).version_id).await,
        Ok(None)
    );
    for number in [3, 1, 2] {
        store.put_release(&acme, &release(1, number)).await.unwrap();
    }
    store.put_release(&acme, &release(2, 4)).await.unwrap();
    is_conflict(store.put_release(&acme, &release(2, 1)).await);
    let (one, two) = (release(1, 1), release(2, 1));
    assert_eq!(
        store.component_of(&acme, one.version_id).await,
        Ok(Some(one.component_id))
    );
    assert_eq!(
        store.release(&acme, two.component_id, one.version_id).await,
        Ok(None)
    );
    let mut listed = store.releases(&acme, one.component_id).await.unwrap();
    listed.sort_by(|a, b| a.version.cmp(&b.version));
    assert_eq!(listed, [release(1, 1), release(1, 2), release(1, 3)]);
}

pub async fn a_key_is_fixed(store: impl Registry) {
    let (acme, key) = (tenant("acme"), KeyId::new("k1").unwrap());
    assert_eq!(store.signing_key(&acme, &key).await, Ok(None));
    store.put_signing_key(&acme, &key, "pem one").await.unwrap();
    store.put_signing_key(&acme, &key, "pem one").await.unwrap();
    is_conflict(store.put_signing_key(&acme, &key, "pem two").await);
    assert_eq!(
        store.signing_key(&acme, &key).await,
        Ok(Some("pem one".to_owned()))
    );
}

pub async fn tenants_do_not_meet(store: impl Registry) {
    let (acme, other, key) = (tenant("acme"), tenant("other"), KeyId::new("k1").unwrap());
    store.put_release(&acme, &release(1, 1)).await.unwrap();
    store.put_signing_key(&acme, &key, "pem one").await.unwrap();
    assert_eq!(
        store.component_of(&other, release(1, 1).version_id).await,
        Ok(None)
    );
    assert_eq!(
        store.releases(&other, release(1, 1).component_id).await,
        Ok(Vec::new())
    );
    assert_eq!(store.signing_key(&other, &key).await, Ok(None));
    store.put_release(&other, &release(2, 1)).await.unwrap();
    store.put_signing_key(&other, &key, "pem two").await.unwrap();
}
