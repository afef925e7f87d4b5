//! The registry: upgrades, fleets, releases and keys, as the API offers them.

mod adjust;
mod approval;
mod control;
mod create;
mod declare;
mod enrolment;
mod exceptions;
mod input;
mod policy;
mod propose;
mod query;
mod stops;
mod versions;
mod view;

pub use adjust::adjust;
pub use approval::{Shown, approvals, ask_approval, deny, edit, grant};
pub use control::{cancel, decide, pause, promote_canary, resume, roll_back, start};
pub use create::create;
pub use declare::{fleet, instances, put_fleet, put_release, put_signing_key, release, releases};
pub use enrolment::renew_enrolment_secret;
pub use exceptions::drop_instance;
pub use input::{flag, parse};
pub use policy::{effective_policy, policy, policy_versions, put_policy};
pub use propose::dry_run;
pub use query::{active, events, get, list, report};
pub use stops::{lift_stop, put_stop, stops};
