//! `avala webhook-deliveries …`

use avala_api::{
    Operation as _,
    webhook_deliveries::{Get, List, WebhookDelivery},
};

use crate::{
    args,
    failure::Failure,
    output::{Cell, Record, Row},
    session::Session,
};

pub(super) const CALLS: &[(&str, &str)] = &[
    (List::ROUTE.operation, "avala webhook-deliveries list"),
    (Get::ROUTE.operation, "avala webhook-deliveries get"),
];

pub(super) async fn run(session: &Session, verb: args::WebhookDeliveries) -> Result<(), Failure> {
    match verb {
        args::WebhookDeliveries::List(args) => {
            let mut list = List::new().limit(args.listing.page());
            list.ordering = args.ordering;
            session.list(list, args.listing, |_| {}).await
        }
        args::WebhookDeliveries::Get(args) => session.show(Get::new(args.uid)).await,
    }
}

impl Row for WebhookDelivery {
    const COLUMNS: &'static [&'static str] = &[
        "uid", "event", "status", "answer", "attempts", "created", "webhook",
    ];
}

impl Record for WebhookDelivery {
    fn fields(&self) -> Vec<(&'static str, Cell)> {
        vec![
            ("uid", Cell::text(&self.uid)),
            ("webhook", Cell::text(&self.subscription)),
            ("event", Cell::text(&self.event_type)),
            ("status", self.status.as_ref().map(ToString::to_string).into()),
            ("attempts", self.attempts.into()),
            ("next try", self.next_retry_at.into()),
            ("created", self.created_at.into()),
            ("updated", self.updated_at.into()),
            ("payload", super::json_cell(self.payload.as_ref())),
            ("answer", self.response_status.into()),
            ("answer body", self.response_body.clone().into()),
        ]
    }
}
