//! Courses of check-ins as text.
//!
//! `channel run 1.0 2` writes the channel: mode, epoch and attempt, frontier; `held` at its end when the upgrade is
//! complete. `0 v1 1.0:COMPLETED => stay 1+0` is a check-in: the ordinal, the minor version that it runs (`-` for none,
//! `!` behind it when it is not healthy), its report (`-` for none), and after the arrow what it is told, and how many
//! were counted as completed and failed in the channel's epoch by then.

use sluice_core::checks::Checks;
use sluice_core::fleet::{InstanceReport, Running};
use sluice_core::ids::UpgradeId;

use super::desk::{Desk, checks, report, request};
use super::*;

fn pair(text: &str) -> (u64, u32) {
    let (epoch, attempt) = text.split_once('.').expect(text);
    (epoch.parse().expect(text), attempt.parse().expect(text))
}

fn status(text: &str) -> InstanceStatus {
    serde_json::from_value(text.into()).expect(text)
}

fn said(words: &[&str]) -> CheckInRequest {
    let [ordinal, running, reported] = words else {
        panic!("{words:?}")
    };
    let minor = running
        .trim_end_matches('!')
        .strip_prefix('v')
        .map(|n| n.parse().expect(n));
    let plain = request(ordinal.parse().expect(ordinal), minor);
    let report = reported.split_once(':').map(|(command, word)| {
        let (epoch, attempt) = pair(command);
        report(epoch, attempt, status(word))
    });
    let healthy = !running.ends_with('!');
    let running = plain.running.map(|r| Running { healthy, ..r });
    CheckInRequest {
        running,
        report,
        ..plain
    }
}

fn told(answer: &CheckInAnswer) -> String {
    match &answer.desired {
        DesiredState::Stay => "stay".to_owned(),
        DesiredState::Move {
            artifact,
            revert,
            checks: told,
            ..
        } => {
            let to_the_new = !*revert && artifact.release.version.minor == 1;
            let expected = if to_the_new { checks() } else { Checks::default() };
            assert_eq!(*told, expected, "{answer:?}");
            let word = if *revert { "back" } else { "move" };
            format!("{word} v{}", artifact.release.version.minor)
        }
    }
}

async fn check(script: &str) {
    let desk = Desk::new();
    for line in script.lines().map(str::trim).filter(|l| !l.is_empty()) {
        let Some((left, expected)) = line.split_once("=>") else {
            let words: Vec<_> = line.split_whitespace().collect();
            let mode = serde_json::from_value(words[1].into()).expect(line);
            desk.set(
                mode,
                pair(words[2]),
                words[3].parse().expect(line),
                words.get(4) == Some(&"held"),
            );
            continue;
        };
        let said = said(&left.split_whitespace().collect::<Vec<_>>());
        let answer = desk.says(&said).await.unwrap();
        let (completed, failed) = desk.counted();
        assert_eq!(
            format!("{} {completed}+{failed}", told(&answer)),
            expected.trim(),
            "{line} in {script}"
        );
    }
}

#[tokio::test]
async fn a_batch_moves_and_each_instance_is_counted_once() {
    check(
        "0 v0 - => stay 0+0
         channel run 1.0 2
         0 v0 -               => move v1 0+0
         0 v0 1.0:PENDING     => move v1 0+0
         0 v0 1.0:DRAINING    => move v1 0+0
         0 v1! 1.0:UPGRADING  => stay 0+0
         0 v1 1.0:COMPLETED   => stay 1+0
         0 v1 1.0:COMPLETED   => stay 1+0
         2 v0 1.0:PENDING     => stay 1+0
         1 v0 1.0:FAILED      => stay 1+1
         1 v0 1.0:FAILED      => stay 1+1
         channel run 1.0 4
         0 v1 1.0:COMPLETED   => stay 1+1
         2 v0 1.0:PENDING     => move v1 1+1",
    )
    .await;
}

/// An instance whose health comes and goes is still one instance.
#[tokio::test]
async fn a_flapping_instance_is_counted_once() {
    check(
        "channel run 1.0 2
         0 v1! 1.0:COMPLETED => stay 0+0
         0 v1  1.0:COMPLETED => stay 1+0
         0 v1! 1.0:COMPLETED => stay 1+0
         0 v1  1.0:COMPLETED => stay 1+0",
    )
    .await;
}

/// A claim that what it runs contradicts is not counted, and it is told to move again.
#[tokio::test]
async fn a_claim_without_proof_counts_nothing() {
    check(
        "channel run 1.0 2
         0 v0 1.0:COMPLETED  => move v1 0+0
         1 - 1.0:COMPLETED   => move v1 0+0
         2 v1 1.0:COMPLETED  => stay 0+0
         channel revert 2.0 2
         0 v1 2.0:ROLLED_BACK => back v0 0+0",
    )
    .await;
}

