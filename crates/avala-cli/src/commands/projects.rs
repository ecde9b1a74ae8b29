//! `avala projects …`

use avala_api::{
    Operation as _,
    projects::{Get, List, Project},
};

use crate::{
    args,
    failure::Failure,
    output::{Cell, Record, Row},
    session::Session,
};

pub(super) const CALLS: &[(&str, &str)] = &[
    (List::ROUTE.operation, "avala projects list"),
    (Get::ROUTE.operation, "avala projects get"),
];

pub(super) async fn run(session: &Session, verb: args::Projects) -> Result<(), Failure> {
    match verb {
        args::Projects::List(listing) => {
            let list = List::new().limit(listing.page());
            session.list(list, listing, |_| {}).await
        }
        args::Projects::Get(args) => session.show(Get::new(args.uid)).await,
    }
}

impl Row for Project {
    const COLUMNS: &'static [&'static str] = &["uid", "name", "status", "task type", "created"];
}

impl Record for Project {
    fn fields(&self) -> Vec<(&'static str, Cell)> {
        vec![
            ("uid", Cell::text(&self.uid)),
            ("name", Cell::text(&self.name)),
            ("description", self.short_description.clone().into()),
            ("status", Cell::optional(self.status.as_ref())),
            ("task type", Cell::optional(self.task_type.as_ref())),
            ("owner", self.owner_name.clone().into()),
            ("visibility", Cell::optional(self.visibility.as_ref())),
            ("active", self.is_active.into()),
            ("imported", self.is_imported.into()),
            ("created", self.created_at.into()),
            ("updated", self.updated_at.into()),
        ]
    }
}
