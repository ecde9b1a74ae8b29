//! The audit: who did what to the objects of the caller's organization.
//!
//! A self-hosted server's operation; Avala's own service has its dashboard for this.

use crate::{Access, Scope, Timestamp, api_keys::ApiKeyId, users::UserUid};

open_enum! {
    /// What kind of actor did something.
    pub enum ActorKind {
        /// A request with a key, on behalf of its owner.
        Key = "key",
        /// A new user at sign-up.
        SignUp = "sign_up",
        /// Whoever ran a program of the server's on its own machine.
        Console = "console",
        /// The list that a server was started with.
        Provision = "provision",
        /// The server itself.
        Server = "server",
        /// A client that has proven nothing. Its lines belong to no organization.
        Client = "client",
    }
}

model! {
    /// Who did something.
    pub struct Actor {
        /// What kind of actor.
        pub kind: ActorKind,
        /// The key, of a kind that has one.
        pub key: Option<ApiKeyId> = None,
        /// The user on whose behalf.
        pub user: Option<UserUid> = None,
    }
}

model! {
    /// A line of the audit.
    pub struct AuditEntry {
        /// Its place in the audit of the whole server, from 1. Other organizations have lines in between.
        pub position: i64,
        /// When it was done. The latest of the requests, where there are several.
        pub at: Timestamp,
        /// Who did it.
        pub actor: Actor,
        /// What was done: `webhook.create`, `api_key.rotate`, `request.refuse`.
        pub action: String,
        /// To what: a uid, or the id of a key. Of refused requests, the network they came from; empty for several.
        pub object: String,
        /// Why requests were refused, as in the answer to them.
        pub code: Option<String> = None,
        /// How many requests were refused.
        pub requests: Option<u64> = None,
        /// The number of a change to keys.
        pub seq: Option<i64> = None,
        /// The hash of this line and the one before, as hex: what the server's operator finds at the same position.
        pub hash: Option<String> = None,
    }
}

operation! {
    /// Lists what was done in the caller's organization, newest first.
    List = "audit.list" {
        route: Get "/audit/",
        access: Access::Scope(Scope::AuditRead),
        pages: AuditEntry, by Cursor,
        query {
            /// Only what was done with this key, or to it.
            key: ApiKeyId,
            /// Only what this user did, by uid, or this kind of actor: `key`, `sign_up`, `console`, `server`.
            actor: String,
            /// Only this action, by its whole name.
            action: String,
            /// Only from this instant on.
            from: Timestamp,
            /// Only before this instant.
            to: Timestamp,
        }
    }
}
