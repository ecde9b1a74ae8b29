//! Making an export's file: the tasks and their results, written piece by piece, under its name only when it is whole.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use avala_api::{datasets::DatasetUid, exports::Export, projects::ProjectUid};
use serde_json::json;
use tokio::{
    fs::File,
    io::{AsyncWriteExt, BufWriter},
};
use url::form_urlencoded;

use super::{WorkError, entry};
use crate::{
    files,
    keys::Authority,
    store::{
        data_dir::private_file,
        exported_tasks::{self, Selection},
        exports,
        jobs::{self, Claim},
    },
};

/// How many tasks are in memory at a time.
const PIECE: u32 = 200;

pub(super) async fn carry_out(authority: &Authority, claim: &Claim) -> Result<(), WorkError> {
    let store = authority.store();
    let found = exports::find_with_organization(store.reader(), &claim.object).await?;
    let Some((export, organization)) = found else {
        return Ok(jobs::forget(store, claim).await?);
    };
    let status = filtered_status(export.filter_query_string.as_deref());
    let selection = Selection {
        organization: &organization,
        projects: export.projects.iter().map(ProjectUid::as_str).collect(),
        datasets: export.datasets.iter().map(DatasetUid::as_str).collect(),
        status: status.as_deref(),
    };
    let total = exported_tasks::count(store.reader(), &selection).await?;
    exports::begin(store, &claim.object, total, authority.now()).await?;

    let path = files::of_export(authority.dir(), &claim.object).ok_or(WorkError::NoName)?;
    let folder = authority.dir().make_exports()?;
    // What earlier attempts left. None of them shares a name with this one: its process may be alive.
    for attempt in 1..claim.attempt {
        let _usually_not_there = fs::remove_file(unfinished(&path, attempt));
    }
    let unfinished = unfinished(&path, claim.attempt);
    let written = write(authority, &export, &selection, &unfinished).await;
    let count = written.inspect_err(|_| {
        let _best_effort = fs::remove_file(&unfinished);
    })?;
    publish(unfinished, path, folder).await?;

    let now = authority.now();
    let mut change = store.change().await?;
    if jobs::end(change.connection(), claim).await? {
        exports::finish(change.connection(), &claim.object, count, now).await?;
        change.commit(entry(claim, "export.finish", now)).await?;
    }
    Ok(())
}

/// The status that a filter asks for, the one thing there is to filter by. `Err` for a filter that asks for anything else.
pub(crate) fn checked_filter(filter: &str) -> Result<Option<String>, ()> {
    let mut status = None;
    for (name, value) in form_urlencoded::parse(filter.as_bytes()) {
        if name != "status" || value.is_empty() || status.is_some() {
            return Err(());
        }
        status = Some(value.into_owned());
    }
    Ok(status)
}

fn filtered_status(filter: Option<&str>) -> Option<String> {
    filter.and_then(|filter| checked_filter(filter).ok().flatten())
}

/// Writes everything, and tells how many tasks it was.
async fn write(
    authority: &Authority,
    export: &Export,
    selection: &Selection<'_>,
    path: &Path,
) -> Result<i64, WorkError> {
    let store = authority.store();
    let file = private_file(path)?;
    file.set_len(0)?;
    let mut file = BufWriter::new(File::from_std(file));
    let head = json!({
        "uid": export.uid,
        "name": export.name,
        "format": export.format,
        "projects": export.projects,
        "datasets": export.datasets,
        "filter_query_string": export.filter_query_string,
        "created_at": export.created_at,
    });
    file.write_all(format!("{{\"export\":{head},\n\"tasks\":[").as_bytes())
        .await?;

    let mut position = i64::MIN;
    let mut count = 0;
    loop {
        let tasks = exported_tasks::after(store.reader(), selection, position, PIECE).await?;
        let Some(last) = tasks.last() else { break };
        position = last.position;
        let mut piece = Vec::new();
        for task in &tasks {
            piece.extend_from_slice(if count == 0 { b"\n" } else { b",\n" });
            serde_json::to_writer(&mut piece, task).map_err(io::Error::from)?;
            count += 1;
        }
        file.write_all(&piece).await?;
        exports::advance(store, export.uid.as_str(), count, authority.now()).await?;
    }
    file.write_all(b"\n]}\n").await?;
    file.flush().await?;
    file.get_ref().sync_all().await?;
    Ok(count)
}

/// Gives a whole file its name, for good.
async fn publish(unfinished: PathBuf, path: PathBuf, folder: PathBuf) -> Result<(), WorkError> {
    let publish = move || {
        fs::rename(unfinished, path)?;
        #[cfg(unix)]
        fs::File::open(folder)?.sync_all()?;
        Ok::<_, io::Error>(())
    };
    let published = tokio::task::spawn_blocking(publish).await;
    Ok(published.map_err(|_| WorkError::Panicked)??)
}

/// Removes whatever the attempts left.
pub(super) fn clear(authority: &Authority, claim: &Claim) {
    let Some(path) = files::of_export(authority.dir(), &claim.object) else {
        return;
    };
    for attempt in 1..=claim.attempt {
        let _usually_not_there = fs::remove_file(unfinished(&path, attempt));
    }
    let _usually_not_there = fs::remove_file(path);
}

fn unfinished(path: &Path, attempt: i64) -> PathBuf {
    path.with_extension(format!("{attempt}.unfinished"))
}
