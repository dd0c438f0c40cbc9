//! What rows say of a server's cards: by what the server publishes, or by a meter of the caller's.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use zao_load::report::Teller;
use zao_load::{Cards, Condition, DeviceReading, Length, Meter, Mode, Protocol, Report, hold};

use crate::server::{Behaviour, Server};
use crate::{run, settings};

/// One row of so many seconds.
fn for_seconds(seconds: u64) -> Mode {
    let length = Length { duration: Duration::from_secs(seconds), requests: None, settling: None };
    Mode::Sweep { clients: vec![2], length }
}

/// Measures a server with this said of its cards.
fn measured(server: &Server, cards: Cards, mode: &Mode) -> Report {
    let settings = zao_load::Settings { cards, ..settings(server, Protocol::Openai) };
    run(&settings, mode)
}

/// One card of 120 watts, and how often it was read.
fn meter() -> (Meter, Arc<AtomicUsize>) {
    let reads = Arc::<AtomicUsize>::default();
    let count = Arc::clone(&reads);
    let read = move || {
        count.fetch_add(1, Ordering::Relaxed);
        let reading = DeviceReading { power_watts: Some(120.0), ..DeviceReading::default() };
        vec![("card 0".to_owned(), reading)]
    };
    (Meter::new(read), reads)
}

#[test]
fn what_a_server_publishes_of_its_cards_is_in_the_row() {
    let server = Server::start(Behaviour { cards: true, ..Behaviour::default() });
    let report = measured(&server, Cards::Server, &for_seconds(4));
    let row = &report.rows[0];
    let devices = row.devices.as_ref().unwrap();
    assert_eq!(devices.told_by, Teller::Server);
    // Eight, were the machine never busy.
    assert!(devices.readings >= 2, "{devices:#?}");
    let total = devices.total;
    assert_eq!((total.power_watts, total.memory_peak_bytes), (Some(800.0), Some(2.1e10)));
    assert!((total.utilization.unwrap() - 0.7).abs() < 1e-9, "{devices:#?}");
    assert_eq!((total.temperature_celsius, total.sm_clock_hertz), (Some(61.0), None));
    assert_eq!(devices.each["cuda:1"].power_watts, Some(500.0));
    // The counter is read when the page is written, and noted when it has come.
    let energy = total.energy_joules.unwrap() / (800.0 * row.seconds);
    assert!((0.8..1.2).contains(&energy), "{row:#?}");
    let joules = devices.joules_per_picture.unwrap();
    let expected = total.energy_joules.unwrap() / (row.pictures_per_second * row.seconds);
    assert!((joules / expected - 1.0).abs() < 1e-9);
    assert_eq!(row.memory_bytes(), Some(5e9), "the memory of cards has a column of its own");

    let conditions = "power<801W,power>=0.8kW,energy<1kJ,utilization<=71%,gpu_memory<22GB,temperature<62C,client<100%";
    let verdicts = hold(&report, &Condition::on_rows(conditions).unwrap());
    assert!(verdicts.iter().all(|verdict| verdict.met), "{verdicts:#?}");
    let unmet = hold(&report, &Condition::on_rows("clock>1GHz,power<1W").unwrap());
    let said: Vec<&str> = unmet.iter().map(|verdict| verdict.said.as_str()).collect();
    assert_eq!(
        said,
        ["clock>1GHz is NOT met: a card does not tell", "power<1W is NOT met: 800.0 W"]
    );
}

#[test]
fn a_server_that_publishes_nothing_has_no_cards_and_no_zeros() {
    let server = Server::start(Behaviour::default());
    let report = measured(&server, Cards::Server, &for_seconds(1));
    assert_eq!(report.rows[0].devices, None);
    let verdicts = hold(&report, &Condition::on_rows("power<1000W").unwrap());
    assert_eq!(verdicts[0].said, "power<1000W is NOT met: nobody told of the cards");
}

#[test]
fn a_meter_tells_where_the_server_does_not() {
    let server = Server::start(Behaviour::default());
    let (meter, _) = meter();
    // The meter is read once a second, and what it took is only known when half of the row was seen.
    let report = measured(&server, Cards::ServerOr(meter), &for_seconds(6));
    let devices = report.rows[0].devices.as_ref().unwrap();
    assert_eq!((devices.told_by, devices.total.power_watts), (Teller::Meter, Some(120.0)));
    let energy = devices.total.energy_joules.unwrap();
    assert!((energy / (120.0 * report.rows[0].seconds) - 1.0).abs() < 1e-9, "no counter: by power");
}

#[test]
fn a_server_that_tells_is_believed_before_a_meter_unless_the_meter_was_asked_for() {
    let server = Server::start(Behaviour { cards: true, ..Behaviour::default() });
    let (spare, reads) = meter();
    let report = measured(&server, Cards::ServerOr(spare), &for_seconds(6));
    assert_eq!(report.rows[0].devices.as_ref().unwrap().told_by, Teller::Server);
    // It is read once a second until the server has told for the first time, which may take it a moment.
    assert!(reads.load(Ordering::Relaxed) <= 4, "it is not read beside the server");
    let (alone, _) = meter();
    let report = measured(&server, Cards::Meter(alone), &for_seconds(3));
    let devices = report.rows[0].devices.as_ref().unwrap();
    assert_eq!((devices.told_by, devices.total.power_watts), (Teller::Meter, Some(120.0)));
}

#[test]
fn an_open_loop_has_its_cards_too() {
    let server = Server::start(Behaviour { cards: true, ..Behaviour::default() });
    let mode = Mode::Rate {
        per_second: vec![10.0],
        arrivals: zao_load::Arrivals::Constant,
        duration: Duration::from_secs(3),
        most_in_flight: 100,
    };
    let report = measured(&server, Cards::Server, &mode);
    let devices = report.rows[0].devices.as_ref().unwrap();
    assert_eq!(devices.total.power_watts, Some(800.0));
}
