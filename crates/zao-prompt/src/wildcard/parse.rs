//! Reading patterns, and telling where one makes no sense. Nothing is chosen here, and no list is looked for.

use std::sync::Arc;

use super::{WildcardError, WildcardProblem};

/// A piece of a pattern.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    Text(String),
    Group(Group),
    List(Named),
}

/// `__name__`: options that stand in a list elsewhere, and how many of them are taken.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Named {
    pub(super) name: String,
    /// As it stands in the pattern, for one that is never filled.
    pub(super) written: String,
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) separator: String,
    /// Where it stands, both from 1.
    pub(super) line: usize,
    pub(super) column: usize,
}

/// Options, and how many of them are taken.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Group {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) separator: String,
    /// Shared, since a list of ten thousand may stand in as many prompts.
    pub(super) options: Arc<[Choosable]>,
}

/// An option.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Choosable {
    /// In thousandths.
    pub(super) weight: u64,
    pub(super) nodes: Vec<Node>,
}

/// Nobody writes patterns deeper than this by hand; deeper ones would be a program's, and a danger to the stack.
const DEEPEST: usize = 50;

/// What an option weighs without a word about it, and at most.
const USUAL_WEIGHT: u64 = 1000;
const MOST_WEIGHT: u64 = 1_000_000 * USUAL_WEIGHT;

/// What stands between several that are chosen, unless the pattern says otherwise.
const USUAL_SEPARATOR: &str = ", ";

/// Reads a pattern.
pub(super) fn parse(text: &str) -> Result<Vec<Node>, WildcardError> {
    Reader::new(text).whole()
}

/// Reads a line of a list: perhaps a weight, then a pattern.
pub(super) fn option(line: &str) -> Result<Choosable, WildcardError> {
    let mut reader = Reader::new(line);
    let weight = reader.weight().map_err(|wrong| reader.error(wrong))?;
    let weight = weight.unwrap_or(USUAL_WEIGHT);
    Ok(Choosable { weight, nodes: reader.whole()? })
}

/// What is wrong, and at which byte.
type Wrong = (usize, WildcardProblem);

struct Reader<'t> {
    text: &'t str,
    /// The next byte.
    at: usize,
    place: Place,
}

/// A byte of the text, and its line and column; it only goes forward, so that all places together cost one pass.
struct Place {
    byte: usize,
    line: usize,
    column: usize,
}

impl Place {
    const BEGIN: Self = Self { byte: 0, line: 1, column: 1 };

    fn go_to(&mut self, byte: usize, text: &str) {
        for c in text[self.byte..byte].chars() {
            let next = if c == '\n' { (self.line + 1, 1) } else { (self.line, self.column + 1) };
            (self.line, self.column) = next;
        }
        self.byte = byte;
    }
}

impl<'t> Reader<'t> {
    fn new(text: &'t str) -> Self {
        Self { text, at: 0, place: Place::BEGIN }
    }

    /// Reads to the end.
    fn whole(&mut self) -> Result<Vec<Node>, WildcardError> {
        let read = self.sequence(0).and_then(|nodes| match self.peek() {
            None => Ok(nodes),
            Some(_) => Err((self.at, WildcardProblem::Unopened)),
        });
        read.map_err(|wrong| self.error(wrong))
    }

    fn error(&self, (at, problem): Wrong) -> WildcardError {
        let mut place = Place::BEGIN;
        place.go_to(at, self.text);
        WildcardError { line: place.line, column: place.column, problem }
    }

    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    /// Reads to the end, or within braces to the bar or brace that ends an option.
    fn sequence(&mut self, depth: usize) -> Result<Vec<Node>, Wrong> {
        let mut nodes = Vec::new();
        while let Some(c) = self.peek() {
            match c {
                '{' if depth >= DEEPEST => {
                    return Err((self.at, WildcardProblem::TooDeep(DEEPEST)));
                }
                '{' => self.group(depth + 1)?.into_iter().for_each(|node| push(&mut nodes, node)),
                '}' => return Ok(nodes),
                '|' if depth > 0 => return Ok(nodes),
                '\\' if self.text[self.at..].starts_with("\\__") => {
                    self.at += "\\__".len();
                    push(&mut nodes, Node::Text("__".into()));
                }
                '_' if self.name().is_some() => nodes.push(Node::List(self.named())),
                _ => {
                    let c = self.character(c);
                    push_char(&mut nodes, c);
                }
            }
        }
        Ok(nodes)
    }

    /// The next character, which is `c`, or what its escape stands for.
    fn character(&mut self, c: char) -> char {
        self.at += c.len_utf8();
        match self.peek() {
            Some(escaped @ ('{' | '}' | '|' | '\\')) if c == '\\' => {
                self.at += escaped.len_utf8();
                escaped
            }
            _ => c,
        }
    }

