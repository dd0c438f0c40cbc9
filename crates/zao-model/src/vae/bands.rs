//! Residual blocks in bands of rows, for when memory is short ([`super::Thrift`]).
//!
//! Every row goes through the same operations as in [`Resnet::forward`], and rows of operations do not
//! depend on the rows beside them, so the result is the same bit for bit.

use std::ops::Range;

use zao_backend::Shape;
use zao_backend::op::Stride;
use zao_backend::prelude::*;

use super::layers::{Conv, Factors, GroupNorm};
use super::resnet::Resnet;
use crate::Result;

/// Side of the kernels of a residual block.
const SIDE: usize = 3;

/// A picture cut into bands.
#[derive(Clone, Copy)]
pub(super) struct Bands {
    /// Extent of the picture.
    pub(super) grid: Grid,
    /// Rows of a band.
    pub(super) height: usize,
}

impl Bands {
    /// The rows of each band.
    fn iter(self) -> impl Iterator<Item = Range<usize>> {
        let height = self.grid.height;
        (0..height).step_by(self.height).map(move |top| top..(top + self.height).min(height))
    }

    /// The rows that `rows` see of the picture before a convolution.
    fn seen(self, rows: &Range<usize>) -> Range<usize> {
        Stride::One.sees(SIDE, rows, self.grid.height)
    }

    /// Cells of rows, by their numbers in a tensor that begins with row `top`.
    fn cells(self, rows: &Range<usize>, top: usize) -> Range<usize> {
        (rows.start - top) * self.grid.width..(rows.end - top) * self.grid.width
    }
}

/// A picture that is enlarged when it is read.
pub(super) struct Enlarged<'a, B: Backend> {
    pub(super) conv: &'a Conv<B>,
    pub(super) x: Tensor<B>,
    /// Extent of `x`.
    pub(super) grid: Grid,
}

impl<B: Backend> Enlarged<'_, B> {
    /// Its extent.
    pub(super) fn extent(&self) -> Grid {
        Stride::Half.of(self.grid)
    }

    /// The same at the lowest address there is. Where the block before had its input is a hole now, too
    /// small for what comes and below what stays; a copy fills it.
    pub(super) fn moved(self, b: &B) -> Result<Self> {
        let x = b.pack(&[(&self.x, 0..self.x.rows())])?;
        Ok(Self { x, ..self })
    }

    /// All of it.
    pub(super) fn all(self, b: &B) -> Result<Tensor<B>> {
        self.rows(b, &(0..self.extent().height))
    }

    fn rows(&self, b: &B, rows: &Range<usize>) -> Result<Tensor<B>> {
        self.conv.enlarge(b, &self.x, self.grid, rows.clone())
    }

    /// What a norm does to it.
    fn factors(&self, b: &B, norm: &GroupNorm<B>, bands: Bands) -> Result<Factors<B>> {
        let mut moments = norm.moments(b, bands.grid)?;
        for rows in bands.iter() {
            moments.add(b, &self.rows(b, &rows)?, Strip::new(bands.grid, &rows))?;
        }
        moments.factors(b)
    }
}

impl<B: Backend> Resnet<B> {
    /// [`Resnet::forward`] of a picture that is not held.
    pub(super) fn of_bands(
        &self,
        b: &B,
        source: Enlarged<'_, B>,
        bands: Bands,
    ) -> Result<Tensor<B>> {
        let norm = source.factors(b, &self.norm1, bands)?;
        let shape = Shape::new(bands.grid.area(), self.conv1.outputs());
        let (mut hidden, mut out) = (b.no_rows(shape)?, b.no_rows(shape)?);
        for rows in bands.iter() {
            let seen = bands.seen(&rows);
            let x = source.rows(b, &seen)?;
            let view = View { x: &x, strip: Strip::new(bands.grid, &seen), norm: None };
            let h = self.conv1.rows(b, view.with(norm.silu()), rows.clone())?;
            b.copy_rows(&mut hidden, bands.cells(&rows, 0).start, &h, 0..h.rows())?;
            drop(h);
            let shortcut = self.shortcut(b, view, &rows, bands)?;
            b.copy_rows(&mut out, bands.cells(&rows, 0).start, &shortcut, 0..shortcut.rows())?;
        }
        drop(source);
        let norm = self.norm2.factors(b, &hidden, bands.grid)?;
        let view = View::whole(&hidden, bands.grid).with(norm.silu());
        self.conv2.add_to(b, &mut out, view, 0..bands.grid.height)?;
        Ok(out)
    }

