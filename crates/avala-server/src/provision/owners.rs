//! Declared users, organizations with their members, and service accounts.

use std::{collections::HashSet, ops::Range};

use avala_api::{FieldErrors, organizations};
use serde::Deserialize;

use super::{ProvisionError, Run};
use crate::{
    keys::{KeyRow, Role},
    resources::{key_fields::check_name, signup::is_email},
    store::{
        Actor, StoreError,
        memberships::{self},
        organizations::{NewOrganization, by_slug_within, insert, rename},
        service_accounts::{self, NewServiceAccount},
        users::{self, NewUser},
    },
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct User {
    email: String,
    first_name: Option<String>,
    last_name: Option<String>,
    /// As it is, if it is not said.
    disabled: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Organization {
    pub(super) slug: String,
    name: Option<String>,
    #[serde(default)]
    members: Vec<Member>,
}

impl Organization {
    pub(super) fn has_member(&self, email: &str) -> bool {
        self.members
            .iter()
            .any(|member| member.user.eq_ignore_ascii_case(email))
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Member {
    user: String,
    role: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ServiceAccount {
    pub(super) organization: String,
    pub(super) name: String,
    /// `member` for a new one, as it is for others, if it is not said.
    role: Option<String>,
    disabled: Option<bool>,
}

impl Run<'_> {
    pub(super) async fn users(&mut self) -> Result<(), ProvisionError> {
        let mut seen = HashSet::new();
        for entry in &self.provision.list.users {
            let (user, span) = (entry.as_ref(), entry.span());
            if !is_email(&user.email) {
                return Err(self.wrong(span, "this is no e-mail address"));
            }
            if !seen.insert(user.email.to_lowercase()) {
                return Err(self.wrong(span, format!("{} is listed twice", user.email)));
            }
            self.user(user).await?;
        }
        Ok(())
    }

    async fn user(&mut self, user: &User) -> Result<(), ProvisionError> {
        let now = self.authority.now();
        let uid = if let Some(found) = users::named(self.change.connection(), &user.email).await? {
            let (first, last) = (user.first_name.as_deref(), user.last_name.as_deref());
            let is_new = |said: Option<&str>, there: Option<&str>| said.is_some() && said != there;
            let uid = found.uid.to_string();
            if is_new(first, found.first_name.as_deref()) || is_new(last, found.last_name.as_deref()) {
                users::rename(self.change.connection(), &uid, first, last).await?;
                self.done(
                    None,
                    "user.update",
                    &uid,
                    format!("{} has another name", user.email),
                )
                .await?;
            }
            uid
        } else {
            let uid = self
                .authority
                .random()
                .uid()
                .map_err(crate::AuthorityError::from)?;
            let new = NewUser {
                uid: &uid,
                email: &user.email,
                first_name: user.first_name.as_deref(),
                last_name: user.last_name.as_deref(),
                password_hash: None,
                created_at: now,
            };
            users::insert(self.change.connection(), &new).await?;
            self.done(
                None,
                "user.create",
                &uid,
                format!("the user {} is made", user.email),
            )
            .await?;
            uid
        };
        let is_disabled = users::is_disabled(self.change.connection(), &uid).await?;
        match user.disabled {
            Some(true) if !is_disabled => {
                users::set_disabled(self.change.connection(), &uid, Some(now)).await?;
                let suspended = self
                    .authority
                    .suspend(&mut self.change, &Actor::Provision, &uid, None)
                    .await?;
                self.restated.add(suspended);
                let said = format!("{} is switched off", user.email);
                self.done(None, "user.disable", &uid, said).await
            }
            Some(false) if is_disabled => {
                users::set_disabled(self.change.connection(), &uid, None).await?;
                let resumed = self
                    .authority
                    .resume_user(&mut self.change, &Actor::Provision, &uid)
                    .await?;
                self.restated.add(resumed);
                let said = format!("{} is switched on", user.email);
                self.done(None, "user.enable", &uid, said).await
            }
            _ => Ok(()),
        }
    }

    pub(super) async fn organizations(&mut self) -> Result<(), ProvisionError> {
        let mut seen = HashSet::new();
        for entry in &self.provision.list.organizations {
            let (organization, span) = (entry.as_ref(), entry.span());
            let slug = &organization.slug;
            let is_slug = (1..=100).contains(&slug.len())
                && slug
                    .bytes()
                    .all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == b'-');
            if !is_slug {
                return Err(self.wrong(span, "a slug has small letters, digits and hyphens"));
            }
            if !seen.insert(slug) {
                return Err(self.wrong(span, format!("{slug} is listed twice")));
            }
            if let Some(name) = &organization.name {
                self.check_name(&span, name)?;
            }
            self.organization(organization, span).await?;
        }
        Ok(())
    }

    async fn organization(
        &mut self,
        organization: &Organization,
        span: Range<usize>,
    ) -> Result<(), ProvisionError> {
        let slug = &organization.slug;
        let name = organization.name.as_deref();
        let uid = if let Some(found) = by_slug_within(self.change.connection(), slug).await? {
            if let Some(name) = name.filter(|name| *name != found.name) {
                rename(self.change.connection(), &found.uid, name, self.authority.now()).await?;
                let said = format!("the organization {slug} has another name");
                self.done(Some(&found.uid), "organization.update", &found.uid, said)
                    .await?;
            }
            found.uid
        } else {
            let uid = self
                .authority
                .random()
                .uid()
                .map_err(crate::AuthorityError::from)?;
            let new = NewOrganization {
                uid: &uid,
                slug,
                name: name.unwrap_or(slug),
                created_at: self.authority.now(),
            };
            insert(self.change.connection(), &new).await?;
            let said = format!("the organization {slug} is made");
            self.done(Some(&uid), "organization.create", &uid, said).await?;
            uid
        };
        let mut seen = HashSet::new();
        for member in &organization.members {
            if !seen.insert(member.user.to_lowercase()) {
                let said = format!("{} is a member of {slug} twice", member.user);
                return Err(self.wrong(span, said));
            }
            self.member(&uid, slug, member, span.clone()).await?;
        }
        let has_owner = memberships::has_another_owner(self.change.connection(), &uid, "").await?;
        if !organization.members.is_empty() && !has_owner {
            return Err(self.wrong(span, format!("{slug} would have no owner who is switched on")));
        }
        Ok(())
    }

    async fn member(
        &mut self,
        organization: &str,
        slug: &str,
        member: &Member,
        span: Range<usize>,
    ) -> Result<(), ProvisionError> {
        let Member { user: email, role } = member;
        let Ok(role) = role.parse::<Role>() else {
            return Err(self.wrong(
                span,
                format!("the role of {email} must be owner, admin or member"),
            ));
        };
        let Some(user) = users::named(self.change.connection(), email).await? else {
            return Err(self.wrong(span, format!("there is no user {email}")));
        };
        let uid = user.uid.as_str();
        let now = self.authority.now();
        let present = memberships::role(self.change.connection(), organization, uid).await?;
        let is_new = present.is_none();
        if is_new {
            memberships::insert(self.change.connection(), organization, uid, role, now).await?;
            let said = format!("{email} belongs to {slug} as {role}");
            self.done(Some(organization), "member.add", uid, said).await?;
        } else if present != Some(role) {
            memberships::set_role(self.change.connection(), organization, uid, role).await?;
            let said = format!("{email} is {role} of {slug}");
            self.done(Some(organization), "member.change_role", uid, said)
                .await?;
        }
        // Somebody who comes back has the keys of before, unless switched off altogether.
        let resumes = is_new && !users::is_disabled(self.change.connection(), uid).await?;
        let set = |row: &mut KeyRow| {
            row.role = role;
            if resumes {
                row.suspended_at = None;
            }
            Ok::<_, StoreError>(())
        };
        let (by, action) = (&Actor::Provision, "api_key.change_role");
        let restated = self
            .authority
            .restate(&mut self.change, by, action, uid, Some(organization), set)
            .await?;
        self.add(restated, |keys| {
            format!("{keys} keys of {email} in {slug} are those of a role {role}")
        });
        Ok(())
    }

    pub(super) async fn service_accounts(&mut self) -> Result<(), ProvisionError> {
        let mut seen = HashSet::new();
        for entry in &self.provision.list.service_accounts {
            let (account, span) = (entry.as_ref(), entry.span());
            self.check_name(&span, &account.name)?;
            if !seen.insert((&account.organization, &account.name)) {
                return Err(self.wrong(span, format!("{} is listed twice", account.name)));
            }
            let organization = self.place(&account.organization, &span).await?;
            let role = match account.role.as_deref().map(str::parse) {
                None => None,
                Some(Ok(role @ (Role::Member | Role::Admin))) => Some(role),
                Some(_) => return Err(self.wrong(span, "the role must be admin or member")),
            };
            self.service_account(account, &organization, role).await?;
        }
        Ok(())
    }

    async fn service_account(
        &mut self,
        account: &ServiceAccount,
        organization: &str,
        role: Option<Role>,
    ) -> Result<(), ProvisionError> {
        let (now, name) = (self.authority.now(), &account.name);
        let found = service_accounts::by_name(self.change.connection(), organization, name).await?;
        let Some(mut found) = found else {
            let uid = self
                .authority
                .random()
                .uid()
                .map_err(crate::AuthorityError::from)?;
            let new = NewServiceAccount {
                uid: &uid,
                organization,
                name,
                role: role.unwrap_or(Role::Member),
                created_at: now,
                created_by: &Actor::Provision.name(),
            };
            service_accounts::insert(self.change.connection(), &new).await?;
            let said = format!("the service account {name} is made");
            self.done(Some(organization), "service_account.create", &uid, said)
                .await?;
            if account.disabled == Some(true) {
                let connection = self.change.connection();
                if let Some(mut made) = service_accounts::find(connection, organization, &uid).await? {
                    made.disabled_at = Some(now);
                    service_accounts::update(self.change.connection(), &made).await?;
                }
            }
            return Ok(());
        };
        let before = (found.role.clone(), found.disabled_at);
        if let Some(role) = role {
            found.role = organizations::Role::from(role.as_str());
        }
        found.disabled_at = match account.disabled {
            Some(true) => found.disabled_at.or(Some(now)),
            Some(false) => None,
            None => found.disabled_at,
        };
        let uid = found.uid.to_string();
        if before != (found.role.clone(), found.disabled_at) {
            service_accounts::update(self.change.connection(), &found).await?;
            let said = format!("the service account {name} is as declared");
            self.done(Some(organization), "service_account.update", &uid, said)
                .await?;
        }
        let declared = account.disabled;
        let set = |row: &mut KeyRow| {
            row.role = role.unwrap_or(row.role);
            match declared {
                Some(true) => row.suspended_at = row.suspended_at.or(Some(now)),
                Some(false) => row.suspended_at = None,
                None => {}
            }
            Ok::<_, StoreError>(())
        };
        let (by, action) = (&Actor::Provision, "api_key.change_role");
        let restated = self
            .authority
            .restate(&mut self.change, by, action, &uid, Some(organization), set)
            .await?;
        self.add(restated, |keys| format!("{keys} keys of {name} are as it is"));
        Ok(())
    }

    /// The organization of a slug: declared, or there already.
    pub(super) async fn place(&mut self, slug: &str, span: &Range<usize>) -> Result<String, ProvisionError> {
        let found = by_slug_within(self.change.connection(), slug).await?;
        found
            .map(|found| found.uid)
            .ok_or_else(|| self.wrong(span.clone(), format!("there is no organization {slug}")))
    }

    pub(super) fn check_name(&self, span: &Range<usize>, name: &str) -> Result<(), ProvisionError> {
        let mut errors = FieldErrors::default();
        check_name("name", name, &mut errors);
        self.check(span, &errors)
    }

    pub(super) fn check(&self, span: &Range<usize>, errors: &FieldErrors) -> Result<(), ProvisionError> {
        if errors.is_empty() {
            Ok(())
        } else {
            Err(self.wrong(span.clone(), errors.to_string()))
        }
    }
}
