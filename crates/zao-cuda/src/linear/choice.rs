//! Whether a library multiplies a product, decided by timings and remembered in a file. Nothing is measured here.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Numbers of rows at which a product is timed: a caption, a small picture, a large one. A run of any other size
/// multiplies as the nearest does.
pub(crate) const ROWS: [usize; 3] = [64, 1024, 4096];

/// So much of the other's speed is enough. In doubt the kernels here multiply: they promise that a row keeps its bits.
const ENOUGH: f64 = 0.9;

/// The types of both operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Operands {
    Bf16,
    Fp8,
}

/// What becomes of sums, among what libraries are considered for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum End {
    Store,
    Accumulate,
    SwiGlu,
}

/// A product of any number of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Shape {
    pub(crate) operands: Operands,
    pub(crate) end: End,
    /// Whether the result is `f32`, and not bf16.
    pub(crate) out_f32: bool,
    pub(crate) outputs: usize,
    pub(crate) inputs: usize,
}

impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let operands = match self.operands {
            Operands::Bf16 => "bf16",
            Operands::Fp8 => "fp8",
        };
        write!(f, "{operands} {}x{}", self.outputs, self.inputs)?;
        match self.end {
            End::Store => Ok(()),
            End::Accumulate => f.write_str(" added"),
            End::SwiGlu => f.write_str(" SwiGLU"),
        }
    }
}

/// What was measured of a shape.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Measured {
    /// Microseconds that the kernel here takes at each of [`ROWS`].
    pub(crate) own: [f64; 3],
    /// Microseconds of the library, with the pass that it needs after it.
    pub(crate) library: [f64; 3],
    /// For each of [`ROWS`], for which of them the library's choice of algorithm was taken; `None` if rows got other bits
    /// in other company.
    pub(crate) algorithms: Option<[usize; 3]>,
}

impl Measured {
    /// The speed of the kernel here as a part of the library's.
    pub(crate) fn share(&self, at: usize) -> f64 {
        self.library[at] / self.own[at]
    }

    /// Whether the library multiplies the shape, whatever the number of rows: much faster where it takes long, and nowhere
    /// much slower.
    pub(crate) fn library_wins(&self) -> bool {
        let shares: [f64; 3] = std::array::from_fn(|at| self.share(at));
        self.algorithms.is_some()
            && shares.iter().all(|share| share.is_finite() && *share <= 1.0 / ENOUGH)
            && shares[ROWS.len() - 1] < ENOUGH
    }
}

/// Which of [`ROWS`] so many rows are multiplied like.
pub(crate) fn class(rows: usize) -> usize {
    match rows {
        0..=256 => 0,
        257..=1536 => 1,
        _ => 2,
    }
}

/// What timings hold for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Setup {
    pub(crate) card: String,
    /// The driver's interface.
    pub(crate) driver: i32,
    /// The library's file.
    pub(crate) library: String,
    pub(crate) zao: String,
    /// A checksum of the kernels here.
    pub(crate) kernels: String,
}

/// What was measured with one setup.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Record {
    setup: Setup,
    /// What the library calls itself; empty while nothing was measured.
    name: String,
    measured: Vec<(Shape, Measured)>,
}

impl Record {
    /// What is remembered for `setup` in `folder`. A file that is missing, damaged or of another setup is as good as
    /// none: everything can be measured again.
    pub(crate) fn load(folder: Option<&Path>, setup: Setup) -> Self {
        let read = |folder: &Path| {
            let text = std::fs::read(file(folder, &setup)).ok()?;
            let record: Self = serde_json::from_slice(&text).ok()?;
            (record.setup == setup).then_some(record)
        };
        folder.and_then(read).unwrap_or_else(|| Self {
            setup,
            name: String::new(),
            measured: Vec::new(),
        })
    }

    /// What was measured of `shape`.
    pub(crate) fn of(&self, shape: &Shape) -> Option<&Measured> {
        self.measured.iter().find_map(|(known, measured)| (known == shape).then_some(measured))
    }

    /// Whether the library will be wanted, as far as it can be told beforehand: to measure it, or because it won
    /// before.
    pub(crate) fn wants_library(&self) -> bool {
        self.measured.is_empty() || self.measured.iter().any(|(_, it)| it.library_wins())
    }

    /// What the library that was measured calls itself.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Remembers a shape that was measured with the library `name`.
    pub(crate) fn add(&mut self, name: &str, shape: Shape, measured: Measured) {
        name.clone_into(&mut self.name);
        self.measured.retain(|(known, _)| *known != shape);
        self.measured.push((shape, measured));
    }

