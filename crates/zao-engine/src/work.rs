//! A job as a run takes it: with its prompts as token ids.

use std::borrow::Cow;

use zao_model::text::MAX_TOKENS;
use zao_model::vae::Thrift;

use crate::model::ModelFiles;
use crate::watch::Watch;
use crate::{Event, Grid, Job, Result};

/// A job with its prompts as token ids, positive and, with guidance, negative.
#[derive(Clone)]
pub(crate) struct Work<'a> {
    pub(crate) job: Cow<'a, Job>,
    pub(crate) positive: Vec<u32>,
    pub(crate) negative: Option<Vec<u32>>,
    /// How decoding saves memory.
    pub(crate) thrift: Thrift,
}

impl<'a> Work<'a> {
    /// Tokenizes the prompts of `job`; tells when one is cut.
    pub(crate) fn new(model: &ModelFiles, job: Cow<'a, Job>, watch: &Watch<'_>) -> Result<Self> {
        let encode = |prompt: &str, which: &str| -> Result<Vec<u32>> {
            let tokens = model.prompts.encode(prompt)?;
            if tokens.cut > 0 {
                watch.tell(Event::Warning(format!(
                    "the {which} is {} tokens long with its template; only {MAX_TOKENS} are read, \
                     the last {} are cut off",
                    tokens.ids.len() + tokens.cut,
                    tokens.cut
                )));
            }
            Ok(tokens.ids)
        };
        let ask = job.ask();
        let guided = ask.guidance.is_on();
        let positive = encode(&ask.prompt, "prompt")?;
        let negative = if guided { Some(encode(&ask.negative, "negative prompt")?) } else { None };
        Ok(Self { job, positive, negative, thrift: Thrift::NONE })
    }

    /// The distinct prompts of all `work`.
    pub(crate) fn prompts(work: &[Self]) -> Vec<&[u32]> {
        let mut prompts: Vec<&[u32]> = Vec::new();
        for ids in
            work.iter().flat_map(|work| std::iter::once(&work.positive).chain(&work.negative))
        {
            if !prompts.contains(&ids.as_slice()) {
                prompts.push(ids);
            }
        }
        prompts
    }

    /// The same work for a smaller picture.
    pub(crate) fn resized(&self, size: Grid) -> Self {
        Self { job: Cow::Owned(self.job.resized(size)), ..self.clone() }
    }

    /// What to tell about decoding with less memory.
    pub(crate) fn thrift_in_words(&self) -> Option<String> {
        let (ask, bands) = (self.job.ask(), self.thrift.count());
        (self.thrift != Thrift::NONE).then(|| {
            format!(
                "memory is short: the picture of {}x{} is decoded in {bands} bands; it will be the same, \
                 but decoding takes up to half as long again",
                ask.width, ask.height
            )
        })
    }
}

/// What to tell about a picture of `size` that is drawn in place of the one of `job`.
pub(crate) fn smaller_in_words(job: &Job, size: Grid) -> String {
    let (width, height) = (job.ask().width, job.ask().height);
    format!(
        "memory is short: {size} is drawn in place of {width}x{height}, as was allowed; the same seed draws another \
         picture at another size"
    )
}
