//! `avala server …`: the data of a server on this machine, with or without the server running.

mod seed;

use tokio::runtime;

use super::interruptible;
use crate::{
    args::{Global, ServerVerb},
    exit::Exit,
    failure::Failure,
    logging,
    output::Output,
};

pub(super) fn run(global: &Global, verb: ServerVerb, out: Output) -> Result<Exit, Failure> {
    if global.read_only {
        return Err(Failure::usage(
            "This writes to the server's data, and --read-only forbids that.",
        ));
    }
    logging::start(global, None)?;
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(interruptible(async {
        match verb {
            ServerVerb::Seed(args) => seed::run(args, out).await,
        }
    }))?;
    Ok(Exit::OK)
}
