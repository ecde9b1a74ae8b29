//! Running the real `avala` command, and the examples, with an environment of our own.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};

/// What a command did.
#[derive(Debug)]
pub struct Outcome {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// The built command: where the set-up says, else beside the tests, which cargo does not build with them.
pub(crate) fn program() -> PathBuf {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    if let Some(path) = std::env::var_os("AVALA_TEST_COMMAND") {
        return path.into();
    }
    FOUND
        .get_or_init(|| beside_the_tests("avala", "avala-cli"))
        .clone()
}

/// A program that cargo built of that package, not older than its sources.
fn beside_the_tests(name: &str, package: &str) -> PathBuf {
    let tests = std::env::current_exe().expect("a test knows where it is");
    let folder = tests
        .parent()
        .and_then(|deps| deps.parent())
        .expect("tests stand in target/<profile>/deps");
    let path = folder.join(name);
    let built = |path: &Path| fs::metadata(path).and_then(|file| file.modified());
    // Cargo's own list of what it was made from.
    let sources = fs::read_to_string(path.with_extension("d")).unwrap_or_default();
    let newer = built(&path).ok().and_then(|then| {
        let mut sources = sources.split_whitespace().skip(1);
        sources.find(|source| built(Path::new(source)).is_ok_and(|changed| changed > then))
    });
    assert!(
        path.exists() && newer.is_none(),
        "{} is missing or older than {}: run `cargo build -p {package}` or `cargo xtask test`",
        path.display(),
        newer.unwrap_or("anything")
    );
    path
}

/// The command with nothing in its environment but a home.
pub fn avala(arguments: &[&str]) -> Command {
    bare(program(), arguments)
}

/// An example, likewise.
pub fn example(name: &str, arguments: &[&str]) -> Command {
    bare(beside_the_tests(name, "avala-examples"), arguments)
}

fn bare(program: PathBuf, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
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
