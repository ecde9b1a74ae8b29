//! Where a profile's key comes from, as text: `keychain:staging`.

use std::{fmt, path::PathBuf, str::FromStr, sync::Arc};

use super::{CredentialProvider, Environment, ExecKey, KeyFile, ProviderError, variables::EnvironmentKey};

/// What people may write, for errors.
const KNOWN: &str =
    "stored, env:NAME, file:PATH, keychain:ACCOUNT, exec:COMMAND, aws-sm:ID[#FIELD] and gcp-sm:NAME";

/// Where a profile's key comes from.
///
/// It is read from text (`keychain:staging`). Shown, it is the same text, but for a command: of that only the program is
/// shown, since its arguments may tell what is nobody's business.
///
/// ```
/// use avala::profiles::SourceSpec;
///
/// let source: SourceSpec = "file:/run/secrets/avala".parse()?;
/// assert_eq!(source.to_string(), "file:/run/secrets/avala");
/// # Ok::<(), avala::profiles::InvalidSource>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SourceSpec {
    /// `stored`: in our own file of secrets.
    Stored,
    /// `env:NAME`: a variable of the environment.
    Environment {
        /// Its name.
        variable: String,
    },
    /// `file:PATH`: a file that holds the key and nothing else.
    File {
        /// Absolute, or in the home directory (`~/…`).
        path: PathBuf,
    },
    /// `keychain:ACCOUNT`: the operating system's keychain.
    Keychain {
        /// Under which account it is kept there.
        account: String,
    },
    /// `exec:COMMAND`: what a program prints.
    Exec {
        /// The program and its arguments. No shell reads them.
        command: Vec<String>,
    },
    /// `aws-sm:ID` or `aws-sm:ID#FIELD`: AWS Secrets Manager.
    AwsSecretsManager {
        /// The secret's name or ARN.
        id: String,
        /// The field of its JSON object.
        field: Option<String>,
    },
    /// `gcp-sm:NAME`: Google Cloud Secret Manager.
    GoogleSecretManager {
        /// `projects/…/secrets/…`, with or without a version.
        name: String,
    },
    /// What is written there is no source that is known here: a slip, or one of a newer version. No key comes out of it, and
    /// other profiles are none the worse for it.
    Unknown(InvalidSource),
}

/// Why a text names no source. It never quotes the text: somebody may have put the key itself there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct InvalidSource(&'static str);

impl fmt::Display for InvalidSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}. Known sources are {KNOWN}", self.0)
    }
}

impl std::error::Error for InvalidSource {}

impl FromStr for SourceSpec {
    type Err = InvalidSource;

    fn from_str(text: &str) -> Result<Self, InvalidSource> {
        if text == "stored" {
            return Ok(Self::Stored);
        }
        let (scheme, rest) = text
            .split_once(':')
            .ok_or(InvalidSource("This is no source of keys"))?;
        if text.chars().any(char::is_control) {
            return Err(InvalidSource("A source holds no control characters"));
        }
        let rest = rest.trim();
        let known = ["env", "file", "keychain", "exec", "aws-sm", "gcp-sm"].contains(&scheme);
        if known && rest.is_empty() {
            return Err(InvalidSource("Something is missing after the colon"));
        }
        match scheme {
            "env" if is_variable(rest) => Ok(Self::Environment {
                variable: rest.to_owned(),
            }),
            "env" => Err(InvalidSource("After `env:` comes the name of a variable")),
            "file" if is_anchored(rest) => Ok(Self::File { path: rest.into() }),
            "file" => Err(InvalidSource(
                "After `file:` comes an absolute path, or one that begins with `~/`",
            )),
            "keychain" => Ok(Self::Keychain {
                account: rest.to_owned(),
            }),
            "exec" if rest.contains(['"', '\'', '\\']) => Err(InvalidSource(
                "No shell reads the command, so quotes mean nothing in it: write it as a list of words",
            )),
            "exec" => Ok(Self::Exec {
                command: rest.split_whitespace().map(str::to_owned).collect(),
            }),
            "aws-sm" => {
                let (id, field) = rest
                    .split_once('#')
                    .map_or((rest, None), |(id, field)| (id, Some(field.to_owned())));
                if id.is_empty() || field.as_deref() == Some("") {
                    return Err(InvalidSource(
                        "After `aws-sm:` comes a secret's name or ARN, and perhaps `#` and a field",
                    ));
                }
                Ok(Self::AwsSecretsManager {
                    id: id.to_owned(),
                    field,
                })
            }
            "gcp-sm" => Ok(Self::GoogleSecretManager {
                name: rest.to_owned(),
            }),
            _ => Err(InvalidSource("This is no source of keys")),
        }
    }
}

