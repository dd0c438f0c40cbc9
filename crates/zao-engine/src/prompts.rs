//! From a prompt to the token ids that the encoder reads.

use zao_model::text::{MAX_TOKENS, PromptTokens, Tokenizer};

use crate::Result;

/// What turns prompts into ids.
pub(crate) enum Prompts {
    /// The checkpoint's own tokenizer and chat template.
    Tokenizer(Box<Tokenizer>),
    /// As many ids for every prompt, beginning with another one for each: a model of random weights understands no
    /// words, but reads other ones anew.
    Fixed(Vec<u32>),
}

impl Prompts {
    /// The ids of `prompt`, at most as many as the model reads.
    pub(crate) fn encode(&self, prompt: &str) -> Result<PromptTokens> {
        match self {
            Self::Tokenizer(tokenizer) => Ok(tokenizer.encode(prompt, MAX_TOKENS)?),
            Self::Fixed(ids) => {
                let mut ids = ids.clone();
                let letters = prompt.bytes().map(usize::from).sum::<usize>();
                let first = letters % ids.len().max(1);
                ids.rotate_left(first);
                Ok(PromptTokens { ids, cut: 0 })
            }
        }
    }

    /// How many tokens `prompt` is, without those that the template adds to every prompt.
    pub(crate) fn count(&self, prompt: &str) -> Result<usize> {
        Ok(self.count_with_template(prompt)?.saturating_sub(self.count_with_template("")?))
    }

    /// How many tokens `prompt` is with the template's; of more than [`MAX_TOKENS`] the last are cut.
    pub(crate) fn count_with_template(&self, prompt: &str) -> Result<usize> {
        let tokens = self.encode(prompt)?;
        Ok(tokens.ids.len() + tokens.cut)
    }
}
