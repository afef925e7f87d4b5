//! What the program prints, in a file that it writes itself: it goes on when the agent does not, and an agent that ends
//! breaks no pipe. The agent keeps the file short.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};
use tracing::{info, warn};

/// How often the file is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// The program's output: `path`, and before that `path` with `.1` added.
#[derive(Debug, Clone)]
pub struct ServiceLog {
    /// Where it is.
    pub path: PathBuf,
    /// The most that both files together keep, in bytes, apart from what is written between two looks.
    pub max_bytes: u64,
}

impl ServiceLog {
    /// A handle that appends, for a program.
    ///
    /// # Errors
    /// Whatever the disk says.
    pub fn open(&self) -> io::Result<File> {
        OpenOptions::new().append(true).create(true).open(&self.path)
    }

    /// Moves what was written into the older file once it is half of what may be kept. Who writes holds the file, so
    /// its content is moved and not its name; all that it writes goes to the end, so it goes on at the beginning.
    ///
    /// # Errors
    /// Whatever the disk says. The file is cut even when the copy failed: a full disk gets room again.
    pub fn rotate(&self) -> io::Result<bool> {
        let length = match std::fs::metadata(&self.path) {
            Err(gone) if gone.kind() == io::ErrorKind::NotFound => return Ok(false),
            other => other?.len(),
        };
        let half = self.max_bytes / 2;
        if length < half {
            return Ok(false);
        }
        let copied = self.copy_end(half);
        OpenOptions::new().write(true).open(&self.path)?.set_len(0)?;
        copied.map(|_| true)
    }

    fn copy_end(&self, bytes: u64) -> io::Result<u64> {
        use std::io::{Read, Seek, SeekFrom};
        let mut from = File::open(&self.path)?;
        let length = from.metadata()?.len();
        from.seek(SeekFrom::Start(length.saturating_sub(bytes)))?;
        let mut to = File::create(self.path.with_added_extension("1"))?;
        io::copy(&mut from.take(bytes), &mut to)
    }

    /// Keeps the files short until dropped.
    pub async fn keep_short(self) {
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            let log = self.clone();
            match tokio::task::spawn_blocking(move || log.rotate()).await {
                Ok(Ok(false)) => {}
                Ok(Ok(true)) => info!(path = %self.path.display(), "The service's output was rotated"),
                Ok(Err(problem)) => {
                    warn!(path = %self.path.display(), %problem, "The service's output was cut");
                }
                Err(problem) => warn!(%problem, "A look at the service's output was lost"),
            }
        }
    }
}
