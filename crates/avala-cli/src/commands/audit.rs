//! `avala audit …`

use avala_api::{
    Operation as _,
    audit::{Actor, AuditEntry, List},
};

use crate::{
    args,
    failure::Failure,
    output::{Cell, Record, Row},
    session::Session,
};

pub(super) const CALLS: &[(&str, &str)] = &[(List::ROUTE.operation, "avala audit list")];

pub(super) async fn run(session: &Session, verb: args::Audit) -> Result<(), Failure> {
    let args::Audit::List(args) = verb;
    let mut list = List::new().limit(args.listing.page());
    list.key = args.key;
    list.actor = args.actor;
    list.action = args.action;
    list.from = args.from;
    list.to = args.to;
    session.list(list, args.listing, |_| {}).await
}

impl Row for AuditEntry {
    const COLUMNS: &'static [&'static str] = &["time", "actor", "action", "object", "refused"];
}

impl Record for AuditEntry {
    fn fields(&self) -> Vec<(&'static str, Cell)> {
        vec![
            ("position", self.position.into()),
            ("time", self.at.into()),
            ("actor", actor(&self.actor).into()),
            ("user", Cell::optional(self.actor.user.as_ref())),
            ("action", Cell::text(&self.action)),
            ("object", Cell::text(&self.object)),
            ("refused", refused(self).into()),
            ("hash", self.hash.clone().into()),
        ]
    }
}

/// As in `created by`: `key:7Hk2mQ9xTbWc`, or the kind alone.
fn actor(actor: &Actor) -> String {
    match &actor.key {
        Some(key) => format!("{}:{key}", actor.kind),
        None => actor.kind.to_string(),
    }
}

/// `key_expired`, or with the number of requests in front: `12 key_expired`.
fn refused(entry: &AuditEntry) -> Option<String> {
    let code = entry.code.as_ref()?;
    Some(match entry.requests {
        None | Some(1) => code.clone(),
        Some(requests) => format!("{requests} {code}"),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_refusal_says_why_and_how_often_and_a_change_neither() {
        let row = |actor, code, requests| -> Vec<String> {
            let entry = json!({
                "position": 1, "at": "2026-01-31T12:00:00Z", "actor": actor, "action": "request.refuse",
                "object": "192.0.2.1/32", "code": code, "requests": requests,
            });
            let entry: AuditEntry = serde_json::from_value(entry).unwrap();
            entry.cells().iter().map(Cell::tab_separated).skip(1).collect()
        };
        let key = json!({ "kind": "key", "key": "7Hk2mQ9xTbWc", "user": "u" });
        for (actor, code, requests, expected) in [
            (
                &key,
                Some("scope_missing"),
                Some(1),
                ["key:7Hk2mQ9xTbWc", "scope_missing"],
            ),
            (
                &key,
                Some("scope_missing"),
                Some(12),
                ["key:7Hk2mQ9xTbWc", "12 scope_missing"],
            ),
            (
                &json!({ "kind": "key" }),
                Some("throttled"),
                Some(2),
                ["key", "2 throttled"],
            ),
            (&json!({ "kind": "console" }), None, None, ["console", ""]),
        ] {
            let [actor_cell, refused_cell] = expected;
            assert_eq!(
                row(actor, code, requests),
                [actor_cell, "request.refuse", "192.0.2.1/32", refused_cell]
            );
        }
    }
}
