//! Exports.

use avala_api::exports::{self, ExportUid};

super::handle! {
    /// Exports: annotations, made into a file.
    pub struct Exports for "exports" {
        /// Lists exports, newest first.
        list() -> exports::List;
        /// Gets one export.
        get(uid: ExportUid) -> exports::Get;
        /// Starts an export: of one project or one dataset, or of several with a name and a format.
        create() -> exports::Create;
    }
}
