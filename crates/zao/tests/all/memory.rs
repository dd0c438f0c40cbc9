//! Bounds on memory: what does not fit is refused with what to do, and what says nothing is told.

use crate::folder::Folder;

#[test]
fn main_memory_bounds_the_processor_and_card_memory_says_nothing_of_it() {
    let folder = Folder::new();
    let draw = ["generate", "an owl", "--device", "cpu", "--size", "64x64", "--steps", "1"];
    let short = folder.run(&[&draw[..], &["--ram", "5M"]].concat());
    short.complains(1, &["64x64", "weights alone need", "raise the memory limit"]);
    let said = folder.run(&[&draw[..], &["--ram", "8G", "--vram", "1G"]].concat()).ok();
    assert!(said.err.contains("--vram") && said.err.contains("--ram"), "{}", said.err);
}
