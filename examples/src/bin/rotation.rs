//! A key replaces itself, in the file that its programs read; on a server of your own. `cargo run -p avala-examples --bin rotation -- avala.key KEY_ID`
#![allow(clippy::print_stdout, reason = "an example shows something")]

use std::{error::Error, fs};

use avala::KeyFile;

fn main() -> Result<(), Box<dyn Error>> {
    let (Some(file), Some(id)) = (std::env::args().nth(1), std::env::args().nth(2)) else {
        println!("usage: rotation FILE KEY_ID");
        return Ok(());
    };
    let client = avala::blocking::Client::builder()
        .credentials(KeyFile::new(&file))
        .build()?;

    let successor = client.api_keys().rotate(&*id).grace_seconds(3600_u32).send()?;
    let Some(secret) = &successor.secret else {
        return Err("the successor was made before, and is shown once".into());
    };
    let next = format!("{file}.next");
    fs::copy(&file, &next)?; // with its permissions
    fs::write(&next, secret.expose())?;
    fs::rename(next, &file)?; // whoever reads it finds the old key or the new one
    client.api_keys().end_grace(&*id).send()?;

    println!("{}", client.users().me().send()?.username); // refused once, read again, sent again
    println!("{} follows {id}", successor.id);
    Ok(())
}
