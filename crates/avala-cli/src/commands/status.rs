//! `avala status`: is the server there, is the key good, how much of the rate limit is left.

use std::time::Instant;

use avala_api::{RateLimit, key_class, users::Me};
use serde::Serialize;

use super::users::Credential;
use crate::{
    exit::Exit,
    failure::Failure,
    output::{Cell, Record},
    session::Session,
};

/// Prints what was found, then fails if something is not in order: a bad key must not look like an empty account.
pub(super) async fn run(session: &Session) -> Result<Exit, Failure> {
    let me = session.may_call::<Me>()?;
    let mut status = Status {
        base_url: me.client().base_url().to_string(),
        reachable: true,
        answered_in_ms: None,
        credential: Credential::of(&me.client().credential_report()),
        key: KeyState::Unknown,
        user: None,
        key_class: None,
        rate_limit: None,
    };
    let asked = Instant::now();
    let failure = match me.send_with_response(Me::new()).await {
        Ok(answer) => {
            status.key = KeyState::Accepted;
            status.user = Some(answer.value.username.clone());
            status.key_class = key_class(&answer.headers).map(str::to_owned);
            status.rate_limit = Limit::of(answer.rate_limit);
            None
        }
        Err(failure) => {
            status.reachable = failure.status.is_some();
            // 429 and 403 say nothing about whether the key itself is good.
            if failure.status == Some(401) {
                status.key = KeyState::Refused;
            }
            Some(failure)
        }
    };
    if status.reachable {
        status.answered_in_ms = u64::try_from(asked.elapsed().as_millis()).ok();
    }
    session.out.record(&status)?;
    failure.map_or(Ok(Exit::OK), Err)
}

#[derive(Debug, Serialize)]
struct Status {
    base_url: String,
    reachable: bool,
    answered_in_ms: Option<u64>,
    credential: Credential,
    key: KeyState,
    user: Option<String>,
    /// What kind of keys the server takes, where it says so.
    key_class: Option<String>,
    rate_limit: Option<Limit>,
}

#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
enum KeyState {
    Accepted,
    Refused,
    Unknown,
}

#[derive(Debug, Serialize)]
struct Limit {
    #[serde(rename = "limit")]
    most: Option<u64>,
    remaining: Option<u64>,
    reset: Option<avala_api::Timestamp>,
}

impl Limit {
    /// `None` when the server said nothing.
    fn of(told: RateLimit) -> Option<Self> {
        let limit = Self {
            most: told.limit,
            remaining: told.remaining,
            reset: told.reset,
        };
        (limit.most.is_some() || limit.remaining.is_some()).then_some(limit)
    }

    fn text(&self) -> String {
        let number = |value: Option<u64>| value.map_or_else(|| "?".to_owned(), |number| number.to_string());
        let reset = self
            .reset
            .map(|time| format!(", resets at {}", Cell::Time(time).readable()));
        format!(
            "{} of {} left{}",
            number(self.remaining),
            number(self.most),
            reset.unwrap_or_default()
        )
    }
}

impl Record for Status {
    fn fields(&self) -> Vec<(&'static str, Cell)> {
        let reached = match (self.reachable, self.answered_in_ms) {
            (true, Some(millis)) => format!("answered in {millis} ms"),
            (true, None) => "answered".to_owned(),
            (false, _) => "not reached".to_owned(),
        };
        let key = match self.key {
            KeyState::Accepted => "accepted",
            KeyState::Refused => "refused",
            KeyState::Unknown => "not known",
        };
        vec![
            ("server", Cell::text(&self.base_url)),
            ("reachable", reached.into()),
            ("key", self.credential.cell()),
            ("key is", key.into()),
            ("user", self.user.clone().into()),
            ("class of keys", self.key_class.clone().into()),
            (
                "rate limit",
                self.rate_limit
                    .as_ref()
                    .map_or_else(|| "none told".to_owned(), Limit::text)
                    .into(),
            ),
        ]
    }
}