    /// [`Resnet::forward`] of a picture that is not held, without holding what is between the
    /// convolutions either.
    pub(super) fn of_bands_in_bands(
        &self,
        b: &B,
        source: Enlarged<'_, B>,
        bands: Bands,
    ) -> Result<Tensor<B>> {
        let norm1 = source.factors(b, &self.norm1, bands)?;
        let hidden = |x: &Tensor<B>, held: &Range<usize>, rows: &Range<usize>| {
            let view = View { x, strip: Strip::new(bands.grid, held), norm: Some(norm1.silu()) };
            self.conv1.rows(b, view, rows.clone())
        };
        let mut moments = self.norm2.moments(b, bands.grid)?;
        for rows in bands.iter() {
            let seen = bands.seen(&rows);
            let h = hidden(&source.rows(b, &seen)?, &seen, &rows)?;
            moments.add(b, &h, Strip::new(bands.grid, &rows))?;
        }
        let norm2 = moments.factors(b)?;
        let mut out = b.no_rows(Shape::new(bands.grid.area(), self.conv1.outputs()))?;
        for rows in bands.iter() {
            let inner = bands.seen(&rows);
            let seen = bands.seen(&inner);
            let x = source.rows(b, &seen)?;
            let h = hidden(&x, &seen, &inner)?;
            let view = View { x: &x, strip: Strip::new(bands.grid, &seen), norm: None };
            let mut band = self.shortcut(b, view, &rows, bands)?;
            drop(x);
            let view =
                View { x: &h, strip: Strip::new(bands.grid, &inner), norm: Some(norm2.silu()) };
            self.conv2.add_to(b, &mut band, view, rows.clone())?;
            b.copy_rows(&mut out, bands.cells(&rows, 0).start, &band, 0..band.rows())?;
        }
        drop(source);
        Ok(out)
    }

    /// [`Resnet::forward`] in the place of `x`, without holding what is between the convolutions.
    pub(super) fn in_bands(
        &self,
        b: &B,
        mut x: Tensor<B>,
        grid: Grid,
        bands: Bands,
    ) -> Result<Tensor<B>> {
        if self.conv_shortcut.is_some() {
            // Its result has another width, so it has no place in `x`.
            return self.forward(b, x, grid);
        }
        let norm1 = self.norm1.factors(b, &x, grid)?;
        let mut moments = self.norm2.moments(b, grid)?;
        for rows in bands.iter() {
            let view = View::whole(&x, grid).with(norm1.silu());
            let h = self.conv1.rows(b, view, rows.clone())?;
            moments.add(b, &h, Strip::new(grid, &rows))?;
        }
        let norm2 = moments.factors(b)?;
        // What rows above a band were before they became results.
        let mut above: Option<Tensor<B>> = None;
        for rows in bands.iter() {
            let inner = bands.seen(&rows);
            let seen = bands.seen(&inner);
            let cells = bands.cells(&(rows.start..seen.end), 0);
            let held = match &above {
                Some(above) => b.pack(&[(above, 0..above.rows()), (&x, cells)])?,
                None => b.pack(&[(&x, cells)])?,
            };
            let of_next = bands.seen(&bands.seen(&(rows.end..rows.end))).start..rows.end;
            above = Some(b.pack(&[(&held, bands.cells(&of_next, seen.start))])?);
            let view = View { x: &held, strip: Strip::new(grid, &seen), norm: Some(norm1.silu()) };
            let h = self.conv1.rows(b, view, inner.clone())?;
            let mut band = b.pack(&[(&held, bands.cells(&rows, seen.start))])?;
            drop(held);
            let view = View { x: &h, strip: Strip::new(grid, &inner), norm: Some(norm2.silu()) };
            self.conv2.add_to(b, &mut band, view, rows.clone())?;
            b.copy_rows(&mut x, bands.cells(&rows, 0).start, &band, 0..band.rows())?;
        }
        Ok(x)
    }

    /// What goes past the convolutions, in the rows `rows`.
    fn shortcut(
        &self,
        b: &B,
        view: View<'_, B>,
        rows: &Range<usize>,
        bands: Bands,
    ) -> Result<Tensor<B>> {
        match &self.conv_shortcut {
            Some(conv) => conv.rows(b, view, rows.clone()),
            None => Ok(b.pack(&[(view.x, bands.cells(rows, view.strip.top))])?),
        }
    }
}
