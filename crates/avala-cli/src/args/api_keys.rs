//! `avala keys …`

use std::time::Duration;

use avala_api::{
    Scope, Timestamp,
    api_keys::{ApiKeyId, KeyState, Period, RevokeReason},
    users::UserUid,
};
use clap::{ArgGroup, Args, Subcommand};
use ipnet::IpNet;

use super::{Listing, NewKey};

/// API keys.
#[derive(Debug, Subcommand)]
pub enum ApiKeys {
    /// Make a key that may do what you say, and no more
    ///
    /// The key is in the server's answer once. In a pipe it goes to stdout; on a terminal say `--out FILE` to keep it in
    /// a private file, or `--show` to see it.
    Create(Box<CreateApiKey>),
    /// Take over a key of forty hexadecimal digits that was issued elsewhere
    ///
    /// The key is read from stdin, or asked for on a terminal; it must not stand on the command line. From now on it opens
    /// here what you say. Rotate it when you can: its successor is a key of this server's own.
    Import(Box<ImportApiKey>),
    /// List keys, newest first
    List(ListApiKeys),
    /// Show one key: everything but what it opens with
    #[command(visible_alias = "get")]
    Show(OneApiKey),
    /// Rename a key, let it do less, or mute hints about it; nothing makes a key wider
    Update(UpdateApiKey),
    /// Give a key a successor that may do the same
    ///
    /// The old key still opens for a while, so that whoever uses it can change over. The new one is in the server's
    /// answer once, as with `create`. When the answer is lost, do it again: a successor that nobody used is revoked.
    Rotate(RotateApiKey),
    /// End the time in which a rotated key still opens
    EndGrace(OneApiKey),
    /// End a key, for ever; or all keys of which something is true
    ///
    /// With `--where`, the keys are counted and shown first. On a terminal you are then asked to type their number; a
    /// script says it with `--count`. If it is another one by then, none is revoked.
    Revoke(Box<RevokeApiKey>),
    /// Switch a key off
    Disable(OneApiKey),
    /// Switch a key on again
    Enable(OneApiKey),
    /// Show how a key was used: the last seven days, unless you say otherwise
    Usage(ApiKeyUsage),
    /// What your organization lets its new keys be
    #[command(subcommand)]
    Policy(KeyPolicyVerb),
}

/// What an organization lets its new keys be.
#[derive(Debug, Subcommand)]
pub enum KeyPolicyVerb {
    /// Show it
    Show,
    /// Make it tighter; whoever runs the server makes it looser: `avala server policy set`
    ///
    /// It holds for keys that are made, taken over, or made by rotating another. Keys that are there stay as they are.
    Update(KeyPolicyChange),
}

/// What is to be different about a policy.
#[derive(Debug, Args)]
#[group(id = "policy", required = true, multiple = true)]
pub struct KeyPolicyChange {
    /// The longest life of a key, such as 90d
    #[arg(long, value_name = "TIME", value_parser = super::values::lifetime)]
    pub longest_life: Option<Duration>,

    /// A key must have an end
    #[arg(long)]
    pub requires_expiry: bool,

    /// The scopes that a key may have, such as datasets.read,exports.create; then none is full
    #[arg(long = "allowed-scope", value_name = "SCOPE", value_delimiter = ',', hide_possible_values = true, value_parser = super::values::scope())]
    pub allowed_scopes: Option<Vec<Scope>>,

    /// The most keys that are neither revoked nor expired
    #[arg(long, value_name = "COUNT")]
    pub most_keys: Option<u64>,
}

/// One key.
#[derive(Debug, Args)]
pub struct OneApiKey {
    /// Its id, such as 7Hk2mQ9xTbWc; never the key itself
    #[arg(value_parser = super::values::api_key_id)]
    pub id: ApiKeyId,
}

/// When a key ends by itself.
#[derive(Clone, Copy, Debug, Args)]
pub struct Expiry {
    /// How long it lives, such as 90d or 12h
    #[arg(long, value_name = "TIME", value_parser = super::values::lifetime)]
    pub expires_in: Option<Duration>,

    /// When it ends by itself, such as 2026-12-31T00:00:00Z
    #[arg(long, value_name = "TIME", conflicts_with = "expires_in")]
    pub expires_at: Option<Timestamp>,
}

/// What a new key is.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("access").required(true).args(["full_access", "scopes"])))]
pub struct ApiKeyAsked {
    /// Its name, for people
    #[arg(long)]
    pub name: String,

    /// Let it do everything, now and in future
    #[arg(long)]
    pub full_access: bool,

    /// What it may do, such as datasets.read,exports.create; nothing else
    #[arg(long = "scope", value_name = "SCOPE", value_delimiter = ',', hide_possible_values = true, value_parser = super::values::scope())]
    pub scopes: Vec<Scope>,

    /// When it ends.
    #[command(flatten)]
    pub expiry: Expiry,

    /// A network it may be used from, such as 10.0.0.0/8; may be repeated. Without one, from anywhere
    #[arg(long = "network", value_name = "CIDR", value_delimiter = ',', value_parser = super::values::network)]
    pub networks: Vec<IpNet>,

    /// The environment it is used in, in your words
    #[arg(long, value_name = "NAME")]
    pub environment: Option<String>,
}

/// `avala keys import`
#[derive(Debug, Args)]
pub struct ImportApiKey {
    /// What it is.
    #[command(flatten)]
    pub asked: ApiKeyAsked,
}

/// `avala keys create`
#[derive(Debug, Args)]
pub struct CreateApiKey {
    /// What it is.
    #[command(flatten)]
    pub asked: ApiKeyAsked,

