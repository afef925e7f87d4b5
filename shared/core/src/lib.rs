#![deny(missing_docs)]
//! Deciding what happens to a fleet, apart from doing it.
//!
//! Everything here is a value or a function of values: no clock, network, environment, logging or SDK. The same
//! functions serve the live system, the simulator and a replay of recorded inputs.
//!
//! | module | decides |
//! |---|---|
//! | [`plan`] | which instance goes when: batches, positions, weights, estimate, warnings |
//! | [`version`] | how versions differ, and whether and how one leads to the other |
//! | [`proposal`] | a plan with schedule, forecast, exposure, cost, approvals: what has to be agreed to |
//! | [`limits`] | whether one more upgrade or batch is admitted |
//! | [`lifecycle`] | which status may follow which |
//! | [`approval`] | what somebody else has to agree to, and what an agreement is worth |
//! | [`action`] | what operators may do in which status, and why not |
//! | [`upgrade`] | what a command changes: record, channel, event and lock together |
//! | [`probe`] | what a look at a running batch leads to |
//! | [`credential`] | whether a secret is the one that was handed out |
//! | [`channel`] | what one instance is told |
//! | [`checks`] | what each instance has to show before and after its move |
//! | [`room`] | how far a batch may be released now, and what the rest waits for |
//! | [`waves`] | how many instances go back at a time |
//! | [`pace`] | when instances check in |
//! | [`policy`] | what system, tenant, component and request prescribe, and which of them counts |
//! | [`window`] | when anything may be released |
//! | [`timetable`] | whether a batch may be released now, and what becomes of one that outlives its window |
//! | [`stop`] | what a stop covers |
//! | [`exception`] | single instances for which something else holds |
//! | [`traffic`] | which weight a version may get, forward and backward |
//! | [`hold`] | what an upgrade waits for and who can end that |
//! | [`watchdog`] | what is amiss when nobody has looked for too long |
//! | [`report`] | what is told afterwards |
//! | [`audit`] | canonical text, hashes and their chain |
//!
//! Invariants: every change of an upgrade goes through [`upgrade::Upgrade::apply`], which takes exactly one event
//! into the chain; no data is never a pass; an older epoch or attempt never commands.

pub mod action;
pub mod approval;
pub mod audit;
pub mod channel;
pub mod checks;
pub mod credential;
pub mod exception;
pub mod fleet;
pub mod forecast;
pub mod hold;
pub mod ids;
pub mod lifecycle;
pub mod limits;
pub mod named;
pub mod pace;
pub mod plan;
pub mod policy;
pub mod probe;
pub mod proposal;
pub mod release;
pub mod report;
pub mod room;
pub mod seconds;
pub mod settings;
pub mod signature;
pub mod stop;
pub mod timetable;
pub mod traffic;
pub mod units;
pub mod upgrade;
pub mod version;
pub mod watchdog;
pub mod waves;
pub mod window;
