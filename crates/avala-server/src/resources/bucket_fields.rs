//! What a new storage config must say: the fields of its provider, and none of another.

use avala_api::{
    FieldErrors,
    storage_configs::{Create, S3AuthMethod, StorageProvider},
};
use avala_keys::Secret;

use super::event_targets::finish;
use crate::buckets::{Credentials, ServiceAccount};

const LONGEST_NAME: usize = 255;
const LONGEST_PREFIX: usize = 1024;
const LONGEST_KEY: usize = 256;
const LONGEST_KEY_FILE: usize = 16 * 1024;

const REQUIRED: &str = "This field is required.";

/// Checks all fields, and takes the credentials out of them.
pub(super) fn check(new: &mut Create) -> Result<Credentials, FieldErrors> {
    let mut errors = FieldErrors::default();
    check_name(&new.name, &mut errors);
    for text in [
        &mut new.s3_bucket_name,
        &mut new.s3_bucket_region,
        &mut new.s3_bucket_prefix,
        &mut new.s3_role_arn,
        &mut new.gc_storage_bucket_name,
        &mut new.gc_storage_prefix,
    ] {
        // Some clients send what does not apply as an empty text.
        text.take_if(|text| text.is_empty());
    }
    for secret in [
        &mut new.s3_access_key_id,
        &mut new.s3_secret_access_key,
        &mut new.gc_storage_auth_json_content,
    ] {
        secret.take_if(|secret| secret.expose().is_empty());
    }
    let credentials = match new.provider {
        StorageProvider::AwsS3 => amazon(new, &mut errors),
        StorageProvider::GcStorage => google(new, &mut errors),
        _ => {
            errors.add("provider", "Must be aws_s3 or gc_storage.");
            None
        }
    };
    finish(errors)?;
    // There are credentials, or an error that says why not.
    credentials.ok_or_else(|| FieldErrors::one("provider", "Not a valid value."))
}

fn amazon(new: &mut Create, errors: &mut FieldErrors) -> Option<Credentials> {
    refuse(
        &[
            ("gc_storage_bucket_name", new.gc_storage_bucket_name.is_some()),
            ("gc_storage_prefix", new.gc_storage_prefix.is_some()),
            (
                "gc_storage_auth_json_content",
                new.gc_storage_auth_json_content.is_some(),
            ),
        ],
        "Not a field of this provider.",
        errors,
    );
    match new.s3_bucket_name.as_deref() {
        None => errors.add("s3_bucket_name", REQUIRED),
        Some(name) if !is_s3_bucket(name) => errors.add("s3_bucket_name", "Not the name of an S3 bucket."),
        Some(name) if new.s3_is_accelerated == Some(true) && name.contains('.') => errors.add(
            "s3_is_accelerated",
            "A bucket whose name has a dot cannot be accelerated.",
        ),
        Some(_) => {}
    }
    match new.s3_bucket_region.as_deref() {
        None => errors.add("s3_bucket_region", REQUIRED),
        Some(region) if is_region(region) => {}
        Some(_) => errors.add(
            "s3_bucket_region",
            "Not the name of a region, such as eu-central-1.",
        ),
    }
    check_prefix("s3_bucket_prefix", new.s3_bucket_prefix.as_deref(), errors);

    let method = new.s3_auth_method.get_or_insert(S3AuthMethod::AccessKey).clone();
    let other_method = "Not a field of this s3_auth_method.";
    match method {
        S3AuthMethod::AccessKey => {
            refuse(
                &[("s3_role_arn", new.s3_role_arn.is_some())],
                other_method,
                errors,
            );
            let id = key("s3_access_key_id", new.s3_access_key_id.take(), errors);
            let secret = key("s3_secret_access_key", new.s3_secret_access_key.take(), errors);
            Some(Credentials::AccessKey {
                id: id?,
                secret: secret?,
            })
        }
        S3AuthMethod::IamRole => {
            refuse(
                &[
                    ("s3_access_key_id", new.s3_access_key_id.is_some()),
                    ("s3_secret_access_key", new.s3_secret_access_key.is_some()),
                ],
                other_method,
                errors,
            );
            match new.s3_role_arn.take() {
                None => errors.add("s3_role_arn", REQUIRED),
                Some(arn) if is_role_arn(&arn) => {
                    return Some(Credentials::Role {
                        arn: Secret::new(arn),
                    });
                }
                Some(_) => errors.add("s3_role_arn", "Not the ARN of a role."),
            }
            None
        }
        _ => {
            errors.add("s3_auth_method", "Must be access_key or iam_role.");
            None
        }
    }
}

