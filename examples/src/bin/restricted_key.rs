//! A key that may do little, for a while, and how it was used; on a server of your own. `AVALA_API_KEY=… cargo run -p avala-examples --bin restricted_key`
#![allow(clippy::print_stdout, reason = "an example shows something")]

use std::time::{Duration, SystemTime};

use avala::{Scope, Timestamp, api::api_keys::KeyAccess};

fn main() -> Result<(), avala::Error> {
    let keys = avala::blocking::Client::new()?.api_keys();
    let made = keys
        .create(
            "nightly",
            KeyAccess::listed([Scope::DatasetsRead, Scope::ExportsCreate]),
        )
        .environment("ci")
        .expires_at(Timestamp::from(SystemTime::now() + Duration::from_hours(90 * 24)))
        .send()?;
    println!("{} ends at {:?}", made.name, made.expires_at);

    let usage = keys.usage(made.id).send()?;
    println!("last used: {:?}", usage.last_used_at);
    Ok(())
}
