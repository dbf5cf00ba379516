//! What is dear to make and asked for often, kept as it was made last.

use std::sync::{Arc, Mutex, PoisonError};

/// The last value, with the moment that tells whether it is still good.
pub(super) struct Latest<M, T>(Mutex<Option<(M, Arc<T>)>>);

impl<M, T> Default for Latest<M, T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<M, T> Latest<M, T> {
    /// The last value while its moment is `good`, otherwise the one that is made here. Who asks
    /// meanwhile waits for it.
    pub(super) fn or_make<E>(
        &self,
        good: impl FnOnce(&M) -> bool,
        make: impl FnOnce() -> Result<(M, T), E>,
    ) -> Result<Arc<T>, E> {
        // The value is replaced as a whole, so that a thread that died left it sound.
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((moment, value)) = last.as_ref()
            && good(moment)
        {
            return Ok(Arc::clone(value));
        }
        let (moment, value) = make()?;
        let value = Arc::new(value);
        *last = Some((moment, Arc::clone(&value)));
        Ok(value)
    }
}
