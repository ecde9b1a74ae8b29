//! `avala demo`: the whole product at work, told as a story. Every line of it has been checked.

mod account;
mod bad_keys;
mod credentials;
mod delivery;
mod own_server;
mod receiver;
mod rows;
mod wire;

use std::{
    path::PathBuf,
    time::{SystemTime, UNIX_EPOCH},
};

use avala::{Client, ClientBuilder, Environment};
use avala_api::{Secret, users::User};
use tempfile::TempDir;
use tokio::runtime;

use self::own_server::OwnServer;
use crate::{
    args::{self, Global},
    exit::Exit,
    failure::Failure,
    logging,
    output::{
        Output,
        story::{Broken, Story},
    },
};

pub(super) fn run(global: &Global, args: args::Demo, out: Output) -> Result<Exit, Failure> {
    if args.against.as_ref().is_some_and(|url| url.scheme() != "http") {
        return Err(Failure::usage(
            "--against takes the http:// URL of a server on this machine.",
        ));
    }
    if global.read_only {
        return Err(Failure::usage(
            "The demo makes and deletes things, and --read-only forbids that.",
        ));
    }
    logging::start(global, None)?;
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(super::interruptible(tell(args, out)))
}

/// Where the story plays.
struct Stage {
    /// The server, without a path.
    url: String,
    /// Where its API stands.
    base_url: String,
    /// Where its keys are kept.
    data_dir: PathBuf,
    /// A private directory for what the story needs.
    directory: PathBuf,
    /// This program, to be started as a child.
    program: PathBuf,
    /// Who signs up.
    email: String,
}

impl Stage {
    /// A client builder that sees nothing of this process's environment.
    fn client(&self) -> ClientBuilder {
        Client::builder()
            .base_url(&self.base_url)
            .allow_insecure_loopback()
            .environment(Environment::empty())
    }

    /// A client with a key.
    fn client_with(&self, key: &Secret) -> Result<Client, avala::Error> {
        self.client().api_key(key.clone()).build()
    }
}

/// Who plays in it.
struct Player {
    user: User,
    key: Secret,
}

async fn tell(args: args::Demo, out: Output) -> Result<Exit, Failure> {
    let mut story = Story::begin(
        out,
        "Avala from end to end: a real server, real keys, real rows, and no network.",
    )?;
    let (told, left) = match args.against.zip(args.data_dir) {
        Some((url, data_dir)) => (
            against(&mut story, url.as_str(), data_dir).await,
            "Ada's account is left on the server.",
        ),
        None => (
            Box::pin(on_its_own(&mut story)).await,
            "Nothing is left behind: no process, no port, no file.",
        ),
    };
    match told {
        Ok(()) => {
            story.end(&[
                left,
                "",
                "Next, a server that stays, with its key and the lines to paste:",
                "",
                "    avala serve --dev",
            ])?;
            Ok(Exit::OK)
        }
        Err(Ended::Broken(broken)) => {
            story.broken(&broken)?;
            Ok(Exit::FAILURE)
        }
        Err(Ended::Failed(failure)) => Err(failure),
    }
}

/// Why the story ended early.
enum Ended {
    /// A fact does not hold.
    Broken(Broken),
    /// It could not be told.
    Failed(Failure),
}

impl From<Broken> for Ended {
    fn from(broken: Broken) -> Self {
        Self::Broken(broken)
    }
}

impl<E: Into<Failure>> From<E> for Ended {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

type Told = Result<(), Ended>;

async fn on_its_own(story: &mut Story) -> Told {
    let program = std::env::current_exe()?;
    story.chapter("A server of its own")?;
    let mut fact = story.fact("`avala serve --dev` is a child process on a free port");
    let mut server = OwnServer::start(&program, private_directory()?, &fact).await?;
    fact.tell(format!(
        "`avala serve --dev` is a child process and listens on {}",
        server.url
    ));
    fact.holds()?;

    let stage = Stage {
        url: server.url.clone(),
        base_url: server.base_url.clone(),
        data_dir: server.data_dir.clone(),
        directory: server.directory().to_owned(),
        program,
        email: "ada@example.com".to_owned(),
    };
    main_story(story, &stage).await?;

    story.chapter("The end")?;
    let fact = story.fact("the server stops when its parent lets it go, and its port is free");
    server.stop(&fact).await?;
    fact.holds()?;
    let fact = story.fact("its directory is gone, with every row and key in it");
    drop(server);
    fact.is("the directory", !stage.directory.exists(), "a directory")?;
    fact.holds()?;
    Ok(())
}

fn private_directory() -> std::io::Result<TempDir> {
    tempfile::Builder::new().prefix("avala-demo-").tempdir()
}

async fn against(story: &mut Story, url: &str, data_dir: PathBuf) -> Told {
    let directory = private_directory()?;
    let url = url
        .trim_end_matches('/')
        .trim_end_matches(avala_api::API_PREFIX)
        .to_owned();
    let base_url = format!("{url}{}", avala_api::API_PREFIX);
    let program = std::env::current_exe()?;
    story.chapter("A server that is already there")?;
    // New for each run: this server may have heard the story before.
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_nanos();
    let email = format!("ada-{now}@example.com");
    let stage = Stage {
        url,
        base_url,
        data_dir,
        directory: directory.path().to_owned(),
        program,
        email,
    };
    main_story(story, &stage).await
}

async fn main_story(story: &mut Story, stage: &Stage) -> Told {
    account::health(story, stage).await?;
    story.chapter("An account")?;
    let player = account::sign_up(story, stage).await?;
    story.chapter("Four ways to bring the key")?;
    credentials::tell(story, stage, &player).await?;
    story.chapter("Rows")?;
    rows::organizations(story, stage, &player).await?;
    let webhook = rows::webhooks(story, stage, &player).await?;
    rows::agents(story, stage, &player).await?;
    story.chapter("An event on its way")?;
    delivery::tell(story, stage, &player, &webhook).await?;
    story.chapter("Keys that must not work")?;
    bad_keys::tell(story, stage, &player).await
}
