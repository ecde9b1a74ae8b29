//! Names that several resources share.

use std::collections::BTreeMap;

/// The members of an answer that this version does not know. They survive a round trip.
pub type Extra = BTreeMap<String, serde_json::Value>;

open_enum! {
    /// What happened. Avala publishes no single authoritative list, so any name is accepted.
    pub enum EventName {
        /// A dataset was created.
        DatasetCreated = "dataset.created",
        /// A dataset was changed.
        DatasetUpdated = "dataset.updated",
        /// A dataset was deleted.
        DatasetDeleted = "dataset.deleted",
        /// An export is ready.
        ExportCompleted = "export.completed",
        /// An export failed.
        ExportFailed = "export.failed",
        /// A task was completed.
        TaskCompleted = "task.completed",
        /// A result was submitted.
        ResultSubmitted = "result.submitted",
        /// A result was accepted.
        ResultAccepted = "result.accepted",
        /// A result was rejected.
        ResultRejected = "result.rejected",
        /// A quality target was missed.
        QualityAlert = "quality.alert",
        /// An auto-label job ended.
        AutoLabelCompleted = "auto_label.completed",
    }
}
