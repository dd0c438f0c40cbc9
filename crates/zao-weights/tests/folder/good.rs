//! Folders that open: one file, shards, every element type, and the embedded form.

use serde_json::json;
use zao_backend::{Dtype, Form};
use zao_weights::{ModelFolder, Part, PartName, Source};

use crate::fixture::{Model, SINGLE, f32_file, safetensors};

#[test]
fn one_file_gives_its_tensors() {
    let model = Model::new();
    model.write(&format!("transformer/{SINGLE}"), f32_file(&[("a", &[1.0, 2.0]), ("b", &[3.0])]));
    let folder = model.open();
    assert_eq!(folder.class(), "ZImagePipeline");
    let part = folder.part(PartName::Transformer).expect("a good part");
    assert_eq!(part.names().collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(part.dense("a").expect("listed").to_f32(), [1.0, 2.0]);
    assert_eq!(part.get("a").expect("listed").shape(), [2]);
    assert_eq!(part.bytes(), 12);
}

#[test]
fn shards_are_joined() {
    let model = Model::new();
    model.write_index(&[("a", "one.safetensors"), ("b", "two.safetensors")]);
    model.write("transformer/one.safetensors", f32_file(&[("a", &[1.0])]));
    model.write("transformer/two.safetensors", f32_file(&[("b", &[2.0])]));
    let part = model.transformer().expect("good shards");
    assert_eq!(part.dense("b").expect("in the second shard").to_f32(), [2.0]);
    let on_disk = model.open().part_bytes(PartName::Transformer).expect("sizes");
    assert!(on_disk > part.bytes(), "files also hold their headers");
}

#[test]
fn three_element_types_and_a_scalar_are_read() {
    let header = json!({
        "__metadata__": { "format": "pt" },
        "single": { "dtype": "F32", "shape": [], "data_offsets": [0, 4] },
        "half": { "dtype": "F16", "shape": [1, 1], "data_offsets": [4, 6] },
        "brain": { "dtype": "BF16", "shape": [1], "data_offsets": [6, 8] },
    });
    let data = [0, 0, 0x80, 0x3f, 0, 0x3c, 0x80, 0x3f];
    let model = Model::new();
    model.write(&format!("transformer/{SINGLE}"), safetensors(&header, &data));
    let part = model.transformer().expect("three types");
    for (name, dtype) in [("single", Dtype::F32), ("half", Dtype::F16), ("brain", Dtype::Bf16)] {
        let tensor = part.dense(name).expect("listed");
        assert_eq!((tensor.dtype(), tensor.to_f32()), (dtype, vec![1.0]));
    }
    assert_eq!(part.get("half").expect("listed").shape(), [1, 1]);
}

#[test]
fn a_text_encoder_saved_as_a_whole_language_model_loses_its_prefix() {
    let model = Model::new();
    let file = f32_file(&[("lm_head.weight", &[0.0]), ("model.norm.weight", &[1.0])]);
    model.write("text_encoder/model.safetensors", file);
    let part = model.open().part(PartName::TextEncoder).expect("a good part");
    assert_eq!(part.names().collect::<Vec<_>>(), ["lm_head.weight", "norm.weight"]);
}

#[test]
fn an_embedded_model_is_read_like_a_folder() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../assets/demo-model");
    let on_disk = ModelFolder::open(Source::Folder(root.into())).expect("the demo model");
    const FILES: &[(&str, &[u8])] = &[
        ("model_index.json", include_bytes!("../../../../assets/demo-model/model_index.json")),
        ("vae/config.json", include_bytes!("../../../../assets/demo-model/vae/config.json")),
        (
            "vae/diffusion_pytorch_model.safetensors",
            include_bytes!("../../../../assets/demo-model/vae/diffusion_pytorch_model.safetensors"),
        ),
        (
            "text_encoder/model.safetensors",
            include_bytes!("../../../../assets/demo-model/text_encoder/model.safetensors"),
        ),
    ];
    let embedded = ModelFolder::open(Source::Embedded(FILES)).expect("the same model");
    assert_eq!(
        embedded.read("vae/config.json").expect("embedded"),
        on_disk.read("vae/config.json").expect("on disk")
    );
    for (name, (_, file)) in [(PartName::Vae, FILES[2]), (PartName::TextEncoder, FILES[3])] {
        let (a, b) = (embedded.part(name), on_disk.part(name));
        let (a, b) = (a.expect("embedded weights"), b.expect("weights on disk"));
        assert!(a.names().eq(b.names()) && a.len() > 30, "{name}: {}", a.len());
        let bytes = |part: &Part, name| match part.get(name).expect("listed") {
            Form::Dense(stored) => stored.bytes().clone(),
            Form::Scaled(scaled) => scaled.bytes().clone(),
            other => panic!("{name} is {}", other.name()),
        };
        let same = |name| bytes(&a, name) == bytes(&b, name);
        assert!(a.names().all(same));
        let table = file.as_ptr_range();
        let address = |name| bytes(&a, name).as_ptr();
        assert!(a.names().all(|name| table.contains(&address(name))), "tensors were copied");

        for part in [&a, &b] {
            part.names().for_each(|name| part.release(name));
            part.release("no such tensor");
        }
        assert!(a.names().all(same), "released tensors read as before");
    }
}

#[test]
fn tensors_of_every_shard_read_the_same_after_their_release() {
    let model = Model::new();
    let values: Vec<f32> = (0..10_000_u16).map(f32::from).collect();
    let files = [("a", "one.safetensors"), ("b", "two.safetensors")];
    model.write_index(&files);
    for (tensor, shard) in files {
        let content = f32_file(&[(tensor, &values)]);
        model.write(&format!("transformer/{shard}"), content);
    }
    let part = model.transformer().expect("good shards");
    for name in ["a", "b"] {
        for _ in 0..2 {
            assert_eq!(part.dense(name).expect("listed").to_f32(), values);
            part.release(name);
        }
    }
}

#[test]
fn the_demo_model_is_finite_fp8_with_its_autoencoder_in_bf16_and_fits_into_20_megabytes() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../assets/demo-model");
    let folder = ModelFolder::open(Source::Folder(root.into())).expect("the demo model");
    let mut bytes = 0;
    for name in PartName::ALL {
        let part = folder.part(name).expect("its weights");
        let stored = part.stored_as();
        let forms: Vec<_> = stored.iter().map(|(form, _)| *form).collect();
        match name {
            PartName::Vae => assert_eq!(forms, ["bf16"]),
            PartName::TextEncoder | PartName::Transformer => {
                assert_eq!(forms, ["fp8 e4m3", "bf16"], "most of it in fp8: {stored:?}");
            }
        }
        for (name, form) in part.iter() {
            let Form::Dense(stored) = form.clone().unpacked(Dtype::F32) else { panic!("{name}") };
            assert_eq!(stored.first_non_finite(), None, "{name}");
        }
        bytes += folder.part_bytes(name).expect("sizes");
    }
    assert!(bytes < 20_000_000, "{bytes}");
}
