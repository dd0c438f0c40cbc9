//! Files with quantised weights of our own: read as they are described, and refused when the description is not kept.

use serde_json::{Value, json};
use zao_backend::{BlockKind, Form, ScaledKind};
use zao_weights::Error;

use crate::fixture::{Model, SINGLE, safetensors};

/// A file with the matrix `w` of 33 outputs and 5 inputs, and a vector beside it.
fn good() -> (Value, Vec<u8>) {
    let header = json!({
        "__metadata__": {
            "zao": "int8-panels", "version": "1", "rotation": "hadamard-256",
            "shapes": "{\"w\": [33, 5]}",
        },
        "w": { "dtype": "U8", "shape": [2, 2, 32, 4], "data_offsets": [0, 512] },
        "w_scale": { "dtype": "F32", "shape": [33], "data_offsets": [512, 644] },
        "norm": { "dtype": "BF16", "shape": [1], "data_offsets": [644, 646] },
    });
    (header, (0..646_u32).map(|i| (i % 251) as u8).collect())
}

/// The same with `w` of 3 outputs and 128 inputs in int4.
fn good_int4() -> (Value, Vec<u8>) {
    let header = json!({
        "__metadata__": {
            "zao": "int4-blocks", "version": "1", "group": "64", "shapes": "{\"w\": [3, 128]}",
        },
        "w": { "dtype": "U8", "shape": [3, 2, 34], "data_offsets": [0, 204] },
        "norm": { "dtype": "BF16", "shape": [1], "data_offsets": [204, 206] },
    });
    (header, (0..206_u32).map(|i| (i % 60) as u8).collect())
}

/// The same in int4, with a part of rank 2 beside it.
fn good_low_rank() -> (Value, Vec<u8>) {
    let (mut header, mut data) = good_int4();
    header["__metadata__"]["version"] = "2".into();
    header["__metadata__"]["ranks"] = "{\"w\": 2}".into();
    header["w_up"] = json!({ "dtype": "BF16", "shape": [3, 2], "data_offsets": [206, 218] });
    header["w_down"] = json!({ "dtype": "BF16", "shape": [2, 128], "data_offsets": [218, 730] });
    data.extend((206..730_u32).map(|i| (i % 60) as u8));
    (header, data)
}

/// The same with `w` of 3 outputs and 5 inputs in fp8.
fn good_fp8() -> (Value, Vec<u8>) {
    let header = json!({
        "__metadata__": { "zao": "fp8-rows", "version": "1", "shapes": "{\"w\": [3, 5]}" },
        "w": { "dtype": "F8_E4M3", "shape": [3, 5], "data_offsets": [0, 15] },
        "w_scale": { "dtype": "F32", "shape": [3], "data_offsets": [15, 27] },
        "norm": { "dtype": "BF16", "shape": [1], "data_offsets": [27, 29] },
    });
    (header, (0..29).collect())
}

/// What is said about the good file of int8 with its header changed.
fn refusal(change: impl FnOnce(&mut Value)) -> Error {
    refusal_of(good(), change)
}

fn refusal_of((mut header, data): (Value, Vec<u8>), change: impl FnOnce(&mut Value)) -> Error {
    change(&mut header);
    Model::refusal(safetensors(&header, &data))
}

#[test]
fn a_described_matrix_has_its_logical_shape_and_shares_the_bytes_of_the_file() {
    let (header, data) = good();
    let model = Model::new();
    model.write(&format!("transformer/{SINGLE}"), safetensors(&header, &data));
    let part = model.transformer().expect("a good file");
    assert_eq!(
        part.names().collect::<Vec<_>>(),
        ["norm", "w"],
        "scales are no tensor of the model"
    );
    let Some(Form::Int8Panels(panels)) = part.get("w") else { panic!("not int8") };
    assert_eq!(panels.shape(), [33, 5]);
    assert_eq!(panels.words()[..], data[..512]);
    assert_eq!(panels.scales().bytes()[..], data[512..644]);
    assert_eq!((part.bytes(), part.stored_as()), (646, vec![("int8", 165), ("bf16", 1)]));
    assert!(part.dense("w").is_none());
    part.release("w");
    assert_eq!(panels.words()[..], data[..512]);
}

