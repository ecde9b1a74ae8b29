//! Buckets of the callers' own: what opens them, and a look into them.

mod google;
mod s3;

use std::{sync::Arc, time::Duration};

use avala_api::{FieldErrors, Timestamp, storage_configs::StorageConfig};
use avala_keys::Secret;
use serde::{Deserialize, Serialize};
use url::Url;

pub(crate) use google::ServiceAccount;

use crate::{config::GoogleEndpoints, outgoing::Outgoing};

/// How long a look may take, with all its requests.
const TIMEOUT: Duration = Duration::from_secs(10);

/// How much is read of an answer.
const ANSWER_BYTES: usize = 16 * 1024;

/// What opens a bucket, as it is sealed at rest.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Credentials {
    AccessKey { id: Secret, secret: Secret },
    Role { arn: Secret },
    ServiceAccount { json: Secret },
}

/// Where buckets are reached.
pub(crate) struct Buckets {
    outgoing: Arc<Outgoing>,
    s3_endpoint: Option<Url>,
    google: GoogleEndpoints,
}

/// Why a bucket did not open: the field to look at, and what to do. Tells nothing that the caller did not say or that
/// the bucket's keeper would not tell the caller.
struct Problem(&'static str, &'static str);

impl Buckets {
    pub(crate) fn new(outgoing: Arc<Outgoing>, s3_endpoint: Option<Url>, google: GoogleEndpoints) -> Self {
        Self {
            outgoing,
            s3_endpoint,
            google,
        }
    }

    /// Lists one object below the prefix; tells what is wrong by field, nothing if the bucket opened.
    pub(crate) async fn try_open(
        &self,
        config: &StorageConfig,
        credentials: &Credentials,
        now: Timestamp,
    ) -> FieldErrors {
        let (field, look) = match credentials {
            Credentials::AccessKey { id, secret } => {
                let endpoint = self.s3_endpoint.as_ref();
                let look = tokio::time::timeout(
                    TIMEOUT,
                    s3::look(&self.outgoing, endpoint, config, id, secret, now),
                );
                ("s3_bucket_name", look.await)
            }
            Credentials::ServiceAccount { json } => {
                let look = google::look(&self.outgoing, &self.google, config, json, now);
                (
                    "gc_storage_bucket_name",
                    tokio::time::timeout(TIMEOUT, look).await,
                )
            }
            Credentials::Role { .. } => {
                let problem = "This server has no AWS identity and cannot assume roles; use an access key.";
                return FieldErrors::one("s3_role_arn", problem);
            }
        };
        match look.unwrap_or(Err(unreachable(field))) {
            Ok(()) => FieldErrors::default(),
            Err(Problem(field, message)) => FieldErrors::one(field, message),
        }
    }
}

/// One text for every reason: it must not tell what is open inside of the server's network.
fn unreachable(field: &'static str) -> Problem {
    Problem(
        field,
        "The bucket's keeper could not be reached, or did not answer as one.",
    )
}
