//! Files that nobody else can reach, and the directory that holds them: made, closed to others, written whole.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use super::rotation::PREFIX;

/// What belongs in the directory, beside the rotations that go on.
const OURS: [&str; 3] = ["config.toml", "credentials.toml", "lock"];
/// How a file ends that is not whole yet.
const UNFINISHED: &str = ".unfinished";

/// Makes a directory that nobody else can look into, or makes one so that holds nothing else: the home directory of a
/// service, or a project, is not ours to close.
pub(super) fn folder(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)?;
    if is_open(path)? {
        for entry in fs::read_dir(path)? {
            let name = entry?.file_name();
            let name = name.to_string_lossy();
            if !OURS.contains(&name.trim_end_matches(UNFINISHED)) && !name.starts_with(PREFIX) {
                return Err(refused(
                    "others can reach it, and it holds other things than profiles, so give them a directory of their own",
                ));
            }
        }
    }
    close(path, 0o700)
}

/// Opens a file that is there, or makes it.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    of_owner(&mut options);
    options.open(path)
}

/// Writes a file so that it is the old one or the new one, even after a power cut.
pub(super) fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    let unfinished = unfinished(path);
    let written = write_new(&unfinished, content).and_then(|()| fs::rename(&unfinished, path));
    if let Err(error) = written {
        forget_unfinished(path)?;
        return Err(error);
    }
    #[cfg(unix)]
    if let Some(folder) = path.parent() {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// Removes what a writer left that was ended before the file was whole: it may hold keys.
pub(super) fn forget_unfinished(path: &Path) -> io::Result<()> {
    match fs::remove_file(unfinished(path)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn write_new(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    of_owner(&mut options);
    let mut file = options.open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

fn unfinished(path: &Path) -> PathBuf {
    PathBuf::from(format!("{}{UNFINISHED}", path.display()))
}

fn refused(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, why)
}

#[cfg(unix)]
fn of_owner(options: &mut OpenOptions) {
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
}

#[cfg(not(unix))]
fn of_owner(_options: &mut OpenOptions) {}

#[cfg(unix)]
fn is_open(path: &Path) -> io::Result<bool> {
    Ok(mode(path)? & 0o077 != 0)
}

#[cfg(not(unix))]
#[allow(clippy::unnecessary_wraps, reason = "elsewhere it can fail")]
fn is_open(_path: &Path) -> io::Result<bool> {
    Ok(false)
}

#[cfg(unix)]
fn mode(path: &Path) -> io::Result<u32> {
    use std::os::unix::fs::PermissionsExt as _;
    Ok(fs::metadata(path)?.permissions().mode())
}

/// Takes away what others may do with it, if it is there.
#[cfg(unix)]
pub(super) fn close(path: &Path, to: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let found = match mode(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        found => found?,
    };
    // A shared directory such as /tmp is not ours to close.
    if found & 0o1000 != 0 {
        return Err(refused("it is shared with others"));
    }
    if found & 0o077 != 0 {
        fs::set_permissions(path, fs::Permissions::from_mode(to))?;
    }
    Ok(())
}

#[cfg(not(unix))]
#[allow(clippy::unnecessary_wraps, reason = "elsewhere it can fail")]
pub(super) fn close(_path: &Path, _to: u32) -> io::Result<()> {
    Ok(())
}
