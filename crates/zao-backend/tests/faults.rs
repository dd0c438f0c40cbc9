//! The suite can fail: each plausible mistake of a device is found by the case that is made for it.

#[allow(dead_code, reason = "another test rounds and limits")]
mod host;

use host::{Change, Host, Spoil};
use zao_backend::conformance::{Outcome, cases};
use zao_backend::op::*;
use zao_backend::{Grid, Segments, Strip};

fn run(case: &str, on: &Host) -> Outcome {
    let case = cases::<Host>().into_iter().find(|c| c.name == case).expect("the case exists");
    (case.run)(on)
}

fn turned(grid: Grid) -> Grid {
    Grid::new(grid.width, grid.height)
}

fn on_its_side<'a>(view: View<'a, Host>) -> View<'a, Host> {
    View { strip: Strip::whole(turned(view.strip.grid)), ..view }
}

fn without_silu<'a>(view: View<'a, Host>) -> View<'a, Host> {
    View { norm: view.norm.map(|norm| Norm { silu: false, ..norm }), ..view }
}

fn first_column(m: Modulation<'_, Host>) -> Modulation<'_, Host> {
    Modulation { column: 0, ..m }
}

fn ungated(op: GatedResidual<'_, Host>) -> GatedResidual<'_, Host> {
    GatedResidual { gate: None, ..op }
}

fn other(pairing: Pairing) -> Pairing {
    match pairing {
        Pairing::Interleaved => Pairing::Halves,
        Pairing::Halves => Pairing::Interleaved,
    }
}

/// All rows as one segment; leaked, so that it lives as long as any operation.
fn joined(segments: &Segments) -> &'static Segments {
    Box::leak(Box::new(Segments::new([segments.rows()])))
}

/// A case, and the backend that computes something else instead of an operation.
macro_rules! mistakes {
    ($($case:literal: $variant:ident $op:ident => $wrong:expr;)+) => {
        [$(($case, |op| match op {
            Op::$variant($op) => Some(Op::$variant($wrong)),
            op => Some(op),
        })),+]
    };
}

/// What is forgotten or confused, and the case that has to notice.
const MISTAKES: [(&str, Change); 41] = mistakes! {
    "linear_epilogues": Linear op => Linear { bias: None, ..op };
    "linear_epilogues": Linear op => Linear { epilogue: Epilogue::Store, ..op };
    "adapted_kinds": Linear op => Linear { changes: &[], ..op };
    "rms_norm_sizes": RmsNorm op => RmsNorm { eps: 10.0 * op.eps, ..op };
    "rms_norm_modulated": RmsNorm op => RmsNorm { scale: None, ..op };
    "rms_norm_modulated": RmsNorm op => RmsNorm { scale: op.scale.map(first_column), ..op };
    "layer_norm_scale_sizes": LayerNormScale op => LayerNormScale { eps: 10.0 * op.eps, ..op };
    "layer_norm_scale_sizes": LayerNormScale op =>
        LayerNormScale { scale: first_column(op.scale), ..op };
    "gated_residual_sizes": GatedResidual op => GatedResidual { gate: None, ..op };
    "gated_residual_extreme_gates": GatedResidual op =>
        GatedResidual { gate: op.gate.map(first_column), ..op };
    "gated_residual_norm_sizes": GatedResidualNorm op =>
        GatedResidualNorm { residual: ungated(op.residual), ..op };
    "gated_residual_norm_sizes": GatedResidualNorm op =>
        GatedResidualNorm { weight: op.residual.weight, ..op };
    "gated_residual_norm_sizes": GatedResidualNorm op => GatedResidualNorm { eps: 10.0 * op.eps, ..op };
    "gated_residual_norm_sizes": GatedResidualNorm op =>
        GatedResidualNorm { scale: op.scale.map(first_column), ..op };
    "qk_norm_rope_heads": QkNormRope op => QkNormRope { pairing: other(op.pairing), ..op };
    "qk_norm_rope_heads": QkNormRope op => QkNormRope { norms: None, ..op };
    "qk_norm_rope_heads": QkNormRope op => QkNormRope { norms: op.norms.map(|(q, k)| (k, q)), ..op };
    "qk_norm_rope_leaves_values": QkNormRope op =>
        QkNormRope { heads: Heads { query: op.heads.query + op.heads.kv, ..op.heads }, ..op };
    "attention_head_widths": Attention op => Attention { mask: Mask::Full, ..op };
    "attention_sees_no_other_segment": Attention op =>
        Attention { segments: joined(op.segments), ..op };
    "attention_causal_sees_no_later_row": Attention op => Attention { mask: Mask::Full, ..op };
    "embed_stored_types": Embed op => Embed { ids: &op.ids[1..], ..op };
    "timestep_embedding_widths": TimestepEmbedding op =>
        TimestepEmbedding { times: &op.times[1..], ..op };
    "fill_rows_ranges": FillRows op =>
        FillRows { rows: op.rows.start..op.rows.end.saturating_sub(1), ..op };
    "pack_and_keep": CopyRows op => CopyRows { from_row: 0, ..op };
    "pack_and_keep": CopyRows op => CopyRows { count: op.count.saturating_sub(1), ..op };
    "patchify_grids": Patchify op => Patchify { grid: turned(op.grid), ..op };
    "unpatchify_grids": Unpatchify op => Unpatchify { first_row: 0, ..op };
    "euler_step_deltas": EulerStep op => EulerStep { delta: -op.delta, ..op };
    "cfg_combine_limits": CfgCombine op => CfgCombine { limit: 0.0, ..op };
    "latent_to_image_factors": LatentToImage op => LatentToImage { shift: 0.0, ..op };
    "conv2d_grids": Conv2d op => Conv2d { rows: 0..op.view.strip.grid.width, view: on_its_side(op.view), ..op };
    "conv2d_enlarges": Conv2d op => Conv2d { rows: 0..2 * op.view.strip.grid.width, view: on_its_side(op.view), ..op };
    "conv2d_normalises": Conv2d op => Conv2d { view: View { norm: None, ..op.view }, ..op };
    "conv2d_normalises": Conv2d op => Conv2d { view: without_silu(op.view), ..op };
    "conv2d_rows_are_independent": Conv2d op => Conv2d { rows: 0..op.rows.len(), ..op };
    "conv2d_accumulates": Conv2d op => Conv2d { epilogue: Epilogue::Store, ..op };
    "group_norm_groups": GroupMoments op => GroupMoments { groups: 1, ..op };
    "group_norm_groups": GroupFactors op => GroupFactors { weight: op.bias, bias: op.weight, ..op };
    "group_norm_groups": Normalise op => Normalise { norm: Norm { silu: false, ..op.norm }, ..op };
    "group_moments_of_strips": GroupMoments op => GroupMoments { strip: Strip { top: 0, ..op.strip }, ..op };
};

#[test]
fn mistakes_are_found() {
    for (i, (case, change)) in MISTAKES.into_iter().enumerate() {
        assert!(run(case, &Host::mistaken(change)).is_err(), "{case} passes mistake {i}");
    }
}

/// A case for each operation, and the backend that leaves the operation out.
macro_rules! left_out {
    ($($variant:ident: $case:literal)+) => {
        [$(($case, |op| if let Op::$variant(_) = op { None } else { Some(op) })),+]
    };
}

#[test]
fn results_that_are_not_written_are_found() {
    let left_out: [(&str, Change); 22] = left_out! {
        Linear: "linear_odd_sizes"
        RmsNorm: "rms_norm_sizes"
        LayerNormScale: "layer_norm_scale_sizes"
        GatedResidual: "gated_residual_sizes"
        GatedResidualNorm: "gated_residual_norm_sizes"
        QkNormRope: "qk_norm_rope_heads"
        Attention: "attention_head_widths"
        Embed: "embed_stored_types"
        TimestepEmbedding: "timestep_embedding_widths"
        Silu: "silu_ranges"
        FillRows: "fill_rows_ranges"
        CopyRows: "pack_and_keep"
        Patchify: "patchify_grids"
        Unpatchify: "unpatchify_grids"
        EulerStep: "euler_step_deltas"
        CfgCombine: "cfg_combine_limits"
        LatentToImage: "latent_to_image_factors"
        Conv2d: "conv2d_grids"
        GroupMoments: "group_norm_groups"
        GroupFactors: "group_norm_groups"
        Normalise: "group_norm_groups"
        ToRgb8: "to_rgb8_bytes"
    };
    for (case, change) in left_out {
        assert!(run(case, &Host::mistaken(change)).is_err(), "{case} passes");
    }
}

#[test]
fn rows_that_depend_on_the_batch_are_found() {
    // Within the bound of any comparison with the definition, but different from one row alone.
    let spoil: Spoil = |op, values, rows| {
        if op == "Linear" && rows >= 32 {
            values.iter_mut().for_each(|v| *v *= 1.0 + f32::EPSILON);
        }
    };
    assert_eq!(run("linear_odd_sizes", &Host::spoilt(spoil)), Ok(()));
    assert!(run("linear_rows_are_independent", &Host::spoilt(spoil)).is_err());
}

#[test]
fn one_pass_with_other_bits_than_two_is_found() {
    let spoil: Spoil = |op, values, _| {
        if op == "GatedResidualNorm" {
            values.iter_mut().for_each(|v| *v *= 1.0 + f32::EPSILON);
        }
    };
    assert_eq!(run("gated_residual_norm_sizes", &Host::spoilt(spoil)), Ok(()));
    assert!(run("gated_residual_norm_is_both", &Host::spoilt(spoil)).is_err());
}

#[test]
fn single_elements_and_small_errors_are_found_and_named() {
    let last: Spoil = |op, values, _| {
        if let ("RmsNorm", Some(v)) = (op, values.last_mut()) {
            *v += 1e-4;
        }
    };
    let failure = run("rms_norm_sizes", &Host::spoilt(last)).unwrap_err().to_string();
    assert!(failure.contains("Rms") && failure.contains("width: 7"), "{failure}");
    assert!(failure.contains("element 6 of 7"), "{failure}");

    let all: Spoil = |op, values, _| {
        if op == "Conv2d" {
            values.iter_mut().for_each(|v| *v *= 1.0 + 1e-5);
        }
    };
    assert!(run("conv2d_long_sums", &Host::spoilt(all)).is_err());
}
