//! Datasets: what there is to annotate. Rows only: a dataset is created at once, since no files are looked at.

use avala_api::{
    Extra, FieldErrors, Page, SecretObject, Visibility,
    datasets::{Create, DataType, Dataset, DatasetStatus, Get, GetBySlug, List},
    texts,
};
use avala_keys::{RandomnessFailed, Secret};
use serde_json::{Map, Value};

use super::event_targets::finish;
use crate::{
    context::Context,
    keys::Authority,
    paging,
    refusal::Refusal,
    store::{
        Reach, StoreError,
        datasets::{self, Filter, Hidden},
        organizations::{self, Place},
        users,
    },
};

const LONGEST_NAME: usize = 255;
const LONGEST_SLUG: usize = 100;
/// As JSON.
const MOST_HIDDEN_BYTES: usize = 16 * 1024;

/// A name in paths that leads to another route.
const RESERVED_SLUG: &str = "list";

pub(super) async fn list(context: Context, operation: List) -> Result<Page<Dataset>, Refusal> {
    let window = paging::window(
        &context,
        &operation,
        operation.limit,
        operation.cursor.as_ref(),
        false,
    )?;
    let filter = Filter {
        data_type: operation.data_type.as_ref().map(DataType::as_str),
        name: operation.name.as_deref(),
        status: operation.status.as_ref().map(DatasetStatus::as_str),
        visibility: operation.visibility.as_ref().map(Visibility::as_str),
    };
    let reach = context.caller()?.reach();
    let rows = datasets::list(context.store().reader(), reach, &filter, window).await?;
    paging::page(&context, &operation, rows, false)
}

pub(super) async fn get(context: Context, operation: Get) -> Result<Dataset, Refusal> {
    let reach = context.caller()?.reach();
    let found = datasets::find(context.store().reader(), reach, operation.uid.as_str()).await?;
    found.ok_or_else(Refusal::not_found)
}

pub(super) async fn get_by_slug(context: Context, operation: GetBySlug) -> Result<Dataset, Refusal> {
    let GetBySlug { owner, slug } = operation;
    let places = Places::of(&context).await?;
    let place = places.owner(owner.as_str()).ok_or_else(Refusal::not_found)?;
    let reach = Reach {
        organization: &place.uid,
        ..context.caller()?.reach()
    };
    let found = datasets::by_slug(context.store().reader(), reach, slug.as_str()).await?;
    found.ok_or_else(Refusal::not_found)
}

/// What concerns files has no effect here: `create_metadata`, `gpu_texture_format`, and the numbers of industries and
/// licenses, of which this server has no lists.
pub(super) async fn create(context: Context, operation: Create) -> Result<Dataset, Refusal> {
    let places = Places::of(&context).await?;
    let mut errors = FieldErrors::default();
    let place = places.chosen(&operation, &mut errors);
    let Create {
        name,
        slug,
        data_type,
        visibility,
        provider_config,
        metadata,
        is_sequence,
        ..
    } = operation;
    let now = context.now();
    let mut dataset = Dataset {
        uid: context.authority.random().uid()?.into(),
        name,
        slug,
        item_count: 0,
        owner_name: None,
        status: Some(DatasetStatus::Created),
        data_type: Some(data_type),
        is_sequence: Some(is_sequence.unwrap_or(false)),
        predefined_labels: None,
        visibility: Some(visibility.unwrap_or(Visibility::Private)),
        project_count: None,
        size_bytes: None,
        annotations_count: None,
        created_at: Some(now),
        updated_at: Some(now),
        extra: Extra::new(),
    };
    check(&dataset, &mut errors);
    check_hidden(metadata.as_ref(), provider_config.as_ref(), &mut errors);
    finish(errors)?;
    let place = place.ok_or_else(Refusal::not_found)?;
    dataset.owner_name = Some(place.slug.as_str().into());

    let uid = dataset.uid.as_str();
    let sealed = provider_config
        .map(|config| seal(&context.authority, uid, &config))
        .transpose()?;
    let hidden = Hidden {
        metadata: metadata.as_ref(),
        sealed_provider_config: sealed.as_deref(),
    };
    let mut change = context.store().change().await?;
    datasets::insert(change.connection(), &place.uid, &dataset, &hidden, now)
        .await
        .map_err(slug_taken)?;
    context.commit(change, "dataset.create", uid).await?;
    Ok(dataset)
}

