//! `--from`: the same picture again, or a variation, or a clear word why not.

use std::fs::{self, File};
use std::path::Path;

use crate::folder::{Folder, SMALL};
use crate::model_file::{self, Weights};
use crate::said::{NOTICE, Said};

/// A black picture with texts, as other tools write them.
pub(crate) fn foreign_png(path: &Path, texts: &[(&str, &str)]) {
    let mut encoder = png::Encoder::new(File::create(path).unwrap(), 8, 8);
    for (keyword, text) in texts {
        encoder.add_text_chunk((*keyword).into(), (*text).into()).unwrap();
    }
    encoder.write_header().unwrap().write_image_data(&[0; 64]).unwrap();
}

/// Which instructions `ZAO_CPU` should name, so that two processes take the same. Where there is one for bf16, each process measures
/// whether it is faster, and on a machine that does other things they may differ.
fn instructions() -> Option<&'static str> {
    #[cfg(target_arch = "x86_64")]
    return is_x86_feature_detected!("avx512bf16").then_some("avx512-bf16");
    #[cfg(not(target_arch = "x86_64"))]
    None
}

#[test]
fn every_kind_of_picture_is_drawn_again_bit_for_bit() {
    let folder = Folder::new();
    let guided = ["--guidance", "2.5", "--negative", "blue"];
    let tuned = ["--cfg-normalization", "0.7", "--cfg-truncation", "0.6"];
    let zao = |args: &[&str]| {
        let mut zao = folder.zao();
        zao.args(args).envs(instructions().map(|name| ("ZAO_CPU", name)));
        Said::of(&mut zao).ok()
    };
    for args in [
        &["--seed", "42"][..],
        &[],
        &["--steps", "3"],
        &["--rng", "nv"],
        &["--precision", "bf16"],
        &["--seed", "18446744073709551615"],
        &guided,
        &[guided, tuned].concat(),
    ] {
        zao(&[&SMALL, args].concat());
        let said = zao(&["generate", "--from", "result.png", "--output", "again.png"]);
        assert_eq!(said.err, "", "{args:?}");
        assert_eq!(folder.pixels("again.png"), folder.pixels("result.png"), "{args:?}");
        // The recipe is the same too, or the third picture would not be.
        assert_eq!(folder.bytes("again.png"), folder.bytes("result.png"), "{args:?}");
    }
    folder.run(&["generate", "two cats", "--size", "96x32"]).ok();
    let first = folder.bytes("result.png");
    folder.run(&["generate", "--from", "result.png"]).ok();
    assert_eq!(folder.bytes("result.png"), first, "in its own place");
}

/// Bit for bit on a processor with the same instructions; elsewhere `zao` says that pixels may differ,
/// and then they may by what rounding makes of the last bits.
#[test]
fn the_first_picture_of_the_readme_is_what_the_demo_model_draws() {
    let folder = Folder::new();
    let shown = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/images/apple.png");
    fs::copy(shown, folder.path("shown.png")).unwrap();
    let from = ["generate", "--from", "shown.png", "--output", "again.png"];
    let said = folder.run(&from).ok();
    let (shown, again) = (folder.pixels("shown.png"), folder.pixels("again.png"));
    if said.err.is_empty() {
        assert_eq!(again, shown);
        return;
    }
    assert!(said.err.contains("pixels may differ") && said.err.lines().count() == 1, "{said:?}");
    let far = again.pixels.iter().zip(&shown.pixels).map(|(a, b)| a.abs_diff(*b)).max();
    assert!(far.unwrap() <= 8, "{far:?} levels off");
}

#[test]
fn one_of_several_is_drawn_again_alone() {
    let folder = Folder::new();
    folder.draw(&["--count", "3"]).ok();
    folder.run(&["generate", "--from", "result-2.png", "--output", "again.png"]).ok();
    assert_eq!(folder.bytes("again.png"), folder.bytes("result-2.png"));
}