    /// Writes it into `folder`, whole or not at all.
    ///
    /// # Errors
    /// A folder that cannot be made or written to.
    pub(crate) fn save(&self, folder: &Path) -> io::Result<()> {
        std::fs::create_dir_all(folder)?;
        let mut written = tempfile::NamedTempFile::new_in(folder)?;
        serde_json::to_writer_pretty(&mut written, self)?;
        written.persist(file(folder, &self.setup))?;
        Ok(())
    }
}

/// The file of a setup; one for each kind of card, so that those of one machine do not forget each other.
fn file(folder: &Path, setup: &Setup) -> PathBuf {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let card: String = setup.card.chars().map(plain).collect();
    folder.join(format!("cuda-linear-{card}.json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: Shape = Shape {
        operands: Operands::Bf16,
        end: End::Store,
        out_f32: false,
        outputs: 3840,
        inputs: 10_240,
    };

    fn measured(own: [f64; 3], library: [f64; 3]) -> Measured {
        Measured { own, library, algorithms: Some([0, 1, 2]) }
    }

    fn setup() -> Setup {
        Setup {
            card: "NVIDIA A100-SXM4-80GB".into(),
            driver: 12_080,
            library: "/usr/lib/libcublasLt.so.12 1 2".into(),
            zao: "0.1.0".into(),
            kernels: "0123".into(),
        }
    }

    #[test]
    fn a_library_has_to_be_much_faster_at_many_rows_and_not_much_slower_at_few() {
        assert!(measured([20.0, 80.0, 300.0], [18.0, 50.0, 160.0]).library_wins());
        assert!(!measured([20.0, 80.0, 300.0], [18.0, 50.0, 271.0]).library_wins());
        assert!(measured([20.0, 80.0, 300.0], [22.0, 50.0, 160.0]).library_wins());
        assert!(!measured([20.0, 80.0, 300.0], [23.0, 50.0, 160.0]).library_wins());
        assert!(!measured([20.0, 0.0, 300.0], [18.0, 50.0, 160.0]).library_wins());
    }

    #[test]
    fn a_library_whose_rows_change_bits_never_wins() {
        let fast = Measured { algorithms: None, ..measured([20.0; 3], [1.0; 3]) };
        assert!(!fast.library_wins());
    }

    #[test]
    fn a_record_comes_back_for_the_same_setup_only() {
        let folder = tempfile::tempdir().unwrap();
        let at = Some(folder.path());
        let mut record = Record::load(at, setup());
        assert_eq!(record.of(&SHAPE), None);
        record.add("cuBLASLt 12.9", SHAPE, measured([1.0; 3], [2.0; 3]));
        let last = measured([20.0, 80.0, 300.5], [18.0, 50.0, 160.0]);
        record.add("cuBLASLt 12.9", SHAPE, last);
        record.save(folder.path()).unwrap();
        assert_eq!(Record::load(at, setup()), record);
        assert_eq!(Record::load(at, setup()).of(&SHAPE), Some(&last));
        for other in [
            Setup { driver: 13_000, ..setup() },
            Setup { zao: "0.2.0".into(), ..setup() },
            Setup { kernels: "4567".into(), ..setup() },
            Setup { library: "/usr/lib/libcublasLt.so.13 1 2".into(), ..setup() },
        ] {
            assert_eq!(Record::load(at, other).of(&SHAPE), None);
        }
        assert_eq!(Record::load(None, setup()).of(&SHAPE), None);
    }

    #[test]
    fn a_library_that_never_won_is_not_wanted() {
        let mut record = Record::load(None, setup());
        assert!(record.wants_library(), "nothing is known of it");
        record.add("cuBLASLt 12.9", SHAPE, measured([1.0; 3], [2.0; 3]));
        assert!(!record.wants_library());
        record.add("cuBLASLt 12.9", SHAPE, measured([2.0; 3], [1.0; 3]));
        assert!(record.wants_library());
    }

    #[test]
    fn a_damaged_record_is_as_good_as_none() {
        let folder = tempfile::tempdir().unwrap();
        let mut record = Record::load(Some(folder.path()), setup());
        record.add("cuBLASLt 12.9", SHAPE, measured([1.0; 3], [2.0; 3]));
        record.save(folder.path()).unwrap();
        let path = file(folder.path(), &setup());
        let whole = std::fs::read(&path).unwrap();
        for damaged in [&whole[..whole.len() / 2], b"", b"{}", b"null", &[0xff; 100]] {
            std::fs::write(&path, damaged).unwrap();
            assert_eq!(Record::load(Some(folder.path()), setup()).of(&SHAPE), None);
        }
        record.save(folder.path()).unwrap();
        assert_eq!(Record::load(Some(folder.path()), setup()), record);
    }

    #[test]
    fn sizes_are_multiplied_like_the_nearest_that_was_timed() {
        assert_eq!(ROWS.map(class), [0, 1, 2]);
        assert_eq!([1, 320, 1088, 2048, 4160].map(class), [0, 1, 1, 2, 2]);
    }
}
