//! 8-bit safetensors as ComfyUI writes them, in every way of saying so.

use std::collections::HashMap;

use bytes::Bytes;
use safetensors::Dtype as FileDtype;
use zao_backend::{Dtype, Form, ScaledKind, rotate};
use zao_weights::{Error, WeightFile};

use crate::writers::safetensors::{Tensor, write};

/// 1, -1.5, 448, 2^-9 in e4m3, and the same as e5m2 would read them is nobody's business.
const E4M3: [u8; 4] = [0x38, 0xbc, 0x7e, 0x01];
const VALUES: [f32; 4] = [1.0, -1.5, 448.0, 0.001_953_125];

fn weight(dtype: FileDtype, bytes: &[u8]) -> Tensor {
    Tensor::new("m.layer.weight", dtype, &[2, bytes.len() / 2], bytes.to_vec())
}

fn description(json: &str) -> Tensor {
    Tensor::new("m.layer.comfy_quant", FileDtype::U8, &[json.len()], json.into())
}

fn metadata(json: &str) -> Option<HashMap<String, String>> {
    Some(HashMap::from([("_quantization_metadata".to_owned(), json.to_owned())]))
}

fn parse(
    tensors: &[Tensor],
    metadata: Option<HashMap<String, String>>,
) -> Result<WeightFile, Error> {
    WeightFile::parse("a file", &Bytes::from(write(tensors, metadata)))
}

/// The kind and the values of the only tensor that is left.
fn read(tensors: &[Tensor], metadata: Option<HashMap<String, String>>) -> (ScaledKind, Vec<f32>) {
    let file = parse(tensors, metadata).unwrap();
    let names: Vec<&str> = file.tensors().map(|(name, _)| name).collect();
    assert_eq!(names, ["m.layer.weight"], "descriptions and scales are not tensors");
    let (_, form) = file.tensors().next().unwrap();
    let Form::Scaled(scaled) = form else { panic!("{form:?}") };
    let Form::Dense(stored) = form.clone().unpacked(Dtype::F32) else { unreachable!() };
    (scaled.kind(), stored.to_f32())
}

fn refusal(tensors: &[Tensor]) -> String {
    parse(tensors, None).unwrap_err().to_string()
}

#[test]
fn fp8_is_read_however_its_scale_is_told() {
    let doubled = VALUES.map(|value| 2.0 * value);
    let plain = weight(FileDtype::F8_E4M3, &E4M3);
    let scale =
        |name: &str, shape: &[usize]| Tensor::f32(&format!("m.layer.{name}"), shape, &[2.0]);
    let says = r#"{"format": "float8_e4m3fn", "full_precision_matrix_mult": true}"#;
    let marker = Tensor::new("m.scaled_fp8", FileDtype::F8_E4M3, &[2], vec![0; 2]);
    for (tensors, metadata) in [
        (vec![scale("weight_scale", &[]), description(says)], None),
        (vec![scale("weight_scale", &[1]), scale("input_scale", &[])], None),
        (
            vec![scale("weight_scale", &[])],
            metadata(&format!(r#"{{"format_version": "1.0", "layers": {{"m.layer": {says}}}}}"#)),
        ),
        (vec![scale("scale_weight", &[1]), scale("scale_input", &[1]), marker], None),
    ] {
        let found = read(&[std::slice::from_ref(&plain), &tensors[..]].concat(), metadata);
        assert_eq!(found, (ScaledKind::E4m3, doubled.to_vec()));
    }
    assert_eq!(read(&[plain], None).1, VALUES, "without a scale they are what they are");
}

#[test]
fn each_row_may_have_its_scale() {
    let scales = Tensor::f32("m.layer.weight_scale", &[2, 1], &[2.0, 4.0]);
    let (kind, values) =
        read(&[weight(FileDtype::F8_E5M2, &[0x3c, 0xbc, 0x40, 0x00]), scales], None);
    assert_eq!((kind, values), (ScaledKind::E5m2, vec![2.0, -2.0, 8.0, 0.0]));
}

#[test]
fn int8_is_read_plain_and_rotated() {
    let bytes: Vec<u8> = (0..32_u8).map(|i| i.wrapping_mul(37)).collect();
    let scales = || Tensor::f32("m.layer.weight_scale", &[2], &[0.5, 0.25]);
    let plain: Vec<f32> =
        (0..32).map(|i| f32::from(bytes[i] as i8) * if i < 16 { 0.5 } else { 0.25 }).collect();
    let says = description(r#"{"format": "int8_tensorwise"}"#);
    let found = read(&[weight(FileDtype::I8, &bytes), scales(), says], None);
    assert_eq!(found, (ScaledKind::Int8 { rotated: None }, plain.clone()));

    let says = r#"{"format": "int8_tensorwise", "convrot": true, "convrot_groupsize": 16}"#;
    let mut rotated = plain;
    rotated.chunks_mut(16).for_each(rotate);
    let found = read(&[weight(FileDtype::I8, &bytes), scales(), description(says)], None);
    assert_eq!(found, (ScaledKind::Int8 { rotated: Some(16) }, rotated));
}

#[test]
fn vectors_in_fp8_become_numbers() {
    let bias = Tensor::new("m.layer.bias", FileDtype::F8_E4M3, &[4], E4M3.to_vec());
    let file = parse(&[bias], None).unwrap();
    let Some((_, Form::Dense(stored))) = file.tensors().next() else { panic!("dense") };
    assert_eq!((stored.shape(), stored.to_f32()), (&[4][..], VALUES.to_vec()));
}

#[test]
fn what_does_not_agree_is_refused_with_its_name() {
    let fp8 = || weight(FileDtype::F8_E4M3, &E4M3);
    let scales = |values: &[f32]| Tensor::f32("m.layer.weight_scale", &[values.len()], values);
    for (tensors, words) in [
        (vec![weight(FileDtype::I8, &E4M3)], &["m.layer.weight", "no weight_scale"][..]),
        (vec![fp8(), scales(&[1.0; 3])], &["does not fit"]),
        (vec![fp8(), description(r#"{"format": "nvfp4"}"#)], &["nvfp4", "GGUF"]),
        (vec![fp8(), description(r#"{"format": "mxfp8"}"#)], &["mxfp8"]),
        (vec![fp8(), description("{")], &["m.layer.comfy_quant", "cannot be read"]),
        (
            vec![
                weight(FileDtype::I8, &E4M3),
                scales(&[1.0]),
                description(r#"{"convrot": true, "convrot_groupsize": 3}"#),
            ],
            &["does not fit", "rotation"],
        ),
        (
            vec![weight(FileDtype::U8, &E4M3), description(r#"{"format": "nvfp4"}"#)],
            &["U8", "nvfp4"],
        ),
        (vec![weight(FileDtype::U8, &E4M3)], &["m.layer.weight", "U8"]),
    ] {
        let text = refusal(&tensors);
        assert!(words.iter().all(|word| text.contains(word)), "{text}");
    }
    let error = parse(&[fp8()], metadata("{}")).unwrap_err().to_string();
    assert!(error.contains("_quantization_metadata"), "{error}");
}
