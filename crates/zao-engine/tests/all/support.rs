//! What the tests share: the models at hand, asking and drawing in one line, copies of a model that
//! may be changed. It asserts nothing about what is drawn.

use std::cell::RefCell;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use safetensors::SafeTensors;
use safetensors::tensor::TensorView;
use serde_json::Value;
use tempfile::TempDir;
use zao_engine::{
    Ask, CancelToken, Device, Engine, Event, Generator, Guidance, Job, Mask, Picture, Precision,
    ResolvedPrecision, Result, Settings, Start, Timings,
};
use zao_weights::Source;

use crate::made;

/// The models in the repository.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Model {
    /// The trained one, in fp8 as it is shipped.
    Demo,
    /// The same with all weights in bf16, as models are published.
    Plain,
    /// The same with weights that lie between the numbers of fp8, in bf16, so that rounding them costs something.
    Between,
    /// Random weights in f32, 4 pixels a patch.
    TinyA,
    /// Random weights in bf16 and in shards, 16 pixels a patch.
    TinyB,
}

impl Model {
    pub(crate) fn folder(self) -> PathBuf {
        let inside = |path| Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
        match self {
            Self::Demo => inside("../../assets/demo-model"),
            Self::Plain => made::plain(),
            Self::Between => made::between(),
            Self::TinyA => inside("../zao-model/tests/goldens/tiny-a"),
            Self::TinyB => inside("../zao-model/tests/goldens/tiny-b"),
        }
    }

    /// An engine with it; the settings are `f32` on two threads of the processor unless changed.
    pub(crate) fn open(self, change: impl FnOnce(&mut Settings)) -> Engine {
        open(self.folder(), change).unwrap()
    }

    /// A copy that may be changed.
    pub(crate) fn copy(self) -> Copied {
        let copied = Copied(TempDir::new().unwrap());
        for path in files(&self.folder()) {
            let to = copied.path(&path);
            std::fs::create_dir_all(to.parent().unwrap()).unwrap();
            std::fs::copy(self.folder().join(&path), to).unwrap();
        }
        copied
    }
}

/// An engine with the model in `folder`, on the processor unless changed.
pub(crate) fn open(folder: PathBuf, change: impl FnOnce(&mut Settings)) -> Result<Engine> {
    let mut settings = Settings {
        device: Device::Cpu,
        precision: Precision::Exactly(ResolvedPrecision::F32),
        threads: NonZeroUsize::new(2),
        ..Settings::default()
    };
    change(&mut settings);
    zao_engine::open("test", Source::Folder(folder), &settings)
}

/// A picture of `width` and `height` pixels in two unguided steps.
pub(crate) fn ask(prompt: &str, (width, height): (usize, usize)) -> Ask {
    Ask {
        prompt: prompt.into(),
        negative: String::new(),
        width,
        height,
        steps: 2,
        guidance: Guidance::OFF,
        seed: 42,
        generator: Generator::TorchCpu,
        start: None,
    }
}

pub(crate) fn jobs(engine: &Engine, asks: &[Ask]) -> Vec<Job> {
    asks.iter().map(|ask| Job::new(ask.clone(), engine.model()).unwrap()).collect()
}

/// Draws all of `asks` in one call.
pub(crate) fn draw(engine: &mut Engine, asks: &[Ask]) -> Vec<Picture> {
    watched(engine, asks, |_, _| ()).0.unwrap().0
}

/// Draws all of `asks`; `on_event` may cancel. Returns all events too.
pub(crate) fn watched(
    engine: &mut Engine,
    asks: &[Ask],
    on_event: impl Fn(&Event, &CancelToken),
) -> (Result<(Vec<Picture>, Timings)>, Vec<Event>) {
    let (jobs, cancel) = (jobs(engine, asks), CancelToken::new());
    let seen = RefCell::new(Vec::new());
    let events = |event| {
        on_event(&event, &cancel);
        seen.borrow_mut().push(event);
    };
    let result = engine.draw(&jobs, &events, &cancel);
    (result, seen.into_inner())
}

