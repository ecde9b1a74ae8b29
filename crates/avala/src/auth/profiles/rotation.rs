//! A rotation of a profile's key that is going on: one at a time, and known of after it was interrupted.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
};

use super::{Profiles, is_name, private};
use crate::Error;

/// The file that a key's id is written to has this before the profile's name.
pub(super) const PREFIX: &str = "rotation-";
/// More is no id.
const LONGEST_ID: u64 = 64;

/// Leave to replace a profile's key. Until it is dropped, nobody else on this machine has it.
#[derive(Debug)]
pub struct Rotation {
    file: File,
    shown: String,
}

impl Profiles {
    /// Begins to replace a profile's key, or goes on with what was interrupted. An error if somebody else is at it.
    pub fn rotation(&self, name: &str) -> Result<Rotation, Error> {
        let profile = self.usable(name)?;
        let folder = self.folder_for_changes()?;
        let path = folder.path().join(format!("{PREFIX}{}", profile.name));
        let shown = path.display().to_string();
        let file = private::open(&path).map_err(|error| failed("opened", &shown, &error))?;
        match file.try_lock() {
            Ok(()) => Ok(Rotation { file, shown }),
            Err(TryLockError::Error(error)) => Err(failed("locked", &shown, &error)),
            Err(TryLockError::WouldBlock) => Err(Error::configuration(format!(
                "The key of the profile {name} is being rotated by somebody else."
            ))
            .with_hint("Wait until they are done, then look whether it still has to be rotated.")),
        }
    }
}

impl Profiles {
    /// Removes the note of a profile that is removed.
    pub(super) fn forget_rotation(&self, name: &str) -> Result<(), Error> {
        let Some(folder) = self.folder.as_ref().filter(|_| is_name(name)) else {
            return Ok(());
        };
        let path = folder.path().join(format!("{PREFIX}{name}"));
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(failed("removed", &path.display().to_string(), &error))
            }
            _ => Ok(()),
        }
    }
}

impl Rotation {
    /// The id of the key that was to be replaced, if a rotation did not come to its end.
    pub fn unfinished(&mut self) -> Result<Option<String>, Error> {
        let mut id = String::new();
        self.file
            .seek(SeekFrom::Start(0))
            .and_then(|_| (&self.file).take(LONGEST_ID).read_to_string(&mut id))
            .map_err(|error| failed("read", &self.shown, &error))?;
        let id = id.trim();
        Ok((!id.is_empty()).then(|| id.to_owned()))
    }

    /// Notes the key that is to be replaced, before anything is asked of the server: whoever comes after an interruption
    /// knows what to end.
    pub fn begin(&mut self, old: &str) -> Result<(), Error> {
        self.write(old)
    }

    /// Everything is done.
    pub fn end(mut self) -> Result<(), Error> {
        self.write("")
    }

    fn write(&mut self, id: &str) -> Result<(), Error> {
        self.file
            .set_len(0)
            .and_then(|()| self.file.seek(SeekFrom::Start(0)))
            .and_then(|_| self.file.write_all(id.as_bytes()))
            .and_then(|()| self.file.sync_all())
            .map_err(|error| failed("written", &self.shown, &error))
    }
}

fn failed(what: &str, shown: &str, error: &io::Error) -> Error {
    Error::configuration(format!("{shown} cannot be {what}: {error}."))
}
