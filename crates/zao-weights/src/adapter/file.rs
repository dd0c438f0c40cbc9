//! An adapter file: opened, understood and held against the layers of a model before anything is loaded.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use safetensors::tensor::TensorInfo;
use sha2::{Digest, Sha256};
use zao_backend::{Dtype, Factors, Stored, StoredDelta};

use super::AdapterError;
use super::alpha::{Config, METADATA, number};
use super::group::{Group, Kind};
use super::suffix::{Field, split, unsupported};
use super::target::{LayerShape, Names, Target, tried};
use crate::error::Error;
use crate::mapped::Mapping;
use crate::shards::header;

/// PEFT's description beside an adapter.
const CONFIG: &str = "adapter_config.json";
/// PEFT's name for the adapter in its folder.
const MODEL: &str = "adapter_model.safetensors";
/// The longest description that is read.
const LONGEST_CONFIG: u64 = 1 << 20;
/// How many names a message shows.
const SHOWN: usize = 5;

/// An adapter that fits a model; its factors are mapped, not loaded.
#[derive(Clone, Debug)]
pub struct AdapterFile {
    deltas: Vec<StoredDelta>,
    sha256: String,
    bytes: u64,
}

/// What a file has for one name.
struct Named {
    name: String,
    group: Group,
}

impl AdapterFile {
    /// Opens the safetensors file at `path`, or the one in PEFT's folder there, for a model with `layers`.
    ///
    /// # Errors
    /// A file that cannot be read, or has anything that this model has no place for.
    pub fn open(path: &Path, layers: &[LayerShape]) -> Result<Self, AdapterError> {
        let path = file_at(path);
        let file = path.display().to_string();
        let read = |source| AdapterError::Read { file: file.clone(), source };
        let content = File::open(&path).and_then(|opened| Mapping::file(&opened)).map_err(read)?;
        let content = content.bytes();
        let broken = |reason: String| AdapterError::Broken { file: file.clone(), reason };
        let (start, metadata) = header(&file, &content).map_err(|error| match error {
            Error::Truncated { expected, actual, .. } => {
                broken(format!("it ends after {actual} of {expected} bytes"))
            }
            Error::TooLong { expected, actual, .. } => {
                broken(format!("it has {actual} bytes where its header tells of {expected}"))
            }
            Error::Header { reason, .. } => broken(reason),
            other => broken(other.to_string()),
        })?;
        let described = metadata.metadata().as_ref().and_then(|all| all.get(METADATA));
        let config = match described {
            Some(json) => Config::from_metadata(json)
                .map_err(|error| broken(format!("its {METADATA} cannot be read: {error}")))?,
            None => config_beside(&path)?,
        };
        let mut tensors: Vec<(String, &TensorInfo)> = metadata.tensors().into_iter().collect();
        tensors.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        let mut groups: BTreeMap<String, Group> = BTreeMap::new();
        let mut strangers = Vec::new();
        for (tensor, info) in &tensors {
            let (from, to) = info.data_offsets;
            let bytes = content.slice(start + from..start + to);
            let Some((name, field)) = split(tensor) else {
                if let Some(what) = unsupported(tensor) {
                    let (file, tensor) = (file.clone(), tensor.clone());
                    return Err(AdapterError::Unsupported { file, tensor, what });
                }
                strangers.push(tensor.clone());
                continue;
            };
            let group = groups.entry(name.to_owned()).or_default();
            if field == Field::Alpha {
                let alpha = number(info.dtype, &bytes).filter(|alpha| alpha.is_finite());
                let wrong = || broken(format!("{tensor} is not one number"));
                group.alpha = Some(alpha.ok_or_else(wrong)?);
                continue;
            }
            let dtype = match info.dtype {
                safetensors::Dtype::F32 => Dtype::F32,
                safetensors::Dtype::F16 => Dtype::F16,
                safetensors::Dtype::BF16 => Dtype::Bf16,
                other => {
                    return Err(broken(format!(
                        "{tensor} has the element type {other:?}; only F32, F16 and BF16 are supported"
                    )));
                }
            };
            let stored = Stored::new(dtype, info.shape.clone(), bytes)
                .expect("safetensors checks that offsets span the shape");
            if !group.add(field, stored) {
                return Err(AdapterError::Incomplete {
                    file,
                    layer: name.to_owned(),
                    detail: format!("{field:?} is there twice under different names"),
                });
            }
        }
        if tensors.is_empty() {
            return Err(AdapterError::Empty { file });
        }
        let named = groups.into_iter().map(|(name, group)| Named { name, group }).collect();
        let known = Names::of(layers);
        let found = find(&file, &known, named, strangers)?;
        let found = without_copies(&file, layers, found)?;
        let deltas =
            found.into_iter().map(|(target, named)| delta(&file, layers, &config, &target, named));
        let deltas = deltas.collect::<Result<_, _>>()?;
        let sha256 = Sha256::digest(&content).iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { deltas, sha256, bytes: content.len() as u64 })
    }

    /// What it changes.
    #[must_use]
    pub fn deltas(&self) -> &[StoredDelta] {
        &self.deltas
    }

    /// The checksum of the whole file, in hexadecimal.
    #[must_use]
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// The size of the file.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// What kind it is, as users call it: of most of its layers.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        let first = self.deltas.first();
        if first.is_some_and(|delta| delta.magnitude.is_some()) {
            return "DoRA";
        }
        first.map_or("nothing", |delta| Factors::name(&delta.factors))
    }
}

