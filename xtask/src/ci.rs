//! `cargo xtask ci`: what a change has to pass.

use std::path::{Path, PathBuf};
use std::{env, fs};

use anyhow::{Context as _, Result};

use crate::step::run_quietly;
use crate::test;
use crate::workspace::Workspace;

/// The development profile of the root manifest. Packages are verified outside the workspace, where that
/// profile is unknown: without these settings every dependency would be built a second time.
const DEV_PROFILE: [&str; 6] = [
    "--config",
    "profile.dev.debug='line-tables-only'",
    "--config",
    "profile.dev.package.'*'.debug=false",
    "--config",
    "profile.dev.package.'*'.opt-level=1",
];

/// The choices that the library offers, each alone: the provider of TLS, where both at once is what a large program may end
/// up with, and whatever else there is, each with one of them.
const FEATURES: [&str; 9] = [
    "ring",
    "ring,http2",
    "ring,edit-profiles",
    "ring,keychain",
    "ring,measure",
    "ring,gcp",
    "ring,aws-lc",
    "aws-lc",
    "aws-lc,aws",
];
/// All at once, the default ones among them, and the examples that need them.
const ALL_FEATURES: &str = "avala/aws-lc,avala/edit-profiles,avala/measure,avala-examples/aws,avala-examples/gcp,avala-examples/keychain";

/// Cheapest first, so that a slip is found early; the tests are last.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    run_quietly("format", &mut workspace.cargo(["fmt", "--all", "--check"]))?;
    run_quietly(
        "lints",
        &mut workspace.cargo(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]),
    )?;
    run_quietly(
        "docs",
        workspace
            .cargo(["doc", "--workspace", "--no-deps"])
            .env("RUSTDOCFLAGS", "-D warnings"),
    )?;
    run_quietly(
        "lints with all features",
        &mut workspace.cargo([
            "clippy",
            "--package",
            "avala",
            "--package",
            "avala-examples",
            "--all-targets",
            "--features",
            ALL_FEATURES,
            "--",
            "-D",
            "warnings",
        ]),
    )?;
    for features in FEATURES {
        run_quietly(
            &format!("library with {features}"),
            &mut workspace.cargo([
                "check",
                "--package",
                "avala",
                "--no-default-features",
                "--features",
                features,
            ]),
        )?;
    }
    packages(workspace)?;
    test::run(workspace, &[])
}

/// Packs every published package and builds it from its archive, against the archives of the others.
fn packages(workspace: &Workspace) -> Result<()> {
    forget_unpacked(workspace)?;
    // What is in the folder counts, so that the check also works before a commit.
    let mut command = workspace.cargo(["package", "--workspace", "--allow-dirty", "--quiet"]);
    command.args(DEV_PROFILE);
    for name in workspace.unpublished() {
        command.args(["--exclude", name]);
    }
    let outcome = run_quietly("packages", &mut command);
    forget_unpacked(workspace)?;
    outcome
}

/// Removes what cargo unpacked of our archives in its home, and what it built from that. It goes by name and version:
/// another check in the same folder would be given the sources of the one before.
fn forget_unpacked(workspace: &Workspace) -> Result<()> {
    let Some(home) = env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(env::home_dir()?.join(".cargo")))
    else {
        return Ok(());
    };
    let sources = home.join("registry/src");
    // A registry in a folder has no host before the hyphen.
    forget_built(
        &workspace.target.join("debug"),
        &sources.join("-").display().to_string(),
    )?;
    let Ok(registries) = fs::read_dir(sources) else {
        return Ok(());
    };
    for registry in registries.flatten() {
        if !registry.file_name().as_encoded_bytes().starts_with(b"-") {
            continue;
        }
        for package in workspace.packages() {
            let unpacked = registry.path().join(package);
            if unpacked.exists() {
                fs::remove_dir_all(&unpacked).with_context(|| format!("removing {}", unpacked.display()))?;
            }
        }
        // Empty now, unless it holds somebody else's.
        let _kept = fs::remove_dir(registry.path());
    }
    Ok(())
}

/// Makes cargo build anew what it built from there: each crate has a list of its sources, and a folder of the same name
/// that says it is fresh.
fn forget_built(profile: &Path, sources: &str) -> Result<()> {
    let Ok(crates) = fs::read_dir(profile.join("deps")) else {
        return Ok(());
    };
    for list in crates.flatten().map(|entry| entry.path()) {
        if list.extension().is_none_or(|extension| extension != "d")
            || !fs::read_to_string(&list)?.contains(sources)
        {
            continue;
        }
        let name = list
            .file_stem()
            .map(|stem| stem.to_string_lossy().replace('_', "-"));
        let fresh = profile.join(".fingerprint").join(name.unwrap_or_default());
        if fresh.exists() {
            fs::remove_dir_all(&fresh).with_context(|| format!("removing {}", fresh.display()))?;
        }
    }
    Ok(())
}
