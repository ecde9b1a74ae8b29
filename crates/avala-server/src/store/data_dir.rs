//! The data directory: private files, and one server at a time.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use crate::{error::StartError, keys::PepperId};

/// The directory that holds everything the server keeps.
#[derive(Clone, Debug)]
pub(crate) struct DataDir(PathBuf);

impl DataDir {
    /// Makes the directory if it is missing; refuses it if other users can reach it.
    pub(crate) fn make(path: &Path) -> Result<Self, StartError> {
        let is_new = !path.exists();
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder
            .create(path)
            .map_err(|error| file_error("make", path, error))?;
        let dir = Self::existing(path)?;
        if is_new {
            // Often made inside of a working copy: nothing in here belongs into a repository.
            let ignored = path.join(".gitignore");
            write_private(&ignored, b"*\n").map_err(|error| file_error("write", &ignored, error))?;
        }
        Ok(dir)
    }

    /// The directory as it is; refused if other users can reach it.
    pub(crate) fn existing(path: &Path) -> Result<Self, StartError> {
        refuse_exposed(path)?;
        Ok(Self(path.to_owned()))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.0.join("avala.sqlite3")
    }

    pub(crate) fn pepper(&self, id: PepperId) -> PathBuf {
        self.0.join(match id {
            PepperId::FIRST => "pepper".to_owned(),
            later => format!("pepper.{later}"),
        })
    }

    /// Whether any pepper lies here that belongs to a database.
    pub(crate) fn has_pepper(&self) -> Result<bool, StartError> {
        let failed = |error| file_error("read", &self.0, error);
        for entry in fs::read_dir(&self.0).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            let rest = name.to_str().and_then(|name| name.strip_prefix("pepper"));
            let number = rest.map(|rest| rest.strip_prefix('.').unwrap_or(rest));
            if number.is_some_and(|number| number.bytes().all(|digit| digit.is_ascii_digit())) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The pepper until the database that belongs to it is complete.
    pub(crate) fn new_pepper(&self) -> PathBuf {
        self.0.join("pepper.new")
    }

    pub(crate) fn dev_key(&self) -> PathBuf {
        self.0.join("dev-key")
    }

    /// Where the files of exports are, made if it is missing.
    pub(crate) fn make_exports(&self) -> io::Result<PathBuf> {
        let path = self.exports();
        let is_new = !path.exists();
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&path)?;
        if is_new {
            self.sync().map_err(io::Error::other)?;
        }
        Ok(path)
    }

    /// Removes what killed processes left of exports. Only for who holds the lock: then nobody is writing one.
    pub(crate) fn clear_exports(&self) -> io::Result<()> {
        let entries = match fs::read_dir(self.exports()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries?,
        };
        for entry in entries {
            let path = entry?.path();
            if path
                .extension()
                .is_some_and(|extension| extension == "unfinished")
            {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }

    pub(crate) fn exports(&self) -> PathBuf {
        self.0.join("exports")
    }

    /// Takes the lock of the serving process. It is held as long as the file is open, and ends with the process.
    pub(crate) fn lock(&self) -> Result<File, StartError> {
        let path = self.0.join("lock");
        let file = private_file(&path).map_err(|error| file_error("open", &path, error))?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => Err(StartError::AlreadyServing(self.0.clone())),
            Err(TryLockError::Error(error)) => Err(file_error("lock", &path, error)),
        }
    }

    /// Makes a directory entry survive a power cut.
    pub(crate) fn sync(&self) -> Result<(), StartError> {
        #[cfg(unix)]
        File::open(&self.0)
            .and_then(|dir| dir.sync_all())
            .map_err(|error| file_error("sync", &self.0, error))?;
        Ok(())
    }
}

/// Opens or makes a file that only its owner can read.
pub(crate) fn private_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Writes a private file so that it is either whole or absent.
pub(crate) fn write_private(path: &Path, content: &[u8]) -> io::Result<()> {
    let unfinished = path.with_extension("unfinished");
    let mut file = private_file(&unfinished)?;
    file.set_len(0)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&unfinished, path)
}

/// Reads a private file; `None` if there is none.
pub(crate) fn read_private(path: &Path) -> Result<Option<Vec<u8>>, StartError> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_symlink() => return Err(StartError::Link(path.to_owned())),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(file_error("read", path, error)),
    }
    refuse_exposed(path)?;
    let mut file = File::open(path).map_err(|error| file_error("read", path, error))?;
    let mut content = Vec::new();
    file.read_to_end(&mut content)
        .map_err(|error| file_error("read", path, error))?;
    Ok(Some(content))
}

/// Refuses what other users can reach, or own.
#[cfg(unix)]
pub(crate) fn refuse_exposed(path: &Path) -> Result<(), StartError> {
    use std::os::unix::fs::MetadataExt;
    let found = fs::metadata(path).map_err(|error| file_error("read", path, error))?;
    let process = rustix::process::geteuid().as_raw();
    if found.uid() != process {
        return Err(StartError::ForeignOwner {
            path: path.to_owned(),
            owner: found.uid(),
            process,
        });
    }
    let mode = found.mode() & 0o777;
    // The six bits of group and others.
    if mode.trailing_zeros() >= 6 {
        Ok(())
    } else {
        Err(StartError::Exposed {
            path: path.to_owned(),
            mode,
        })
    }
}

#[cfg(not(unix))]
pub(crate) fn refuse_exposed(path: &Path) -> Result<(), StartError> {
    fs::metadata(path)
        .map(drop)
        .map_err(|error| file_error("read", path, error))
}

pub(crate) fn file_error(doing: &'static str, path: &Path, error: io::Error) -> StartError {
    StartError::File {
        doing,
        path: path.to_owned(),
        error,
    }
}
