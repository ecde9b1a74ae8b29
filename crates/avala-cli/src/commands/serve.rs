//! `avala serve`: a server on this machine, until it is told to stop.

mod bootstrap;
pub(super) mod database;
mod open_files;

use std::{
    future::pending,
    io::{self, Read as _},
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use avala_keys::{Class, Secret};
use avala_server::{
    Config, Server, SetupToken, TlsFiles,
    provision::{Provision, ProvisionError},
};
use serde::Serialize;
use tokio::{
    net::{TcpListener, TcpSocket},
    runtime,
    sync::oneshot,
};
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
    if let Some(address) = args.metrics.address
        && !address.ip().is_loopback()
        && !args.metrics.allow_remote
    {
        return Err(Failure::usage(format!(
            "Metrics are for this machine only, and {} is not on it: nothing there asks for a key.",
            address.ip()
        ))
        .hint(
            "Use --metrics 127.0.0.1:PORT, or --metrics-allow-remote if only your monitoring reaches it.",
        ));
    }
    logging::start(global, Some(LevelFilter::WARN))?;
    let runtime = runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(serve(args, out))
}

async fn serve(args: args::Serve, out: Output) -> Result<Exit, Failure> {
    // The port comes first: whoever finds it taken must find nothing changed.
    let listener = listen(args.bind).map_err(|error| cannot_listen(args.bind, "--bind", &error))?;
    let address = listener.local_addr()?;
    let metrics = args
        .metrics
        .address
        .map(|wanted| listen(wanted).map_err(|error| cannot_listen(wanted, "--metrics", &error)))
        .transpose()?;
    let config = config(&args, out)?;
    let mut ready = Ready::at(address, &args, config.limits.connections);
    if let Some(listener) = &metrics {
        ready.metrics_url = Some(format!("http://{}/metrics", listener.local_addr()?));
    }
    // Before anything is made: a list that is wrong says so.
    let provision = args
        .provision
        .as_deref()
        .map(|path| Provision::read(path).map_err(|error| not_provisioned(path, &error)))
        .transpose()?;
    let server = Server::open(config)
        .await
        .map_err(|error| Failure::local(sentence(&error)))?;

    if let (Some(provision), Some(path)) = (&provision, &args.provision) {
        let provisioned = provision
            .apply(server.keys())
            .await
            .map_err(|error| not_provisioned(path, &error))?;
        for line in &provisioned.done {
            out.note(&format!("Provisioned: {line}."));
        }
        for line in &provisioned.notes {
            tracing::warn!("provisioning: {line}");
        }
    }
    if args.dev {
        let key = server
            .dev_key()
            .await
            .map_err(|error| Failure::local(sentence(&error)))?;
        ready.api_key = Some(key.into_secret());
    } else if let Some(path) = &args.bootstrap_key_file {
        ready.first_key = bootstrap::first_key(&server, &args.data_dir, path).await?;
    }
    ready.nobody = !args.sign_up
        && !args.dev
        && !server
            .users()
            .exist()
            .await
            .map_err(|error| Failure::local(sentence(&error)))?;
    let keys = server.keys();
    let offered = if ready.nobody && args.bootstrap_key_file.is_none() && provision.is_none() {
        keys.offer_setup().await
    } else {
        // The token of an earlier start must not make an administrator where this one offers none.
        keys.withdraw_setup().await.map(|()| None)
    };
    ready.setup_token = offered.map_err(|error| Failure::local(sentence(&error)))?;
    ready.setup_token_file = ready.setup_token.as_ref().and_then(|token| token.file.clone());
    // Before anybody learns that it is there: whoever reads the ready line may stop it at once.
    let signals = Signals::listen()?;
    ready.tell(&args, out)?;

    let stop = async move {
        tokio::select! {
            () = signals.asked_to_stop() => {}
            () = stdin_ended(), if args.until_stdin_ends => {}
        }
    };
    let scraped = async {
        match metrics {
            Some(listener) => server.metrics().serve(listener).await,
            None => pending().await,
        }
    };
    tokio::select! {
        ended = server.serve(listener, stop) => ended.map_err(|error| Failure::local(sentence(&error)))?,
        () = scraped => {}
        () = warn_of_forgotten(args.bootstrap_key_file.clone()) => {}
    }
    server.close().await;
    out.note("Stopped.");
    Ok(Exit::OK)
}

/// How often it is said that a first key was forgotten.
const FORGOTTEN_SAID_EVERY: Duration = Duration::from_hours(1);

/// Says at the start and every hour that the file of the first key is still there after the key's day.
async fn warn_of_forgotten(file: Option<PathBuf>) {
    let Some(file) = file else {
        return pending().await;
    };
    let mut ticks = tokio::time::interval(FORGOTTEN_SAID_EVERY);
    loop {
        ticks.tick().await;
        if bootstrap::is_forgotten(&file) {
            tracing::warn!(
                file = %file.display(),
                "the first key has expired, and its file is still there: remove it, and leave out --bootstrap-key-file"
            );
        }
    }
}

/// Connections that the operating system keeps until they are accepted. It may have a lower limit of its own.
const BACKLOG: u32 = 4096;

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    // Elsewhere than on Unix, this would let two servers have one port.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

