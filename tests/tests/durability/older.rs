//! A directory as a server of the seventh schema left it: its pepper, its database, and keys that it issued.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use avala_keys::{ApiKey, Class, RandomnessFailed, Secret};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use sqlx::{AssertSqlSafe, Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};

use crate::presented::Said;

/// The version that its database has.
pub(crate) const SCHEMA: i64 = 7;

/// The files of such a directory.
pub(crate) const FILES: [&str; 2] = ["pepper", "avala.sqlite3"];

macro_rules! schema {
    ($($file:literal),+) => {
        [$(include_str!(concat!("../../../crates/avala-server/src/store/migrations/sqlite/", $file))),+]
    };
}

const STATEMENTS: [&str; 7] = schema![
    "0001_first.sql",
    "0002_revocations.sql",
    "0003_filters.sql",
    "0004_rows.sql",
    "0005_jobs.sql",
    "0006_storage_and_inference.sql",
    "0007_order_of_changes.sql"
];

const OWNER: &str = "143cff93-97fe-4d45-85a4-d91cf4df9616";
const ORGANIZATION: &str = "530da4a5-c2dc-4de8-8784-97a332d1b412";
const MADE_AT: i64 = 1_790_000_000_000;
const ENDED_AT: i64 = MADE_AT + 1000;

/// A key of the directory, and what a server has to say to it.
pub(crate) struct Issued {
    pub(crate) key: Secret,
    pub(crate) said: Said,
}

/// Makes the directory.
pub(crate) async fn make(data_dir: &Path, everything: &Said) -> Vec<Issued> {
    let private = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    fs::create_dir(data_dir).unwrap();
    private(data_dir, 0o700);
    let pepper: Vec<u8> = (0..32).map(|_| fastrand::u8(..)).collect();
    for (name, bytes) in FILES.into_iter().zip([&pepper[..], &[]]) {
        fs::write(data_dir.join(name), bytes).unwrap();
        private(&data_dir.join(name), 0o600);
    }

    let mut database = connect(data_dir).await;
    for statements in STATEMENTS {
        sqlx::raw_sql(AssertSqlSafe(statements))
            .execute(&mut database)
            .await
            .unwrap();
    }
    let version = format!("PRAGMA user_version = {SCHEMA}");
    let owner = format!(
        "INSERT INTO users (uid, email, created_at) VALUES ('{OWNER}', 'a@example.com', {MADE_AT});
         INSERT INTO organizations (uid, slug, name, created_at, updated_at)
         VALUES ('{ORGANIZATION}', 'a', 'a', {MADE_AT}, {MADE_AT});
         INSERT INTO memberships (organization, user, role, joined_at)
         VALUES ('{ORGANIZATION}', '{OWNER}', 'owner', {MADE_AT});"
    );
    for statements in [version, owner, "PRAGMA journal_mode = WAL".to_owned()] {
        sqlx::raw_sql(AssertSqlSafe(statements))
            .execute(&mut database)
            .await
            .unwrap();
    }
    let pepper = Pepper(pepper);
    sqlx::query(
        "INSERT INTO meta (only_row, seq, class, pepper_check, created_at) VALUES (1, 24, 'test', $1, $2)",
    )
    .bind(pepper.derived("check value, version 1"))
    .bind(MADE_AT)
    .execute(&mut database)
    .await
    .unwrap();
    let mut issued = Vec::new();
    for seq in 1..=24 {
        let row = Row::of(seq);
        let said = row.said(everything);
        pepper.insert(&mut database, &row).await;
        issued.push(Issued {
            key: row.key.into_secret(),
            said,
        });
    }
    database.close().await.unwrap();
    issued
}

pub(crate) async fn connect(data_dir: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(data_dir.join("avala.sqlite3"));
    SqliteConnection::connect_with(&options).await.unwrap()
}

/// A row of a key, as that schema had it.
struct Row {
    key: ApiKey,
    /// `None` for a full key.
    scopes: Option<Vec<&'static str>>,
    expires_at: Option<i64>,
    revoked_at: Option<i64>,
    seq: i64,
}

