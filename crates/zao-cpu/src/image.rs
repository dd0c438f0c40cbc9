//! Turning a picture's values into bytes.

use zao_backend::Result;
use zao_backend::op::ToRgb8;

use crate::device::Cpu;
use crate::view::Rows;

/// `round(255 * clamp(x / 2 + 0.5, 0, 1))`.
pub(crate) fn to_rgb8(cpu: &Cpu, op: ToRgb8<'_, Cpu>) -> Result<()> {
    let (x, width) = (Rows::of(op.x), op.x.width());
    cpu.for_each_band(op.out, width, |mut band, values| {
        for row in band.rows.clone() {
            x.load(cpu.isa, row, values);
            for value in values.iter_mut() {
                *value = 255.0 * (*value / 2.0 + 0.5).clamp(0.0, 1.0);
            }
            band.row(row).store(cpu.isa, values);
        }
    })
}
