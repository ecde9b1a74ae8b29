//! Searching what is staged for the next commit.

use std::path::Path;

use super::{
    Report,
    git::{Blob, Repository},
};
use crate::failure::Failure;

/// Searches what each added or changed file will be once it is committed, whatever the working tree holds by now.
pub(super) fn search(repository: &Repository, report: &mut Report) -> Result<(), Failure> {
    let staged = repository.staged()?;
    if staged.is_empty() {
        return Ok(());
    }
    let mut blobs = repository.blobs()?;
    for file in staged {
        let path: &Path = &file.path;
        match blobs.read(&file.blob)? {
            Blob::Content(content) => report.search(path, &content),
            Blob::TooLarge => report.too_large(path),
        }
    }
    blobs.end()
}
