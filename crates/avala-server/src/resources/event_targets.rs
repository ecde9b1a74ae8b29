//! What webhooks and agents have in common: events, the address they are sent to, and the secret that signs them.

use avala_api::{EventName, FieldErrors};
use avala_keys::Secret;
use url::Url;

use crate::context::Context;

const LONGEST_URL: usize = 2048;
const LONGEST_EVENT: usize = 100;
const MOST_EVENTS: usize = 100;
const LONGEST_SECRET: usize = 255;

/// Checks an address that events are sent to. Whether a name leads to a public address is checked at each delivery:
/// what it resolves to may change.
pub(super) fn check_url(context: &Context, field: &str, text: &str, errors: &mut FieldErrors) {
    let problem = match Url::parse(text) {
        _ if text.len() > LONGEST_URL => "Ensure this field has no more than 2048 characters.",
        Err(_) => "Enter a valid URL.",
        Ok(url) if !url.username().is_empty() || url.password().is_some() => {
            "The URL must not hold a user name or password."
        }
        Ok(url) if url.fragment().is_some() => "The URL must not have a fragment.",
        Ok(url)
            if url.scheme() != "https"
                && !(url.scheme() == "http" && context.outgoing.may_be_plain(&url)) =>
        {
            "The URL must use HTTPS."
        }
        Ok(url) if context.outgoing.is_forbidden(&url) => "The address must be a public one.",
        Ok(_) => return,
    };
    errors.add(field, problem);
}

/// Checks names of events: `resource.happening`.
pub(super) fn check_events(events: &[EventName], errors: &mut FieldErrors) {
    let word = |word: &str| {
        !word.is_empty()
            && word
                .chars()
                .all(|letter| letter.is_ascii_lowercase() || letter == '_')
    };
    if events.len() > MOST_EVENTS {
        errors.add("events", "Ensure this list has no more than 100 items.");
    }
    for event in events {
        let name = event.as_str();
        if name.len() > LONGEST_EVENT
            || !name
                .split_once('.')
                .is_some_and(|(what, how)| word(what) && word(how))
        {
            errors.add("events", "Not the name of an event, such as task.completed.");
            return;
        }
    }
}

/// Checks a secret that the caller chose.
pub(super) fn check_secret(secret: &Secret, errors: &mut FieldErrors) {
    match secret.expose().len() {
        0 => errors.add("secret", "This field may not be blank."),
        1..=LONGEST_SECRET => {}
        _ => errors.add("secret", "Ensure this field has no more than 255 characters."),
    }
}

/// Nothing wrong, or all that is.
pub(super) fn finish(errors: FieldErrors) -> Result<(), FieldErrors> {
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}
