//! What an error answer means: its kind, and its texts made fit to show.

use avala_api::{ErrorBody, FieldErrors};
use http::StatusCode;

use super::ErrorKind;
use crate::auth::Held;

/// The longest message that is kept of a server's text, in bytes.
pub(super) const LONGEST_MESSAGE: usize = 500;

/// The kind of a status.
pub(super) fn kind_of(status: StatusCode, body: &ErrorBody) -> ErrorKind {
    match status.as_u16() {
        400 | 422 => ErrorKind::Validation,
        401 => ErrorKind::Authentication,
        403 => ErrorKind::Forbidden,
        404 => ErrorKind::NotFound,
        409 => ErrorKind::Conflict,
        410 => ErrorKind::Gone,
        413 if body.limit.is_some() || body.used.is_some() => ErrorKind::QuotaExceeded,
        413 => ErrorKind::TooLarge,
        429 => ErrorKind::RateLimited,
        500..=599 => ErrorKind::Server,
        _ => ErrorKind::Status,
    }
}

/// Makes a server's texts fit to show: no secret, no control character, not too long.
#[derive(Clone, Copy)]
pub(crate) struct Tidy<'a> {
    /// The key that was sent. A server may repeat it, and its shape may be one that nobody knows.
    pub(crate) key: Option<&'a str>,
}

/// How much of a text is looked at. What is shown is far less.
const LOOKED_AT: usize = 8 * LONGEST_MESSAGE;

impl<'a> Tidy<'a> {
    /// For what was asked with this key.
    pub(crate) fn of(key: Option<&'a Held>) -> Self {
        Self {
            key: key.and_then(Held::text),
        }
    }
}

impl Tidy<'_> {
    pub(super) fn text(self, text: &str) -> String {
        let text = beginning(text);
        match self.key.filter(|key| text.contains(key)) {
            Some(key) => shortened(&avala_keys::redact::text(
                &text.replace(key, avala_keys::redact::REDACTED),
            )),
            None => shortened(&avala_keys::redact::text(text)),
        }
    }

    /// A server's body, every text of it.
    pub(super) fn body(self, mut body: ErrorBody) -> ErrorBody {
        for text in [&mut body.detail, &mut body.code, &mut body.doc_url] {
            *text = text.as_deref().map(|text| self.text(text));
        }
        let fields = (body.fields.0.into_iter()).map(|(field, messages)| {
            (
                self.text(&field),
                messages.iter().map(|message| self.text(message)).collect(),
            )
        });
        body.fields = FieldErrors(fields.collect());
        body
    }
}

/// The first part of a long text, up to white space: half a key would not be known for one.
fn beginning(text: &str) -> &str {
    if text.len() <= LOOKED_AT {
        return text;
    }
    let cut = text
        .get(..text.floor_char_boundary(LOOKED_AT))
        .unwrap_or_default();
    cut.rfind(char::is_whitespace)
        .and_then(|end| cut.get(..end))
        .unwrap_or_default()
}

pub(super) fn shortened(text: &str) -> String {
    let mut short = String::with_capacity(text.len().min(LONGEST_MESSAGE));
    for c in text.chars() {
        let c = if c.is_control() { ' ' } else { c };
        if short.len() + c.len_utf8() > LONGEST_MESSAGE - '…'.len_utf8() {
            short.push('…');
            break;
        }
        short.push(c);
    }
    short
}
