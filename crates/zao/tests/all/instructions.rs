//! `ZAO_CPU`: which instructions of the processor are used.

use crate::folder::Folder;
use crate::said::Said;

#[test]
fn instructions_can_be_chosen_and_are_recorded() {
    let folder = Folder::new();
    for (name, recorded) in [("portable", "cpu (no vector"), ("avx2", "cpu (AVX2 and FMA")] {
        if name == "avx2" && !has_avx2() {
            continue;
        }
        let generate = ["generate", "a cat", "--steps", "1", "--size", "64x64", "--seed", "1"];
        Said::of(folder.zao().env("ZAO_CPU", name).args(generate)).ok();
        let info = folder.run(&["info", "result.png", "--json"]).ok();
        if cfg!(target_arch = "x86_64") {
            assert!(info.text().contains(recorded), "{name}: {}", info.text());
        }
    }
}

#[test]
fn instructions_nobody_has_are_refused_with_those_there_are() {
    let folder = Folder::new();
    let generate = ["generate", "a cat"];
    let said = Said::of(folder.zao().env("ZAO_CPU", "mmx").args(generate));
    said.complains(2, &["ZAO_CPU", "mmx", "avx512-bf16, avx512, avx2, portable"]);
}

fn has_avx2() -> bool {
    #[cfg(target_arch = "x86_64")]
    return is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
    #[cfg(not(target_arch = "x86_64"))]
    false
}
