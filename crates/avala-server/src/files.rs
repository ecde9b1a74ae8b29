//! Links to files: signed, for an hour, for whoever has the link.

use std::path::PathBuf;

use http::Method;
use subtle::ConstantTimeEq;

use crate::{hex, keys::Authority, service::Service, store::data_dir::DataDir};

/// Where files are, outside of the API: they take no key.
const PREFIX: &str = "/files/exports/";

/// What the log says of a request for a file: a link that still works must not get there.
pub(crate) const ROUTE: &str = "/files/exports/{uid}";

/// How many seconds a link leads to its file.
const VALID_FOR: i64 = 3600;

/// The URL of an export's file, as of now.
pub(crate) fn link(service: &Service, export: &str) -> String {
    let expires = service.authority.now().unix_seconds() + VALID_FOR;
    let signature = hex::encode(&tag(&service.authority, export, expires));
    format!("{}{PREFIX}{export}/{expires}/{signature}", service.public_url)
}

/// The file that a request for a signed path is about. Nothing is told about why there is none.
pub(crate) fn asked_for(authority: &Authority, method: &Method, path: &str) -> Option<PathBuf> {
    if *method != Method::GET && *method != Method::HEAD {
        return None;
    }
    let mut parts = path.strip_prefix(PREFIX)?.split('/');
    let (export, expires, signature) = (parts.next()?, parts.next()?, parts.next()?);
    // One spelling only: `+5` and `05` are numbers, too.
    let number: i64 = expires
        .parse()
        .ok()
        .filter(|number: &i64| number.to_string() == expires)?;
    let is_signed = tag(authority, export, number).ct_eq(&*hex::decode(signature)?);
    if parts.next().is_some() || !bool::from(is_signed) || authority.now().unix_seconds() >= number {
        return None;
    }
    of_export(authority.dir(), export)
}

/// Where an export's file is, or will be. `None` for a uid that is no name of a file.
pub(crate) fn of_export(dir: &DataDir, export: &str) -> Option<PathBuf> {
    let is_name = !export.is_empty()
        && export
            .bytes()
            .all(|letter| letter.is_ascii_alphanumeric() || b"-_".contains(&letter));
    is_name.then(|| dir.exports().join(format!("{export}.json")))
}

fn tag(authority: &Authority, export: &str, expires: i64) -> [u8; 32] {
    authority
        .secrets()
        .link_tag(format!("export {export} {expires}").as_bytes())
}
