//! Making a user: the row, and the organization that is the user's own.

use avala_api::{Extra, users::User};

use crate::{
    error::AuthorityError,
    hex,
    keys::Authority,
    store::{
        Actor, Change, Entry, StoreError,
        organizations::{self, NewOrganization},
        users::{self, NewUser},
    },
};

/// What a new user brings.
#[derive(Debug, Default)]
pub(crate) struct NewAccount<'a> {
    pub(crate) email: &'a str,
    pub(crate) first_name: Option<&'a str>,
    pub(crate) last_name: Option<&'a str>,
    pub(crate) password_hash: Option<&'a str>,
}

/// A user just made.
pub(crate) struct Made {
    pub(crate) user: User,
    /// The organization that is the user's own.
    pub(crate) organization: String,
}

/// Makes a user at the console.
pub(crate) async fn create(authority: &Authority, new: &NewAccount<'_>) -> Result<User, AuthorityError> {
    let mut change = authority.store().change().await?;
    let made = create_within(authority, &mut change, new).await?;
    change
        .commit(Entry {
            at: authority.now(),
            actor: &Actor::Console,
            action: "user.create",
            object: made.user.uid.as_str(),
            organization: Some(&made.organization),
        })
        .await?;
    Ok(made.user)
}

/// Makes a user as part of a larger change.
pub(crate) async fn create_within(
    authority: &Authority,
    change: &mut Change,
    new: &NewAccount<'_>,
) -> Result<Made, AuthorityError> {
    let now = authority.now();
    let uid = authority.random().uid()?;
    let row = NewUser {
        uid: &uid,
        email: new.email,
        first_name: new.first_name,
        last_name: new.last_name,
        password_hash: new.password_hash,
        created_at: now,
    };
    users::insert(change.connection(), &row).await.map_err(taken)?;

    let called = new.email.split('@').next().unwrap_or_default();
    let organization = authority.random().uid()?;
    let row = NewOrganization {
        uid: &organization,
        slug: &slug(called, &authority.random().bytes::<4>()?),
        name: new.first_name.filter(|name| !name.is_empty()).unwrap_or(called),
        owner: &uid,
        created_at: now,
    };
    organizations::insert(change.connection(), &row).await?;
    let user = User {
        uid: uid.into(),
        username: new.email.to_owned(),
        email: Some(new.email.to_owned()),
        first_name: new.first_name.map(str::to_owned),
        last_name: new.last_name.map(str::to_owned),
        in_waitlist: false,
        extra: Extra::new(),
    };
    Ok(Made { user, organization })
}

fn taken(error: StoreError) -> AuthorityError {
    if error.is_duplicate() {
        AuthorityError::UserExists
    } else {
        error.into()
    }
}

/// A slug that says whose organization it is, and is nobody else's.
fn slug(called: &str, random: &[u8]) -> String {
    let letters: String = called
        .chars()
        .take(40)
        .map(|letter| {
            if letter.is_ascii_alphanumeric() {
                letter.to_ascii_lowercase()
            } else {
                '-'
            }
        })
        .collect();
    format!("{letters}-{}", hex::encode(random))
}
