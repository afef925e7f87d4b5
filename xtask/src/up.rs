//! `up` and `down`: a stack that outlives the command that starts it.

use std::fs::File;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use crate::cargo::Workspace;
use crate::cli::{DownOptions, UpOptions};
use crate::ports::Ports;
use crate::process::{Ledger, Run, end_and_remove};
use crate::stack::{Stack, StackInfo, StackOptions};
use crate::{paths, python, stack};

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
    let run = Run::begin_named(&paths::named_stack(&options.name)?)?;
    let mut ports = Ports::reserve()?;
    let stack = Stack::start(
        &run,
        &mut ports,
        StackOptions {
            name: options.name,
            port: options.port,
            endpoint: options.place.endpoint,
            passing: false,
            tenant: options.tenant,
            log: options.log,
            ..StackOptions::default()
        },
    );
    let info = stack.await?.release();
    run.release()?;
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
pub async fn down(options: &DownOptions) -> Result<ExitCode> {
    let _turn = take_turn(&options.name)?;
    let folder = paths::named_stack(&options.name)?;
    if !folder.exists() {
        eprintln!("the stack {} is not up", options.name);
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(info) = StackInfo::read(&stack::description(&folder))?.filter(|info| info.foreign_endpoint) {
        let run = Run::begin()?;
        let (python, workspace) = (python::interpreter(&run).await?, Workspace::locate(&run).await?);
        stack::remove(&python, &workspace.script("deploy.py"), &info)?;
    }
    end_and_remove(&folder).with_context(|| format!("cannot stop the stack {}", options.name))?;
    eprintln!("the stack {} is down", options.name);
    Ok(ExitCode::SUCCESS)
}

/// The stack of that name, if all of its processes live. What is left of another one is ended.
fn running(name: &str) -> Result<Option<StackInfo>> {
    let folder = paths::named_stack(name)?;
    let ledger = Ledger::read(&folder)?;
    if ledger.is_some_and(|ledger| ledger.is_whole().unwrap_or(true)) {
        return StackInfo::read(&stack::description(&folder));
    }
    if end_and_remove(&folder)? > 0 {
        eprintln!("the stack {name} was not whole any more, what was left of it has ended");
    }
    Ok(None)
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
    let whose = if info.foreign_endpoint { "yours" } else { "any" };
    println!(
        "  AWS endpoint    {} (region {}, credentials: {whose})",
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
