//! Everything that can be wrong with the files of a model.
//!
//! Each message names the file and says what to do. Errors of downloads are another enum.

use std::io;

use crate::check::Mismatch;
use crate::part::PartName;

/// Why a model could not be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The path given as a model does not exist.
    #[error("no model at {path}: there is no such folder; check the path or run `zao models`")]
    FolderMissing {
        /// The path as given.
        path: String,
    },
    /// The folder is there, but it is no model in diffusers' layout.
    #[error(
        "{path} is not a model folder: {lack}; a model folder holds model_index.json and the \
         folders scheduler, text_encoder, tokenizer, transformer and vae"
    )]
    NotAModel {
        /// The folder.
        path: String,
        /// What was looked for and not found.
        lack: String,
    },
    /// A file that every model has is missing.
    #[error("{file} is missing; run `zao pull` to complete the model")]
    FileMissing {
        /// The missing file.
        file: String,
    },
    /// The operating system refused to read a file.
    #[error("cannot read {file}: {source}")]
    Read {
        /// The file.
        file: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// A configuration file is larger than any such file can sensibly be.
    #[error("{file} is larger than {limit} bytes, so it cannot be a configuration file")]
    TooLarge {
        /// The file.
        file: String,
        /// The most that is read, in bytes.
        limit: u64,
    },
    /// A file that should hold JSON does not hold the JSON expected.
    #[error("{file} is not valid: {source}; run `zao pull` to fetch it again")]
    Json {
        /// The file.
        file: String,
        /// Where and how parsing failed.
        source: serde_json::Error,
    },
    /// A part's folder holds no weights at all.
    #[error(
        "no weights for the {part} in {folder}: expected {single} or {single}.index.json; run \
         `zao pull` to complete the model"
    )]
    WeightsMissing {
        /// The part.
        part: PartName,
        /// Its folder.
        folder: String,
        /// The name of the file when the weights are in one.
        single: &'static str,
    },
    /// An index lists a shard that is not there.
    #[error("{shard} is missing, though {index} lists it; run `zao pull` to complete the model")]
    ShardMissing {
        /// The missing file.
        shard: String,
        /// The index that lists it.
        index: String,
    },
    /// An index names a shard by something other than a plain file name.
    #[error("{index} names the shard {shard:?}, which is not a plain file name in its own folder")]
    ShardName {
        /// The name as it stands in the index.
        shard: String,
        /// The index.
        index: String,
    },
    /// A file ends before the tensors that its header describes.
    #[error(
        "{file} is truncated: expected {expected} bytes, found {actual}; fetch it again, with `zao pull` if \
         it is an installed model's"
    )]
    Truncated {
        /// The file.
        file: String,
        /// The bytes that its header asks for.
        expected: u64,
        /// The bytes that are there.
        actual: u64,
    },
    /// A file goes on after the tensors that its header describes.
    #[error(
        "{file} is too long: expected {expected} bytes, found {actual}; fetch it again, with `zao pull` if \
         it is an installed model's"
    )]
    TooLong {
        /// The file.
        file: String,
        /// The bytes that its header asks for.
        expected: u64,
        /// The bytes that are there.
        actual: u64,
    },
    /// The header of a safetensors file is malformed.
    #[error("{file} is not a valid safetensors file: {reason}")]
    Header {
        /// The file.
        file: String,
        /// What is wrong with the header.
        reason: String,
    },
    /// A file that was named by its path is not there.
    #[error("there is no file {file}; check the path")]
    NoSuchFile {
        /// The path as given.
        file: String,
    },
    /// A folder was named where a file is wanted.
    #[error("{path} is a folder; name a file in it, or the folder as the model with --model")]
    Folder {
        /// The path as given.
        path: String,
    },
    /// A file is in no format that weights are read from.
    #[error(
        "{file} is neither safetensors nor GGUF{}; use a file of the same model in one of these",
        if *.pickled { ", but a zip archive, as PyTorch's checkpoints are" } else { "" }
    )]
    UnknownFormat {
        /// The file.
        file: String,
        /// Whether it looks like a checkpoint of PyTorch's own.
        pickled: bool,
    },
    /// A GGUF file contradicts itself, or is more than can be read.
    #[error("{file} is not a GGUF file that can be read: {reason}")]
    Gguf {
        /// The file.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A single file has no tensors of the part that it is given for.
    #[error(
        "{file} is no {part}: it has {holds}; `zao inspect` tells more of a file, and --transformer, \
         --text-encoder and --vae each take one"
    )]
    NotThisPart {
        /// The file.
        file: String,
        /// The part that was wanted.
        part: PartName,
        /// What it has.
        holds: String,
    },
    /// A quantised tensor is not what the file says of it, or is stored in a way that cannot be read.
    #[error("{file}: tensor {tensor} {reason}")]
    Quantised {
        /// The file.
        file: String,
        /// The tensor's name in the file.
        tensor: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A tensor has an element type that a checkpoint does not use.
    #[error(
        "{file}: tensor {tensor} has the element type {found}; F32, F16, BF16 and, with their scales, fp8 and \
         int8 are supported"
    )]
    Dtype {
        /// The file.
        file: String,
        /// The tensor's name in the file.
        tensor: String,
        /// The type as safetensors names it.
        found: String,
    },
    /// The file says that it is in a format which this version does not know.
    #[error(
        "{file} is in the format {found}, which this version of zao does not read; update zao, or \
         convert the original model again"
    )]
    Format {
        /// The file.
        file: String,
        /// The format and what it says of itself.
        found: String,
    },
    /// A converted tensor is not what the file says of it.
    #[error("{file}: tensor {tensor} {reason}; convert the original model again")]
    Converted {
        /// The file.
        file: String,
        /// The tensor's name in the file.
        tensor: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The index says that a shard has a tensor, and the shard has not.
    #[error("{index} says that tensor {tensor} is in {shard}, but it is not there")]
    TensorNotInShard {
        /// The index.
        index: String,
        /// The tensor.
        tensor: String,
        /// The shard.
        shard: String,
    },
    /// A shard has a tensor that the index does not place there.
    #[error("{shard} holds tensor {tensor}, which {index} does not place there")]
    TensorNotInIndex {
        /// The index.
        index: String,
        /// The tensor.
        tensor: String,
        /// The shard.
        shard: String,
    },
    /// Two tensors of a part have the same name once prefixes are removed and names translated.
    #[error("the {part} has tensor {tensor} twice, under different names or prefixes")]
    Duplicate {
        /// The part.
        part: PartName,
        /// The common name.
        tensor: String,
    },
    /// Names or shapes are not those that the configuration asks for.
    #[error(transparent)]
    Mismatch(Box<Mismatch>),
}

/// A size as disks are counted, rounded up so that what is asked for is never less than what is needed.
pub(crate) fn gigabytes(bytes: u64) -> String {
    let hundredths = bytes.div_ceil(10_000_000);
    format!("{}.{:02} GB", hundredths / 100, hundredths % 100)
}
