//! Declared keys: each is what its private file holds.

use std::{
    collections::HashSet,
    ops::Range,
    path::{Path, PathBuf},
};

use avala_api::{
    FieldErrors, ScopeName, Timestamp,
    api_keys::{KeyAccess, KeyState},
};
use avala_keys::ApiKey;
use serde::Deserialize;

use super::{
    ProvisionError, Run,
    key_files::{self, NewFile},
};
use crate::{
    error::AuthorityError,
    keys::{Bounds, KeyRow, Mint, Role},
    resources::key_fields,
    store::{Actor, api_keys, memberships, organizations, service_accounts, users},
};

/// How long a key still opens whose file was taken away, in milliseconds.
const GRACE: i64 = 24 * 60 * 60 * 1000;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Key {
    organization: String,
    /// Whose it is: a user's, by e-mail address,
    user: Option<String>,
    /// or a service account's, by name.
    service_account: Option<String>,
    name: String,
    access: Access,
    #[serde(default)]
    networks: Vec<String>,
    environment: Option<String>,
    expires_at: Option<String>,
    file: PathBuf,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Access {
    Named(String),
    Listed(Vec<ScopeName>),
}

/// Whose a declared key is.
struct Owner {
    uid: String,
    organization: String,
    role: Role,
    is_disabled: bool,
}

impl Run<'_> {
    pub(super) async fn keys(&mut self) -> Result<(), ProvisionError> {
        let (mut files, mut names) = (HashSet::new(), HashSet::new());
        for entry in &self.provision.list.keys {
            let (key, span) = (entry.as_ref(), entry.span());
            let path = self.provision.dir.join(&key.file);
            if !files.insert(path.clone()) {
                return Err(self.wrong(span, "another key has this file"));
            }
            let owner = self.owner(key, &span).await?;
            if !names.insert((owner.uid.clone(), owner.organization.clone(), key.name.clone())) {
                return Err(self.wrong(span, "another key of this owner has this name"));
            }
            let bounds = self.bounds(key, &span)?;
            let held = key_files::read(&path).map_err(|problem| self.wrong(span.clone(), problem))?;
            match held {
                Some(held) => self.held(key, &path, held, owner, bounds, span).await?,
                None => self.missing(key, path, owner, bounds).await?,
            }
        }
        Ok(())
    }

    /// What is declared of it, checked.
    fn bounds(&self, key: &Key, span: &Range<usize>) -> Result<Bounds, ProvisionError> {
        let mut errors = FieldErrors::default();
        key_fields::check_name("name", &key.name, &mut errors);
        if let Some(environment) = &key.environment {
            key_fields::check_name("environment", environment, &mut errors);
        }
        let access = match &key.access {
            Access::Named(name) if name == "full" => KeyAccess::Full,
            Access::Named(_) => {
                errors.add("access", "Must be \"full\" or a list of scopes.");
                KeyAccess::listed([])
            }
            Access::Listed(scopes) => KeyAccess::Listed {
                scopes: scopes.clone(),
            },
        };
        let end: Option<Timestamp> = key.expires_at.as_deref().and_then(|text| text.parse().ok());
        if key.expires_at.is_some() && end.is_none() {
            errors.add("expires_at", "Not an instant such as 2026-12-31T00:00:00Z.");
        }
        let bounds = Bounds {
            access: key_fields::access(access, &mut errors),
            networks: key_fields::networks(&key.networks, &mut errors),
            resources: None,
            end,
        };
        self.check(span, &errors)?;
        Ok(bounds)
    }

    async fn owner(&mut self, key: &Key, span: &Range<usize>) -> Result<Owner, ProvisionError> {
        let organization = self.place(&key.organization, span).await?;
        match (&key.user, &key.service_account) {
            (Some(email), None) => {
                let Some(user) = users::named(self.change.connection(), email).await? else {
                    return Err(self.wrong(span.clone(), format!("there is no user {email}")));
                };
                let uid = user.uid.to_string();
                let role = memberships::role(self.change.connection(), &organization, &uid).await?;
                let Some(role) = role else {
                    let said = format!("{email} does not belong to {}", key.organization);
                    return Err(self.wrong(span.clone(), said));
                };
                Ok(Owner {
                    is_disabled: users::is_disabled(self.change.connection(), &uid).await?,
                    uid,
                    organization,
                    role,
                })
            }
            (None, Some(name)) => {
                let connection = self.change.connection();
                let found = service_accounts::by_name(connection, &organization, name).await?;
                let role = found
                    .as_ref()
                    .and_then(|account| account.role.as_str().parse().ok());
                let (Some(account), Some(role)) = (found, role) else {
                    return Err(self.wrong(span.clone(), format!("there is no service account {name}")));
                };
                Ok(Owner {
                    uid: account.uid.to_string(),
                    organization,
                    role,
                    is_disabled: account.disabled_at.is_some(),
                })
            }
            _ => Err(self.wrong(span.clone(), "a key is either a user's or a service_account's")),
        }
    }

    /// There is no file: a key that does not exist yet, or that is to have a successor.
    async fn missing(
        &mut self,
        key: &Key,
        path: PathBuf,
        owner: Owner,
        bounds: Bounds,
    ) -> Result<(), ProvisionError> {
        let class = self.authority.class();
        let new = self.authority.random().key(class).map_err(AuthorityError::from)?;
        if self.take_in(key, new.clone(), owner, bounds, "made").await? {
            let key = new.into_secret();
            self.new_files.push(NewFile { path, key });
        }
        Ok(())
    }

    /// There is a file with a key.
    async fn held(
        &mut self,
        key: &Key,
        path: &Path,
        held: ApiKey,
        owner: Owner,
        bounds: Bounds,
        span: Range<usize>,
    ) -> Result<(), ProvisionError> {
        let (class, file) = (self.authority.class(), path.display());
        if held.class() != class {
            let said = format!("the file {file} holds no {class} key, and this server has no others");
            return Err(self.wrong(span, said));
        }
        let Some(stored) = api_keys::find(self.change.connection(), held.id()).await? else {
            self.take_in(key, held, owner, bounds, "adopted").await?;
            return Ok(());
        };
        let Some(mut row) = self.authority.trusted(stored) else {
            let said =
                format!("the key in {file} was changed outside of the server; delete the file for another");
            return Err(self.wrong(span, said));
        };
        if !self.authority.is_of(&row, &held) {
            let said = format!("the key in {file} has the id of another one");
            return Err(self.wrong(span, said));
        }
        if row.owner != owner.uid || row.organization != owner.organization {
            let said = format!("the key in {file} is somebody else's");
            return Err(self.wrong(span, said));
        }
        let present = Bounds::of_successors(&row);
        let state = self.authority.state(&row);
        if !matches!(state, KeyState::Active | KeyState::Disabled) {
            let said = format!(
                "the key {} ({}) is {state}; delete {file} for another",
                row.id, key.name
            );
            self.told.notes.push(said);
        } else if present != bounds && present.cover(&bounds) {
            row.access = bounds.access;
            row.networks = bounds.networks;
            row.expires_at = bounds.end;
            self.write(&mut row).await?;
            let said = format!("the key {} ({}) is narrowed", row.id, key.name);
            self.done(Some(&row.organization), "api_key.update", row.id.as_str(), said)
                .await?;
            self.restated.add_row(row);
        } else if present != bounds {
            let said = format!(
                "the key {} ({}) may do less than declared, and is only ever narrowed; delete {file} for another",
                row.id, key.name
            );
            self.told.notes.push(said);
        }
        Ok(())
    }

    /// Makes a key of the server's of this one, and the successor of the one that was declared so before. Whether it did.
    async fn take_in(
        &mut self,
        key: &Key,
        new: ApiKey,
        owner: Owner,
        bounds: Bounds,
        how: &str,
    ) -> Result<bool, ProvisionError> {
        let name = &key.name;
        if owner.is_disabled {
            let said = format!("the key {name} is not made, since its owner is switched off");
            self.told.notes.push(said);
            return Ok(false);
        }
        if self.authority.has_passed(bounds.end) {
            let said = format!("the key {name} is not made, since its end has passed");
            self.told.notes.push(said);
            return Ok(false);
        }
        let mut earlier = self.earlier(name, &owner).await?;
        let created_by = Actor::Provision.name();
        let mint = Mint {
            owner: owner.uid,
            organization: owner.organization,
            role: owner.role,
            name: name.clone(),
            access: bounds.access,
            expires_at: bounds.end,
            networks: bounds.networks,
            resources: bounds.resources,
            environment: key.environment.clone(),
            created_by,
            rotated_from: earlier.last().map(|row| row.id),
        };
        let id = new.id();
        let (_, row) = self.authority.take_in(&mut self.change, new, mint).await?;
        let said = format!("the key {id} ({name}) is {how}");
        self.done(Some(&row.organization), "api_key.issue", id.as_str(), said)
            .await?;
        self.restated.add_row(row);
        let until = Timestamp::from_unix_millis(self.authority.now().unix_millis() + GRACE);
        for mut row in earlier.drain(..) {
            row.rotated_to = Some(id);
            row.grace_until = [Some(until), row.expires_at].into_iter().flatten().min();
            self.write(&mut row).await?;
            let said = format!("the key {} ({name}) has a successor, and a day left", row.id);
            self.done(Some(&row.organization), "api_key.rotate", row.id.as_str(), said)
                .await?;
            self.restated.add_row(row);
        }
        Ok(true)
    }

    /// The keys that were made for the same entry before, and have no successor.
    async fn earlier(&mut self, name: &str, owner: &Owner) -> Result<Vec<KeyRow>, ProvisionError> {
        let created_by = Actor::Provision.name();
        let stored = api_keys::of_owner(self.change.connection(), &owner.uid).await?;
        let rows = stored
            .into_iter()
            .filter_map(|stored| self.authority.trusted(stored));
        Ok(rows
            .filter(|row| {
                row.about.name == name
                    && row.organization == owner.organization
                    && row.about.created_by.as_deref() == Some(&created_by)
                    && row.revoked_at.is_none()
                    && row.rotated_to.is_none()
            })
            .collect())
    }

    async fn write(&mut self, row: &mut KeyRow) -> Result<(), ProvisionError> {
        row.seq = self.change.next_seq().await?;
        Ok(self.authority.write(&mut self.change, row).await?)
    }

    /// Notes what the list made or could have made, and does not say any more.
    pub(super) async fn unlisted(&mut self) -> Result<(), ProvisionError> {
        let list = &self.provision.list;
        for entry in &list.organizations {
            let slug = &entry.as_ref().slug;
            let Some(place) = organizations::by_slug_within(self.change.connection(), slug).await? else {
                continue;
            };
            let is_listed = |name: &str| {
                list.service_accounts.iter().any(|account| {
                    let account = account.as_ref();
                    account.organization == *slug && account.name == name
                })
            };
            for name in service_accounts::names(self.change.connection(), &place.uid).await? {
                if !is_listed(&name) {
                    let said = format!("the service account {name} of {slug} is not listed, and left alone");
                    self.told.notes.push(said);
                }
            }
            let by = Actor::Provision.name();
            for (id, name) in api_keys::made_by(self.change.connection(), &place.uid, &by).await? {
                let is_listed = list
                    .keys
                    .iter()
                    .any(|key| key.as_ref().organization == *slug && key.as_ref().name == name);
                if !is_listed {
                    let said =
                        format!("the key {id} ({name}) of {slug} is not listed any more, and left alone");
                    self.told.notes.push(said);
                }
            }
            for email in memberships::emails(self.change.connection(), &place.uid).await? {
                if !entry.as_ref().has_member(&email) {
                    let said = format!("the member {email} of {slug} is not listed, and left alone");
                    self.told.notes.push(said);
                }
            }
        }
        Ok(())
    }
}
