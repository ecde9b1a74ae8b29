//! The first key of a server: issued to its first user, kept in a private file, and issued anew when that is lost.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::Path,
    time::{Duration, SystemTime},
};

use avala_api::{Timestamp, users::UserUid};
use avala_keys::KeyId;
use avala_server::{
    AuthorityError, Server,
    keys::{Access, NewKey},
};
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use super::sentence;
use crate::failure::Failure;

/// Who a first key belongs to.
const FIRST_USER: &str = "admin@localhost";

/// A first key is for making others; it must not be forgotten somewhere.
const LIFE: Duration = Duration::from_hours(24);

/// In the data directory: whose the first key is, and which it is. Nothing in it is secret.
const NOTE: &str = "first-key.json";

#[derive(Debug, Serialize, Deserialize)]
struct Note {
    user: UserUid,
    key: KeyId,
}

/// What became of the first key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FirstKey {
    /// Its file was there already.
    Kept,
    /// It was issued.
    Issued,
    /// It was issued anew, and the earlier one revoked.
    Replaced,
}

/// Issues a first key to a new private file. One that is there already was written by an earlier start; an empty one is
/// none.
pub(super) async fn first_key(server: &Server, data_dir: &Path, path: &Path) -> Result<FirstKey, Failure> {
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(cannot_write(path, &error)),
        Ok(there) if there.is_file() && there.len() == 0 => {}
        Ok(_) => return Ok(FirstKey::Kept),
    }
    // Before anything is issued or revoked: the key must have a place to go to.
    let file = PrivateFile::beside(path)?;
    let note_path = data_dir.join(NOTE);
    let note_file = PrivateFile::beside(&note_path)?;

    let (owner, earlier) = match server.users().create(FIRST_USER).await {
        Ok(user) => (user.uid, None),
        Err(AuthorityError::UserExists) => {
            let note = read_note(&note_path)?;
            (note.user, Some(note.key))
        }
        Err(error) => return Err(Failure::local(sentence(&error))),
    };
    let new = NewKey {
        owner: owner.clone(),
        name: "bootstrap".to_owned(),
        access: Access::Full,
        expires_at: Some(Timestamp::from(SystemTime::now() + LIFE)),
    };
    let issued = server
        .keys()
        .issue(new)
        .await
        .map_err(|error| Failure::local(sentence(&error)))?;
    // The earlier key goes before the note forgets it. A new one that does not reach its file is known to nobody.
    if let Some(earlier) = earlier {
        match server.keys().revoke(earlier).await {
            // A key without its row, or with a row that was changed, opens nothing.
            Ok(()) | Err(AuthorityError::NotFound(_) | AuthorityError::Altered) => {}
            Err(error) => return Err(Failure::local(sentence(&error))),
        }
    }
    let note = Note {
        user: owner,
        key: issued.id,
    };
    let note = serde_json::to_string(&note).map_err(io::Error::from)?;
    note_file.keep(&note, &note_path)?;
    file.keep(issued.key.expose(), path)?;
    Ok(match earlier {
        None => FirstKey::Issued,
        Some(_) => FirstKey::Replaced,
    })
}

/// Whether the file of the first key was not removed while the key was good.
pub(super) fn is_forgotten(path: &Path) -> bool {
    let written = fs::metadata(path).and_then(|there| there.modified());
    written.is_ok_and(|written| written.elapsed().is_ok_and(|age| age >= LIFE))
}

fn read_note(path: &Path) -> Result<Note, Failure> {
    let note = fs::read(path)
        .ok()
        .and_then(|text| serde_json::from_slice(&text).ok());
    note.ok_or_else(|| {
        Failure::local(format!(
            "The first key was issued before, and {} does not say to whom.",
            path.display()
        ))
        .hint("Leave out --bootstrap-key-file, or start with an empty data directory.")
    })
}

/// A private file under a passing name, in the directory of the file it becomes. Dropped, it is gone.
struct PrivateFile(NamedTempFile);

impl PrivateFile {
    fn beside(path: &Path) -> Result<Self, Failure> {
        // Only its owner can read a file that is made like this.
        NamedTempFile::new_in(directory(path))
            .map(Self)
            .map_err(|error| cannot_write(path, &error))
    }

    /// Writes a line, down to the disk, and gives the file its name: there is never a part of it to be read.
    fn keep(mut self, line: &str, path: &Path) -> Result<(), Failure> {
        let mut keep = || {
            writeln!(self.0, "{line}")?;
            self.0.as_file().sync_all()
        };
        keep().map_err(|error| cannot_write(path, &error))?;
        self.0
            .persist(path)
            .map_err(|error| cannot_write(path, &error.error))?;
        // A directory can be opened as a file on Unix only.
        if cfg!(unix) {
            File::open(directory(path))
                .and_then(|directory| directory.sync_all())
                .map_err(|error| cannot_write(path, &error))?;
        }
        Ok(())
    }
}

fn directory(path: &Path) -> &Path {
    path.parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

fn cannot_write(path: &Path, error: &io::Error) -> Failure {
    Failure::local(format!("{} cannot be written: {error}", path.display()))
}