#[test]
fn options_vary_the_picture() {
    let folder = Folder::new();
    folder.draw(&["--seed", "1"]).ok();
    folder.draw(&["--seed", "2", "--output", "two.png"]).ok();
    let from = ["generate", "--from", "result.png", "--output", "new.png"];
    let seed = ["--seed", "2"];
    folder.run(&[&from[..], &seed].concat()).ok();
    assert_eq!(folder.bytes("new.png"), folder.bytes("two.png"));
    folder.run(&[&from[..], &["--size", "32x96"]].concat()).ok();
    assert_eq!(folder.pixels("new.png").height, 96);
    folder.run(&[&from[..], &["a green apple"]].concat()).ok();
    assert_ne!(folder.pixels("new.png"), folder.pixels("result.png"));
    let said = folder.run(&[&from[..], &["--precision", "bf16"]].concat()).ok();
    assert_eq!(said.err, "zao: the picture was drawn in f32, this is bf16; pixels will differ\n");
}

#[test]
fn settings_of_other_tools_are_taken_with_a_warning() {
    let folder = Folder::new();
    let parameters = "a red apple\nNegative prompt: grey\n\
                      Steps: 2, Sampler: Euler a, CFG scale: 1, Seed: 5, Size: 64x64, Model: other";
    foreign_png(&folder.path("a.png"), &[("parameters", parameters)]);
    let said = folder.run(&["generate", "--from", "a.png"]).ok();
    let warning = said.err.strip_suffix(NOTICE).unwrap_or_else(|| panic!("{said:?}"));
    assert!(warning.starts_with("zao: ") && warning.contains("another tool"), "{said:?}");
    assert_eq!((warning.lines().count(), said.seeds()), (1, vec![5]));
    folder.draw(&["--seed", "5", "--steps", "2", "--output", "b.png"]).ok();
    assert_eq!(folder.pixels("result.png"), folder.pixels("b.png"));

    let odd = parameters.replace("64x64", "65x64");
    foreign_png(&folder.path("a.png"), &[("parameters", &odd)]);
    folder.run(&["generate", "--from", "a.png"]).complains(2, &["65x64", "64x64"]);
}

#[test]
fn pictures_that_tell_nothing_are_refused() {
    let folder = Folder::new();
    foreign_png(&folder.path("a.png"), &[("Author", "somebody")]);
    folder.run(&["generate", "--from", "a.png"]).complains(1, &["a.png", "does not say how"]);
    fs::write(folder.path("b.png"), "text").unwrap();
    folder.run(&["generate", "--from", "b.png"]).complains(1, &["b.png", "PNG"]);
    folder.run(&["generate", "--from", "c.png"]).complains(1, &["c.png", "No such file"]);
    let future = r#"{"zao": 2, "prompt": "x"}"#;
    foreign_png(&folder.path("d.png"), &[("zao", future)]);
    folder.run(&["generate", "--from", "d.png"]).complains(1, &["d.png", "another version"]);
    assert_eq!(folder.names(), ["a.png", "b.png", "d.png"]);
}

#[test]
fn the_model_of_the_recipe_is_looked_for_by_name_and_compared_by_content() {
    let folder = Folder::new();
    let model = folder.aside("mine");
    model_file::place(&model);
    let file = model.join("vae/diffusion_pytorch_model.safetensors");
    let mut weights = Weights::read(&file);
    weights.tensor("decoder.conv_in.bias")[0] ^= 1;
    model_file::replace(&file, weights.to_bytes());

    let model = model.to_str().unwrap();
    folder.draw(&["--model", model]).ok();
    let from = ["generate", "--from", "result.png", "--output", "again.png"];
    folder.run(&from).complains(2, &["mine", "not installed", "--model"]);
    let said = folder.run(&[&from[..], &["--model", model]].concat()).ok();
    assert_eq!(said.err, "");
    assert_eq!(folder.bytes("again.png"), folder.bytes("result.png"));
    let said = folder.run(&[&from[..], &["--model", "demo"]].concat()).ok();
    assert!(said.err.contains("mine") && said.err.contains("other weights"), "{said:?}");
    assert_eq!(said.err.lines().count(), 1);
}
