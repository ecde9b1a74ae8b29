//! A new private file for a key that is shown once.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use avala_keys::Secret;

use crate::failure::Failure;

/// A new private file that disappears again unless a key is kept in it.
pub(crate) struct KeyFile {
    path: PathBuf,
    file: File,
    kept: bool,
}

impl KeyFile {
    /// Makes the file. One that is there already is never touched.
    pub(crate) fn create(path: &Path) -> Result<Self, Failure> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => Failure::usage(format!(
                "{} is there already, and a key file is never overwritten.",
                path.display()
            )),
            _ => Failure::local(format!("{} cannot be made: {error}", path.display())),
        })?;
        Ok(Self {
            path: path.to_owned(),
            file,
            kept: false,
        })
    }

    /// Writes the key, down to the disk.
    pub(crate) fn keep(mut self, key: &Secret) -> Result<(), Failure> {
        self.file.write_all(key.expose().as_bytes())?;
        self.file.write_all(b"\n")?;
        self.file.sync_all()?;
        self.kept = true;
        Ok(())
    }
}

impl Drop for KeyFile {
    fn drop(&mut self) {
        if !self.kept {
            // It is ours and empty; if it cannot be removed, nothing is lost.
            let _left_behind = fs::remove_file(&self.path);
        }
    }
}
