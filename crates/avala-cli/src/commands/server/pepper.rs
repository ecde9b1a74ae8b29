//! `avala server pepper …`

use avala_api::Timestamp;
use avala_server::{AuthorityError, keys::PepperState};
use serde::Serialize;
use serde_json::json;

use super::super::serve::sentence;
use crate::{
    args::{PepperAdd, PepperList, PepperRetire, PepperVerb},
    failure::Failure,
    output::{self, Cell, Output, Record, Row},
};

pub(super) async fn run(verb: PepperVerb, out: Output) -> Result<(), Failure> {
    match verb {
        PepperVerb::List(args) => list(args, out).await,
        PepperVerb::Add(args) => add(args, out).await,
        PepperVerb::Retire(args) => retire(args, out).await,
    }
}

/// A pepper as it is shown.
#[derive(Serialize)]
struct Shown {
    pepper: i64,
    used_for: &'static str,
    keys: u64,
    created_at: Timestamp,
    begins_at: Timestamp,
    retired_at: Option<Timestamp>,
}

impl Record for Shown {
    fn fields(&self) -> Vec<(&'static str, Cell)> {
        vec![
            ("pepper", self.pepper.into()),
            ("used_for", self.used_for.into()),
            ("keys", Cell::text(&self.keys)),
            ("created_at", self.created_at.into()),
            ("begins_at", self.begins_at.into()),
            ("retired_at", self.retired_at.into()),
        ]
    }
}

impl Row for Shown {
    const COLUMNS: &'static [&'static str] = &["pepper", "used_for", "keys", "created_at", "retired_at"];
}

impl From<PepperState> for Shown {
    fn from(pepper: PepperState) -> Self {
        Self {
            pepper: pepper.id,
            used_for: pepper.used_for.as_str(),
            keys: pepper.keys,
            created_at: pepper.created_at,
            begins_at: pepper.begins_at,
            retired_at: pepper.retired_at,
        }
    }
}

async fn list(args: PepperList, out: Output) -> Result<(), Failure> {
    let authority = super::open(&args.data, out).await?;
    let mut rows = out.rows();
    for pepper in authority
        .peppers_in_use()
        .await
        .map_err(|error| failure(&error))?
    {
        rows.push(&Shown::from(pepper))?;
    }
    Ok(rows.finish()?)
}

async fn add(args: PepperAdd, out: Output) -> Result<(), Failure> {
    let authority = super::open(&args.data, out).await?;
    if args.prepare {
        let path = authority
            .prepare_pepper()
            .await
            .map_err(|error| failure(&error))?;
        let path = path.display().to_string();
        return told(out, &json!({ "file": path }), &path);
    }
    let number = authority.add_pepper().await.map_err(|error| failure(&error))?;
    if out.terminal {
        out.note("New keys are made with it in a minute; the others move to it as they are used.");
    }
    told(out, &json!({ "pepper": number }), &number.to_string())
}

async fn retire(args: PepperRetire, out: Output) -> Result<(), Failure> {
    let authority = super::open(&args.data, out).await?;
    let abandoned = authority
        .retire_pepper(args.number, args.abandon)
        .await
        .map_err(|error| failure(&error))?;
    if abandoned > 0 {
        out.note(&format!("{abandoned} keys were revoked with it."));
    }
    told(
        out,
        &json!({ "pepper": args.number, "revoked_keys": abandoned }),
        &args.number.to_string(),
    )
}

fn told(out: Output, object: &serde_json::Value, line: &str) -> Result<(), Failure> {
    Ok(if out.is_json() {
        output::json(object)
    } else {
        output::lines(&[line])
    }?)
}

fn failure(error: &AuthorityError) -> Failure {
    let hint = match error {
        AuthorityError::PepperInUse { .. } => Some("avala server pepper retire --abandon revokes them."),
        AuthorityError::NotFound(_) => Some("avala server pepper list shows those there are."),
        _ => None,
    };
    let failure = Failure::local(sentence(error));
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}
