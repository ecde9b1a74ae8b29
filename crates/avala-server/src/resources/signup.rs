//! Sign-up: an account and its first key, without a key.

use avala_api::{
    Extra, FieldErrors,
    signup::{Account, Create},
};
use avala_keys::Secret;
use http::StatusCode;

use crate::{
    accounts::{self, Made, NewAccount},
    context::Context,
    error::AuthorityError,
    keys::{Access, NewKey},
    refusal::Refusal,
    store::{Actor, Entry, users},
};

const SHORTEST_PASSWORD: usize = 8;
const LONGEST_PASSWORD: usize = 1024;
const LONGEST_NAME: usize = 150;
const LONGEST_EMAIL: usize = 254;

pub(super) async fn create(context: Context, operation: Create) -> Result<Account, Refusal> {
    let Some(passwords) = &context.sign_up else {
        return Err(Refusal::new(
            StatusCode::FORBIDDEN,
            "Sign-up is switched off on this server.",
            "sign_up_off",
        ));
    };
    check(&operation)?;
    let Create {
        email,
        password,
        first_name,
        last_name,
    } = operation;
    // Before the hash: a known address must not cost more than it has to.
    if users::by_email(context.store().reader(), &email).await?.is_some() {
        return Err(exists());
    }
    let salt = context.authority.random().bytes()?;
    let hash = passwords
        .hash(password, salt)
        .await
        .map_err(|_| Refusal::internal())?;

    let authority = &context.authority;
    let new = NewAccount {
        email: &email,
        first_name: first_name.as_deref(),
        last_name: last_name.as_deref(),
        password_hash: Some(&hash),
    };
    let mut change = context.store().change().await?;
    let Made { user, organization } = match accounts::create_within(authority, &mut change, &new).await {
        Err(AuthorityError::UserExists) => return Err(exists()),
        made => made?,
    };
    let new = NewKey {
        owner: user.uid.clone(),
        name: "sign-up".into(),
        access: Access::Full,
        expires_at: None,
    };
    let actor = Actor::SignUp {
        user: user.uid.to_string(),
    };
    let (issued, row) = authority.issue_within(&mut change, &new, &actor).await?;
    let entry = |action, object| Entry {
        at: authority.now(),
        actor: &actor,
        action,
        object,
        organization: Some(&organization),
    };
    change.note(entry("user.create", user.uid.as_str())).await?;
    change.commit(entry("api_key.issue", issued.id.as_str())).await?;
    authority.apply(row);
    Ok(Account {
        user,
        api_key: issued.key.into_secret(),
        extra: Extra::new(),
    })
}

fn exists() -> Refusal {
    Refusal::bad_request("A user with this email already exists.", "email_taken")
}

fn check(operation: &Create) -> Result<(), FieldErrors> {
    let mut errors = FieldErrors::default();
    if !is_email(&operation.email) {
        errors.add("email", "Enter a valid email address.");
    }
    check_password(&operation.password, &mut errors);
    for (field, name) in [
        ("first_name", &operation.first_name),
        ("last_name", &operation.last_name),
    ] {
        if name
            .as_ref()
            .is_some_and(|name| name.chars().count() > LONGEST_NAME)
        {
            errors.add(field, "Ensure this field has no more than 150 characters.");
        }
    }
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

fn check_password(password: &Secret, errors: &mut FieldErrors) {
    let length = password.expose().chars().count();
    if length < SHORTEST_PASSWORD {
        errors.add(
            "password",
            "This password is too short. It must contain at least 8 characters.",
        );
    } else if length > LONGEST_PASSWORD {
        errors.add(
            "password",
            "This password is too long. It must contain at most 1024 characters.",
        );
    }
}

/// Whether the text has the form of an address. Whether anybody reads mail there, no pattern can tell.
fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else {
        return false;
    };
    let printable = |letter: char| !letter.is_whitespace() && !letter.is_control() && letter != '@';
    let label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .chars()
                .all(|letter| letter.is_alphanumeric() || letter == '-')
    };
    text.len() <= LONGEST_EMAIL
        && !local.is_empty()
        && local.len() <= 64
        && local.chars().all(printable)
        && domain.contains('.')
        && domain.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::is_email;

    #[test]
    fn addresses_are_told_from_other_texts() {
        for good in [
            "a@example.com",
            "first.last+tag@sub.example.org",
            "ü@bücher.example",
        ] {
            assert!(is_email(good), "{good}");
        }
        for bad in [
            "",
            "a",
            "@example.com",
            "a@",
            "a@b",
            "a b@example.com",
            "a@b@example.com",
            "a@example..com",
            "a@-x.com",
            "a@example.com\n",
            "a@exa mple.com",
        ] {
            assert!(!is_email(bad), "{bad:?}");
        }
    }
}
