//! The cases every device has to pass: the same calls on the device and on [`crate::Scalar`].
//!
//! A device crate runs them all with one line in `tests/conformance.rs`:
//!
//! ```text
//! zao_backend::conformance_suite!(MyDevice::new().unwrap());
//! ```
//!
//! The expression makes a fresh backend for each case. What a case checks, and how far a device may
//! be from the definition, is documented at the case and in `compare.rs`; nothing here knows a
//! device.

mod adapted;
mod attention;
mod bench;
mod compare;
mod convolution;
mod image;
mod latent;
mod linear;
mod memory;
mod norm;
mod random;
mod rotation;
mod rows;
mod sequence;

pub use compare::Difference;

use crate::{Backend, Error};

/// What a case says.
pub type Outcome = Result<(), Failure>;

/// Why a case failed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Failure {
    /// A result that is not what the definition gives.
    #[error("{what}: {difference}")]
    Differs {
        /// The operation with its sizes.
        what: String,
        /// Where and how much.
        difference: Difference,
    },
    /// An error where there should be a result.
    #[error("{what}: {source}")]
    Refused {
        /// The operation with its sizes.
        what: String,
        /// What the backend said.
        source: Error,
    },
    /// A result where there should be an error, or another error than the documented one.
    #[error("{what}: expected {expected}, got {got}")]
    Accepted {
        /// What was tried.
        what: String,
        /// The outcome that is documented.
        expected: &'static str,
        /// The outcome that came.
        got: String,
    },
}

impl Failure {
    fn differs(what: impl Into<String>, difference: Difference) -> Self {
        Self::Differs { what: what.into(), difference }
    }

    fn refused(what: impl Into<String>, source: Error) -> Self {
        Self::Refused { what: what.into(), source }
    }
}

impl From<Error> for Failure {
    fn from(source: Error) -> Self {
        Self::refused("setting the case up", source)
    }
}

/// A case with its name.
#[derive(Clone, Copy, Debug)]
pub struct Case<B> {
    /// The name of its test.
    pub name: &'static str,
    /// Runs it on a fresh backend.
    pub run: fn(&B) -> Outcome,
}

/// Declares the list of cases once, as values and as the macro that makes tests of them.
macro_rules! suite {
    (
        $d:tt
        cases { $($module:ident: $($case:ident)+;)+ }
        limits { $from:ident: $($limit:ident)+; }
    ) => {
        $(pub use $module::{$($case),+};)+
        pub use $from::{$($limit),+};

        /// The cases for every backend.
        #[must_use]
        pub fn cases<B: Backend>() -> Vec<Case<B>> {
            vec![$($(Case { name: stringify!($case), run: $case::<B> }),+),+]
        }

        /// The cases for backends that hold to what was reserved, as every device does.
        #[must_use]
        pub fn limit_cases<B: Backend>() -> Vec<Case<B>> {
            vec![$(Case { name: stringify!($limit), run: $limit::<B> }),+]
        }

        /// One `#[test]` for each case; the argument is an expression that makes a fresh backend.
        /// `unlimited` after it leaves out the cases for backends that hold to what was reserved.
        #[macro_export]
        macro_rules! conformance_suite {
            ($d make:expr) => {
                $d crate::conformance_suite!($d make, unlimited);
                $d crate::conformance_suite!(@test $d make, $($limit)+);
            };
            ($d make:expr, unlimited) => {
                $d crate::conformance_suite!(@test $d make, $($($case)+)+);
            };
            (@test $d make:expr, $d($d case:ident)+) => {
                $d(
                    #[test]
                    fn $d case() {
                        if let Err(failure) = $d crate::conformance::$d case(&$d make) {
                            panic!("{failure}");
                        }
                    }
                )+
            };
        }
    };
}

suite! { $
    cases {
        linear:
            linear_odd_sizes
            linear_long_sums
            linear_stored_types
            linear_packed_forms
            linear_packed_beside_dense
            linear_stacked_parts
            linear_epilogues
            linear_swiglu
            linear_outlier_channels
            linear_reads_f32
            linear_rows_are_independent
            linear_ignores_bad_neighbours;
        adapted:
            adapted_kinds
            adapted_sizes
            adapted_rows_are_independent
            adapted_refuses_what_does_not_fit;
        norm:
            rms_norm_sizes
            rms_norm_modulated
            rms_norm_outlier_channels
            rms_norm_rows_are_independent
            layer_norm_scale_sizes
            layer_norm_scale_large_mean
            gated_residual_sizes
            gated_residual_extreme_gates
            gated_residual_norm_sizes
            gated_residual_norm_is_both;
        rotation:
            qk_norm_rope_heads
            qk_norm_rope_leaves_values;
        attention:
            attention_head_widths
            attention_shared_keys
            attention_long_segments
            attention_large_scores
            attention_segments_are_independent
            attention_sees_no_other_segment
            attention_causal_sees_no_later_row;
        sequence:
            embed_stored_types
            timestep_embedding_widths
            silu_ranges;
        rows:
            fill_rows_ranges
            pack_and_keep
            upload_and_read;
        latent:
            patchify_grids
            unpatchify_grids
            euler_step_deltas
            cfg_combine_limits
            latent_to_image_factors;
        convolution:
            conv2d_grids
            conv2d_stride_two
            conv2d_enlarges
            conv2d_normalises
            conv2d_rows_are_independent
            conv2d_accumulates
            conv2d_stored_types
            conv2d_reads_activations
            conv2d_long_sums;
        image:
            group_norm_groups
            group_norm_large_mean
            group_moments_of_strips
            to_rgb8_bytes;
        memory:
            memory_rehearsed_run_fits
            memory_absurd_requests_are_refused
            memory_live_tensors_never_share
            memory_release_spares_live_tensors
            memory_write_checks_its_length
            load_refuses_hollow_weights;
    }
    limits {
        memory:
            memory_step_shortage_is_a_value
            memory_job_shortage_is_a_value
            memory_dropped_is_reused;
    }
}
