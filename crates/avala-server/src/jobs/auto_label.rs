//! Labelling a project's items. This server has no models: it counts what one would be given, or says that there is none.

use avala_api::auto_label_jobs::AutoLabelStatus;
use serde_json::{Map, json};

use super::{WorkError, entry};
use crate::{
    keys::Authority,
    store::{
        auto_label_jobs,
        jobs::{self, Claim},
    },
};

pub(super) async fn carry_out(authority: &Authority, claim: &Claim) -> Result<(), WorkError> {
    let store = authority.store();
    let found = auto_label_jobs::begin(store, &claim.object, authority.now()).await?;
    let Some((mut job, tasks)) = found else {
        return Ok(jobs::forget(store, claim).await?);
    };
    let now = authority.now();
    job.total_items = tasks;
    job.completed_at = Some(now);
    let action = if job.dry_run {
        job.status = Some(AutoLabelStatus::Completed);
        job.skipped_items = tasks;
        let summary = [
            ("would_label", json!(tasks)),
            ("model_type", json!(job.model_type)),
            ("confidence_threshold", json!(job.confidence_threshold)),
            ("model_installed", json!(false)),
        ];
        let summary = summary.map(|(member, value)| (member.to_owned(), value));
        job.summary = Some(Map::from_iter(summary));
        "auto_label_job.finish"
    } else {
        job.status = Some(AutoLabelStatus::Failed);
        job.error_message = Some("This server has no models; jobs with dry_run only count tasks.".to_owned());
        "auto_label_job.fail"
    };
    let mut change = store.change().await?;
    if jobs::end(change.connection(), claim).await? {
        auto_label_jobs::finish(change.connection(), &job).await?;
        change.commit(entry(claim, action, now)).await?;
    }
    Ok(())
}
