//! `avala keys …`

mod bulk;
mod policy;

#[cfg(feature = "server")]
pub(super) use policy::fields as policy_fields;
use std::{collections::BTreeMap, time::SystemTime};

use avala_api::{
    Operation, Scope, Timestamp,
    api_keys::{
        ApiKey, ApiKeyId, Create, Disable, Enable, EndGrace, Get, GetPolicy, GetUsage, Import, KeyAccess,
        KeyUsage, List, Revoke, RevokeMany, RevokeReason, Rotate, Update, UpdatePolicy, UsageBucket,
    },
};
use avala_keys::{Shape, classify};
use ipnet::IpNet;

use crate::{
    args,
    failure::Failure,
    new_key::{Destination, if_the_answer_was_lost},
    output::{Cell, Record, Row},
    session::Session,
    terminal,
};

pub(super) const CALLS: &[(&str, &str)] = &[
    (Create::ROUTE.operation, "avala keys create"),
    (Import::ROUTE.operation, "avala keys import"),
    (List::ROUTE.operation, "avala keys list"),
    (Get::ROUTE.operation, "avala keys show"),
    (Update::ROUTE.operation, "avala keys update"),
    (Rotate::ROUTE.operation, "avala keys rotate"),
    (EndGrace::ROUTE.operation, "avala keys end-grace"),
    (Revoke::ROUTE.operation, "avala keys revoke"),
    (RevokeMany::ROUTE.operation, "avala keys revoke"),
    (Disable::ROUTE.operation, "avala keys disable"),
    (Enable::ROUTE.operation, "avala keys enable"),
    (GetUsage::ROUTE.operation, "avala keys usage"),
    (GetPolicy::ROUTE.operation, "avala keys policy show"),
    (UpdatePolicy::ROUTE.operation, "avala keys policy update"),
];

pub(super) async fn run(session: &Session, verb: args::ApiKeys) -> Result<(), Failure> {
    match verb {
        args::ApiKeys::Create(args) => create(session, *args).await,
        args::ApiKeys::Import(args) => import(session, args.asked).await,
        args::ApiKeys::List(args) => {
            let mut list = List::new().limit(args.listing.page());
            list.state = args.state;
            list.environment = args.environment;
            list.owner = args.owner;
            session.list(list, args.listing, hide_secret).await
        }
        args::ApiKeys::Show(args) => ask(session, Get::new(args.id)).await,
        args::ApiKeys::Update(args) => update(session, args).await,
        args::ApiKeys::Rotate(args) => rotate(session, args).await,
        args::ApiKeys::EndGrace(args) => ask(session, EndGrace::new(args.id)).await,
        args::ApiKeys::Revoke(args) => match args.id.clone() {
            Some(id) => revoke(session, id, *args).await,
            None => bulk::revoke(session, *args).await,
        },
        args::ApiKeys::Policy(verb) => policy::run(session, verb).await,
        args::ApiKeys::Disable(args) => ask(session, Disable::new(args.id)).await,
        args::ApiKeys::Enable(args) => ask(session, Enable::new(args.id)).await,
        args::ApiKeys::Usage(args) => {
            let mut usage = GetUsage::new(args.key.id);
            usage.from = args.from;
            usage.to = args.to;
            usage.by = args.by;
            let usage = session.may_call::<GetUsage>()?.send(usage).await?;
            Ok(session.out.record(&usage)?)
        }
    }
}

/// Calls it, and shows the key it answers.
async fn ask<O: Operation<Answer = ApiKey>>(session: &Session, operation: O) -> Result<(), Failure> {
    let key = session.may_call::<O>()?.send(operation).await?;
    show(session, key)
}

async fn create(session: &Session, args: args::CreateApiKey) -> Result<(), Failure> {
    let caller = session.may_call::<Create>()?;
    let destination = Destination::choose(session.out, &args.key)?;
    let asked = args.asked;
    let mut create = Create::new(asked.name, access(asked.full_access, asked.scopes));
    create.environment = asked.environment;
    create.expires_at = end(asked.expiry)?;
    create.allowed_networks = (!asked.networks.is_empty()).then(|| in_cidr(&asked.networks));
    create.resources = (!args.resources.is_empty()).then_some(args.resources);
    create.owner = args.owner;
    let key = caller.send(create).await.map_err(|failure| {
        if_the_answer_was_lost(
            failure,
            "If only the answer was lost, `avala keys list` shows the key: revoke it.",
        )
    })?;
    let made = format!("The key {} ({}) is made.", key.id, key.name);
    hand_over(session, destination, key, &made).await
}

