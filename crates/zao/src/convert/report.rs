//! What a conversion cost, as lines for people and as JSON for programs.

use std::path::Path;

use serde_json::{Value, json};
use zao_engine::{Beside, ConvertTo, Converted, ConvertedMatrix, Gained, Kept, KeptBecause};
use zao_weights::PartName;

use crate::units;

/// What there is to tell.
pub(super) struct Report<'a> {
    /// What the original is called.
    pub(super) name: &'a str,
    pub(super) to: ConvertTo,
    pub(super) place: &'a Path,
    pub(super) converted: Converted,
    /// Pictures, if any were compared.
    pub(super) beside: Option<Beside>,
}

/// Layers of one part that have the same name but for the block that they are in.
struct Group<'a> {
    part: PartName,
    layer: String,
    matrices: Vec<&'a ConvertedMatrix>,
}

impl Group<'_> {
    /// From the nearest to the farthest.
    fn sort(&mut self) {
        self.matrices.sort_by(|a, b| a.relative_error.total_cmp(&b.relative_error));
    }

    fn median(&self) -> f64 {
        let count = self.matrices.len();
        let at = |index: usize| self.matrices[index].relative_error;
        f64::midpoint(at((count - 1) / 2), at(count / 2))
    }

    fn worst(&self) -> &ConvertedMatrix {
        self.matrices.last().expect("a group is begun with a matrix")
    }
}

impl Report<'_> {
    pub(super) fn lines(&self) -> Vec<String> {
        let Converted { before, after, .. } = self.converted;
        let (name, to, path) = (self.name, self.to, self.place.display());
        let (after, before) = (units::bytes(after), units::bytes(before));
        let mut lines =
            vec![format!("{name} in {to} is in {path} ({after} of weights, {before} before)")];
        lines.extend(self.converted.kept.iter().map(kept));
        lines.extend(self.table());
        lines.extend(low_rank(&self.converted.matrices));
        lines.extend(match &self.beside {
            Some(beside) => pictures(beside),
            None => vec![
                "pictures were not compared; --pictures 8 draws eight of 512x512 at most with both, 128 forwards of \
                 the transformer: about half an hour on two cores for z-image-turbo, a minute on a card"
                    .into(),
            ],
        });
        lines
    }

    /// Each kind of layer with its error.
    fn table(&self) -> Vec<String> {
        let groups = groups(&self.converted.matrices);
        if groups.is_empty() {
            return Vec::new();
        }
        let head = ["error of the weights", "layers", "median", "worst", ""].map(str::to_owned);
        let row = |group: &Group<'_>| {
            let worst = group.worst();
            [
                format!("  {} {}", group.part, group.layer),
                group.matrices.len().to_string(),
                percent(group.median()),
                percent(worst.relative_error),
                format!("in {}", layer(&worst.name)),
            ]
        };
        let mut rows = vec![head];
        rows.extend(groups.iter().map(row));
        if groups.len() > 1 {
            let matrices = groups.into_iter().flat_map(|group| group.matrices).collect();
            let mut all = Group { part: PartName::Transformer, layer: String::new(), matrices };
            all.sort();
            rows.push([
                "  all".into(),
                all.matrices.len().to_string(),
                percent(all.median()),
                percent(all.worst().relative_error),
                format!("in the {} {}", all.worst().part, layer(&all.worst().name)),
            ]);
        }
        columns(&rows)
    }

    pub(super) fn json(&self) -> Value {
        let matrix = |matrix: &ConvertedMatrix| {
            json!({
                "part": matrix.part.folder(),
                "name": matrix.name,
                "shape": matrix.shape,
                "stored": matrix.stored,
                "bytes": matrix.bytes,
                "relative_error": matrix.relative_error,
                "kept": matrix.kept.map(key),
                "low_rank": matrix.low_rank.map(|gained| json!({
                    "rank": gained.rank,
                    "bytes": gained.bytes,
                    "relative_error_without": gained.error_without,
                })),
            })
        };
        json!({
            "model": self.name,
            "to": self.to.to_string(),
            "bytes_before": self.converted.before,
            "bytes": self.converted.after,
            "layers": self.converted.matrices.iter().map(matrix).collect::<Vec<_>>(),
            "pictures": self.beside.as_ref().map(pictures_json),
        })
    }
}

/// Quantised matrices by part and kind of layer, in the order in which they first appear.
fn groups(matrices: &[ConvertedMatrix]) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for matrix in matrices.iter().filter(|matrix| matrix.kept.is_none()) {
        let kind = kind(&matrix.name);
        let same = |group: &&mut Group<'_>| group.part == matrix.part && group.layer == kind;
        match groups.iter_mut().find(same) {
            Some(group) => group.matrices.push(matrix),
            None => groups.push(Group {
                part: matrix.part,
                layer: kind.to_owned(),
                matrices: vec![matrix],
            }),
        }
    }
    groups.iter_mut().for_each(Group::sort);
    groups
}

/// Each layer with a low-rank part, and what that gains.
fn low_rank(matrices: &[ConvertedMatrix]) -> Vec<String> {
    let with: Vec<_> =
        matrices.iter().filter_map(|matrix| Some((matrix, matrix.low_rank?))).collect();
    if with.is_empty() {
        return Vec::new();
    }
    let bytes = with.iter().map(|(_, gained)| gained.bytes).sum();
    let head = format!(
        "{} of them have a low-rank part beside their integers, {} in all, since a few of their inputs or directions are \
         much larger than the rest",
        with.len(),
        units::bytes(bytes)
    );
    let line = |(matrix, gained): &(&ConvertedMatrix, Gained)| {
        format!(
            "  {} {}: rank {}, error {} instead of about {}",
            matrix.part,
            layer(&matrix.name),
            gained.rank,
            percent(matrix.relative_error),
            percent(gained.error_without)
        )
    };
    [head].into_iter().chain(with.iter().map(line)).collect()
}

