//! Classifier-free guidance: when it applies and how strong it is.
//!
//! The convention is that of diffusers' Z-Image pipeline: `p + g (p - n)`, so 0 is off and a "CFG
//! scale" of other tools is `g + 1`.

/// How strongly, how far and how long the negative prompt pushes away.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Guidance {
    /// `g`; 0 means that the negative prompt is never evaluated.
    pub scale: f32,
    /// Largest norm of the combined prediction, as a multiple of the positive one's; 0 for no limit.
    pub normalization: f32,
    /// Guidance stops once the model's time (0 at pure noise, 1 at the picture) exceeds this; above 1
    /// it never stops.
    pub truncation: f32,
}

impl Guidance {
    /// No guidance: what Z-Image-Turbo is made for.
    pub const OFF: Self = Self { scale: 0.0, normalization: 0.0, truncation: 1.0 };

    /// Whether any step may need the negative prompt.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.scale > 0.0
    }

    /// Whether the step at model time `t` is guided.
    #[must_use]
    pub fn applies_at(&self, t: f32) -> bool {
        self.is_on() && !(self.truncation <= 1.0 && t > self.truncation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn truncation_switches_guidance_off_late() {
        let guidance = Guidance { scale: 3.5, normalization: 1.0, truncation: 0.6 };
        assert!(guidance.applies_at(0.0) && guidance.applies_at(0.6));
        assert!(!guidance.applies_at(0.61));
        assert!(Guidance { truncation: 1.5, ..guidance }.applies_at(0.99));
        assert!(!Guidance::OFF.applies_at(0.0));
    }
}
