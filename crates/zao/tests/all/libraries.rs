//! `ZAO_CUDA_LIBRARIES`: which of NVIDIA's libraries are used. What they do is tested in zao-cuda.

use crate::folder::Folder;
use crate::said::Said;

#[test]
fn a_wrong_word_is_refused_with_those_there_are() {
    let folder = Folder::new();
    let generate = ["generate", "a cat"];
    let said = Said::of(folder.zao().env("ZAO_CUDA_LIBRARIES", "some").args(generate));
    said.complains(2, &["ZAO_CUDA_LIBRARIES", "some", "auto, always, off"]);
}