/// A picture of that size to begin with, smooth and different for each `seed`.
pub(crate) fn start(seed: u8, (width, height): (usize, usize), strength: f64) -> Start {
    let pixel = |at: usize| {
        let (x, y) = (at % width, at / width);
        [(255 * x / width) as u8, (255 * y / height) as u8, seed]
    };
    let rgb = (0..width * height).flat_map(pixel).collect();
    Start { picture: Arc::new(Picture { width, height, rgb }), mask: None, strength }
}

/// The same start, of which only the left half is drawn anew.
pub(crate) fn left_half(start: Start) -> Start {
    let (width, height) = (start.picture.width, start.picture.height);
    let grey = (0..width * height).map(|at| if at % width < width / 2 { 255 } else { 0 });
    let mask = Mask { width, height, grey: grey.collect() };
    Start { mask: Some(Arc::new(mask)), ..start }
}

/// Peak signal-to-noise ratio of two pictures of the same size, in dB.
pub(crate) fn psnr(a: &[u8], b: &[u8]) -> f64 {
    assert_eq!(a.len(), b.len());
    let squares = a.iter().zip(b).map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2));
    let mean = squares.sum::<f64>() / a.len() as f64;
    10.0 * (255.0 * 255.0 / mean).log10()
}

/// All files below `folder`, relative to it.
pub(crate) fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(inner) = folders.pop() {
        for entry in std::fs::read_dir(folder.join(&inner)).unwrap() {
            let path = inner.join(entry.unwrap().file_name());
            if folder.join(&path).is_dir() {
                folders.push(path);
            } else {
                found.push(path.to_str().unwrap().to_owned());
            }
        }
    }
    found
}

/// A tensor of a checkpoint in memory.
pub(crate) struct Tensor {
    pub(crate) name: String,
    pub(crate) dtype: safetensors::Dtype,
    pub(crate) shape: Vec<usize>,
    pub(crate) data: Vec<u8>,
}

/// A model's folder that is gone when this is dropped.
pub(crate) struct Copied(TempDir);

impl Copied {
    pub(crate) fn folder(&self) -> PathBuf {
        self.0.path().to_owned()
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    /// Changes a JSON file.
    pub(crate) fn edit(&self, path: &str, edit: impl FnOnce(&mut Value)) {
        let mut json = serde_json::from_slice(&std::fs::read(self.path(path)).unwrap()).unwrap();
        edit(&mut json);
        std::fs::write(self.path(path), json.to_string()).unwrap();
    }

    pub(crate) fn tensors(&self, path: &str) -> Vec<Tensor> {
        let bytes = std::fs::read(self.path(path)).unwrap();
        let file = SafeTensors::deserialize(&bytes).unwrap();
        let tensor = |(name, view): (String, TensorView<'_>)| Tensor {
            name,
            dtype: view.dtype(),
            shape: view.shape().to_vec(),
            data: view.data().to_vec(),
        };
        file.tensors().into_iter().map(tensor).collect()
    }

    pub(crate) fn write_tensors<'a>(
        &self,
        path: &str,
        tensors: impl IntoIterator<Item = &'a Tensor>,
    ) {
        let views = tensors
            .into_iter()
            .map(|t| (&t.name, TensorView::new(t.dtype, t.shape.clone(), &t.data).unwrap()));
        let bytes = safetensors::serialize(views, None).unwrap();
        std::fs::write(self.path(path), bytes).unwrap();
    }

    /// Changes one tensor of a checkpoint file.
    pub(crate) fn edit_tensor(&self, path: &str, name: &str, edit: impl FnOnce(&mut Tensor)) {
        let mut tensors = self.tensors(path);
        edit(tensors.iter_mut().find(|tensor| tensor.name == name).unwrap());
        self.write_tensors(path, &tensors);
    }
}
