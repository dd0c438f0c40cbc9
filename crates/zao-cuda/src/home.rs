//! Where the bytes of a weight are: on the card for good, or passing through a window of its memory. How they lie
//! there is decided in `weight.rs` and `packed.rs`.

use std::sync::Arc;

use zao_backend::{Backend, Matrix, Region, Result, Streamed};

use crate::device::Cuda;
use crate::driver::DevicePtr;
use crate::loader::{self, Shipment};
use crate::memory::Memory;
use crate::packed::PackedParts;
use crate::streaming::Streaming;
use crate::weight::{self, Kept};

/// How a weight lies on the card.
#[derive(Clone, Debug)]
pub(crate) enum Arrangement {
    /// As it is multiplied.
    Multiplied(Kept),
    /// Packed, at least in part.
    Packed(Arc<PackedParts>),
}

impl Arrangement {
    /// Bytes that `matrix` takes.
    pub(crate) fn bytes(&self, matrix: &Matrix) -> usize {
        match self {
            Self::Multiplied(kept) => weight::bytes(matrix, *kept),
            Self::Packed(parts) => parts.bytes(),
        }
    }

    /// What brings `matrix` to `to`.
    pub(crate) fn shipment<'a>(
        &self,
        cuda: &Cuda,
        matrix: &'a Matrix,
        to: DevicePtr,
    ) -> Result<Shipment<'a>> {
        match self {
            Self::Multiplied(kept) => weight::shipment(cuda, matrix, *kept, to),
            Self::Packed(parts) => parts.shipment(cuda, matrix, to),
        }
    }
}

/// Where the bytes of a weight are.
#[derive(Debug)]
pub(crate) enum Home {
    /// On the card.
    Resident(Memory),
    /// They pass through a window; which of its weights this is.
    Streamed(Arc<Streaming>, usize),
}

impl Home {
    /// Takes `matrix` in, arranged so.
    pub(crate) fn take_in(cuda: &Cuda, matrix: &Matrix, arrangement: &Arrangement) -> Result<Self> {
        let bytes = arrangement.bytes(matrix);
        let may_pass = Streamed::takes(matrix.role(), matrix.care());
        let streaming = cuda.streaming_now().clone();
        if let Some(streaming) = streaming.filter(|it| may_pass && !it.stays(bytes)) {
            let number = streaming.add(cuda, matrix, arrangement.clone())?;
            return Ok(Self::Streamed(streaming, number));
        }
        let memory = cuda.allocate(bytes, Region::Model)?;
        loader::load_resident(cuda, &arrangement.shipment(cuda, matrix, memory.start())?)?;
        Ok(Self::Resident(memory))
    }

    /// Has the bytes on the card for what is launched next, until [`Self::used`]; the first of them.
    pub(crate) fn at_hand(&self, cuda: &Cuda) -> Result<DevicePtr> {
        match self {
            Self::Resident(memory) => Ok(memory.start()),
            Self::Streamed(streaming, number) => streaming.bring(cuda, *number),
        }
    }

    /// Everything that reads them is launched.
    pub(crate) fn used(&self, cuda: &Cuda) -> Result<()> {
        match self {
            Self::Resident(_) => Ok(()),
            Self::Streamed(streaming, number) => streaming.used(cuda, *number),
        }
    }

    /// The first of them, where they lie on the card for good.
    pub(crate) fn resident(&self) -> Option<DevicePtr> {
        match self {
            Self::Resident(memory) => Some(memory.start()),
            Self::Streamed(..) => None,
        }
    }
}
