//! What the loop does with a check-in that came back.

use sluice_contract::check_in::CheckInAnswer;
use tokio::time::Instant;
use tracing::{debug, error, info, warn};

use super::{Agent, News};
use crate::api::{Api, ApiError};
use crate::host::Host;
use crate::protocol::{Decision, Moment, Receipt, decide};

/// How often a prefetch is tried before it is left to the move itself.
const PREFETCH_TRIES: u32 = 3;

impl<H: Host, A: Api> Agent<H, A> {
    pub(super) fn on_round(&mut self, asked: Moment, said: News, result: Result<CheckInAnswer, ApiError>) {
        match result {
            Ok(answer) => {
                self.said = said;
                self.obey(
                    &answer,
                    Receipt {
                        asked,
                        received: self.setup.clock.now(),
                    },
                );
                let busy = self.pending.is_some() || self.switch.is_busy();
                self.next_check_in = Instant::now() + self.pace.answered(answer.next_check_in_ms, busy);
                self.fetch_ahead(&answer);
            }
            Err(problem) => self.back_off(&problem),
        }
    }

    pub(super) fn on_lost_round(&mut self, problem: &tokio::task::JoinError) {
        self.back_off(&ApiError::Unreachable(problem.to_string()));
    }

    fn back_off(&mut self, problem: &ApiError) {
        let pause = self.pace.failed(rand::random());
        self.next_check_in = Instant::now() + pause;
        let (retry_ms, failures) = (pause.as_millis(), self.pace.failures());
        match problem {
            ApiError::Problem {
                status,
                code,
                message,
            } => {
                warn!(
                    status,
                    code, message, retry_ms, failures, "A check-in was refused"
                );
            }
            replaced @ ApiError::Replaced { .. } => {
                error!(problem = %replaced, retry_ms, "The service is kept as it is");
                self.forget_order();
            }
            other => warn!(problem = %other, retry_ms, failures, "A check-in brought no answer"),
        }
    }

    fn obey(&mut self, answer: &CheckInAnswer, receipt: Receipt) {
        let (epoch, attempt) = (answer.epoch.0, answer.attempt.0);
        let upgrade_id = answer.upgrade_id.map(|id| id.to_string()).unwrap_or_default();
        let store = &self.setup.store;
        match decide(&store.record(), answer, receipt) {
            Decision::Stale { newest } => {
                let (newest_epoch, newest_attempt) = (newest.0.0, newest.1.0);
                warn!(
                    upgrade_id,
                    epoch, attempt, newest_epoch, newest_attempt, "An old answer is ignored"
                );
                return;
            }
            Decision::Refuse(refusal) => {
                error!(upgrade_id, epoch, attempt, %refusal, "An answer is not obeyed");
                return;
            }
            Decision::Acknowledge { seen, report } => {
                debug!(upgrade_id, epoch, attempt, "Nothing to do");
                store.note(|r| r.told(seen, report));
                self.forget_order();
            }
            Decision::KeepGoing { seen, report } => {
                debug!(upgrade_id, epoch, attempt, "The move under way is still wanted");
                store.note(|r| r.told(seen, report));
                self.forget_order();
            }
            Decision::Obey { order, report } => {
                if self.pending.as_ref().is_none_or(|p| p.command != order.command) {
                    let (version, revert) = (&order.artifact.release.version, order.revert);
                    let delay_ms = order.not_before.since_ms(receipt.received);
                    info!(upgrade_id, epoch, attempt, %version, revert, delay_ms, "A move is commanded");
                }
                store.note(|r| r.told(order.command, report));
                self.pending = Some(*order);
            }
        }
        self.setup.fresh = false;
    }

    fn fetch_ahead(&mut self, answer: &CheckInAnswer) {
        let Some(artifact) = &answer.prefetch else {
            self.prefetch_failures = 0;
            return;
        };
        let wanted =
            self.pending.is_none() && !self.prepare.is_busy() && self.prefetch_failures < PREFETCH_TRIES;
        if wanted && self.prepared.as_ref() != Some(&artifact.release) {
            self.start_preparing(artifact.clone());
        }
    }
}
