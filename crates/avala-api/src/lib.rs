//! The Avala HTTP API as data.
//!
//! Every operation is declared once, as a plain type with a constant [`Route`], and everything else derives from
//! that: the client's request, the server's router and access check, the command's `--read-only`, the parity table.
//! Nothing here touches a network, a clock or a file.
//!
//! ```
//! use avala_api::{webhooks, Operation};
//!
//! let call = webhooks::Get::new("6f9619ff-8b86-d011-b42d-00c04fc964ff");
//! assert_eq!(webhooks::Get::ROUTE.method.as_str(), "GET");
//! assert_eq!(call.path().unwrap(), "/webhooks/6f9619ff-8b86-d011-b42d-00c04fc964ff/");
//! ```

#[macro_use]
mod declare;

pub mod agent_actions;
pub mod agents;
pub mod api_keys;
pub mod audit;
pub mod auto_label_jobs;
pub mod catalogue;
pub mod datasets;
mod error_body;
pub mod exports;
mod fields;
pub mod inference_providers;
mod job;
mod names;
mod operation;
pub mod organizations;
mod page;
mod parameters;
mod patch;
pub mod projects;
mod request;
mod route;
mod scope;
mod secret_object;
pub mod signup;
pub mod storage_configs;
pub mod tasks;
mod timestamp;
mod unique_members;
pub mod users;
pub mod webhook_deliveries;
pub mod webhooks;

pub use avala_keys::Secret;
pub use error_body::{ErrorBody, texts};
pub use fields::{DecodeError, FieldErrors, Incoming};
pub use job::{Job, Polling, Progress, Wait};
pub use names::{EventName, Extra, TaskType, Visibility};
pub use operation::{Answer, Operation, Paged};
pub use page::{Cursor, Page};
pub use parameters::{CommaList, InvalidParameter, Query, QueryValue};
pub use patch::Patch;
pub use request::{CallOptions, Carrier, RateLimit, Request, Response, Retry, key_class, request_id};
pub use route::{Access, Method, Paging, Route};
pub use scope::{Scope, ScopeName, UnknownScope};
pub use secret_object::SecretObject;
pub use timestamp::{InvalidTimestamp, Timestamp};

/// The header that carries the key on every authenticated call.
/// Source: <https://avala.ai/docs> (authentication).
pub const API_KEY_HEADER: &str = "x-avala-api-key";

/// The path under which every operation stands, on Avala's hosts and on ours.
pub const API_PREFIX: &str = "/api/v1";
