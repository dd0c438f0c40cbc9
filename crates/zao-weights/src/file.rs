//! A single file with the weights of one part, or of several: safetensors or GGUF, as other programs keep
//! them. It is recognised by its content; its name says nothing.

use std::path::Path;

use bytes::Bytes;
use zao_backend::Form;

use crate::error::Error;
use crate::gguf::{self, Gguf};
use crate::mapped::Mapping;
use crate::names::{self, Section, Tensors};
use crate::part::{Part, PartName};
use crate::shards::{self, Content};
use crate::source;

/// How many foreign names a message lists.
const LISTED: usize = 4;

/// The format of a single file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileFormat {
    /// Named tensors behind a JSON header.
    Safetensors,
    /// llama.cpp's format.
    Gguf {
        /// Its version, 2 or 3.
        version: u32,
        /// The architecture that it names, if any: `lumina2`, `qwen3` ...
        architecture: Option<String>,
    },
}

/// An opened single file: mapped, its header checked, not yet read.
#[derive(Clone, Debug)]
pub struct WeightFile {
    path: String,
    format: FileFormat,
    tensors: Tensors,
    sections: Vec<Section>,
    bytes: u64,
    /// The file where it is one on disk.
    files: Vec<Mapping>,
}

impl WeightFile {
    /// Opens the file at `path`.
    ///
    /// # Errors
    /// No such file, neither safetensors nor GGUF, or one that contradicts itself.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let name = path.display().to_string();
        if path.is_dir() {
            return Err(Error::Folder { path: name });
        }
        let mapping = source::map(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => Error::NoSuchFile { file: name.clone() },
            _ => Error::Read { file: name.clone(), source: error },
        })?;
        let file = Self::parse(name, &mapping.bytes())?;
        Ok(Self { files: vec![mapping], ..file })
    }

    /// A file whose content is in memory, under the name that messages give it.
    ///
    /// # Errors
    /// Neither safetensors nor GGUF, or one that contradicts itself.
    pub fn parse(name: impl Into<String>, content: &Bytes) -> Result<Self, Error> {
        let path = name.into();
        let (format, tensors) = parse(&path, content)?;
        let sections = names::sections(&tensors);
        let bytes = content.len() as u64;
        Ok(Self { path, format, tensors, sections, bytes, files: Vec::new() })
    }

    /// How messages name it.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Its format.
    #[must_use]
    pub fn format(&self) -> &FileFormat {
        &self.format
    }

    /// Its size in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Number of tensors, of whatever part.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tensors.len()
    }

    /// Whether there is no tensor at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tensors.is_empty()
    }

    /// All tensors as the file names them, in alphabetical order.
    pub fn tensors(&self) -> impl ExactSizeIterator<Item = (&str, &Form)> {
        self.tensors.iter().map(|(name, form)| (name.as_str(), form))
    }

    /// The parts that it has tensors of.
    pub fn parts(&self) -> impl Iterator<Item = PartName> {
        self.sections.iter().map(|section| section.part)
    }

    /// The tensors of a part, named and cut as diffusers does.
    ///
    /// # Errors
    /// It has none of this part, or a tensor twice under different names.
    pub fn part(&self, name: PartName) -> Result<Part, Error> {
        let section = self.sections.iter().find(|section| section.part == name);
        let section = *section.ok_or_else(|| Error::NotThisPart {
            file: self.path.clone(),
            part: name,
            holds: self.holds(),
        })?;
        let tensors = names::translated(section, &self.sections, &self.tensors)?;
        let content = Content { tensors, files: self.files.clone() };
        Ok(Part::from_file(name, self.path.clone(), content))
    }

    /// What it has tensors of, as a part of a sentence.
    #[must_use]
    pub fn holds(&self) -> String {
        if !self.sections.is_empty() {
            let parts = self.parts().map(|part| format!("the weights of a {part}"));
            return parts.collect::<Vec<_>>().join(" and ");
        }
        let architecture = match &self.format {
            FileFormat::Gguf { architecture: Some(name), .. } => {
                format!("of the architecture {name} ")
            }
            _ => String::new(),
        };
        let names: Vec<&str> = self.tensors.keys().take(LISTED).map(String::as_str).collect();
        format!(
            "{} tensors {architecture}of no part of Z-Image ({} ...)",
            self.len(),
            names.join(", ")
        )
    }
}

/// The format and tensors of a file of either kind.
fn parse(file: &str, content: &Bytes) -> Result<(FileFormat, Tensors), Error> {
    if content.starts_with(&gguf::MAGIC) {
        let gguf = Gguf::parse(file, content)?;
        let architecture = gguf.text("general.architecture").map(str::to_owned);
        let format = FileFormat::Gguf { version: gguf.version, architecture };
        return Ok((format, gguf.tensors));
    }
    // A header is a JSON object behind eight bytes of length.
    if content.get(8) != Some(&b'{') {
        let zipped = content.starts_with(b"PK");
        return Err(Error::UnknownFormat { file: file.to_owned(), pickled: zipped });
    }
    Ok((FileFormat::Safetensors, shards::cut(file, content)?.tensors))
}
