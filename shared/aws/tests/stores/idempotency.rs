//! Answers by Idempotency-Key.

use futures::future::join_all;
use sluice_app::ports::{Begun, Idempotency, StoredResponse};

use crate::made::{at, tenant};

fn response(body: &str) -> StoredResponse {
    StoredResponse {
        status: 201,
        body: body.to_owned(),
    }
}

pub async fn a_request_is_answered_once(store: impl Idempotency + Clone + 'static) {
    let claims = (0..10).map(|_| {
        let store = store.clone();
        tokio::spawn(async move { store.begin(&tenant("acme"), "key", "print", at(0)).await.unwrap() })
    });
    let begun: Vec<_> = join_all(claims).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(
        begun.iter().filter(|b| **b == Begun::Fresh).count(),
        1,
        "{begun:?}"
    );
    assert_eq!(
        begun.iter().filter(|b| **b == Begun::Running).count(),
        9,
        "{begun:?}"
    );
    store
        .finish(&tenant("acme"), "key", &response("made"))
        .await
        .unwrap();
    store
        .finish(&tenant("acme"), "key", &response("made"))
        .await
        .unwrap();
    for ms in [1, 61_000, 86_399_000] {
        let begun = store.begin(&tenant("acme"), "key", "print", at(ms)).await;
        assert_eq!(begun, Ok(Begun::Answered(response("made"))), "{ms}");
    }
}

pub async fn a_claim_lapses(store: impl Idempotency) {
    let acme = tenant("acme");
    let begin = |ms| store.begin(&acme, "key", "print", at(ms));
    assert_eq!(begin(0).await, Ok(Begun::Fresh));
    assert_eq!(begin(59_999).await, Ok(Begun::Running));
    assert_eq!(begin(60_000).await, Ok(Begun::Fresh));
    assert_eq!(begin(60_001).await, Ok(Begun::Running));
}

pub async fn a_key_belongs_to_one_request(store: impl Idempotency) {
    let acme = tenant("acme");
    assert_eq!(store.begin(&acme, "key", "print", at(0)).await, Ok(Begun::Fresh));
    assert_eq!(
        store.begin(&acme, "key", "other", at(0)).await,
        Ok(Begun::Differs)
    );
    store.finish(&acme, "key", &response("made")).await.unwrap();
    assert_eq!(
        store.begin(&acme, "key", "other", at(1)).await,
        Ok(Begun::Differs)
    );
    assert_eq!(
        store.begin(&acme, "key 2", "other", at(1)).await,
        Ok(Begun::Fresh)
    );
    assert_eq!(
        store.begin(&tenant("other"), "key", "other", at(1)).await,
        Ok(Begun::Fresh)
    );
}
