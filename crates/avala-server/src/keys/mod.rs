//! The key authority: it issues keys, ends them, and holds the complete set in memory.

mod authority;
mod bounds;
mod dev;
mod follow;
mod life;
mod opening;
mod owners;
mod pepper;
mod role;
mod row;
mod set;

pub use authority::{Authority, Issued, NewKey};
pub use row::Access;

pub(crate) use authority::Mint;
pub(crate) use bounds::Bounds;

pub(crate) use follow::Follower;
pub(crate) use life::{Asker, Successor};
pub(crate) use opening::{Opened, open};
pub(crate) use owners::Restated;
pub(crate) use pepper::{PepperId, sign};
pub(crate) use role::Role;
pub(crate) use row::{About, KeyRow};
