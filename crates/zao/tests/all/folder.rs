//! A folder to run `zao` in, with nothing of the machine around it. It does NOT know what is drawn.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;
use zao_png::RgbImage;

use crate::said::Said;

/// Arguments of a picture that takes no time.
pub(crate) const SMALL: [&str; 4] = ["generate", "a red apple", "--size", "64x64"];

/// An empty working folder, a home, and a place for models.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        for part in ["work", "home", "zao"] {
            fs::create_dir(folder.0.path().join(part)).unwrap();
        }
        folder
    }

    /// `program` in the working folder, with an environment that knows the home and nothing else.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.0.path().join("work")).env_clear();
        command.env("HOME", self.0.path().join("home"));
        command.env("ZAO_HOME", self.0.path().join("zao"));
        command
    }

    pub(crate) fn zao(&self) -> Command {
        self.command(env!("CARGO_BIN_EXE_zao"))
    }

    pub(crate) fn run(&self, args: &[&str]) -> Said {
        Said::of(self.zao().args(args))
    }

    /// Draws the small picture, with further arguments.
    pub(crate) fn draw(&self, args: &[&str]) -> Said {
        self.run(&[&SMALL, args].concat())
    }

    /// A path in the working folder.
    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.0.path().join("work").join(name)
    }

    /// A path outside the working folder, for what is given to `zao` and not made by it.
    pub(crate) fn aside(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The folder of the installed model `name`.
    pub(crate) fn installed(&self, name: &str) -> PathBuf {
        self.0.path().join("zao/models").join(name)
    }

    /// All names in the working folder, hidden ones too.
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path("")).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into()).collect();
        names.sort();
        names
    }

    pub(crate) fn bytes(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    pub(crate) fn pixels(&self, name: &str) -> RgbImage {
        zao_png::decode_rgb(&self.bytes(name)).unwrap()
    }
}

/// Runs a command that is not `zao` and must succeed.
pub(crate) fn succeed(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
    output
}
