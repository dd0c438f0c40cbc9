//! The report: a row for each thing that was found, what drawing is like, and what to do.

use serde_json::{Value, json};
use zao_engine::{CardFacts, Device, DriverState, Host, Outlook, Served};

use super::advice::Advice;
use super::findings::{Drawing, Findings};
use super::words::{self, Label};
use crate::language::{Language, Text};
use crate::{columns, demo};

/// The report as lines in `language`.
pub(super) fn lines(findings: &Findings, advice: &[Advice], language: Language) -> Vec<String> {
    let rows = found(findings)
        .into_iter()
        .chain([(Label::Verdict, verdict(findings)), (Label::Advice, to_do(advice))]);
    let rows: Vec<_> = rows
        .map(|(label, texts)| {
            let lines = texts.iter().map(|text| text.say(language).to_owned());
            (label.text().say(language).to_owned(), lines.collect())
        })
        .collect();
    columns::labelled(&rows)
}

fn found(findings: &Findings) -> Vec<(Label, Vec<Text>)> {
    let Findings { host, disk, .. } = findings;
    let release = host.driver_release.as_deref();
    let mut rows = vec![
        (Label::Processor, vec![words::processor(&host.processor)]),
        (Label::Memory, vec![words::memory(&host.memory)]),
        (Label::Driver, vec![words::driver(&host.driver, release, host.plugged_in)]),
    ];
    if host.driver != DriverState::Missing {
        rows.push((Label::Cards, or(host.cards.iter().map(words::card), words::no_cards)));
        let library = |it: &zao_engine::InstalledLibrary| {
            words::library(it.name, it.major, &it.path.display().to_string())
        };
        rows.push((Label::Libraries, or(host.libraries.iter().map(library), words::no_libraries)));
    }
    let rate = disk.rate.map_or_else(|| Text::same(""), words::read_rate);
    let folder = disk.folder.display().to_string();
    rows.push((Label::Disk, vec![words::disk(disk.free, &folder).then(&rate)]));
    rows.push((Label::Models, models(findings)));
    let (folder, count) = &findings.loras;
    rows.push((Label::Loras, vec![words::loras(*count, &folder.display().to_string())]));
    rows
}

/// The texts, or this one if there is none.
fn or(texts: impl Iterator<Item = Text>, otherwise: fn() -> Text) -> Vec<Text> {
    let texts: Vec<_> = texts.collect();
    if texts.is_empty() { vec![otherwise()] } else { texts }
}

fn models(findings: &Findings) -> Vec<Text> {
    let found = findings.models.iter().map(|it| match &it.misfit {
        Some(why) => words::misfit(&it.name, why),
        None => {
            let place = it.path.display().to_string();
            words::whole(&it.name, it.bytes, it.weights.unwrap_or("?"), &place)
        }
    });
    let incomplete = findings.incomplete.iter().map(|it| {
        if it.downloading { words::unfinished(&it.name) } else { words::lacking(&it.name) }
    });
    let built_in = demo::FILES.map(|_| words::built_in(demo::NAME));
    or(found.chain(incomplete).chain(built_in), words::no_models)
}

fn verdict(findings: &Findings) -> Vec<Text> {
    let mut lines = drawing(&findings.own, true);
    lines.extend(findings.real.iter().flat_map(|real| drawing(real, false)));
    if findings.own.outlook.as_ref().is_ok_and(|outlook| outlook.picture.is_ok()) {
        let command = Text::same("zao generate \"a red apple on a blue background\"");
        lines.push(words::try_it().then(&command));
        lines.push(words::compare());
    }
    lines
}

fn drawing(drawing: &Drawing, is_here: bool) -> Vec<Text> {
    let outlook = match &drawing.outlook {
        Ok(outlook) => outlook,
        Err(why) => return vec![words::cannot_open(why)],
    };
    let card = match outlook.device {
        Device::Cuda(ordinal) => Some(format!("cuda:{ordinal} ({})", outlook.device_name)),
        Device::Auto | Device::Cpu => None,
    };
    let draws = words::draws(&drawing.model, is_here, card.as_deref(), &precision(outlook));
    let mut lines = vec![draws.then(&words::reason(outlook.reason))];
    lines.extend(outlook.passed_over.as_deref().map(words::passed_over));
    lines.push(match (&outlook.picture, outlook.largest) {
        (Ok(plan), Some(largest)) => {
            words::extent(outlook.size, plan.total(), largest, outlook.together)
        }
        (Err(why), _) => words::refused(why),
        (Ok(_), None) => return lines,
    });
    lines
}

fn precision(outlook: &Outlook) -> String {
    zao_request::on_the_wire(outlook.precision).to_string()
}

