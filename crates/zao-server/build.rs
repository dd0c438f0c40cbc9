//! Finds the page that goes into the binary: `$ZAO_PAGE_DIST`, or `web/dist` if it was built, or one file that says how to build it, so
//! that a bare `cargo build` needs no Node.

use std::path::{Path, PathBuf};
use std::{env, fs};

const STUB: &str = "<!-- zao: not built -->\n<!doctype html><meta charset=\"utf-8\"><title>zao</title>\n\
<p>The page is not in this binary. Build it with <code>cargo xtask web</code>, and zao again. The interface works without it: \
<a href=\"/v1/capabilities\">/v1/capabilities</a>.</p>\n";

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let built = root.join("web/dist");
    println!("cargo::rerun-if-env-changed=ZAO_PAGE_DIST");
    println!("cargo::rerun-if-changed={}", built.display());
    let given = env::var_os("ZAO_PAGE_DIST").map(PathBuf::from);
    let page = given.or_else(|| built.join("index.html").exists().then_some(built));
    let page = page.unwrap_or_else(|| {
        let stub = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it")).join("page");
        fs::create_dir_all(&stub).expect("a folder can be made in OUT_DIR");
        fs::write(stub.join("index.html"), STUB).expect("a file can be written to OUT_DIR");
        stub
    });
    println!("cargo::rustc-env=ZAO_PAGE={}", page.display());
}
