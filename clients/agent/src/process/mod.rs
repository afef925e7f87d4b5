//! Processes of the service: started in groups of their own, watched, and ended with all that they started.
//!
//! | file | holds |
//! |---|---|
//! | `launch` | what is started: arguments, folder, environment |
//! | `group` | signals to a process group, and whether anybody in it lives |
//! | `proc_fs` | what the system knows about running processes |
//! | `run` | short commands with a time limit |
//! | `checks` | the checks of a healthy program |
//! | `supervisor` | the one long-running program: its handle |
//! | `keeper` | the task that owns it |

mod checks;
mod group;
mod keeper;
mod launch;
mod proc_fs;
mod run;
mod supervisor;

pub use checks::Checks;
pub use group::Group;
pub use launch::{HOME_MARK, Launch, Launcher};
pub use proc_fs::{Leftover, leftovers};
pub use run::{Output, run};
pub use supervisor::{Life, StopPlan, Supervisor};