/// A settled word stands; a later word of the same command does not undo it, and what is older says nothing.
#[tokio::test]
async fn older_words_change_nothing() {
    check(
        "channel run 1.0 2
         0 v1 1.0:COMPLETED    => stay 1+0
         0 v0 1.0:DRAINING     => stay 1+0
         0 v1 1.0:FAILED       => stay 1+0
         channel revert 2.0 2
         0 v1 1.0:COMPLETED    => back v0 0+0
         0 v0 2.0:ROLLED_BACK  => stay 1+0
         0 v1 1.0:COMPLETED    => stay 1+0
         0 v0 2.0:ROLLED_BACK  => stay 1+0",
    )
    .await;
}

/// A word about a command that was never given is not stored: it would bar the way of the true ones.
#[tokio::test]
async fn words_about_commands_that_were_never_given_are_ignored() {
    check(
        "0 v0 9.0:COMPLETED   => stay 0+0
         channel run 1.0 2
         0 v1 2.0:COMPLETED   => move v1 0+0
         0 v1 1.7:COMPLETED   => move v1 0+0
         0 v1 1.0:COMPLETED   => stay 1+0",
    )
    .await;
}

/// Stored, the other upgrade's failure would stand against the true word.
#[tokio::test]
async fn another_upgrades_word_is_ignored() {
    let desk = Desk::new();
    desk.set(Mode::Run, (1, 0), 2, false);
    let foreign = InstanceReport {
        upgrade_id: UpgradeId(uuid::Uuid::from_u128(8)),
        ..report(1, 0, InstanceStatus::Failed)
    };
    let own = report(1, 0, InstanceStatus::Completed);
    for (given, expected) in [(foreign, (0, 0)), (own, (1, 0))] {
        let said = CheckInRequest {
            report: Some(given),
            ..request(0, Some(1))
        };
        desk.says(&said).await.unwrap();
        assert_eq!(desk.counted(), expected);
    }
}

/// Who was touched acknowledges by being back; who was not, by having seen the epoch. Each once.
#[tokio::test]
async fn the_way_back_is_acknowledged_once_by_each() {
    check(
        "channel run 1.0 2
         0 v1 1.0:COMPLETED    => stay 1+0
         1 v0 1.0:PENDING      => move v1 1+0
         2 v0 1.0:PENDING      => stay 1+0
         channel revert 2.0 2
         0 v1 1.0:COMPLETED    => back v0 0+0
         0 v1 2.0:PENDING      => back v0 0+0
         0 v1! 2.0:DRAINING    => back v0 0+0
         0 v0! 2.0:ROLLED_BACK => stay 0+0
         0 v0 2.0:ROLLED_BACK  => stay 1+0
         1 v0 1.0:PENDING      => stay 1+0
         1 v0 2.0:PENDING      => stay 2+0
         1 v0 2.0:PENDING      => stay 2+0
         2 v0 2.0:PENDING      => stay 2+0
         0 v0 2.0:ROLLED_BACK  => stay 2+0",
    )
    .await;
}

/// An instance that failed on its way forward and does not serve is brought back like one that moved.
#[tokio::test]
async fn a_broken_instance_is_not_back() {
    check(
        "channel run 1.0 2
         0 v0 -                => move v1 0+0
         0 v0! 1.0:FAILED      => stay 0+1
         channel revert 2.0 2
         0 v0! 1.0:FAILED      => back v0 0+0
         0 v0! 2.0:PENDING     => back v0 0+0
         0 v0 2.0:ROLLED_BACK  => stay 1+0",
    )
    .await;
}

/// An instance that cannot go back is told once for each attempt.
#[tokio::test]
async fn a_failed_way_back_waits_for_the_next_attempt() {
    check(
        "channel run 1.0 2
         0 v1 1.0:COMPLETED    => stay 1+0
         channel revert 2.0 2
         0 v1 2.0:FAILED       => stay 0+1
         0 v1 2.0:FAILED       => stay 0+1
         channel revert 2.1 2
         0 v1 2.0:FAILED       => back v0 0+1",
    )
    .await;
}

/// Who ran something else goes back to that, not to what the plan calls the old version.
#[tokio::test]
async fn each_goes_back_to_what_it_left() {
    check(
        "0 v2 -                => stay 0+0
         channel run 1.0 2
         0 v2 1.0:PENDING      => move v1 0+0
         0 v2 1.0:DRAINING     => move v1 0+0
         0 v1 1.0:COMPLETED    => stay 1+0
         channel revert 2.0 2
         0 v1 1.0:COMPLETED    => back v2 0+0
         0 v2 2.0:ROLLED_BACK  => stay 1+0",
    )
    .await;
}

#[tokio::test]
async fn a_pause_lets_who_has_begun_finish() {
    check(
        "channel run 1.0 2
         0 v0 1.0:DRAINING     => move v1 0+0
         channel hold 1.0 2
         0 v0 1.0:DRAINING     => move v1 0+0
         1 v0 1.0:PENDING      => stay 0+0
         0 v1 1.0:COMPLETED    => stay 1+0
         channel run 1.0 2
         1 v0 1.0:PENDING      => move v1 1+0",
    )
    .await;
}
