//! Whether git would publish a file that holds a key.

use std::{
    env::split_paths,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use super::Environment;

/// How long git may take. Nobody waits for a warning.
const LONGEST: Duration = Duration::from_secs(1);
const BETWEEN_LOOKS: Duration = Duration::from_millis(1);

/// What to tell people about the file, if anything. Without a repository or without git there is nothing to tell.
pub(super) fn note(file: &Path, environment: &Environment) -> Option<String> {
    let name = file.file_name()?;
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new(".")).canonicalize().ok()?;
    if !folder.ancestors().any(|above| above.join(".git").exists()) {
        return None;
    }
    let program = find_git(environment)?;
    let by = Instant::now() + LONGEST;
    let ask = |arguments: &[&str]| {
        let mut git = Command::new(&program);
        // Only what it needs to find its own settings; and none of the repository's programs.
        git.env_clear()
            .envs(["PATH", "HOME"].map(|name| (name, environment.text(name).unwrap_or_default())))
            .env("GIT_OPTIONAL_LOCKS", "0")
            .args(["-c", "core.fsmonitor=false"])
            .args(arguments)
            .arg("--")
            .arg(name)
            .current_dir(&folder);
        code(git, by)
    };
    match ask(&["ls-files", "--error-unmatch"])? {
        0 => {
            return Some(format!(
                "{} is tracked by git: whoever can read the repository can read its key",
                file.display()
            ));
        }
        1 => {}
        _ => return None,
    }
    (ask(&["check-ignore", "--quiet"])? == 1).then(|| {
        format!(
            "{} is not ignored by git: add it to .gitignore before its key is committed",
            file.display()
        )
    })
}

/// A program of the search path; a relative entry could be anybody's.
fn find_git(environment: &Environment) -> Option<PathBuf> {
    let name = if cfg!(windows) { "git.exe" } else { "git" };
    split_paths(&environment.text("PATH")?)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(name))
        .find(|program| program.is_file())
}

/// How it ended; `None` if it did not, or not by itself.
fn code(mut command: Command, by: Instant) -> Option<i32> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return status.code(),
            Ok(None) if Instant::now() < by => sleep(BETWEEN_LOOKS),
            _ => {
                // Whether it could be killed changes nothing.
                let _ = child.kill();
                let _ = child.wait();
                return None;
            }
        }
    }
}
