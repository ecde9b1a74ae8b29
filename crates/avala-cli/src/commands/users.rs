//! `avala whoami`: who the key belongs to, what it may do, and where it was found.

use avala::CredentialReport;
use avala_api::{
    Operation as _,
    users::{GetPermissions, Me, Permissions, User},
};
use serde::Serialize;

use crate::{
    failure::Failure,
    output::{Cell, Record},
    session::Session,
};

pub(super) const CALLS: &[(&str, &str)] = &[
    (Me::ROUTE.operation, "avala whoami"),
    (GetPermissions::ROUTE.operation, "avala whoami"),
];

pub(super) async fn whoami(session: &Session) -> Result<(), Failure> {
    let me = session.may_call::<Me>()?;
    let permissions = me.and::<GetPermissions>()?;
    let user = me.send(Me::new()).await?;
    let answer = WhoAmI {
        user,
        permissions: permissions.send(GetPermissions::new()).await?,
        // By now it is known what the source gave.
        credential: Credential::of(&me.client().credential_report()),
        base_url: me.client().base_url().to_string(),
    };
    Ok(session.out.record(&answer)?)
}

#[derive(Debug, Serialize)]
struct WhoAmI {
    user: User,
    permissions: Permissions,
    credential: Credential,
    base_url: String,
}

/// A key as it may be shown.
#[derive(Debug, Serialize)]
pub(super) struct Credential {
    pub(super) source: String,
    pub(super) masked_key: Option<String>,
}

impl Credential {
    pub(super) fn of(report: &CredentialReport) -> Self {
        Self {
            source: report.source.to_string(),
            masked_key: report.masked_key.clone(),
        }
    }

    pub(super) fn cell(&self) -> Cell {
        let key = self.masked_key.as_deref().unwrap_or("-");
        Cell::Text(format!("{key}  from {}", self.source))
    }
}

impl Record for WhoAmI {
    fn fields(&self) -> Vec<(&'static str, Cell)> {
        let (user, permissions) = (&self.user, &self.permissions);
        let name: Vec<&str> = [&user.first_name, &user.last_name]
            .into_iter()
            .flatten()
            .map(String::as_str)
            .collect();
        let mut fields = vec![
            ("user", Cell::text(&user.username)),
            ("uid", Cell::text(&user.uid)),
            ("email", user.email.clone().into()),
        ];
        if !name.is_empty() {
            fields.push(("name", name.join(" ").into()));
        }
        if user.in_waitlist {
            fields.push(("waitlist", "the account still waits to be let in".into()));
        }
        fields.extend([
            ("type", Cell::text(&permissions.caller_type)),
            ("staff", permissions.is_staff_privileged.into()),
            ("scopes", Cell::names(&permissions.scopes)),
            ("capabilities", Cell::names(&permissions.capabilities)),
            ("toolsets", Cell::names(&permissions.toolsets)),
            ("server", Cell::text(&self.base_url)),
            ("key", self.credential.cell()),
        ]);
        fields
    }
}
