//! What victims were told, written down at once: a line is there if and only if the ledger answered before. A line that a kill cut short
//! does not count.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// The pen of a victim.
pub(crate) struct Pen(Mutex<File>);

/// What all victims so far were told.
#[derive(Debug, Default)]
pub(crate) struct Diary {
    /// Keys that were about to be submitted.
    pub(crate) tried: BTreeSet<String>,
    /// The job that each key was told to be.
    pub(crate) accepted: BTreeMap<String, String>,
    /// Jobs that were completed.
    pub(crate) completed: BTreeSet<String>,
    /// Jobs that waited and were cancelled.
    pub(crate) cancelled: BTreeSet<String>,
    /// The picture at each place of a job.
    pub(crate) pictures: BTreeMap<(String, u32), String>,
}

fn path(folder: &Path) -> PathBuf {
    folder.join("diary")
}

impl Pen {
    pub(crate) fn new(folder: &Path) -> Self {
        let file = OpenOptions::new().append(true).create(true).open(path(folder));
        Self(Mutex::new(file.expect("the diary can be opened")))
    }

    pub(crate) fn write(&self, line: &str) {
        let mut file = self.0.lock().expect("no victim panics");
        file.write_all(format!("{line}\n").as_bytes()).expect("the diary can be written");
    }
}

impl Diary {
    /// Bytes that were written so far.
    pub(crate) fn length(folder: &Path) -> u64 {
        fs::metadata(path(folder)).map_or(0, |file| file.len())
    }

    pub(crate) fn read(folder: &Path) -> Self {
        let text = fs::read_to_string(path(folder)).unwrap_or_default();
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        let mut diary = Self::default();
        for line in whole.lines() {
            diary.add(line);
        }
        diary
    }

    fn add(&mut self, line: &str) {
        match line.split(' ').collect::<Vec<_>>()[..] {
            ["try", key] => {
                self.tried.insert(key.into());
            }
            ["accepted", key, job] => {
                let before = self.accepted.insert(key.into(), job.into());
                assert!(before.is_none_or(|before| before == job), "{key} made two jobs");
            }
            ["picture", job, index, image] => {
                let index = index.parse().expect("an index is a number");
                let before = self.pictures.insert((job.into(), index), image.into());
                assert!(before.is_none_or(|before| before == image), "{job} was drawn twice");
            }
            ["completed", job] => {
                assert!(self.completed.insert(job.into()), "{job} was completed twice");
            }
            ["cancelled", job] => {
                self.cancelled.insert(job.into());
            }
            // A kill cut a line short, and the next victim wrote on behind it: what it said is not known.
            _ => assert!(!line.is_empty(), "an empty line in the diary"),
        }
    }
}
