//! A server whose model cannot be drawn with, which only shows when weights are read: it says so, gives up, and lets nobody wait for it.

use std::io::Read;

use serde_json::{Value, json};

use crate::folder::Folder;
use crate::model_file::{self, Weights};
use crate::server::Server;

const VAE: &str = "vae/diffusion_pytorch_model.safetensors";
const TENSOR: &str = "decoder.conv_in.weight";

#[test]
fn damaged_weights_are_told_of_and_given_up_and_requests_are_refused_with_the_reason() {
    let folder = Folder::new();
    let model = folder.aside("model");
    model_file::place(&model);
    let mut weights = Weights::read(&model.join(VAE));
    // No number at all; which file has it is only found when it is read.
    weights.tensor(TENSOR)[..2].copy_from_slice(&0x7fc0_u16.to_le_bytes());
    model_file::replace(&model.join(VAE), weights.to_bytes());
    let server = Server::listening(folder.zao(), model.to_str().unwrap(), &[]);
    let reason = |body: &[u8]| {
        let told: Value = serde_json::from_slice(body).unwrap();
        (told["status"].clone(), told["reason"].as_str().unwrap_or_default().to_owned())
    };
    let told = server.wait("/health/ready", |(_, body)| reason(body).1.contains(TENSOR));
    let (status, why) = reason(&told);
    assert_eq!(status, "unhealthy", "{why}");
    assert!(why.contains("it cannot draw") && why.contains("another one"), "{why}");

    // Somebody waits already while it is tried again and again, and somebody comes when it is over.
    let wish = json!({"prompt": "an owl", "size": "64x64"}).to_string();
    let mut waiting = server.begin("POST", "/v1/images/generations", "", &wish);
    let told = server.wait("/health/ready", |(_, body)| reason(body).1.contains("failed 6 times"));
    let (status, why) = reason(&told);
    assert!(
        status == "unhealthy" && why.contains(TENSOR) && why.contains("start zao again"),
        "{why}"
    );
    let mut answer = String::new();
    waiting.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("no_worker"), "{answer}");
    assert!(answer.contains(TENSOR), "{answer}");
    let (status, body) = server.ask("POST", "/v1/images/generations", "", &wish);
    assert_eq!(status, 503, "{}", String::from_utf8_lossy(&body));
    let job = server.submit("later", &json!({"prompt": "an owl"}));
    assert!(job["warnings"][0].as_str().unwrap().contains(TENSOR), "{job}");
    let log = server.log().join("\n");
    assert!(log.contains("worker given up") && log.contains(TENSOR), "{log}");
    server.signal("-TERM");
    assert!(server.ended().success());
}
