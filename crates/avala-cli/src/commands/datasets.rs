//! `avala datasets …`

use avala_api::{
    Operation as _,
    datasets::{Create, Dataset, Get, GetBySlug, List},
};

use crate::{
    args,
    failure::Failure,
    output::{Cell, Record, Row},
    session::Session,
    terminal,
};

pub(super) const CALLS: &[(&str, &str)] = &[
    (List::ROUTE.operation, "avala datasets list"),
    (Get::ROUTE.operation, "avala datasets get"),
    (GetBySlug::ROUTE.operation, "avala datasets get"),
    (Create::ROUTE.operation, "avala datasets create"),
];

pub(super) async fn run(session: &Session, verb: args::Datasets) -> Result<(), Failure> {
    match verb {
        args::Datasets::List(args) => {
            let mut list = List::new().limit(args.listing.page());
            list.data_type = args.data_type;
            list.name = args.name;
            list.status = args.status;
            list.visibility = args.visibility;
            session.list(list, args.listing, |_| {}).await
        }
        // No identifier holds a slash.
        args::Datasets::Get { dataset } => match dataset.split_once('/') {
            Some((owner, slug)) => session.show(GetBySlug::new(owner, slug)).await,
            None => session.show(Get::new(dataset)).await,
        },
        args::Datasets::Create(args) => create(session, args).await,
    }
}

async fn create(session: &Session, args: args::CreateDataset) -> Result<(), Failure> {
    let caller = session.may_call::<Create>()?;
    let mut create = Create::new(args.name, args.slug, args.data_type);
    create.visibility = args.visibility;
    create.is_sequence = args.is_sequence;
    create.create_metadata = args.create_metadata;
    create.owner_name = args.owner_name;
    create.organization_uid = args.organization_uid;
    create.organization_id = args.organization_id;
    create.gpu_texture_format = args.gpu_texture_format;
    create.industry = args.industry;
    create.license = args.license;
    if let Some(file) = &args.provider_config_file {
        create.provider_config = Some(terminal::object_from_file("The provider config", file)?.into());
    }
    if let Some(file) = &args.metadata_file {
        create.metadata = Some(terminal::object_from_file("The metadata", file)?);
    }
    Ok(session.out.record(&caller.send(create).await?)?)
}

impl Row for Dataset {
    const COLUMNS: &'static [&'static str] =
        &["uid", "name", "slug", "data type", "status", "items", "created"];
}

impl Record for Dataset {
    fn fields(&self) -> Vec<(&'static str, Cell)> {
        vec![
            ("uid", Cell::text(&self.uid)),
            ("name", Cell::text(&self.name)),
            ("slug", Cell::text(&self.slug)),
            ("owner", Cell::optional(self.owner_name.as_ref())),
            ("data type", Cell::optional(self.data_type.as_ref())),
            ("status", Cell::optional(self.status.as_ref())),
            ("visibility", Cell::optional(self.visibility.as_ref())),
            ("items", self.item_count.into()),
            ("sequences", self.is_sequence.into()),
            ("bytes", self.size_bytes.into()),
            ("projects", self.project_count.into()),
            ("annotations", self.annotations_count.into()),
            ("created", self.created_at.into()),
            ("updated", self.updated_at.into()),
        ]
    }
}
