//! Places of upgrades.

use futures::future::join_all;
use jiff::Timestamp;
use sluice_app::ports::{Holder, Places, Taken, Whose};

use crate::made::{tenant, upgrade_id};

fn holder(name: &str, number: u128) -> Holder {
    Holder {
        tenant_id: tenant(name),
        upgrade_id: upgrade_id(number),
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

pub async fn a_place_is_taken_once_and_given_back(store: impl Places) {
    let whose = Whose::Tenant(tenant("acme"));
    assert_eq!(store.taken_places(&whose).await, Ok(Taken::default()));
    let (one, two) = (holder("acme", 1), holder("acme", 2));
    for (second, of, most, expected) in [
        (1, &one, Some(1), true),
        (2, &one, Some(1), true),
        (3, &two, Some(1), false),
        (4, &two, Some(2), true),
        (5, &two, Some(1), true),
    ] {
        assert_eq!(
            store.take_place(&whose, of, most, at(second)).await,
            Ok(expected),
            "{second}"
        );
    }
    let taken = store.taken_places(&whose).await.unwrap();
    assert_eq!(taken.holders, [one.clone(), two.clone()].into());
    assert_eq!(taken.last_at, Some(at(5)));
    for of in [&one, &one, &two] {
        store.give_place_back(&whose, of).await.unwrap();
    }
    assert!(store.taken_places(&whose).await.unwrap().holders.is_empty());
    assert_eq!(store.take_place(&whose, &one, Some(1), at(6)).await, Ok(true));
    assert_eq!(store.take_place(&whose, &two, None, at(7)).await, Ok(true));
    assert_eq!(store.taken_places(&Whose::System).await, Ok(Taken::default()));
}

pub async fn of_many_no_more_than_allowed_get_a_place(store: impl Places) {
    let all: Vec<_> = (0..12).map(|n| holder("acme", n)).collect();
    let asked = all
        .iter()
        .map(|of| store.take_place(&Whose::System, of, Some(5), at(1)));
    let got = join_all(asked).await;
    assert_eq!(got.iter().filter(|g| **g == Ok(true)).count(), 5, "{got:?}");
    assert_eq!(got.iter().filter(|g| **g == Ok(false)).count(), 7, "{got:?}");
    assert_eq!(store.taken_places(&Whose::System).await.unwrap().holders.len(), 5);
}
