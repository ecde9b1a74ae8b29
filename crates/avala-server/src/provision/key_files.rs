//! The private files that declared keys are in.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use avala_keys::{ApiKey, Secret};
use tempfile::NamedTempFile;

use super::problem;
use crate::store::data_dir::read_private;

/// A key that goes to a file.
pub(super) struct NewFile {
    pub(super) path: PathBuf,
    pub(super) key: Secret,
}

/// The key in a file, if there is a file.
pub(super) fn read(path: &Path) -> Result<Option<ApiKey>, String> {
    let content = read_private(path).map_err(|error| problem(&error))?;
    let key = content.map(|content| ApiKey::parse(content.trim_ascii()));
    key.transpose()
        .map_err(|_| format!("the file {} holds no well-formed key", path.display()))
}

/// Makes all files, or none, and tells which. One that is there is never written to.
pub(super) fn write(files: Vec<NewFile>) -> io::Result<Vec<PathBuf>> {
    let mut made: Vec<PathBuf> = Vec::new();
    for NewFile { path, key } in files {
        if let Err(error) = make(&path, &key) {
            take_back(&made);
            return Err(io::Error::new(
                error.kind(),
                format!("the file {} cannot be made: {error}", path.display()),
            ));
        }
        made.push(path);
    }
    Ok(made)
}

/// Removes files whose keys were not made after all. Left behind, they would be adopted.
pub(super) fn take_back(made: &[PathBuf]) {
    for path in made {
        if let Err(error) = fs::remove_file(path) {
            tracing::warn!(%error, file = %path.display(), "cannot remove the file of a key that was not made");
        }
    }
}

fn make(path: &Path, key: &Secret) -> io::Result<()> {
    let dir = path
        .parent()
        .filter(|dir| !dir.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    // Only its owner can read a file that is made like this.
    let mut file = NamedTempFile::new_in(dir)?;
    writeln!(file, "{}", key.expose())?;
    file.as_file().sync_all()?;
    file.persist_noclobber(path).map_err(|error| error.error)?;
    // A directory can be opened as a file on Unix only.
    let synced = if cfg!(unix) {
        File::open(dir).and_then(|dir| dir.sync_all())
    } else {
        Ok(())
    };
    synced.inspect_err(|_| take_back(&[path.to_owned()]))
}
