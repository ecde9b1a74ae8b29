//! Keys that must not work: what each of them deserves, on the wire and in the client.

use std::time::{Duration, Instant};

use avala::{ErrorKind, Scope, Timestamp};
use avala_api::{Secret, texts};
use avala_keys::{ApiKey, Class, RandomnessFailed};
use avala_server::keys::{Access, Authority, NewKey};

use super::{Player, Stage, Told, wire};
use crate::output::story::{Broken, Fact, Story};

const ME: &str = "/api/v1/users/me/";

/// How long a running server may take to notice what another process did to a key.
const NOTICE: Duration = Duration::from_secs(2);

/// Not often: calls without an accepted key have a rate limit of their own.
const LOOK_AGAIN: Duration = Duration::from_millis(80);

/// What a refusal says, to the letter.
#[derive(Clone, Copy)]
struct Refusal {
    status: u16,
    detail: &'static str,
    code: &'static str,
}

const fn refused(detail: &'static str, code: &'static str) -> Refusal {
    Refusal {
        status: 401,
        detail,
        code,
    }
}

pub(super) async fn tell(story: &mut Story, stage: &Stage, player: &Player) -> Told {
    let right = player.key.expose();

    let fact = story.fact("no key: 401 key_missing, with a challenge");
    on_the_wire(stage, &[], refused(texts::KEY_MISSING, "key_missing"), &fact).await?;
    fact.holds()?;

    let fact = story.fact("a damaged key: 401 key_malformed, found by its checksum");
    let damaged = with_other_end(right);
    everywhere(
        stage,
        &damaged,
        refused(texts::KEY_INVALID, "key_malformed"),
        &fact,
    )
    .await?;
    fact.holds()?;

    let fact = story.fact("two key headers: 401 key_malformed, even if both are right");
    on_the_wire(
        stage,
        &[right, right],
        refused(texts::KEY_INVALID, "key_malformed"),
        &fact,
    )
    .await?;
    fact.holds()?;

    let fact = story.fact("a live key on a test server: 401 key_wrong_class");
    let live = another(Class::Live, &fact)?;
    everywhere(
        stage,
        &live,
        refused(texts::KEY_INVALID, "key_wrong_class"),
        &fact,
    )
    .await?;
    fact.holds()?;

    guessed(story, stage, right).await?;
    ended(story, stage, player).await?;

    let fact = story.fact("and Ada's own key works as it did");
    let client = fact.works("the client", stage.client_with(&player.key))?;
    let me = fact.answer(client.users().me().send_with_response()).await?;
    fact.equal("who it is", &player.user.uid, &me.value.uid)?;
    let limit = me.rate_limit;
    let told = limit.limit.zip(limit.remaining).zip(limit.reset);
    let ((most, left), _) = fact.some("the three X-RateLimit headers", told)?;
    fact.is("what is left of the rate limit", left < most, limit)?;
    fact.holds()?;
    Ok(())
}

/// Wrong keys that look right. Whether the public id exists must not show.
async fn guessed(story: &mut Story, stage: &Stage, right: &str) -> Told {
    let fact = story.fact("a key nobody issued, or a right id with a wrong secret: one 401 key_invalid");
    let expected = refused(texts::KEY_INVALID, "key_invalid");
    let unknown = another(Class::Test, &fact)?;
    let guessed = with_other_secret(right, &fact)?;
    everywhere(stage, &guessed, expected, &fact).await?;
    let unknown = on_the_wire(stage, &[unknown.expose()], expected, &fact).await?;
    let guessed = on_the_wire(stage, &[guessed.expose()], expected, &fact).await?;
    fact.equal("the two bodies", &unknown.body, &guessed.body)?;
    fact.holds()?;
    Ok(())
}

/// Keys that worked once, or that lack a right. They are ended by the server's own authority, in this process, on the
/// same data directory; the running server notices.
async fn ended(story: &mut Story, stage: &Stage, player: &Player) -> Told {
    let mut fact = story.fact("the server's key authority issues three more keys for Ada");
    let authority = fact.works("the authority", Authority::open(&stage.data_dir).await)?;
    let mut issued = Vec::new();
    for (name, access) in [
        ("to expire", Access::Full),
        ("to be revoked", Access::Full),
        ("to read webhooks", Access::Listed(vec![Scope::WebhooksRead])),
    ] {
        let new = NewKey {
            owner: player.user.uid.clone(),
            name: name.to_owned(),
            access,
            expires_at: None,
        };
        let key = fact.works("issuing a key", authority.issue(new).await)?;
        issued.push((key.id, key.key.into_secret()));
    }
    // Changes are noticed in their order: with the last, all have been.
    let last = fact.some("the last key", issued.last())?;
    noticed(stage, &last.1, true, &fact).await?;
    fact.tell("three more keys for Ada, issued by another process: each is soon accepted");
    fact.holds()?;
    let [(expiring, expired), (ending, revoked), (_, limited)] = issued.as_slice() else {
        return Ok(());
    };

    let fact = story.fact("the first is ended by its date: 401 key_expired");
    let just_now = Timestamp::from(std::time::SystemTime::now() - Duration::from_secs(1));
    fact.works("expiring it", authority.expire(*expiring, just_now).await)?;
    noticed(stage, expired, false, &fact).await?;
    everywhere(stage, expired, refused(texts::KEY_EXPIRED, "key_expired"), &fact).await?;
    fact.holds()?;

    let fact = story.fact("the second is revoked: 401 key_revoked");
    fact.works("revoking it", authority.revoke(*ending).await)?;
    noticed(stage, revoked, false, &fact).await?;
    everywhere(stage, revoked, refused(texts::KEY_INVALID, "key_revoked"), &fact).await?;
    fact.holds()?;

    let fact = story.fact("the third may read webhooks and nothing else: 403 scope_missing");
    let client = fact.works("the client", stage.client_with(limited))?;
    fact.answer(client.webhooks().list().send()).await?;
    let error = fact.fails("reading agents", client.agents().list().send().await)?;
    fact.equal("the kind of error", ErrorKind::Forbidden, error.kind())?;
    fact.equal(
        "its text and code",
        (texts::FORBIDDEN, Some("scope_missing")),
        (error.message(), error.code()),
    )?;
    fact.holds()?;
    Ok(())
}

