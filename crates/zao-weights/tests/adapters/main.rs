//! Adapter files as trainers write them: every name is understood, and what is not is refused with the names
//! that were tried.

#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use safetensors::Dtype;
use safetensors::tensor::TensorView;
use tempfile::TempDir;
use zao_backend::{Factors, StoredDelta};
use zao_weights::{AdapterError, AdapterFile, LayerShape};

/// Rank of every adapter here.
const RANK: usize = 2;

fn layers() -> Vec<LayerShape> {
    let layer = |name: &str, out, inner| LayerShape { name: name.into(), out, inner };
    let block = |i: usize| {
        ["to_q", "to_k", "to_v", "to_out.0"]
            .map(|part| layer(&format!("layers.{i}.attention.{part}"), 8, 8))
    };
    let mut layers: Vec<_> = (0..2).flat_map(block).collect();
    layers.push(layer("layers.0.feed_forward.w1", 12, 8));
    layers.push(layer("all_x_embedder.2-1", 8, 4));
    layers
}

/// A file in the making.
#[derive(Default)]
struct Draft {
    tensors: Vec<(String, Dtype, Vec<usize>, Vec<u8>)>,
    metadata: HashMap<String, String>,
}

impl Draft {
    fn tensor(mut self, name: &str, shape: &[usize]) -> Self {
        let bytes = vec![1.0f32; shape.iter().product()];
        let bytes = bytes.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.tensors.push((name.into(), Dtype::F32, shape.to_vec(), bytes));
        self
    }

    fn alpha(mut self, name: &str, alpha: f32) -> Self {
        self.tensors.push((name.into(), Dtype::F32, vec![], alpha.to_le_bytes().to_vec()));
        self
    }

    /// LoRA for `out` outputs of `inner` inputs under these names.
    fn pair(self, name: &str, (down, up): (&str, &str), [out, inner]: [usize; 2]) -> Self {
        let draft = self.tensor(&format!("{name}{down}"), &[RANK, inner]);
        draft.tensor(&format!("{name}{up}"), &[out, RANK])
    }

