//! Reading small files of keys and settings, and only those that nobody else could have written.

use std::{
    fs::{self, File, Metadata},
    io::{self, Read as _},
    path::Path,
};

use avala_api::Secret;
use zeroize::Zeroizing;

use super::ProviderError;

/// A larger file holds no key and no settings.
const GREATEST_SIZE: usize = 64 * 1024;

/// Who else may reach a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Others may write it, too: a file of a project, which everybody who works on it changes.
    Everybody,
    /// Others may read it: a mounted secret.
    OwnerWrites,
    /// Others may read it, and it is ours: settings, which say where keys are sent and what is run.
    WeWrite,
    /// Nobody but us: our own file of secrets.
    WeAlone,
}

/// The text of a file; `Ok(None)` when there is none. Links are followed: that is how secrets are mounted. An error says
/// what the file is or does not allow (`is not a regular file`), and never what is in it.
pub(crate) fn read(path: &Path, reach: Reach) -> Result<Option<Secret>, ProviderError> {
    // Looked at before it is opened: opening a pipe waits for somebody to write into it.
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(&error)),
        Ok(found) => check_file(path, &found, reach)?,
    }
    let file = File::open(path).map_err(|error| unreadable(&error))?;
    // And again what was opened, which may be another one by now.
    let found = file.metadata().map_err(|error| unreadable(&error))?;
    check_file(path, &found, reach)?;
    // Large enough from the start: a buffer that grows leaves what it held behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(GREATEST_SIZE + 64));
    file.take(GREATEST_SIZE as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| unreadable(&error))?;
    if bytes.len() > GREATEST_SIZE {
        return Err(too_large());
    }
    match std::str::from_utf8(&bytes) {
        Ok(text) => Ok(Some(Secret::from(text))),
        Err(_) => Err(ProviderError::new("is not UTF-8")),
    }
}

fn check_file(path: &Path, found: &Metadata, reach: Reach) -> Result<(), ProviderError> {
    if !found.is_file() {
        return Err(ProviderError::new("is not a regular file"));
    }
    if found.len() > GREATEST_SIZE as u64 {
        return Err(too_large());
    }
    check_reach(path, found, reach)
}

fn too_large() -> ProviderError {
    ProviderError::new(format!("is larger than {GREATEST_SIZE} bytes"))
}

fn unreadable(error: &io::Error) -> ProviderError {
    ProviderError::new(format!("cannot be read: {}", error.kind()))
}

/// Refuses a file or folder that others can reach.
#[cfg(unix)]
pub(crate) fn check_reach(path: &Path, found: &Metadata, reach: Reach) -> Result<(), ProviderError> {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    if matches!(reach, Reach::WeWrite | Reach::WeAlone)
        && !is_trusted(found.uid(), rustix::process::geteuid().as_raw())
    {
        return Err(
            ProviderError::new(format!("belongs to another user (number {})", found.uid()))
                .with_hint("Set AVALA_CONFIG_DIR to a directory of your own."),
        );
    }
    let mode = found.permissions().mode() & 0o7777;
    let (forbidden, can, change) = match reach {
        Reach::Everybody => return Ok(()),
        Reach::OwnerWrites | Reach::WeWrite => (0o022, "can be written by others", "go-w"),
        Reach::WeAlone => (0o077, "can be reached by others", "go-rwx"),
    };
    if mode & forbidden == 0 {
        return Ok(());
    }
    Err(ProviderError::new(format!("{can} (mode {mode:04o})"))
        .with_hint(format!("chmod {change} {}", path.display())))
}

/// Whether an owner may decide which programs we run: we ourselves, and root, who can anyway.
#[cfg(unix)]
fn is_trusted(owner: u32, us: u32) -> bool {
    owner == rustix::process::Uid::ROOT.as_raw() || owner == us
}

/// Here a file's mode says nothing about others.
#[cfg(not(unix))]
#[allow(clippy::unnecessary_wraps, reason = "elsewhere it refuses")]
pub(crate) fn check_reach(_path: &Path, _found: &Metadata, _reach: Reach) -> Result<(), ProviderError> {
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn settings_are_ours_or_roots() {
        for (owner, us, is_good) in [
            (1000, 1000, true),
            (0, 1000, true),
            (1000, 0, false),
            (1001, 1000, false),
        ] {
            assert_eq!(is_trusted(owner, us), is_good, "{owner} {us}");
        }
    }
}
