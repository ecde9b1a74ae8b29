//! Keys in AWS Secrets Manager.

mod carrier;
mod value;

use std::time::Duration;

use avala_api::Secret;
use aws_config::{BehaviorVersion, Region, timeout::TimeoutConfig};
use aws_credential_types::provider::{ProvideCredentials as _, error::CredentialsError};
use aws_sdk_secretsmanager::{
    Client,
    config::Builder,
    error::{ProvideErrorMetadata as _, SdkError},
    operation::get_secret_value::{GetSecretValueError, GetSecretValueOutput},
};
use tokio::time::timeout;

use self::carrier::Carrier;
use super::{Credential, CredentialProvider, ProviderError, ProviderFuture, Source};

/// How long credentials, region and secret may take together.
const LONGEST: Duration = Duration::from_secs(25);
/// How long AWS has for one answer.
const LONGEST_ATTEMPT: Duration = Duration::from_secs(8);

/// A key in AWS Secrets Manager, by Amazon's own SDK.
///
/// AWS credentials and region come from where other AWS tools take them: variables, profiles (single sign-on included),
/// containers and instances. They are looked up anew at each reading, which happens seldom, so nothing is kept between two.
/// What goes to AWS takes this crate's own way out: its TLS, its roots (`AVALA_CA_BUNDLE`, `SSL_CERT_FILE`), its proxy.
///
/// ```no_run
/// # fn main() -> Result<(), avala::Error> {
/// let secret = avala::AwsSecret::new("prod/avala").region("eu-central-1").field("api_key");
/// let client = avala::Client::builder().credentials(secret).build()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "a source does nothing until a client has it"]
pub struct AwsSecret {
    id: String,
    region: Option<String>,
    version_stage: Option<String>,
    field: Option<String>,
    endpoint_url: Option<String>,
}

impl AwsSecret {
    /// The secret of this name or ARN. Its value is the key: as text, or as UTF-8 bytes.
    pub fn new(id_or_arn: impl Into<String>) -> Self {
        Self {
            id: id_or_arn.into(),
            region: None,
            version_stage: None,
            field: None,
            endpoint_url: None,
        }
    }

    /// The region it is in. Unless set: that of its ARN, or the one that the AWS tools would use.
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.region = Some(region.into());
        self
    }

    /// The staging label of the version to read. Unless set: `AWSCURRENT`.
    pub fn version_stage(mut self, stage: impl Into<String>) -> Self {
        self.version_stage = Some(stage.into());
        self
    }

    /// The field that holds the key, of a secret that is a JSON object.
    pub fn field(mut self, name: impl Into<String>) -> Self {
        self.field = Some(name.into());
        self
    }

    /// Another address of Secrets Manager, such as that of a VPC endpoint or of a simulator.
    pub fn endpoint_url(mut self, url: impl Into<String>) -> Self {
        self.endpoint_url = Some(url.into());
        self
    }

    async fn read(&self) -> Result<Secret, ProviderError> {
        let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
            .http_client(Carrier)
            .timeout_config(
                TimeoutConfig::builder()
                    .operation_attempt_timeout(LONGEST_ATTEMPT)
                    .build(),
            );
        if let Some(region) = self.region.as_deref().or_else(|| region_of(&self.id)) {
            loader = loader.region(Region::new(region.to_owned()));
        }
        let found = loader.load().await;
        if found.region().is_none() {
            return Err(
                ProviderError::new("no AWS region is configured").with_hint(
                    "Name it with .region(…), give the secret's ARN, set AWS_REGION, or set `region` in the AWS profile.",
                ),
            );
        }
        // Looked up on their own: an error of the call itself would hide why there are none.
        let credentials = match found.credentials_provider() {
            Some(provider) => provider
                .provide_credentials()
                .await
                .map_err(|error| no_credentials(&error))?,
            None => return Err(no_credentials(&CredentialsError::not_loaded("none"))),
        };
        let mut options = Builder::from(&found).credentials_provider(credentials);
        if let Some(url) = &self.endpoint_url {
            options = options.endpoint_url(url);
        }
        let answer = Client::from_conf(options.build())
            .get_secret_value()
            .secret_id(&self.id)
            .set_version_stage(self.version_stage.clone())
            .send()
            .await
            .map_err(|error| refused(&error))?;
        value::key(text(answer)?, self.field.as_deref())
    }
}

impl CredentialProvider for AwsSecret {
    fn source(&self) -> Source {
        Source::AwsSecretsManager { id: self.id.clone() }
    }

    fn provide(&self) -> ProviderFuture<'_> {
        Box::pin(async {
            let read = timeout(LONGEST, self.read()).await.map_err(|_| no_answer())?;
            Ok(Some(Credential::new(read?)))
        })
    }
}