    fn write(&self, path: &Path) {
        let views = self.tensors.iter().map(|(name, dtype, shape, bytes)| {
            (name, TensorView::new(*dtype, shape.clone(), bytes).unwrap())
        });
        let bytes = safetensors::serialize(views, Some(self.metadata.clone())).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    fn open(&self) -> Result<AdapterFile, AdapterError> {
        let folder = TempDir::new().unwrap();
        let path: PathBuf = folder.path().join("test.safetensors");
        self.write(&path);
        AdapterFile::open(&path, &layers())
    }

    fn deltas(&self) -> Vec<StoredDelta> {
        self.open().unwrap().deltas().to_vec()
    }

    fn error(&self) -> String {
        self.open().unwrap_err().to_string()
    }
}

const KOHYA: (&str, &str) = (".lora_down.weight", ".lora_up.weight");
const PEFT: (&str, &str) = (".lora_A.weight", ".lora_B.weight");
const DOTS: (&str, &str) = (".lora.down.weight", ".lora.up.weight");

#[test]
fn every_spelling_of_a_layer_and_its_factors_is_the_same() {
    for (name, factors) in [
        ("layers.1.attention.to_k", PEFT),
        ("diffusion_model.layers.1.attention.to_k", PEFT),
        (
            "transformer.layers.1.attention.to_k",
            (".lora_A.default.weight", ".lora_B.default.weight"),
        ),
        ("base_model.model.transformer.layers.1.attention.to_k", PEFT),
        ("lora_unet_layers_1_attention_to_k", KOHYA),
        ("lora_unet__layers_1_attention_to_k", KOHYA),
        ("layers.1.attention.to.k", DOTS),
    ] {
        let alpha = format!("{name}.alpha");
        let deltas = Draft::default().pair(name, factors, [8, 8]).alpha(&alpha, 1.0).deltas();
        assert_eq!(deltas.len(), 1, "{name}");
        assert_eq!(deltas[0].layers, ["layers.1.attention.to_k"]);
        assert_eq!(deltas[0].scale, 0.5);
        assert!(matches!(deltas[0].factors, Factors::LowRank { .. }));
    }
}

#[test]
fn layers_of_the_first_release_are_known() {
    let qkv = "diffusion_model.layers.0.attention.qkv";
    let draft = Draft::default()
        .pair(qkv, PEFT, [24, 8])
        .pair("diffusion_model.layers.0.attention.out", PEFT, [8, 8])
        .pair("diffusion_model.x_embedder", PEFT, [8, 4]);
    let layers: Vec<_> = draft.deltas().into_iter().map(|delta| delta.layers).collect();
    let stacked = ["to_q", "to_k", "to_v"].map(|part| format!("layers.0.attention.{part}"));
    assert!(layers.contains(&stacked.to_vec()));
    assert!(layers.contains(&vec!["layers.0.attention.to_out.0".into()]));
    assert!(layers.contains(&vec!["all_x_embedder.2-1".into()]));
}

#[test]
fn a_layer_that_is_there_twice_counts_under_its_own_name() {
    let own = ["to_q", "to_k", "to_v", "to_out.0"];
    let mut draft = Draft::default()
        .pair("layers.0.attention.qkv", DOTS, [24, 8])
        .pair("layers.0.attention.out", DOTS, [8, 8])
        .alpha("layers.0.attention.out.alpha", 4.0);
    for part in own {
        draft = draft.pair(&format!("layers.0.attention.{part}"), DOTS, [8, 8]);
    }
    let deltas = draft.deltas();
    assert_eq!(deltas.len(), 4);
    for delta in deltas {
        let is_out = delta.layers == ["layers.0.attention.to_out.0"];
        assert_eq!((delta.layers.len(), delta.scale), (1, if is_out { 2.0 } else { 1.0 }));
    }
    let twice = Draft::default()
        .pair("transformer.layers.0.attention.to_q", PEFT, [8, 8])
        .pair("lora_unet_layers_0_attention_to_q", KOHYA, [8, 8])
        .error();
    for word in ["twice", "transformer.layers.0", "lora_unet_layers_0"] {
        assert!(twice.contains(word), "{twice}");
    }
}

#[test]
fn other_kinds_are_told_by_their_factors() {
    let name = "lycoris_layers_0_feed_forward_w1";
    let tensors = |shapes: &[(&str, [usize; 2])]| {
        let draft = Draft::default().alpha(&format!("{name}.alpha"), 1.0);
        let add = |draft: Draft, (end, shape): &(&str, [usize; 2])| {
            draft.tensor(&format!("{name}.{end}"), shape)
        };
        shapes.iter().fold(draft, add).deltas().remove(0)
    };
    let loha = tensors(&[
        ("hada_w1_a", [12, 2]),
        ("hada_w1_b", [2, 8]),
        ("hada_w2_a", [12, 2]),
        ("hada_w2_b", [2, 8]),
    ]);
    assert!(matches!(loha.factors, Factors::Hadamard(_)) && loha.scale == 0.5);
    let lokr = tensors(&[("lokr_w1", [3, 2]), ("lokr_w2_a", [4, 4]), ("lokr_w2_b", [4, 4])]);
    assert!(matches!(lokr.factors, Factors::Kronecker(_)) && lokr.scale == 0.25);
    let whole = tensors(&[("lokr_w1", [3, 2]), ("lokr_w2", [4, 4])]);
    assert!(matches!(whole.factors, Factors::Kronecker(_)) && whole.scale == 1.0);
    let dora = tensors(&[
        ("lora_down.weight", [2, 8]),
        ("lora_up.weight", [12, 2]),
        ("dora_scale", [12, 1]),
    ]);
    assert!(dora.magnitude.is_some());
    assert!(matches!(tensors(&[("diff", [12, 8])]).factors, Factors::Dense(_)));
}

#[test]
fn alpha_is_found_in_descriptions_too() {
    let description = r#"{"transformer.r": 2, "transformer.lora_alpha": 8}"#;
    let mut draft = Draft::default().pair("transformer.layers.0.attention.to_q", PEFT, [8, 8]);
    assert_eq!(draft.deltas()[0].scale, 1.0);
    draft.metadata.insert("lora_adapter_metadata".into(), description.into());
    assert_eq!(draft.deltas()[0].scale, 4.0);

    let folder = TempDir::new().unwrap();
    draft.metadata.clear();
    draft.write(&folder.path().join("adapter_model.safetensors"));
    std::fs::write(folder.path().join("adapter_config.json"), r#"{"r": 2, "lora_alpha": 6}"#)
        .unwrap();
    let adapter = AdapterFile::open(folder.path(), &layers()).unwrap();
    assert_eq!((adapter.deltas()[0].scale, adapter.kind()), (3.0, "LoRA"));
    assert_eq!(adapter.sha256().len(), 64);
}

#[test]
fn what_has_no_place_is_named_with_what_was_tried() {
    let stranger = Draft::default()
        .pair("diffusion_model.layers.0.attention.to_q", PEFT, [8, 8])
        .pair("diffusion_model.double_blocks.0.img_attn.proj", PEFT, [8, 8])
        .error();
    for word in
        ["as 1 of the 2 in it", "diffusion_model.double_blocks", "`double_blocks.0.img_attn.proj`"]
    {
        assert!(stranger.contains(word), "{stranger}");
    }
    let name = "layers.0.attention.to_q";
    for (draft, words) in [
        (Draft::default().tensor(&format!("{name}.lora_A.weight"), &[2, 8]), ["pairs", "Down"]),
        (Draft::default().pair(name, PEFT, [9, 8]), ["[9, 2]", "[8, 8]"]),
        (
            Draft::default().pair(name, PEFT, [8, 8]).tensor(&format!("{name}.diff"), &[8, 8]),
            ["several", name],
        ),
        (Draft::default().tensor(&format!("{name}.oft_blocks"), &[2, 2, 2]), ["OFT", name]),
        (Draft::default().tensor("something", &[1]), ["something", "no name like"]),
        (
            Draft::default()
                .pair(name, PEFT, [8, 8])
                .tensor(&format!("{name}.dora_scale"), &[1, 8]),
            ["magnitude", "[1, 8]"],
        ),
    ] {
        let error = draft.error();
        assert!(words.iter().all(|word| error.contains(word)), "{words:?}: {error}");
    }
}

#[test]
fn damaged_files_are_refused() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("cut.safetensors");
    Draft::default().pair("layers.0.attention.to_q", PEFT, [8, 8]).write(&path);
    let whole = std::fs::read(&path).unwrap();
    for length in [0, 7, 20, whole.len() - 1] {
        std::fs::write(&path, &whole[..length]).unwrap();
        assert!(AdapterFile::open(&path, &layers()).is_err(), "{length} bytes");
    }
    std::fs::write(&path, [&whole[..], &[0]].concat()).unwrap();
    assert!(AdapterFile::open(&path, &layers()).unwrap_err().to_string().contains("get it again"));
    std::fs::write(&path, [&2u64.to_le_bytes()[..], b"{}"].concat()).unwrap();
    assert!(matches!(AdapterFile::open(&path, &layers()), Err(AdapterError::Empty { .. })));
    let missing = AdapterFile::open(&folder.path().join("none"), &layers()).unwrap_err();
    assert!(matches!(missing, AdapterError::Read { .. }));
}