impl SourceSpec {
    /// A source whose command is a list of words; the first begins with `exec:`.
    pub(crate) fn from_words(words: &[&str]) -> Result<Self, InvalidSource> {
        let program = words.first().and_then(|first| first.strip_prefix("exec:"));
        let Some(program) = program.filter(|program| !program.is_empty()) else {
            return Err(InvalidSource("A list begins with `exec:` and the program"));
        };
        let words = words.iter().skip(1).copied();
        Ok(Self::Exec {
            command: std::iter::once(program).chain(words).map(str::to_owned).collect(),
        })
    }

    /// Whether it is read back as what it is.
    #[cfg(feature = "edit-profiles")]
    pub(crate) fn check(&self) -> Result<(), InvalidSource> {
        let read = match self {
            Self::Unknown(_) => return Ok(()),
            Self::Exec { command } => match command.split_first() {
                Some((program, rest)) => {
                    let first = format!("exec:{program}");
                    let words = std::iter::once(first.as_str()).chain(rest.iter().map(String::as_str));
                    Self::from_words(&words.collect::<Vec<_>>())
                }
                None => Self::from_words(&[]),
            },
            other => other.to_string().parse(),
        }?;
        if read == *self {
            Ok(())
        } else {
            Err(InvalidSource("This source would be read as another one"))
        }
    }

    /// Whether its key can be read at once: no network, no other program.
    pub(crate) fn is_local(&self) -> bool {
        matches!(self, Self::Stored | Self::Environment { .. } | Self::File { .. })
    }
}

impl fmt::Display for SourceSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stored => f.write_str("stored"),
            Self::Environment { variable } => write!(f, "env:{variable}"),
            Self::File { path } => write!(f, "file:{}", path.display()),
            Self::Keychain { account } => write!(f, "keychain:{account}"),
            Self::Exec { command } => {
                let program = command.first().map_or("", String::as_str);
                let rest = if command.len() > 1 { " …" } else { "" };
                write!(f, "exec:{program}{rest}")
            }
            Self::AwsSecretsManager { id, field: None } => write!(f, "aws-sm:{id}"),
            Self::AwsSecretsManager {
                id,
                field: Some(field),
            } => write!(f, "aws-sm:{id}#{field}"),
            Self::GoogleSecretManager { name } => write!(f, "gcp-sm:{name}"),
            Self::Unknown(_) => f.write_str("unknown"),
        }
    }
}

impl fmt::Debug for SourceSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SourceSpec({self})")
    }
}

