//! Name resolution that keeps forbidden addresses back.

use std::sync::Arc;

use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::targets::{Refused, is_allowed};

/// `.invalid` never resolves; this name is refused without asking anybody.
pub(crate) const REFUSED_HOST: &str = "refused.invalid";

/// Resolves a name once, and hands over only those addresses that may be connected to.
///
/// The connection goes to an address of this very answer, so a name whose answer changes afterwards gains nothing.
pub(crate) struct CheckedResolver {
    allow: Arc<[IpNet]>,
    inner: Arc<dyn Resolve>,
}

impl CheckedResolver {
    pub(crate) fn new(allow: Vec<IpNet>, inner: Option<Arc<dyn Resolve>>) -> Self {
        Self {
            allow: allow.into(),
            inner: inner.unwrap_or_else(|| Arc::new(OperatingSystem)),
        }
    }
}

impl Resolve for CheckedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        if name.as_str() == REFUSED_HOST {
            return Box::pin(async { Err(Refused::Address.into()) });
        }
        let allow = Arc::clone(&self.allow);
        let answer = self.inner.resolve(name);
        Box::pin(async move {
            let allowed = answer
                .await?
                .filter(|address| is_allowed(address.ip(), &allow))
                .collect::<Vec<_>>();
            if allowed.is_empty() {
                return Err(Refused::Address.into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

struct OperatingSystem;

impl Resolve for OperatingSystem {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            // Port 0 stands for the port of the URL.
            let found = tokio::net::lookup_host((name.as_str(), 0))
                .await?
                .collect::<Vec<_>>();
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}