/// What is wrong with a dataset's own members, whoever brings it.
pub(crate) fn check(dataset: &Dataset, errors: &mut FieldErrors) {
    match dataset.name.chars().count() {
        _ if dataset.name.trim().is_empty() => errors.add("name", "This field may not be blank."),
        0..=LONGEST_NAME => {}
        _ => errors.add("name", "Ensure this field has no more than 255 characters."),
    }
    let slug = dataset.slug.as_str();
    let is_plain = |letter: u8| letter.is_ascii_lowercase() || letter.is_ascii_digit();
    if slug == RESERVED_SLUG {
        errors.add("slug", "This slug is reserved.");
    } else if slug.len() > LONGEST_SLUG
        || !slug.bytes().next().is_some_and(is_plain)
        || !slug
            .bytes()
            .all(|letter| is_plain(letter) || b"._-".contains(&letter))
    {
        errors.add(
            "slug",
            "Use 1 to 100 lower-case letters, digits, dots, hyphens and underscores, a letter or digit first.",
        );
    }
    if matches!(dataset.data_type, None | Some(DataType::Other(_))) {
        errors.add("data_type", "Not a valid choice.");
    }
    if matches!(dataset.visibility, Some(Visibility::Other(_))) {
        errors.add("visibility", "Not a valid choice.");
    }
}

/// What is wrong with the members that no answer shows.
pub(crate) fn check_hidden(
    metadata: Option<&Map<String, Value>>,
    provider_config: Option<&SecretObject>,
    errors: &mut FieldErrors,
) {
    for (field, members) in [
        ("metadata", metadata),
        ("provider_config", provider_config.map(SecretObject::expose)),
    ] {
        if serde_json::to_vec(&members).is_ok_and(|text| text.len() > MOST_HIDDEN_BYTES) {
            errors.add(field, "Ensure this field has no more than 16384 bytes.");
        }
    }
}

/// The sealed form of a provider configuration. It may hold credentials, and no answer shows it.
pub(crate) fn seal(
    authority: &Authority,
    uid: &str,
    config: &SecretObject,
) -> Result<Vec<u8>, RandomnessFailed> {
    let text = Secret::new(Value::Object(config.expose().clone()).to_string());
    authority
        .secrets()
        .seal_secret(authority.random(), &datasets::secret_row(uid), &text)
}

pub(crate) const SLUG_TAKEN: &str = "A dataset with the given slug already exists.";

fn slug_taken(error: StoreError) -> Refusal {
    if error.is_duplicate() {
        Refusal::field("slug", SLUG_TAKEN)
    } else {
        error.into()
    }
}

/// The caller's organizations, and the one whose objects the key reaches.
struct Places {
    all: Vec<Place>,
    home: String,
    email: Option<String>,
}

impl Places {
    async fn of(context: &Context) -> Result<Self, Refusal> {
        let caller = context.caller()?;
        let reader = context.store().reader();
        let user = users::by_uid(reader, caller.user()).await?;
        Ok(Self {
            // A key reaches one organization, whichever others its owner belongs to.
            all: organizations::place(reader, caller.organization())
                .await?
                .into_iter()
                .collect(),
            home: caller.organization().to_owned(),
            email: user.and_then(|user| user.email),
        })
    }

    fn uid(&self, uid: &str) -> Option<&Place> {
        self.all.iter().find(|place| place.uid == uid)
    }

    /// An organization by its slug; the caller's own by the caller's name.
    fn owner(&self, name: &str) -> Option<&Place> {
        let is_caller = || {
            self.email
                .as_deref()
                .is_some_and(|email| email.eq_ignore_ascii_case(name))
        };
        let slug = self.all.iter().find(|place| place.slug == name);
        slug.or_else(|| is_caller().then(|| self.uid(&self.home)).flatten())
    }

    /// Where a new dataset is to be. A field that names none of the caller's organizations, or another one than the field
    /// before, is an error.
    fn chosen(&self, operation: &Create, errors: &mut FieldErrors) -> Option<&Place> {
        let named = [
            (
                "owner_name",
                operation
                    .owner_name
                    .as_ref()
                    .map(|name| self.owner(name.as_str())),
            ),
            (
                "organization_uid",
                operation
                    .organization_uid
                    .as_ref()
                    .map(|uid| self.uid(uid.as_str())),
            ),
            // Nobody was ever told a number.
            ("organization_id", operation.organization_id.map(|_| None)),
        ];
        let mut chosen: Option<&Place> = None;
        let mut is_named = false;
        for (field, found) in named {
            let Some(found) = found else { continue };
            is_named = true;
            match (found, chosen) {
                (None, _) => errors.add(field, texts::NOT_FOUND),
                (Some(found), Some(before)) if found.uid != before.uid => {
                    errors.add(field, "Names another organization than owner_name.");
                }
                (found, _) => chosen = found,
            }
        }
        if is_named { chosen } else { self.uid(&self.home) }
    }
}
