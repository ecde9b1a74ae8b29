//! The setup token: with it, and once, the first user of a server is made. It lies in a private file of the data directory;
//! the database has its MAC.

use std::{io, path::PathBuf};

use avala_api::{Timestamp, users::User};
use avala_keys::Secret;
use subtle::ConstantTimeEq as _;

use crate::{
    accounts::{self, Made, NewAccount},
    error::AuthorityError,
    hex,
    keys::{Access, Authority, Issued, NewKey},
    store::{
        Actor, Change, Entry,
        data_dir::{read_private, write_private},
        setup_tokens::{self, Kept},
        users,
    },
};

/// A setup token that is good.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SetupToken {
    /// Where it is; `None` if another server of this database has it.
    pub file: Option<PathBuf>,
    /// Until when it is good.
    pub expires_at: Timestamp,
}

/// How long a token is good for, in milliseconds.
const LIFE: i64 = 24 * 60 * 60 * 1000;

/// The first user of a server, and a key of theirs.
pub(crate) struct SetUp {
    pub(crate) user: User,
    pub(crate) issued: Issued,
}

impl Authority {
    /// Sees to it that a server without users has a setup token, and tells where; one with users has none.
    pub async fn offer_setup(&self) -> Result<Option<SetupToken>, AuthorityError> {
        let path = self.dir().setup_token();
        if users::exist(self.store().reader()).await? {
            self.withdraw_setup().await?;
            return Ok(None);
        }
        let text = read_private(&path).map_err(io::Error::other)?;
        let text = text.and_then(|text| String::from_utf8(text).ok());
        let end = Timestamp::from_unix_millis(self.now().unix_millis() + LIFE);
        let mut change = self.store().change().await?;
        // Of servers that start at the same time, one makes a token, and the others find it.
        change.next_seq().await?;
        if let Some(Kept { tag, expires_at }) = setup_tokens::find(change.connection()).await?
            && !self.has_passed(Some(expires_at))
        {
            let is_here = text.is_some_and(|text| {
                let own = self.setup_tag(text.trim(), expires_at);
                own[..].ct_eq(&tag).into()
            });
            // What ends later than any token was put there by hand.
            if is_here || (self.store().is_shared() && expires_at <= end) {
                let file = is_here.then_some(path);
                return Ok(Some(SetupToken { file, expires_at }));
            }
        }
        let (token, expires_at) = (Secret::new(hex::encode(&self.random().bytes::<32>()?)), end);
        let tag = self.setup_tag(token.expose(), expires_at);
        setup_tokens::replace(change.connection(), &tag, expires_at).await?;
        // Before the commit: a token that is only in its file opens nothing.
        write_private(&path, format!("{}\n", token.expose()).as_bytes())?;
        change
            .commit(Entry {
                at: self.now(),
                actor: &Actor::Console,
                action: "setup_token.issue",
                object: "",
                organization: None,
            })
            .await?;
        let file = Some(path);
        Ok(Some(SetupToken { file, expires_at }))
    }

    /// Takes the setup token back, whichever server of the database made it.
    pub async fn withdraw_setup(&self) -> Result<(), AuthorityError> {
        self.forget_setup_token();
        if setup_tokens::find(self.store().reader()).await?.is_none() {
            return Ok(());
        }
        let mut change = self.store().change().await?;
        setup_tokens::clear(change.connection()).await?;
        change
            .commit(Entry {
                at: self.now(),
                actor: &Actor::Console,
                action: "setup_token.withdraw",
                object: "",
                organization: None,
            })
            .await?;
        Ok(())
    }

    /// Whether there is a setup token that nobody used while it was good, and still no user.
    pub async fn has_forgotten_setup_token(&self) -> Result<bool, AuthorityError> {
        let kept = setup_tokens::find(self.store().reader()).await?;
        let has_passed = kept.is_some_and(|kept| self.has_passed(Some(kept.expires_at)));
        Ok(has_passed && !users::exist(self.store().reader()).await?)
    }

    /// Whether this is the token, and still good.
    pub(crate) async fn is_setup_token(&self, token: &str) -> Result<bool, AuthorityError> {
        Ok(self.good_tag(token).await?.is_some())
    }

    /// The MAC of the token, if it is the one and still good. Each answer costs the same.
    async fn good_tag(&self, token: &str) -> Result<Option<[u8; 32]>, AuthorityError> {
        let kept = setup_tokens::find(self.store().reader()).await?;
        let expires_at = kept
            .as_ref()
            .map_or(Timestamp::from_unix_millis(0), |kept| kept.expires_at);
        let tag = self.setup_tag(token, expires_at);
        let is_it = kept.is_some_and(|kept| tag[..].ct_eq(&kept.tag).into());
        Ok((is_it && !self.has_passed(Some(expires_at))).then_some(tag))
    }

    /// Makes the first user with this token; `None` if it is not the token, or there is a user already.
    pub(crate) async fn set_up(
        &self,
        token: &str,
        new: &NewAccount<'_>,
    ) -> Result<Option<SetUp>, AuthorityError> {
        let Some(tag) = self.good_tag(token).await? else {
            return Ok(None);
        };
        let mut change = self.store().change().await?;
        // Whoever takes it away has it alone.
        if !setup_tokens::take(change.connection(), &tag).await? || any_user(&mut change).await? {
            return Ok(None);
        }
        let Made { user, organization } = accounts::create_within(self, &mut change, new).await?;
        let first = NewKey {
            owner: user.uid.clone(),
            name: "setup".into(),
            access: Access::Full,
            expires_at: None,
        };
        let actor = Actor::SignUp {
            user: user.uid.to_string(),
        };
        let (issued, row) = self.issue_within(&mut change, &first, &actor).await?;
        let entry = |action, object| Entry {
            at: self.now(),
            actor: &actor,
            action,
            object,
            organization: Some(&organization),
        };
        change.note(entry("setup.create", user.uid.as_str())).await?;
        change.commit(entry("api_key.issue", issued.id.as_str())).await?;
        self.apply(row);
        self.forget_setup_token();
        Ok(Some(SetUp { user, issued }))
    }

    /// Covers the end, too: writing to the database does not put it off.
    fn setup_tag(&self, token: &str, expires_at: Timestamp) -> [u8; 32] {
        let text = format!("setup token {token} {}", expires_at.unix_millis());
        self.secrets().link_tag(text.as_bytes())
    }

    fn forget_setup_token(&self) {
        let path = self.dir().setup_token();
        match std::fs::remove_file(&path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                tracing::warn!(%error, "cannot remove the file of the setup token, which opens nothing any more");
            }
        }
    }
}

async fn any_user(change: &mut Change) -> Result<bool, AuthorityError> {
    Ok(users::exist(change.connection()).await?)
}
