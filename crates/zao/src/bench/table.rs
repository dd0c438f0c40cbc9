//! Measurements as lines for people, in columns.

use zao_api::{
    BatchRun, BenchGemm, BenchPicture, BenchScenarios, BenchSetup, BenchStage, ColdStart,
    MemoryUse, Repeated, Speed, Spread,
};

use crate::units;

/// What it is like to use a model.
pub(super) fn scenarios(bench: &BenchScenarios) -> Vec<String> {
    let BenchScenarios { model, device, device_detail, width, height, steps, .. } = bench;
    let mut lines = vec![format!(
        "scenarios of {model}: {width}x{height}, {steps} steps; on {device}: {device_detail}"
    )];
    let &ColdStart { open, load, draw, total } = &bench.cold;
    let mut rows = vec![
        times("first picture", total),
        times("  open", open),
        times("  load", load),
        times("  draw", draw),
        times("next picture", bench.warm.seconds),
    ];
    rows.extend(
        bench
            .batches
            .iter()
            .map(|batch| times(&format!("{} at once", batch.pictures), batch.seconds)),
    );
    lines.extend(columns(&rows));
    let Repeated { mean, deviation, .. } = &bench.warm;
    lines.push(format!("next picture: mean {mean:.4} s, deviation {deviation:.4} s"));
    lines.extend(bench.batches.iter().map(|batch| {
        let BatchRun { pictures, seconds_per_picture, peak_bytes, .. } = batch;
        let most = some_bytes(*peak_bytes);
        format!("{pictures} at once: {seconds_per_picture:.4} s each, {most} in use")
    }));
    let &MemoryUse { idle, loaded, peak, after, planned } = &bench.memory;
    let [idle, loaded, peak, after] = [idle, loaded, peak, after].map(some_bytes);
    lines.push(format!("memory in use: idle {idle}, loaded {loaded}, peak {peak}, after {after}"));
    lines.push(format!("planned for one picture: {}", units::bytes(planned)));
    lines.extend(bench.kernels.iter().map(|(family, kernel)| format!("{family}: {kernel}")));
    lines
}

fn some_bytes(bytes: Option<u64>) -> String {
    bytes.map_or_else(|| "unknown".into(), units::bytes)
}

/// Of one stage.
pub(super) fn stage(bench: &BenchStage) -> Vec<String> {
    let BenchStage { setup, width, height, tokens, batch, speed, queued_seconds, .. } = bench;
    let size = width.zip(*height).map(|(width, height)| format!("{width}x{height}"));
    let tokens = tokens.map(|tokens| format!("{tokens} tokens"));
    let batch = (*batch > 1).then(|| format!("{batch} pictures"));
    let what: Vec<String> = size.into_iter().chain(tokens).chain(batch).collect();
    let mut lines = vec![head(setup, &what.join(", "))];
    lines.extend(columns(&[row(&setup.bench, *speed), times("  queued", *queued_seconds)]));
    lines.push(format!("load {:.2} s, output rms {:.2}", bench.load_seconds, bench.output_rms));
    lines.extend(foot(setup));
    lines
}

/// Of a whole picture.
pub(super) fn picture(bench: &BenchPicture) -> Vec<String> {
    let BenchPicture { setup, width, height, tokens, steps, speed, stages } = bench;
    let what = format!("{width}x{height}, {tokens} tokens, {steps} steps");
    let mut lines = vec![head(setup, &what)];
    lines.extend(columns(&[
        times("load", stages.load),
        row("text", stages.text),
        row("denoise", stages.denoise),
        times("  one step", stages.step),
        row("decode", stages.decode),
        row("total", *speed),
    ]));
    lines.extend(foot(setup));
    lines
}

/// Of products.
pub(super) fn gemm(bench: &BenchGemm) -> Vec<String> {
    let mut lines = vec![head(&bench.setup, "rows x length x columns")];
    let rows: Vec<_> = bench
        .products
        .iter()
        .map(|it| row(&format!("{} {}x{}x{}", it.layer, it.m, it.k, it.n), it.speed))
        .collect();
    lines.extend(columns(&rows));
    lines.extend(foot(&bench.setup));
    lines
}

fn head(setup: &BenchSetup, what: &str) -> String {
    let BenchSetup { bench, model, weights, device, device_detail, .. } = setup;
    format!("{bench} of synthetic {model} in {weights}: {what}; on {device}: {device_detail}")
}

fn foot(setup: &BenchSetup) -> Vec<String> {
    let peak = format!("this machine's peak: {:.3} TFLOP/s", setup.peak_tflops);
    let memory = setup.peak_rss_bytes.map(|bytes| format!("most memory: {}", units::bytes(bytes)));
    let kernels = setup.kernels.iter().map(|(family, kernel)| format!("{family}: {kernel}"));
    [peak].into_iter().chain(memory).chain(kernels).collect()
}

/// Name, median, shortest and longest seconds, number of them, TFLOP, TFLOP/s, share of the peak.
type Row = [String; 8];

fn row(name: &str, speed: Speed) -> Row {
    let mut row = times(name, speed.seconds);
    row[5] = format!("{:.4}", speed.tflop);
    row[6] = format!("{:.3}", speed.tflops);
    row[7] = format!("{:.1} %", 100.0 * speed.share_of_peak);
    row
}

fn times(name: &str, seconds: Spread) -> Row {
    let Spread { median, min, max, n } = seconds;
    let [median, min, max] = [median, min, max].map(decimals);
    let none = String::new;
    [name.into(), median, min, max, n.to_string(), none(), none(), none()]
}

/// Seconds with as many decimals as tell short ones apart: a card multiplies in less than a millisecond.
fn decimals(seconds: f64) -> String {
    if seconds < 0.1 { format!("{seconds:.6}") } else { format!("{seconds:.4}") }
}

/// Rows below a head, each column as wide as its widest cell; columns that no row fills are left out.
fn columns(rows: &[Row]) -> Vec<String> {
    let head = ["", "median s", "min s", "max s", "n", "TFLOP", "TFLOP/s", "of peak"];
    let filled: [bool; 8] =
        std::array::from_fn(|column| column == 0 || rows.iter().any(|row| !row[column].is_empty()));
    let rows: Vec<Row> =
        [head.map(str::to_owned)].into_iter().chain(rows.iter().cloned()).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: [usize; 8] = std::array::from_fn(|column| width(column).unwrap_or(0));
    let line = |row: &Row| {
        let cells = row.iter().zip(widths).enumerate().filter(|(column, _)| filled[*column]);
        let cells = cells.map(|(column, (cell, width))| {
            if column == 0 { format!("{cell:width$}") } else { format!("{cell:>width$}") }
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_times_keep_their_digits_and_empty_columns_are_left_out() {
        let spread = Spread { median: 0.000_478, min: 0.05, max: 2.0, n: 5 };
        let lines = columns(&[times("load", spread)]);
        let expected =
            ["      median s     min s   max s  n", "load  0.000478  0.050000  2.0000  5"];
        assert_eq!(lines, expected);
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let spread = Spread { median: 1.0, min: 1.0, max: 123.0, n: 5 };
        let speed = Speed { seconds: spread, tflop: 13.0, tflops: 0.5, share_of_peak: 0.25 };
        let lines = columns(&[row("denoise", speed), times("load", spread)]);
        assert_eq!(
            lines,
            [
                "         median s   min s     max s  n    TFLOP  TFLOP/s  of peak",
                "denoise    1.0000  1.0000  123.0000  5  13.0000    0.500   25.0 %",
                "load       1.0000  1.0000  123.0000  5",
            ]
        );
    }
}
