//! Finds the page that goes into the binary: `$ZAO_PAGE_DIST`, or `web/dist` if it was built, or one file that says how to build it, so
//! that a bare `cargo build` needs no Node. What it finds becomes a table of names and bytes.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

const STUB: &str = "<!-- zao: not built -->\n<!doctype html><meta charset=\"utf-8\"><title>zao</title>\n\
<p>The page is not in this binary. Build it with <code>cargo xtask web</code>, and zao again. The interface works without it: \
<a href=\"/v1/capabilities\">/v1/capabilities</a>.</p>\n";

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    let built = root.join("web/dist");
    println!("cargo::rerun-if-env-changed=ZAO_PAGE_DIST");
    make_watchable(&built);
    println!("cargo::rerun-if-changed={}", built.display());
    let given = env::var_os("ZAO_PAGE_DIST").map(PathBuf::from);
    let page = given.or_else(|| built.join("index.html").exists().then_some(built));
    println!("cargo::rerun-if-env-changed=ZAO_RELEASE");
    let page = match page {
        Some(page) => page.canonicalize()?,
        None if env::var_os("ZAO_RELEASE").is_some() => {
            return Err("a release needs its page: run `cargo xtask web` first".into());
        }
        None => stub(&out)?,
    };
    let mut files = Vec::new();
    list(&page, &mut files)?;
    files.sort();
    let row = |path: &PathBuf| -> Result<String, Box<dyn Error>> {
        let name = path.strip_prefix(&page)?.to_str().ok_or("a name that is no text")?;
        Ok(format!("    ({:?}, include_bytes!({path:?})),\n", name.replace('\\', "/")))
    };
    let rows = files.iter().map(row).collect::<Result<String, _>>()?;
    fs::write(out.join("page.rs"), format!("&[\n{rows}]\n"))?;
    Ok(())
}

/// Makes an empty folder where the page was not built. Cargo takes a path that is missing for one that changed, and would compile this crate, and
/// all that are above it, at every call. Where it cannot be made, cargo does so.
fn make_watchable(built: &Path) {
    let made = built.parent().is_some_and(Path::is_dir) && fs::create_dir(built).is_ok();
    // Older than this build, or the next one would find it changed.
    if made && let Ok(folder) = fs::File::open(built) {
        let _ = folder.set_modified(std::time::SystemTime::UNIX_EPOCH);
    }
}

fn stub(out: &Path) -> Result<PathBuf, Box<dyn Error>> {
    let folder = out.join("page");
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("index.html"), STUB)?;
    Ok(folder)
}

fn list(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            list(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}
