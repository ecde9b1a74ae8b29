//! The commands of secret managers, with the arguments that print one secret.

use super::ExecKey;
use crate::Error;

/// A secret manager's own command, signed in as its documentation says.
///
/// A value that is empty or begins with `-` is refused: it can never become an option.
///
/// ```
/// # fn main() -> Result<(), avala::Error> {
/// use avala::Preset;
///
/// let entry = Preset::OnePassword { reference: "op://Robots/Avala/credential".into() };
/// let client = avala::Client::builder().credentials(entry.key()?).build()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Preset {
    /// 1Password: [`op read`](https://developer.1password.com/docs/cli/reference/commands/read).
    OnePassword {
        /// `op://vault/item/field`.
        reference: String,
    },
    /// Vault: [`vault kv get`](https://developer.hashicorp.com/vault/docs/commands/kv/get).
    Vault {
        /// The secret, with its mount: `secret/avala`.
        path: String,
        /// The field of the secret.
        field: String,
    },
    /// Azure Key Vault: [`az keyvault secret show`](https://learn.microsoft.com/cli/azure/keyvault/secret).
    Azure {
        /// `https://<vault>.vault.azure.net/secrets/<name>`, and a version if it is not the newest.
        id: String,
    },
    /// Infisical: [`infisical secrets get`](https://infisical.com/docs/cli/commands/secrets). Project and environment are those
    /// of the folder, or of `INFISICAL_TOKEN`.
    Infisical {
        /// The secret.
        name: String,
    },
    /// Doppler: [`doppler secrets get`](https://docs.doppler.com/docs/accessing-secrets). Project and config are those of the
    /// folder, or of `DOPPLER_TOKEN`.
    Doppler {
        /// The secret.
        name: String,
    },
    /// The standard Unix password manager: [`pass show`](https://git.zx2c4.com/password-store/about/). The key is on the first
    /// line.
    Pass {
        /// The entry: `avala/production`.
        name: String,
    },
}

impl Preset {
    /// The program with its arguments, as a source of keys.
    pub fn key(&self) -> Result<ExecKey, Error> {
        let key = match self {
            Self::OnePassword { reference } => ExecKey::new(["op", "read", value(reference)?]),
            Self::Vault { path, field } => {
                let field = format!("-field={}", value(field)?);
                ExecKey::new(["vault", "kv", "get", &field, value(path)?])
            }
            Self::Azure { id } => {
                let id = value(id)?;
                ExecKey::new([
                    "az", "keyvault", "secret", "show", "--id", id, "--query", "value", "-o", "tsv",
                ])
            }
            // Without the variable, news of other versions may stand beside the secret.
            Self::Infisical { name } => {
                ExecKey::new(["infisical", "secrets", "get", value(name)?, "--plain"])
                    .variables(&[("INFISICAL_DISABLE_UPDATE_CHECK", "true")])
            }
            Self::Doppler { name } => ExecKey::new(["doppler", "secrets", "get", value(name)?, "--plain"]),
            Self::Pass { name } => ExecKey::new(["pass", "show", value(name)?]).only_first_line(),
        };
        Ok(key)
    }
}

fn value(text: &str) -> Result<&str, Error> {
    let problem = match text {
        "" => "is empty",
        option if option.starts_with('-') => "begins with `-`, as an option does",
        _ => return Ok(text),
    };
    Err(
        Error::configuration(format!("What a secret manager is asked for {problem}."))
            .with_hint("Give the name of the secret as the manager shows it."),
    )
}