#[test]
fn int4_and_fp8_are_the_bytes_of_the_file_too() {
    let (header, data) = good_int4();
    let model = Model::new();
    model.write(&format!("transformer/{SINGLE}"), safetensors(&header, &data));
    let part = model.transformer().expect("a good file");
    let Some(Form::Blocks(blocks)) = part.get("w") else { panic!("no blocks") };
    assert_eq!((blocks.kind(), blocks.shape()), (BlockKind::Int4, &[3, 128][..]));
    assert_eq!(blocks.bytes()[..], data[..204]);
    assert_eq!((part.len(), part.stored_as()), (2, vec![("int4", 384), ("bf16", 1)]));

    let (header, data) = good_fp8();
    model.write(&format!("transformer/{SINGLE}"), safetensors(&header, &data));
    let part = model.transformer().expect("a good file");
    let Some(Form::Scaled(scaled)) = part.get("w") else { panic!("not scaled") };
    assert_eq!((scaled.kind(), scaled.shape()), (ScaledKind::E4m3, &[3, 5][..]));
    assert_eq!(scaled.bytes()[..], data[..15]);
    let scales: Vec<u8> = scaled.scales().iter().flat_map(|scale| scale.to_le_bytes()).collect();
    assert_eq!(scales, data[15..27]);
    assert_eq!((part.len(), part.stored_as()), (2, vec![("fp8 e4m3", 15), ("bf16", 1)]));
}

#[test]
fn a_low_rank_part_is_one_with_its_matrix() {
    let (header, data) = good_low_rank();
    let model = Model::new();
    model.write(&format!("transformer/{SINGLE}"), safetensors(&header, &data));
    let part = model.transformer().expect("a good file");
    assert_eq!(part.names().collect::<Vec<_>>(), ["norm", "w"]);
    let Some(Form::LowRank(both)) = part.get("w") else { panic!("no low-rank part") };
    assert_eq!((both.rest().name(), both.rest().shape()), ("int4", &[3, 128][..]));
    assert_eq!((both.up().shape(), both.down().shape()), (&[3, 2][..], &[2, 128][..]));
    assert_eq!(both.up().bytes()[..], data[206..218]);
    assert_eq!(both.down().bytes()[..], data[218..730]);
    assert_eq!((part.bytes(), part.stored_as()), (730, vec![("int4", 384), ("bf16", 1)]));
    part.release("w");
    assert_eq!(both.down().bytes()[..], data[218..730]);
}

#[test]
fn a_low_rank_part_that_is_not_whole_is_refused_by_its_name() {
    let rename = |from: &'static str, to: &'static str| {
        move |header: &mut Value| {
            let header = header.as_object_mut().expect("an object");
            let entry = header.remove(from).expect("it is there");
            header.insert(to.into(), entry);
        }
    };
    for factor in ["w_up", "w_down"] {
        let error = refusal_of(good_low_rank(), rename(factor, "other"));
        assert!(matches!(&error, Error::Converted { tensor, .. } if tensor == "w"), "{error}");
        assert!(error.to_string().contains(factor), "{error}");
    }
    for (factor, key, value) in [
        ("w_up", "shape", json!([2, 3])),
        ("w_down", "shape", json!([128, 2])),
        ("w_up", "dtype", json!("F16")),
    ] {
        let error = refusal_of(good_low_rank(), |header| header[factor][key] = value.clone());
        assert!(error.to_string().contains(factor), "{error}");
    }
    for (ranks, named) in [("{\"w\": 3}", "w_up"), ("{\"w\": 0}", "w"), ("{\"v\": 2}", "v")] {
        let error = refusal_of(good_low_rank(), |header| {
            header["__metadata__"]["ranks"] = ranks.into();
        });
        assert!(matches!(error, Error::Converted { .. }), "{ranks}: {error}");
        assert!(error.to_string().contains(named), "{ranks}: {error}");
    }
    for ranks in ["", "[]", "{\"w\": -1}", "{\"w\": 1.5}"] {
        let error = refusal_of(good_low_rank(), |header| {
            header["__metadata__"]["ranks"] = ranks.into();
        });
        assert!(matches!(error, Error::Header { .. }), "{ranks}: {error}");
    }
    let panels = refusal(|header| {
        header["__metadata__"]["version"] = "2".into();
        header["__metadata__"]["ranks"] = "{\"w\": 2}".into();
    });
    assert!(matches!(panels, Error::Format { .. }), "{panels}");
}

#[test]
fn shards_name_the_scales_in_their_index_too() {
    let (header, data) = good();
    let places = [("w", "a.safetensors"), ("w_scale", "a.safetensors"), ("norm", "a.safetensors")];
    let model = Model::new();
    model.write("transformer/a.safetensors", safetensors(&header, &data));
    model.write_index(&places);
    assert_eq!(model.transformer().expect("a good shard").len(), 2);
    model.write_index(&places[..1]);
    let error = model.transformer().expect_err("the index lacks two");
    assert!(matches!(error, Error::TensorNotInIndex { .. }), "{error}");
}

