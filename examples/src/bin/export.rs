//! Exports a project and waits for the file. `AVALA_API_KEY=… cargo run -p avala-examples --bin export -- PROJECT_UID`
#![allow(clippy::print_stdout, reason = "an example shows something")]

use avala::{ErrorKind, api::exports::Export};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), avala::Error> {
    let Some(project) = std::env::args().nth(1) else {
        println!("usage: export PROJECT_UID");
        return Ok(());
    };
    let client = avala::Client::new()?;
    let asked = client.exports().create().project(project).send().await?;

    let mut states = client.exports().wait(&asked.uid).states();
    while let Some(state) = states.next().await {
        match state {
            Ok(Export {
                status,
                download_url: Some(url),
                ..
            }) => println!("{status:?}: {url}"),
            Ok(export) => println!("{:?}", export.status),
            Err(error) if error.kind() == ErrorKind::JobFailed => {
                println!("no file: {error}");
                println!("{:?}", error.job::<Export>());
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
