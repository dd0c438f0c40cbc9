//! Large linear layers by cuBLASLt, where it is installed and was measured to be faster.
//!
//! A shape is measured when it is first multiplied, unless the cache knows it. A library that gives a row other bits
//! in other company, as far as a test finds, is not used, and one whose results are wrong is not used for anything.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use zao_backend::{Element, Result};

use super::choice::{self, End, ROWS, Record, Setup, Shape, class};
use super::measure::{Outcome, measure};
use super::{Ending, Product};
use crate::Settings;
use crate::address::blocks;
use crate::device::Cuda;
use crate::driver::{Context, DevicePtr, Launch, args, driver_version};
use crate::libraries::{
    Addresses, Algorithm, CublasLt, Libraries, Operands, Plan, Task, UseOfLibraries, WORKSPACE,
    numbers,
};
use crate::staging::Scratch;
use crate::weight::Kept;

/// Smaller weights are not worth asking.
const LEAST: usize = 1 << 22;
/// Bytes of sums on their way to SwiGLU, which is a pass of its own after a library.
const BETWEEN: usize = 80 << 20;
/// Device memory that multiplying takes, at most.
pub(crate) const MOST: usize = WORKSPACE + BETWEEN;
/// Plans that are kept; a run has a few numbers of rows for a few shapes.
const PLANS: usize = 256;

/// What the library multiplies on one card.
#[derive(Debug)]
pub(crate) struct LibraryProducts {
    libraries: Arc<Libraries>,
    scratch: Scratch,
    state: Mutex<State>,
    /// Opens the library meanwhile.
    opening: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct State {
    /// What was measured, in this run and before.
    record: Option<Record>,
    verdicts: HashMap<Shape, Verdict>,
    plans: HashMap<(Shape, usize), Option<Plan>>,
    /// Why the library is not to be trusted.
    wrong: Option<String>,
}

#[derive(Clone, Debug)]
enum Verdict {
    /// The kernels here, and why, if not for their speed.
    Own(Option<String>),
    /// The library, with these algorithms.
    Library(Algorithms),
}

/// The algorithm for each of [`ROWS`].
type Algorithms = [Algorithm; ROWS.len()];

impl LibraryProducts {
    /// For the card of `context`. Looking for the library and opening it takes a third of a second, so a thread does it
    /// while weights are loaded, if it will be wanted.
    pub(crate) fn new(context: &Arc<Context>, settings: &Settings) -> Self {
        let libraries = Arc::new(Libraries::new(settings.libraries.clone()));
        let open = {
            let (libraries, context) = (Arc::clone(&libraries), Arc::clone(context));
            let cache = settings.cache.clone();
            move || {
                if libraries.any()
                    && context.bind().is_ok()
                    && setup(&context, &libraries)
                        .is_ok_and(|setup| Record::load(cache.as_deref(), setup).wants_library())
                {
                    libraries.cublaslt(&context);
                }
            }
        };
        let wanted = settings.libraries != UseOfLibraries::Never;
        let opening = wanted.then(|| std::thread::spawn(open));
        Self { libraries, opening, scratch: Scratch::default(), state: Mutex::default() }
    }

    /// Gives memory on the card back.
    pub(crate) fn release(&self) {
        self.scratch.release();
    }

    /// The library's name, if it multiplies anything.
    pub(crate) fn in_use(&self) -> Option<String> {
        let library = self.libraries.opened_cublaslt()?;
        let state = self.state();
        let used = state.verdicts.values().any(|it| matches!(it, Verdict::Library(_)));
        used.then(|| name(library))
    }

