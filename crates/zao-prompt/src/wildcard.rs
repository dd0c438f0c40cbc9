//! Patterns that stand for many prompts: `a {red|blue} cat`, `a __colour__ cat`. Which pictures are drawn of them is NOT decided
//! here, and no file is opened: whoever has lists hands over a function that reads them.
//!
//! | pattern | stands for |
//! |---|---|
//! | `{red\|blue}` | one of them; options may be empty, and hold patterns again |
//! | `{3::red\|blue}` | the same, red three times as often; weights have up to three decimals |
//! | `{2$$a\|b\|c}` | two different ones, joined by a comma |
//! | `{1-3$$a\|b\|c}` | one to three |
//! | `{2$$ and $$a\|b\|c}` | two, joined by ` and ` |
//! | `__colour__` | one of the list `colour`, whose lines are patterns, too ([`Wildcards`]) |
//! | `{2$$__colour__}` | two different ones of it |
//! | `\{`, `\}`, `\|`, `\\`, `\__` | the character itself, or both underscores |
//!
//! Braces without a bar or `$$` between them are no pattern, and stay: `{word}`. The words depend on the seed and the index
//! alone, in every version of zao.

mod choice;
mod fill;
mod parse;

use choice::Choice;
pub use fill::{FillError, FillProblem, WildcardFile, Wildcards};
use parse::Node;

/// A prompt with wildcards, read.
///
/// ```
/// use zao_prompt::Pattern;
///
/// let pattern = Pattern::parse("a {red|blue} cat").unwrap();
/// let prompt = pattern.expand(7, 0);
/// assert!(prompt == "a red cat" || prompt == "a blue cat");
/// assert_eq!(pattern.expand(7, 0), prompt);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Pattern(Vec<Node>);

/// A pattern that makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {problem}")]
pub struct WildcardError {
    /// Line in the text, from 1.
    pub line: usize,
    /// Character in the line, from 1.
    pub column: usize,
    /// What is wrong there.
    pub problem: WildcardProblem,
}

/// What is wrong with a pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WildcardProblem {
    /// A brace that nothing closes.
    #[error("this brace is never closed; close it, or write \\{{ for the character")]
    Unclosed,
    /// A brace that closes nothing.
    #[error("this brace closes nothing; write \\}} for the character")]
    Unopened,
    /// More to choose than there is.
    #[error("{wanted} are to be chosen of {there}; ask for fewer, or name more")]
    TooMany {
        /// How many, at most.
        wanted: usize,
        /// How many options there are that can be chosen.
        there: usize,
    },
    /// A range that goes down.
    #[error("the range {from}-{to} goes down; write the smaller number first")]
    Backwards {
        /// First number.
        from: usize,
        /// Second number.
        to: usize,
    },
    /// A weight that is no number.
    #[error("the weight {0:?} is no number from 0 to 1000000 with up to three decimals")]
    Weight(String),
    /// No option has a weight above 0.
    #[error("none of these can be chosen, for all weights are 0")]
    NoChoice,
    /// Patterns within patterns beyond all sense.
    #[error("braces lie more than {0} deep; take some out")]
    TooDeep(usize),
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// The first thing that makes no sense, with its place.
    pub fn parse(text: &str) -> Result<Self, WildcardError> {
        parse::parse(text).map(Self)
    }

    /// The pattern that stands for `text` as it is, whatever is in it.
    #[must_use]
    pub fn literal(text: &str) -> Self {
        Self(vec![Node::Text(text.into())])
    }

    /// The same pattern with the options of its lists in it.
    ///
    /// # Errors
    /// The first list that cannot be read, or makes no sense, with the place that it is asked for at.
    pub fn filled(&self, lists: &mut Wildcards<'_>) -> Result<Self, FillError> {
        lists.fill(&self.0).map(Self)
    }

    /// The prompt that the pattern stands for at `index` with `seed`; without wildcards, always the same. The name of a list that
    /// was not filled in stays as it is written.
    #[must_use]
    pub fn expand(&self, seed: u64, index: u64) -> String {
        let mut choice = Choice::new(seed, index);
        let mut prompt = String::new();
        write(&self.0, &mut choice, &mut prompt);
        prompt
    }

    /// Whether there is anything to choose.
    #[must_use]
    pub fn has_choices(&self) -> bool {
        self.0.iter().any(|node| !matches!(node, Node::Text(_)))
    }

    /// The names of the lists that were not filled in, as they follow each other.
    #[must_use]
    pub fn lists(&self) -> Vec<&str> {
        let mut names = Vec::new();
        collect(&self.0, &mut names);
        names
    }
}

fn collect<'p>(nodes: &'p [Node], names: &mut Vec<&'p str>) {
    for node in nodes {
        match node {
            Node::Text(_) => {}
            Node::List(named) => names.push(&named.name),
            Node::Group(group) => {
                group.options.iter().for_each(|option| collect(&option.nodes, names));
            }
        }
    }
}

fn write(nodes: &[Node], choice: &mut Choice, prompt: &mut String) {
    for node in nodes {
        match node {
            Node::Text(text) => prompt.push_str(text),
            Node::List(named) => prompt.push_str(&named.written),
            Node::Group(group) => {
                let count = choice.between(group.from, group.to);
                let weights = group.options.iter().map(|option| option.weight);
                for (at, chosen) in choice.some(count, weights).into_iter().enumerate() {
                    prompt.push_str(if at > 0 { &group.separator } else { "" });
                    write(&group.options[chosen].nodes, choice, prompt);
                }
            }
        }
    }
}

#[cfg(test)]
mod filling;
#[cfg(test)]
mod tests;
