//! What to do about what was found. How it is said is in `words.rs`.

use zao_engine::{Device, DriverState, Host, Outlook, ResolvedPrecision, Served};
use zao_weights::KnownModel;

use super::findings::{Drawing, Findings};
use super::system::System;
use super::words;
use crate::language::Text;

/// Bytes that a download of the real model takes.
const DOWNLOAD: u64 = 33_000_000_000;

/// Something to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Advice {
    /// Tells it from other advice, for programs.
    pub(super) id: &'static str,
    pub(super) text: Text,
    /// What to type.
    pub(super) commands: Vec<String>,
}

impl Advice {
    fn new(id: &'static str, text: Text, commands: &[&str]) -> Self {
        Self { id, text, commands: commands.iter().map(|&command| command.to_owned()).collect() }
    }
}

/// Why nothing can be drawn here, if that is so.
pub(super) fn obstacle(findings: &Findings) -> Option<Text> {
    match &findings.own.outlook {
        Err(why) => Some(words::cannot_draw(why)),
        Ok(Outlook { picture: Err(why), .. }) => Some(words::cannot_draw(why)),
        Ok(_) => None,
    }
}

/// What to do, the most useful first.
pub(super) fn advise(findings: &Findings, system: System) -> Vec<Advice> {
    let mut advice = Vec::new();
    advice.extend(on_driver(&findings.host, system));
    advice.extend(on_memory(findings));
    advice.extend(on_models(findings));
    advice
}

fn on_driver(host: &Host, system: System) -> Option<Advice> {
    let commands = system.driver_commands();
    match host.driver {
        DriverState::Missing if host.plugged_in > 0 => {
            Some(Advice::new("install-driver", words::install_driver(system), commands))
        }
        DriverState::TooOld { .. } => {
            Some(Advice::new("update-driver", words::update_driver(system), commands))
        }
        DriverState::Failing { .. } => {
            Some(Advice::new("repair-driver", words::repair_driver(), &["nvidia-smi"]))
        }
        DriverState::Ready { .. } if host.cards.is_empty() => {
            Some(Advice::new("give-card", words::give_card(), &[]))
        }
        DriverState::Missing | DriverState::Ready { .. } => None,
    }
}

fn on_memory(findings: &Findings) -> Vec<Advice> {
    let mut advice = Vec::new();
    for card in findings.host.cards.iter().filter(|card| card.served != Served::No) {
        let used = card.free.as_ref().map_or(0, |free| card.memory.saturating_sub(*free));
        // A quarter is more than a desktop and a context take of any card that can draw.
        if used > card.memory / 4 {
            let text = words::free_the_card(&card.label, used);
            advice.push(Advice::new("free-card", text, &["nvidia-smi"]));
        }
    }
    let is_short =
        |drawing: &Drawing| drawing.outlook.as_ref().is_ok_and(|outlook| outlook.picture.is_err());
    if is_short(&findings.own) || findings.real.as_ref().is_some_and(is_short) {
        advice.push(Advice::new("more-memory", words::more_memory(), &[]));
    }
    advice
}

fn on_models(findings: &Findings) -> Vec<Advice> {
    let mut advice = Vec::new();
    let known = &KnownModel::ALL[0];
    let begun = |name: &str| findings.incomplete.iter().any(|it| it.name == name && it.downloading);
    if findings.has_only_the_demo() && !begun(known.name) {
        match findings.disk.free.filter(|&free| free < DOWNLOAD) {
            Some(free) => {
                let text = words::disk_is_short(DOWNLOAD, free);
                advice.push(Advice::new("more-disk", text, &[]));
            }
            None => {
                let pull = format!("zao pull {}", known.name);
                let from = format!("{pull} --from modelscope");
                let text = words::pull(known.name, DOWNLOAD);
                advice.push(Advice::new("pull", text, &[&pull, &from]));
            }
        }
    }
    for incomplete in &findings.incomplete {
        let name = &incomplete.name;
        if incomplete.downloading {
            let pull = format!("zao pull {name}");
            advice.push(Advice::new("finish-download", words::finish(name), &[&pull]));
        } else {
            let inspect = format!("zao inspect {}", findings.disk.folder.join(name).display());
            advice.push(Advice::new("mend-model", words::mend(name), &[&inspect]));
        }
    }
    advice.extend(on_conversion(findings));
    advice
}