fn google(new: &mut Create, errors: &mut FieldErrors) -> Option<Credentials> {
    refuse(
        &[
            ("s3_bucket_name", new.s3_bucket_name.is_some()),
            ("s3_bucket_region", new.s3_bucket_region.is_some()),
            ("s3_bucket_prefix", new.s3_bucket_prefix.is_some()),
            ("s3_auth_method", new.s3_auth_method.is_some()),
            ("s3_role_arn", new.s3_role_arn.is_some()),
            ("s3_access_key_id", new.s3_access_key_id.is_some()),
            ("s3_secret_access_key", new.s3_secret_access_key.is_some()),
            ("s3_is_accelerated", new.s3_is_accelerated == Some(true)),
        ],
        "Not a field of this provider.",
        errors,
    );
    match new.gc_storage_bucket_name.as_deref() {
        None => errors.add("gc_storage_bucket_name", REQUIRED),
        Some(name) if is_google_bucket(name) => {}
        Some(_) => errors.add(
            "gc_storage_bucket_name",
            "Not the name of a Google Cloud Storage bucket.",
        ),
    }
    check_prefix("gc_storage_prefix", new.gc_storage_prefix.as_deref(), errors);
    let field = "gc_storage_auth_json_content";
    match new.gc_storage_auth_json_content.take() {
        None => errors.add(field, REQUIRED),
        Some(json) if json.expose().len() <= LONGEST_KEY_FILE && ServiceAccount::read(&json).is_some() => {
            return Some(Credentials::ServiceAccount { json });
        }
        Some(_) => errors.add(field, "Not the JSON key file of a service account."),
    }
    None
}

/// Checks the name of something.
pub(super) fn check_name(name: &str, errors: &mut FieldErrors) {
    if name.trim().is_empty() {
        errors.add("name", "This field may not be blank.");
    } else if name.chars().count() > LONGEST_NAME {
        errors.add("name", "Ensure this field has no more than 255 characters.");
    }
}

/// Whether it can be a region: of Amazon's, or of a store that speaks like it.
pub(super) fn is_region(text: &str) -> bool {
    text.len() <= 32 && is_label(text)
}

fn check_prefix(field: &str, prefix: Option<&str>, errors: &mut FieldErrors) {
    if prefix.is_some_and(|prefix| prefix.len() > LONGEST_PREFIX) {
        errors.add(field, "Ensure this field has no more than 1024 bytes.");
    }
}

fn refuse(fields: &[(&str, bool)], message: &str, errors: &mut FieldErrors) {
    for (field, _) in fields.iter().filter(|(_, is_given)| *is_given) {
        errors.add(field, message);
    }
}

/// One half of an access key. A slash in the identifier would move the parts of the signature's scope.
fn key(field: &str, key: Option<Secret>, errors: &mut FieldErrors) -> Option<Secret> {
    let is_id = field == "s3_access_key_id";
    match key {
        None => errors.add(field, REQUIRED),
        Some(key)
            if key.expose().len() <= LONGEST_KEY
                && key.expose().bytes().all(|byte| byte.is_ascii_graphic())
                && !(is_id && key.expose().contains('/')) =>
        {
            return Some(key);
        }
        Some(_) => errors.add(field, "Not a valid value."),
    }
    None
}

/// Lower-case letters, digits and hyphens inside.
fn is_label(text: &str) -> bool {
    let edge =
        |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let bytes = text.as_bytes();
    edge(bytes.first()) && edge(bytes.last()) && text.bytes().all(inner)
}

/// Amazon's rules for the names of general purpose buckets.
fn is_s3_bucket(name: &str) -> bool {
    (3..=63).contains(&name.len())
        && name.split('.').all(is_label)
        && name.parse::<std::net::Ipv4Addr>().is_err()
        && !["xn--", "sthree-", "amzn-s3-demo-"]
            .iter()
            .any(|start| name.starts_with(start))
        && !["-s3alias", "--ol-s3", ".mrap", "--x-s3"]
            .iter()
            .any(|end| name.ends_with(end))
}

/// Google's rules; underscores are letters to it.
fn is_google_bucket(name: &str) -> bool {
    (3..=222).contains(&name.len())
        && !name.starts_with('_')
        && !name.ends_with('_')
        && name
            .split('.')
            .all(|part| part.len() <= 63 && is_label(&part.replace('_', "a")))
        && name.parse::<std::net::Ipv4Addr>().is_err()
        && !name.starts_with("goog")
}

/// `arn:aws:iam::123456789012:role/path/name`
fn is_role_arn(text: &str) -> bool {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let [arn, partition, service, region, account, role] = parts[..] else {
        return false;
    };
    arn == "arn"
        && (partition == "aws" || partition.starts_with("aws-") && is_label(partition))
        && (service, region) == ("iam", "")
        && account.len() == 12
        && account.bytes().all(|byte| byte.is_ascii_digit())
        && role.len() <= 600
        && role.strip_prefix("role/").is_some_and(|name| {
            !name.is_empty()
                && name
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"+=,.@_/-".contains(&byte))
        })
}
