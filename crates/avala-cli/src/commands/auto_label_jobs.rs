//! `avala auto-label-jobs …`

use avala_api::{
    Operation as _,
    auto_label_jobs::{AutoLabelJob, Cancel, Create, Get, List},
};

use super::waiting::{self, Watched};
use crate::{
    args,
    failure::Failure,
    output::{Cell, Record, Row},
    session::Session,
};

pub(super) const CALLS: &[(&str, &str)] = &[
    (List::ROUTE.operation, "avala auto-label-jobs list"),
    (Get::ROUTE.operation, "avala auto-label-jobs get"),
    (Cancel::ROUTE.operation, "avala auto-label-jobs cancel"),
    (Create::ROUTE.operation, "avala auto-label-jobs create"),
];

pub(super) async fn run(session: &Session, verb: args::AutoLabelJobs) -> Result<(), Failure> {
    match verb {
        args::AutoLabelJobs::List(args) => {
            let mut list = List::new().limit(args.listing.page());
            list.project = args.project;
            list.status = args.status;
            session.list(list, args.listing, |_| {}).await
        }
        args::AutoLabelJobs::Get(args) => session.show(Get::new(args.uid)).await,
        args::AutoLabelJobs::Create(args) => create(session, args).await,
        args::AutoLabelJobs::Cancel(args) => {
            let question = format!("Cancel the auto-label job {}?", args.uid);
            let done = format!("The auto-label job {} is cancelled.", args.uid);
            session
                .confirmed(Cancel::new(args.uid), args.yes, &question, &done)
                .await
        }
        args::AutoLabelJobs::Wait(args) => {
            let wait = session.may_call::<Get>()?.wait(Get::new(&*args.uid));
            waiting::to_the_end(session, args.patience.of(wait)).await
        }
    }
}

async fn create(session: &Session, args: args::CreateAutoLabelJob) -> Result<(), Failure> {
    let caller = session.may_call::<Create>()?;
    let mut create = Create::new(args.project);
    create.model_type = args.model_type;
    create.confidence_threshold = args.confidence_threshold;
    create.labels = args.labels;
    create.dry_run = args.dry_run.then_some(true);
    let job = caller.send(create).await?;
    if !args.wait {
        return Ok(session.out.record(&job)?);
    }
    session
        .out
        .note(&format!("The auto-label job {} is started.", job.uid));
    let wait = session.may_call::<Get>()?.wait(Get::new(&job.uid));
    waiting::to_the_end(session, args::Patience::from(args.patience).of(wait)).await
}

impl Watched for AutoLabelJob {
    fn steps(&self) -> Option<String> {
        let told = self.total_items > 0;
        told.then(|| format!("{} of {} items", self.processed_items, self.total_items))
    }
}

impl Row for AutoLabelJob {
    const COLUMNS: &'static [&'static str] = &[
        "uid",
        "model",
        "status",
        "items",
        "processed",
        "failed",
        "created",
    ];
}

impl Record for AutoLabelJob {
    fn fields(&self) -> Vec<(&'static str, Cell)> {
        vec![
            ("uid", Cell::text(&self.uid)),
            ("status", Cell::optional(self.status.as_ref())),
            ("error", self.error_message.clone().into()),
            ("model", Cell::optional(self.model_type.as_ref())),
            (
                "confidence from",
                Cell::optional(self.confidence_threshold.as_ref()),
            ),
            ("labels", Cell::names(&self.labels)),
            ("dry run", self.dry_run.into()),
            ("items", self.total_items.into()),
            ("processed", self.processed_items.into()),
            ("successful", self.successful_items.into()),
            ("failed", self.failed_items.into()),
            ("skipped", self.skipped_items.into()),
            ("percent", Cell::optional(self.progress_pct.as_ref())),
            ("summary", super::json_cell(self.summary.as_ref())),
            ("created", self.created_at.into()),
            ("started", self.started_at.into()),
            ("completed", self.completed_at.into()),
        ]
    }
}
