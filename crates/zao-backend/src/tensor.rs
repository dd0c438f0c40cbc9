//! An activation: `[rows, width]` elements in device memory.

use crate::{Backend, Element};

/// Rows (tokens, pixels, channels) by width.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shape {
    /// Number of rows; for packed sequences, tokens.
    pub rows: usize,
    /// Elements of a row.
    pub width: usize,
}

impl Shape {
    /// The shape `[rows, width]`.
    #[must_use]
    pub const fn new(rows: usize, width: usize) -> Self {
        Self { rows, width }
    }

    /// Number of elements.
    #[must_use]
    pub const fn len(self) -> usize {
        self.rows * self.width
    }

    /// Whether there is no element.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }
}

impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "[{}, {}]", self.rows, self.width)
    }
}

/// A row-major matrix in a device's memory. Dropping it gives the memory back to its region, in
/// stream order: work already launched on it still completes first.
pub struct Tensor<B: Backend> {
    shape: Shape,
    element: Element,
    memory: B::Memory,
}

impl<B: Backend> Tensor<B> {
    /// Uninitialised memory for `shape` elements.
    pub(crate) fn allocate(
        backend: &B,
        shape: Shape,
        element: Element,
        region: crate::Region,
    ) -> crate::Result<Self> {
        let Some(bytes) = element.bytes(shape) else {
            return Err(crate::Error::shape("allocate", format!("{shape} has too many elements")));
        };
        let memory = backend.allocate(bytes, region)?;
        Ok(Self { shape, element, memory })
    }

    /// The same elements seen as rows of another width.
    ///
    /// # Panics
    /// When `shape` has another number of elements, or the elements are quantised row by row: a mistake of
    /// this crate.
    pub(crate) fn reshape(&mut self, shape: Shape) {
        let plain = matches!(self.element, Element::F32 | Element::Bf16);
        assert!(plain && shape.len() == self.shape.len(), "{self:?} as {shape}");
        self.shape = shape;
    }

    /// Rows and width.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.shape.rows
    }

    /// Elements of a row.
    pub fn width(&self) -> usize {
        self.shape.width
    }

    /// The element type the device chose.
    pub fn element(&self) -> Element {
        self.element
    }

    /// The device's memory, for the device that owns it.
    pub fn memory(&self) -> &B::Memory {
        &self.memory
    }

    /// The device's memory for writing, for the device that owns it.
    pub fn memory_mut(&mut self) -> &mut B::Memory {
        &mut self.memory
    }
}

impl<B: Backend> std::fmt::Debug for Tensor<B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tensor{} {:?}", self.shape, self.element)
    }
}