    /// A dataset or project it is restricted to, such as dataset:3f1c9a; may be repeated. Without one, it reaches every one
    #[arg(long = "resource", value_name = "KIND:UID", value_delimiter = ',', value_parser = super::values::resource)]
    pub resources: Vec<String>,

    /// A service account that it is for, instead of yourself
    #[arg(long, value_name = "UID")]
    pub owner: Option<UserUid>,

    /// Where the key goes.
    #[command(flatten)]
    pub key: NewKey,
}

/// `avala keys list`
#[derive(Debug, Args)]
pub struct ListApiKeys {
    /// How much of the list.
    #[command(flatten)]
    pub listing: Listing,

    /// Only those that are active, disabled, revoked, rotated or expired
    #[arg(long)]
    pub state: Option<KeyState>,

    /// Only those of this environment
    #[arg(long, value_name = "NAME")]
    pub environment: Option<String>,

    /// Only those of this owner
    #[arg(long, value_name = "UID")]
    pub owner: Option<UserUid>,
}

/// `avala keys update`
#[derive(Debug, Args)]
#[command(
    override_usage = "avala keys update <ID> [OPTIONS]",
    group(ArgGroup::new("change").required(true).multiple(true)
        .args(["name", "scopes", "expires_in", "expires_at", "networks", "mute_hints", "unmute_hints"]))
)]
pub struct UpdateApiKey {
    /// Which.
    #[command(flatten)]
    pub key: OneApiKey,

    /// Another name
    #[arg(long)]
    pub name: Option<String>,

    /// What it may still do, such as datasets.read,exports.create; it must be less than now
    #[arg(long = "scope", value_name = "SCOPE", value_delimiter = ',', hide_possible_values = true, value_parser = super::values::scope())]
    pub scopes: Option<Vec<Scope>>,

    /// An earlier end.
    #[command(flatten)]
    pub expiry: Expiry,

    /// The networks it may still be used from; they replace those it had, and must lie within them
    #[arg(long = "network", value_name = "CIDR", value_delimiter = ',', value_parser = super::values::network)]
    pub networks: Option<Vec<IpNet>>,

    /// A rule whose hint is no longer to be shown, such as `full_access`; may be repeated
    #[arg(long = "mute-hint", value_name = "RULE", value_delimiter = ',')]
    pub mute_hints: Vec<String>,

    /// A rule whose hint is to be shown again; may be repeated
    #[arg(long = "unmute-hint", value_name = "RULE", value_delimiter = ',')]
    pub unmute_hints: Vec<String>,
}

/// `avala keys rotate`
#[derive(Debug, Args)]
pub struct RotateApiKey {
    /// Which.
    #[command(flatten)]
    pub old: OneApiKey,

    /// How long the old key still opens: a day unless told, 0 for not at all
    #[arg(long, value_name = "TIME", value_parser = super::values::grace)]
    pub grace: Option<u32>,

    /// Where the key goes.
    #[command(flatten)]
    pub key: NewKey,
}

/// `avala keys revoke`
#[derive(Debug, Args)]
#[command(
    override_usage = "avala keys revoke <ID> [OPTIONS]\n       avala keys revoke --where <NAME=VALUE>… [OPTIONS]",
    group(ArgGroup::new("which").required(true).args(["id", "filter"]))
)]
pub struct RevokeApiKey {
    /// Its id, such as 7Hk2mQ9xTbWc; never the key itself
    #[arg(value_parser = super::values::api_key_id)]
    pub id: Option<ApiKeyId>,

    /// All keys of which this is true: environment=NAME, owner=UID, state=STATE, created-before=TIME, unused-since=TIME,
    /// legacy=true or legacy=false; may be repeated, and then all of it must be true
    #[arg(long = "where", value_name = "NAME=VALUE", value_parser = super::values::key_condition)]
    pub filter: Vec<KeyCondition>,

    /// Only show the keys of `--where`, and count them
    #[arg(long, requires = "filter")]
    pub dry_run: bool,

    /// How many keys of `--where` there must be
    #[arg(long, value_name = "COUNT", requires = "filter", conflicts_with = "dry_run")]
    pub count: Option<u64>,

    /// Revoke the key that you use, too, if it is one of them
    #[arg(long, requires = "filter")]
    pub include_own: bool,

    /// Why: leaked, rotated, `owner_left`, unused, policy or other
    #[arg(long)]
    pub reason: Option<RevokeReason>,

    /// Do not ask
    #[arg(long, short, conflicts_with = "filter")]
    pub yes: bool,
}

/// Something that is true of keys.
#[derive(Clone, Debug)]
pub enum KeyCondition {
    /// They are of this environment.
    Environment(String),
    /// They are of this owner.
    Owner(UserUid),
    /// This has become of them.
    State(KeyState),
    /// They are older.
    CreatedBefore(Timestamp),
    /// They were there then, and have not been used since.
    UnusedSince(Timestamp),
    /// They were taken over from elsewhere, or were not.
    Legacy(bool),
}

/// `avala keys usage`
#[derive(Debug, Args)]
pub struct ApiKeyUsage {
    /// Which.
    #[command(flatten)]
    pub key: OneApiKey,

    /// From the hour or day of this instant on, such as 2026-01-31T00:00:00Z
    #[arg(long, value_name = "TIME")]
    pub from: Option<Timestamp>,

    /// Until this instant
    #[arg(long, value_name = "TIME")]
    pub to: Option<Timestamp>,

    /// By hour or by day, in `--output json`
    #[arg(long, value_name = "PERIOD")]
    pub by: Option<Period>,
}
