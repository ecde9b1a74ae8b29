//! Amazon S3, and what speaks like it: a signed listing.

use avala_api::{Timestamp, storage_configs::StorageConfig};
use avala_keys::Secret;
use bytes::Bytes;
use http::Request;
use rusty_s3::{Bucket, Method, UrlStyle, signing::sign};
use url::Url;

use super::{ANSWER_BYTES, Problem, TIMEOUT, unreachable};
use crate::outgoing::{Outgoing, Received};

/// For how many seconds the signature is good.
const SIGNED_FOR: u64 = 60;

pub(super) async fn look(
    outgoing: &Outgoing,
    endpoint: Option<&Url>,
    config: &StorageConfig,
    id: &Secret,
    secret: &Secret,
    now: Timestamp,
) -> Result<(), Problem> {
    let unreachable = || unreachable("s3_bucket_name");
    let name = config.s3_bucket_name.clone().ok_or_else(unreachable)?;
    let region = config.s3_bucket_region.clone().ok_or_else(unreachable)?;
    let endpoint = endpoint
        .cloned()
        .or_else(|| amazon(&region))
        .ok_or_else(unreachable)?;
    // The path carries the bucket: names with dots have no certificate as hosts.
    let bucket = Bucket::new(endpoint, UrlStyle::Path, name, region).map_err(|_| unreachable())?;
    let instant = jiff::Timestamp::from_millisecond(now.unix_millis()).map_err(|_| unreachable())?;
    // Sorted by name, as the signature wants it.
    let query = [
        ("list-type", "2"),
        ("max-keys", "1"),
        ("prefix", config.s3_bucket_prefix.as_deref().unwrap_or_default()),
    ];
    let url = sign(
        &instant,
        Method::Get,
        bucket.base_url().clone(),
        id.expose(),
        secret.expose(),
        None,
        bucket.region(),
        SIGNED_FOR,
        query.into_iter(),
        std::iter::empty(),
    );
    let request = Request::get(url.as_str())
        .body(Bytes::new())
        .map_err(|_| unreachable())?;
    let received = outgoing
        .send(request, TIMEOUT, ANSWER_BYTES)
        .await
        .map_err(|_| unreachable())?;
    judge(&received).map_or(Ok(()), Err)
}

/// Amazon's endpoint of a region whose name was checked.
fn amazon(region: &str) -> Option<Url> {
    let china = if region.starts_with("cn-") { ".cn" } else { "" };
    Url::parse(&format!("https://s3.{region}.amazonaws.com{china}")).ok()
}

fn judge(received: &Received) -> Option<Problem> {
    let text = received.text();
    let code = text
        .split_once("<Code>")
        .and_then(|(_, rest)| rest.split_once("</Code>"))
        .map(|(code, _)| code);
    Some(match (received.status, code) {
        (200, _) if text.contains("<ListBucketResult") => return None,
        (301 | 307, _)
        | (400, Some("AuthorizationHeaderMalformed" | "AuthorizationQueryParametersError")) => {
            Problem("s3_bucket_region", "The bucket is in another region.")
        }
        (403, Some("InvalidAccessKeyId")) => Problem("s3_access_key_id", "S3 does not know this access key."),
        (403, Some("SignatureDoesNotMatch")) => Problem(
            "s3_secret_access_key",
            "The secret does not belong to the access key.",
        ),
        (403, Some("RequestTimeTooSkewed")) => Problem(
            "s3_bucket_name",
            "S3 refused the time of the request: the clock of this server is wrong.",
        ),
        (403, _) => Problem(
            "s3_bucket_name",
            "S3 refused the listing: check the access key, and that its policy allows s3:ListBucket.",
        ),
        (404, _) => Problem("s3_bucket_name", "There is no such bucket."),
        _ => unreachable("s3_bucket_name"),
    })
}
