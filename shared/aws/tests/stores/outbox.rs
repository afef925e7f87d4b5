//! Events and how far they are delivered.

use sluice_app::ports::{Outbox, Upgrades};
use sluice_core::hold::Cause;
use sluice_core::units::Seq;
use sluice_core::upgrade::Command;

use crate::made::{Course, fleet, is_conflict, upgrade_id};

pub async fn events_come_in_order(store: impl Upgrades + Outbox) {
    let mut course = Course::begin(&store, 1, &fleet("acme", 1), None).await;
    course.reach_first_batch(&store).await;
    // More than nine, so that an order of texts would show.
    for n in 0..9 {
        let cause = Cause::OrchestratorFault {
            error: format!("fault {n}"),
        };
        course.go(&store, Command::Hold { cause }).await;
    }
    let numbers = |after, limit| {
        let store = &store;
        async move {
            let events = store.events(upgrade_id(1), Seq(after), limit).await.unwrap();
            events.into_iter().map(|e| e.seq.0).collect::<Vec<_>>()
        }
    };
    assert_eq!(numbers(0, 100).await, (1..=12).collect::<Vec<_>>());
    assert_eq!(numbers(0, 3).await, [1, 2, 3]);
    assert_eq!(numbers(8, 3).await, [9, 10, 11]);
    assert_eq!(numbers(11, 100).await, [12]);
    assert!(numbers(12, 100).await.is_empty());
    assert!(numbers(u64::MAX, 100).await.is_empty());
    assert!(numbers(0, 0).await.is_empty());
    assert_eq!(store.events(upgrade_id(2), Seq(0), 10).await, Ok(Vec::new()));
}

pub async fn the_cursor_moves_from_where_it_is(store: impl Outbox) {
    let id = upgrade_id(1);
    assert_eq!(store.cursor(id).await, Ok(Seq(0)));
    is_conflict(store.move_cursor(id, Seq(1), Seq(2)).await);
    store.move_cursor(id, Seq(0), Seq(3)).await.unwrap();
    is_conflict(store.move_cursor(id, Seq(0), Seq(5)).await);
    store.move_cursor(id, Seq(3), Seq(4)).await.unwrap();
    assert_eq!(store.cursor(id).await, Ok(Seq(4)));
    assert_eq!(store.cursor(upgrade_id(2)).await, Ok(Seq(0)));
}
