//! One request for pictures, and a source of many. In which protocol it is written is known in [`crate::drive`].

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, PoisonError};

use zao_api::JobRequest;

use super::{Numbers, Prompts};

/// A request for pictures.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Wish {
    /// What to draw, as zao's own protocol has it; the others say what they can of it.
    pub(crate) request: JobRequest,
}

impl Wish {
    /// A wish for what the request says.
    pub(crate) fn new(request: JobRequest) -> Self {
        Self { request }
    }

    /// How many pictures.
    pub(crate) fn count(&self) -> u32 {
        self.request.request.count.unwrap_or(1)
    }

    /// Width and height, where both are asked for.
    pub(crate) fn size(&self) -> Option<(u32, u32)> {
        self.request.request.width.zip(self.request.request.height)
    }

    /// Equal for wishes that have to bring equal pictures; `None` where the server chooses the seed.
    pub(crate) fn key(&self) -> Option<u64> {
        self.request.request.seed?;
        // Neither whose turn it is nor what is shown meanwhile changes a picture.
        let pixels = serde_json::to_string(&self.request.request).ok()?;
        let mut hasher = DefaultHasher::new();
        pixels.hash(&mut hasher);
        Some(hasher.finish())
    }
}

/// Where wishes come from.
pub(crate) enum Wishes {
    /// Always another: a prompt of the list and a random seed, the rest as in the pattern.
    Fresh { prompts: Prompts, pattern: Box<JobRequest>, fixed_seed: bool, numbers: Mutex<Numbers> },
    /// These, over and over.
    Repeated { wishes: Vec<Wish>, next: Mutex<usize> },
}

impl Wishes {
    pub(crate) fn fresh(prompts: Prompts, pattern: JobRequest, seed: u64) -> Self {
        let fixed_seed = pattern.request.seed.is_some();
        let numbers = Mutex::new(Numbers::new(seed));
        Self::Fresh { prompts, pattern: Box::new(pattern), fixed_seed, numbers }
    }

    /// `wishes` is not empty.
    pub(crate) fn repeated(wishes: Vec<Wish>) -> Self {
        Self::Repeated { wishes, next: Mutex::new(0) }
    }

    /// The next one.
    pub(crate) fn next(&self) -> Wish {
        match self {
            Self::Fresh { prompts, pattern, fixed_seed, numbers } => {
                let mut numbers = numbers.lock().unwrap_or_else(PoisonError::into_inner);
                let mut request = JobRequest::clone(pattern);
                request.request.prompt = prompts.draw(&mut numbers);
                if !fixed_seed {
                    // Some servers keep seeds in 32 bits, with a sign.
                    request.request.seed = Some(numbers.next() >> 33);
                }
                Wish::new(request)
            }
            Self::Repeated { wishes, next } => {
                let mut next = next.lock().unwrap_or_else(PoisonError::into_inner);
                *next += 1;
                wishes[(*next - 1) % wishes.len()].clone()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_changes_pixels_is_in_the_key() {
        let mut wish = Wish::new(JobRequest::default());
        assert_eq!(wish.key(), None);
        wish.request.request.seed = Some(1);
        let key = wish.key();
        wish.request.previews = Some(3);
        assert!(key.is_some() && wish.key() == key);
        wish.request.request.steps = Some(4.into());
        assert_ne!(wish.key(), key);
    }

    #[test]
    fn wishes_are_fresh_or_come_around() {
        let fresh = Wishes::fresh(Prompts::only("a cat".into()), JobRequest::default(), 5);
        let seeds: Vec<_> = (0..3).map(|_| fresh.next().request.request.seed).collect();
        assert!(seeds[0] != seeds[1] && seeds[1] != seeds[2]);
        assert!(seeds.iter().all(|seed| seed.is_some_and(|seed| seed < 1 << 31)));
        let wishes = vec![fresh.next(), fresh.next()];
        let around = Wishes::repeated(wishes.clone());
        assert_eq!([around.next(), around.next(), around.next()][2], wishes[0]);
    }
}