fn config(args: &args::Serve, out: Output) -> Result<Config, Failure> {
    let class = if args.dev { Class::Test } else { Class::Live };
    let mut config = Config::new(&args.data_dir, class);
    config.database = database::chosen(args.database.as_ref(), args.database_file.as_deref(), out)?;
    config.public_url.clone_from(&args.public_url);
    config.sign_up = args.sign_up || args.dev;
    config
        .allow_webhook_targets
        .clone_from(&args.allow_webhook_target);
    config.s3_endpoint.clone_from(&args.s3_endpoint);
    config.aws_account_id.clone_from(&args.aws_account_id);
    if let Some(limit) = args.rate_limit {
        config.rate_limit = limit;
    }
    if let (Some(certificate), Some(key)) = (&args.tls_cert, &args.tls_key) {
        config.tls = Some(TlsFiles {
            certificate: certificate.clone(),
            key: key.clone(),
        });
    }
    config.trusted_proxies.clone_from(&args.trusted_proxy);
    let wanted = args
        .max_connections
        .and_then(|most| usize::try_from(most).ok())
        .unwrap_or(config.limits.connections);
    config.limits.connections = open_files::connections(wanted);
    Ok(config)
}

fn not_provisioned(path: &Path, error: &ProvisionError) -> Failure {
    let failure = Failure::local(format!("{}: {error}.", path.display()));
    match error {
        ProvisionError::KeyFile(_) | ProvisionError::Commit(_) => failure,
        _ => failure.hint("Nothing of it was carried out."),
    }
}

fn cannot_listen(address: SocketAddr, option: &str, error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            Failure::local(format!("{address} is in use: another program listens there.")).hint(format!(
                "Stop it, or choose another port: {option} 127.0.0.1:0 takes a free one."
            ))
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
    /// The same, as this machine reaches it.
    #[serde(skip)]
    local_base_url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    metrics_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    api_key: Option<Secret>,
    data_dir: PathBuf,
    /// How many there may be at one time.
    connections: usize,
    #[serde(skip)]
    first_key: FirstKey,
    /// Where the token is with which the first user is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    setup_token_file: Option<PathBuf>,
    #[serde(skip)]
    setup_token: Option<SetupToken>,
    /// Whether there is no user, and nobody can become one.
    #[serde(skip)]
    nobody: bool,
}

impl Ready {
    fn at(address: SocketAddr, args: &args::Serve, connections: usize) -> Self {
        let scheme = if args.tls_cert.is_some() { "https" } else { "http" };
        let url = format!("{scheme}://{address}");
        let base_url = format!("{url}{}", avala_api::API_PREFIX);
        // One that listens everywhere has no address that could be asked.
        let local = if address.ip().is_unspecified() {
            format!("localhost:{}", address.port())
        } else {
            address.to_string()
        };
        Self {
            url,
            base_url,
            local_base_url: format!("{scheme}://{local}{}", avala_api::API_PREFIX),
            metrics_url: None,
            api_key: None,
            data_dir: args.data_dir.clone(),
            connections,
            first_key: FirstKey::Kept,
            setup_token_file: None,
            setup_token: None,
            nobody: false,
        }
    }

    /// What makes the first administrator, for a shell of this machine.
    fn setup_command(&self, token: &Path, args: &args::Serve) -> String {
        let insecure = if args.tls_cert.is_some() {
            ""
        } else {
            "AVALA_ALLOW_INSECURE_BASE_URL=true "
        };
        let token = token.to_string_lossy();
        let token = shlex::try_quote(&token).unwrap_or_default();
        format!(
            "{insecure}avala setup EMAIL --base-url {} --token-file {token} --out FILE",
            self.local_base_url
        )
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
        out.note(&format!("Room for {} connections at one time.", self.connections));
        if let Some(url) = &self.metrics_url {
            out.note(&format!("Metrics are at {url}."));
        }
        if let Some(token) = &self.setup_token {
            let until = token.expires_at;
            match &token.file {
                Some(path) => {
                    out.note(&format!(
                        "Nobody has an account yet. Until {until}, the token in {} makes the first administrator:",
                        path.display()
                    ));
                    out.note(&self.setup_command(path, args));
                }
                None => out.note(&format!(
                    "Nobody has an account yet. Until {until}, the token that another server of this database has makes the first administrator."
                )),
            }
        } else if self.nobody {
            out.note(
                "Nobody has an account yet: start with --bootstrap-key-file FILE for a first key, or with --sign-up.",
            );
        }
        if !args.bind.ip().is_loopback() && args.tls_cert.is_none() {
            out.note(
                "Keys travel in the clear over plain HTTP: use --tls-cert, or put a proxy with TLS in front of this address.",
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
            ])?;
            if args.tls_cert.is_none() {
                output::lines(&["export AVALA_ALLOW_INSECURE_BASE_URL=true"])?;
            }
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
pub(super) fn sentence(error: &impl std::fmt::Display) -> String {
    let text = error.to_string();
    let mut characters = text.chars();
    let first = characters
        .next()
        .map(|first| first.to_uppercase().to_string())
        .unwrap_or_default();
    format!("{first}{}.", characters.as_str().trim_end_matches('.'))
}
