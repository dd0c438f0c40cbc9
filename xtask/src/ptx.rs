//! PTX with its registers numbered as they appear. The compiler numbers some of them by where its own memory happens
//! to lie, so that two runs of it differ in nothing else; what is compared has to be the same each time.

use std::collections::HashMap;
use std::fmt::Write;

/// `ptx` with the registers of each function renumbered, class by class, in the order in which they are first named.
#[must_use]
pub(crate) fn canonical(ptx: &str) -> String {
    let mut out = String::with_capacity(ptx.len());
    let mut registers = Registers::default();
    for line in ptx.split_inclusive('\n') {
        if line.contains(".entry ") || line.contains(".func ") {
            registers = Registers::default();
        }
        let mut rest = line;
        while let Some(at) = rest.find('%') {
            let (before, name) = rest.split_at(at);
            out.push_str(before);
            let class =
                1 + name[1..].find(|c: char| !c.is_ascii_lowercase()).unwrap_or(name.len() - 1);
            let digits =
                name[class..].find(|c: char| !c.is_ascii_digit()).unwrap_or(name.len() - class);
            let end = class + digits;
            // A special register (`%tid.x`) has no number, a declaration (`%r<7>`) only a count.
            if digits == 0 || class == 1 {
                out.push_str(&name[..end]);
            } else {
                let number = registers.number(&name[1..class], &name[class..end]);
                let _ = write!(out, "{}{number}", &name[..class]);
            }
            rest = &name[end..];
        }
        out.push_str(rest);
    }
    out
}

/// The new numbers of a function's registers.
#[derive(Default)]
struct Registers {
    numbers: HashMap<(String, String), usize>,
    given: HashMap<String, usize>,
}

impl Registers {
    fn number(&mut self, class: &str, old: &str) -> usize {
        let given = self.given.entry(class.into()).or_insert(0);
        // They begin at 1, as the compiler's do.
        *self.numbers.entry((class.into(), old.into())).or_insert_with(|| {
            *given += 1;
            *given
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_follow_the_first_use_of_each_class_in_each_function() {
        let ptx = ".visible .entry a(\n.reg .b32 %r<9>;\nadd.s32 %r7, %r3, %r7;\nmov.u32 %r3, %tid.x;\n\
                   add.s64 %rd5, %rd5, %rd2;\n.visible .entry b(\nmov.u32 %r3, 0; // 100 %\n";
        let expected = ".visible .entry a(\n.reg .b32 %r<9>;\nadd.s32 %r1, %r2, %r1;\nmov.u32 %r2, %tid.x;\n\
                        add.s64 %rd1, %rd1, %rd2;\n.visible .entry b(\nmov.u32 %r1, 0; // 100 %\n";
        assert_eq!(canonical(ptx), expected);
        assert_eq!(canonical(expected), expected);
    }
}
