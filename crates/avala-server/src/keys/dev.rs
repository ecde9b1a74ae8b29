//! The development key: kept in the data directory, so that a restart shows the same one.

use avala_keys::ApiKey;

use super::{Access, Authority, NewKey};
use crate::{
    accounts::{self, NewAccount},
    error::AuthorityError,
    store::{
        data_dir::{read_private, write_private},
        users,
    },
};

const EMAIL: &str = "developer@localhost";

impl Authority {
    /// The development key: a full key of a user of its own, the same one again after a restart. It lies readable in
    /// the data directory, so it is for machines where that does not matter.
    pub async fn dev_key(&self) -> Result<ApiKey, AuthorityError> {
        let path = self.dir().dev_key();
        let kept = read_private(&path).map_err(std::io::Error::other)?;
        if let Some(key) = kept.and_then(|text| ApiKey::parse(text.trim_ascii()).ok()) {
            let usable = |row: &super::KeyRow| row.revoked_at.is_none() && !self.has_expired(row);
            if self.prove(&key).is_some_and(|row| usable(&row)) {
                return Ok(key);
            }
        }

        let owner = match users::by_email(self.store().reader(), EMAIL).await? {
            Some(user) => user,
            None => {
                accounts::create(
                    self,
                    &NewAccount {
                        email: EMAIL,
                        ..NewAccount::default()
                    },
                )
                .await?
            }
        };
        let new = NewKey {
            owner: owner.uid,
            name: "development".into(),
            access: Access::Full,
            expires_at: None,
        };
        let key = self.issue(new).await?.key;
        write_private(&path, format!("{}\n", key.expose()).as_bytes())?;
        Ok(key)
    }
}
