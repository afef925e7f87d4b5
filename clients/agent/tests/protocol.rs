//! The protocol against a naive judge: answers late, twice and out of order.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail like tests"
)]

mod support;

use proptest::prelude::*;
use sluice_agent::protocol::{Moment, Record};
use sluice_contract::check_in::{CheckInAnswer, DesiredState};
use sluice_core::fleet::InstanceStatus::{Completed, Failed};
use support::protocol::{an_error, at, mv, take, try_begin};
use support::server::answer;

#[derive(Debug, Clone)]
enum Event {
    /// The answer made at this index of the history arrives.
    Arrives(usize),
    /// Time goes by.
    Passes(u64),
    /// The agent looks whether it may begin.
    Looks,
    /// The switch under way ends.
    Ends(bool),
}

fn history() -> impl Strategy<Value = Vec<CheckInAnswer>> {
    let one = (0..2_u64, 0..2_u32, 0..4_u8, 1..4_usize, 0..3_u64, 0..3_u64);
    prop::collection::vec(one, 1..8).prop_map(|steps| {
        let (mut epoch, mut attempt) = (1, 0);
        steps
            .into_iter()
            .map(|(epochs, attempts, kind, major, wait, lease)| {
                attempt = if epochs > 0 { 0 } else { attempt + attempts };
                epoch += epochs;
                let desired = match kind {
                    0 => DesiredState::Stay,
                    kind => mv(major, wait * 20, kind == 1),
                };
                CheckInAnswer {
                    lease_ms: lease * 30,
                    ..answer(epoch, attempt, desired)
                }
            })
            .collect()
    })
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        4 => (0..8_usize).prop_map(Event::Arrives),
        2 => (0..40_u64).prop_map(Event::Passes),
        4 => Just(Event::Looks),
        1 => any::<bool>().prop_map(Event::Ends),
    ];
    prop::collection::vec(event, 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_move_begins_by_an_old_command_or_without_a_lease(history in history(), events in events()) {
        let (mut record, mut pending, mut now) = (Record::default(), None, Moment(1_000));
        // The judge only keeps what arrived and when.
        let mut arrived: Vec<(Moment, CheckInAnswer)> = Vec::new();
        for event in events {
            match event {
                Event::Passes(ms) => now = now.plus_ms(ms),
                Event::Arrives(index) => {
                    let answer = &history[index % history.len()];
                    arrived.push((now, answer.clone()));
                    take(&mut record, &mut pending, answer, at(now.0));
                }
                Event::Ends(well) => {
                    let (status, error) = if well { (Completed, None) } else { (Failed, Some(an_error())) };
                    record.end(status, error);
                }
                Event::Looks => {
                    let Some(order) = try_begin(&mut record, &mut pending, now) else { continue };
                    let newest = arrived.iter().map(|(_, a)| (a.epoch, a.attempt)).max().unwrap();
                    prop_assert_eq!(order.command.key(), newest, "begun by an old command");
                    let (when, last) =
                        arrived.iter().rev().find(|(_, a)| (a.epoch, a.attempt) == newest).unwrap();
                    let DesiredState::Move { artifact, not_before_ms, revert, .. } = &last.desired else {
                        return Err(TestCaseError::fail("begun although the last word was to stay"));
                    };
                    prop_assert_eq!((&order.artifact, order.revert), (artifact, *revert));
                    prop_assert!(now.since_ms(*when) < last.lease_ms, "begun after its lease");
                    prop_assert!(now.since_ms(*when) >= *not_before_ms, "begun too early");
                }
            }
            let newest = arrived.iter().map(|(_, a)| (a.epoch, a.attempt)).max();
            prop_assert_eq!(record.seen.map(|s| s.key()), newest, "forgot a command, or took an old one");
        }
    }

    #[test]
    fn a_newest_command_with_a_lease_can_begin(history in history()) {
        let mut record = Record::default();
        let mut pending = None;
        for answer in &history {
            take(&mut record, &mut pending, answer, at(0));
        }
        let next = record.seen.unwrap().epoch.next();
        take(&mut record, &mut pending, &answer(next.0, 0, mv(9, 0, false)), at(5));
        prop_assert!(try_begin(&mut record, &mut pending, Moment(6)).is_some());
    }
}
