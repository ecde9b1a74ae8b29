//! A source of one's own: the newest file of a folder. `cargo run -p avala-examples --bin own_provider -- FOLDER`
#![allow(clippy::print_stdout, reason = "an example shows something")]

use std::{fs, path::PathBuf, time::Duration};

use avala::{Credential, CredentialProvider, ProviderError, ProviderFuture, Source};

#[derive(Debug)]
struct Newest(PathBuf);

impl CredentialProvider for Newest {
    fn source(&self) -> Source {
        Source::named("the newest key")
    }

    fn provide(&self) -> ProviderFuture<'_> {
        Box::pin(async {
            let files = fs::read_dir(&self.0).map_err(|error| ProviderError::new(error.to_string()))?;
            let Some(newest) = files.flatten().map(|file| file.path()).max() else {
                return Ok(None); // no key here
            };
            let key = fs::read_to_string(newest).map_err(|error| ProviderError::new(error.to_string()))?;
            Ok(Some(
                Credential::new(key).read_again_after(Duration::from_mins(1)),
            ))
        })
    }
}

fn main() -> Result<(), avala::Error> {
    let folder = Newest(std::env::args().nth(1).unwrap_or_default().into());
    let client = avala::blocking::Client::builder().credentials(folder).build()?;
    println!("{}", client.users().me().send()?.username);
    println!("the key came from {}", client.credential_report().source);
    Ok(())
}
