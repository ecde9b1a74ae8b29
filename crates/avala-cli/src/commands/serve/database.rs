//! Which database a server uses: the command line, then the environment, then the file in the data directory.

use std::{fs, path::Path};

use avala_keys::Secret;
use avala_server::Database;
use url::Url;

use crate::{args, env, failure::Failure, output::Output};

pub(super) fn chosen(args: &args::Serve, out: Output) -> Result<Database, Failure> {
    if let Some(url) = &args.database {
        if has_password(url) {
            out.note(
                "Warning: other users of this machine can see the password in --database. Hand the URL over in \
                 AVALA_DATABASE_URL, or in a private file with --database-file.",
            );
        }
        return Ok(Database::Postgres(url.clone()));
    }
    if let Some(path) = &args.database_file {
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
    let text = fs::read_to_string(path)
        .map_err(|error| Failure::usage(format!("{} cannot be read: {error}.", path.display())))?;
    Ok(Database::Postgres(Secret::new(text.trim())))
}

/// The URL itself is checked where it is used.
fn has_password(url: &Secret) -> bool {
    Url::parse(url.expose()).is_ok_and(|url| url.password().is_some())
}
