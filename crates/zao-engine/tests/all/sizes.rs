//! Which sizes a model draws, and what it says about the others.

use std::collections::HashSet;

use zao_engine::{Engine, InvalidJob, Job};

use crate::support::{Model, ask, draw};

/// Draws each size and checks that a picture of that size with something on it comes out.
fn draw_all(engine: &mut Engine, sizes: &[(usize, usize)]) {
    for &(width, height) in sizes {
        let picture = draw(engine, &[ask("a cat", (width, height))]).remove(0);
        assert_eq!((picture.width, picture.height), (width, height));
        assert_eq!(picture.rgb.len(), 3 * width * height);
        let values: HashSet<u8> = picture.rgb.iter().copied().collect();
        assert!(values.len() > 20, "{width}x{height}: {} distinct values", values.len());
    }
}

fn refusal(engine: &Engine, size: (usize, usize)) -> (InvalidJob, String) {
    let error = Job::new(ask("a cat", size), engine.model()).unwrap_err();
    let message = error.to_string();
    assert!(!message.contains('\n'));
    (error, message)
}

#[test]
fn tiny_a_draws_multiples_of_4_up_to_its_64_positions_a_side() {
    let mut engine = Model::TinyA.open(|_| ());
    assert_eq!(engine.model().size_multiple, 4);
    assert_eq!(engine.model().max_size.to_string(), "256x256");
    let sizes = [(4, 4), (8, 4), (12, 20), (36, 28), (124, 132), (256, 4), (4, 256), (256, 256)];
    draw_all(&mut engine, &sizes);
    for size in [(260, 256), (256, 260), (0, 4), (4, 0), (usize::MAX, 4)] {
        let (error, message) = refusal(&engine, size);
        assert!(matches!(error, InvalidJob::SizeOutOfRange { .. }), "{size:?} {error:?}");
        assert!(message.contains("256x256"), "{message}");
    }
    let (error, message) = refusal(&engine, (10, 12));
    assert!(matches!(error, InvalidJob::NotAMultiple { multiple: 4, .. }), "{error:?}");
    assert!(message.ends_with("12x12"), "{message}");
}

#[test]
fn tiny_b_draws_multiples_of_16_and_is_taller_than_wide() {
    let mut engine = Model::TinyB.open(|_| ());
    assert_eq!(engine.model().size_multiple, 16);
    // 96 rows and 32 columns of 16 pixels.
    assert_eq!(engine.model().max_size.to_string(), "512x1536");
    draw_all(&mut engine, &[(16, 16), (48, 16), (16, 80), (112, 144), (512, 32), (16, 1536)]);
    for size in [(528, 16), (16, 1552), (1536, 512)] {
        let (error, message) = refusal(&engine, size);
        assert!(matches!(error, InvalidJob::SizeOutOfRange { .. }), "{size:?} {error:?}");
        assert!(message.contains("512x1536"), "{message}");
    }
    let (_, message) = refusal(&engine, (24, 40));
    assert!(message.ends_with("32x48"), "{message}");
}

#[test]
fn the_default_size_is_drawable() {
    for model in [Model::Demo, Model::TinyA, Model::TinyB] {
        let engine = model.open(|_| ());
        let size = engine.model().default_size;
        Job::new(ask("a cat", (size.width, size.height)), engine.model()).unwrap();
    }
}
