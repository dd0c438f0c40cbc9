//! Panels of integers from files and for files. From a file they are used where they lie, without
//! being read; only what does not line up is copied.

use bytes::Bytes;
use zao_backend::{Int8Panels, Result, Stored};

use super::{Kept, Part, Words, block_of};
use crate::device::Cpu;
use crate::kernel::PANEL;
use crate::quantise::rotate_back;

// What files hold is what multiplies read.
const _: () = assert!(Int8Panels::OUTPUTS == PANEL && Int8Panels::INPUTS == Kept::Int8.inputs());

/// Bytes of a word.
const WORD: usize = size_of::<u32>();

/// What an integer of filling is stored as: zero.
const FILLING: u8 = 128;

impl Part {
    /// One matrix of a file.
    pub(crate) fn mapped(panels: &Int8Panels) -> Result<Self> {
        let (words, scales) = (aligned(panels.words())?, padded(panels.scales().to_f32()));
        Ok(Self { words, kept: Kept::Int8, rows: panels.shape()[0], scales })
    }

    /// Matrices of a file, the outputs of one after those of the other: as many parts if each but the
    /// last fills its panels, else one that is a copy.
    pub(crate) fn mapped_stack(sources: &[&Int8Panels]) -> Result<Vec<Self>> {
        let whole = |panels: &&Int8Panels| panels.shape()[0].is_multiple_of(PANEL);
        match sources.split_last() {
            Some((_, before)) if !before.iter().all(whole) => Ok(vec![Self::restacked(sources)?]),
            _ => sources.iter().map(|panels| Self::mapped(panels)).collect(),
        }
    }

    /// The rows of `sources` moved together.
    fn restacked(sources: &[&Int8Panels]) -> Result<Self> {
        let rows: usize = sources.iter().map(|panels| panels.shape()[0]).sum();
        let words = sources.first().map_or(0, |panels| panels.shape()[1].div_ceil(WORD));
        let mut block = block_of(rows.div_ceil(PANEL), words * PANEL)?;
        let out = block.bytes_mut();
        out.fill(FILLING);
        let rows_of = |panels: &'_ Int8Panels| 0..panels.shape()[0];
        let from = sources.iter().flat_map(|&panels| rows_of(panels).map(move |row| (panels, row)));
        for (to, (panels, row)) in from.enumerate() {
            for word in 0..words {
                let of_source = &panels.words()[place(words, row, word)..][..WORD];
                out[place(words, to, word)..][..WORD].copy_from_slice(of_source);
            }
        }
        let scales = sources.iter().flat_map(|panels| panels.scales().to_f32()).collect();
        Ok(Self { words: Words::Own(block), kept: Kept::Int8, rows, scales: padded(scales) })
    }

    /// The matrix as a file keeps it; only of integers.
    fn into_stored(self, depth: usize) -> Int8Panels {
        let words = match self.words {
            Words::Own(block) => Bytes::from_owner(block),
            Words::Mapped(bytes) => bytes,
            Words::Unpacked(_) => unreachable!("what is stored was packed in panels"),
        };
        let scales = Stored::from_f32(&[self.rows], &self.scales[..self.rows]);
        Int8Panels::new([self.rows, depth], words, scales).expect("panels are packed as files are")
    }
}

impl Cpu {
    /// A dense matrix `[out, in]` quantised as this device multiplies it, to be stored. Loading the
    /// result gives the weight that loading the matrix in `int8` gives, bit for bit.
    ///
    /// # Errors
    /// No memory, or a tensor that is no matrix.
    pub fn int8_panels(&self, matrix: &Stored) -> Result<Int8Panels> {
        let &[_, depth] = matrix.shape() else {
            return Err(Self::unsupported("quantise", format!("the shape {:?}", matrix.shape())));
        };
        Ok(Part::pack(self, std::slice::from_ref(matrix), depth, Kept::Int8)?.into_stored(depth))
    }

    /// The values that the output `row` of a stored matrix stands for, to see what quantising cost.
    ///
    /// # Panics
    /// When there is no such row, or `out` has not as many values as it.
    pub fn int8_row(panels: &Int8Panels, row: usize, out: &mut [f32]) {
        let &[_, inputs] = panels.shape() else { unreachable!("panels are matrices") };
        assert_eq!(out.len(), inputs, "a row is widened");
        let mut scale = [0.0];
        panels.scales().widen(row, &mut scale);
        let words = inputs.div_ceil(WORD);
        for (word, values) in out.chunks_mut(WORD).enumerate() {
            let bytes = &panels.words()[place(words, row, word)..][..values.len()];
            for (value, byte) in values.iter_mut().zip(bytes) {
                *value = (f32::from(*byte) - f32::from(FILLING)) * scale[0];
            }
        }
        rotate_back(out);
    }
}

/// Where in panels of so many words a row that word of a row lies, in bytes.
fn place(words: usize, row: usize, word: usize) -> usize {
    ((row / PANEL * words + word) * PANEL + row % PANEL) * WORD
}

/// The bytes themselves if they can be read as words, else a copy that can.
fn aligned(bytes: &Bytes) -> Result<Words> {
    if bytes.as_ptr().cast::<u32>().is_aligned() {
        return Ok(Words::Mapped(bytes.clone()));
    }
    let mut block = block_of(1, bytes.len() / WORD)?;
    block.bytes_mut().copy_from_slice(bytes);
    Ok(Words::Own(block))
}

