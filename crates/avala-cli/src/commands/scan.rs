//! `avala scan`: keys that stand where others will read them.

mod content;
mod git;
mod hook;
mod staged;
mod tree;

use std::{io, path::Path};

use avala_keys::{Shape, redact};
use serde::Serialize;

use crate::{
    args::{Global, Scan},
    exit::Exit,
    failure::Failure,
    logging,
    output::{Cell, Output, Record, Row},
};

/// A larger file is no source, and no place for a key.
const LARGEST: u64 = 5 * 1024 * 1024;
/// More names than this are counted.
const MOST_NAMED: usize = 5;

/// Finding a key ends with 1, so nothing else may: a search that could not be made is never taken for one that found
/// something, nor for one that did not.
pub(super) fn run(global: &Global, args: &Scan, out: Output) -> Result<Exit, Failure> {
    logging::start(global, None)?;
    if args.install_hook {
        if global.read_only {
            return Err(Failure::usage(
                "--install-hook makes a file, and --read-only forbids that.",
            ));
        }
        hook::install(&git::Repository::here()?, out)?;
        return Ok(Exit::OK);
    }
    let mut report = Report::default();
    if args.staged {
        staged::search(&git::Repository::here()?, &mut report)?;
    } else if args.paths.is_empty() {
        tree::search(Path::new("."), &mut report)?;
    } else {
        for path in &args.paths {
            tree::search(path, &mut report)?;
        }
    }
    report.finish(out)
}

/// A key that stands in a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct Finding {
    path: String,
    line: usize,
    column: usize,
    kind: &'static str,
    /// The part that may be shown.
    key: String,
    #[serde(skip)]
    description: String,
}

impl Record for Finding {
    fn fields(&self) -> Vec<(&'static str, Cell)> {
        let location = format!("{}:{}:{}", self.path, self.line, self.column);
        vec![
            ("location", location.into()),
            ("kind", Cell::text(&self.description)),
            ("key", Cell::text(&self.key)),
        ]
    }
}

impl Row for Finding {
    const COLUMNS: &'static [&'static str] = &["location", "kind", "key"];
}

/// The name of a shape, for programs. Stable.
fn kind(shape: Shape) -> &'static str {
    match shape {
        Shape::V1(avala_keys::Class::Live) => "live",
        Shape::V1(avala_keys::Class::Test) => "test",
        Shape::Hex => "hex",
        Shape::PrefixedHex => "prefixed_hex",
        Shape::AvalaSk => "avala_sk",
        Shape::AvalaKey => "avala_key",
        Shape::SkLive => "sk_live",
        Shape::DeviceToken => "device_token",
        _ => "avk",
    }
}

/// The same for people.
fn description(shape: Shape) -> String {
    match shape {
        Shape::Unknown => "a token that begins with `avk_`".to_owned(),
        shape => shape.to_string(),
    }
}

/// What came of the search.
#[derive(Default)]
struct Report {
    findings: Vec<Finding>,
    searched: u64,
    binary: Vec<String>,
    large: Vec<String>,
    unreadable: Vec<String>,
}

impl Report {
    /// Looks at what a file holds.
    fn search(&mut self, path: &Path, content: &[u8]) {
        let path = shown(path);
        let Some(text) = content::text(content) else {
            self.binary.push(path);
            return;
        };
        self.searched += 1;
        for (place, found) in content::keys(&text) {
            self.findings.push(Finding {
                path: path.clone(),
                line: place.line,
                column: place.column,
                kind: kind(found.shape),
                key: found.public_part(),
                description: description(found.shape),
            });
        }
    }

    fn too_large(&mut self, path: &Path) {
        self.large.push(shown(path));
    }

    fn unreadable(&mut self, path: &Path) {
        self.unreadable.push(shown(path));
    }

    fn finish(mut self, out: Output) -> Result<Exit, Failure> {
        // A file may be reached by two paths that were given.
        self.findings.sort();
        self.findings.dedup();
        match print(&self.findings, out) {
            // Whoever reads has seen enough; the exit code still tells.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
            Err(error) => return Err(Failure::usage(format!("Cannot write: {error}"))),
            Ok(()) => {}
        }
        note(out, &self.binary, "binary");
        note(out, &self.large, "larger than 5 MiB");
        if !self.findings.is_empty() {
            let note = match self.findings.len() {
                1 => "1 key found. Whoever has read it can use it:".to_owned(),
                many => format!("{many} keys found. Whoever has read them can use them:"),
            };
            out.note(&format!(
                "{note} revoke first, then remove. A line that says `avala:allow` is let through."
            ));
        }
        if !self.unreadable.is_empty() {
            let what = format!("Not everything could be read: {}.", named(&self.unreadable));
            if self.findings.is_empty() {
                return Err(Failure::usage(what).hint("No key was found in the rest."));
            }
            out.note(&what);
        }
        if !self.findings.is_empty() {
            return Ok(Exit::FAILURE);
        }
        if out.terminal && !out.is_json() {
            out.note(&format!("No key found in {} files.", self.searched));
        }
        Ok(Exit::OK)
    }
}

fn print(findings: &[Finding], out: Output) -> io::Result<()> {
    let mut rows = out.rows();
    for finding in findings {
        rows.push(finding)?;
    }
    rows.finish()
}

fn note(out: Output, skipped: &[String], why: &str) {
    if !skipped.is_empty() {
        out.note(&format!("Not searched, because {why}: {}.", named(skipped)));
    }
}

fn named(paths: &[String]) -> String {
    let more = paths.len().saturating_sub(MOST_NAMED);
    let named = paths[..paths.len() - more].join(", ");
    if more == 0 {
        return named;
    }
    format!("{named} and {more} more")
}

/// A path as it is printed: a key may stand in the name of a file, too.
fn shown(path: &Path) -> String {
    let path = path.strip_prefix("./").unwrap_or(path);
    redact::text(&path.to_string_lossy()).into_owned()
}
