//! Users, beside the API: made, listed, switched off and on.

use avala_api::{
    Timestamp,
    users::{User, UserUid},
};
use serde::Serialize;

use crate::{
    accounts::{self, NewAccount},
    error::AuthorityError,
    keys::Authority,
    store::{Actor, Entry, users},
};

/// Users, beside the API.
#[derive(Debug)]
pub struct Users<'a>(&'a Authority);

/// A user, as the console of the machine shows one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ListedUser {
    /// Identifier.
    pub uid: UserUid,
    /// E-mail address.
    pub email: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// Since when it is switched off.
    pub disabled_at: Option<Timestamp>,
    /// The organizations it belongs to, and as what.
    pub organizations: Vec<Place>,
}

/// An organization of a user's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Place {
    /// The organization's name in paths.
    pub slug: String,
    /// What the user is there.
    pub role: String,
}

/// A user that was switched off or on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Switched {
    /// Who.
    pub uid: UserUid,
    /// Whose e-mail address this is.
    pub email: String,
    /// How many keys were suspended, or are no longer.
    pub keys: usize,
}

impl Authority {
    /// Users, beside the API.
    pub fn users(&self) -> Users<'_> {
        Users(self)
    }
}

impl Users<'_> {
    /// Makes a user without a password, and the organization that is the user's own.
    pub async fn create(&self, email: &str) -> Result<User, AuthorityError> {
        accounts::create(
            self.0,
            &NewAccount {
                email,
                ..NewAccount::default()
            },
        )
        .await
    }

    /// Whether there is any user.
    pub async fn exist(&self) -> Result<bool, AuthorityError> {
        Ok(users::exist(self.0.store().reader()).await?)
    }

    /// All users, oldest first.
    pub async fn list(&self) -> Result<Vec<ListedUser>, AuthorityError> {
        let mut listed: Vec<ListedUser> = Vec::new();
        for line in users::list(self.0.store().reader()).await? {
            let place = line.place.map(|(slug, role)| Place { slug, role });
            match listed.last_mut().filter(|user| user.uid.as_str() == line.uid) {
                Some(user) => user.organizations.extend(place),
                None => listed.push(ListedUser {
                    uid: line.uid.into(),
                    email: line.email,
                    created_at: line.created_at,
                    disabled_at: line.disabled_at,
                    organizations: place.into_iter().collect(),
                }),
            }
        }
        Ok(listed)
    }

    /// Switches a user off, by e-mail address or uid: all their keys are suspended, and none is issued to them.
    pub async fn disable(&self, name: &str) -> Result<Switched, AuthorityError> {
        self.switch(name, false).await
    }

    /// Switches a user on again. Their keys are what they were, but for those of organizations they left meanwhile.
    pub async fn enable(&self, name: &str) -> Result<Switched, AuthorityError> {
        self.switch(name, true).await
    }

    async fn switch(&self, name: &str, on: bool) -> Result<Switched, AuthorityError> {
        let (authority, actor) = (self.0, &Actor::Console);
        let mut change = authority.store().change().await?;
        change.next_seq().await?;
        let found = users::named(change.connection(), name).await?;
        let user = found.ok_or(AuthorityError::NotFound("user"))?;
        let uid = user.uid.as_str();
        let restated = if on {
            users::set_disabled(change.connection(), uid, None).await?;
            authority.resume_user(&mut change, actor, uid).await?
        } else {
            users::set_disabled(change.connection(), uid, Some(authority.now())).await?;
            authority.suspend(&mut change, actor, uid, None).await?
        };
        let keys = restated.len();
        change
            .commit(Entry {
                at: authority.now(),
                actor,
                action: if on { "user.enable" } else { "user.disable" },
                object: uid,
                organization: None,
            })
            .await?;
        authority.restated(restated);
        Ok(Switched {
            uid: user.uid,
            email: user.username,
            keys,
        })
    }
}
