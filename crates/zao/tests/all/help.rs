//! Help and version: asked for, they are results; unasked, they are wrong use.

use crate::folder::Folder;

#[test]
fn help_is_a_result() {
    let folder = Folder::new();
    for (args, words) in [
        (
            &["--help"][..],
            &["generate", "bench", "convert", "info", "inspect", "loras", "models", "pull"][..],
        ),
        (&["-h"], &["generate", "bench", "info", "models", "pull"]),
        (&["bench", "--help"], &["forward", "text", "vae", "generate", "gemm"]),
        (&["bench", "forward", "--help"], &["--synthetic", "z-image-turbo", "adaLN", "--batch"]),
        (&["bench", "gemm", "--help"], &["--tokens", "separated by commas", "--json"]),
        (
            &["generate", "--help"],
            &[
                "PROMPT",
                "--seed",
                "--size",
                "--from",
                "result.png",
                "- for",
                "--image",
                "--mask",
                "768",
            ],
        ),
        (&["help", "pull"], &["z-image-turbo", "huggingface", "modelscope", "HF_ENDPOINT"]),
        (
            &["convert", "--help"],
            &["--to", "int8", "--model", "--transformer", "--output", "adaLN", "--quiet"],
        ),
        (
            &["generate", "--help"],
            &["--transformer", "--text-encoder", "--vae", "--tokenizer", "GGUF"],
        ),
        (&["bench", "scenarios", "--help"], &["--transformer", "--vae", "--vram"]),
        (&["generate", "--help"], &["--vram", "--ram", "7.5GiB", "streamed", "--text-encoder-on"]),
        (&["inspect", "--help"], &["FILE|FOLDER", "--model", "--json"]),
        (&["doctor", "--help"], &["--lang", "LC_ALL", "--json"]),
        (
            &["plan", "--help"],
            &["--card", "--vram", "--ram", "--text-encoder-on", "--batch", "--json"],
        ),
        (&["load", "--help"], &["sweep", "rate", "soak", "replay", "compare"]),
        (
            &["load", "sweep", "--help"],
            &["--url", "--speaks", "--clients", "--same-as-single", "--assert"],
        ),
        (&["info", "--help"], &["--json"]),
        (&["models", "--help"], &["--json"]),
    ] {
        let said = folder.run(args).ok();
        assert_eq!(said.err, "", "{args:?}");
        for word in words {
            assert!(said.text().contains(word), "no {word} in {}", said.text());
        }
        let widest = said.text().lines().map(|line| line.chars().count()).max();
        assert!(widest <= Some(100), "{args:?} is {widest:?} wide");
    }
}

#[test]
fn the_version_is_one_line() {
    let said = Folder::new().run(&["--version"]).ok();
    assert_eq!(said.text(), format!("zao {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn no_command_shows_what_there_is() {
    let said = Folder::new().run(&[]);
    assert_eq!((said.code, said.text()), (Some(2), ""));
    assert!(said.err.contains("generate") && said.err.contains("pull"), "{said:?}");
}
