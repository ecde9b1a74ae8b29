//! Name resolution that keeps forbidden addresses back.

use std::error::Error;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::vec;

use hyper_util::client::legacy::connect::dns::Name;
use tower_service::Service;

use crate::Targets;
use crate::targets::{Refused, is_allowed};

/// The addresses of a name, later. Port 0 stands for the port of the URL.
pub type Resolving =
    Pin<Box<dyn Future<Output = Result<Vec<SocketAddr>, Box<dyn Error + Send + Sync>>> + Send>>;

/// Turns names into addresses.
pub trait Resolve: Send + Sync {
    /// The addresses of `name`.
    fn resolve(&self, name: &str) -> Resolving;
}

/// Resolves a name once, and hands over only those addresses that may be connected to.
///
/// The connection goes to an address of this very answer, so a name whose answer changes afterwards gains nothing.
#[derive(Clone)]
pub(crate) struct Names {
    resolver: Arc<dyn Resolve>,
    targets: Arc<Targets>,
}

impl Names {
    pub(crate) fn new(resolver: Option<Arc<dyn Resolve>>, targets: Targets) -> Self {
        Self {
            resolver: resolver.unwrap_or_else(|| Arc::new(OperatingSystem)),
            targets: Arc::new(targets),
        }
    }
}

impl Service<Name> for Names {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = Box<dyn Error + Send + Sync>;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let answer = self.resolver.resolve(name.as_str());
        let targets = Arc::clone(&self.targets);
        Box::pin(async move {
            let mut addresses = answer.await.map_err(Unresolved)?;
            if let Targets::PublicOnly { allow } = &*targets {
                addresses.retain(|address| is_allowed(address.ip(), allow));
                if addresses.is_empty() {
                    return Err(Refused::Address.into());
                }
            }
            Ok(addresses.into_iter())
        })
    }
}

/// The name has no address that anybody here knows.
#[derive(Debug, thiserror::Error)]
#[error("the name cannot be resolved")]
pub(crate) struct Unresolved(#[source] Box<dyn Error + Send + Sync>);

struct OperatingSystem;

impl Resolve for OperatingSystem {
    fn resolve(&self, name: &str) -> Resolving {
        let name = name.to_owned();
        Box::pin(async move { Ok(tokio::net::lookup_host((name, 0)).await?.collect()) })
    }
}
