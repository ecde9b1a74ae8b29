//! An event on its way: a test delivery, its signature, and the log of it.

use avala_api::{Secret, webhook_deliveries::DeliveryStatus, webhooks::WebhookUid};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::{Player, Stage, Told, receiver::Receiver};
use crate::output::story::{Broken, Fact, Story};

const SECRET: &str = "a signing secret of Ada's own";

pub(super) async fn tell(story: &mut Story, stage: &Stage, player: &Player, webhook: &WebhookUid) -> Told {
    let fact = story.fact("the webhook gets a receiver on this machine and a secret of Ada's own");
    let client = fact.works("the client", stage.client_with(&player.key))?;
    let mut receiver = fact.works("the receiver", Receiver::open().await)?;
    let url = format!("http://{}/avala", receiver.address);
    let update = client
        .webhooks()
        .update(webhook)
        .target_url(&url)
        .secret(Secret::from(SECRET));
    let updated = fact.answer(update.send()).await?;
    fact.equal("its address", url, updated.target_url)?;
    fact.holds()?;

    let fact = story.fact("a test delivery arrives, and the receiver's 204 is reported back");
    let result = fact.answer(client.webhooks().test(webhook).send()).await?;
    fact.is("whether it was taken", result.is_delivered(), &result)?;
    fact.equal("the receiver's status", Some(204), result.status_code)?;
    let arrived = fact.some("the delivery", receiver.arrived())?;
    fact.equal(
        "its method and path",
        ("POST", "/avala"),
        (arrived.method.as_str(), arrived.path.as_str()),
    )?;
    let body: Result<serde_json::Value, _> = serde_json::from_slice(&arrived.body);
    fact.works("its body", body)?;
    fact.holds()?;

    let fact = story.fact("its signature is right for its body, and wrong for any other");
    let signature = fact
        .some(
            "the signature header",
            arrived.header("x-avala-webhook-signature"),
        )?
        .to_owned();
    fact.equal("the signature", sign(&arrived.body, &fact)?, signature.clone())?;
    let changed = [arrived.body.as_ref(), b" "].concat();
    fact.is(
        "the signature of another body",
        sign(&changed, &fact)? != signature,
        "the same signature",
    )?;
    fact.holds()?;

    let fact = story.fact("the log of deliveries tells the same story");
    let delivery = fact.some("the delivery header", arrived.header("x-avala-webhook-delivery"))?;
    let event = fact.some("the event header", arrived.header("x-avala-webhook-event"))?;
    let logged = fact
        .answer(client.webhook_deliveries().list().items().collect_all())
        .await?;
    let logged = fact.some("the newest delivery", logged.into_iter().next())?;
    fact.equal("its identifier", delivery, logged.uid.as_str())?;
    fact.equal("its event", event, logged.event_type.as_str())?;
    let logged = fact
        .answer(client.webhook_deliveries().get(&logged.uid).send())
        .await?;
    fact.equal("its state", Some(DeliveryStatus::Delivered), logged.status)?;
    fact.equal("the receiver's status", Some(204), logged.response_status)?;
    fact.equal("its webhook", webhook, &logged.subscription)?;
    fact.holds()?;
    Ok(())
}

/// HMAC-SHA256 of the body in hexadecimal, as a receiver computes it.
fn sign(body: &[u8], fact: &Fact<'_>) -> Result<String, Broken> {
    let mut mac = fact.works("the signature", Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()))?;
    mac.update(body);
    let bytes = mac.finalize().into_bytes();
    Ok(bytes
        .iter()
        .fold(String::new(), |text, byte| text + &format!("{byte:02x}")))
}