fn is_variable(name: &str) -> bool {
    !name.starts_with(|c: char| c.is_ascii_digit())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn is_anchored(path: &str) -> bool {
    path.starts_with("~/") || std::path::Path::new(path).is_absolute()
}

/// What gives the key of such a source. Stored keys belong to a profile and are read by it.
pub(crate) fn provider(
    spec: &SourceSpec,
    environment: &Environment,
) -> Result<Arc<dyn CredentialProvider>, ProviderError> {
    #[cfg_attr(
        all(feature = "aws", feature = "gcp", feature = "keychain"),
        allow(unused_variables, reason = "there is one place that cannot be")
    )]
    let missing = |what: &str| Err(ProviderError::new(format!("this build has no {what}")));
    match spec {
        SourceSpec::Environment { variable } => {
            Ok(Arc::new(EnvironmentKey::new(environment.clone(), variable)))
        }
        SourceSpec::File { path } => Ok(Arc::new(KeyFile::new(match path.strip_prefix("~") {
            Ok(rest) => environment
                .home()
                .ok_or_else(|| ProviderError::new("there is no home directory: HOME is not set"))?
                .join(rest),
            Err(_) => path.clone(),
        }))),
        SourceSpec::Unknown(invalid) => Err(ProviderError::new(invalid.to_string())),
        SourceSpec::Stored => missing("place where it would be stored"),
        #[cfg(feature = "keychain")]
        SourceSpec::Keychain { account } => Ok(Arc::new(super::keychain::KeychainKey::new(account))),
        #[cfg(not(feature = "keychain"))]
        SourceSpec::Keychain { .. } => missing("keychain"),
        SourceSpec::Exec { command } => Ok(Arc::new(
            ExecKey::new(command.iter().map(String::as_str)).environment(environment.clone()),
        )),
        #[cfg(feature = "aws")]
        SourceSpec::AwsSecretsManager { id, field } => {
            let secret = super::AwsSecret::new(id);
            Ok(Arc::new(match field {
                Some(field) => secret.field(field),
                None => secret,
            }))
        }
        #[cfg(not(feature = "aws"))]
        SourceSpec::AwsSecretsManager { .. } => missing("AWS Secrets Manager"),
        #[cfg(feature = "gcp")]
        SourceSpec::GoogleSecretManager { name } => {
            let version = if name.contains("/versions/") {
                name.clone()
            } else {
                format!("{name}/versions/latest")
            };
            let secret = super::GcpSecret::new(version);
            Ok(Arc::new(
                secret.map_err(|error| ProviderError::new(error.message()))?,
            ))
        }
        #[cfg(not(feature = "gcp"))]
        SourceSpec::GoogleSecretManager { .. } => missing("Google Cloud Secret Manager"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_source_is_read_and_shown_as_it_is_written() {
        for text in [
            "stored",
            "env:STAGING_KEY",
            "file:/run/secrets/avala",
            "file:~/avala.key",
            "keychain:staging",
            "exec:pass",
            "aws-sm:arn:aws:secretsmanager:eu-central-1:000000000000:secret:avala",
            "aws-sm:prod/avala#api_key",
            "gcp-sm:projects/p/secrets/s/versions/latest",
        ] {
            let source: SourceSpec = text.parse().unwrap();
            assert_eq!(source.to_string(), text);
        }
    }

    #[test]
    fn what_is_no_source_is_refused_with_those_that_are_and_is_not_quoted() {
        for text in [
            "",
            "avk_live_pasted",
            "avk:pasted",
            "env:",
            "env:pasted key",
            "env:9pasted",
            "file:pasted",
            "file:../pasted",
            "keychain: ",
            "exec:sh -c \"pasted\"",
            "aws-sm:#pasted",
            "aws-sm:pasted#",
            "keychain:pa\nsted",
        ] {
            let error = text.parse::<SourceSpec>().unwrap_err().to_string();
            assert!(
                error.contains("keychain:ACCOUNT") && !error.contains("pasted"),
                "{error}"
            );
        }
        assert!(SourceSpec::from_words(&["op", "read"]).is_err());
        assert!(SourceSpec::from_words(&["exec:"]).is_err());
        assert!(SourceSpec::from_words(&[]).is_err());
    }

    #[test]
    fn the_arguments_of_a_command_are_not_shown() {
        let written: SourceSpec = "exec:op  read op://hidden/item".parse().unwrap();
        let listed = SourceSpec::from_words(&["exec:op", "read", "op://hidden/item"]).unwrap();
        assert_eq!(written, listed);
        assert_eq!(format!("{written}{listed:?}"), "exec:op …SourceSpec(exec:op …)");
    }
}
