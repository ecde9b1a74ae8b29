//! Passwords: argon2id, a few at a time.

use std::sync::Arc;

use argon2::{Algorithm, Argon2, Params, PasswordHasher, Version};
use avala_keys::Secret;
use tokio::sync::Semaphore;

use crate::config::PasswordCost;

/// Hashes at one time. Each takes its memory, so this bounds the memory that a flood of sign-ups can take.
const AT_ONE_TIME: usize = 2;

/// The password could not be hashed: the parameters are refused, or there is no memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NotHashed;

/// Hashes passwords.
#[derive(Clone, Debug)]
pub(crate) struct Passwords {
    cost: PasswordCost,
    running: Arc<Semaphore>,
}

impl Passwords {
    pub(crate) fn new(cost: PasswordCost) -> Self {
        Self {
            cost,
            running: Arc::new(Semaphore::new(AT_ONE_TIME)),
        }
    }

    /// The hash in PHC form, parameters and salt included.
    pub(crate) async fn hash(&self, password: Secret, salt: [u8; 16]) -> Result<String, NotHashed> {
        let permit = self
            .running
            .clone()
            .acquire_owned()
            .await
            .map_err(|_| NotHashed)?;
        let cost = self.cost;
        let hashing = move || {
            // Held by the thread, not by the request: a client that hangs up does not make room for another hash.
            let _running = permit;
            hash(cost, &password, &salt)
        };
        tokio::task::spawn_blocking(hashing)
            .await
            .map_err(|_| NotHashed)?
    }
}

fn hash(cost: PasswordCost, password: &Secret, salt: &[u8; 16]) -> Result<String, NotHashed> {
    let params = Params::new(cost.memory_kib, cost.passes, 1, None).map_err(|_| NotHashed)?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hash = argon2
        .hash_password_with_salt(password.expose().as_bytes(), salt)
        .map_err(|_| NotHashed)?;
    Ok(hash.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_names_its_parameters() {
        let cost = PasswordCost {
            memory_kib: 64,
            passes: 2,
        };
        let hash = hash(cost, &Secret::new("correct horse"), b"0123456789abcdef").unwrap();
        assert!(
            hash.starts_with("$argon2id$v=19$m=64,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$"),
            "{hash}"
        );
    }
}
