//! Asking git: the one place that starts it. No shell is between, and no path is among its arguments.

use std::{
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use avala_keys::redact;

use super::LARGEST;
use crate::failure::Failure;

/// What is only a link to a commit of another repository.
const SUBMODULE: &str = "160000";

/// The repository whose working tree this directory is in.
pub(super) struct Repository {
    top: PathBuf,
}

/// A file as it is staged.
pub(super) struct Staged {
    pub(super) path: PathBuf,
    pub(super) blob: String,
}

impl Repository {
    pub(super) fn here() -> Result<Self, Failure> {
        let top = answer(&mut git(Path::new("."), &["rev-parse", "--show-toplevel"]))?;
        Ok(Self {
            top: path(line(&top)),
        })
    }

    /// Where hooks are, be it that `core.hooksPath` says so.
    pub(super) fn hooks(&self) -> Result<PathBuf, Failure> {
        let hooks = answer(&mut git(&self.top, &["rev-parse", "--git-path", "hooks"]))?;
        Ok(self.top.join(path(line(&hooks))))
    }

    /// What is added or changed by the next commit. Paths begin at the top of the working tree.
    pub(super) fn staged(&self) -> Result<Vec<Staged>, Failure> {
        let arguments = [
            "diff",
            "--cached",
            "--raw",
            "-z",
            "--no-abbrev",
            "--no-renames",
            "--no-relative",
            "--no-ext-diff",
            "--no-textconv",
            "--ignore-submodules=all",
            "--diff-filter=AMT",
        ];
        let list = answer(&mut git(&self.top, &arguments))?;
        let mut fields = list.split(|byte| *byte == 0);
        let mut staged = Vec::new();
        // `:100644 100644 <old blob> <new blob> M`, then the path as it is.
        while let (Some(change), Some(name)) = (fields.next(), fields.next()) {
            let change = String::from_utf8_lossy(change);
            let mut words = change.split(' ');
            let (mode, blob) = (words.nth(1), words.nth(1));
            let (Some(mode), Some(blob)) = (mode, blob) else {
                return Err(Failure::usage("The answer of git cannot be understood."));
            };
            if mode != SUBMODULE {
                staged.push(Staged {
                    path: path(name),
                    blob: blob.to_owned(),
                });
            }
        }
        Ok(staged)
    }

    /// Begins to read blobs.
    pub(super) fn blobs(&self) -> Result<Blobs, Failure> {
        let mut child = git(&self.top, &["cat-file", "--batch"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| not_started(&error))?;
        let (Some(names), Some(contents)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(Failure::usage("git cannot be talked to."));
        };
        Ok(Blobs {
            child,
            names,
            contents: BufReader::new(contents),
        })
    }
}

/// One `git cat-file` that is asked for one blob after the other.
pub(super) struct Blobs {
    child: Child,
    names: ChildStdin,
    contents: BufReader<ChildStdout>,
}

/// What a blob holds.
pub(super) enum Blob {
    Content(Vec<u8>),
    TooLarge,
}

impl Blobs {
    pub(super) fn read(&mut self, blob: &str) -> Result<Blob, Failure> {
        self.ask(blob)
            .map_err(|error| Failure::usage(format!("A staged file cannot be read from git: {error}.")))
    }

    fn ask(&mut self, blob: &str) -> io::Result<Blob> {
        writeln!(self.names, "{blob}")?;
        self.names.flush()?;
        let mut answer = String::new();
        self.contents.read_line(&mut answer)?;
        // `<blob> blob <size>`, the content, and a line end.
        let size = answer
            .trim_end()
            .strip_prefix(blob)
            .and_then(|rest| rest.strip_prefix(" blob "))
            .and_then(|size| size.parse::<u64>().ok())
            .ok_or_else(|| io::Error::other("it has no such blob"))?;
        let mut content = (&mut self.contents).take(size + 1);
        if size > LARGEST {
            io::copy(&mut content, &mut io::sink())?;
            return Ok(Blob::TooLarge);
        }
        let mut bytes = Vec::new();
        content.read_to_end(&mut bytes)?;
        if bytes.pop() != Some(b'\n') || bytes.len() as u64 != size {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(Blob::Content(bytes))
    }

    /// Ends it, and sees that all went well.
    pub(super) fn end(mut self) -> Result<(), Failure> {
        drop(self.names);
        match self.child.wait() {
            Ok(status) if status.success() => Ok(()),
            _ => Err(Failure::usage("git did not end well, so this is no result.")),
        }
    }
}

fn git(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("git");
    command
        .current_dir(directory)
        // Nothing the repository's settings name is run, and nothing is written.
        .args([
            "--no-optional-locks",
            "--no-replace-objects",
            "-c",
            "core.fsmonitor=false",
        ])
        .args(arguments)
        .env("LC_ALL", "C")
        .stdin(Stdio::null());
    command
}

/// What git answers, or why it does not.
fn answer(command: &mut Command) -> Result<Vec<u8>, Failure> {
    let output = command.output().map_err(|error| not_started(&error))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.lines().next().unwrap_or_default();
    Err(Failure::usage(format!("git says: {}", redact::text(said))))
}

fn not_started(error: &io::Error) -> Failure {
    Failure::usage(format!("git cannot be started: {error}."))
}

/// Without the line end. A path may hold others.
fn line(answer: &[u8]) -> &[u8] {
    answer.strip_suffix(b"\n").unwrap_or(answer)
}

#[cfg(unix)]
fn path(bytes: &[u8]) -> PathBuf {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _};
    OsStr::from_bytes(bytes).into()
}

#[cfg(not(unix))]
fn path(bytes: &[u8]) -> PathBuf {
    String::from_utf8_lossy(bytes).into_owned().into()
}
