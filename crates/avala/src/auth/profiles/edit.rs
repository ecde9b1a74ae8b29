//! Changing profiles and storing keys: one writer at a time, whole files or none, and people's comments kept.

use std::{
    fs::{self, File},
    io,
    path::Path,
    thread::sleep,
    time::Duration,
};

use avala_api::{Secret, Timestamp};
use toml_edit::{Array, DocumentMut, Item, Table, value};

use super::{Profile, Profiles, SourceSpec, folder::Folder, is_name, private, settings};
use crate::{Error, auth::ProviderError, base_url::BaseUrl};

/// How long somebody else may be writing.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
const BETWEEN_TRIES: Duration = Duration::from_millis(20);

/// Both files are ours to change until this is dropped.
struct Turn {
    folder: Folder,
    _lock: File,
}

impl Profile {
    /// Refuses what [`Profiles::set`] refuses.
    pub fn check(&self) -> Result<(), Error> {
        if !is_name(&self.name) {
            return Err(Error::configuration(
                "A profile's name has letters, digits, `-`, `_` and `.`, at most 64 of them.",
            ));
        }
        if let Some(url) = &self.base_url {
            BaseUrl::parse(url, self.allow_insecure_base_url).map_err(Error::configuration)?;
        }
        self.source
            .check()
            .map_err(|invalid| Error::configuration(format!("{invalid}.")))
    }
}

impl Profiles {
    /// Makes a profile, or changes one to be this. What people wrote into the file besides stays as it is.
    pub fn set(&mut self, profile: &Profile) -> Result<(), Error> {
        profile.check()?;
        self.change_settings(|document| {
            let table = entry(document, &profile.name)?;
            let mut set = |name: &str, item: Option<Item>| match item {
                Some(item) => replace(table, name, item),
                None => drop(table.remove(name)),
            };
            set("base_url", profile.base_url.as_deref().map(value));
            set(
                "allow_insecure_base_url",
                profile.allow_insecure_base_url.then(|| value(true)),
            );
            // What is not known here is left as it is written.
            if !matches!(profile.source, SourceSpec::Unknown(_)) {
                set("source", Some(written(&profile.source)));
            }
            set("organization", profile.organization.as_deref().map(value));
            set("output", profile.output.as_deref().map(value));
            Ok(())
        })
    }

    /// Removes a profile and what is stored for it. Whether there was one.
    pub fn remove(&mut self, name: &str) -> Result<bool, Error> {
        if self.folder.is_none() {
            return Ok(false);
        }
        self.forget(name)?;
        let was_there = self.get(name).is_some();
        self.change_settings(|document| {
            if let Some(profiles) = document.get_mut("profiles").and_then(Item::as_table_like_mut) {
                profiles.remove(name);
            }
            if document.get("default").and_then(Item::as_str) == Some(name) {
                document.remove("default");
            }
            Ok(())
        })?;
        self.forget_rotation(name)?;
        Ok(was_there)
    }

    /// Makes a profile the one that is used when nothing else is said.
    pub fn switch(&mut self, name: &str) -> Result<(), Error> {
        self.usable(name)?;
        self.change_settings(|document| {
            replace(document.as_table_mut(), "default", value(name));
            Ok(())
        })
    }

    /// Stores a profile's key in our own file, bound to the profile's URL. What was stored for it before is gone.
    pub fn store(&mut self, name: &str, key: &Secret, expires_at: Option<Timestamp>) -> Result<(), Error> {
        let url = self.usable(name)?.url().to_owned();
        self.change_secrets(|document| {
            let table = entry(document, name)?;
            replace(table, "api_key", value(key.expose()));
            replace(table, "base_url", value(url));
            match expires_at {
                Some(at) => replace(table, "expires_at", value(at.to_string())),
                None => drop(table.remove("expires_at")),
            }
            Ok(())
        })
    }

    /// Removes what is stored for a profile. Whether anything was. The key itself goes on working until it is revoked.
    pub fn forget(&mut self, name: &str) -> Result<bool, Error> {
        let Some(folder) = &self.folder else {
            return Ok(false);
        };
        if !folder.secrets().exists() {
            return Ok(false);
        }
        let mut was_there = false;
        self.change_secrets(|document| {
            if let Some(profiles) = document.get_mut("profiles").and_then(Item::as_table_like_mut) {
                was_there = profiles.remove(name).is_some();
            }
            Ok(())
        })?;
        Ok(was_there)
    }

