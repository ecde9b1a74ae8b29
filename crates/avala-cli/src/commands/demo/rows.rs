//! Real rows: listed over several pages, made, changed in three ways, deleted.

use avala::{Client, ErrorKind, Patch};
use avala_api::{
    EventName,
    agent_actions::Action,
    organizations::Role,
    webhooks::{Webhook, WebhookUid},
};

use super::{Ended, Player, Stage, Told};
use crate::output::story::{Fact, Story};

pub(super) async fn organizations(story: &mut Story, stage: &Stage, player: &Player) -> Told {
    let mut fact = story.fact("Ada owns an organization of her own");
    let client = fact.works("the client", stage.client_with(&player.key))?;
    let all = fact
        .answer(client.organizations().list().items().collect_all())
        .await?;
    fact.equal("how many", 1, all.len())?;
    let listed = fact.some("the first", all.into_iter().next())?;
    let got = fact
        .answer(client.organizations().get(&listed.slug).send())
        .await?;
    fact.equal("the same by its slug", &listed.uid, &got.uid)?;
    fact.equal("her role", Some("owner"), got.role.as_ref().map(Role::as_str))?;
    fact.tell(format!("Ada owns an organization of her own, {}", got.slug));
    fact.holds()?;
    Ok(())
}

/// Answers a webhook that is left for the next chapter.
pub(super) async fn webhooks(story: &mut Story, stage: &Stage, player: &Player) -> Result<WebhookUid, Ended> {
    let fact = story.fact("five webhooks are made; each answer holds its signing secret, once");
    let client = fact.works("the client", stage.client_with(&player.key))?;
    let mut made = Vec::new();
    for number in 1..=5 {
        let url = format!("https://example.com/hooks/{number}");
        let create = client.webhooks().create(url, [EventName::DatasetCreated]);
        let webhook = fact.answer(create.send()).await?;
        fact.is("its secret", webhook.secret.is_some(), "none")?;
        made.push(webhook);
    }
    fact.holds()?;
    newest_first(story, &client, &made).await?;

    let fact = story.fact("read again, a webhook keeps its secret to itself");
    let webhook = fact.some("the first", made.first())?;
    let got = fact.answer(client.webhooks().get(&webhook.uid).send()).await?;
    fact.equal("its address", &webhook.target_url, &got.target_url)?;
    fact.is("its secret", got.secret.is_none(), "a secret")?;
    fact.holds()?;
    change(story, &client, webhook).await?;

    let fact = story.fact("four are deleted; what is gone is not found");
    for webhook in made.iter().skip(1) {
        fact.answer(client.webhooks().delete(&webhook.uid).send()).await?;
        let error = fact.fails("reading it", client.webhooks().get(&webhook.uid).send().await)?;
        not_found(&fact, &error)?;
    }
    let left = fact
        .answer(client.webhooks().list().items().collect_all())
        .await?;
    fact.equal(
        "what is left",
        vec![&webhook.uid],
        left.iter().map(|webhook| &webhook.uid).collect(),
    )?;
    fact.holds()?;
    Ok(webhook.uid.clone())
}

async fn newest_first(story: &mut Story, client: &Client, made: &[Webhook]) -> Told {
    let fact = story.fact("listed two at a time they come on three pages, newest first, none twice");
    let mut pages = client.webhooks().list().limit(2_u32).pages();
    let mut sizes = Vec::new();
    let mut listed = Vec::new();
    while let Some(page) = pages.next().await {
        let page = fact.works("a page", page)?;
        sizes.push(page.items.len());
        listed.extend(page.into_iter().map(|webhook| webhook.uid));
    }
    fact.equal("rows on each page", vec![2, 2, 1], sizes)?;
    let newest_first: Vec<_> = made.iter().rev().map(|webhook| webhook.uid.clone()).collect();
    fact.equal("the order", newest_first, listed)?;
    fact.holds()?;
    Ok(())
}

