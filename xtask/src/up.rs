//! `up` and `down`: a stack that outlives the command that starts it.

use std::fs::File;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use crate::cli::{DownOptions, UpOptions};
use crate::process::{Lifetime, is_ours, stop_group};
use crate::stack::{Stack, StackInfo, StackOptions};
use crate::{paths, stack};

/// Starts a stack and leaves it running.
///
/// # Errors
/// When one of that name runs already, or it does not come up.
pub async fn up(options: UpOptions) -> Result<ExitCode> {
    let _turn = take_turn(&options.name)?;
    if let Some(info) = running(&options.name)? {
        bail!(
            "the stack {0} is up already, at {1}; end it with: cargo xtask down --name {0}",
            info.name,
            info.api_url
        );
    }
    let stack = Stack::start(StackOptions {
        name: options.name,
        lifetime: Lifetime::Detached,
        port: options.port,
        tenant: options.tenant,
        log: options.log,
        ..StackOptions::default()
    });
    let info = stack.await?.release();
    if options.json {
        println!(
            "{}",
            serde_json::to_string_pretty(&info).context("cannot describe the stack")?
        );
    } else {
        print(&info);
    }
    Ok(ExitCode::SUCCESS)
}

/// Stops a stack; one that is not there is fine.
///
/// # Errors
/// When a process does not end or the folder does not go.
pub fn down(options: &DownOptions) -> Result<ExitCode> {
    let _turn = take_turn(&options.name)?;
    let folder = paths::named_stack(&options.name)?;
    let Some(info) = StackInfo::read(&stack::description(&folder))? else {
        paths::remove(&folder)?;
        eprintln!("the stack {} is not up", options.name);
        return Ok(ExitCode::SUCCESS);
    };
    for pid in info.pids {
        if is_ours(pid, &folder) {
            stop_group(pid).with_context(|| format!("cannot stop the stack {}", options.name))?;
        }
    }
    paths::remove(&folder)?;
    eprintln!("the stack {} is down", options.name);
    Ok(ExitCode::SUCCESS)
}

/// The stack of that name, if any of its processes lives.
fn running(name: &str) -> Result<Option<StackInfo>> {
    let folder = paths::named_stack(name)?;
    let info = StackInfo::read(&stack::description(&folder))?;
    Ok(info.filter(|info| info.pids.iter().any(|pid| is_ours(*pid, &folder))))
}

/// Keeps a second `up` or `down` of the same name out for as long as the file is held.
fn take_turn(name: &str) -> Result<File> {
    let path = paths::named_stack(name)?.with_extension("lock");
    if let Some(folder) = path.parent() {
        paths::make_private(folder)?;
    }
    let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(_) => bail!(
            "another command starts or stops the stack {name} at this moment; try again when it is done"
        ),
    }
}

fn print(info: &StackInfo) {
    println!("Sluice is up: {}", info.name);
    println!("  API             {}", info.api_url);
    println!(
        "  AWS endpoint    {} (region {}, any credentials)",
        info.endpoint_url, info.region
    );
    println!("  tokens          POST {}", info.token_url);
    println!("  logs and data   {}", info.run_folder.display());
    println!("  operator token of the tenant {}, valid for a day:", info.tenant);
    println!("{}", info.operator_token);
    println!("  for sluice:");
    // In single quotes: the address has a dollar sign.
    println!(
        "export SLUICE_API_URL='{}' SLUICE_TENANT='{}'",
        info.api_url, info.tenant
    );
    println!("export SLUICE_TOKEN='{}'", info.operator_token);
    println!("End it with: cargo xtask down --name {}", info.name);
}
