//! `avala exports …`

use avala_api::{
    Operation as _,
    exports::{Create, Export, Get, List},
};

use super::waiting::{self, Watched};
use crate::{
    args,
    failure::Failure,
    output::{Cell, Record, Row},
    session::Session,
};

pub(super) const CALLS: &[(&str, &str)] = &[
    (List::ROUTE.operation, "avala exports list"),
    (Get::ROUTE.operation, "avala exports get"),
    (Create::ROUTE.operation, "avala exports create"),
];

pub(super) async fn run(session: &Session, verb: args::Exports) -> Result<(), Failure> {
    match verb {
        args::Exports::List(args) => {
            let mut list = List::new().limit(args.listing.page());
            list.ordering = args.ordering;
            session.list(list, args.listing, |_| {}).await
        }
        args::Exports::Get(args) => session.show(Get::new(args.uid)).await,
        args::Exports::Create(args) => create(session, args).await,
        args::Exports::Wait(args) => {
            let wait = session.may_call::<Get>()?.wait(Get::new(&*args.uid));
            waiting::to_the_end(session, args.patience.of(wait)).await
        }
    }
}

async fn create(session: &Session, args: args::CreateExport) -> Result<(), Failure> {
    let caller = session.may_call::<Create>()?;
    let mut create = Create::new();
    create.project = args.project;
    create.dataset = args.dataset;
    create.projects = args.projects;
    create.datasets = args.datasets;
    create.slices = args.slices;
    create.name = args.name;
    create.format = args.format;
    create.filter_query_string = args.filter;
    let export = caller.send(create).await?;
    if !args.wait {
        return Ok(session.out.record(&export)?);
    }
    session
        .out
        .note(&format!("The export {} is being made.", export.uid));
    let wait = session.may_call::<Get>()?.wait(Get::new(&export.uid));
    waiting::to_the_end(session, args::Patience::from(args.patience).of(wait)).await
}

impl Watched for Export {
    fn steps(&self) -> Option<String> {
        let (done, all) = (self.exported_task_count?, self.total_task_count?);
        Some(format!("{done} of {all} tasks"))
    }
}

impl Row for Export {
    const COLUMNS: &'static [&'static str] =
        &["uid", "name", "format", "status", "tasks", "exported", "created"];
}

impl Record for Export {
    fn fields(&self) -> Vec<(&'static str, Cell)> {
        vec![
            ("uid", Cell::text(&self.uid)),
            ("name", self.name.clone().into()),
            ("format", Cell::optional(self.format.as_ref())),
            ("status", Cell::optional(self.status.as_ref())),
            ("tasks", self.total_task_count.into()),
            ("exported", self.exported_task_count.into()),
            ("projects", Cell::names(&self.projects)),
            ("datasets", Cell::names(&self.datasets)),
            ("slices", Cell::names(&self.slices)),
            ("filter", self.filter_query_string.clone().into()),
            ("download url", self.download_url.clone().into()),
            ("created", self.created_at.into()),
            ("updated", self.updated_at.into()),
        ]
    }
}