/// Waits until the running server accepts a key, or no longer does.
async fn noticed(stage: &Stage, key: &Secret, accepted: bool, fact: &Fact<'_>) -> Result<(), Broken> {
    let began = Instant::now();
    loop {
        let answer = wire::get(stage, ME, &[key.expose()], fact).await?;
        if (answer.status == 200) == accepted {
            return Ok(());
        }
        if began.elapsed() > NOTICE {
            return Err(fact.broken(
                "the server notices the change",
                format!("within {NOTICE:?}"),
                "no change",
            ));
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// The same refusal on the wire and in the client.
async fn everywhere(stage: &Stage, key: &Secret, expected: Refusal, fact: &Fact<'_>) -> Result<(), Broken> {
    on_the_wire(stage, &[key.expose()], expected, fact).await?;
    let client = fact.works("the client", stage.client_with(key))?;
    let error = fact.fails("the client's call", client.users().me().send().await)?;
    fact.equal(
        "the client's kind of error",
        ErrorKind::Authentication,
        error.kind(),
    )?;
    fact.equal(
        "its status",
        Some(expected.status),
        error.status().map(|status| status.as_u16()),
    )?;
    fact.equal(
        "its text and code",
        (expected.detail, Some(expected.code)),
        (error.message(), error.code()),
    )?;
    fact.equal("how often it was sent", 1, error.attempts())?;
    fact.is(
        "the key in the error",
        !format!("{error} {error:?}").contains(key.expose()),
        "the key",
    )
}

async fn on_the_wire(
    stage: &Stage,
    keys: &[&str],
    expected: Refusal,
    fact: &Fact<'_>,
) -> Result<wire::Answer, Broken> {
    let answer = wire::get(stage, ME, keys, fact).await?;
    fact.equal("the status", expected.status, answer.status.as_u16())?;
    let body = answer.json(fact)?;
    fact.equal("the text", Some(expected.detail), body["detail"].as_str())?;
    fact.equal("the code", Some(expected.code), body["code"].as_str())?;
    fact.equal(
        "the content type",
        Some("application/json"),
        answer.header("content-type"),
    )?;
    let challenge = fact.some("the WWW-Authenticate header", answer.header("www-authenticate"))?;
    fact.is("the challenge", challenge.starts_with("ApiKey "), challenge)?;
    fact.some("the X-Request-Id header", answer.header("x-request-id"))?;
    Ok(answer)
}

/// The key with another last character, so that its checksum is wrong.
fn with_other_end(key: &str) -> Secret {
    let (start, end) = key.split_at(key.len().saturating_sub(1));
    format!("{start}{}", if end == "0" { "1" } else { "0" }).into()
}

/// A well-formed key that no server has issued.
fn another(class: Class, fact: &Fact<'_>) -> Result<Secret, Broken> {
    let mut random = |bytes: &mut [u8]| getrandom::fill(bytes).map_err(|_| RandomnessFailed);
    let key = ApiKey::generate(class, &mut random).ok();
    Ok(fact.some("a random key", key)?.into_secret())
}

/// The key with its own public id, another secret, and the checksum that goes with it.
fn with_other_secret(key: &str, fact: &Fact<'_>) -> Result<Secret, Broken> {
    let unknown = another(Class::Test, fact)?;
    let [id_end, checksum] = [22, 54];
    let parts = key.get(..id_end).zip(unknown.expose().get(id_end..checksum));
    let (start, secret) = fact.some("the parts of a key", parts)?;
    let body = format!("{start}{secret}");
    let guessed = Secret::from(format!("{body}{}", base62(crc32fast::hash(body.as_bytes()))));
    fact.is(
        "a well-formed guess",
        ApiKey::parse(guessed.expose().as_bytes()).is_ok(),
        "a malformed one",
    )?;
    Ok(guessed)
}

/// Six digits of base 62.
fn base62(mut number: u32) -> String {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut digits = [b'0'; 6];
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS.get((number % 62) as usize).copied().unwrap_or(b'0');
        number /= 62;
    }
    digits.iter().map(|digit| char::from(*digit)).collect()
}