/// A processor draws fastest in int8, and takes a minute to make it of anything else, each time. Cards make their 8 bits
/// while they load.
fn on_conversion(findings: &Findings) -> Option<Advice> {
    let drawing = findings.real.as_ref().unwrap_or(&findings.own);
    let name = &drawing.model;
    let outlook = drawing.outlook.as_ref().ok()?;
    let is_slow = matches!(outlook.precision, ResolvedPrecision::Bf16 | ResolvedPrecision::Int8);
    let known = findings.models.iter().find(|it| &it.name == name);
    let is_int8 = known.is_some_and(|it| it.weights == Some("int8"));
    if outlook.device != Device::Cpu || !is_slow || is_int8 {
        return None;
    }
    let to = findings.disk.folder.join(format!("{name}-int8"));
    let convert = format!("zao convert --model {name} --to int8 --output {}", to.display());
    Some(Advice::new("convert", words::convert(name), &[&convert]))
}

#[cfg(test)]
mod tests {
    use zao_engine::{CardFacts, MainMemory, Processor};

    use super::*;

    fn host(driver: DriverState, plugged_in: usize, cards: Vec<CardFacts>) -> Host {
        let instructions = "AVX2 and FMA".into();
        Host {
            processor: Processor { name: None, instructions, usable: 1, cores: 1 },
            memory: MainMemory::default(),
            driver,
            driver_release: None,
            plugged_in,
            cards,
            libraries: Vec::new(),
        }
    }

    fn card(capability: (u32, u32), served: Served) -> CardFacts {
        CardFacts {
            label: "cuda:0".into(),
            name: "a card".into(),
            capability,
            memory: 8_000_000_000,
            free: Ok(7_000_000_000),
            served,
            bus: None,
        }
    }

    #[test]
    fn a_driver_is_advised_where_a_card_waits_for_one() {
        use DriverState::{Failing, Missing, Ready, TooOld};
        let of = |driver, plugged_in, cards| {
            on_driver(&host(driver, plugged_in, cards), System::Ubuntu).map(|advice| advice.id)
        };
        assert_eq!(of(Missing, 0, Vec::new()), None, "no card, no driver, nothing wrong");
        assert_eq!(of(Missing, 1, Vec::new()), Some("install-driver"));
        assert_eq!(of(TooOld { cuda: (11, 8) }, 1, Vec::new()), Some("update-driver"));
        assert_eq!(of(Failing { message: "no".into() }, 1, Vec::new()), Some("repair-driver"));
        assert_eq!(of(Ready { cuda: (13, 0) }, 1, Vec::new()), Some("give-card"));
        let card = card((9, 0), Served::Built("sm_90a"));
        assert_eq!(of(Ready { cuda: (13, 0) }, 1, vec![card]), None);
    }

    #[test]
    fn every_system_is_told_how() {
        let host = host(DriverState::Missing, 1, Vec::new());
        for system in
            [System::Ubuntu, System::Debian, System::Fedora, System::Arch, System::Container]
        {
            let advice = on_driver(&host, system).unwrap();
            assert!(!advice.commands.is_empty() && advice.text.en.ends_with(':'), "{advice:?}");
        }
        for system in [System::Windows, System::Wsl, System::Other] {
            let advice = on_driver(&host, system).unwrap();
            let Text { en, zh } = &advice.text;
            assert!(en.contains("https://") && zh.contains("https://"), "{advice:?}");
        }
    }
}
