//! `avala server audit …`

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufWriter},
    path::Path,
};

use avala_server::{
    AuthorityError,
    audit::{Audit, Format},
};
use serde::Serialize;
use serde_json::json;

use super::super::serve::sentence;
use crate::{
    args::{AuditExport, AuditFormat, AuditHead, AuditVerb, AuditVerify, ServerData},
    failure::Failure,
    output::{self, Cell, Output, Record},
};

pub(super) async fn run(verb: AuditVerb, out: Output) -> Result<(), Failure> {
    match verb {
        AuditVerb::Verify(args) => verify(args, out).await,
        AuditVerb::Head(args) => head(args, out).await,
        AuditVerb::Export(args) => export(args, out).await,
    }
}

async fn audit(data: &ServerData, out: Output) -> Result<Audit, Failure> {
    Ok(Audit::of(&super::open(data, out).await?))
}

/// A chain that is whole.
#[derive(Serialize)]
struct Verified {
    head: String,
    lines: u64,
    lines_before_the_chain: u64,
}

impl Record for Verified {
    fn fields(&self) -> Vec<(&'static str, Cell)> {
        vec![
            ("head", Cell::text(&self.head)),
            ("lines", Cell::text(&self.lines)),
            ("lines_before_the_chain", Cell::text(&self.lines_before_the_chain)),
        ]
    }
}

async fn verify(args: AuditVerify, out: Output) -> Result<(), Failure> {
    let audit = audit(&args.data, out).await?;
    let whole = audit
        .verify(&args.head)
        .await
        .map_err(|error| Failure::local(sentence(&error)))?;
    Ok(out.record(&Verified {
        head: whole.head.to_string(),
        lines: whole.head.count(),
        lines_before_the_chain: whole.before,
    })?)
}

async fn head(args: AuditHead, out: Output) -> Result<(), Failure> {
    let head = audit(&args.data, out)
        .await?
        .head()
        .await
        .map_err(|error| Failure::local(sentence(&error)))?
        .to_string();
    Ok(if out.is_json() {
        output::json(&json!({ "head": head }))
    } else {
        output::lines(&[&head])
    }?)
}

async fn export(args: AuditExport, out: Output) -> Result<(), Failure> {
    let audit = audit(&args.data, out).await?;
    let format = match args.format {
        AuditFormat::Jsonl => Format::JsonLines,
        AuditFormat::Csv => Format::Csv,
    };
    let Some(path) = &args.out else {
        let exported = audit.export(format, BufWriter::new(io::stdout())).await;
        return exported.map(drop).map_err(failure);
    };
    let file = private_file(path)?;
    let exported = audit.export(format, BufWriter::new(&file)).await;
    let kept = exported.map_err(failure).and_then(|_| Ok(file.sync_all()?));
    if kept.is_err() {
        // Half of an audit would pass for a whole one. If it cannot be removed, the failure is told all the same.
        let _left_behind = fs::remove_file(path);
    }
    kept
}

fn failure(error: AuthorityError) -> Failure {
    match error {
        AuthorityError::File(error) => error.into(),
        error => Failure::local(sentence(&error)),
    }
}

/// A new file. One that is there already is never touched.
fn private_file(path: &Path) -> Result<File, Failure> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => Failure::usage(format!(
            "{} is there already, and is not overwritten.",
            path.display()
        )),
        _ => Failure::local(format!("{} cannot be made: {error}.", path.display())),
    })
}
