//! What benchmarks need to see and no program may: keys that no database has, a principal that nobody proved, and
//! times inside. Behind a feature that no published package turns on.

use std::{fmt, net::IpAddr, sync::Arc, time::Duration};

use avala_api::{API_KEY_HEADER, Timestamp, users::UserUid};
use avala_keys::{ApiKey, RandomnessFailed};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header::USER_AGENT};

use crate::{
    AuthorityError, RateLimit, Server, Usage,
    auth::Principal,
    edge::{Budget, Limits, Source},
    keys::{Access, Authority, KeyRow, NewKey},
    store::{Actor, Entry},
    usage::{self, Agent, Outcome, Used},
};

/// What is asked of a server beside its work.
#[derive(Clone, Default)]
pub(crate) struct Measured {
    principal: Option<Principal>,
    times: Option<Times>,
}

type Times = Arc<dyn Fn(Duration) + Send + Sync>;

impl Measured {
    pub(crate) fn principal(&self) -> Option<Principal> {
        self.principal.clone()
    }

    pub(crate) fn record(&self, time: Duration) {
        if let Some(times) = &self.times {
            times(time);
        }
    }
}

/// Makes every caller of a server the holder of this key: the same handlers, and no key is verified any more. Whether
/// the key was good.
pub fn fix_principal(server: &mut Server, key: &ApiKey) -> bool {
    let principal = headers_with(key).and_then(|headers| Principal::identify(&headers, server.keys()).ok());
    server.measured.principal = principal;
    server.measured.principal.is_some()
}

/// Hears the time of each request, from the head read to the answer handed over for writing.
pub fn on_each_request(server: &mut Server, times: impl Fn(Duration) + Send + Sync + 'static) {
    server.measured.times = Some(Arc::new(times));
}

/// Puts so many keys into the set and not into the database; a server that serves would drop them. The keys.
pub fn fill(authority: &Authority, count: usize) -> Result<Vec<ApiKey>, RandomnessFailed> {
    let now = authority.now();
    (0..count)
        .map(|number| {
            let key = authority.random().key(authority.class())?;
            let mut row = KeyRow::plain(key.id(), authority.peppers().newest().1.mac(key.expose()));
            row.class = authority.class();
            row.owner = authority.random().uid()?;
            row.organization = authority.random().uid()?;
            row.about.name = format!("key {number}");
            row.about.created_at = now;
            // Far away, but there: expiry is compared.
            row.expires_at = Some(Timestamp::from_unix_millis(now.unix_millis() + 1_000_000_000));
            authority.apply(row);
            Ok(key)
        })
        .collect()
}

/// Issues so many full keys of a user in one change, each with its line of the audit. The keys.
pub async fn issue(
    authority: &Authority,
    owner: &UserUid,
    count: usize,
) -> Result<Vec<ApiKey>, AuthorityError> {
    let (by, mut change, mut keys) = (Actor::Console, authority.store().change().await?, Vec::new());
    for number in 0..count {
        let new = NewKey {
            owner: owner.clone(),
            name: format!("key {number}"),
            access: Access::Full,
            expires_at: None,
        };
        let (issued, row) = authority.issue_within(&mut change, &new, &by).await?;
        let entry = Entry {
            at: authority.now(),
            actor: &by,
            action: "api_key.issue",
            object: issued.id.as_str(),
            organization: Some(row.organization.as_str()),
        };
        change.note(entry).await?;
        keys.push(issued.key);
    }
    let entry = Entry {
        at: authority.now(),
        actor: &by,
        action: "api_keys.issue",
        object: owner.as_str(),
        organization: None,
    };
    change.commit(entry).await?;
    Ok(keys)
}

/// Verifies the key of a request as every request is verified. Whether it is good.
pub fn verify(authority: &Authority, headers: &HeaderMap) -> bool {
    Principal::identify(headers, authority).is_ok()
}

/// The rate limits by themselves.
#[derive(Debug)]
pub struct Counter(Limits);

impl Counter {
    /// `None` when nothing is limited.
    pub fn new(limits: RateLimit) -> Option<Self> {
        Limits::new(limits).map(Self)
    }

    /// Counts a request with a key. Whether it is within the limits.
    pub fn count(&self, key: &ApiKey, owner: &str, now: Timestamp) -> bool {
        let allowance = self.0.count(Budget::Calls, Source::Key(key.id(), owner), now);
        allowance.wait.is_none()
    }
}

/// Counts a request as every request with a proven key is counted.
pub fn count_use(usage: &Usage, key: &ApiKey, headers: &HeaderMap, now: Timestamp) {
    usage.count(&Used {
        key: key.id(),
        group: usage::group(Some("webhooks.list")),
        outcome: Outcome::of(StatusCode::OK),
        is_in_force: true,
        at: now,
        address: IpAddr::from([127, 0, 0, 1]),
        agent: headers.get(USER_AGENT).and_then(Agent::of),
    });
}

fn headers_with(key: &ApiKey) -> Option<HeaderMap> {
    let mut value = HeaderValue::from_str(key.expose()).ok()?;
    value.set_sensitive(true);
    let name = HeaderName::from_bytes(API_KEY_HEADER.as_bytes()).ok()?;
    Some(HeaderMap::from_iter([(name, value)]))
}

impl fmt::Debug for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Measured")
    }
}
