//! The key authority: it issues keys, ends them, and holds the complete set in memory.

mod authority;
mod bounds;
mod bulk;
mod dev;
mod follow;
mod legacy;
mod life;
mod opening;
mod owners;
mod pepper;
mod pepper_rotation;
mod peppers;
mod policy;
mod renewal;
mod resources;
mod role;
mod row;
mod secrets;
mod set;

pub use authority::{Authority, Issued, NewKey};
pub use pepper_rotation::{PepperState, PepperUse};
pub use policy::KeyPolicy;
pub use row::Access;

pub(crate) use authority::Mint;
pub(crate) use bounds::Bounds;
pub(crate) use bulk::Selection;

pub(crate) use follow::Follower;
pub(crate) use legacy::LegacyKey;
pub(crate) use life::{Asker, Successor};
pub(crate) use opening::{Opened, open};
pub(crate) use owners::Restated;
pub(crate) use pepper::{Pepper, PepperId, sign};
pub(crate) use peppers::Peppers;
pub(crate) use renewal::keep_renewing;
pub(crate) use resources::{Resource, Resources};
pub(crate) use role::Role;
pub(crate) use row::{About, KeyRow};
