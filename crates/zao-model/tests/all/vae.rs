//! The autoencoder against diffusers, both ways.

use zao_backend::prelude::*;
use zao_model::vae::{Decoder, Encoder, Thrift};
use zao_weights::PartName;

use crate::harness::{Device, Sample, on_every_device, on_fast_devices};

on_every_device!(tiny_decoded, tiny_encoded);
on_fast_devices!(demo_decoded, demo_encoded);

fn tiny_decoded<B: Backend>(device: &Device<B>) {
    for sample in Sample::tiny() {
        assert_decoded(device, &sample);
    }
}

fn demo_decoded<B: Backend>(device: &Device<B>) {
    assert_decoded(device, &Sample::demo());
}

fn assert_decoded<B: Backend>(device: &Device<B>, sample: &Sample) {
    let b = &device.backend;
    let decoder = Decoder::load(b, &sample.weights(PartName::Vae), &sample.vae_config()).unwrap();
    for case in sample.golden.cases("vae/decode") {
        let name = |what: &str| format!("vae/decode/{case}/{what}");
        let latents = sample.golden.array(&name("latents"));
        let latent = device.upload(&latents);
        let image = decoder.decode(b, &latent, latents.grid(), Thrift::NONE).unwrap();
        let expected = sample.golden.array(&name("image"));
        assert_eq!(image.rows(), latents.grid().times(sample.vae_config().scale()).area());
        device.assert_close(&name("image"), &device.read(&image), &expected.channels_last());

        let rgb = b.read_bytes(&b.to_rgb8(&image).unwrap()).unwrap();
        let expected = sample.golden.bytes(&name("rgb8"));
        assert_eq!(rgb.len(), expected.len());
        let worst = rgb.iter().zip(expected).map(|(a, b)| a.abs_diff(*b)).max();
        println!("{}: {worst:?} levels", name("rgb8"));
        assert!(worst <= Some(device.levels), "{}: {worst:?} levels", name("rgb8"));
    }
}

fn tiny_encoded<B: Backend>(device: &Device<B>) {
    for sample in Sample::tiny() {
        assert_encoded(device, &sample);
    }
}

fn demo_encoded<B: Backend>(device: &Device<B>) {
    assert_encoded(device, &Sample::demo());
}

fn assert_encoded<B: Backend>(device: &Device<B>, sample: &Sample) {
    let b = &device.backend;
    let encoder = Encoder::load(b, &sample.weights(PartName::Vae), &sample.vae_config()).unwrap();
    for case in sample.golden.cases("vae/encode") {
        let name = |what: &str| format!("vae/encode/{case}/{what}");
        let picture = sample.golden.array(&name("image"));
        let moments = encoder.encode(b, &picture.channels_last(), picture.grid()).unwrap();
        let latents = encoder.to_latent(&moments.mean);
        for (what, got) in
            [("mean", moments.mean), ("logvar", moments.logvar), ("latents", latents)]
        {
            let expected = sample.golden.array(&name(what)).values;
            device.assert_close(&name(what), &got, &expected);
        }
    }
}