/// The fourth part of an ARN: `arn:aws:secretsmanager:<region>:<account>:secret:<name>`.
fn region_of(id: &str) -> Option<&str> {
    let mut parts = id.strip_prefix("arn:")?.split(':').skip(1);
    (parts.next()? == "secretsmanager").then_some(())?;
    parts.next().filter(|region| !region.is_empty())
}

fn text(answer: GetSecretValueOutput) -> Result<Secret, ProviderError> {
    if let Some(text) = answer.secret_string {
        return Ok(text.into());
    }
    let bytes = answer
        .secret_binary
        .ok_or_else(|| ProviderError::new("it has no value"))?;
    String::from_utf8(bytes.into_inner())
        .map(Secret::from)
        .map_err(|_| ProviderError::new("its bytes are not UTF-8"))
}

fn no_answer() -> ProviderError {
    ProviderError::new("AWS gave no answer in time")
        .with_hint("Check the region, the proxy, and the way to AWS from this machine.")
}

/// Texts of our own only: what the SDK and the service say may hold what they were given.
fn no_credentials(error: &CredentialsError) -> ProviderError {
    match error {
        CredentialsError::CredentialsNotLoaded(_) => ProviderError::new("no AWS credentials were found")
            .with_hint(
                "Run `aws sso login` or `aws configure`, set AWS_PROFILE, or give this machine a role.",
            ),
        CredentialsError::ProviderTimedOut(_) => {
            ProviderError::new("looking up AWS credentials took too long")
        }
        CredentialsError::InvalidConfiguration(_) => {
            ProviderError::new("the AWS configuration cannot be used")
                .with_hint("See ~/.aws/config and AWS_PROFILE; `aws sts get-caller-identity` tells more.")
        }
        _ => ProviderError::new("the AWS credentials cannot be read").with_hint(
            "`aws sts get-caller-identity` tells why; `aws sso login` renews a session that ended.",
        ),
    }
}

fn refused(error: &SdkError<GetSecretValueError>) -> ProviderError {
    let error = match error {
        SdkError::ServiceError(error) => error.err(),
        SdkError::TimeoutError(_) => return no_answer(),
        SdkError::DispatchFailure(failure) if failure.is_timeout() => return no_answer(),
        SdkError::DispatchFailure(_) => {
            return ProviderError::new("AWS cannot be reached")
                .with_hint("Check the region, the proxy, and the way to AWS from this machine.");
        }
        SdkError::ResponseError(_) => {
            return ProviderError::new("AWS gave an answer that cannot be understood");
        }
        _ => {
            return ProviderError::new("AWS cannot be asked with these settings")
                .with_hint("Check the region, the endpoint URL and the AWS profile.");
        }
    };
    let (message, hint) = match error.code().unwrap_or_default() {
        "AccessDeniedException" => (
            "AWS denies access to it",
            "Allow secretsmanager:GetSecretValue on the secret for this identity.",
        ),
        "ResourceNotFoundException" => (
            "AWS knows no such secret, or no such version of it",
            "Check the name, the region, the account and the version stage.",
        ),
        "DecryptionFailure" => (
            "AWS cannot decrypt it",
            "Allow kms:Decrypt on the key that encrypts the secret, and check that the key is enabled.",
        ),
        "InvalidRequestException" => (
            "AWS does not give it out in its present state",
            "It may be scheduled for deletion: restore it or use another one.",
        ),
        "UnrecognizedClientException"
        | "InvalidClientTokenId"
        | "InvalidSignatureException"
        | "SignatureDoesNotMatch"
        | "ExpiredTokenException"
        | "ExpiredToken" => (
            "AWS refuses the AWS credentials",
            "They ended or are wrong: `aws sso login` or `aws configure` gives new ones.",
        ),
        "ThrottlingException" => ("AWS says: too many requests", "Try again later."),
        "InternalServiceError" | "InternalServiceErrorException" => {
            ("AWS has an internal error", "Try again later.")
        }
        code => {
            // A name, or nothing: whoever answers in AWS's place may write there what it was sent.
            let is_name =
                (1..=64).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_alphabetic());
            let code = if is_name { code } else { "an unknown error" };
            return ProviderError::new(format!("AWS refuses it: {code}"))
                .with_hint("Check the name, the version stage and the region.");
        }
    };
    ProviderError::new(message).with_hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_region_of_an_arn_is_known_and_nothing_else_is_taken_for_one() {
        let arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:avala-a1b2c3";
        assert_eq!(region_of(arn), Some("eu-central-1"));
        for other in [
            "prod/avala",
            "arn:aws:s3:::bucket",
            "arn:",
            "arn:aws:secretsmanager::1:secret:x",
        ] {
            assert_eq!(region_of(other), None, "{other}");
        }
    }
}
