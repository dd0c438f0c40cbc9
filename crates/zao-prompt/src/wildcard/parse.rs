//! Reading patterns, and telling where one makes no sense. Nothing is chosen here.

use super::{WildcardError, WildcardProblem};

/// A piece of a pattern.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    Text(String),
    Group(Group),
}

/// Options, and how many of them are taken.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Group {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) separator: String,
    pub(super) options: Vec<Choosable>,
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

pub(super) fn parse(text: &str) -> Result<Vec<Node>, WildcardError> {
    let mut reader = Reader { text, at: 0 };
    let read = reader.sequence(0).and_then(|nodes| match reader.peek() {
        None => Ok(nodes),
        Some(_) => Err((reader.at, WildcardProblem::Unopened)),
    });
    read.map_err(|(at, problem)| {
        let before = &text[..at];
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|&c| c != '\n').count() + 1;
        WildcardError { line, column, problem }
    })
}

/// What is wrong, and at which byte.
type Wrong = (usize, WildcardProblem);

struct Reader<'t> {
    text: &'t str,
    /// The next byte.
    at: usize,
}

impl Reader<'_> {
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
        let separator = separator.unwrap_or_else(|| ", ".into());
        Ok(vec![Node::Group(Group { from, to, separator, options })])
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
