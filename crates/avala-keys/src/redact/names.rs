//! Which names announce a secret value.

/// Ends of names, lower-case, letters and digits only.
///
/// Up to `clientsecret` this is what the official clients redact; the rest they miss.
const SECRET: &[&str] = &[
    "awssecretaccesskey",
    "secretaccesskey",
    "awsaccesskeyid",
    "accesskeyid",
    "awssessiontoken",
    "apikey",
    "xavalaapikey",
    "authorization",
    "auth",
    "token",
    "accesstoken",
    "refreshtoken",
    "sessiontoken",
    "idtoken",
    "secret",
    "password",
    "passwd",
    "pwd",
    "credentials",
    "privatekey",
    "privatekeyid",
    "clientsecret",
    "apikeys",
    "authheader",
    "cookie",
    "devicetoken",
    "passphrase",
    "s3secretaccesskey",
    "secretkey",
    "signingsecret",
    "webhooksecret",
    "credential",
    "xamzsignature",
    "xgoogsignature",
    "authkey",
    "functionskey",
    "subscriptionkey",
];

/// Names that end like a secret and are none: positions in a list.
const HARMLESS: &[&str] = &["pagetoken", "nexttoken", "continuationtoken"];

/// A name with one of these words asks a question (`has_secret`, `requires_auth`, `allow-credentials`).
const QUESTIONS: &[&str] = &["allow", "allows", "has", "is", "needs", "requires", "supports"];

/// Names beside which a value of 40 hexadecimal digits is a key rather than a commit.
const KEY_LIKE: &[&str] = &["key", "keys", "token", "tokens", "secret", "secrets"];

/// Names beside which a value of 64 hexadecimal digits is a digest of something rather than a secret.
const DIGEST: &[&str] = &["sha256", "digest", "checksum", "hash", "etag", "fingerprint"];

/// Whether the value under this name is a secret.
///
/// The name is compared after lower-casing and dropping everything but letters and digits, and counts if it *ends* in a
/// secret name: `X-Avala-Api-Key`, `s3SecretAccessKey` and `staging_api_key` do; `author`, `api_key_id`,
/// `next_page_token` and `has_secret` do not.
pub fn is_secret_name(name: &str) -> bool {
    ends_in(name, SECRET) && !ends_in(name, HARMLESS) && !asks(name)
}

/// Whether 40 hexadecimal digits beside this name are a key.
pub(super) fn is_key_like(name: &str) -> bool {
    is_secret_name(name) || ends_in(name, KEY_LIKE) || contains_avala(name)
}

/// Whether 64 hexadecimal digits beside this name are a digest.
pub(super) fn is_digest(name: &str) -> bool {
    ends_in(name, DIGEST)
}

fn normal_from_the_end(name: &str) -> impl Iterator<Item = u8> {
    name.bytes()
        .rev()
        .filter(u8::is_ascii_alphanumeric)
        .map(|byte| byte.to_ascii_lowercase())
}

fn ends_in(name: &str, ends: &[&str]) -> bool {
    ends.iter().any(|end| {
        let mut letters = normal_from_the_end(name);
        end.bytes().rev().all(|wanted| letters.next() == Some(wanted))
    })
}

fn asks(name: &str) -> bool {
    name.split(|character: char| !character.is_ascii_alphanumeric())
        .any(|word| {
            QUESTIONS
                .iter()
                .any(|question| word.eq_ignore_ascii_case(question))
        })
}

fn contains_avala(name: &str) -> bool {
    name.as_bytes()
        .windows(5)
        .any(|five| five.eq_ignore_ascii_case(b"avala"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_names_count_in_every_spelling() {
        for name in [
            "api_key",
            "apiKey",
            "API-KEY",
            "X-Avala-Api-Key",
            "AVALA_API_KEY",
            "Authorization",
            "auth",
            "Proxy-Authorization",
            "token",
            "deviceToken",
            "device_token",
            "signing_secret",
            "webhook_secret",
            "secret_key",
            "api_keys",
            "s3_secret_access_key",
            "s3SecretAccessKey",
            "aws.secret.access.key",
            "private_key_id",
            "old_password",
            "DB_PASSWD",
            "client-secret",
            "staging_api_key",
            "Set-Cookie",
            "oauth",
            "X-Amz-Credential",
            "X-Goog-Credential",
            "credential",
            "Ocp-Apim-Subscription-Key",
            "subscriptionKey",
            "X-Functions-Key",
            "functions_key",
            "X-Auth-Key",
            "authKey",
        ] {
            assert!(is_secret_name(name), "{name}");
        }
    }

    #[test]
    fn harmless_names_stay() {
        for name in [
            "",
            "_",
            "author",
            "authority",
            "authored_by",
            "tokens",
            "max_tokens",
            "token_count",
            "secretary",
            "api_key_id",
            "api_key_name",
            "key",
            "keyboard",
            "monkey",
            "public_key",
            "next_page_token",
            "nextToken",
            "has_secret",
            "is_secret",
            "requires_auth",
            "Access-Control-Allow-Credentials",
            "password_policy",
            "credential.helper",
            "credential_id",
            "has_credential",
            "author_key",
            "subscription",
            "functions",
            "commit",
            "sha",
            "uid",
            "name",
        ] {
            assert!(!is_secret_name(name), "{name}");
        }
    }
}