/// Advice with numbers, and below each what to type.
fn to_do(advice: &[Advice]) -> Vec<Text> {
    if advice.is_empty() {
        return vec![words::all_is_well()];
    }
    let mut lines = Vec::new();
    for (number, advice) in (1..).zip(advice) {
        lines.push(Text::same(format!("{number}. ")).then(&advice.text));
        lines.extend(advice.commands.iter().map(|command| Text::same(format!("   {command}"))));
    }
    lines
}

/// The report for programs; texts are in `language`.
pub(super) fn json(
    findings: &Findings,
    advice: &[Advice],
    obstacle: Option<&Text>,
    language: Language,
) -> Value {
    let Findings { host, disk, models, incomplete, loras: (folder, count), own, real } = findings;
    let advice = advice
        .iter()
        .map(|it| json!({"id": it.id, "text": it.text.say(language), "commands": it.commands}));
    let models = models.iter().map(|it| {
        json!({
            "name": it.name, "path": it.path.display().to_string(), "bytes": it.bytes,
            "weights": it.weights, "misfit": it.misfit,
        })
    });
    let incomplete =
        incomplete.iter().map(|it| json!({"name": it.name, "download_unfinished": it.downloading}));
    json!({
        "can_draw": obstacle.is_none(),
        "obstacle": obstacle.map(|text| text.say(language)),
        "machine": host_json(host),
        "disk": {
            "folder": disk.folder.display().to_string(), "free_bytes": disk.free,
            "read_bytes_per_second": disk.rate,
        },
        "models": models.collect::<Vec<_>>(),
        "incomplete": incomplete.collect::<Vec<_>>(),
        "demo_built_in": demo::FILES.is_some(),
        "loras": {"folder": folder.display().to_string(), "count": count},
        "drawing": drawing_json(own),
        "drawing_with_real_model": real.as_ref().map(drawing_json),
        "advice": advice.collect::<Vec<_>>(),
    })
}

fn host_json(host: &Host) -> Value {
    let (driver, cuda) = match &host.driver {
        DriverState::Missing => ("missing", None),
        DriverState::TooOld { cuda } => ("too-old", Some(cuda)),
        DriverState::Failing { .. } => ("failing", None),
        DriverState::Ready { cuda } => ("ready", Some(cuda)),
    };
    let libraries = host.libraries.iter().map(
        |it| json!({"name": it.name, "major": it.major, "path": it.path.display().to_string()}),
    );
    json!({
        "processor": {
            "name": host.processor.name,
            "instructions": host.processor.instructions,
            "usable_cores": host.processor.usable,
            "cores": host.processor.cores,
        },
        "memory": {
            "total_bytes": host.memory.total,
            "free_bytes": host.memory.free,
            "limit_bytes": host.memory.limit,
        },
        "driver": {
            "state": driver,
            "release": host.driver_release,
            "cuda": cuda.map(|(major, minor)| format!("{major}.{minor}")),
        },
        "cards_plugged_in": host.plugged_in,
        "cards": host.cards.iter().map(card_json).collect::<Vec<_>>(),
        "libraries": libraries.collect::<Vec<_>>(),
    })
}

fn card_json(card: &CardFacts) -> Value {
    let (major, minor) = card.capability;
    let (kernels, usable) = match card.served {
        Served::Built(architecture) => (Some(architecture), true),
        Served::ByDriver => (Some("ptx"), true),
        Served::No => (None, false),
    };
    json!({
        "device": card.label,
        "name": card.name,
        "memory_bytes": card.memory,
        "free_bytes": card.free.as_ref().ok(),
        "unusable_because": card.free.as_ref().err(),
        "compute_capability": format!("{major}.{minor}"),
        "kernels": kernels,
        "new_enough": usable,
        "bus": card.bus.map(|bus| json!({
            "generation": bus.generation(), "lanes": bus.lanes,
            "bytes_per_second": bus.bytes_per_second() as u64,
        })),
    })
}

fn drawing_json(drawing: &Drawing) -> Value {
    let outlook = match &drawing.outlook {
        Ok(outlook) => outlook,
        Err(why) => return json!({"model": drawing.model, "cannot_open": why}),
    };
    let size = |size: zao_engine::Grid| json!({"width": size.width, "height": size.height});
    json!({
        "model": drawing.model,
        "device": match outlook.device {
            Device::Cuda(ordinal) => format!("cuda:{ordinal}"),
            Device::Auto | Device::Cpu => "cpu".into(),
        },
        "device_name": outlook.device_name,
        "card_not_used_because": outlook.passed_over,
        "precision": precision(outlook),
        "precision_reason": outlook.reason.to_string(),
        "size": size(outlook.size),
        "planned_memory_bytes": outlook.picture.as_ref().map(zao_engine::MemoryPlan::total).ok(),
        "refused_because": outlook.picture.as_ref().err(),
        "largest": outlook.largest.map(size),
        "pictures_at_once": outlook.together,
    })
}
