//! Issuing, expiring and revoking keys.

use std::{
    fmt,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use arc_swap::ArcSwap;
use avala_api::{Timestamp, api_keys::KeyState, users::UserUid};
use avala_keys::{ApiKey, Class, KeyId, RandomnessFailed};
use ipnet::IpNet;

use super::{
    About, Access, KeyRow, LegacyKey, Opened, PepperId, Peppers, Resources, Role,
    life::{Asker, REVOKE},
    open,
    peppers::remove_retired,
    renewal::Renewals,
    secrets::ServerSecrets,
    set::KeySet,
};
use crate::{
    clock::{Clock, SystemClock},
    config::{Database, operating_system},
    error::{AuthorityError, StartError},
    random::Random,
    store::{
        Actor, Change, Entry, Store, StoreError, Watcher,
        api_keys::{self, Stored},
        data_dir::DataDir,
        organizations,
        peppers::{self, Declared},
        users,
    },
};

/// How many rows of keys are read at once.
const READ_AT_ONCE: i64 = 4_000;

/// How often a key is drawn anew when its public id is taken.
const DRAWS: usize = 3;

/// A key to be issued.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// The user it belongs to.
    pub owner: UserUid,
    /// A name for people.
    pub name: String,
    /// What it may do.
    pub access: Access,
    /// When it ends; `None` for a key that is ended by hand.
    pub expires_at: Option<Timestamp>,
}

/// What a key is made from.
pub(crate) struct Mint {
    pub(crate) owner: String,
    pub(crate) organization: String,
    /// The owner's role there.
    pub(crate) role: Role,
    pub(crate) name: String,
    pub(crate) access: Access,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) networks: Vec<IpNet>,
    pub(crate) resources: Option<Box<Resources>>,
    pub(crate) environment: Option<String>,
    pub(crate) created_by: String,
    pub(crate) rotated_from: Option<KeyId>,
}

/// A key just issued. It is in no other place: only its MAC is stored.
#[derive(Clone, Debug)]
pub struct Issued {
    /// The key.
    pub key: ApiKey,
    /// Its public id.
    pub id: KeyId,
}

/// Issues and ends the keys of one data directory. A running server follows within a quarter of a second, whichever
/// process does it.
#[derive(Clone)]
pub struct Authority(Arc<Inner>);

struct Inner {
    dir: DataDir,
    store: Store,
    peppers: ArcSwap<Peppers>,
    secrets: ServerSecrets,
    class: Class,
    set: KeySet,
    /// Keys that were made with an earlier pepper and have been presented since.
    renewals: Renewals,
    /// The number up to which the set is complete.
    applied: AtomicI64,
    /// The latest instant the clock has shown.
    latest: AtomicI64,
    /// Stands in for the row of an unknown id, so that both cost the same.
    nobody: [u8; 32],
    random: Arc<Random>,
    clock: Arc<dyn Clock>,
}

impl Authority {
    /// Opens the directory of a server, running or not, that keeps its database there.
    pub async fn open(data_dir: impl AsRef<Path>) -> Result<Self, StartError> {
        Self::open_with(data_dir, &Database::Sqlite).await
    }

    /// Opens the directory of a server whose database this is.
    pub async fn open_with(data_dir: impl AsRef<Path>, database: &Database) -> Result<Self, StartError> {
        let path = data_dir.as_ref();
        if !path.exists() {
            return Err(StartError::NoData(path.to_owned()));
        }
        let random = Arc::new(Random::new(operating_system()));
        let clock = Arc::new(SystemClock);
        let opened = open(DataDir::existing(path)?, database, None, &random, clock.now()).await?;
        Self::of(opened, random, clock).await
    }

