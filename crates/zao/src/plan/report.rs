//! The plan as a table for people and as JSON for programs.

use std::time::Duration;

use serde_json::{Value, json};
use zao_engine::{MemoryPlan, On, Place, Placed, Prospect, recommended};
use zao_request::on_the_wire;

use super::{Planned, words};
use crate::columns::{self, Side};
use crate::language::{Language, Text};
use crate::units;

/// The table in `language`, with what it is for above it and what to choose below.
pub(super) fn lines(planned: &Planned, language: Language) -> Vec<String> {
    let say = |text: &Text| text.say(language).to_owned();
    let Planned { model, size, steps, batch, card, ram, prospects, .. } = planned;
    let card = match card {
        Some((name, memory)) => {
            let name = name.clone().unwrap_or_else(|| say(&words::any_card()));
            words::card(&name, *memory)
        }
        None => words::no_card(),
    };
    let sides = (size.width, size.height);
    let mut lines: Vec<_> =
        [words::drawing(model, sides, *steps, *batch), card, words::main_memory(*ram)]
            .iter()
            .map(say)
            .collect();
    let best = recommended(prospects);
    let fitting = prospects.iter().enumerate().filter(|(_, it)| it.plan.is_ok());
    let own = fitting.filter_map(|(at, it)| row(it, &precision(it), best == Some(at)));
    let in_int4 = planned.in_int4.iter().filter_map(|it| row(it, &in_int4(it), false));
    let rows = own.chain(in_int4);
    let rows: Vec<Vec<String>> = std::iter::once(words::heads())
        .chain(rows)
        .map(|row| row.iter().map(say).collect())
        .collect();
    lines.push(String::new());
    lines.extend(columns::table(&rows, |at| if at < 5 { Side::Left } else { Side::Right }));
    for prospect in prospects {
        if let Err(why) = &prospect.plan {
            let what = format!("{}, {}: ", say(&place(prospect.on)), precision(prospect));
            lines.push(what + &say(&words::refused(&why.to_string())));
        }
    }
    lines.push(String::new());
    let advice = best.map(|at| choice(planned, &prospects[at]));
    lines.extend(advice.unwrap_or_else(|| vec![words::nothing_fits()]).iter().map(say));
    if planned.in_int4.iter().any(|it| it.plan.is_ok()) {
        lines.push(say(&words::convert(model)));
    }
    lines.extend(words::notes().iter().map(say));
    lines
}

/// What to choose, and how to ask for it; and what is much faster, if something is.
fn choice(planned: &Planned, best: &Prospect) -> Vec<Text> {
    let Planned { size, batch, asked_vram, .. } = planned;
    let (width, height, own) = (size.width, size.height, precision(best));
    let device = if best.on == On::Card { "" } else { " --device cpu" };
    let count = if *batch > 1 { format!(" --count {batch}") } else { String::new() };
    let vram = asked_vram.filter(|_| best.on == On::Card);
    let vram = vram.map_or_else(String::new, |vram| format!(" --vram {}M", vram / 1_000_000));
    let aside = best.plan.as_ref().is_ok_and(|plan| plan.aside > 0);
    let reads = if aside { " --text-encoder-on cpu" } else { "" };
    let command = format!(
        "zao generate \"...\" --size {width}x{height} --precision {own}{device}{count}{vram}{reads}"
    );
    let chosen = words::choose(&place(best.on), &own, &command);
    let time = |it: &Prospect| it.times.map(|times| times.next);
    let fastest =
        planned.prospects.iter().filter(|it| time(it).is_some()).min_by_key(|it| time(it));
    let faster = fastest.and_then(|it| {
        let is_much = time(it)? < time(best)?.mul_f64(0.75);
        is_much.then(|| Some(words::faster(&place(it.on), &precision(it), &seconds(time(it)?))))?
    });
    std::iter::once(chosen).chain(faster).collect()
}

fn place(on: On) -> Text {
    match on {
        On::Card => words::on_card(),
        On::Processor => words::on_processor(),
    }
}

fn precision(prospect: &Prospect) -> String {
    on_the_wire(prospect.precision).to_string()
}

