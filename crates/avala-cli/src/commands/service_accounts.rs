//! `avala service-accounts …`

use avala_api::{
    Operation as _,
    service_accounts::{Create, Disable, Enable, Get, List, ServiceAccount},
};

use crate::{
    args,
    failure::Failure,
    output::{Cell, Record, Row},
    session::Session,
};

pub(super) const CALLS: &[(&str, &str)] = &[
    (Create::ROUTE.operation, "avala service-accounts create"),
    (List::ROUTE.operation, "avala service-accounts list"),
    (Get::ROUTE.operation, "avala service-accounts show"),
    (Disable::ROUTE.operation, "avala service-accounts disable"),
    (Enable::ROUTE.operation, "avala service-accounts enable"),
];

pub(super) async fn run(session: &Session, verb: args::ServiceAccounts) -> Result<(), Failure> {
    match verb {
        args::ServiceAccounts::Create(args) => {
            let mut create = Create::new(args.name);
            create.role = args.role;
            session.show(create).await
        }
        args::ServiceAccounts::List { listing } => {
            let list = List::new().limit(listing.page());
            session.list(list, listing, |_| {}).await
        }
        args::ServiceAccounts::Show(args) => session.show(Get::new(args.uid)).await,
        args::ServiceAccounts::Disable(args) => session.show(Disable::new(args.uid)).await,
        args::ServiceAccounts::Enable(args) => session.show(Enable::new(args.uid)).await,
    }
}

impl Row for ServiceAccount {
    const COLUMNS: &'static [&'static str] = &["uid", "name", "role", "created", "disabled"];
}

impl Record for ServiceAccount {
    fn fields(&self) -> Vec<(&'static str, Cell)> {
        vec![
            ("uid", Cell::text(&self.uid)),
            ("name", Cell::text(&self.name)),
            ("role", Cell::text(&self.role)),
            ("created", self.created_at.into()),
            ("created by", self.created_by.clone().into()),
            ("disabled", self.disabled_at.into()),
        ]
    }
}