    pub(crate) async fn of(
        opened: Opened,
        random: Arc<Random>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StartError> {
        let Opened {
            dir,
            store,
            peppers,
            secrets,
            class,
        } = opened;
        let authority = Self(Arc::new(Inner {
            nobody: random.bytes()?,
            dir,
            store,
            peppers: ArcSwap::from_pointee(peppers),
            secrets,
            class,
            set: KeySet::default(),
            renewals: Renewals::default(),
            applied: AtomicI64::new(0),
            // From here on, no clock that is set back brings anything back.
            latest: AtomicI64::new(clock.now().unix_millis()),
            random,
            clock,
        }));
        authority.read_first().await?;
        Ok(authority)
    }

    /// The class of the keys issued here.
    pub fn class(&self) -> Class {
        self.0.class
    }

    /// Issues a key for a user.
    pub async fn issue(&self, new: NewKey) -> Result<Issued, AuthorityError> {
        let mut change = self.store().change().await?;
        let (issued, row) = self.issue_within(&mut change, &new, &Actor::Console).await?;
        self.commit(change, &Actor::Console, "api_key.issue", issued.id, Some(&row))
            .await?;
        self.apply(row);
        Ok(issued)
    }

    /// Issues a key as part of a larger change. Once that is committed, the row goes to [`Self::apply`].
    pub(crate) async fn issue_within(
        &self,
        change: &mut Change,
        new: &NewKey,
        by: &Actor,
    ) -> Result<(Issued, KeyRow), AuthorityError> {
        let owner = new.owner.as_str();
        // First: an owner who is switched off meanwhile waits for this key.
        change.next_seq().await?;
        if users::is_disabled(change.connection(), owner).await? {
            return Err(AuthorityError::OwnerDisabled);
        }
        let place = organizations::of_user(change.connection(), owner).await?;
        let (organization, role) = place.ok_or(AuthorityError::NotFound("user"))?;
        let mint = Mint {
            owner: owner.to_owned(),
            organization,
            role,
            name: new.name.clone(),
            access: new.access.clone(),
            expires_at: new.expires_at,
            networks: Vec::new(),
            resources: None,
            environment: None,
            created_by: by.name(),
            rotated_from: None,
        };
        self.mint(change, mint).await
    }

    /// Makes a key that has not been thought of before, and its row.
    pub(super) async fn mint(
        &self,
        change: &mut Change,
        mint: Mint,
    ) -> Result<(Issued, KeyRow), AuthorityError> {
        let key = self.draw()?;
        self.take_in(change, key, mint).await
    }

    /// Makes the row of a key.
    pub(crate) async fn take_in(
        &self,
        change: &mut Change,
        key: ApiKey,
        mint: Mint,
    ) -> Result<(Issued, KeyRow), AuthorityError> {
        let peppers = self.peppers();
        let (pepper_id, pepper) = peppers.current(self.now());
        let seq = change.next_seq().await?;
        let row = self.row(mint, key.id(), (pepper_id, pepper.mac(key.expose())), seq);
        api_keys::insert(change.connection(), &row, &pepper.seal_row(&row)).await?;
        Ok((Issued { id: key.id(), key }, row))
    }

    /// The row of a new key.
    fn row(&self, mint: Mint, id: KeyId, (pepper, mac): (PepperId, [u8; 32]), seq: i64) -> KeyRow {
        KeyRow {
            id,
            class: self.0.class,
            owner: mint.owner,
            organization: mint.organization,
            mac,
            pepper,
            access: mint.access,
            role: mint.role,
            suspended_at: None,
            networks: mint.networks,
            resources: mint.resources,
            expires_at: mint.expires_at,
            revoked_at: None,
            disabled_at: None,
            rotated_to: None,
            grace_until: None,
            seq,
            about: Box::new(About {
                name: mint.name,
                created_at: self.now(),
                created_by: Some(mint.created_by),
                environment: mint.environment,
                revoked_by: None,
                revoked_reason: None,
                rotated_from: mint.rotated_from,
                is_legacy: false,
                muted_hints: Vec::new(),
            }),
        }
    }

    /// Takes over a key, and makes its row. The number comes first: of two changes that take over one key, the second
    /// sees what the first did.
    pub(super) async fn take_over(
        &self,
        change: &mut Change,
        mint: Mint,
        key: &LegacyKey,
    ) -> Result<KeyRow, AuthorityError> {
        let seq = change.next_seq().await?;
        let peppers = self.peppers();
        // It does not say which of them its MAC was made with.
        let macs: Vec<[u8; 32]> = peppers
            .living()
            .map(|(_, pepper)| pepper.mac(key.expose()))
            .collect();
        if api_keys::has_legacy(change.connection(), &macs).await? {
            return Err(AuthorityError::KeyExists);
        }
        let (pepper_id, pepper) = peppers.current(self.now());
        // Of what is drawn, the secret is forgotten.
        let id = self.draw()?.id();
        let mut row = self.row(mint, id, (pepper_id, pepper.mac(key.expose())), seq);
        row.about.is_legacy = true;
        api_keys::insert(change.connection(), &row, &pepper.seal_row(&row)).await?;
        Ok(row)
    }

    /// A key whose public id no other key has, as far as this process knows; what it does not know, the database
    /// refuses.
    fn draw(&self) -> Result<ApiKey, RandomnessFailed> {
        let mut key = self.0.random.key(self.0.class)?;
        for _ in 1..DRAWS {
            if self.known(key.id()).is_none() {
                break;
            }
            key = self.0.random.key(self.0.class)?;
        }
        Ok(key)
    }

    pub(crate) fn apply(&self, row: KeyRow) {
        self.0.set.apply(row);
    }

    /// Takes a key out that has no row to be trusted.
    pub(super) fn forget(&self, id: KeyId, seq: i64) {
        self.0.set.forget(id, seq);
    }

    /// The row of a key as this process knows it.
    pub(crate) fn known(&self, id: KeyId) -> Option<Arc<KeyRow>> {
        self.0.set.find(id)
    }

    /// Lets a key end at an instant; one in the past ends it now. An earlier end stays.
    pub async fn expire(&self, id: KeyId, at: Timestamp) -> Result<(), AuthorityError> {
        let expire = |row: &mut KeyRow| {
            row.expires_at = Some(row.expires_at.map_or(at, |present| present.min(at)));
            Ok::<_, AuthorityError>(())
        };
        self.alter(id, Asker::console(), "api_key.expire", expire).await?;
        Ok(())
    }

    /// Ends a key, for ever. When this returns, the key opens nothing in this process.
    pub async fn revoke(&self, id: KeyId) -> Result<(), AuthorityError> {
        let revoke = |row: &mut KeyRow| {
            row.revoke(self.now(), &Actor::Console, None);
            Ok::<_, AuthorityError>(())
        };
        self.alter(id, Asker::console(), REVOKE, revoke).await?;
        Ok(())
    }

    pub(super) async fn commit(
        &self,
        change: Change,
        actor: &Actor,
        action: &'static str,
        id: KeyId,
        row: Option<&KeyRow>,
    ) -> Result<(), StoreError> {
        let entry = Entry {
            at: self.now(),
            actor,
            action,
            object: id.as_str(),
            organization: row.map(|row| row.organization.as_str()),
        };
        change.commit(entry).await
    }

    /// The row of a key whose owner has just proven to hold it. An unknown id and a wrong secret are one answer, at the
    /// same cost.
    pub(crate) fn prove(&self, key: &ApiKey) -> Option<Arc<KeyRow>> {
        use subtle::ConstantTimeEq;
        let row = self.0.set.find(key.id());
        let peppers = self.0.peppers.load();
        let newest = peppers.newest();
        let (pepper, expected) = row
            .as_ref()
            .and_then(|row| Some((peppers.of(row)?, &row.mac)))
            .unwrap_or((newest.1, &self.0.nobody));
        let proven = pepper.mac(key.expose()).ct_eq(expected);
        let row = row.filter(|_| proven.into())?;
        if row.pepper != newest.0 {
            self.0
                .renewals
                .ask(&row, peppers.current(self.now()), key.expose());
        }
        Some(row)
    }

    /// The same of a key without an id: found by its MAC, or not at all. To guess at what is found takes the pepper.
    pub(crate) fn prove_legacy(&self, key: &LegacyKey) -> Option<Arc<KeyRow>> {
        let peppers = self.0.peppers.load();
        let macs: Vec<[u8; 32]> = peppers
            .living()
            .map(|(_, pepper)| pepper.mac(key.expose()))
            .collect();
        // Twice: while the first ones were looked for, the key may have moved to one of them.
        let row = macs
            .iter()
            .chain(&macs)
            .find_map(|mac| self.0.set.find_legacy(mac))?;
        if row.pepper != peppers.newest().0 {
            self.0
                .renewals
                .ask(&row, peppers.current(self.now()), key.expose());
        }
        Some(row)
    }

    /// How many keys of an organization are not revoked, as far as this process knows.
    pub(super) fn held(&self, organization: &str) -> u64 {
        self.0.set.held(organization)
    }

    /// Whether this is the row of this very key, and not of another one with its id.
    pub(crate) fn is_of(&self, row: &KeyRow, key: &ApiKey) -> bool {
        use subtle::ConstantTimeEq;
        let peppers = self.peppers();
        let mac = peppers.of(row).map(|pepper| pepper.mac(key.expose()));
        mac.is_some_and(|mac| mac.ct_eq(&row.mac).into())
    }

    /// How many keys there are, whatever their state.
    pub(crate) fn len(&self) -> usize {
        self.0.set.len()
    }

    /// How many keys there are of which this is true.
    pub(super) fn count(&self, is_counted: impl Fn(&KeyRow) -> bool) -> u64 {
        self.0.set.count(is_counted) as u64
    }

    /// The number up to which the set is complete.
    pub(crate) fn applied(&self) -> i64 {
        self.0.applied.load(Ordering::Acquire)
    }

    /// Learns what the database says of one key.
    pub(crate) async fn learn(&self, id: KeyId) -> Result<(), StoreError> {
        let stored = api_keys::find(self.store().reader(), id).await?;
        if let Some(row) = stored.and_then(|stored| self.trusted(stored)) {
            self.apply(row);
        }
        Ok(())
    }

    /// Learns what others changed as this server does it.
    pub(crate) async fn read_newer(&self, watcher: &mut Watcher) -> Result<(), StoreError> {
        let earlier = self.peppers();
        let mut stored = Vec::new();
        let newest = api_keys::since(watcher, self.applied(), |row| stored.push(row)).await?;
        self.take_peppers(&peppers::all(&mut *watcher).await?);
        for stored in stored {
            let id = stored.id.parse();
            match (self.trusted_meanwhile(&earlier, stored), id) {
                (Some(row), _) => self.apply(row),
                (None, Ok(id)) => self.0.set.remove(id),
                (None, Err(_)) => {}
            }
        }
        self.0.applied.fetch_max(newest, Ordering::AcqRel);
        Ok(())
    }

    /// Learns all keys, for a start: some are read while those before are looked at. What changes meanwhile is read again,
    /// as what changes from now on is.
    async fn read_first(&self) -> Result<(), StoreError> {
        let reader = self.store().reader();
        if self.store().is_shared() {
            // Its readers have no patience.
            let mut watcher = self.store().watcher().await?;
            return self.read_all(&mut watcher).await;
        }
        let newest = api_keys::newest(reader).await?;
        let mut rows = Vec::new();
        let (mut read, mut last) = api_keys::after(reader, i64::MIN, READ_AT_ONCE).await?;
        while let Some(position) = last {
            let next = api_keys::after(reader, position, READ_AT_ONCE);
            let look = async {
                for row in &read {
                    let trusted = api_keys::stored(row)?.and_then(|stored| self.trusted(stored));
                    rows.extend(trusted.map(Arc::new));
                }
                Ok::<_, StoreError>(())
            };
            ((read, last), ()) = tokio::try_join!(next, look)?;
        }
        self.0.applied.fetch_max(newest, Ordering::AcqRel);
        self.0.set.replace(rows, newest);
        Ok(())
    }

    /// Learns what others changed, whether as this server does it or by hand.
    pub(crate) async fn read_all(&self, watcher: &mut Watcher) -> Result<(), StoreError> {
        let applied = self.applied();
        let earlier = self.peppers();
        let (mut rows, mut doubtful) = (Vec::new(), Vec::new());
        let take = |stored: Stored| match stored.row {
            Ok(row) if earlier.is_sealed(&row, &stored.seal) => rows.push(self.0.set.shared(row)),
            _ => doubtful.push(stored),
        };
        let newest = api_keys::all(watcher, take).await?;
        // Some may be sealed with a pepper that is newer than what is known here.
        self.take_peppers(&peppers::all(&mut *watcher).await?);
        let trusted = doubtful.into_iter().filter_map(|stored| self.trusted(stored));
        rows.extend(trusted.map(Arc::new));
        if newest < applied {
            tracing::error!(newest, applied, "the database went back in time");
            self.0.applied.store(newest, Ordering::Release);
            self.0.set.begin_again(rows);
        } else {
            self.0.applied.fetch_max(newest, Ordering::AcqRel);
            self.0.set.replace(rows, newest);
        }
        Ok(())
    }

    /// The row, if it is as this server wrote it.
    pub(crate) fn trusted(&self, stored: Stored) -> Option<KeyRow> {
        self.trusted_meanwhile(&self.peppers(), stored)
    }

    /// The same for a row that was read before the present peppers were known: one of the earlier ones may have been
    /// retired since.
    fn trusted_meanwhile(&self, earlier: &Peppers, stored: Stored) -> Option<KeyRow> {
        let Stored { id, row, seal } = stored;
        match row {
            Ok(row) if self.peppers().is_sealed(&row, &seal) || earlier.is_sealed(&row, &seal) => Some(row),
            _ => {
                tracing::error!(
                    key = id,
                    "a key's row was changed outside of the server; the key opens nothing"
                );
                None
            }
        }
    }

    /// What has become of a key.
    pub(crate) fn state(&self, row: &KeyRow) -> KeyState {
        if row.revoked_at.is_some() {
            KeyState::Revoked
        } else if self.has_expired(row) {
            KeyState::Expired
        } else if row.disabled_at.is_some() || row.suspended_at.is_some() {
            KeyState::Disabled
        } else if row.rotated_to.is_some() {
            KeyState::Rotated
        } else {
            KeyState::Active
        }
    }

    /// Whether a key has ended by itself. Once it has, a clock that is set back does not bring it back.
    pub(crate) fn has_expired(&self, row: &KeyRow) -> bool {
        self.has_passed(row.expires_at)
    }

    /// Whether an instant has come, and been seen to come.
    pub(crate) fn has_passed(&self, at: Option<Timestamp>) -> bool {
        let now = self.now().unix_millis();
        let latest = self.0.latest.fetch_max(now, Ordering::Relaxed).max(now);
        at.is_some_and(|at| latest >= at.unix_millis())
    }

    pub(crate) fn store(&self) -> &Store {
        &self.0.store
    }

    pub(crate) fn peppers(&self) -> Arc<Peppers> {
        self.0.peppers.load_full()
    }

    pub(crate) fn secrets(&self) -> &ServerSecrets {
        &self.0.secrets
    }

    pub(super) fn renewals(&self) -> &Renewals {
        &self.0.renewals
    }

    /// Takes over the peppers that the database says it has. A server without one of them goes on with what it has: what
    /// is sealed with that one, it does not trust.
    pub(super) fn take_peppers(&self, declared: &[Declared]) {
        if self.peppers().are(declared) {
            return;
        }
        match Peppers::read(&self.0.dir, declared) {
            Ok((peppers, _)) => {
                self.0.peppers.store(Arc::new(peppers));
                if let Err(error) = remove_retired(&self.0.dir, declared) {
                    tracing::error!(%error, "the file of a retired pepper cannot be removed");
                }
            }
            Err(error) => tracing::error!(%error, "the database has a pepper that cannot be read here"),
        }
    }

    pub(crate) fn random(&self) -> &Random {
        &self.0.random
    }

    pub(crate) fn dir(&self) -> &DataDir {
        &self.0.dir
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.0.clock.now()
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority")
            .field("dir", &self.0.dir)
            .field("class", &self.0.class)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