/// Scales of whole panels; those of filling multiply nothing.
fn padded(mut scales: Vec<f32>) -> Vec<f32> {
    scales.resize(scales.len().next_multiple_of(PANEL), 0.0);
    scales
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isa::Isa;
    use crate::settings::Settings;

    fn matrix(rows: usize, depth: usize, seed: f32) -> Stored {
        let value = |i: usize| ((i as f32 + seed) * 0.37).sin() * (1.0 + (i % 7) as f32);
        Stored::from_f32(&[rows, depth], &(0..rows * depth).map(value).collect::<Vec<_>>())
    }

    /// Values that are exact on every machine.
    fn whole_numbers(rows: usize, depth: usize) -> Stored {
        let value = |i: usize| (i * i % 1009) as f32 - 504.0;
        Stored::from_f32(&[rows, depth], &(0..rows * depth).map(value).collect::<Vec<_>>())
    }

    fn cpu() -> Cpu {
        Cpu::new(Settings::default()).unwrap()
    }

    fn same(one: &Part, other: &Part) -> bool {
        let bits = |part: &Part| part.scales.iter().map(|s| s.to_bits()).collect::<Vec<_>>();
        one.rows == other.rows
            && one.words.as_slice() == other.words.as_slice()
            && bits(one) == bits(other)
    }

    #[test]
    fn panels_of_a_file_are_used_where_they_lie_and_are_what_loading_makes() {
        let cpu = cpu();
        for (rows, depth) in [(1, 1), (32, 256), (33, 5), (170, 300)] {
            let dense = matrix(rows, depth, 0.0);
            let loaded = Part::pack(&cpu, std::slice::from_ref(&dense), depth, Kept::Int8).unwrap();
            let panels = cpu.int8_panels(&dense).unwrap();
            let part = Part::mapped(&panels).unwrap();
            assert!(same(&part, &loaded), "{rows}x{depth}");
            let Words::Mapped(bytes) = &part.words else { panic!("they were copied") };
            assert_eq!(bytes.as_ptr(), panels.words().as_ptr());
        }
    }

    /// What version 1 of the files means: when this changes, files need another version.
    #[test]
    fn the_bytes_of_a_matrix_are_what_they_were_on_every_machine() {
        for instructions in Isa::all().into_iter().map(Isa::instructions) {
            let settings = Settings { instructions: Some(instructions), ..Settings::default() };
            let panels = Cpu::new(settings).unwrap().int8_panels(&whole_numbers(33, 300)).unwrap();
            let bytes = [&panels.words()[..], panels.scales().bytes()].concat();
            let hash =
                |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
            let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325, hash);
            assert_eq!(hash, 0x9b9d_2648_05d8_7424, "{instructions:?}: {hash:#x}");
        }
    }

    #[test]
    fn rows_of_a_file_are_near_those_that_were_quantised() {
        for (rows, depth) in [(1, 1), (33, 5), (64, 256), (40, 300)] {
            let dense = matrix(rows, depth, 1.0);
            let panels = cpu().int8_panels(&dense).unwrap();
            let (mut exact, mut row) = (vec![0.0; depth], vec![0.0; depth]);
            for index in 0..rows {
                dense.widen(index * depth, &mut exact);
                Cpu::int8_row(&panels, index, &mut row);
                let square =
                    |values: &mut dyn Iterator<Item = f32>| values.map(|v| v * v).sum::<f32>();
                let lost = square(&mut exact.iter().zip(&row).map(|(a, b)| a - b));
                let all = square(&mut exact.iter().copied());
                assert!(lost < 1e-4 * all, "{rows}x{depth} {index}: {lost} of {all}");
            }
        }
    }

    #[test]
    fn bytes_between_words_are_copied() {
        let panels = cpu().int8_panels(&matrix(33, 5, 0.0)).unwrap();
        // One of both is not aligned, wherever the allocation begins.
        for skip in 0..2 {
            let bytes = [&vec![0; skip], &panels.words()[..]].concat();
            let words = Bytes::from(bytes).slice(skip..);
            let moved = Int8Panels::new([33, 5], words, panels.scales().clone()).unwrap();
            assert!(same(&Part::mapped(&moved).unwrap(), &Part::mapped(&panels).unwrap()));
        }
    }

    #[test]
    fn stacked_matrices_are_copied_only_when_a_panel_is_not_full() {
        let cpu = cpu();
        for (rows, parts) in [([32, 64, 5], 3), ([32, 33, 32], 1), ([1, 2, 3], 1)] {
            let dense = rows.map(|rows| matrix(rows, 70, rows as f32));
            let panels = dense.each_ref().map(|dense| cpu.int8_panels(dense).unwrap());
            let stack = Part::mapped_stack(&panels.each_ref()).unwrap();
            assert_eq!(stack.len(), parts, "{rows:?}");
            if let [one] = &stack[..] {
                let loaded = Part::pack(&cpu, &dense, 70, Kept::Int8).unwrap();
                assert!(same(one, &loaded), "{rows:?}");
            } else {
                assert!(stack.iter().all(|part| matches!(part.words, Words::Mapped(_))));
            }
        }
    }

    #[test]
    fn what_is_no_matrix_is_refused() {
        assert!(cpu().int8_panels(&Stored::from_f32(&[3], &[1.0; 3])).is_err());
    }
}
