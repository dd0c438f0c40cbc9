//! The cases are well-formed: the reference passes them, so do backends with the reference's
//! arithmetic that hold to a memory plan and that round as devices do.

#[allow(dead_code, reason = "another test makes the mistakes")]
mod host;

mod reference {
    zao_backend::conformance_suite!(zao_backend::Scalar, unlimited);
}

mod planned_f32 {
    use super::host::Host;
    use zao_backend::Element::F32;

    zao_backend::conformance_suite!(Host::new(F32, F32));
}

mod bf16_linear_inputs {
    use super::host::Host;
    use zao_backend::Element::{Bf16, F32};

    zao_backend::conformance_suite!(Host::new(F32, Bf16));
}

mod bf16_activations {
    use super::host::Host;
    use zao_backend::Element::Bf16;

    zao_backend::conformance_suite!(Host::new(Bf16, Bf16));
}
