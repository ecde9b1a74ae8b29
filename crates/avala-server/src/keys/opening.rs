//! Opening a data directory: the database and its pepper belong together, or nothing opens.

use avala_api::Timestamp;
use avala_keys::Class;

use super::{
    Pepper, PepperId, Peppers,
    peppers::{remove_retired, secrets},
    secrets::ServerSecrets,
};
use crate::{
    config::Database,
    error::StartError,
    random::Random,
    store::{
        Store,
        data_dir::{DataDir, file_error, private_file, refuse_exposed, write_private},
        peppers,
        schema::KNOWN,
    },
};

/// A data directory in use.
pub(crate) struct Opened {
    pub(crate) dir: DataDir,
    pub(crate) store: Store,
    pub(crate) peppers: Peppers,
    pub(crate) secrets: ServerSecrets,
    pub(crate) class: Class,
}

/// Opens what is there; with a class, makes what is not.
pub(crate) async fn open(
    dir: DataDir,
    database: &Database,
    class: Option<Class>,
    random: &Random,
    now: Timestamp,
) -> Result<Opened, StartError> {
    let has_pepper = dir.has_pepper()?;
    let (store, place) = match database {
        Database::Sqlite => sqlite(&dir, has_pepper, class.is_some()).await?,
        Database::Postgres(url) => Store::postgres(url).await?,
    };
    match store.schema().await? {
        newer if newer > KNOWN => {
            return Err(StartError::NewerSchema {
                found: newer,
                known: KNOWN,
            });
        }
        0 if has_pepper => return Err(StartError::DatabaseLost(place)),
        0 => {
            let class = class.ok_or_else(|| StartError::NoData(dir.path().to_owned()))?;
            first_use(&dir, &store, class, random, now).await?;
        }
        older => {
            if older < KNOWN {
                store.migrate().await?;
            }
        }
    }

    let declared = peppers::all(store.reader()).await?;
    let (peppers, material) = Peppers::read(&dir, &declared)?;
    remove_retired(&dir, &declared)?;
    let first = dir.pepper(PepperId::FIRST);
    if peppers.get(PepperId::FIRST).is_some() && !first.exists() {
        // From here on the pepper is as permanent as the database that was made with it.
        std::fs::rename(dir.new_pepper(), &first)
            .map_err(|error| file_error("rename", &dir.new_pepper(), error))?;
        dir.sync()?;
    }
    let stored = store.meta().await?.class;
    match class {
        Some(asked) if asked != stored => Err(StartError::OtherClass { stored, asked }),
        _ => Ok(Opened {
            dir,
            store,
            peppers,
            secrets: secrets(&material)?,
            class: stored,
        }),
    }
}

/// The file in the directory. It is made unless the pepper says that there was one, or nothing is to be made.
async fn sqlite(dir: &DataDir, has_pepper: bool, makes: bool) -> Result<(Store, String), StartError> {
    let database = dir.database();
    let place = database.display().to_string();
    if !database.exists() {
        if has_pepper {
            return Err(StartError::DatabaseLost(place));
        }
        if !makes {
            return Err(StartError::NoData(dir.path().to_owned()));
        }
        private_file(&database).map_err(|error| file_error("make", &database, error))?;
    }
    refuse_exposed(&database)?;
    Ok((Store::sqlite(&database).await?, place))
}

/// Makes the pepper under a name that does not count yet, then the database. A process killed at any point in between
/// leaves a directory that the next start completes.
async fn first_use(
    dir: &DataDir,
    store: &Store,
    class: Class,
    random: &Random,
    now: Timestamp,
) -> Result<(), StartError> {
    let path = dir.new_pepper();
    let bytes = random.bytes::<32>()?;
    write_private(&path, &bytes).map_err(|error| file_error("write", &path, error))?;
    dir.sync()?;
    let pepper = Pepper::new(&bytes).ok_or(StartError::Randomness)?;
    store.initialise(class, &pepper.check_value(), now).await?;
    Ok(())
}
