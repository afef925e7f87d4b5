//! Processes of the service: started in groups of their own, watched, and ended with all that they started.
//!
//! | file | holds |
//! |---|---|
//! | `launch` | what is started: arguments, folder, environment |
//! | `adopt` | what an earlier run has left running |
//! | `group` | signals to a process group, and whether anybody in it lives |
//! | `log` | what the program prints, bounded on disk |
//! | `proc_fs` | what the system knows about running processes |
//! | `run` | short commands with a time limit |
//! | `run_as` | another user for what is started |
//! | `checks` | the checks of a healthy program |
//! | `supervisor` | the one long-running program: its handle |
//! | `keeper` | the task that owns it |

mod adopt;
mod checks;
mod group;
mod keeper;
mod launch;
mod log;
mod proc_fs;
mod run;
mod run_as;
mod supervisor;

pub use adopt::adopt;
pub use checks::Checks;
pub use group::Group;
pub use launch::{HOME_MARK, Launch, Launcher};
pub use log::ServiceLog;
pub use proc_fs::{Leftover, leftovers};
pub use run::{Output, run};
pub use run_as::RunAs;
pub use supervisor::{Life, StopPlan, Supervisor};
