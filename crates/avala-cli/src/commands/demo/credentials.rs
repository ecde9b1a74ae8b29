//! Four ways to bring the key: in code, in the environment, in a file, and none at all.

use std::{fs, process::Stdio};

use avala::{Client, Environment, ErrorKind, Scope};
use serde_json::Value;
use tokio::process::Command;

use super::{Player, Stage, Told};
use crate::{env, output::story::Story};

pub(super) async fn tell(story: &mut Story, stage: &Stage, player: &Player) -> Told {
    explicitly(story, stage, player).await?;
    from_the_environment(story, stage, player).await?;
    from_a_file(story, stage, player)?;
    not_at_all(story)
}

async fn explicitly(story: &mut Story, stage: &Stage, player: &Player) -> Told {
    let mut fact = story.fact("an async client is handed the key, and is Ada");
    let client = fact.works("the client", stage.client_with(&player.key))?;
    let me = fact.answer(client.users().me().send()).await?;
    fact.equal("who it is", &player.user.uid, &me.uid)?;
    fact.tell(format!(
        "an async client is handed the key, and is {}",
        me.username
    ));
    fact.holds()?;

    let fact = story.fact("the key may do what keys of an own account may do: everything");
    let permissions = fact.answer(client.users().permissions().send()).await?;
    for scope in Scope::ALL {
        fact.is(scope.as_str(), permissions.holds(*scope), &permissions.scopes)?;
    }
    fact.holds()?;
    Ok(())
}

/// A process of its own with nothing but three variables: nothing can leak in from ours.
async fn from_the_environment(story: &mut Story, stage: &Stage, player: &Player) -> Told {
    let fact = story.fact("a child process finds it in AVALA_API_KEY: `avala whoami`");
    let child = Command::new(&stage.program)
        .args(["whoami", "--output", "json"])
        .env_clear()
        .env(env::API_KEY.name, player.key.expose())
        .env(env::BASE_URL.name, &stage.base_url)
        .env(env::ALLOW_INSECURE_BASE_URL.name, "true")
        .current_dir(&stage.directory)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await;
    let child = fact.works("the child process", child)?;
    let said = String::from_utf8_lossy(&child.stdout);
    let complained = String::from_utf8_lossy(&child.stderr);
    fact.equal(
        "its exit code",
        (Some(0), ""),
        (child.status.code(), complained.as_ref()),
    )?;
    let answer: Value = fact.works("what it printed", serde_json::from_str(&said))?;
    fact.equal(
        "who it is",
        player.user.uid.as_str(),
        answer["user"]["uid"].as_str().unwrap_or_default(),
    )?;
    let source = answer["credential"]["source"].as_str().unwrap_or_default();
    fact.is(
        "where it found the key",
        source.contains(env::API_KEY.name),
        source,
    )?;
    fact.is(
        "the key in its output",
        !said.contains(player.key.expose()),
        "the key",
    )?;
    fact.holds()?;
    Ok(())
}

fn from_a_file(story: &mut Story, stage: &Stage, player: &Player) -> Told {
    let fact = story.fact("a blocking client finds it in a .env file, with the URL that belongs to it");
    let path = stage.directory.join(".env");
    let lines = format!(
        "# Kept out of version control.\n{}={}\n{}={}\n",
        env::API_KEY.name,
        player.key.expose(),
        env::BASE_URL.name,
        stage.base_url,
    );
    fact.works("writing the file", fs::write(&path, lines))?;
    let builder = Client::builder()
        .environment(Environment::empty())
        .dotenv_file(&path)
        .allow_insecure_loopback();
    let client = fact.works("the client", builder.build_blocking())?;
    let me = fact.works("the call", client.users().me().send())?;
    fact.equal("who it is", &player.user.uid, &me.uid)?;
    fact.holds()?;
    Ok(())
}

fn not_at_all(story: &mut Story) -> Told {
    let fact = story.fact("without any key there is no client, and nothing has been sent");
    let none = Client::builder().environment(Environment::empty()).build();
    let error = fact.fails("a client without a key", none)?;
    fact.equal("the kind of error", ErrorKind::Configuration, error.kind())?;
    fact.is(
        "the published text",
        error.message().starts_with("No API key provided."),
        error.message(),
    )?;
    fact.equal("calls sent", 0, error.attempts())?;
    fact.holds()?;
    Ok(())
}
