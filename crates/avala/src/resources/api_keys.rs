//! API keys: making, watching, rotating and ending them.

use avala_api::api_keys::{self, ApiKeyId, KeyAccess, KeyFilter};
use avala_keys::Secret;

super::handle! {
    /// API keys of a self-hosted server. Avala's own service has its dashboard for this.
    pub struct ApiKeys for "api_keys" {
        /// Makes a key. The answer holds its secret, once.
        create(name: String, access: KeyAccess) -> api_keys::Create;
        /// Takes over a key of forty hexadecimal digits from elsewhere.
        import(name: String, secret: Secret, access: KeyAccess) -> api_keys::Import;
        /// Lists keys, newest first.
        list() -> api_keys::List;
        /// Gets one key.
        get(id: ApiKeyId) -> api_keys::Get;
        /// Renames a key, or narrows what it may do.
        update(id: ApiKeyId) -> api_keys::Update;
        /// Gives a key a successor. The answer is the successor and holds its secret, once.
        rotate(id: ApiKeyId) -> api_keys::Rotate;
        /// Ends the time in which a rotated key still opens.
        end_grace(id: ApiKeyId) -> api_keys::EndGrace;
        /// Ends a key, for ever.
        revoke(id: ApiKeyId) -> api_keys::Revoke;
        /// Counts the keys of which all this is true, or ends them, for ever.
        revoke_many(filter: KeyFilter) -> api_keys::RevokeMany;
        /// Switches a key off.
        disable(id: ApiKeyId) -> api_keys::Disable;
        /// Switches a key on again.
        enable(id: ApiKeyId) -> api_keys::Enable;
        /// How a key was used: by hour or day, by resource and by status.
        usage(id: ApiKeyId) -> api_keys::GetUsage;
        /// What the organization lets new keys be.
        get_policy() -> api_keys::GetPolicy;
        /// Makes that tighter.
        update_policy() -> api_keys::UpdatePolicy;
    }
}
