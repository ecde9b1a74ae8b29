//! `avala audit …`

use avala_api::{Timestamp, api_keys::ApiKeyId};
use clap::{Args, Subcommand};

use super::Listing;

/// The audit.
#[derive(Debug, Subcommand)]
pub enum Audit {
    /// List who did what in your organization, newest first
    ///
    /// Of each: when, by whom, what, and to which object. Requests that were refused are there with their network and the
    /// reason: a few of each source one by one, the others of the same minute as a number.
    List(ListAudit),
}

/// `avala audit list`
#[derive(Debug, Args)]
pub struct ListAudit {
    /// How much of the list.
    #[command(flatten)]
    pub listing: Listing,

    /// Only what was done with this key, or to it
    #[arg(long, value_name = "ID", value_parser = super::values::api_key_id)]
    pub key: Option<ApiKeyId>,

    /// Only what this user did, by uid, or this kind of actor: key, `sign_up`, console, provision or server
    #[arg(long, value_name = "WHO")]
    pub actor: Option<String>,

    /// Only this action, such as `api_key.rotate` or `request.refuse`
    #[arg(long, value_name = "NAME")]
    pub action: Option<String>,

    /// From this instant on, such as 2026-01-31T00:00:00Z
    #[arg(long, value_name = "TIME")]
    pub from: Option<Timestamp>,

    /// Until this instant
    #[arg(long, value_name = "TIME")]
    pub to: Option<Timestamp>,
}
