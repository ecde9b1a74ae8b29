//! What cargo says about this workspace: where it is, where it builds, what it publishes.

use std::env;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// The workspace that this task works on.
pub(crate) struct Workspace {
    /// Folder of the root manifest.
    pub(crate) root: PathBuf,
    /// Where cargo builds.
    pub(crate) target: PathBuf,
    metadata: Value,
}

impl Workspace {
    /// Asks cargo; fails when `Cargo.lock` is missing or out of date under `CI=true`.
    pub(crate) fn find() -> Result<Self> {
        let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.args(["metadata", "--format-version", "1", "--no-deps"]);
        if in_ci() {
            command.arg("--locked");
        }
        let answer = command
            .output()
            .context("`cargo metadata` could not be started")?;
        if !answer.status.success() {
            bail!(
                "`cargo metadata` failed:\n{}",
                String::from_utf8_lossy(&answer.stderr)
            );
        }
        let metadata: Value = serde_json::from_slice(&answer.stdout).context("reading `cargo metadata`")?;
        Ok(Self {
            root: folder(&metadata, "workspace_root")?,
            target: folder(&metadata, "target_directory")?,
            metadata,
        })
    }

    /// A cargo command in the root of the workspace.
    pub(crate) fn cargo<I: IntoIterator<Item: AsRef<std::ffi::OsStr>>>(&self, arguments: I) -> Command {
        let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.current_dir(&self.root).args(arguments);
        command
    }

    /// Name and version of each package, as in `avala-0.1.0`.
    pub(crate) fn packages(&self) -> Vec<String> {
        let packages = self.metadata["packages"].as_array();
        packages
            .into_iter()
            .flatten()
            .filter_map(|package| {
                Some(format!(
                    "{}-{}",
                    package["name"].as_str()?,
                    package["version"].as_str()?
                ))
            })
            .collect()
    }

    /// Names of the packages that are never published.
    pub(crate) fn unpublished(&self) -> Vec<&str> {
        let packages = self.metadata["packages"].as_array();
        packages
            .into_iter()
            .flatten()
            .filter(|package| package["publish"].as_array().is_some_and(Vec::is_empty))
            .filter_map(|package| package["name"].as_str())
            .collect()
    }
}

/// Whether a missing prerequisite is a failure.
pub(crate) fn in_ci() -> bool {
    env::var_os("CI").is_some_and(|value| value == "true" || value == "1")
}

fn folder(metadata: &Value, field: &str) -> Result<PathBuf> {
    let text = metadata[field]
        .as_str()
        .with_context(|| format!("`cargo metadata` has no `{field}`"))?;
    Ok(PathBuf::from(text))
}