/// What a new key may do. The parser sees to it that exactly one of the two was said.
fn access(is_full: bool, scopes: Vec<Scope>) -> KeyAccess {
    if is_full {
        KeyAccess::Full
    } else {
        KeyAccess::listed(scopes)
    }
}

async fn import(session: &Session, asked: args::ApiKeyAsked) -> Result<(), Failure> {
    let caller = session.may_call::<Import>()?;
    let secret = terminal::secret_asked_for("The key")?;
    if classify(secret.expose()) != Shape::Hex {
        return Err(
            Failure::usage("This is no key of 40 lower-case hexadecimal digits.").hint("Nothing was sent."),
        );
    }
    let mut import = Import::new(asked.name, secret, access(asked.full_access, asked.scopes));
    import.environment = asked.environment;
    import.expires_at = end(asked.expiry)?;
    import.allowed_networks = (!asked.networks.is_empty()).then(|| in_cidr(&asked.networks));
    let key = caller.send(import).await.map_err(|failure| {
        if_the_answer_was_lost(
            failure,
            "If only the answer was lost, `avala keys list` shows the key; doing it again says that it is there.",
        )
    })?;
    show(session, key)
}

async fn update(session: &Session, args: args::UpdateApiKey) -> Result<(), Failure> {
    let caller = session.may_call::<Update>()?;
    let id = args.key.id;
    let mut update = Update::new(&id);
    if !args.mute_hints.is_empty() || !args.unmute_hints.is_empty() {
        let key = session.may_call::<Get>()?.send(Get::new(id)).await?;
        let mut muted = [key.muted_hints, args.mute_hints].concat();
        muted.retain(|rule| !args.unmute_hints.contains(rule));
        update.muted_hints = Some(muted);
    }
    update.name = args.name;
    update.access = args.scopes.map(KeyAccess::listed);
    update.expires_at = end(args.expiry)?;
    update.allowed_networks = args.networks.as_deref().map(in_cidr);
    show(session, caller.send(update).await?)
}

async fn rotate(session: &Session, args: args::RotateApiKey) -> Result<(), Failure> {
    let caller = session.may_call::<Rotate>()?;
    let destination = Destination::choose(session.out, &args.key)?;
    let old = args.old.id;
    let mut rotate = Rotate::new(&old);
    rotate.grace_seconds = args.grace;
    let key = caller.send(rotate).await.map_err(|failure| {
        if_the_answer_was_lost(
            failure,
            "Do it again: if only the answer was lost, the successor in it is revoked.",
        )
    })?;
    let until = match args.grace {
        Some(0) => "which opens nothing any more",
        _ => "which still opens for a while",
    };
    let made = format!("The key {} takes the place of {old}, {until}.", key.id);
    hand_over(session, destination, key, &made).await
}

async fn revoke(session: &Session, id: ApiKeyId, args: args::RevokeApiKey) -> Result<(), Failure> {
    let caller = session.may_call::<Revoke>()?;
    terminal::confirm(&format!("Revoke the key {id}, for ever?"), args.yes)?;
    let mut revoke = Revoke::new(id);
    revoke.reason = args.reason;
    show(session, caller.send(revoke).await?)
}

/// Gives the secret where it is to go. One that cannot be kept opens nothing any more.
async fn hand_over(
    session: &Session,
    destination: Destination,
    key: ApiKey,
    made: &str,
) -> Result<(), Failure> {
    let out = session.out;
    let outcome = match &key.secret {
        Some(secret) => destination.hand_over(out, secret, made, &key),
        None => Err(Failure::local("The server's answer holds no key.")),
    };
    match outcome {
        Ok(Some(_file)) => show(session, key),
        Ok(None) => {
            // Programs that read JSON have them in the answer.
            if !out.is_json() {
                key.hints.iter().for_each(|hint| out.note(&hint.text));
            }
            Ok(())
        }
        Err(failure) => Err(take_back(session, &key, &failure).await),
    }
}

/// Revokes a key that nobody holds, and says why the command failed.
async fn take_back(session: &Session, key: &ApiKey, reason: &Failure) -> Failure {
    let id = &key.id;
    let revoked = async {
        let revoke = Revoke::new(id).reason(RevokeReason::Unused);
        session.may_call::<Revoke>()?.send(revoke).await
    };
    let lost = format!("{} The new key {id} is lost", reason.message);
    match (revoked.await, &key.rotated_from) {
        (Ok(_), None) => Failure::local(format!("{lost}, and revoked.")),
        (Ok(_), Some(old)) => Failure::local(format!("{lost}, and revoked."))
            .hint(format!("Do it again: {old} needs another successor.")),
        (Err(failure), _) => Failure::local(format!("{lost}, and could not be revoked: {}", failure.message))
            .hint(format!("Revoke it: avala keys revoke {id}")),
    }
}

