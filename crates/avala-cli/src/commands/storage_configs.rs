//! `avala storage-configs …`

use avala_api::{
    Operation as _,
    storage_configs::{Create, Delete, Get, List, SetupInfo, SetupValues, StorageConfig, Test, TestResult},
};

use crate::{
    args,
    failure::Failure,
    output::{Cell, Record, Row},
    session::Session,
    terminal,
};

pub(super) const CALLS: &[(&str, &str)] = &[
    (List::ROUTE.operation, "avala storage-configs list"),
    (Create::ROUTE.operation, "avala storage-configs create"),
    (SetupInfo::ROUTE.operation, "avala storage-configs setup-info"),
    (Get::ROUTE.operation, "avala storage-configs get"),
    (Delete::ROUTE.operation, "avala storage-configs delete"),
    (Test::ROUTE.operation, "avala storage-configs test"),
];

pub(super) async fn run(session: &Session, verb: args::StorageConfigs) -> Result<(), Failure> {
    match verb {
        args::StorageConfigs::List(args) => {
            let mut list = List::new().limit(args.listing.page());
            list.organization = session.organization(args.whose.organization);
            session.list(list, args.listing, |_| {}).await
        }
        args::StorageConfigs::Get(args) => {
            let mut get = Get::new(args.uid);
            get.organization = session.organization(args.whose.organization);
            session.show(get).await
        }
        args::StorageConfigs::Create(args) => create(session, *args).await,
        args::StorageConfigs::SetupInfo(args) => {
            let mut setup = SetupInfo::new();
            setup.organization = session.organization(args.organization);
            session.show(setup).await
        }
        args::StorageConfigs::Delete(args) => {
            let question = format!("Delete the storage config {}?", args.uid);
            let done = format!("The storage config {} is deleted.", args.uid);
            session
                .confirmed(Delete::new(args.uid), args.yes, &question, &done)
                .await
        }
        args::StorageConfigs::Test(args) => test(session, Test::new(args.uid)).await,
    }
}

async fn create(session: &Session, args: args::CreateStorageConfig) -> Result<(), Failure> {
    let caller = session.may_call::<Create>()?;
    let mut create = Create::new(args.name, args.provider);
    create.organization = session.organization(args.whose.organization);
    create.s3_bucket_name = args.s3_bucket_name;
    create.s3_bucket_region = args.s3_bucket_region;
    create.s3_bucket_prefix = args.s3_bucket_prefix;
    create.s3_auth_method = args.s3_auth_method;
    create.s3_role_arn = args.s3_role_arn;
    create.s3_access_key_id = args.s3_access_key_id;
    create.s3_is_accelerated = args.s3_is_accelerated;
    create.gc_storage_bucket_name = args.gc_storage_bucket_name;
    create.gc_storage_prefix = args.gc_storage_prefix;
    if let Some(file) = &args.s3_secret_access_key_file {
        create.s3_secret_access_key = Some(terminal::secret_from_file("The secret access key", file)?);
    }
    if let Some(file) = &args.gc_storage_auth_json_file {
        let key_file = terminal::secret_from_file("The service account's key", file)?;
        create.gc_storage_auth_json_content = Some(key_file);
    }
    let config = caller.send(create).await?;
    session.out.record(&config)?;
    if !config.is_verified {
        session.out.note(&format!(
            "The bucket could not be opened. See why: avala storage-configs test {}",
            config.uid
        ));
    }
    Ok(())
}

async fn test(session: &Session, test: Test) -> Result<(), Failure> {
    let result = session.may_call::<Test>()?.send(test).await?;
    session.out.record(&result)?;
    if result.verified {
        return Ok(());
    }
    Err(Failure::local("The bucket cannot be opened.").fields(result.errors))
}

impl Row for StorageConfig {
    const COLUMNS: &'static [&'static str] = &[
        "uid", "name", "provider", "bucket", "prefix", "verified", "created",
    ];
}

/// Whichever applies: servers leave the other null or empty.
fn either(s3: Option<&String>, gc: Option<&String>) -> Cell {
    Cell::optional(s3.filter(|text| !text.is_empty()).or(gc))
}

impl Record for StorageConfig {
    fn fields(&self) -> Vec<(&'static str, Cell)> {
        vec![
            ("uid", Cell::text(&self.uid)),
            ("name", Cell::text(&self.name)),
            ("provider", Cell::text(&self.provider)),
            (
                "bucket",
                either(self.s3_bucket_name.as_ref(), self.gc_storage_bucket_name.as_ref()),
            ),
            (
                "prefix",
                either(self.s3_bucket_prefix.as_ref(), self.gc_storage_prefix.as_ref()),
            ),
            ("region", self.s3_bucket_region.clone().into()),
            ("opened by", Cell::optional(self.s3_auth_method.as_ref())),
            ("accelerated", self.s3_is_accelerated.into()),
            ("verified", self.is_verified.into()),
            ("last tried", self.last_verified_at.into()),
            ("created", self.created_at.into()),
            ("updated", self.updated_at.into()),
        ]
    }
}

impl Record for SetupValues {
    fn fields(&self) -> Vec<(&'static str, Cell)> {
        vec![
            ("avala's aws account", self.avala_aws_account_id.clone().into()),
            ("external id", self.external_id.clone().into()),
        ]
    }
}

impl Record for TestResult {
    fn fields(&self) -> Vec<(&'static str, Cell)> {
        vec![("verified", self.verified.into())]
    }
}
