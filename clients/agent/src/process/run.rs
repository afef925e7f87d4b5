//! Short commands with a time limit.

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::Signal;
use tokio::io::{AsyncRead, AsyncReadExt};

use super::group::{Group, KillOnDrop};
use super::launch::Launch;

/// The most of a command's output that is kept, in bytes of each stream.
const MAX_OUTPUT: u64 = 64 << 10;

/// What a command printed before it succeeded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Its standard output, at most 64 KiB.
    pub text: String,
}

/// Runs a command to its end, then ends whatever it left in its group.
///
/// # Errors
/// One sentence when it cannot be started, fails, or is not done after `limit`; it is killed then.
pub async fn run(launch: &Launch, limit: Duration) -> Result<Output, String> {
    let name = launch.arguments.first().map_or("", String::as_str);
    let mut child = launch
        .command()
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| format!("{name} cannot be started: {e}"))?;
    let group = child.id().and_then(Group::led_by);
    let _guard = KillOnDrop(group);
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let whole = async {
        let ended = async {
            let status = child.wait().await;
            // Otherwise a straggler that holds the output open would be waited for.
            if let Some(group) = group {
                group.signal(Signal::SIGKILL);
            }
            status
        };
        tokio::join!(ended, read(out), read(err))
    };
    match tokio::time::timeout(limit, whole).await {
        Err(_) => Err(format!("{name} was not done after {} ms", limit.as_millis())),
        Ok((Err(problem), ..)) => Err(format!("{name} was lost: {problem}")),
        Ok((Ok(status), text, _)) if status.success() => Ok(Output { text }),
        Ok((Ok(status), text, errors)) => Err(failed(name, status, &text, &errors)),
    }
}

fn failed(name: &str, status: ExitStatus, text: &str, errors: &str) -> String {
    let said = if errors.trim().is_empty() { text } else { errors };
    let last = said.trim().lines().next_back().unwrap_or("nothing");
    format!("{name} ended with {status}, its last line: {last}")
}

async fn read(stream: Option<impl AsyncRead + Unpin>) -> String {
    let Some(mut stream) = stream else {
        return String::new();
    };
    let mut kept = Vec::new();
    // What cannot be read counts as not printed: the exit status decides.
    if (&mut stream)
        .take(MAX_OUTPUT)
        .read_to_end(&mut kept)
        .await
        .is_ok()
    {
        let rest = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
        rest.map_or_else(
            |problem| tracing::debug!(%problem, "The rest of an output was lost"),
            |_| (),
        );
    }
    String::from_utf8_lossy(&kept).into_owned()
}
