//! `avala server …`: the data of a server on this machine, with or without the server running.

mod audit;
mod pepper;
mod policy;
mod seed;

use avala_server::keys::Authority;
use tokio::runtime;

use super::{
    interruptible,
    serve::{database, sentence},
};
use crate::{
    args::{Global, PepperVerb, ServerData, ServerPolicyVerb, ServerVerb},
    exit::Exit,
    failure::Failure,
    logging,
    output::Output,
};

pub(super) fn run(global: &Global, verb: ServerVerb, out: Output) -> Result<Exit, Failure> {
    let only_reads = matches!(
        verb,
        ServerVerb::Audit(_)
            | ServerVerb::Policy(ServerPolicyVerb::Show(_))
            | ServerVerb::Pepper(PepperVerb::List(_))
    );
    if global.read_only && !only_reads {
        return Err(Failure::usage(
            "This writes to the server's data, and --read-only forbids that.",
        ));
    }
    logging::start(global, None)?;
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(interruptible(async {
        match verb {
            ServerVerb::Seed(args) => seed::run(args, out).await,
            ServerVerb::Audit(verb) => audit::run(verb, out).await,
            ServerVerb::Policy(verb) => policy::run(verb, out).await,
            ServerVerb::Pepper(verb) => pepper::run(verb, out).await,
        }
    }))?;
    Ok(Exit::OK)
}

/// Opens the data of a server, running or not.
async fn open(data: &ServerData, out: Output) -> Result<Authority, Failure> {
    let database = database::chosen(data.database.as_ref(), data.database_file.as_deref(), out)?;
    Authority::open_with(&data.data_dir, &database)
        .await
        .map_err(|error| Failure::local(sentence(&error)))
}