#[test]
fn another_format_version_or_rotation_is_refused_by_its_name() {
    for (key, value) in [("zao", "int4-tiles"), ("version", "2"), ("rotation", "none")] {
        let error = refusal(|header| header["__metadata__"][key] = value.into());
        assert!(matches!(error, Error::Format { .. }), "{error}");
        let error = error.to_string();
        assert!(error.contains(value) && error.contains("convert"), "{error}");
    }
    for (good, key, value) in [
        (good_int4(), "version", "3"),
        (good_low_rank(), "version", "3"),
        (good_int4(), "group", "32"),
        (good_fp8(), "version", "3"),
        (good_fp8(), "zao", "int4-blocks"),
    ] {
        let error = refusal_of(good, |header| header["__metadata__"][key] = value.into());
        assert!(matches!(error, Error::Format { .. }), "{error}");
        assert!(error.to_string().contains(value), "{error}");
    }
    let error = refusal(|header| {
        header["__metadata__"].as_object_mut().expect("an object").remove("version");
    });
    assert!(error.to_string().contains("unknown"), "{error}");
}

#[test]
fn a_description_that_is_not_kept_is_refused() {
    let most = usize::MAX.to_string();
    for shapes in [
        "{\"w\": [32, 5]}".to_owned(),
        "{\"w\": [33, 9]}".into(),
        "{\"w\": [34, 5]}".into(),
        "{\"w\": [0, 0]}".into(),
        format!("{{\"w\": [{most}, {most}]}}"),
        "{\"w\": [33, 5], \"v\": [1, 1]}".into(),
        "{\"norm\": [1, 1]}".into(),
    ] {
        let error = refusal(|header| header["__metadata__"]["shapes"] = shapes.as_str().into());
        assert!(matches!(error, Error::Converted { .. }), "{shapes}: {error}");
    }
    for shapes in ["", "[]", "{\"w\": [33]}", "{\"w\": [-1, 5]}", "{\"w\": [33, 5.5]}"] {
        let error = refusal(|header| header["__metadata__"]["shapes"] = shapes.into());
        assert!(matches!(error, Error::Header { .. }), "{shapes}: {error}");
    }
}

#[test]
fn int4_and_fp8_that_are_not_as_described_are_refused() {
    for shape in ["[3, 64]", "[3, 127]", "[3, 192]", "[2, 128]", "[384, 1]", "[0, 0]"] {
        let shapes = format!("{{\"w\": {shape}}}");
        let error = refusal_of(good_int4(), |header| {
            header["__metadata__"]["shapes"] = shapes.as_str().into();
        });
        assert!(matches!(error, Error::Converted { .. }), "{shape}: {error}");
    }
    let other_type = |header: &mut Value| header["w"]["dtype"] = "I8".into();
    for (good, name) in [(good_int4(), "int4"), (good_fp8(), "fp8")] {
        let error = refusal_of(good, other_type);
        assert!(matches!(error, Error::Converted { .. }), "{name}: {error}");
    }
    let with_scales = |header: &mut Value| {
        header["__metadata__"]["shapes"] = "{\"w\": [3, 128]}".into();
        let norm = header.as_object_mut().expect("an object").remove("norm").expect("it is there");
        header["w_scale"] = norm;
    };
    let error = refusal_of(good_int4(), with_scales);
    assert!(error.to_string().contains("scales"), "{error}");
    for count in [1, 2] {
        let error = refusal_of(good_fp8(), |header| {
            let scale =
                json!({"dtype": "F32", "shape": [count], "data_offsets": [15, 15 + 4 * count]});
            header["w_scale"] = scale;
            let rest = 12 - 4 * count;
            let at = 15 + 4 * count;
            header["rest"] =
                json!({"dtype": "BF16", "shape": [rest / 2], "data_offsets": [at, 27]});
        });
        assert!(error.to_string().contains("scales"), "{error}");
    }
}

#[test]
fn scales_that_do_not_fit_are_refused() {
    let scales = |dtype: &str, count: u64, name: &str| {
        refusal(|header| {
            let header = header.as_object_mut().expect("an object");
            header.remove("w_scale");
            let entry = json!({ "dtype": dtype, "shape": [count], "data_offsets": [512, 644] });
            header.insert(name.into(), entry);
        })
    };
    for error in [scales("BF16", 66, "w_scale"), scales("F32", 33, "other")] {
        assert!(matches!(error, Error::Converted { .. }), "{error}");
        assert!(error.to_string().contains("scales"), "{error}");
    }
}

#[test]
fn bytes_that_nothing_describes_are_no_weights() {
    let error = refusal(|header| header["__metadata__"]["shapes"] = "{}".into());
    assert!(matches!(error, Error::Dtype { .. }), "{error}");
    let error = refusal(|header| header["__metadata__"] = json!({ "format": "pt" }));
    assert!(matches!(error, Error::Dtype { .. }), "{error}");
}