    /// What was found and chosen, in words; `None` while nothing was looked for.
    pub(crate) fn describe(&self) -> Option<String> {
        let mut said: Vec<String> = self.state().describe().into_iter().collect();
        said.extend(self.libraries.remarks());
        (!said.is_empty()).then(|| said.join("; "))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for LibraryProducts {
    /// A library is not opened while the process ends.
    fn drop(&mut self) {
        // A thread that died has opened nothing, which its error would only repeat.
        let _ = self.opening.take().map(JoinHandle::join);
    }
}

fn name(library: &CublasLt) -> String {
    format!("cuBLASLt {}", numbers(library.version()))
}

impl State {
    /// Who multiplies what; `None` as long as no library was considered.
    fn describe(&self) -> Option<String> {
        if let Some(wrong) = &self.wrong {
            return Some(format!("cuBLASLt ignored: {wrong}"));
        }
        let name = self.record.as_ref().map(Record::name).filter(|name| !name.is_empty())?;
        let share = |shape: &Shape| {
            let measured = self.record.as_ref()?.of(shape)?;
            Some(measured.share(ROWS.len() - 1))
        };
        let (mut used, mut own, mut refused) = (Vec::new(), Vec::new(), Vec::new());
        for (shape, verdict) in &self.verdicts {
            match (verdict, share(shape)) {
                (Verdict::Library(_), Some(share)) => {
                    used.push(format!("{shape} (own kernel {share:.2} of it)"));
                }
                (Verdict::Library(_), None) => used.push(shape.to_string()),
                (Verdict::Own(None), share) => own.extend(share),
                (Verdict::Own(Some(why)), _) => refused.push(format!("{shape}: {why}")),
            }
        }
        used.sort();
        refused.sort();
        own.sort_by(f64::total_cmp);
        let mut said = if used.is_empty() {
            format!("{name} for nothing")
        } else {
            format!("{name} for {}, rows alike in a test of it", used.join(", "))
        };
        if let [least, .., most] | [least @ most] = own.as_slice() {
            said += &format!(", own kernels {least:.2} to {most:.2} of it elsewhere");
        }
        for why in refused {
            said += &format!(", not {why}");
        }
        Some(said)
    }
}

/// Multiplies, if the library is the one to do so; whether it did.
pub(crate) fn multiply(cuda: &Cuda, product: &Product) -> Result<bool> {
    let these = cuda.library_products();
    let Some(shape) = shape(product).filter(|_| these.libraries.any()) else { return Ok(false) };
    let mut state = these.state();
    if !state.verdicts.contains_key(&shape) {
        let verdict = judge(cuda, &mut state, shape, product)?;
        state.verdicts.insert(shape, verdict);
    }
    let Some(Verdict::Library(algorithms)) = state.verdicts.get(&shape) else { return Ok(false) };
    let Some(library) = these.libraries.opened_cublaslt() else { return Ok(false) };
    let algorithms = *algorithms;
    if state.plans.len() > PLANS {
        state.plans.clear();
    }
    let scales = [product.x_scales, product.weight_scales];
    let mut plans = Remembered { library, shape, scales, algorithms, plans: &mut state.plans };
    run(cuda, library, shape, product, &mut plans)
}

/// Where a multiply finds the plan for so many rows at once.
pub(super) trait Plans {
    /// The plan, if there is one.
    fn of(&mut self, rows: usize) -> Option<&mut Plan>;
}

/// Plans that are made when they are needed.
struct Remembered<'a> {
    library: &'a CublasLt,
    shape: Shape,
    scales: [DevicePtr; 2],
    algorithms: Algorithms,
    plans: &'a mut HashMap<(Shape, usize), Option<Plan>>,
}

impl Plans for Remembered<'_> {
    fn of(&mut self, rows: usize) -> Option<&mut Plan> {
        let make = || {
            let algorithm = Some(self.algorithms[class(rows)]);
            self.library.plan(task(self.shape, rows), self.scales, algorithm).ok()
        };
        self.plans.entry((self.shape, rows)).or_insert_with(make).as_mut()
    }
}

impl Plans for Plan {
    fn of(&mut self, _: usize) -> Option<&mut Plan> {
        Some(self)
    }
}

/// Who multiplies `shape`: as remembered, or as measured now. The library is opened only if that needs it.
fn judge(cuda: &Cuda, state: &mut State, shape: Shape, product: &Product) -> Result<Verdict> {
    if state.wrong.is_some() {
        return Ok(Verdict::Own(None));
    }
    let libraries = &cuda.library_products().libraries;
    let library = || libraries.cublaslt(cuda.context()).filter(|it| it.takes(operands(shape)));
    let folder = cuda.settings().cache.as_deref();
    let record = match &mut state.record {
        Some(record) => record,
        none => none.insert(Record::load(folder, setup(cuda.context(), libraries)?)),
    };
    let measured = match record.of(&shape) {
        Some(measured) => *measured,
        None => {
            let Some(library) = library() else { return Ok(Verdict::Own(None)) };
            match measure(cuda, library, shape, product) {
                Outcome::Measured(measured) => {
                    record.add(&name(library), shape, measured);
                    // Without a cache it is measured again the next time, which takes a moment and nothing else.
                    let _ = folder.map(|folder| record.save(folder));
                    measured
                }
                Outcome::Refused(why) => return Ok(Verdict::Own(Some(why))),
                Outcome::Wrong(why) => {
                    state.wrong = Some(why);
                    state.verdicts.values_mut().for_each(|verdict| *verdict = Verdict::Own(None));
                    return Ok(Verdict::Own(None));
                }
            }
        }
    };
    let Some(which) = measured.algorithms else {
        return Ok(Verdict::Own(Some("rows change bits with the rows beside them".into())));
    };
    if !measured.library_wins() && !libraries.always() {
        return Ok(Verdict::Own(None));
    }
    let Some(library) = library() else { return Ok(Verdict::Own(None)) };
    Ok(match algorithms(library, shape, product, which) {
        Ok(algorithms) => Verdict::Library(algorithms),
        Err(why) => Verdict::Own(Some(why)),
    })
}

/// The library's own choices at [`ROWS`], of which `which` are taken. It chooses the same each time.
fn algorithms(
    library: &CublasLt,
    shape: Shape,
    product: &Product,
    which: [usize; ROWS.len()],
) -> Result<Algorithms, String> {
    let scales = [product.x_scales, product.weight_scales];
    let mut algorithms = Algorithms::default();
    for (algorithm, at) in algorithms.iter_mut().zip(which) {
        let rows = ROWS.get(at).ok_or("what is remembered of it is damaged")?;
        *algorithm = library.plan(task(shape, at_once(shape, *rows)), scales, None)?.algorithm();
    }
    Ok(algorithms)
}

/// What timings on this card hold for.
fn setup(context: &Context, libraries: &Libraries) -> Result<Setup> {
    Ok(Setup {
        card: context.card().name.clone(),
        driver: driver_version()?,
        library: libraries.identity(),
        zao: env!("CARGO_PKG_VERSION").into(),
        kernels: format!("{:016x}", crate::kernels::checksum("gemm")),
    })
}

/// The shape of a product that a library may be asked for.
fn shape(product: &Product) -> Option<Shape> {
    let operands = match (product.x_element, product.weight_kept) {
        (Element::Bf16, Kept::Bf16) => choice::Operands::Bf16,
        (Element::Fp8, Kept::Fp8) => choice::Operands::Fp8,
        _ => return None,
    };
    let end = match product.ending {
        Ending::Store => End::Store,
        Ending::Accumulate => End::Accumulate,
        Ending::SwiGlu => End::SwiGlu,
        Ending::Silu => return None,
    };
    let out_f32 = match product.out_element {
        Element::Bf16 => false,
        Element::F32 if end != End::SwiGlu => true,
        _ => return None,
    };
    let (outputs, inputs) = (product.outputs, product.inputs);
    let aligned = |address: DevicePtr| address.raw().is_multiple_of(16);
    let width = if end == End::SwiGlu { outputs / 2 } else { outputs };
    let taken = product.bias == DevicePtr::NULL
        && product.out_width == width
        && product.rows > 0
        && outputs * inputs >= LEAST
        && outputs.is_multiple_of(16)
        && inputs.is_multiple_of(16)
        && [product.x, product.weight, product.out].into_iter().all(aligned);
    taken.then_some(Shape { operands, end, out_f32, outputs, inputs })
}

fn operands(shape: Shape) -> Operands {
    match shape.operands {
        choice::Operands::Bf16 => Operands::Bf16,
        choice::Operands::Fp8 => Operands::Fp8,
    }
}

/// What the library is asked for.
pub(super) fn task(shape: Shape, rows: usize) -> Task {
    Task {
        operands: operands(shape),
        out_f32: shape.out_f32,
        accumulate: shape.end == End::Accumulate,
        rows,
        outputs: shape.outputs,
        inputs: shape.inputs,
    }
}

/// Rows that are multiplied at once of so many: all, unless sums have to fit [`BETWEEN`].
pub(super) fn at_once(shape: Shape, rows: usize) -> usize {
    let fit = match shape.end {
        End::Store | End::Accumulate => return rows,
        End::SwiGlu => (BETWEEN / (shape.outputs * Element::Bf16.size())).max(1),
    };
    // A power of two, so that the largest of `ROWS` is whole pieces.
    rows.min(1 << fit.ilog2())
}

/// Multiplies piece by piece; whether there was a plan for each.
pub(super) fn run(
    cuda: &Cuda,
    library: &CublasLt,
    shape: Shape,
    product: &Product,
    plans: &mut dyn Plans,
) -> Result<bool> {
    let at_once = at_once(shape, product.rows);
    let pair = shape.end == End::SwiGlu;
    let between = if pair { at_once * shape.outputs * Element::Bf16.size() } else { 0 };
    let these = cuda.library_products();
    let workspace = these.scratch.get(cuda.context(), WORKSPACE + between)?;
    let between = workspace.plus(WORKSPACE);
    let x_row = product.inputs * product.x_element.size();
    let width = if pair { shape.outputs / 2 } else { shape.outputs };
    for first in (0..product.rows).step_by(at_once) {
        let rows = at_once.min(product.rows - first);
        let out = product.out.plus(first * width * product.out_element.size());
        let x_scales = match product.x_scales {
            DevicePtr::NULL => DevicePtr::NULL,
            scales => scales.plus(first * size_of::<f32>()),
        };
        let addresses = Addresses {
            x: product.x.plus(first * x_row),
            x_scales,
            weight: product.weight,
            weight_scales: product.weight_scales,
            out: if pair { between } else { out },
        };
        let Some(plan) = plans.of(rows) else { return Ok(false) };
        // SAFETY: the plan is for these rows of this shape, whose memory the product names; the workspace is the
        // library's alone.
        unsafe { library.multiply(plan, addresses, workspace, cuda.stream()) }
            .map_err(|why| cuda.context().failed("multiply with cuBLASLt", why))?;
        if pair {
            let count = rows * width;
            let kernel = cuda.kernel("swiglu", "swiglu_bf16")?;
            let launch = Launch {
                grid: [blocks(count, 2048)?, 1, 1],
                block: [256, 1, 1],
                overlap: true,
                ..Launch::ONE
            };
            // SAFETY: there are twice as many sums as results, whole groups of eight of both.
            unsafe { cuda.run(&kernel, launch, args![between, out, count as i64])? };
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::super::choice::Measured;
    use super::*;

    fn pair(outputs: usize) -> Shape {
        let (operands, end) = (choice::Operands::Bf16, End::SwiGlu);
        Shape { operands, end, out_f32: false, outputs, inputs: 3840 }
    }

    #[test]
    fn sums_between_fit_and_are_whole_pieces_of_what_is_timed() {
        assert_eq!(at_once(pair(20_480), 4160), 2048);
        assert_eq!(at_once(pair(20_480), 64), 64);
        for outputs in [1024, 19_456, 20_480, 1 << 26] {
            let rows = at_once(pair(outputs), 4096);
            assert!(4096 % rows == 0, "{outputs}: {rows}");
        }
        assert_eq!(at_once(Shape { end: End::Store, ..pair(20_480) }, 4160), 4160);
    }

    #[test]
    fn a_description_says_what_is_whose() {
        let mut state = State::default();
        let setup = Setup {
            card: String::new(),
            driver: 0,
            library: String::new(),
            zao: String::new(),
            kernels: String::new(),
        };
        let mut record = Record::load(None, setup);
        let (one, two) = (pair(20_480), Shape { end: End::Store, ..pair(3840) });
        let measured =
            |share| Measured { own: [1.0; 3], library: [share; 3], algorithms: Some([0, 1, 2]) };
        record.add("cuBLASLt 12.9", one, measured(0.55));
        record.add("cuBLASLt 12.9", two, measured(1.02));
        state.record = Some(record);
        assert_eq!(state.describe().unwrap(), "cuBLASLt 12.9 for nothing");
        state.verdicts.insert(one, Verdict::Library(Algorithms::default()));
        state.verdicts.insert(two, Verdict::Own(None));
        assert_eq!(
            state.describe().unwrap(),
            "cuBLASLt 12.9 for bf16 20480x3840 SwiGLU (own kernel 0.55 of it), rows alike in a test of it, \
             own kernels 1.02 to 1.02 of it elsewhere"
        );
        state.wrong = Some("its results are wrong".into());
        assert_eq!(state.describe().unwrap(), "cuBLASLt ignored: its results are wrong");
    }
}
