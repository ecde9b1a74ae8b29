//! Searching the files of a tree.

use std::{
    fs::{self, File},
    io::{self, Read as _},
    path::Path,
};

use ignore::WalkBuilder;

use super::{LARGEST, Report, shown};
use crate::failure::Failure;

/// Searches a file, or the files of a directory that git would not ignore. Symbolic links are not followed.
pub(super) fn search(root: &Path, report: &mut Report) -> Result<(), Failure> {
    let metadata = fs::metadata(root)
        .map_err(|error| Failure::usage(format!("{} cannot be read: {error}.", shown(root))))?;
    if metadata.is_file() {
        file(root, report);
        return Ok(());
    }
    if !metadata.is_dir() {
        return Err(Failure::usage(format!(
            "{} is neither a file nor a directory.",
            shown(root)
        )));
    }
    let walk = WalkBuilder::new(root)
        .hidden(false) // `.env` and `.github` are where keys are
        .ignore(false) // such files are for searching, not for committing
        .git_global(false) // the same result on every machine
        .require_git(false)
        .filter_entry(|entry| entry.file_name() != ".git")
        .build();
    for entry in walk {
        match entry {
            Ok(entry) if entry.file_type().is_some_and(|kind| kind.is_file()) => file(entry.path(), report),
            Ok(_) => {}
            Err(error) => report.unreadable(Path::new(&error.to_string())),
        }
    }
    Ok(())
}

fn file(path: &Path, report: &mut Report) {
    match read(path) {
        Ok(Some(content)) => report.search(path, &content),
        Ok(None) => report.too_large(path),
        Err(_) => report.unreadable(path),
    }
}

/// All of a file, or `None` if it is too large.
fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    if length > LARGEST {
        return Ok(None);
    }
    let mut content = Vec::with_capacity(usize::try_from(length + 1).unwrap_or_default());
    file.take(LARGEST + 1).read_to_end(&mut content)?;
    Ok((content.len() as u64 <= LARGEST).then_some(content))
}
