//! The loop of an instance: it checks in, reads answers, prepares and begins moves, and watches the service.
//!
//! One task owns everything that is decided; slow work runs beside it, one task of each kind at most, so that
//! check-ins go on during a download and a switch.

mod answers;
mod looks;
mod manager;
mod message;
mod moves;
mod pace;
mod task;

use std::sync::Arc;
use std::time::Duration;

use sd_notify::NotifyState;
use sluice_contract::check_in::{Artifact, CheckInAnswer};
use sluice_core::release::Release;
use sluice_core::units::{Attempt, Epoch};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, error, info, info_span, warn};

use crate::api::{Api, ApiError};
use crate::clock::Clock;
use crate::counters::{Minutes, Totals};
use crate::failure::Failure;
use crate::host::Host;
use crate::protocol::{Moment, Order, recover};
use crate::store::Store;
use crate::switch::{self, Entry};

pub use message::Identity;
use message::{News, message};
use pace::Pace;
use task::Slot;

/// The shortest time between two check-ins.
const GAP: Duration = Duration::from_millis(100);

/// The longest that the loop sleeps.
const IDLE: Duration = Duration::from_secs(600);

/// The first check-in waits at most this long for the first look at the service, so that a restarted agent does not
/// call a healthy service sick.
const FIRST_LOOK: Duration = Duration::from_secs(2);

/// What an agent is made of.
#[derive(Debug)]
pub struct Setup<H, A> {
    /// Who it is.
    pub identity: Identity,
    /// Disk and service.
    pub host: Arc<H>,
    /// The server.
    pub api: Arc<A>,
    /// What it remembers.
    pub store: Arc<Store>,
    /// What leases are counted on.
    pub clock: Clock,
    /// Whether it remembers nothing: it asks for a strongly consistent answer then.
    pub fresh: bool,
    /// Pause between two looks at the service.
    pub health_interval: Duration,
    /// How often the service manager must hear that the loop goes on; none when it does not ask.
    pub watchdog: Option<Duration>,
    /// Pause before the first check-in: spreads a fleet that starts together.
    pub first_check_in: Duration,
}

/// Runs an agent until `shutdown`; then it stops the service. A half-done switch stays in the record for the next run.
pub async fn run<H: Host, A: Api>(setup: Setup<H, A>, shutdown: CancellationToken) {
    let who = &setup.identity;
    let span = info_span!(
        "agent", tenant_id = %who.tenant_id, component_id = %who.component_id, fleet_id = %who.fleet_id,
        instance_id = %who.instance_id,
    );
    Agent::new(setup).serve(shutdown).instrument(span).await;
}

/// A check-in that came back: when it was sent, what it said, what it brought.
type Round = (Moment, News, Result<CheckInAnswer, ApiError>);

/// What commands are compared by.
type Key = (Epoch, Attempt);

struct Agent<H, A> {
    setup: Setup<H, A>,
    pace: Pace,
    said: News,
    pending: Option<Order>,
    prepared: Option<Release>,
    preparing: Option<Release>,
    prefetch_failures: u32,
    asked_at: Instant,
    next_check_in: Instant,
    next_probe: Instant,
    changes: watch::Receiver<u64>,
    check_in: Slot<Round>,
    prepare: Slot<(Artifact, Result<(), Failure>)>,
    admit: Slot<(Key, Result<(), Failure>)>,
    admitted: Option<Key>,
    switch: Slot<()>,
    probe: Slot<(bool, Option<Totals>)>,
    minutes: Minutes,
}

impl<H: Host, A: Api> Agent<H, A> {
    fn new(setup: Setup<H, A>) -> Self {
        let now = Instant::now();
        let said = News::now(&setup.store);
        Self {
            pace: Pace::default(),
            said,
            pending: None,
            prepared: None,
            preparing: None,
            prefetch_failures: 0,
            asked_at: now,
            next_check_in: now + setup.first_check_in,
            next_probe: now,
            changes: setup.store.changes(),
            check_in: Slot::default(),
            prepare: Slot::default(),
            admit: Slot::default(),
            admitted: None,
            switch: Slot::default(),
            probe: Slot::default(),
            minutes: Minutes::default(),
            setup,
        }
    }