    /// The name between two pairs of underscores, if one begins here: letters and digits of any language, and what paths and
    /// patterns of paths are made of.
    fn name(&self) -> Option<&'t str> {
        let rest = self.text[self.at..].strip_prefix("__")?;
        let name = &rest[..rest.find("__")?];
        let is_of_names = |c: char| c.is_alphanumeric() || "_-+./*".contains(c);
        let is_name = !name.is_empty() && !name.starts_with('_') && name.chars().all(is_of_names);
        is_name.then_some(name)
    }

    /// Reads `__name__`, which is known to be there.
    fn named(&mut self) -> Named {
        let name = self.name().unwrap_or_default();
        self.place.go_to(self.at, self.text);
        let begin = self.at;
        self.at += name.len() + "____".len();
        Named {
            name: name.to_owned(),
            written: self.text[begin..self.at].to_owned(),
            from: 1,
            to: 1,
            separator: USUAL_SEPARATOR.into(),
            line: self.place.line,
            column: self.place.column,
        }
    }

    /// Reads what begins with a brace: a group, or the same text if there is nothing to choose.
    fn group(&mut self, depth: usize) -> Result<Vec<Node>, Wrong> {
        let brace = self.at;
        self.at += 1;
        let count = self.count();
        let separator = count.and_then(|_| self.separator());
        let mut options = Vec::new();
        let mut weighed = false;
        loop {
            let weight = self.weight()?;
            weighed |= weight.is_some();
            let nodes = self.sequence(depth)?;
            options.push(Choosable { weight: weight.unwrap_or(USUAL_WEIGHT), nodes });
            match self.peek() {
                Some('|') => self.at += 1,
                Some(_) => break,
                None => return Err((brace, WildcardProblem::Unclosed)),
            }
        }
        self.at += 1;
        if count.is_none() && !weighed && options.len() == 1 {
            let mut nodes = vec![Node::Text("{".into())];
            options
                .into_iter()
                .flat_map(|option| option.nodes)
                .for_each(|node| push(&mut nodes, node));
            push_char(&mut nodes, '}');
            return Ok(nodes);
        }
        let (from, to) = count.unwrap_or((1, 1));
        let separator = separator.unwrap_or_else(|| USUAL_SEPARATOR.into());
        // `{2$$__name__}` is two of the list, not two of one option.
        if let [Choosable { nodes, .. }] = &options[..]
            && let [Node::List(named)] = &nodes[..]
            && (named.from, named.to, weighed) == (1, 1, false)
            && from <= to
        {
            let written = self.text[brace..self.at].to_owned();
            return Ok(vec![Node::List(Named { written, from, to, separator, ..named.clone() })]);
        }
        let there = options.iter().filter(|option| option.weight > 0).count();
        let problem = if from > to {
            Some(WildcardProblem::Backwards { from, to })
        } else if there == 0 {
            Some(WildcardProblem::NoChoice)
        } else if to > there {
            Some(WildcardProblem::TooMany { wanted: to, there })
        } else {
            None
        };
        if let Some(problem) = problem {
            return Err((brace, problem));
        }
        Ok(vec![Node::Group(Group { from, to, separator, options: options.into() })])
    }

    /// `2$$` or `1-3$$`.
    fn count(&mut self) -> Option<(usize, usize)> {
        let rest = &self.text[self.at..];
        let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
        let first = digits(rest);
        let from: usize = rest[..first].parse().ok()?;
        let (to, end) = match rest[first..].strip_prefix('-') {
            Some(more) => {
                let second = digits(more);
                (more[..second].parse().ok()?, first + 1 + second)
            }
            None => (from, first),
        };
        if !rest[end..].starts_with("$$") {
            return None;
        }
        self.at += end + "$$".len();
        Some((from, to))
    }

    /// What stands before another `$$`, unless an option begins or ends before that.
    fn separator(&mut self) -> Option<String> {
        let begin = self.at;
        let mut separator = String::new();
        while let Some(c) = self.peek() {
            if self.text[self.at..].starts_with("$$") {
                self.at += "$$".len();
                return Some(separator);
            }
            if matches!(c, '{' | '}' | '|') {
                break;
            }
            separator.push(self.character(c));
        }
        self.at = begin;
        None
    }

    /// `3::` or `0.5::`.
    fn weight(&mut self) -> Result<Option<u64>, Wrong> {
        let rest = &self.text[self.at..];
        let length = rest.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b'.').count();
        if length == 0 || !rest[length..].starts_with("::") {
            return Ok(None);
        }
        let number = &rest[..length];
        let weight = thousandths(number).filter(|weight| *weight <= MOST_WEIGHT);
        let weight = weight.ok_or_else(|| (self.at, WildcardProblem::Weight(number.into())))?;
        self.at += length + "::".len();
        Ok(Some(weight))
    }
}

/// A decimal number in thousandths.
fn thousandths(number: &str) -> Option<u64> {
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    if part.len() > 3 || part.contains('.') || whole.is_empty() {
        return None;
    }
    let whole: u64 = whole.parse().ok()?;
    let part: u64 = format!("{part:0<3}").parse().ok()?;
    whole.checked_mul(1000)?.checked_add(part)
}

/// Puts a node behind others; texts that meet are one.
fn push(nodes: &mut Vec<Node>, node: Node) {
    match (nodes.last_mut(), node) {
        (Some(Node::Text(before)), Node::Text(text)) => before.push_str(&text),
        (_, node) => nodes.push(node),
    }
}

fn push_char(nodes: &mut Vec<Node>, c: char) {
    match nodes.last_mut() {
        Some(Node::Text(text)) => text.push(c),
        _ => nodes.push(Node::Text(c.into())),
    }
}
