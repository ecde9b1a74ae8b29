//! Exports: annotations, made into a file that a signed link leads to.

use avala_api::{
    Extra, FieldErrors, Page,
    exports::{Create, Export, ExportFormat, ExportStatus, Get, List},
    texts,
};
use http::StatusCode;

use super::event_targets::finish;
use crate::{
    context::Context,
    files,
    jobs::checked_filter,
    paging,
    refusal::Refusal,
    store::{
        exports,
        jobs::{self, Kind},
    },
};

const LONGEST_NAME: usize = 255;
const LONGEST_FILTER: usize = 1000;
const MOST_SOURCES: usize = 100;
/// Of one organization at a time, as published.
const MOST_UNFINISHED: i64 = 5;

pub(super) async fn list(context: Context, operation: List) -> Result<Page<Export>, Refusal> {
    let oldest_first = paging::oldest_first(operation.ordering.as_deref())?;
    let window = paging::window(
        &context,
        &operation,
        operation.limit,
        operation.cursor.as_ref(),
        oldest_first,
    )?;
    let reach = context.caller()?.reach();
    let mut rows = exports::list(context.store().reader(), reach, window).await?;
    for export in &mut rows.items {
        link(&context, export);
    }
    paging::page(&context, &operation, rows, oldest_first)
}

pub(super) async fn get(context: Context, operation: Get) -> Result<Export, Refusal> {
    let reach = context.caller()?.reach();
    let found = exports::find(context.store().reader(), reach, operation.uid.as_str()).await?;
    let mut export = found.ok_or_else(Refusal::not_found)?;
    link(&context, &mut export);
    Ok(export)
}

pub(super) async fn create(context: Context, operation: Create) -> Result<Export, Refusal> {
    let Create {
        project,
        dataset,
        name,
        format,
        datasets,
        projects,
        slices,
        filter_query_string,
    } = operation;
    // Avala's clients and its documentation send different bodies: whatever is named, by either, is exported.
    let projects = Sources::new("project", project, "projects", projects.unwrap_or_default());
    let datasets = Sources::new("dataset", dataset, "datasets", datasets.unwrap_or_default());
    let filter = filter_query_string.filter(|filter| !filter.is_empty());
    let mut errors = FieldErrors::default();
    if projects.all.is_empty() && datasets.all.is_empty() {
        errors.add("project", "Name at least one project or dataset.");
    }
    match name.as_deref() {
        Some(name) if name.trim().is_empty() => errors.add("name", "This field may not be blank."),
        Some(name) if name.chars().count() > LONGEST_NAME => {
            errors.add("name", "Ensure this field has no more than 255 characters.");
        }
        _ => {}
    }
    if format
        .as_ref()
        .is_some_and(|format| *format != ExportFormat::AvalaJsonExternal)
    {
        errors.add("format", "This server offers avala-json-external only.");
    }
    if slices.is_some_and(|slices| !slices.is_empty()) {
        errors.add("slices", "This server has no slices.");
    }
    if let Some(filter) = &filter
        && (filter.len() > LONGEST_FILTER || checked_filter(filter).is_err())
    {
        errors.add(
            "filter_query_string",
            "Tasks can be filtered by their status only, as in status=completed.",
        );
    }
    let reader = context.store().reader();
    let (organization, reach) = (context.caller()?.organization(), context.caller()?.reach());
    if projects.are_few(&mut errors) {
        let known = exports::known_projects(reader, reach, &projects.uids()).await?;
        projects.must_be_known(&known, &mut errors);
    }
    if datasets.are_few(&mut errors) {
        let known = exports::known_datasets(reader, reach, &datasets.uids()).await?;
        datasets.must_be_known(&known, &mut errors);
    }
    finish(errors)?;

    let now = context.now();
    let uid = context.authority.random().uid()?;
    let export = Export {
        uid: uid.as_str().into(),
        status: Some(ExportStatus::Requested),
        download_url: None,
        name,
        format: Some(ExportFormat::AvalaJsonExternal),
        filter_query_string: filter,
        total_task_count: None,
        exported_task_count: None,
        datasets: datasets.all,
        slices: Vec::new(),
        projects: projects.all,
        organization: None,
        created_at: Some(now),
        updated_at: Some(now),
        extra: Extra::new(),
    };
    let mut change = context.store().change().await?;
    if exports::count_unfinished(change.connection(), organization).await? >= MOST_UNFINISHED {
        return Err(Refusal::new(
            StatusCode::CONFLICT,
            "The organization has 5 unfinished exports. Wait until one of them has ended.",
            "too_many_exports",
        ));
    }
    exports::upsert(change.connection(), organization, &export, now).await?;
    jobs::insert(change.connection(), Kind::Export, &uid, now).await?;
    let made = exports::find(change.connection(), reach, &uid).await?;
    context.commit(change, "export.create", &uid).await?;
    context.jobs.made();
    made.ok_or_else(Refusal::internal)
}

/// What an export is made of, and under which names the request had it.
struct Sources<T> {
    one: (&'static str, Option<T>),
    many: (&'static str, Vec<T>),
    /// Both, each once.
    all: Vec<T>,
}

impl<T: AsRef<str> + Clone + PartialEq> Sources<T> {
    fn new(one_field: &'static str, one: Option<T>, many_field: &'static str, many: Vec<T>) -> Self {
        let mut all: Vec<T> = Vec::new();
        for uid in one.iter().chain(many.iter().take(MOST_SOURCES)) {
            if !all.contains(uid) {
                all.push(uid.clone());
            }
        }
        Self {
            one: (one_field, one),
            many: (many_field, many),
            all,
        }
    }

    fn uids(&self) -> Vec<&str> {
        self.all.iter().map(AsRef::as_ref).collect()
    }

    fn are_few(&self, errors: &mut FieldErrors) -> bool {
        let (field, many) = &self.many;
        if many.len() > MOST_SOURCES {
            errors.add(field, "Ensure this list has no more than 100 items.");
        }
        many.len() <= MOST_SOURCES
    }

    /// Another organization's is as unknown as one that nobody has.
    fn must_be_known(&self, known: &[String], errors: &mut FieldErrors) {
        let is_known = |uid: &T| known.iter().any(|known| known == uid.as_ref());
        let (field, one) = &self.one;
        if !one.iter().all(is_known) {
            errors.add(field, texts::NOT_FOUND);
        }
        let (field, many) = &self.many;
        if !many.iter().all(is_known) {
            errors.add(field, texts::NOT_FOUND);
        }
    }
}

fn link(context: &Context, export: &mut Export) {
    if export.status == Some(ExportStatus::Exported) {
        export.download_url = Some(files::link(context, export.uid.as_str()));
    }
}