    /// One change of the settings, made to what is in the file by now, and read back.
    fn change_settings(
        &mut self,
        change: impl FnOnce(&mut DocumentMut) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let turn = self.turn()?;
        let text = turn.folder.read_settings().map_err(ProviderError::into_error)?;
        let path = turn.folder.settings();
        rewrite(&path, text.as_ref(), |document| {
            change(document)?;
            // What cannot be read again would take every profile away.
            settings::check(&document.to_string(), &path).map_err(ProviderError::into_error)
        })?;
        drop(turn);
        *self = Self::open(&self.environment)?;
        Ok(())
    }

    fn change_secrets(
        &mut self,
        change: impl FnOnce(&mut DocumentMut) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let turn = self.turn()?;
        let path = turn.folder.secrets();
        // What others could read until now they can no longer read, once it is written anew.
        private::close(&path, 0o600).map_err(|error| file_error("protected", &path, &error))?;
        let text = turn.folder.read_secrets().map_err(ProviderError::into_error)?;
        rewrite(&path, text.as_ref(), change)
    }

    /// The directory, made if it was not there, and closed to others.
    pub(super) fn folder_for_changes(&self) -> Result<Folder, Error> {
        let folder = self.folder.clone().ok_or_else(|| {
            Error::configuration("There is no home directory to keep profiles in.")
                .with_hint("Set AVALA_CONFIG_DIR to a directory.")
        })?;
        let path = folder.path();
        private::folder(path).map_err(|error| file_error("made", path, &error))?;
        Ok(folder)
    }

    fn turn(&self) -> Result<Turn, Error> {
        let folder = self.folder_for_changes()?;
        let path = folder.path().join("lock");
        let lock = private::open(&path).map_err(|error| file_error("opened", &path, &error))?;
        let mut left = LONGEST_WAIT;
        loop {
            match lock.try_lock() {
                Ok(()) => return Ok(Turn { folder, _lock: lock }),
                Err(fs::TryLockError::Error(error)) => return Err(file_error("locked", &path, &error)),
                Err(fs::TryLockError::WouldBlock) if left.is_zero() => {
                    return Err(Error::configuration(format!(
                        "Somebody else is changing {}.",
                        folder.path().display()
                    ))
                    .with_hint("Try again."));
                }
                Err(fs::TryLockError::WouldBlock) => {
                    sleep(BETWEEN_TRIES);
                    left = left.saturating_sub(BETWEEN_TRIES);
                }
            }
        }
    }
}

fn rewrite(
    path: &Path,
    text: Option<&Secret>,
    change: impl FnOnce(&mut DocumentMut) -> Result<(), Error>,
) -> Result<(), Error> {
    // A link stays one: the file that it leads to is replaced.
    let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    // A writer that was ended in the middle left a copy of what may be keys.
    private::forget_unfinished(path).map_err(|error| file_error("changed", path, &error))?;
    let text = text.map_or("", Secret::expose);
    let mut document: DocumentMut = text
        .parse()
        .map_err(|_| Error::configuration(format!("{} is not TOML.", path.display())))?;
    change(&mut document)?;
    let written = Secret::from(document.to_string());
    if written.expose() == text {
        return Ok(());
    }
    private::write(path, written.expose().as_bytes()).map_err(|error| file_error("written", path, &error))
}

/// A profile's table, made if there is none.
fn entry<'a>(document: &'a mut DocumentMut, name: &str) -> Result<&'a mut Table, Error> {
    let unusual = || {
        Error::configuration(format!(
            "The profile {name} is not written as a table of its own."
        ))
        .with_hint(format!("Write it under [profiles.{name}]."))
    };
    let mut all = Table::new();
    all.set_implicit(true);
    document
        .entry("profiles")
        .or_insert(Item::Table(all))
        .as_table_mut()
        .ok_or_else(unusual)?
        .entry(name)
        .or_insert(toml_edit::table())
        .as_table_mut()
        .ok_or_else(unusual)
}

/// Sets a value, and leaves the spaces and the comment around it as they are.
fn replace(table: &mut Table, name: &str, mut item: Item) {
    let Some(old) = table.get_mut(name) else {
        table.insert(name, item);
        return;
    };
    if let (Some(old), Some(new)) = (old.as_value(), item.as_value_mut()) {
        *new.decor_mut() = old.decor().clone();
    }
    *old = item;
}

fn written(source: &SourceSpec) -> Item {
    let SourceSpec::Exec { command } = source else {
        return value(source.to_string());
    };
    let mut words = Array::new();
    for (index, word) in command.iter().enumerate() {
        if index == 0 {
            words.push(format!("exec:{word}"));
        } else {
            words.push(word);
        }
    }
    value(words)
}

fn file_error(what: &str, path: &Path, error: &io::Error) -> Error {
    Error::configuration(format!("{} cannot be {what}: {error}.", path.display()))
}
