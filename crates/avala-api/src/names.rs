//! Names that several resources share.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use serde::{Deserialize, Deserializer, Serialize, de::Visitor};
use serde_json::Value;

/// The members of an answer that this version does not know. They survive a round trip.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Extra(pub BTreeMap<String, Value>);

impl Extra {
    /// No members.
    pub fn new() -> Self {
        Self::default()
    }
}

impl fmt::Debug for Extra {
    /// Redacted: a member of tomorrow may be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = Value::Object(self.0.clone().into_iter().collect());
        avala_keys::redact::json(&mut shown);
        shown.fmt(f)
    }
}

impl FromIterator<(String, Value)> for Extra {
    fn from_iter<I: IntoIterator<Item = (String, Value)>>(members: I) -> Self {
        Self(members.into_iter().collect())
    }
}

/// The name of a member, borrowed where the input allows it.
pub(crate) struct MemberName<'de>(pub(crate) Cow<'de, str>);

impl<'de> Deserialize<'de> for MemberName<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Name;
        impl<'de> Visitor<'de> for Name {
            type Value = MemberName<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a member's name")
            }
            fn visit_borrowed_str<E>(self, name: &'de str) -> Result<MemberName<'de>, E> {
                Ok(MemberName(Cow::Borrowed(name)))
            }
            fn visit_str<E>(self, name: &str) -> Result<MemberName<'de>, E> {
                Ok(MemberName(Cow::Owned(name.to_owned())))
            }
        }
        deserializer.deserialize_str(Name)
    }
}

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

open_enum! {
    /// Who can see an object.
    pub enum Visibility {
        /// Its members only.
        Private = "private",
        /// Whoever has its address.
        Unlisted = "unlisted",
        /// Everybody.
        Public = "public",
    }
}

open_enum! {
    /// What is annotated.
    pub enum TaskType {
        /// Single images.
        ImageAnnotation = "image-annotation",
        /// Videos.
        VideoAnnotation = "video-annotation",
        /// Point clouds.
        PointCloudAnnotation = "point-cloud-annotation",
        /// Objects in point clouds.
        PointCloudObjects = "point-cloud-objects",
    }
}
