//! Lists that patterns name: `__colour__` is one line of the list `colour`. Their lines are read, and put into patterns; where lists
//! lie is NOT known here.

use std::collections::HashMap;
use std::sync::Arc;

use super::parse::{self, Choosable, Group, Named, Node};
use super::{WildcardError, WildcardProblem};

/// A list: one option a line, which may begin with a weight (`3::red`) and is a pattern. Blank lines and those that begin with `#`
/// are none; `\#` begins an option with that character.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WildcardFile {
    /// What messages call it.
    pub name: String,
    /// Its content.
    pub text: String,
}

/// The lists that patterns are filled from. Each is read once.
///
/// ```
/// use zao_prompt::{Pattern, WildcardFile, Wildcards};
///
/// let mut lists = Wildcards::new(|name| {
///     Ok(vec![WildcardFile { name: format!("{name}.txt"), text: "red\nblue\n".into() }])
/// });
/// let pattern = Pattern::parse("a __colour__ cat").unwrap().filled(&mut lists).unwrap();
/// assert_eq!(pattern, Pattern::parse("a {red|blue} cat").unwrap());
/// ```
pub struct Wildcards<'r> {
    read: Box<Read<'r>>,
    known: HashMap<String, List>,
    /// The lists that are being read, each named by the one before.
    path: Vec<String>,
}

/// The files behind a name, or in words why there are none.
type Read<'r> = dyn FnMut(&str) -> Result<Vec<WildcardFile>, String> + 'r;

/// A list that was read, and all lists that it names.
#[derive(Clone)]
struct List {
    options: Arc<[Choosable]>,
    /// Bytes of the longest text that an option can become, at most.
    longest: usize,
}

/// A pattern that cannot be filled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}line {line}, column {column}: {problem}", file.as_ref().map(|file| format!("{file}, ")).unwrap_or_default())]
pub struct FillError {
    /// The list that it is in, if it is not in the pattern itself.
    pub file: Option<String>,
    /// Line there, from 1.
    pub line: usize,
    /// Character in the line, from 1.
    pub column: usize,
    /// What is wrong there.
    pub problem: FillProblem,
}

/// What is wrong with a list.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FillProblem {
    /// A line that is no pattern, or more to choose than the list has.
    #[error(transparent)]
    Pattern(#[from] WildcardProblem),
    /// In the words of whoever reads lists.
    #[error("{0}")]
    Unreadable(String),
    /// A list that leads back to itself.
    #[error("these lists name each other in a circle: {}", .0.join(" -> "))]
    Circle(Vec<String>),
    /// No line of it is an option.
    #[error("the list {0} has no options; write one a line")]
    Empty(String),
    /// Lists that name lists beyond all sense.
    #[error("lists name each other more than {0} deep; take some out")]
    TooDeep(usize),
    /// Lists that double what others double would be longer than any memory.
    #[error("with this the prompt could be longer than {0} bytes; take some lists out")]
    TooLong(usize),
}

/// Lists within lists; as for braces, deeper ones would be a danger to the stack.
const DEEPEST: usize = 50;

/// Bytes of a prompt with its lists filled in. The text encoder reads about 2000 of them.
const LONGEST: usize = 1 << 20;

/// Where a pattern stands: a file, and how many lines and characters of it come before.
#[derive(Clone, Copy)]
struct Within<'t> {
    file: Option<&'t str>,
    lines: usize,
    characters: usize,
}

impl Within<'_> {
    fn wrong(self, (line, column): (usize, usize), problem: FillProblem) -> FillError {
        let before = if line == 1 { self.characters } else { 0 };
        let file = self.file.map(str::to_owned);
        FillError { file, line: self.lines + line, column: before + column, problem }
    }
}

impl<'r> Wildcards<'r> {
    /// The lists that `read` finds: all files that a name means, or in words why there are none.
    pub fn new(read: impl FnMut(&str) -> Result<Vec<WildcardFile>, String> + 'r) -> Self {
        Self { read: Box::new(read), known: HashMap::new(), path: Vec::new() }
    }

    pub(super) fn fill(&mut self, nodes: &[Node]) -> Result<Vec<Node>, FillError> {
        self.path.clear();
        Ok(self.nodes(nodes, Within { file: None, lines: 0, characters: 0 })?.0)
    }

