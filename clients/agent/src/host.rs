//! The port to what an instance is made of: its disk and its service.

use std::future::Future;

use sluice_contract::check_in::Artifact;
use sluice_core::checks::{Checks, PostUpgradeVerify};
use sluice_core::release::Release;

use crate::counters::Totals;
use crate::failure::Failure;

/// What a switch needs of an instance. Every call is bounded in time by its implementation, and may be given up at any
/// await: a later call then finds the instance in a state that it can go on from.
pub trait Host: Send + Sync + 'static {
    /// Verifies the release and brings it to disk, ready to start. Touches nothing that runs. Repeating it is cheap.
    fn prepare(&self, artifact: &Artifact) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Makes what an upgrade prescribes before a move; fails when any of its checks may not be made here, also of those
    /// after the move. Touches nothing that runs.
    fn admit(&self, checks: &Checks) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Lets the running service end its work.
    fn drain(&self) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Lets another instance take over what only one may do.
    fn fail_over(&self) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Ends the service with everything that it started. Ending what does not run succeeds.
    fn stop(&self) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Makes `release` the one that is started next, atomically; none takes away the link.
    fn link(&self, release: Option<&Release>) -> impl Future<Output = Result<(), Failure>> + Send;

    /// The release that is started next.
    fn linked(&self) -> Option<Release>;

    /// Starts the service of `release`, which is linked.
    fn start(&self, release: &Release) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Waits until the checks pass; fails when they do not in time or the service ends meanwhile.
    fn verify(&self, release: &Release) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Waits until what an upgrade prescribes after a move holds too.
    fn confirm(
        &self,
        release: &Release,
        check: &PostUpgradeVerify,
    ) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Starts `release` again whenever it ends, until the next stop. Starts it now if it does not run.
    fn keep(&self, release: &Release) -> impl Future<Output = ()> + Send;

    /// Makes the checks once.
    fn probe(&self, release: &Release) -> impl Future<Output = bool> + Send;

    /// What the service has counted so far; none when it is not known.
    fn count(&self) -> impl Future<Output = Option<Totals>> + Send {
        async { None }
    }

    /// Frees what none of `needed` needs.
    fn tidy(&self, needed: &[Release]) -> impl Future<Output = ()> + Send;

    /// Whether a release can be started beside the one that serves. The calls below are made only then.
    fn overlaps(&self) -> bool {
        false
    }

    /// Whether this release serves: it was started, runs, and is not beside another one.
    fn serves(&self, _release: &Release) -> bool {
        false
    }

    /// Starts `release` beside the one that serves.
    fn start_beside(&self, _release: &Release) -> impl Future<Output = Result<(), Failure>> + Send {
        async { Ok(()) }
    }

    /// Waits until the checks pass for what was started beside, also the check that the upgrade prescribes.
    fn verify_beside(
        &self,
        _release: &Release,
        _confirm: Option<&PostUpgradeVerify>,
    ) -> impl Future<Output = Result<(), Failure>> + Send {
        async { Ok(()) }
    }

    /// Leads requests to what is beside, or to what serves. It may be made again.
    fn take_over(&self, _beside: bool) -> impl Future<Output = Result<(), Failure>> + Send {
        async { Ok(()) }
    }

    /// What was beside serves from now on; what served is stopped.
    fn retire(&self) -> impl Future<Output = Result<(), Failure>> + Send {
        async { Ok(()) }
    }

    /// Stops what was started beside. Stopping what does not run succeeds.
    fn leave_beside(&self) -> impl Future<Output = Result<(), Failure>> + Send {
        async { Ok(()) }
    }
}
