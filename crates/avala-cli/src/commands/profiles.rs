//! `avala profile`: names for servers and the places where their keys come from.

use avala::profiles::{Profile, SourceSpec};
use clap::ValueEnum as _;
use serde::Serialize;

use super::auth::{being_changed, check_server, clear, no_such_profile, profiles};
use crate::{
    args::{self, ProfileVerb},
    failure::Failure,
    output::{Cell, Record, Row},
    session::Session,
};

pub(super) fn run(session: &Session, verb: ProfileVerb) -> Result<(), Failure> {
    match verb {
        ProfileVerb::List => list(session),
        ProfileVerb::Set(args) => set(session, args),
        ProfileVerb::Remove(args) => remove(session, &args),
    }
}

fn list(session: &Session) -> Result<(), Failure> {
    let known = profiles()?;
    let mut rows = session.out.rows();
    for profile in known.list() {
        rows.push(&Shown {
            name: profile.name.clone(),
            is_default: known.default_name() == Some(&*profile.name),
            source: profile.source.to_string(),
            base_url: profile.url().to_owned(),
            organization: profile.organization.clone(),
            output: profile.output.clone(),
        })?;
    }
    rows.finish()?;
    if known.list().is_empty() && session.out.terminal && !session.out.is_json() {
        session
            .out
            .note("There are none. `avala auth login` makes the first.");
    }
    Ok(())
}

fn set(session: &Session, args: args::SetProfile) -> Result<(), Failure> {
    session.may_change("profile set")?;
    let mut known = profiles()?;
    let mut profile = known
        .get(&args.name)
        .cloned()
        .unwrap_or_else(|| Profile::new(&args.name));
    if let Some(source) = args.source {
        profile.source = source
            .parse()
            .map_err(|error: avala::profiles::InvalidSource| Failure::usage(format!("{error}.")))?;
    }
    if let Some(url) = session.base_url() {
        profile.base_url = Some(url.to_owned());
        profile.allow_insecure_base_url = url.starts_with("http:");
    }
    if let Some(slug) = args.organization {
        profile.organization = Some(slug).filter(|slug| !slug.is_empty());
    }
    if let Some(format) = session.format() {
        profile.output = format
            .to_possible_value()
            .map(|value| value.get_name().to_owned());
    }
    check_server(known.get(&args.name), &profile)?;
    known.set(&profile)?;
    let is_first = known.default_name().is_none();
    if is_first {
        known.switch(&profile.name)?;
    }
    let (name, url) = (&profile.name, profile.url());
    let key = if profile.source == SourceSpec::Stored {
        format!("the key that `avala auth login --profile {name}` stores")
    } else {
        format!("its key from {}", profile.source)
    };
    let is_default = if is_first { " It is the default." } else { "" };
    session.out.note(&format!(
        "The profile {name} is for {url}, with {key}.{is_default}"
    ));
    // Other programs may be able to.
    if let Err(error) = known.provider(name) {
        session.out.note(error.message());
    }
    Ok(())
}

fn remove(session: &Session, args: &args::OneProfile) -> Result<(), Failure> {
    session.may_change("profile remove")?;
    let mut known = profiles()?;
    let _nobody_rotates_it = being_changed(&known, &args.name)?;
    clear(&known, &args.name)?;
    if known.remove(&args.name)? {
        session.out.note(&format!(
            "The profile {} is removed, with the key that was stored for it. The key itself goes on working until it is revoked.",
            args.name
        ));
        if known.default_name().is_none() && !known.list().is_empty() {
            session
                .out
                .note("None of the others is the default: avala auth switch NAME");
        }
        return Ok(());
    }
    Err(no_such_profile(&args.name))
}

#[derive(Debug, Serialize)]
struct Shown {
    name: String,
    is_default: bool,
    source: String,
    base_url: String,
    organization: Option<String>,
    output: Option<String>,
}

impl Record for Shown {
    fn fields(&self) -> Vec<(&'static str, Cell)> {
        vec![
            ("name", Cell::text(&self.name)),
            ("default", self.is_default.into()),
            ("source", self.source.clone().into()),
            ("server", self.base_url.clone().into()),
            ("organization", self.organization.clone().into()),
            ("output", self.output.clone().into()),
        ]
    }
}

impl Row for Shown {
    const COLUMNS: &'static [&'static str] =
        &["name", "default", "source", "server", "organization", "output"];
}
