//! Reading `config.toml`. Errors give the line and never its text: a key may have been pasted there.

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{Profile, SourceSpec, folder::Folder, is_name};
use crate::auth::ProviderError;

/// What the file says.
#[derive(Debug, Default)]
pub(super) struct Settings {
    pub(super) default: Option<String>,
    /// By name.
    pub(super) profiles: Vec<Profile>,
}

/// Why a file cannot be read, and at which byte of it.
pub(super) type Bad = (usize, String);

pub(super) fn read(folder: &Folder) -> Result<Settings, ProviderError> {
    let Some(text) = folder.read_settings()? else {
        return Ok(Settings::default());
    };
    let path = folder.settings();
    parse(text.expose(), &path.display().to_string()).map_err(|bad| at_line(&path, text.expose(), bad))
}

/// Whether a text can be read as settings.
#[cfg(feature = "edit-profiles")]
pub(super) fn check(text: &str, path: &std::path::Path) -> Result<(), ProviderError> {
    match parse(text, &path.display().to_string()) {
        Ok(_) => Ok(()),
        Err(bad) => Err(at_line(path, text, bad)),
    }
}

/// The error of a file.
pub(super) fn at_line(path: &std::path::Path, text: &str, (at, reason): Bad) -> ProviderError {
    let line = text.get(..at).unwrap_or(text).matches('\n').count() + 1;
    ProviderError::new(format!("{}, line {line}: {reason}", path.display()))
}

/// The tables of a file.
pub(super) fn document(text: &str) -> Result<DeTable<'_>, Bad> {
    match DeTable::parse(text) {
        Ok(table) => Ok(table.into_inner()),
        Err(error) => Err((
            error.span().unwrap_or_default().start,
            "this is not TOML".to_owned(),
        )),
    }
}

fn parse(text: &str, shown: &str) -> Result<Settings, Bad> {
    let mut settings = Settings::default();
    for (key, value) in &document(text)? {
        match key.get_ref().as_ref() {
            "default" => settings.default = Some(string("default", value)?.to_owned()),
            "profiles" => {
                for (name, value) in table("profiles", value)? {
                    settings.profiles.push(profile(name, value, shown)?);
                }
            }
            other => unknown(shown, other),
        }
    }
    settings.profiles.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(settings)
}

fn profile(
    name: &Spanned<std::borrow::Cow<'_, str>>,
    value: &Spanned<DeValue<'_>>,
    shown: &str,
) -> Result<Profile, Bad> {
    if !is_name(name.get_ref()) {
        return Err((
            name.span().start,
            "a profile's name has letters, digits, `-`, `_` and `.`".to_owned(),
        ));
    }
    let mut profile = Profile::new(name.get_ref().as_ref());
    for (key, value) in table("a profile", value)? {
        match key.get_ref().as_ref() {
            "base_url" => profile.base_url = Some(string("base_url", value)?.to_owned()),
            "allow_insecure_base_url" => {
                profile.allow_insecure_base_url = value
                    .get_ref()
                    .as_bool()
                    .ok_or_else(|| wrong(value, "allow_insecure_base_url", "true or false"))?;
            }
            "source" => profile.source = source(value)?,
            "organization" => profile.organization = Some(string("organization", value)?.to_owned()),
            "output" => profile.output = Some(string("output", value)?.to_owned()),
            other => unknown(shown, other),
        }
    }
    Ok(profile)
}

fn source(value: &Spanned<DeValue<'_>>) -> Result<SourceSpec, Bad> {
    let parsed = if let Some(list) = value.get_ref().as_array() {
        let words: Option<Vec<&str>> = list.iter().map(|word| word.get_ref().as_str()).collect();
        let words = words.ok_or_else(|| wrong(value, "source", "a string or a list of strings"))?;
        SourceSpec::from_words(&words)
    } else {
        string("source", value)?.parse()
    };
    Ok(parsed.unwrap_or_else(SourceSpec::Unknown))
}

pub(super) fn string<'a>(name: &str, value: &'a Spanned<DeValue<'_>>) -> Result<&'a str, Bad> {
    value
        .get_ref()
        .as_str()
        .ok_or_else(|| wrong(value, name, "a string"))
}

pub(super) fn table<'a, 'i>(name: &str, value: &'a Spanned<DeValue<'i>>) -> Result<&'a DeTable<'i>, Bad> {
    value
        .get_ref()
        .as_table()
        .ok_or_else(|| wrong(value, name, "a table"))
}

fn wrong(value: &Spanned<DeValue<'_>>, name: &str, kind: &str) -> Bad {
    (value.span().start, format!("{name} must be {kind}"))
}

/// A newer version may have written it.
pub(super) fn unknown(shown: &str, name: &str) {
    let name = avala_keys::redact::text(name);
    tracing::warn!(file = shown, %name, "a name that is not known here is passed over");
}
