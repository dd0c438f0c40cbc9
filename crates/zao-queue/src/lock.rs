//! Taking a mutex although somebody panicked with it. What it guards is NOT known here.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Takes the mutex. A panic elsewhere is a fault of its own and must not make a fault of each later call: what the ledger keeps in
/// memory is changed only after the database was, in steps that do not fail.
pub(crate) fn hold<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