    /// Nodes with their lists in them, and how long they may become.
    fn nodes(
        &mut self,
        nodes: &[Node],
        within: Within<'_>,
    ) -> Result<(Vec<Node>, usize), FillError> {
        let mut longest = 0_usize;
        let mut filled = Vec::with_capacity(nodes.len());
        for node in nodes {
            let (node, length) = match node {
                Node::Text(text) => (node.clone(), text.len()),
                Node::Group(group) => self.group(group, within)?,
                Node::List(named) => {
                    let (group, length) = self.named(named, within)?;
                    if longest.saturating_add(length) > LONGEST {
                        let place = (named.line, named.column);
                        return Err(within.wrong(place, FillProblem::TooLong(LONGEST)));
                    }
                    (group, length)
                }
            };
            longest = longest.saturating_add(length);
            filled.push(node);
        }
        Ok((filled, longest))
    }

    fn group(&mut self, group: &Group, within: Within<'_>) -> Result<(Node, usize), FillError> {
        let mut longest = 0;
        let mut options = Vec::with_capacity(group.options.len());
        for Choosable { weight, nodes } in group.options.iter() {
            let (nodes, length) = self.nodes(nodes, within)?;
            longest = longest.max(length);
            options.push(Choosable { weight: *weight, nodes });
        }
        let length = several(longest, group.to, &group.separator);
        Ok((Node::Group(Group { options: options.into(), ..group.clone() }), length))
    }

    /// The list that is named, as a group.
    fn named(&mut self, named: &Named, within: Within<'_>) -> Result<(Node, usize), FillError> {
        let Named { name, from, to, separator, line, column, .. } = named;
        let wrong = |problem| within.wrong((*line, *column), problem);
        let List { options, longest } = match self.known.get(name) {
            Some(list) => list.clone(),
            None => self.list(name, wrong)?,
        };
        let there = options.iter().filter(|option| option.weight > 0).count();
        if there == 0 {
            return Err(wrong(WildcardProblem::NoChoice.into()));
        }
        if *to > there {
            return Err(wrong(WildcardProblem::TooMany { wanted: *to, there }.into()));
        }
        let length = several(longest, *to, separator);
        let (from, to, separator) = (*from, *to, separator.clone());
        Ok((Node::Group(Group { from, to, separator, options }), length))
    }

    /// Reads a list, and those that it names; what is wrong with the name is `wrong` where it stands.
    fn list(
        &mut self,
        name: &str,
        wrong: impl Fn(FillProblem) -> FillError,
    ) -> Result<List, FillError> {
        if let Some(first) = self.path.iter().position(|before| before == name) {
            let circle = self.path[first..].iter().map(String::as_str).chain([name]);
            return Err(wrong(FillProblem::Circle(circle.map(str::to_owned).collect())));
        }
        if self.path.len() >= DEEPEST {
            return Err(wrong(FillProblem::TooDeep(DEEPEST)));
        }
        let files = (self.read)(name).map_err(|why| wrong(FillProblem::Unreadable(why)))?;
        self.path.push(name.to_owned());
        let mut options = Vec::new();
        let mut longest = 0;
        for file in &files {
            for (within, line) in lines(file) {
                let Choosable { weight, nodes } = parse::option(line).map_err(|error| {
                    let WildcardError { line, column, problem } = error;
                    within.wrong((line, column), problem.into())
                })?;
                let (nodes, length) = self.nodes(&nodes, within)?;
                longest = longest.max(length);
                options.push(Choosable { weight, nodes });
            }
        }
        self.path.pop();
        if options.is_empty() {
            return Err(wrong(FillProblem::Empty(name.to_owned())));
        }
        let list = List { options: options.into(), longest };
        self.known.insert(name.to_owned(), list.clone());
        Ok(list)
    }
}

/// The lines of a file that are options, each with its place.
fn lines(file: &WildcardFile) -> impl Iterator<Item = (Within<'_>, &str)> {
    let text = file.text.strip_prefix('\u{feff}').unwrap_or(&file.text);
    text.lines().enumerate().filter_map(|(index, line)| {
        let shown = line.trim();
        if shown.is_empty() || shown.starts_with('#') {
            return None;
        }
        let option = shown.strip_prefix('\\').filter(|rest| rest.starts_with('#')).unwrap_or(shown);
        let before = &line[..line.trim_end().len() - option.len()];
        let characters = before.chars().count();
        Some((Within { file: Some(&file.name), lines: index, characters }, option))
    })
}

/// Bytes of `count` texts of at most `longest`.
fn several(longest: usize, count: usize, separator: &str) -> usize {
    longest.saturating_add(separator.len()).saturating_mul(count)
}
