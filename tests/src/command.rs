//! Running the real `avala` command with an environment of our own.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

/// What a command did.
#[derive(Debug)]
pub struct Outcome {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// The built command: where the set-up says, else beside the tests.
pub(crate) fn program() -> PathBuf {
    if let Some(path) = std::env::var_os("AVALA_TEST_COMMAND") {
        return path.into();
    }
    let tests = std::env::current_exe().expect("a test knows where it is");
    let folder = tests
        .parent()
        .and_then(|deps| deps.parent())
        .expect("tests stand in target/<profile>/deps");
    let path = folder.join("avala");
    assert!(
        path.exists(),
        "{} is missing: run `cargo build -p avala-cli` or `cargo xtask test`",
        path.display()
    );
    path
}

/// The command with nothing in its environment but a home.
pub fn avala(arguments: &[&str]) -> Command {
    let mut command = Command::new(program());
    command
        .args(arguments)
        .env_clear()
        .env("HOME", std::env::temp_dir())
        .stdin(Stdio::null());
    command
}

/// Runs a command to its end.
pub fn run(command: &mut Command) -> Outcome {
    let output = command.output().expect("the command runs");
    Outcome {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}
