//! The first chapters: the server is well, and someone signs up.

use avala::ErrorKind;
use avala_api::Secret;
use avala_keys::{ApiKey, mask};

use super::{Ended, Player, Stage, Told, wire};
use crate::output::story::Story;

pub(super) async fn health(story: &mut Story, stage: &Stage) -> Told {
    let fact = story.fact("it says that it lives and that it is ready");
    for path in ["/healthz", "/readyz"] {
        let answer = wire::get(stage, path, &[], &fact).await?;
        fact.equal(path, 200, answer.status.as_u16())?;
    }
    fact.holds()?;
    Ok(())
}

pub(super) async fn sign_up(story: &mut Story, stage: &Stage) -> Result<Player, Ended> {
    let email = &stage.email;
    let password = Secret::from("correct horse battery staple");

    let mut fact = story.fact("Ada signs up and gets a key");
    let client = fact.works("a client without a key", stage.client().anonymous().build())?;
    let signing_up = client
        .signup()
        .create(email.as_str(), password.clone())
        .first_name("Ada");
    let account = fact.answer(signing_up.send()).await?;
    fact.equal("her address", Some(email.as_str()), account.user.email.as_deref())?;
    fact.equal("her name", Some("Ada"), account.user.first_name.as_deref())?;
    let key = account.api_key;
    let well_formed = ApiKey::parse(key.expose().as_bytes());
    fact.is(
        "the key's form and checksum",
        well_formed.is_ok(),
        mask(key.expose()),
    )?;
    fact.tell(format!(
        "Ada signs up and gets the key {}, shown this once",
        mask(key.expose())
    ));
    fact.holds()?;

    let fact = story.fact("nobody else can sign up with her address");
    let again = client.signup().create(email.as_str(), password).send().await;
    let error = fact.fails("a second account", again)?;
    fact.equal("the kind of error", ErrorKind::Validation, error.kind())?;
    fact.equal("the code", Some("email_taken"), error.code())?;
    fact.holds()?;

    Ok(Player {
        user: account.user,
        key,
    })
}
