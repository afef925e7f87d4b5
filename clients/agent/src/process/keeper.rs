//! The task that owns the program.

use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::Signal;
use tokio::process::Child;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout_at};
use tracing::{debug, error, info, warn};

use super::group::Group;
use super::launch::Launch;
use super::proc_fs::{Leftover, stat};
use super::run::run;
use super::supervisor::{Life, Request, StopPlan};

/// Shortest and longest pause before a program that ended is started again.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));

/// A program that ran this long has earned the shortest pause again.
const STEADY: Duration = Duration::from_secs(60);

/// How long the system has to carry out SIGKILL.
const KILL: Duration = Duration::from_secs(5);

/// How often a program is looked at that is not this process's child.
const LOOK: Duration = Duration::from_millis(250);

struct Process {
    /// None for a program that an earlier run has started.
    child: Option<Child>,
    group: Group,
    started_ticks: u64,
    since: Instant,
}

impl Process {
    async fn ended(&mut self) -> String {
        if let Some(child) = &mut self.child {
            return child
                .wait()
                .await
                .map_or_else(|e| format!("lost: {e}"), |s| s.to_string());
        }
        let pid = self.group.0.as_raw();
        while stat(pid).is_some_and(|s| s.alive && s.started_ticks == self.started_ticks) {
            sleep(LOOK).await;
        }
        "an unknown status (it was started by an earlier run)".to_owned()
    }
}

/// Owns the program.
pub(super) struct Keeper {
    process: Option<Process>,
    kept: Option<Launch>,
    restart_at: Option<Instant>,
    pause: Duration,
    life: watch::Sender<Life>,
}

impl Keeper {
    /// With a program of an earlier run, when there is one. Also gives what is known about the program.
    pub(super) fn new(adopted: Option<&Leftover>) -> (Self, watch::Receiver<Life>) {
        let process = adopted.map(|l| Process {
            child: None,
            group: Group(l.group),
            started_ticks: l.started_ticks,
            since: Instant::now(),
        });
        let (life, seen) = watch::channel(if process.is_some() {
            Life::Alive
        } else {
            Life::Stopped
        });
        (
            Self {
                process,
                kept: None,
                restart_at: None,
                pause: BACK_OFF.0,
                life,
            },
            seen,
        )
    }

    /// Does what is asked and starts the program again, until nobody can ask any more.
    pub(super) async fn serve(mut self, mut inbox: mpsc::Receiver<Request>) {
        loop {
            let process = &mut self.process;
            let ended = async {
                match process {
                    Some(process) => process.ended().await,
                    None => std::future::pending().await,
                }
            };
            let restart_at = self.restart_at;
            let due = async {
                match restart_at {
                    Some(at) => sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                request = inbox.recv() => match request {
                    Some(request) => self.obey(request).await,
                    None => return,
                },
                how = ended => self.note_end(how).await,
                () = due => self.restart(),
            }
        }
    }

    async fn obey(&mut self, request: Request) {
        match request {
            Request::Start(launch, reply) => {
                (self.kept, self.restart_at) = (None, None);
                answer(reply, self.start(&launch));
            }
            Request::Stop(plan, reply) => answer(reply, self.stop(plan).await),
            Request::Keep(launch, reply) => {
                self.restart_at = self.process.is_none().then(Instant::now);
                self.kept = Some(launch);
                answer(reply, ());
            }
        }
    }

    fn start(&mut self, launch: &Launch) -> Result<(), String> {
        if self.process.is_some() {
            return Err("another program still runs".to_owned());
        }
        let name = launch.arguments.first().map_or("", String::as_str);
        let mut command = launch.command();
        if let Some(log) = &launch.log {
            match log.open().and_then(|out| Ok((out.try_clone()?, out))) {
                Ok((out, err)) => command.stdout(out).stderr(err),
                Err(problem) => {
                    // A program without a log is better than none, as on a full disk.
                    warn!(path = %log.path.display(), %problem, "The program's output is lost");
                    command.stdout(Stdio::null()).stderr(Stdio::null())
                }
            };
        }
        let child = command
            .spawn()
            .map_err(|e| format!("{name} cannot be started: {e}"))?;
        let pid = child.id().unwrap_or_default();
        let group = Group::led_by(pid).ok_or_else(|| format!("{name} ended at once"))?;
        info!(program = name, pid, folder = %launch.folder.display(), "The program was started");
        self.process = Some(Process {
            child: Some(child),
            group,
            started_ticks: 0,
            since: Instant::now(),
        });
        self.life.send_replace(Life::Alive);
        Ok(())
    }

    fn restart(&mut self) {
        self.restart_at = None;
        let Some(launch) = self.kept.clone() else { return };
        if let Err(problem) = self.start(&launch) {
            error!(
                problem,
                pause_ms = self.pause.as_millis(),
                "The program cannot be started again"
            );
            self.life.send_replace(Life::Ended(problem));
            self.plan_restart();
        }
    }

    async fn note_end(&mut self, how: String) {
        let Some(process) = self.process.take() else {
            return;
        };
        // What it has started does not outlive it: the next start would meet it.
        process.group.signal(Signal::SIGKILL);
        if !process.group.gone_by(Instant::now() + KILL).await {
            error!(
                group = process.group.0.as_raw(),
                "Processes of an ended program cannot be killed"
            );
        }
        if process.since.elapsed() >= STEADY {
            self.pause = BACK_OFF.0;
        }
        let restart = self.kept.is_some();
        warn!(
            how,
            restart,
            ran_ms = process.since.elapsed().as_millis(),
            "The program ended by itself"
        );
        self.life.send_replace(Life::Ended(how));
        if restart {
            self.plan_restart();
        }
    }

    fn plan_restart(&mut self) {
        self.restart_at = Some(Instant::now() + self.pause);
        self.pause = (self.pause * 2).min(BACK_OFF.1);
    }

    async fn stop(&mut self, plan: StopPlan) -> Result<(), String> {
        (self.kept, self.restart_at, self.pause) = (None, None, BACK_OFF.0);
        let Some(process) = &mut self.process else {
            self.life.send_replace(Life::Stopped);
            return Ok(());
        };
        let (group, deadline) = (process.group, Instant::now() + plan.limit);
        if !asked_by_command(plan).await {
            group.signal(Signal::SIGTERM);
        }
        let left = timeout_at(deadline, process.ended()).await.is_ok() && group.gone_by(deadline).await;
        if !left {
            warn!(
                group = group.0.as_raw(),
                "The program did not end in time and is killed"
            );
            group.signal(Signal::SIGKILL);
            let last = Instant::now() + KILL;
            let collected = timeout_at(last, process.ended()).await.is_ok();
            if !collected || !group.gone_by(last).await {
                return Err(format!("process group {} outlives SIGKILL", group.0));
            }
        }
        self.process = None;
        self.life.send_replace(Life::Stopped);
        Ok(())
    }
}

/// A caller who has given up does not need the answer.
fn answer<T>(reply: oneshot::Sender<T>, value: T) {
    if reply.send(value).is_err() {
        debug!("Nobody waits for the supervisor's answer any more");
    }
}

/// Whether the configured command, if any, has asked the program to end.
async fn asked_by_command(plan: StopPlan) -> bool {
    let Some(command) = plan.command else { return false };
    match run(&command, plan.limit).await {
        Ok(_) => true,
        Err(problem) => {
            warn!(problem, "The stop command failed; the program gets SIGTERM");
            false
        }
    }
}
