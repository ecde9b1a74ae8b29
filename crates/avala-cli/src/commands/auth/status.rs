//! `avala auth status`: where the keys of this machine come from, and which one is used next.

use std::time::Duration;

use avala::{
    CredentialReport, Tried,
    profiles::{Profile, Profiles},
};
use futures_util::future::join_all;
use serde::Serialize;
use tokio::time::timeout;

use super::profiles;
use crate::{
    args,
    failure::Failure,
    output::{Cell, Record},
    session::Session,
};

/// How long each source may take: somewhat more than any gives itself.
const LONGEST: Duration = Duration::from_secs(30);

pub(super) async fn run(session: &Session, args: &args::Credentials) -> Result<(), Failure> {
    let known = profiles()?;
    // At the same time: sources that do not answer are waited for once.
    let profiles = join_all(known.list().iter().map(|profile| of_profile(&known, profile)));
    let mut status = Status {
        next: None,
        problem: None,
        profiles: profiles.await,
        looked_at: Vec::new(),
    };
    let failure = match session.client(false) {
        Ok(client) => {
            let read = timeout(LONGEST, client.expose_api_key()).await;
            let problem = match read {
                Ok(Ok(_)) => None,
                Ok(Err(error)) => Some(Failure::from(error)),
                Err(_) => Some(Failure::local("The source of the key does not answer.")),
            };
            let report = client.credential_report();
            if args.explain {
                status.looked_at = report.tried.iter().map(Looked::of).collect();
            }
            status.next = Some(Next::of(report));
            problem
        }
        Err(failure) => Some(failure),
    };
    status.problem = failure.as_ref().map(|failure| failure.message.clone());
    session.out.record(&status)?;
    failure.map_or(Ok(()), Err)
}

async fn of_profile(known: &Profiles, profile: &Profile) -> OfProfile {
    let name = profile.name.as_str();
    let read = match known.provider(name) {
        Ok(provider) => match timeout(LONGEST, provider.provide()).await {
            Ok(Ok(Some(credential))) => Ok(credential),
            Ok(Ok(None)) => Err("there is none".to_owned()),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!("no answer within {} seconds", LONGEST.as_secs())),
        },
        Err(error) => Err(error.message().to_owned()),
    };
    let (masked_key, expires_at, problem) = match read {
        Ok(credential) => (Some(credential.masked()), credential.end(), None),
        Err(problem) => (None, None, Some(problem)),
    };
    OfProfile {
        name: name.to_owned(),
        is_default: known.default_name() == Some(name),
        source: profile.source.to_string(),
        base_url: profile.url().to_owned(),
        masked_key,
        expires_at,
        problem,
    }
}

#[derive(Debug, Serialize)]
struct Status {
    /// What the next command uses.
    next: Option<Next>,
    /// Why the next command has no key.
    problem: Option<String>,
    profiles: Vec<OfProfile>,
    looked_at: Vec<Looked>,
}

#[derive(Debug, Serialize)]
struct Next {
    source: String,
    masked_key: Option<String>,
    origin: String,
    expires_at: Option<avala::Timestamp>,
    notes: Vec<String>,
}

impl Next {
    fn of(report: CredentialReport) -> Self {
        Self {
            source: report.source.to_string(),
            masked_key: report.masked_key,
            origin: report.origin,
            expires_at: report.expires_at,
            notes: report.notes,
        }
    }
}

#[derive(Debug, Serialize)]
struct OfProfile {
    name: String,
    is_default: bool,
    source: String,
    base_url: String,
    masked_key: Option<String>,
    expires_at: Option<avala::Timestamp>,
    problem: Option<String>,
}

impl OfProfile {
    fn told(&self) -> String {
        let key = self.masked_key.as_deref().unwrap_or("no key");
        let end = self
            .expires_at
            .map_or_else(String::new, |at| format!(", ends {at}"));
        format!(
            "{}: {key} from {}, for {}{end}",
            self.name, self.source, self.base_url
        )
    }
}

#[derive(Debug, Serialize)]
struct Looked {
    source: String,
    outcome: &'static str,
}

impl Looked {
    fn of((source, tried): &(avala::Source, Tried)) -> Self {
        Self {
            source: source.to_string(),
            outcome: match tried {
                Tried::Used => "used",
                Tried::Chosen => "chosen, and read when it is needed",
                Tried::Absent => "not there",
                Tried::Shadowed => "there, and comes later",
                _ => "there, and broken",
            },
        }
    }
}

impl Record for Status {
    fn fields(&self) -> Vec<(&'static str, Cell)> {
        let mut fields = Vec::new();
        match &self.next {
            Some(next) => {
                let key = next.masked_key.as_deref().unwrap_or("not read");
                fields.push(("key", format!("{key}  from {}", next.source).into()));
                fields.push(("sent to", next.origin.clone().into()));
                if let Some(at) = next.expires_at {
                    fields.push(("ends", at.into()));
                }
                for note in &next.notes {
                    fields.push(("note", note.clone().into()));
                }
            }
            None => fields.push(("key", "none".into())),
        }
        for looked in &self.looked_at {
            fields.push((
                "looked at",
                format!("{}: {}", looked.source, looked.outcome).into(),
            ));
        }
        for profile in &self.profiles {
            let label = if profile.is_default {
                "default profile"
            } else {
                "profile"
            };
            fields.push((label, profile.told().into()));
            if let Some(problem) = &profile.problem {
                fields.push(("problem", problem.clone().into()));
            }
        }
        fields
    }
}
