//! Every operation that is declared, in one list.

use crate::{Operation as _, Route};

/// Hands the types of all declared operations to a macro, so that tests, routers and tables cannot leave one out.
///
/// ```
/// macro_rules! count {
///     ($($Operation:ty),* $(,)?) => { [$(<$Operation as avala_api::Operation>::ROUTE),*].len() };
/// }
/// assert_eq!(avala_api::for_each_operation!(count), avala_api::catalogue::DECLARED.len());
/// ```
#[macro_export]
macro_rules! for_each_operation {
    ($callback:ident) => {
        $callback! {
            $crate::signup::Create,
            $crate::users::Me,
            $crate::users::GetPermissions,
            $crate::organizations::List,
            $crate::organizations::Get,
            $crate::webhooks::List,
            $crate::webhooks::Get,
            $crate::webhooks::Create,
            $crate::webhooks::Update,
            $crate::webhooks::Delete,
            $crate::webhooks::Test,
            $crate::webhook_deliveries::List,
            $crate::webhook_deliveries::Get,
            $crate::agents::List,
            $crate::agents::Get,
            $crate::agents::Create,
            $crate::agents::Update,
            $crate::agents::Delete,
            $crate::agents::ListExecutions,
            $crate::agent_actions::Create,
        }
    };
}

macro_rules! routes {
    ($($Operation:ty),* $(,)?) => { &[$(<$Operation>::ROUTE),*] };
}

/// The routes of all declared operations.
pub const DECLARED: &[Route] = for_each_operation!(routes);
