//! What the tests need beside Rust: found, or announced and installed, or named as missing.

use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::postgres::Cluster;
use crate::step;
use crate::workspace::Workspace;

/// Installs packages of the system; refreshes the package lists at most once.
#[derive(Default)]
pub(crate) struct SystemPackages {
    refreshed: Cell<bool>,
}

impl SystemPackages {
    /// Installs one package by `apt-get`, as root or by `sudo`.
    fn install(&self, package: &str, purpose: &str) -> Result<()> {
        if !step::succeeds(Command::new("apt-get").arg("--version")) {
            bail!("`{package}` is missing, and there is no apt-get to install it");
        }
        println!("installing the system package `{package}`: {purpose}");
        if !self.refreshed.replace(true) {
            step::run_quietly("package lists", &mut as_root(&["apt-get", "update"])?)?;
        }
        step::run_quietly(
            &format!("package {package}"),
            &mut as_root(&["apt-get", "install", "--yes", "--no-install-recommends", package])?,
        )
    }
}

/// The system-call tracer.
pub(crate) fn strace(packages: &SystemPackages) -> Result<PathBuf> {
    let strace = PathBuf::from("strace");
    if !step::succeeds(Command::new(&strace).arg("--version")) {
        packages.install("strace", "proves that an acknowledged write was synced to disk")?;
    }
    // Containers may forbid tracing although the program is there.
    if !step::succeeds(Command::new(&strace).args(["-o", "/dev/null", "true"])) {
        bail!("`strace true` fails: this system does not allow tracing");
    }
    Ok(strace)
}

/// The standard Unix password manager, and what it encrypts with.
pub(crate) fn password_store(packages: &SystemPackages) -> Result<PathBuf> {
    let purpose = "one of the programs that a key may come from";
    for (program, package) in [("gpg", "gnupg"), ("pass", "pass")] {
        if !step::succeeds(Command::new(program).arg("--version")) {
            packages.install(package, purpose)?;
        }
    }
    in_search_path("pass").context("`pass` is installed, but not in the search path")
}

/// A keyring of the Secret Service, and a message bus of its own to reach it by.
pub(crate) fn keyring(packages: &SystemPackages) -> Result<PathBuf> {
    let purpose = "keeps keys as a desktop does";
    for (program, package) in [
        ("dbus-run-session", "dbus"),
        ("gnome-keyring-daemon", "gnome-keyring"),
    ] {
        if in_search_path(program).is_none() {
            packages.install(package, purpose)?;
        }
    }
    in_search_path("gnome-keyring-daemon").context("GNOME Keyring is installed, but not in the search path")
}

fn in_search_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

/// A proxy to stand in front of the server. Its package may start a service of its own; the tests use neither that nor
/// its port.
pub(crate) fn proxy(packages: &SystemPackages, name: &str, version: &str) -> Result<PathBuf> {
    // Programs of the administrator are not in everybody's search path. The tests get a whole path: they run it with an
    // empty environment.
    let found = || {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path)
            .chain(["/usr/sbin".into()])
            .map(|folder| folder.join(name))
            .find(|program| step::succeeds(Command::new(program).arg(version)))
    };
    if let Some(program) = found() {
        return Ok(program);
    }
    packages.install(name, "stands in front of the server, as at many sites")?;
    found().with_context(|| format!("`{name} {version}` fails"))
}

/// A PostgreSQL cluster of our own.
pub(crate) fn postgres(packages: &SystemPackages) -> Result<Cluster> {
    let bin = if let Some(bin) = postgres_programs() {
        bin
    } else {
        packages.install("postgresql", "the stories of the server are told on it, too")?;
        postgres_programs().context("`postgresql` is installed, but there is no `initdb`")?
    };
    Cluster::start(&bin, is_root()?)
}

/// The folder of `initdb` and `postgres`; Debian keeps it out of the search path.
fn postgres_programs() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let mut packaged: Vec<PathBuf> = versions
        .filter_map(|version| Some(version.ok()?.path().join("bin")))
        .collect();
    packaged.sort();
    packaged.reverse();
    packaged
        .into_iter()
        .chain(std::env::split_paths(&path))
        .find(|bin| bin.join("initdb").exists() && bin.join("postgres").exists())
}

