//! `avala tasks …`

use avala_api::{
    Operation as _,
    tasks::{Get, List, Task},
};

use crate::{
    args,
    failure::Failure,
    output::{Cell, Record, Row},
    session::Session,
};

pub(super) const CALLS: &[(&str, &str)] = &[
    (List::ROUTE.operation, "avala tasks list"),
    (Get::ROUTE.operation, "avala tasks get"),
];

pub(super) async fn run(session: &Session, verb: args::Tasks) -> Result<(), Failure> {
    match verb {
        args::Tasks::List(args) => {
            let mut list = List::new().limit(args.listing.page());
            list.project = args.project;
            list.status = args.status;
            session.list(list, args.listing, |_| {}).await
        }
        args::Tasks::Get(args) => session.show(Get::new(args.uid)).await,
    }
}

impl Row for Task {
    const COLUMNS: &'static [&'static str] = &["uid", "name", "type", "status", "project", "created"];
}

impl Record for Task {
    fn fields(&self) -> Vec<(&'static str, Cell)> {
        vec![
            ("uid", Cell::text(&self.uid)),
            ("name", self.name.clone().into()),
            ("type", Cell::optional(self.task_type.as_ref())),
            ("status", Cell::optional(self.status.as_ref())),
            ("project", Cell::optional(self.project.as_ref())),
            ("created", self.created_at.into()),
            ("updated", self.updated_at.into()),
        ]
    }
}
