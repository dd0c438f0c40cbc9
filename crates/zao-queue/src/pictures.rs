//! The files of pictures: whole or not at all, also after a power cut. Which of them should be there is NOT known here.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::{Error, ImageId, Result};

/// Where the files of pictures are kept.
pub trait Pictures: Send + Sync {
    /// Keeps a picture, whole or not at all; afterwards it outlives a power cut.
    ///
    /// # Errors
    /// [`Error::StorageFull`] or [`Error::File`].
    fn store(&self, image: &ImageId, png: &[u8]) -> Result<()>;

    /// Removes a picture; one that is not there is no error.
    ///
    /// # Errors
    /// [`Error::File`].
    fn remove(&self, image: &ImageId) -> Result<()>;

    /// Removes what no picture of `known` is made of, left over when a process was killed, and says which of `known` are there.
    ///
    /// # Errors
    /// [`Error::File`].
    fn tidy(&self, known: &HashSet<ImageId>) -> Result<HashSet<ImageId>>;

    /// Where the file of a picture is.
    fn path(&self, image: &ImageId) -> PathBuf;

    /// Bytes that can be written until the disk is full; `None` if that cannot be told.
    fn free_bytes(&self) -> Option<u64>;
}

/// A folder with one file for each picture, `ID.png`. Nothing else may be kept in it.
#[derive(Debug)]
pub struct PictureFolder {
    folder: PathBuf,
}

/// What files that are not yet whole begin with.
const UNFINISHED: &str = ".unfinished-";

impl PictureFolder {
    /// Opens the folder, making it if it is not there.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn open(folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder).map_err(Error::file("make the folder", folder))?;
        Ok(Self { folder: folder.to_owned() })
    }

    fn try_store(&self, path: &Path, png: &[u8]) -> io::Result<()> {
        let mut file = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(&self.folder)?;
        file.write_all(png)?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        self.sync()
    }

    /// Makes names in the folder outlive a power cut, where the system can.
    fn sync(&self) -> io::Result<()> {
        if cfg!(unix) { File::open(&self.folder)?.sync_all() } else { Ok(()) }
    }
}

impl Pictures for PictureFolder {
    fn store(&self, image: &ImageId, png: &[u8]) -> Result<()> {
        let path = self.path(image);
        self.try_store(&path, png).map_err(Error::file("store a picture in", &path))
    }

    fn remove(&self, image: &ImageId) -> Result<()> {
        let path = self.path(image);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(Error::file("remove", &path)(error))
            }
            _ => Ok(()),
        }
    }

    fn tidy(&self, known: &HashSet<ImageId>) -> Result<HashSet<ImageId>> {
        let failed = |error| Error::file("look into", &self.folder)(error);
        let mut found = HashSet::new();
        for entry in fs::read_dir(&self.folder).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            let name = name.to_string_lossy();
            let image = name.strip_suffix(".png").and_then(|id| id.parse::<ImageId>().ok());
            let is_ours = image.is_some() || name.starts_with(UNFINISHED);
            match image.filter(|image| known.contains(image)) {
                Some(image) => {
                    found.insert(image);
                }
                None if is_ours => {
                    let path = self.folder.join(&*name);
                    fs::remove_file(&path).map_err(Error::file("remove", &path))?;
                }
                // Whatever it is, it is somebody else's.
                None => {}
            }
        }
        Ok(found)
    }

    fn path(&self, image: &ImageId) -> PathBuf {
        self.folder.join(format!("{image}.png"))
    }

    fn free_bytes(&self) -> Option<u64> {
        fs4::available_space(&self.folder).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_kill_left_over_is_removed_and_what_is_not_ours_stays() {
        let folder = tempfile::tempdir().unwrap();
        let pictures = PictureFolder::open(folder.path()).unwrap();
        let [kept, lost, stray] = [1, 2, 3].map(ImageId::of);
        pictures.store(&kept, b"kept").unwrap();
        pictures.store(&stray, b"stray").unwrap();
        fs::write(folder.path().join(".unfinished-x"), "half").unwrap();
        fs::write(folder.path().join("holiday.png"), "not ours").unwrap();
        let known = HashSet::from([kept.clone(), lost]);
        assert_eq!(pictures.tidy(&known).unwrap(), HashSet::from([kept.clone()]));
        let mut names: Vec<String> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, ["holiday.png".to_owned(), format!("{kept}.png")]);
        assert_eq!(fs::read(pictures.path(&kept)).unwrap(), b"kept");
        pictures.remove(&stray).unwrap();
        pictures.remove(&kept).unwrap();
        assert!(!pictures.path(&kept).exists());
    }

    #[test]
    fn a_folder_that_cannot_be_written_to_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let pictures = PictureFolder::open(&folder.path().join("pictures")).unwrap();
        fs::remove_dir(folder.path().join("pictures")).unwrap();
        let error = pictures.store(&ImageId::of(1), b"png").unwrap_err().to_string();
        assert!(error.contains("pictures") && error.contains("see that"), "{error}");
    }
}