fn is_root() -> Result<bool> {
    let answer = Command::new("id")
        .arg("-u")
        .output()
        .context("`id -u` could not be started")?;
    Ok(answer.stdout.trim_ascii() == b"0")
}

/// The interpreter of a virtual environment with the official Python clients in the pinned versions.
pub(crate) fn official_clients(workspace: &Workspace, packages: &SystemPackages) -> Result<PathBuf> {
    let clients = Environment {
        name: "official",
        what: "the official clients",
        purpose: "they judge our server",
        pins: "tests/official/requirements.txt",
        modules: "avala, avala_agents",
    };
    clients.interpreter(workspace, packages)
}

/// The interpreter of a virtual environment with the server's peer in the pinned versions.
pub(crate) fn peer_of_the_server(workspace: &Workspace, packages: &SystemPackages) -> Result<PathBuf> {
    let peer = Environment {
        name: "drf",
        what: "Django REST Framework",
        purpose: "our server is measured against it",
        pins: "crates/avala-bench/peers/drf/requirements.txt",
        modules: "django, rest_framework, rest_framework_api_key, gunicorn",
    };
    peer.interpreter(workspace, packages)
}

/// A virtual environment of Python.
struct Environment {
    name: &'static str,
    what: &'static str,
    purpose: &'static str,
    /// The file of the pinned versions.
    pins: &'static str,
    /// What must be importable.
    modules: &'static str,
}

impl Environment {
    fn interpreter(&self, workspace: &Workspace, packages: &SystemPackages) -> Result<PathBuf> {
        let pins = workspace.root.join(self.pins);
        let wanted = fs::read(&pins).with_context(|| format!("reading {}", pins.display()))?;
        let home = workspace.target.join(format!("{}-venv", self.name));
        let python = home.join("bin/python");
        let installed = home.join("installed.txt");

        let up_to_date = fs::read(&installed).is_ok_and(|found| found == wanted);
        // The environment breaks when the interpreter it was made from goes away.
        let import = format!("import {}", self.modules);
        if up_to_date && step::succeeds(Command::new(&python).args(["-c", &import])) {
            return Ok(python);
        }
        println!("installing {} in {}: {}", self.what, home.display(), self.purpose);
        create_environment(&home, packages)?;
        step::run_quietly(
            self.what,
            Command::new(&python)
                .args([
                    "-m",
                    "pip",
                    "install",
                    "--quiet",
                    "--disable-pip-version-check",
                    "--requirement",
                ])
                .arg(&pins),
        )?;
        // Last, so that an interrupted installation is done again.
        fs::write(&installed, wanted).with_context(|| format!("writing {}", installed.display()))?;
        Ok(python)
    }
}

fn create_environment(home: &Path, packages: &SystemPackages) -> Result<()> {
    if !step::succeeds(Command::new("python3").arg("--version")) {
        packages.install("python3", "runs what is written in Python")?;
    }
    let mut create = Command::new("python3");
    create.args(["-m", "venv", "--clear"]).arg(home);
    if !step::succeeds(&mut create) {
        // Debian ships Python without this part.
        packages.install("python3-venv", "makes virtual environments")?;
        step::run_quietly("virtual environment", &mut create)?;
    }
    Ok(())
}

fn as_root(words: &[&str]) -> Result<Command> {
    let mut command = if is_root()? {
        let mut command = Command::new("env");
        command.arg("DEBIAN_FRONTEND=noninteractive");
        command
    } else if step::succeeds(Command::new("sudo").arg("--version")) {
        let mut command = Command::new("sudo");
        command.args(["env", "DEBIAN_FRONTEND=noninteractive"]);
        command
    } else {
        bail!("installing needs root or sudo");
    };
    command.args(words);
    Ok(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_answers_and_leaves_no_folder_behind() {
        let Some(bin) = postgres_programs() else {
            return;
        };
        let cluster = Cluster::start(&bin, is_root().unwrap()).unwrap();
        let folder = cluster.folder.clone();
        assert!(step::succeeds(
            Command::new(bin.join("psql"))
                .arg(&cluster.url)
                .args(["-c", "CREATE DATABASE story"])
        ));
        drop(cluster);
        assert!(!folder.exists());
    }
}
