//! A1111's interface, and what a PNG tells.

use axum::body::Body;
use axum::http::Request;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::Server;

#[tokio::test]
async fn txt2img_answers_as_theirs_does() {
    let server = Server::new();
    let wish = json!({"prompt": "a cat", "width": 64, "height": 64, "seed": -1, "cfg_scale": 1.0, "steps": 2,
                      "batch_size": 2, "sampler_name": "DPM++ 2M"});
    let body = server.post("/sdapi/v1/txt2img", wish).await.expect(200);
    assert_eq!(body["images"].as_array().unwrap().len(), 2);
    let png = STANDARD.decode(body["images"][0].as_str().unwrap()).unwrap();
    assert!(png.starts_with(b"\x89PNG"));
    let info: Value = serde_json::from_str(body["info"].as_str().unwrap()).unwrap();
    assert_eq!(info["ignored"], json!(["sampler_name"]));
    assert_eq!(info["all_seeds"].as_array().unwrap().len(), 2);
    for path in ["options", "samplers", "schedulers", "sd-models", "loras", "memory", "progress"] {
        server.get(&format!("/sdapi/v1/{path}")).await.expect(200);
    }
    server
        .post("/sdapi/v1/txt2img", json!({"prompt": "a", "seed": -7}))
        .await
        .refused(400, "invalid_request");
}

#[tokio::test]
async fn interrupting_stops_ones_own_job() {
    let server = Server::new();
    server.pause(true);
    let wish = json!({"prompt": "a", "width": 32, "height": 32});
    // The page of the same address has a job, too, which is older.
    let native = server.post("/v1/jobs", wish.clone()).await.expect(202);
    let drawing = server.post("/sdapi/v1/txt2img", wish);
    let (drawn, ()) = tokio::join!(drawing, async {
        let own = loop {
            let progress = server.get("/sdapi/v1/progress").await.expect(200);
            if progress["state"]["job"] != "" {
                break progress["state"]["job"].clone();
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        };
        assert_ne!(own, native["id"]);
        server.post("/sdapi/v1/interrupt", json!({})).await.expect(200);
    });
    drawn.refused(409, "cancelled");
    // There is nothing left that it may stop.
    server.post("/sdapi/v1/interrupt", json!({})).await.expect(200);
    server.pause(false);
    let done = server.over(native["links"]["self"].as_str().unwrap()).await;
    assert_eq!(done["status"], "completed");
}

/// An adapter of one layer with this rank, and nothing in it but zeros.
fn adapter(rank: usize) -> Vec<u8> {
    let bytes = rank * 16 * 2;
    let header = json!({
        "a.lora_A.weight": {"dtype": "BF16", "shape": [rank, 16], "data_offsets": [0, bytes]},
        "a.lora_B.weight": {"dtype": "BF16", "shape": [16, rank], "data_offsets": [bytes, 2 * bytes]},
    });
    let header = header.to_string();
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header.bytes());
    file.resize(file.len() + 2 * bytes, 0);
    file
}

#[tokio::test]
async fn loras_are_listed_loaded_and_unloaded() {
    let server = Server::new();
    let folder = server.folder.path().join("loras");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("ink.safetensors"), adapter(4)).unwrap();
    std::fs::write(folder.join("torn.safetensors"), b"no tensors").unwrap();
    let list = async || server.get("/v1/loras").await.expect(200)["loras"].clone();
    let (ink, torn) = (list().await[0].clone(), list().await[1].clone());
    assert_eq!(
        (&ink["name"], &ink["kind"], &ink["rank"]),
        (&json!("ink"), &json!("LoRA"), &json!(4))
    );
    assert_eq!(
        (&ink["loaded"], &torn["kind"], &torn["rank"]),
        (&json!(false), &json!(null), &json!(null))
    );
    server.post("/v1/loras/ink/load", json!({})).await.expect(202);
    server.post("/v1/loras/torn/load", json!({})).await.expect(202);
    let (ink, torn) = (list().await[0].clone(), list().await[1].clone());
    assert_eq!((&ink["loaded"], &ink["problem"]), (&json!(true), &json!(null)));
    assert_eq!((&torn["loaded"], &torn["problem"]), (&json!(false), &json!("it fits no layer")));
    server.post("/v1/loras/ink/unload", json!({})).await.expect(202);
    assert_eq!(list().await[0]["loaded"], false);
    for name in ["other", "..%2Fink", "ink.safetensors"] {
        let path = format!("/v1/loras/{name}/load");
        server.post(&path, json!({})).await.refused(404, "unknown_lora");
    }
    let theirs = server.get("/sdapi/v1/loras").await.expect(200);
    assert_eq!((&theirs[0]["name"], &theirs[0]["alias"]), (&json!("ink"), &json!("ink")));
    assert_eq!(server.get("/v1/capabilities").await.expect(200)["loras"], true);
}

/// A small PNG with a text in it.
fn with_text(keyword: &str, text: &str) -> Vec<u8> {
    let chunk = [b"tEXt", keyword.as_bytes(), b"\0", text.as_bytes()].concat();
    let length = (chunk.len() as u32 - 4).to_be_bytes();
    let text = [&length[..], &chunk, &crc32(&chunk).to_be_bytes()].concat();
    let png = zao_png::encode_plain(&[7; 3], 1, 1).unwrap();
    // Behind the header, which is the first chunk.
    let (header, pixels) = png.split_at(33);
    [header, &text, pixels].concat()
}

fn crc32(data: &[u8]) -> u32 {
    !data.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 }
        })
    })
}

#[tokio::test]
async fn a_png_tells_what_made_it() {
    let server = Server::new();
    let images = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/images");
    let bytes = std::fs::read(images.join("apple.png")).unwrap();
    let send =
        |body: Vec<u8>| server.send(Request::post("/v1/png-info").body(Body::from(body)).unwrap());
    let told = send(bytes.clone()).await.expect(200);
    assert_eq!(told["source"], "zao");
    assert_eq!(told["request"]["seed"], told["recipe"]["seed"]);
    let again = server.post("/v1/jobs", told["request"].clone()).await;
    again.expect(202);
    send(b"no picture".to_vec()).await.refused(400, "invalid_image");
    let fooocus = r#"{"prompt": "a lighthouse", "resolution": "(64, 32)", "seed": "7", "metadata_scheme": "fooocus"}"#;
    let told = send(with_text("parameters", fooocus)).await.expect(200);
    assert_eq!(told["source"], "fooocus");
    assert_eq!(
        told["request"],
        json!({"prompt": "a lighthouse", "width": 64, "height": 32, "seed": 7})
    );
    assert!(told["parameters"].as_str().unwrap().contains("Size: 64x32"), "{told}");
    let theirs = json!({"image": STANDARD.encode(with_text("parameters", fooocus))});
    let told = server.post("/sdapi/v1/png-info", theirs).await.expect(200);
    assert!(told["info"].as_str().unwrap().starts_with("a lighthouse\n"), "{told}");
    let theirs = json!({"image": STANDARD.encode(&bytes)});
    let told = server.post("/sdapi/v1/png-info", theirs).await.expect(200);
    assert!(told["info"].as_str().unwrap().contains("Steps:"));
}