/// The file that is meant by `path`, which may be PEFT's folder.
pub(super) fn file_at(path: &Path) -> PathBuf {
    if path.is_dir() { path.join(MODEL) } else { path.to_owned() }
}

/// The description in the folder of `path`, if that is PEFT's.
fn config_beside(path: &Path) -> Result<Config, AdapterError> {
    let config: PathBuf = path.with_file_name(CONFIG);
    let is_peft = path.file_name().is_some_and(|name| name == MODEL);
    if !is_peft || !config.is_file() {
        return Ok(Config::default());
    }
    let file = config.display().to_string();
    let read = |source| AdapterError::Read { file: file.clone(), source };
    let broken = |reason: String| AdapterError::Broken { file: file.clone(), reason };
    if fs::metadata(&config).map_err(read)?.len() > LONGEST_CONFIG {
        return Err(broken("it is too long for a description".into()));
    }
    let json = fs::read(&config).map_err(read)?;
    Config::from_json(&json).map_err(|error| broken(error.to_string()))
}

/// The layers that names mean; every name has to mean some.
fn find(
    file: &str,
    known: &Names,
    named: Vec<Named>,
    mut strangers: Vec<String>,
) -> Result<Vec<(Target, Named)>, AdapterError> {
    let of = named.len() + strangers.len();
    let mut found = Vec::new();
    let mut unmatched = None;
    for named in named {
        match known.find(&named.name) {
            Some(target) => found.push((target.clone(), named)),
            None => {
                unmatched.get_or_insert_with(|| named.name.clone());
                strangers.push(named.name);
            }
        }
    }
    let Some(first) = strangers.first() else { return Ok(found) };
    let tried = match unmatched {
        Some(name) => tried(&name),
        None => format!("as a factor of an adapter, which no name like `{first}` is"),
    };
    let mut shown = strangers[..strangers.len().min(SHOWN)].join(", ");
    if strangers.len() > SHOWN {
        shown = format!("{shown}, and {} more", strangers.len() - SHOWN);
    }
    Err(AdapterError::Unmatched { file: file.into(), count: strangers.len(), of, shown, tried })
}

/// What is left when each layer is changed once. Some trainers write a layer twice, under its own name and in q, k
/// and v together or as `out`; then its own name counts, as in diffusers.
fn without_copies(
    file: &str,
    layers: &[LayerShape],
    found: Vec<(Target, Named)>,
) -> Result<Vec<(Target, Named)>, AdapterError> {
    let mut kept: Vec<(Target, Named)> = Vec::new();
    let (own, aliases): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|(target, _)| !target.is_alias);
    for (target, named) in own.into_iter().chain(aliases) {
        let common =
            |kept: &(Target, Named)| kept.0.layers.iter().any(|l| target.layers.contains(l));
        match kept.iter_mut().find(|kept| common(kept)) {
            None => kept.push((target, named)),
            Some((before, kept)) if target.is_alias && !before.is_alias => {
                // Of the same single layer, the strength may stand at the other name.
                if before.layers == target.layers {
                    kept.group.alpha = kept.group.alpha.or(named.group.alpha);
                }
            }
            Some((_, before)) => {
                let layer = target.layers.first().map_or("", |&layer| &layers[layer].name);
                return Err(AdapterError::Twice {
                    file: file.into(),
                    layer: layer.into(),
                    first: before.name.clone(),
                    second: named.name,
                });
            }
        }
    }
    Ok(kept)
}

fn delta(
    file: &str,
    layers: &[LayerShape],
    config: &Config,
    target: &Target,
    Named { name, group }: Named,
) -> Result<StoredDelta, AdapterError> {
    let alpha = group.alpha;
    let incomplete =
        |detail| AdapterError::Incomplete { file: file.into(), layer: name.clone(), detail };
    let Kind { factors, rank, magnitude } = group.kind().map_err(incomplete)?;
    let names: Vec<String> =
        target.layers.iter().map(|&layer| layers[layer].name.clone()).collect();
    let scale = match (rank, alpha) {
        (Some(rank), Some(alpha)) => alpha / rank.max(1) as f64,
        (Some(rank), None) => config.factor(&names[0], rank),
        // Without a rank alpha has no meaning: it was made to be equal to it.
        (None, _) => 1.0,
    };
    let out = target.layers.iter().map(|&layer| layers[layer].out).sum();
    let inner = layers[target.layers[0]].inner;
    let delta = StoredDelta { layers: names, factors, scale: scale as f32, magnitude };
    delta.check(out, inner).map_err(|source| AdapterError::Shape {
        file: file.into(),
        layer: name.clone(),
        target: delta.layers.join(", "),
        source: Box::new(source),
    })?;
    Ok(delta)
}