/// The name of a precision that int4 is multiplied in.
fn in_int4(prospect: &Prospect) -> String {
    format!("int4, {}", precision(prospect))
}

fn row(prospect: &Prospect, precision: &str, is_best: bool) -> Option<Vec<Text>> {
    let plan = prospect.plan.as_ref().ok()?;
    let size = |bytes: Option<u64>| Text::same(bytes.map_or_else(|| "-".into(), units::bytes));
    let time = |time: Option<Duration>| Text::same(time.map_or_else(|| "-".into(), seconds));
    let times = prospect.times;
    Some(vec![
        Text::same(if is_best { "*" } else { "" }),
        place(prospect.on),
        Text::same(precision),
        lies(&plan.placement.text_encoder, plan),
        lies(&plan.placement.transformer, plan),
        size(prospect.card_bytes()),
        size(prospect.main_bytes()),
        time(times.map(|times| times.step)),
        time(times.map(|times| times.first)),
        time(times.map(|times| times.next)),
    ])
}

/// Where a part lies.
fn lies(placed: &Placed, plan: &MemoryPlan) -> Text {
    match placed.place {
        Place::Streamed(streamed) => words::streamed(streamed.passing(), placed.bytes),
        Place::Processor => words::on_processor(),
        Place::Resident if plan.parts_take_turns() => words::in_turn(),
        Place::Resident => words::resident(),
    }
}

/// Seconds with three digits that count.
fn seconds(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    let decimals = match seconds {
        ..1.0 => 3,
        ..10.0 => 2,
        ..100.0 => 1,
        _ => 0,
    };
    format!("{seconds:.decimals$} s")
}

pub(super) fn json(planned: &Planned) -> Value {
    let Planned { model, size, steps, batch, card, ram, prospects, in_int4, .. } = planned;
    let best = recommended(prospects);
    let choice = |it: &Prospect, is_best: bool| {
        let plan = it.plan.as_ref().ok();
        let part = |placed: &Placed| {
            json!({
                "bytes": placed.bytes,
                "device": match (it.on, placed.place) {
                    (On::Processor, _) | (_, Place::Processor) => "cpu",
                    (On::Card, _) => "cuda",
                },
                "card_bytes": (it.on == On::Card).then(|| placed.device_bytes()),
                "streamed_bytes": placed.streamed_bytes(),
                "page_locked_bytes": placed.locked_bytes(),
            })
        };
        let parts = plan.map(|plan| {
            json!({
                "text_encoder": part(&plan.placement.text_encoder),
                "transformer": part(&plan.placement.transformer),
                "decoder": part(&plan.placement.decoder),
                "in_turn": plan.parts_take_turns(),
            })
        });
        json!({
            "device": match it.on { On::Card => "cuda", On::Processor => "cpu" },
            "precision": precision(it),
            "recommended": is_best,
            "refused_because": it.plan.as_ref().err().map(ToString::to_string),
            "parts": parts,
            "card_peak_bytes": it.card_bytes(),
            "memory_peak_bytes": it.main_bytes(),
            "step_seconds": it.times.map(|times| times.step.as_secs_f64()),
            "first_seconds": it.times.map(|times| times.first.as_secs_f64()),
            "next_seconds": it.times.map(|times| times.next.as_secs_f64()),
        })
    };
    let choices = prospects.iter().enumerate().map(|(at, it)| choice(it, best == Some(at)));
    let in_int4 = in_int4.iter().map(|it| choice(it, false));
    json!({
        "model": model,
        "width": size.width,
        "height": size.height,
        "steps": steps,
        "batch": batch,
        "card": card.as_ref().map(|(name, memory)| json!({"name": name, "usable_bytes": memory})),
        "usable_memory_bytes": ram,
        "choices": choices.collect::<Vec<_>>(),
        "choices_in_int4": in_int4.collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_three_digits() {
        let of = |milliseconds| seconds(Duration::from_millis(milliseconds));
        assert_eq!(
            [of(87), of(2460), of(16_040), of(134_500)],
            ["0.087 s", "2.46 s", "16.0 s", "134 s"]
        );
    }
}
