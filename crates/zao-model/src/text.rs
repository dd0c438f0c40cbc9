//! From a prompt to caption features.

mod encoder;
mod template;
mod tokenizer;

pub use encoder::{MAX_TOKENS, TextEncoder};
pub use tokenizer::{PromptTokens, Tokenizer, TokenizerFiles};
