//! A part while a device takes it in: tells how far it is, stops when the run is cancelled, and lets
//! the memory behind the files go again. Packed tensors that the device does not multiply as they are get unpacked
//! on the way, one at a time.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

use zao_backend::{Care, Form, Role};
use zao_model::{Checkpoint, Usage};

use crate::Event;
use crate::devices::Target;
use crate::watch::Watch;
use crate::weights::{Weights, unpacked};

/// How many bytes of files stay in memory behind the loading. The tensors that make up one weight
/// are read twice, to check and to pack them, and should be fetched but once.
const RECENT: u64 = 512 << 20;

/// A part while it is read; what it read of the files leaves memory with this value at the latest.
pub(crate) struct Reading<'a, 'w> {
    part: &'a Weights,
    target: Target,
    done: Cell<u64>,
    recent: RefCell<Recent>,
    watch: &'a Watch<'w>,
}

impl<'a, 'w> Reading<'a, 'w> {
    /// `part` as a device of the kind of `target` takes it in.
    pub(crate) fn new(part: &'a Weights, target: Target, watch: &'a Watch<'w>) -> Self {
        Self { part, target, done: Cell::new(0), recent: RefCell::default(), watch }
    }
}

impl Checkpoint for Reading<'_, '_> {
    fn tensor(&self, name: &str, _shape: &[usize]) -> zao_model::Result<Form> {
        self.read(name, Usage::Vector)
    }

    fn matrix(
        &self,
        name: &str,
        _shape: &[usize],
        role: Role,
        care: Care,
    ) -> zao_model::Result<Form> {
        self.read(name, Usage::Matrix { role, care })
    }
}

impl Reading<'_, '_> {
    fn read(&self, name: &str, usage: Usage) -> zao_model::Result<Form> {
        let refused = |detail| zao_model::Error::Weight { name: name.into(), detail };
        self.watch.check().map_err(|cancelled| refused(cancelled.to_string()))?;
        let missing = || refused(format!("the {} has no such tensor", self.part.name()));
        let form = self.part.get(name).ok_or_else(missing)?;
        let bytes = form.bytes() as u64;
        for past in self.recent.borrow_mut().push(name, bytes) {
            self.part.release(&past);
        }
        self.done.set(self.done.get() + bytes);
        self.watch.tell(Event::Loaded { done: self.done.get(), of: self.part.bytes() });
        let read = |form: Form| match self.target.packed_bytes(usage, &form) {
            Some(_) => form,
            None => form.unpacked(unpacked(usage)),
        };
        Ok(match form {
            // The part stays one, whatever becomes of the rest: that is what was rehearsed.
            Form::LowRank(both) => Form::LowRank(both.beside(read(both.rest().clone()))?),
            form => read(form),
        })
    }
}

impl Drop for Reading<'_, '_> {
    fn drop(&mut self) {
        self.part.release_all();
    }
}

/// The tensors that were handed out last.
#[derive(Default)]
struct Recent {
    tensors: VecDeque<(String, u64)>,
    bytes: u64,
}

impl Recent {
    /// Notes a tensor of `bytes` bytes; returns those that go for it, oldest first. The tensor
    /// itself stays whatever its size.
    fn push(&mut self, name: &str, bytes: u64) -> Vec<String> {
        self.tensors.push_back((name.to_owned(), bytes));
        self.bytes += bytes;
        let mut past = Vec::new();
        while self.bytes > RECENT
            && self.tensors.len() > 1
            && let Some((name, bytes)) = self.tensors.pop_front()
        {
            self.bytes -= bytes;
            past.push(name);
        }
        past
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_go_first_and_only_when_there_are_too_many() {
        let mut recent = Recent::default();
        assert_eq!(recent.push("a", RECENT / 2), [""; 0]);
        assert_eq!(recent.push("b", RECENT / 2), [""; 0]);
        assert_eq!(recent.push("c", 1), ["a"]);
        assert_eq!(recent.push("larger than all", 2 * RECENT), ["b", "c"]);
        assert_eq!(recent.push("d", 1), ["larger than all"]);
        assert_eq!(recent.push("e", RECENT - 1), [""; 0]);
        assert_eq!(recent.push("f", 2), ["d", "e"]);
    }
}