async fn change(story: &mut Story, client: &Client, webhook: &Webhook) -> Told {
    let fact = story.fact("a change of one field leaves the others alone, the secret too");
    let changed = client.webhooks().update(&webhook.uid).is_active(false);
    let changed = fact.answer(changed.send()).await?;
    fact.equal("whether it is active", false, changed.is_active)?;
    fact.equal("its address", &webhook.target_url, &changed.target_url)?;
    fact.equal("its events", &webhook.events, &changed.events)?;
    fact.is("its secret", changed.secret.is_none(), "a secret")?;
    fact.holds()?;

    let fact = story.fact("a secret that is cleared is replaced by a new one, told once");
    let cleared = client
        .webhooks()
        .update(&webhook.uid)
        .secret(Patch::Null)
        .is_active(true);
    let cleared = fact.answer(cleared.send()).await?;
    fact.is("the new secret", cleared.secret.is_some(), "none")?;
    fact.is(
        "old and new secret",
        cleared.secret != webhook.secret,
        "the same secret",
    )?;
    fact.holds()?;
    Ok(())
}

pub(super) async fn agents(story: &mut Story, stage: &Stage, player: &Player) -> Told {
    let fact =
        story.fact("an agent is registered; registered again under its name, it is changed, not doubled");
    let client = fact.works("the client", stage.client_with(&player.key))?;
    let create = || {
        client
            .agents()
            .create("inspector")
            .events([EventName::ResultSubmitted])
            .callback_url("https://example.com/agent")
    };
    let agent = fact.answer(create().send()).await?;
    fact.is("its secret", agent.secret.is_some(), "none")?;
    let again = fact
        .answer(create().description("Looks at results").send())
        .await?;
    fact.equal("its identifier", &agent.uid, &again.uid)?;
    fact.equal(
        "its description",
        Some("Looks at results"),
        again.description.as_deref(),
    )?;
    fact.holds()?;

    let fact = story.fact("its callback URL is cleared: from now on it polls, and nothing waits for it");
    let cleared = client.agents().update(&agent.uid).callback_url(Patch::Null);
    let cleared = fact.answer(cleared.send()).await?;
    fact.equal("its callback URL", None, cleared.callback_url)?;
    fact.equal(
        "its description",
        Some("Looks at results"),
        cleared.description.as_deref(),
    )?;
    let waiting = fact
        .answer(client.agents().list_executions(&agent.uid).items().collect_all())
        .await?;
    fact.equal("what waits for it", 0, waiting.len())?;
    let decision = client
        .agent_actions()
        .create("00000000-0000-4000-8000-000000000000", Action::Approve);
    not_found(
        &fact,
        &fact.fails("a decision on nothing", decision.send().await)?,
    )?;
    fact.holds()?;

    let fact = story.fact("a blocking client lists it among three, one at a time, and deletes all of them");
    for name in ["second", "third"] {
        fact.answer(client.agents().create(name).send()).await?;
    }
    let blocking = fact.works(
        "the client",
        stage.client().api_key(player.key.clone()).build_blocking(),
    )?;
    let listed: Result<Vec<_>, _> = blocking.agents().list().limit(1_u32).items().collect();
    let listed = fact.works("the list", listed)?;
    let names: Vec<&str> = listed.iter().map(|agent| agent.name.as_str()).collect();
    fact.equal(
        "their names, newest first",
        vec!["third", "second", "inspector"],
        names,
    )?;
    for agent in &listed {
        fact.works("deleting one", blocking.agents().delete(&agent.uid).send())?;
    }
    let left: Result<Vec<_>, _> = blocking.agents().list().items().collect();
    fact.equal("what is left", 0, fact.works("the list", left)?.len())?;
    fact.holds()?;
    Ok(())
}

fn not_found(fact: &Fact<'_>, error: &avala::Error) -> Result<(), crate::output::story::Broken> {
    fact.equal("the kind of error", ErrorKind::NotFound, error.kind())?;
    fact.equal("the published text", avala_api::texts::NOT_FOUND, error.message())
}
