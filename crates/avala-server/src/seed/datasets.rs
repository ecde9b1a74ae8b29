//! The section `datasets`.

use avala_api::{
    Extra, FieldErrors, SecretObject, Timestamp, Visibility,
    datasets::{self as api, DataType, DatasetSlug, DatasetStatus, DatasetUid},
};
use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::{Map, Value};

use super::{Loading, Row, SeedError, check_known};
use crate::{
    resources::datasets::{SLUG_TAKEN, check, check_hidden, seal},
    store::{
        Written,
        datasets::{self, Hidden},
    },
};

/// A dataset, created and private unless it says otherwise.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Dataset {
    uid: DatasetUid,
    name: String,
    slug: DatasetSlug,
    data_type: DataType,
    #[serde(default)]
    item_count: i64,
    status: Option<DatasetStatus>,
    visibility: Option<Visibility>,
    is_sequence: Option<bool>,
    predefined_labels: Option<Vec<Value>>,
    metadata: Option<Map<String, Value>>,
    #[serde(default, deserialize_with = "unquoted")]
    provider_config: Option<SecretObject>,
    created_at: Option<Timestamp>,
    updated_at: Option<Timestamp>,
}

/// An object whose content is in no error text.
fn unquoted<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SecretObject>, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Null => Ok(None),
        Value::Object(members) => Ok(Some(members.into())),
        _ => Err(D::Error::custom("expected an object")),
    }
}

impl Row for Dataset {
    const SECTION: &'static str = "datasets";

    fn uid(&self) -> &str {
        self.uid.as_str()
    }

    async fn write(&self, loading: &mut Loading<'_>, path: &str) -> Result<Option<Written>, SeedError> {
        let dataset = api::Dataset {
            uid: self.uid.clone(),
            name: self.name.clone(),
            slug: self.slug.clone(),
            item_count: self.item_count,
            owner_name: None,
            status: self.status.clone(),
            data_type: Some(self.data_type.clone()),
            is_sequence: self.is_sequence,
            predefined_labels: self.predefined_labels.clone(),
            visibility: self.visibility.clone(),
            project_count: None,
            size_bytes: None,
            annotations_count: None,
            created_at: self.created_at,
            updated_at: self.updated_at,
            extra: Extra::new(),
        };
        let mut errors = FieldErrors::default();
        check(&dataset, &mut errors);
        if self.item_count < 0 {
            errors.add("item_count", "Not below 0.");
        }
        let status = self.status.as_ref().map(DatasetStatus::as_str);
        check_known("status", status, DatasetStatus::KNOWN, &mut errors);
        let provider_config = self.provider_config.as_ref();
        check_hidden(self.metadata.as_ref(), provider_config, &mut errors);
        SeedError::check(path, errors)?;

        let sealed = provider_config
            .map(|config| seal(loading.authority, self.uid.as_str(), config))
            .transpose()?;
        let hidden = Hidden {
            metadata: self.metadata.as_ref(),
            sealed_provider_config: sealed.as_deref(),
        };
        let (organization, now) = (loading.organization, loading.now);
        let written = datasets::upsert(loading.connection(), organization, &dataset, &hidden, now).await;
        written.map_err(|error| {
            if error.is_duplicate() {
                SeedError::field(path, "slug", SLUG_TAKEN)
            } else {
                error.into()
            }
        })
    }
}

impl Loading<'_> {
    /// Whether the organization has this dataset.
    pub(super) async fn has_dataset(&mut self, uid: &str) -> Result<bool, SeedError> {
        if self.knows::<Dataset>(uid) {
            return Ok(true);
        }
        let organization = self.organization;
        let found = datasets::is_there(self.connection(), organization, uid).await?;
        if found {
            self.remember::<Dataset>(uid);
        }
        Ok(found)
    }
}