impl Row {
    /// Full ones, listed ones, empty ones; some that expired, some that were revoked.
    fn of(seq: i64) -> Self {
        let key = ApiKey::generate(Class::Test, &mut |bytes: &mut [u8]| {
            fastrand::fill(bytes);
            Ok::<_, RandomnessFailed>(())
        });
        Self {
            key: key.unwrap(),
            scopes: match seq % 4 {
                0 => None,
                1 => Some(vec![]),
                2 => Some(vec!["agents.read"]),
                _ => Some(vec!["tasks.read", "webhooks.read"]),
            },
            expires_at: (seq % 5 == 1).then_some(ENDED_AT),
            revoked_at: (seq % 7 == 1).then_some(ENDED_AT),
            seq,
        }
    }

    fn said(&self, everything: &Said) -> Said {
        match self {
            Self {
                revoked_at: Some(_), ..
            } => Said::Refused("key_revoked".to_owned()),
            Self {
                expires_at: Some(_), ..
            } => Said::Refused("key_expired".to_owned()),
            Self { scopes: None, .. } => everything.clone(),
            Self {
                scopes: Some(scopes), ..
            } => Said::Opens(scopes.iter().map(ToString::to_string).collect()),
        }
    }
}

struct Pepper(Vec<u8>);

impl Pepper {
    fn derived(&self, label: &str) -> Vec<u8> {
        tag(&self.0, label.as_bytes())
    }

    /// Writes the row, under its seal, and who revoked it.
    async fn insert(&self, database: &mut SqliteConnection, row: &Row) {
        let (id, name) = (row.key.id().to_string(), format!("key {}", row.seq));
        let (mac, seq) = (tag(&self.0, row.key.expose().as_bytes()), row.seq.to_string());
        let (access, canonical_access) = match &row.scopes {
            None => (r#"{"kind":"full"}"#.to_owned(), "full".to_owned()),
            Some(scopes) => (
                format!(r#"{{"kind":"listed","scopes":{scopes:?}}}"#),
                scopes
                    .iter()
                    .fold("listed".to_owned(), |text, scope| format!("{text} {scope}")),
            ),
        };
        let instant = |at: Option<i64>| at.map_or_else(String::new, |at| at.to_string());
        let mut canonical = Vec::new();
        for field in [
            id.as_bytes(),
            b"test",
            OWNER.as_bytes(),
            ORGANIZATION.as_bytes(),
            name.as_bytes(),
            &mac,
            canonical_access.as_bytes(),
            MADE_AT.to_string().as_bytes(),
            instant(row.expires_at).as_bytes(),
            instant(row.revoked_at).as_bytes(),
            seq.as_bytes(),
        ] {
            canonical.extend_from_slice(&(field.len() as u64).to_be_bytes());
            canonical.extend_from_slice(field);
        }
        let seal = tag(&self.derived("row seals, version 1"), &canonical);
        sqlx::query(
            "INSERT INTO api_keys (id, class, owner, organization, name, mac, access, created_at, expires_at, revoked_at, seq,
             seal) VALUES ($1, 'test', $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        )
        .bind(&id)
        .bind(OWNER)
        .bind(ORGANIZATION)
        .bind(name)
        .bind(mac)
        .bind(access)
        .bind(MADE_AT)
        .bind(row.expires_at)
        .bind(row.revoked_at)
        .bind(row.seq)
        .bind(seal)
        .execute(&mut *database)
        .await
        .unwrap();
        if row.revoked_at.is_some() {
            sqlx::query(
                "INSERT INTO audit (at, actor_kind, action, object, seq) VALUES ($1, 'console', 'api_key.revoke', $2, $3)",
            )
            .bind(ENDED_AT)
            .bind(id)
            .bind(row.seq)
            .execute(database)
            .await
            .unwrap();
        }
    }
}

fn tag(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.chain_update(text).finalize().into_bytes().to_vec()
}
