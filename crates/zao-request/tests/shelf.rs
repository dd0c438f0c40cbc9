//! Adapters by name: those of the folder, opened once, and nothing that lies elsewhere.

#![allow(
    clippy::unwrap_used,
    reason = "clippy knows tests by their attribute, and these have helpers beside them"
)]

use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use zao_api::Lora;
use zao_engine::{Device, Engine, Precision, ResolvedPrecision, Settings};
use zao_request::{Error, Shelf};
use zao_weights::{AdapterFolder, Source};

fn inside_crate(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn demo() -> Engine {
    let settings = Settings {
        device: Device::Cpu,
        precision: Precision::Exactly(ResolvedPrecision::F32),
        threads: NonZeroUsize::new(2),
        ..Settings::default()
    };
    let demo = Source::Folder(inside_crate("../../assets/demo-model"));
    zao_engine::open("demo", demo, &settings).unwrap()
}

fn golden(name: &str) -> PathBuf {
    inside_crate(&format!("../zao-engine/tests/goldens/adapters/{name}.safetensors"))
}

fn lora(name: &str) -> Lora {
    Lora { name: name.into(), scale: 0.5 }
}

#[test]
fn names_are_those_of_the_folder_and_never_paths() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("loras");
    fs::create_dir_all(root.join("deep")).unwrap();
    for to in ["loras/ink.safetensors", "outside.safetensors", "loras/deep/er.safetensors"] {
        fs::copy(golden("kohya"), dir.path().join(to)).unwrap();
    }
    let mut engine = demo();
    let mut shelf = Shelf::new(AdapterFolder::new(&root));
    let absolute = dir.path().join("outside.safetensors");
    for name in [absolute.to_str().unwrap(), "../outside", "deep/er", "./ink", "..", "", "Ink"] {
        let error = shelf.open(&mut engine, &[lora("ink"), lora(name)]).unwrap_err();
        assert!(matches!(&error, Error::NotOnShelf { known, .. } if known == &["ink"]), "{name}");
        assert!(error.to_string().ends_with("use ink"), "{error}");
        assert_eq!(shelf.at_hand(&[lora(name)]), None);
    }
    let none = Shelf::new(AdapterFolder::new(dir.path().join("none")));
    assert_eq!(none.at_hand(&[]).unwrap().stack(), []);
}

#[test]
fn what_is_open_is_at_hand_until_its_file_is_another() {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("ink.safetensors");
    fs::copy(golden("kohya"), &file).unwrap();
    let mut engine = demo();
    let mut shelf = Shelf::new(AdapterFolder::new(root.path()));
    assert_eq!(shelf.at_hand(&[lora("ink")]), None);
    let first = shelf.open(&mut engine, &[lora("ink")]).unwrap();
    assert_eq!(shelf.at_hand(&[lora("ink")]), Some(first.clone()));
    assert_eq!((first.used()[0].name.as_str(), first.stack()[0].1), ("ink", 0.5));

    fs::copy(golden("second"), &file).unwrap();
    fs::File::options()
        .append(true)
        .open(&file)
        .unwrap()
        .set_modified(std::time::UNIX_EPOCH)
        .unwrap();
    assert_eq!(shelf.at_hand(&[lora("ink")]), None);
    let second = shelf.open(&mut engine, &[lora("ink")]).unwrap();
    assert_ne!(first.used()[0].sha256, second.used()[0].sha256);
    assert_ne!(first.stack(), second.stack());

    fs::write(&file, "no weights").unwrap();
    assert!(shelf.open(&mut engine, &[lora("ink")]).is_err());
    fs::remove_file(&file).unwrap();
    assert!(matches!(shelf.open(&mut engine, &[lora("ink")]), Err(Error::NotOnShelf { .. })));
}
