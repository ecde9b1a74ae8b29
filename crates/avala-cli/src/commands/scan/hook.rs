//! The hook that searches before each commit.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    path::Path,
};

use super::{git::Repository, shown};
use crate::{failure::Failure, output::Output};

/// What git runs. Without `avala` on the path it fails, and so does the commit: a check that is left out silently
/// is none.
const HOOK: &str = "\
#!/bin/sh
# Refuses a commit that holds an Avala API key. Made by `avala scan --install-hook`.
avala scan --staged || exit $?
";
const LINE: &str = "avala scan --staged";

/// Makes the hook. One that is there already is never touched.
pub(super) fn install(repository: &Repository, out: Output) -> Result<(), Failure> {
    let directory = repository.hooks()?;
    let path = directory.join("pre-commit");
    if fs::symlink_metadata(&path).is_ok() {
        return already_there(&path, out);
    }
    let made = fs::create_dir_all(&directory).and_then(|()| make(&path));
    made.map_err(|error| Failure::usage(format!("{} cannot be made: {error}.", shown(&path))))?;
    out.note(&format!("{} now runs `{LINE}` before each commit.", shown(&path)));
    Ok(())
}

fn make(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o755);
    options.open(path)?.write_all(HOOK.as_bytes())
}

fn already_there(path: &Path, out: Output) -> Result<(), Failure> {
    if fs::read(path).is_ok_and(|hook| hook == HOOK.as_bytes()) {
        out.note(&format!("{} is there already.", shown(path)));
        return Ok(());
    }
    let message = format!("{} is somebody else's hook, and is left as it is.", shown(path));
    Err(Failure::usage(message).hint(format!("Add this line to it: {LINE} || exit $?")))
}
