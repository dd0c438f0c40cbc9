//! Models that are written: they read as what was given, and nothing is left of those that fail.

use std::fs;
use std::path::Path;

use tempfile::TempDir;
use zao_backend::{
    BlockKind, Blocks, Dtype, Form, Int8Panels, LowRank, Scaled, ScaledKind, Stored,
};
use zao_weights::{
    Draft, ModelFolder, Packing, PartName, Planned, SaveError, SaveOptions, Source, StoredAs,
    WeightFile,
};

use crate::fixture::Model;

const PART: PartName = PartName::Transformer;

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    let name = |entry: std::io::Result<fs::DirEntry>| entry.expect("an entry").file_name();
    let mut names: Vec<_> =
        entries.map(|entry| name(entry).to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// Two matrices in int8 and two dense tensors.
fn tensors() -> Vec<(Planned, Form)> {
    let dense = |name: &str, values: &[f32]| {
        let (shape, stored) = (vec![values.len()], StoredAs::Dense(Dtype::F32));
        let form = Form::Dense(Stored::from_f32(&shape, values));
        (Planned { name: name.into(), shape, stored }, form)
    };
    let panels = |name: &str, shape: [usize; 2], byte: u8| {
        let words = vec![byte; Int8Panels::bytes_of(shape).expect("small")];
        let scales = Stored::from_f32(&shape[..1], &vec![f32::from(byte); shape[0]]);
        let form = Int8Panels::new(shape, words.into(), scales).expect("sizes fit");
        let stored = StoredAs::Packed;
        (Planned { name: name.into(), shape: shape.into(), stored }, Form::Int8Panels(form))
    };
    vec![
        dense("a.bias", &[1.0, 2.0, 3.0]),
        panels("a.weight", [33, 5], 7),
        panels("b.weight", [64, 256], 9),
        dense("norm", &[4.0]),
    ]
}

/// A model written to `place`, as far as that goes.
fn save(place: &Path, options: SaveOptions) -> Result<(), SaveError> {
    let model = Model::new();
    model.write("scheduler/scheduler_config.json", "{}");
    model.write("tokenizer/merges.txt", "a b");
    model.write("transformer/config.json", "{}");
    model.write("transformer/diffusion_pytorch_model.safetensors.index.json", "{}");
    model.write("transformer/old/config.json", "{}");
    model.write("notes.txt", "mine");
    let draft = Draft::new(place, options)?;
    draft.copy_small_files(&model.open())?;
    let tensors = tensors();
    let planned: Vec<_> = tensors.iter().map(|(planned, _)| planned.clone()).collect();
    let layout = draft.layout(PART, Packing::Int8Panels, &planned);
    draft.check_space(layout.bytes())?;
    draft.write_part(&layout, |name| -> Result<Form, SaveError> {
        let found = tensors.iter().find(|(planned, _)| planned.name == name);
        Ok(found.expect("only what was planned is asked for").1.clone())
    })?;
    let file =
        |name: &String| name.starts_with("diffusion_pytorch_model") && !name.contains(".index");
    let part = draft_part(place);
    let written: u64 = names(&part)
        .iter()
        .filter(|name| file(name))
        .map(|name| fs::metadata(part.join(name)).expect("a file").len())
        .sum();
    assert_eq!(written, layout.bytes());
    draft.finish()
}

/// The folder of the transformer before the model has its place.
fn draft_part(place: &Path) -> std::path::PathBuf {
    let parent = place.parent().expect("a parent");
    let hidden = names(parent).into_iter().find(|name| name.starts_with('.'));
    parent.join(hidden.expect("a draft under way")).join("transformer")
}

#[test]
fn what_is_written_reads_the_same_in_one_file_or_in_several() {
    for shard_bytes in [1, 20_000, 1 << 30] {
        let folder = TempDir::new().expect("temporary folder");
        let place = folder.path().join("new");
        save(&place, SaveOptions { shard_bytes, ..SaveOptions::default() }).expect("written");
        assert_eq!(names(folder.path()), ["new"]);
        assert_eq!(names(&place), ["model_index.json", "scheduler", "tokenizer", "transformer"]);
        let files = names(&place.join("transformer"));
        assert!(files.contains(&"config.json".to_owned()) && !files.contains(&"old".to_owned()));
        let count = files.iter().filter(|file| file.ends_with(".safetensors")).count();
        assert_eq!(
            count,
            match shard_bytes {
                1 => 4,
                20_000 => 1,
                _ => 1,
            },
            "{files:?}"
        );

        let model = ModelFolder::open(Source::Folder(place)).expect("a model");
        let part = model.part(PART).expect("its transformer");
        for (planned, form) in tensors() {
            match (part.get(&planned.name).expect("written"), form) {
                (Form::Dense(read), Form::Dense(given)) => {
                    assert_eq!((read.bytes(), read.shape()), (given.bytes(), given.shape()));
                }
                (Form::Int8Panels(read), Form::Int8Panels(given)) => {
                    assert_eq!((read.words(), read.shape()), (given.words(), given.shape()));
                    assert_eq!(read.scales().bytes(), given.scales().bytes());
                    let address = read.words().as_ptr().addr();
                    assert!(
                        address.is_multiple_of(64),
                        "{}: panels can be used as they lie",
                        planned.name
                    );
                }
                (read, given) => panic!("{} became {}", given.name(), read.name()),
            }
        }
    }
}

#[test]
fn int4_with_and_without_a_low_rank_part_and_fp8_read_the_same_from_a_folder_and_from_its_file_alone()
 {
    let bytes = |count: usize| (0..count).map(|i| (i % 100) as u8).collect::<Vec<_>>();
    let blocks = Blocks::new(BlockKind::Int4, [5, 192], bytes(5 * 3 * 34).into());
    let scales = vec![0.5, 1.0, 2.0];
    let scaled = Scaled::new(ScaledKind::E4m3, [3, 7], bytes(21).into(), scales);
    let blocks = Form::Blocks(blocks.expect("whole blocks"));
    let factor = |shape: [usize; 2]| {
        let values = (0..shape[0] * shape[1]).flat_map(|i| [(i % 90) as u8, 60]);
        Stored::new(Dtype::Bf16, shape.into(), values.collect::<Vec<_>>().into())
            .expect("sizes fit")
    };
    let beside = LowRank::new(blocks.clone(), factor([5, 3]), factor([3, 192])).expect("sizes fit");
    for (packing, form, stored) in [
        (Packing::Int4Blocks, blocks, StoredAs::Packed),
        (Packing::Int4Blocks, Form::LowRank(beside), StoredAs::PackedBeside { rank: 3 }),
        (Packing::Fp8Rows, Form::Scaled(scaled.expect("sizes fit")), StoredAs::Packed),
    ] {
        let folder = TempDir::new().expect("temporary folder");
        let draft = Draft::new(&folder.path().join("new"), SaveOptions::default()).expect("begun");
        draft.copy_small_files(&Model::new().open()).expect("copied");
        let names = ["cap_embedder.1.weight", "layers.0.feed_forward.w1.weight"];
        let planned =
            names.map(|name| Planned { name: name.into(), shape: form.shape().to_vec(), stored });
        let layout = draft.layout(PART, packing, &planned);
        draft
            .write_part(&layout, |_| Ok::<_, SaveError>(form.clone()))
            .and_then(|()| draft.finish())
            .expect("written");
        let place = folder.path().join("new");
        let file = place.join(format!("{}/{}", PART.folder(), PART.single_file()));
        let file = WeightFile::open(&file).expect("a file");
        let folder = ModelFolder::open(Source::Folder(place)).expect("a model");
        for part in [folder.part(PART), file.part(PART)] {
            let part = part.expect("its transformer");
            for name in names {
                let read = part.get(name).expect("it was written");
                assert_eq!((read.name(), read.shape()), (form.name(), form.shape()));
                assert_eq!(matches!(read, Form::LowRank(_)), matches!(form, Form::LowRank(_)));
                let values = |form: &Form| match form.clone().unpacked(Dtype::F32) {
                    Form::Dense(stored) => stored.bytes().clone(),
                    other => panic!("{} was not unpacked", other.name()),
                };
                assert_eq!(values(read), values(&form));
            }
        }
    }
}

#[test]
fn what_is_there_is_not_touched() {
    let folder = TempDir::new().expect("temporary folder");
    let place = folder.path().join("mine");
    fs::create_dir(&place).expect("create");
    let error = save(&place, SaveOptions::default()).expect_err("it is there");
    assert!(matches!(error, SaveError::Occupied { .. }), "{error}");
    let error = save(&folder.path().join("no/new"), SaveOptions::default()).expect_err("no folder");
    assert!(matches!(error, SaveError::NoFolder { .. }), "{error}");
    assert!(Draft::new(Path::new(".."), SaveOptions::default()).is_err());
    assert_eq!(names(folder.path()), ["mine"]);
}

#[test]
fn without_room_nothing_is_left() {
    let folder = TempDir::new().expect("temporary folder");
    let place = folder.path().join("new");
    let options = SaveOptions { free_space: |_| Ok(17_000), ..SaveOptions::default() };
    let error = save(&place, options).expect_err("too little");
    assert!(matches!(error, SaveError::NoSpace { free: 17_000, .. }), "{error}");
    assert_eq!(names(folder.path()), [""; 0]);
}

#[test]
fn a_failure_on_the_way_leaves_nothing() {
    let folder = TempDir::new().expect("temporary folder");
    let draft = Draft::new(&folder.path().join("new"), SaveOptions::default()).expect("begun");
    let planned: Vec<_> = tensors().into_iter().map(|(planned, _)| planned).collect();
    let layout = draft.layout(PART, Packing::Int8Panels, &planned);
    let mut asked = 0;
    let result = draft.write_part(&layout, |_| {
        asked += 1;
        match asked {
            1 => Ok(tensors().remove(1).1),
            _ => Err(SaveError::NoFolder { path: "elsewhere".into() }),
        }
    });
    assert!(result.is_err());
    drop(draft);
    assert_eq!((asked, names(folder.path())), (2, vec![]));
}