    async fn serve(mut self, shutdown: CancellationToken) {
        self.boot().await;
        manager::tell(&[NotifyState::Ready]);
        loop {
            if self.setup.watchdog.is_some() {
                manager::tell(&[NotifyState::Watchdog]);
            }
            self.tick().await;
            let wake = self.next_wake();
            tokio::select! {
                () = shutdown.cancelled() => break,
                round = self.check_in.result() => match round {
                    Ok((asked, said, result)) => self.on_round(asked, said, result),
                    Err(problem) => self.on_lost_round(&problem),
                },
                prepared = self.prepare.result() => match prepared {
                    Ok((artifact, result)) => self.on_prepared(&artifact, result),
                    Err(problem) => self.on_lost_preparation(&problem),
                },
                admitted = self.admit.result() => self.on_admitted(admitted),
                ended = self.switch.result() => self.on_switched(ended),
                healthy = self.probe.result() => self.on_probed(healthy),
                // The store lives as long as the agent, so there is always somebody to tell.
                Ok(()) = self.changes.changed() => {}
                () = sleep_until(wake) => {}
            }
        }
        self.end().await;
    }

    /// Takes up what an earlier run has left.
    async fn boot(&mut self) {
        let (host, store) = (&self.setup.host, &self.setup.store);
        let linked = host.linked();
        if let Some(journal) = store.record().switch {
            let recovery = recover(&journal, linked.as_ref());
            warn!(?recovery, version = %journal.target.version, "A half-done switch is taken up");
            self.start_switch(Entry::Resume(recovery));
            return;
        }
        store.note(|r| r.linked(linked.clone()));
        match linked {
            Some(release) => {
                info!(version = %release.version, "The agent starts with a release in use");
                host.keep(&release).await;
                if host.overlaps()
                    && let Err(failure) = host.take_over(false).await
                {
                    warn!(code = %failure.code, message = failure.message, "Requests may be led elsewhere");
                }
                if !store.is_healthy() {
                    self.next_check_in = self.next_check_in.max(Instant::now() + FIRST_LOOK);
                }
            }
            None => info!("The agent starts without a release"),
        }
        self.said = News::now(&self.setup.store);
    }

    async fn tick(&mut self) {
        self.advance_order().await;
        let now = Instant::now();
        if !self.check_in.is_busy() && now >= self.check_in_due() {
            self.ask(now);
        }
        if self.probe_is_possible() && now >= self.next_probe {
            self.look();
        }
        if self.is_interrupted() && now >= self.next_probe {
            self.next_probe = now + self.setup.health_interval;
            self.start_switch(Entry::Begin { drain: false });
        }
    }

    /// A switch that has begun and that nobody carries out: its task was lost.
    fn is_interrupted(&self) -> bool {
        !self.switch.is_busy() && self.setup.store.record().switch.is_some()
    }

    /// When to check in next: by the clock, or at once when there is news and the server is there.
    fn check_in_due(&self) -> Instant {
        if self.pace.failures() == 0 && News::now(&self.setup.store).is_urgent_after(&self.said) {
            self.next_check_in.min(self.asked_at + GAP)
        } else {
            self.next_check_in
        }
    }

    fn next_wake(&self) -> Instant {
        let longest = self.setup.watchdog.map_or(IDLE, |limit| (limit / 3).min(IDLE));
        let mut wake = Instant::now() + longest;
        if !self.check_in.is_busy() {
            wake = wake.min(self.check_in_due());
        }
        if self.probe_is_possible() || self.is_interrupted() {
            wake = wake.min(self.next_probe);
        }
        if let Some(order) = &self.pending {
            let now = self.setup.clock.now();
            let at = if order.not_before > now {
                order.not_before.min(order.lease_end)
            } else {
                order.lease_end
            };
            wake = wake.min(Instant::now() + Duration::from_millis(at.since_ms(now).max(1)));
        }
        wake
    }

    fn ask(&mut self, now: Instant) {
        self.asked_at = now;
        let said = News::now(&self.setup.store);
        let setup = &self.setup;
        let mut request = message(&setup.identity, &setup.store, setup.host.overlaps(), setup.fresh);
        request.counters = self.minutes.told();
        let (api, clock) = (self.setup.api.clone(), self.setup.clock.clone());
        self.check_in.start(async move {
            let asked = clock.now();
            let result = api.check_in(&request).await;
            (asked, said, result)
        });
    }

    fn start_switch(&mut self, entry: Entry) {
        self.probe.give_up();
        let (host, store) = (self.setup.host.clone(), self.setup.store.clone());
        self.switch
            .start(async move { switch::run(&*host, &store, entry).await });
    }

    async fn end(mut self) {
        info!("The agent ends and stops the service");
        manager::tell(&[NotifyState::Stopping]);
        self.check_in.give_up();
        self.prepare.give_up();
        self.admit.give_up();
        self.probe.give_up();
        self.switch.ended().await;
        if let Err(failure) = self.setup.host.stop().await {
            error!(code = %failure.code, message = failure.message, "The service was not stopped");
        }
    }
}