/// A secret is in the answer that made it; no other answer is believed to be the place for it.
fn hide_secret(key: &mut ApiKey) {
    key.secret = None;
}

fn show(session: &Session, mut key: ApiKey) -> Result<(), Failure> {
    hide_secret(&mut key);
    Ok(session.out.record(&key)?)
}

/// When a key is to end, in whole seconds.
fn end(expiry: args::Expiry) -> Result<Option<Timestamp>, Failure> {
    let Some(life) = expiry.expires_in else {
        return Ok(expiry.expires_at);
    };
    let end = SystemTime::now()
        .checked_add(life)
        .ok_or_else(|| Failure::usage("--expires-in is longer than time can be counted."))?;
    Ok(Some(Timestamp::from_unix_seconds(
        Timestamp::from(end).unix_seconds(),
    )))
}

fn in_cidr(networks: &[IpNet]) -> Vec<String> {
    networks.iter().map(ToString::to_string).collect()
}

impl Row for ApiKey {
    const COLUMNS: &'static [&'static str] = &["id", "name", "state", "environment", "expires", "last used"];
}

impl Record for ApiKey {
    fn fields(&self) -> Vec<(&'static str, Cell)> {
        let access = if let KeyAccess::Listed { scopes } = &self.access {
            match scopes.as_slice() {
                [] => "nothing".into(),
                scopes => Cell::names(scopes),
            }
        } else {
            "full".into()
        };
        let mut fields = vec![
            ("id", Cell::text(&self.id)),
            ("name", Cell::text(&self.name)),
            ("state", Cell::text(&self.state)),
            ("class", Cell::text(&self.class)),
            ("environment", self.environment.clone().into()),
            ("owner", Cell::text(&self.owner)),
            ("access", access),
            ("networks", Cell::names(&self.allowed_networks)),
            ("resources", Cell::names(&self.resources)),
            ("created", self.created_at.into()),
            ("created by", self.created_by.clone().into()),
            ("expires", self.expires_at.into()),
            ("last used", self.last_used_at.into()),
        ];
        let mut told = |name, cell| match cell {
            Cell::Nothing => {}
            cell => fields.push((name, cell)),
        };
        told("legacy", self.legacy.then_some(true).into());
        told("rotated from", Cell::optional(self.rotated_from.as_ref()));
        told("rotated to", Cell::optional(self.rotated_to.as_ref()));
        told("still opens until", self.grace_until.into());
        told("revoked", self.revoked_at.into());
        told("revoked by", self.revoked_by.clone().into());
        told("reason", Cell::optional(self.revoked_reason.as_ref()));
        told("effective", Cell::optional(self.effective.as_ref()));
        let within = self.effective_within_ms.map(|millis| format!("{millis} ms"));
        told("everywhere within", within.into());
        for hint in &self.hints {
            told("hint", format!("{}: {}", hint.rule, hint.text).into());
        }
        if !self.muted_hints.is_empty() {
            told("muted hints", Cell::names(&self.muted_hints));
        }
        fields
    }
}

impl Record for KeyUsage {
    fn fields(&self) -> Vec<(&'static str, Cell)> {
        let sum = |of: fn(&UsageBucket) -> u64| self.buckets.iter().map(of).sum::<u64>();
        let parts = |of: fn(&UsageBucket) -> &BTreeMap<String, u64>| {
            let mut parts = BTreeMap::<&str, u64>::new();
            for (name, count) in self.buckets.iter().flat_map(of) {
                *parts.entry(name).or_default() += count;
            }
            let parts: Vec<String> = parts
                .into_iter()
                .map(|(name, count)| format!("{name} {count}"))
                .collect();
            Cell::names(&parts)
        };
        let mut fields = vec![
            ("last used", self.last_used_at.into()),
            ("from", self.last_used_ip.clone().into()),
            ("by", self.last_used_agent.clone().into()),
            ("requests", Cell::text(&sum(|bucket| bucket.requests))),
            ("refused", Cell::text(&sum(|bucket| bucket.refused))),
            ("resources", parts(|bucket| &bucket.by_group)),
            ("answers", parts(|bucket| &bucket.by_status)),
        ];
        if let Some(at) = self.last_refused_at {
            fields.extend([
                ("last refused", at.into()),
                ("refused from", self.last_refused_ip.clone().into()),
                ("refused by", self.last_refused_agent.clone().into()),
            ]);
        }
        fields
    }
}
