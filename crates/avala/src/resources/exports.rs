//! Exports.

use avala_api::{
    Carrier, Wait,
    exports::{self, ExportUid},
};

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

impl<C: Carrier + Clone> Exports<C> {
    /// Waits until the file of an export is there, and answers the export.
    pub fn wait(&self, uid: impl Into<ExportUid>) -> Wait<exports::Get, C> {
        self.get(uid).wait()
    }
}