/// The name of a layer: that of its weight without what all have.
fn layer(name: &str) -> &str {
    name.strip_suffix(".weight").unwrap_or(name)
}

/// What a layer is called in each block: what comes behind the block's number.
fn kind(name: &str) -> &str {
    let name = layer(name);
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let mut parts = name.splitn(3, '.');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(_), Some(number), Some(kind)) if is_number(number) => kind,
        _ => name,
    }
}

fn percent(error: f64) -> String {
    format!("{:.2} %", 100.0 * error)
}

/// The first column to the left, numbers to the right, the last as it is.
fn columns(rows: &[[String; 5]]) -> Vec<String> {
    let width =
        |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let [first, count, median, worst] = [0, 1, 2, 3].map(width);
    let line = |row: &[String; 5]| {
        let [name, layers, of_median, of_worst, place] = row;
        let line = format!(
            "{name:first$}  {layers:>count$}  {of_median:>median$}  {of_worst:>worst$}  {place}"
        );
        line.trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

fn kept(kept: &Kept) -> String {
    let names = if kept.whole { "all of it".to_owned() } else { kept.names.join(", ") };
    let why = match kept.why {
        KeptBecause::LookedUp => "as it was, since it is looked up, not multiplied",
        KeptBecause::Unrounded => {
            "in bf16, since every token of every step depends on them and they are small"
        }
        KeptBecause::AtLeastBf16 => "in bf16, since between numbers and pixels errors can be seen",
        KeptBecause::NoWholeGroups => "in bf16, since their rows are not whole groups of 64 values",
    };
    format!("  {} kept {why}: {names}", kept.part)
}

/// What programs call a reason.
fn key(why: KeptBecause) -> &'static str {
    match why {
        KeptBecause::LookedUp => "looked_up",
        KeptBecause::Unrounded => "unrounded",
        KeptBecause::AtLeastBf16 => "at_least_bf16",
        KeptBecause::NoWholeGroups => "no_whole_groups",
    }
}

fn decibels(psnr: f64) -> String {
    if psnr.is_finite() { format!("{psnr:.1} dB") } else { "the same".into() }
}

fn pictures(beside: &Beside) -> Vec<String> {
    let Beside { width, height, steps, original, copy, pictures } = beside;
    let drawn = if original == copy {
        format!("both drawn in {original}")
    } else {
        format!("drawn in {copy}, those of the model in {original}")
    };
    let mut lines =
        vec![format!("pictures beside the model's ({width}x{height}, {steps} steps, {drawn})")];
    let line = |psnr: f64, what: &str| format!("  {:>8}  {what}", decibels(psnr));
    lines.extend(pictures.iter().map(|picture| line(picture.psnr, picture.prompt)));
    let worst = pictures.iter().map(|picture| picture.psnr).fold(f64::INFINITY, f64::min);
    lines.push(line(beside.median(), &format!("median; the worst {}", decibels(worst))));
    lines
}

fn pictures_json(beside: &Beside) -> Value {
    // No JSON number is infinite: `null` is for pictures that are the same.
    let one = |picture: &zao_engine::Compared| json!({ "prompt": picture.prompt, "seed": picture.seed, "psnr_db": picture.psnr });
    json!({
        "width": beside.width,
        "height": beside.height,
        "steps": beside.steps,
        "precision_of_model": beside.original.to_string(),
        "precision": beside.copy.to_string(),
        "median_psnr_db": beside.median(),
        "each": beside.pictures.iter().map(one).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_are_called_the_same_in_every_block() {
        for (name, expected) in [
            ("layers.12.attention.to_out.0.weight", "attention.to_out.0"),
            ("context_refiner.0.feed_forward.w1.weight", "feed_forward.w1"),
            ("proj.weight", "proj"),
            ("a.b.c.weight", "a.b.c"),
        ] {
            assert_eq!(kind(name), expected);
        }
    }

    #[test]
    fn layers_with_a_low_rank_part_are_told_with_what_it_gains() {
        let matrix = |name: &str, low_rank| ConvertedMatrix {
            part: PartName::Transformer,
            name: name.into(),
            shape: vec![64, 64],
            stored: "int4",
            bytes: 2176,
            relative_error: 0.05,
            kept: None,
            low_rank,
        };
        let gained = Gained { rank: 16, bytes: 4096, error_without: 0.125 };
        assert_eq!(low_rank(&[matrix("layers.0.a.weight", None)]), [""; 0]);
        let lines = low_rank(&[
            matrix("layers.0.a.weight", None),
            matrix("layers.0.b.weight", Some(gained)),
        ]);
        assert!(lines[0].starts_with("1 of them"), "{lines:?}");
        let expected = "  transformer layers.0.b: rank 16, error 5.00 % instead of about 12.50 %";
        assert_eq!(lines[1..], [expected]);
    }

    #[test]
    fn columns_stand_below_each_other() {
        let row = |cells: [&str; 5]| cells.map(str::to_owned);
        let lines =
            columns(&[row(["", "n", "x", "y", ""]), row(["名", "10", "9.12 %", "1", "in z"])]);
        assert_eq!(lines, ["    n       x  y", "名  10  9.12 %  1  in z"]);
    }
}
