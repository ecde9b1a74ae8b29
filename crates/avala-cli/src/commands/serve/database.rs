//! Which database a server uses: the command line, then the environment, then the file in the data directory.

use std::{
    fs::{File, Metadata},
    io::{self, Read as _},
    path::Path,
};

use avala_keys::Secret;
use avala_server::Database;
use url::Url;

use crate::{env, failure::Failure, output::Output};

pub(in crate::commands) fn chosen(
    url: Option<&Secret>,
    file: Option<&Path>,
    out: Output,
) -> Result<Database, Failure> {
    if let Some(url) = url {
        if has_password(url) {
            out.note(
                "Warning: other users of this machine can see the password in --database. Hand the URL over in \
                 AVALA_DATABASE_URL, or in a private file with --database-file.",
            );
        }
        return Ok(Database::Postgres(url.clone()));
    }
    if let Some(path) = file {
        return from_file(path);
    }
    if env::is_set(env::DATABASE_URL) {
        let url = std::env::var(env::DATABASE_URL.name)
            .map_err(|_| Failure::usage(format!("{} is not text.", env::DATABASE_URL.name)))?;
        return Ok(Database::Postgres(url.into()));
    }
    match std::env::var_os(env::DATABASE_URL_FILE.name) {
        Some(path) if !path.is_empty() => from_file(Path::new(&path)),
        _ => Ok(Database::Sqlite),
    }
}

fn from_file(path: &Path) -> Result<Database, Failure> {
    let cannot_read =
        |error: io::Error| Failure::usage(format!("{} cannot be read: {error}.", path.display()));
    let mut file = File::open(path).map_err(cannot_read)?;
    refuse_exposed(path, &file.metadata().map_err(cannot_read)?)?;
    let mut text = String::new();
    file.read_to_string(&mut text).map_err(cannot_read)?;
    Ok(Database::Postgres(Secret::new(text.trim())))
}

/// It holds a password.
#[cfg(unix)]
fn refuse_exposed(path: &Path, found: &Metadata) -> Result<(), Failure> {
    const OTHERS: u32 = 0o077;
    let mode = std::os::unix::fs::PermissionsExt::mode(&found.permissions()) & 0o777;
    // A pipe of the shell is nobody else's, whatever its mode.
    if !found.is_file() || mode & OTHERS == 0 {
        return Ok(());
    }
    let path = path.display();
    Err(Failure::usage(format!(
        "{path} can be reached by other users (mode {mode:o}); run: chmod go-rwx {path}"
    )))
}

#[cfg(not(unix))]
#[allow(clippy::unnecessary_wraps, reason = "the form it has elsewhere")]
fn refuse_exposed(_: &Path, _: &Metadata) -> Result<(), Failure> {
    Ok(())
}

/// The URL itself is checked where it is used.
fn has_password(url: &Secret) -> bool {
    Url::parse(url.expose()).is_ok_and(|url| url.password().is_some())
}
