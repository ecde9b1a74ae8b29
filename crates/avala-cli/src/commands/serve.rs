//! `avala serve`: a server on this machine, until it is told to stop.

mod bootstrap;
mod database;

use std::{
    io::{self, Read as _},
    net::SocketAddr,
    path::PathBuf,
};

use avala_keys::{Class, Secret};
use avala_server::{Config, Server};
use serde::Serialize;
use tokio::{net::TcpListener, runtime, sync::oneshot};
use tracing_subscriber::filter::LevelFilter;

use self::bootstrap::FirstKey;
use crate::{
    args::{self, Global},
    exit::Exit,
    failure::Failure,
    logging,
    output::{self, Output},
    signals::Signals,
};

pub(super) fn run(global: &Global, args: args::Serve, out: Output) -> Result<Exit, Failure> {
    if global.read_only {
        return Err(Failure::usage(
            "A server writes to its data directory, and --read-only forbids that.",
        ));
    }
    if args.dev && !args.bind.ip().is_loopback() {
        return Err(Failure::usage(format!(
            "--dev listens on this machine only, and {} is not on it.",
            args.bind.ip()
        ))
        .hint("Use --bind 127.0.0.1:PORT, or leave out --dev."));
    }
    logging::start(global, Some(LevelFilter::WARN))?;
    let runtime = runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(serve(args, out))
}

async fn serve(args: args::Serve, out: Output) -> Result<Exit, Failure> {
    // The port comes first: whoever finds it taken must find nothing changed.
    let listener = TcpListener::bind(args.bind)
        .await
        .map_err(|error| cannot_listen(args.bind, &error))?;
    let address = listener.local_addr()?;
    let server = Server::open(config(&args, out)?)
        .await
        .map_err(|error| Failure::local(sentence(&error)))?;

    let mut ready = Ready::at(address, &args);
    if args.dev {
        let key = server
            .dev_key()
            .await
            .map_err(|error| Failure::local(sentence(&error)))?;
        ready.api_key = Some(key.into_secret());
    } else if let Some(path) = &args.bootstrap_key_file {
        ready.first_key = bootstrap::first_key(&server, &args.data_dir, path).await?;
    }
    // Before anybody learns that it is there: whoever reads the ready line may stop it at once.
    let signals = Signals::listen()?;
    ready.tell(&args, out)?;

    let stop = async move {
        tokio::select! {
            () = signals.asked_to_stop() => {}
            () = stdin_ended(), if args.until_stdin_ends => {}
        }
    };
    server
        .serve(listener, stop)
        .await
        .map_err(|error| Failure::local(sentence(&error)))?;
    server.close().await;
    out.note("Stopped.");
    Ok(Exit::OK)
}

fn config(args: &args::Serve, out: Output) -> Result<Config, Failure> {
    let class = if args.dev { Class::Test } else { Class::Live };
    let mut config = Config::new(&args.data_dir, class);
    config.database = database::chosen(args, out)?;
    config.public_url.clone_from(&args.public_url);
    config.sign_up = args.sign_up || args.dev;
    config
        .allow_webhook_targets
        .clone_from(&args.allow_webhook_target);
    if let Some(limit) = args.rate_limit {
        config.rate_limit = limit;
    }
    Ok(config)
}

fn cannot_listen(address: SocketAddr, error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            Failure::local(format!("{address} is in use: another program listens there."))
                .hint("Stop it, or choose another port: --bind 127.0.0.1:0 takes a free one.")
        }
        io::ErrorKind::PermissionDenied => Failure::local(format!("Listening on {address} is not allowed."))
            .hint("Ports below 1024 need more rights; choose a higher one."),
        _ => Failure::local(format!("Cannot listen on {address}: {error}")),
    }
}

/// What the ready line says.
#[derive(Debug, Serialize)]
struct Ready {
    url: String,
    base_url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    api_key: Option<Secret>,
    data_dir: PathBuf,
    #[serde(skip)]
    first_key: FirstKey,
}

impl Ready {
    fn at(address: SocketAddr, args: &args::Serve) -> Self {
        let url = format!("http://{address}");
        let base_url = format!("{url}{}", avala_api::API_PREFIX);
        Self {
            url,
            base_url,
            api_key: None,
            data_dir: args.data_dir.clone(),
            first_key: FirstKey::Kept,
        }
    }

    fn tell(&self, args: &args::Serve, out: Output) -> Result<(), Failure> {
        if out.is_json() {
            return Ok(output::json_line(self)?);
        }
        let class = if args.dev {
            "test keys, open sign-up"
        } else {
            "live keys"
        };
        out.note(&format!(
            "Serving {} from {} ({class}). Ctrl-C stops it.",
            self.url,
            self.data_dir.display()
        ));
        if !args.bind.ip().is_loopback() {
            out.note(
                "Keys travel in the clear over plain HTTP: put a proxy with TLS in front of this address.",
            );
        }
        if let (FirstKey::Issued | FirstKey::Replaced, Some(path)) =
            (self.first_key, &args.bootstrap_key_file)
        {
            out.note(&format!(
                "A first key, good for 24 hours, is in {}.",
                path.display()
            ));
        }
        if self.first_key == FirstKey::Replaced {
            out.note("The first key that was issued before is revoked.");
        }
        if let Some(key) = &self.api_key {
            out.note("In another terminal:");
            out.note("");
            output::lines(&[
                &format!("export AVALA_API_KEY={}", key.expose()),
                &format!("export AVALA_BASE_URL={}", self.base_url),
                "export AVALA_ALLOW_INSECURE_BASE_URL=true",
            ])?;
        }
        Ok(())
    }
}

/// Completes when stdin ends. A thread of its own waits for it: it must not keep the runtime from ending.
async fn stdin_ended() {
    let (ended, wait) = oneshot::channel::<()>();
    std::thread::spawn(move || {
        let mut byte = [0];
        while matches!(io::stdin().lock().read(&mut byte), Ok(1..)) {}
        drop(ended);
    });
    let _always_dropped = wait.await;
}

/// An error text as a sentence of ours.
fn sentence(error: &impl std::fmt::Display) -> String {
    let text = error.to_string();
    let mut characters = text.chars();
    let first = characters
        .next()
        .map(|first| first.to_uppercase().to_string())
        .unwrap_or_default();
    format!("{first}{}.", characters.as_str().trim_end_matches('.'))
}
