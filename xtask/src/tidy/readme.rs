//! What the README tells a newcomer to type is what CI types: its first command draws a picture,
//! its second passes the tests. That they work is shown by CI, which runs them.

use super::{Fault, Rule};
use crate::Project;

/// CI runs the README's first two commands.
pub const RULE: Rule = Rule { name: "CI does what the README says", check };

const SCRIPT: &str = ".ci/run";

fn check(project: &Project) -> Vec<Fault> {
    let Some((readme, script)) = project.text("README.md").zip(project.text(SCRIPT)) else {
        return vec![Fault::new("README.md", format!("it or {SCRIPT} is missing"), "write both")];
    };
    let commands = commands(readme);
    let expected = [("first", "cargo run "), ("second", "cargo test ")];
    let mut faults = Vec::new();
    for (index, (nth, start)) in expected.into_iter().enumerate() {
        let command = commands.get(index).copied().unwrap_or("nothing");
        if !command.starts_with(start) {
            let what = format!("the {nth} command in a ```sh block is `{command}`");
            faults.push(Fault::new("README.md", what, format!("let `{start}...` come {nth}")));
        } else if !script.lines().any(|line| line.trim().starts_with(command)) {
            let what = format!("it does not run the README's {nth} command");
            faults.push(Fault::new(SCRIPT, what, format!("let a line begin with `{command}`")));
        }
    }
    faults
}

/// The cargo commands in the ```sh blocks, in order.
fn commands(readme: &str) -> Vec<&str> {
    let mut inside = false;
    let mut commands = Vec::new();
    for line in readme.lines().map(str::trim) {
        match line {
            "```sh" => inside = true,
            "```" => inside = false,
            command if inside && command.starts_with("cargo ") => commands.push(command),
            _ => {}
        }
    }
    commands
}

#[cfg(test)]
mod tests {
    use super::*;

    const README: &str = "Draw:\n```sh\n# first\ncargo run -- \"a cat\"\n```\n`cargo no`\n```sh\ncargo test --release\n```\n";

    fn faults(script: &str) -> Vec<Fault> {
        check(&Project::of(&[("README.md", README), (SCRIPT, script)]))
    }

    #[test]
    fn both_commands_must_be_run() {
        assert_eq!(faults("cargo test --release\ncargo run -- \"a cat\" --output x\n"), []);
        assert_eq!(faults("cargo test --release\n# cargo run -- \"a cat\"\n").len(), 1);
        assert_eq!(faults("").len(), 2);
    }

    #[test]
    fn another_order_is_a_fault() {
        let readme = "```sh\ncargo test\n```";
        let project = Project::of(&[("README.md", readme), (SCRIPT, "cargo test")]);
        assert_eq!(check(&project).len(), 2);
    }
}
