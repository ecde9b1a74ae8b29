//! `avala service-accounts …`

use avala_api::{organizations::Role, users::UserUid};
use clap::{Args, Subcommand};

use super::Listing;

/// Service accounts.
#[derive(Debug, Subcommand)]
pub enum ServiceAccounts {
    /// Make a service account; it has no key yet
    Create(CreateServiceAccount),
    /// List service accounts, newest first
    List {
        /// How much of the list.
        #[command(flatten)]
        listing: Listing,
    },
    /// Show one service account
    #[command(visible_alias = "get")]
    Show(OneServiceAccount),
    /// Switch a service account off, and all its keys with it
    Disable(OneServiceAccount),
    /// Switch a service account on again
    Enable(OneServiceAccount),
}

/// `avala service-accounts create`
#[derive(Debug, Args)]
pub struct CreateServiceAccount {
    /// Its name, for people
    #[arg(long)]
    pub name: String,

    /// What its keys may do at most: admin, or member
    #[arg(long)]
    pub role: Option<Role>,
}

/// One service account.
#[derive(Debug, Args)]
pub struct OneServiceAccount {
    /// Its uid, as `list` shows it
    pub uid: UserUid,
}
