//! `avala webhooks …`

use avala_api::{
    Operation as _, Patch,
    webhooks::{Create, Delete, Get, List, Test, TestResult, Update, Webhook},
};

use crate::{
    args,
    failure::Failure,
    output::{Cell, Record, Row},
    session::Session,
    terminal,
};

pub(super) const CALLS: &[(&str, &str)] = &[
    (List::ROUTE.operation, "avala webhooks list"),
    (Get::ROUTE.operation, "avala webhooks get"),
    (Create::ROUTE.operation, "avala webhooks create"),
    (Update::ROUTE.operation, "avala webhooks update"),
    (Delete::ROUTE.operation, "avala webhooks delete"),
    (Test::ROUTE.operation, "avala webhooks test"),
];

pub(super) async fn run(session: &Session, verb: args::Webhooks) -> Result<(), Failure> {
    match verb {
        args::Webhooks::List(listing) => {
            let list = List::new().limit(listing.page());
            session.list(list, listing, hide_secret).await
        }
        args::Webhooks::Get(args) => {
            let mut webhook = session.may_call::<Get>()?.send(Get::new(args.uid)).await?;
            hide_secret(&mut webhook);
            Ok(session.out.record(&webhook)?)
        }
        args::Webhooks::Create(args) => create(session, args).await,
        args::Webhooks::Update(args) => update(session, args).await,
        args::Webhooks::Delete(args) => {
            let question = format!("Delete the webhook {}?", args.uid);
            let done = format!("The webhook {} is deleted.", args.uid);
            session
                .confirmed(Delete::new(args.uid), args.yes, &question, &done)
                .await
        }
        args::Webhooks::Test(args) => test(session, Test::new(args.uid)).await,
    }
}

async fn create(session: &Session, args: args::CreateWebhook) -> Result<(), Failure> {
    let caller = session.may_call::<Create>()?;
    let mut create = Create::new(args.target_url, args.events);
    create.is_active = args.active;
    if args.secret_stdin {
        create.secret = Some(terminal::secret_from_stdin("The secret")?);
    } else {
        session.may_print_secret(args.show_secret)?;
    }
    let mut webhook = caller.send(create).await?;
    if args.secret_stdin {
        hide_secret(&mut webhook);
    }
    Ok(session.out.record(&webhook)?)
}

async fn update(session: &Session, args: args::UpdateWebhook) -> Result<(), Failure> {
    let caller = session.may_call::<Update>()?;
    let mut update = Update::new(args.uid);
    update.target_url = args.target_url;
    update.events = args.events;
    update.is_active = args.active;
    if args.secret_stdin {
        update.secret = Patch::Value(terminal::secret_from_stdin("The secret")?);
    } else if args.new_secret {
        session.may_print_secret(args.show_secret)?;
        update.secret = Patch::Null;
    }
    let mut webhook = caller.send(update).await?;
    if !args.new_secret {
        hide_secret(&mut webhook);
    } else if webhook.secret.is_none() {
        session.out.note(
            "The server answered no new secret: it may not be able to make one for a webhook that exists.",
        );
    }
    Ok(session.out.record(&webhook)?)
}

async fn test(session: &Session, test: Test) -> Result<(), Failure> {
    let result = session.may_call::<Test>()?.send(test).await?;
    session.out.record(&result)?;
    if result.is_delivered() {
        return Ok(());
    }
    let reason = result.message.as_deref().unwrap_or("the server does not say why");
    Err(Failure::local(format!(
        "The target did not take the delivery: {reason}"
    )))
}

/// A secret is shown when it is made, and never again, whatever the server answers.
fn hide_secret(webhook: &mut Webhook) {
    webhook.secret = None;
}

impl Row for Webhook {
    const COLUMNS: &'static [&'static str] = &["uid", "target url", "events", "active", "created"];
}

impl Record for Webhook {
    fn fields(&self) -> Vec<(&'static str, Cell)> {
        let mut fields = vec![
            ("uid", Cell::text(&self.uid)),
            ("target url", Cell::text(&self.target_url)),
            ("events", Cell::names(&self.events)),
            ("active", self.is_active.into()),
            ("created", self.created_at.into()),
            ("updated", self.updated_at.into()),
        ];
        if let Some(secret) = &self.secret {
            fields.push(("secret", secret.expose().into()));
        }
        fields
    }
}

impl Record for TestResult {
    fn fields(&self) -> Vec<(&'static str, Cell)> {
        vec![
            ("delivered", self.is_delivered().into()),
            ("status", self.status_code.map(i64::from).into()),
            ("message", self.message.clone().into()),
        ]
    }
}
