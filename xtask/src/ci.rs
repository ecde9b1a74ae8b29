//! `cargo xtask ci`: what a change has to pass.

use anyhow::Result;

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

/// The choices of a TLS provider that the library offers; both at once is what a large program may end up with.
const TLS_FEATURES: [&str; 3] = ["ring", "aws-lc", "ring,aws-lc"];

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
    for features in TLS_FEATURES {
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
    // What is in the folder counts, so that the check also works before a commit.
    let mut command = workspace.cargo(["package", "--workspace", "--allow-dirty", "--quiet"]);
    command.args(DEV_PROFILE);
    for name in workspace.unpublished() {
        command.args(["--exclude", name]);
    }
    run_quietly("packages", &mut command)
}
