//! Each kind of wrong answer is found and named.

use std::time::Duration;

use zao_load::{Live, Protocol, Stop};

use crate::server::{Behaviour, Fault, Faults, Server};
use crate::{row, settings, sweep};

/// Every third answer has the fault.
fn every_third(fault: Faults) -> Behaviour {
    Behaviour { fault, ..Behaviour::default() }
}

#[test]
fn each_wrong_picture_has_its_name_in_every_protocol() {
    let cases: [(Faults, &str); 4] = [
        (|at| if at % 3 == 2 { Fault::Small } else { Fault::None }, "wrong_size"),
        (|at| if at % 3 == 2 { Fault::Constant } else { Fault::None }, "constant"),
        (|at| if at % 3 == 2 { Fault::Same } else { Fault::None }, "repeated"),
        (|at| if at % 3 == 2 { Fault::Cut } else { Fault::None }, "undecodable"),
    ];
    for protocol in Protocol::ALL {
        for (fault, code) in cases {
            let server = Server::start(every_third(fault));
            let row = row(&settings(&server, protocol), 1, 12);
            let wrong = row.wrong.get(code).copied().unwrap_or(0);
            // On a busy machine a row may hold some requests more than were asked for.
            assert!(wrong.abs_diff(row.requests / 3) <= 1, "{code}: {row:#?}");
            assert_eq!(row.wrong.len(), 1, "{row:#?}");
            assert_eq!(row.correct + wrong, row.requests);
            assert_eq!(row.e2e.unwrap().n, row.correct, "a wrong picture is no time");
            assert!(row.details.contains_key(code));
            assert!(row.throughput < 0.8 * row.requests as f64 / row.seconds, "{row:#?}");
        }
    }
}

#[test]
fn a_failure_keeps_the_servers_code() {
    for protocol in Protocol::ALL {
        let broken = |at| if at % 3 == 2 { Fault::Broken } else { Fault::None };
        let server = Server::start(every_third(broken));
        let row = row(&settings(&server, protocol), 1, 9);
        assert!(row.errors["out_of_memory"] >= 2, "{row:#?}");
        assert_eq!(row.details["out_of_memory"], "status 503: draw less");
    }
}

#[test]
fn a_connection_that_breaks_is_a_failure() {
    let drop = |at| if at % 3 == 2 { Fault::Drop } else { Fault::None };
    // In the middle of a whole answer, and of a stream.
    for previews in [0, 1] {
        let server = Server::start(every_third(drop));
        let mut settings = settings(&server, Protocol::Openai);
        settings.pattern.previews = Some(previews);
        let row = row(&settings, 1, 9);
        assert!(row.errors["connection_lost"] >= 2, "{row:#?}");
    }
}

#[test]
fn a_job_that_fails_says_why() {
    let server =
        Server::start(every_third(|at| if at % 3 == 2 { Fault::Drop } else { Fault::None }));
    let row = row(&settings(&server, Protocol::Native), 1, 9);
    assert!(row.errors["worker_lost"] >= 2, "{row:#?}");
    assert_eq!(row.details["worker_lost"], "again and again");
}

#[test]
fn events_that_break_off_are_taken_up_again() {
    let server = Server::start(Behaviour { forgetful: true, ..Behaviour::default() });
    let row = row(&settings(&server, Protocol::Native), 1, 4);
    assert_eq!((row.failed(), row.correct), (0, row.requests), "{row:#?}");
}

#[test]
fn who_is_not_answered_gives_up_and_cancels_the_job() {
    let work = Duration::from_secs(20);
    let server = Server::start(Behaviour { work, ..Behaviour::default() });
    let mut settings = settings(&server, Protocol::Native);
    // Only a job that was taken in by then can be cancelled.
    settings.timeout = Duration::from_secs(1);
    let row = row(&settings, 2, 3);
    assert!(row.errors["timeout"] >= 2, "{row:#?}");
    assert_eq!(row.e2e, None);
    assert!(server.cancelled() >= 2, "{}", server.cancelled());
}

#[test]
fn a_server_that_hangs_is_given_up() {
    let server = Server::start(every_third(|_| Fault::Hang));
    let mut settings = settings(&server, Protocol::Openai);
    settings.timeout = Duration::from_millis(150);
    let row = row(&settings, 2, 4);
    assert_eq!((row.errors["timeout"], row.correct), (row.requests, 0), "{row:#?}");
}

#[test]
fn pictures_that_depend_on_the_load_are_found_out() {
    for (unsteady, faulty) in [(true, true), (false, false)] {
        let server = Server::start(Behaviour { unsteady, ..Behaviour::default() });
        let mut settings = settings(&server, Protocol::Openai);
        settings.same_as_single = Some(3);
        let alone = row(&settings, 1, 6);
        assert_eq!(alone.failed(), 0, "{alone:#?}");
        let crowded = row(&settings, 4, 16);
        assert_eq!(crowded.wrong.contains_key("differs"), faulty, "{crowded:#?}");
    }
}

#[test]
fn what_comes_out_in_one_colour_alone_is_passed_over_once_and_told_when_it_goes_on() {
    let once = Server::start(every_third(|at| if at == 1 { Fault::Constant } else { Fault::None }));
    let mut wanted = settings(&once, Protocol::Openai);
    wanted.same_as_single = Some(3);
    let row = row(&wanted, 1, 6);
    assert_eq!((row.failed(), row.correct), (0, row.requests), "{row:#?}");

    let always = Server::start(every_third(|_| Fault::Constant));
    let mut wanted = settings(&always, Protocol::Openai);
    wanted.same_as_single = Some(3);
    let told = zao_load::run(&wanted, &sweep(1, 6), &|_: &Live| (), &Stop::default());
    let told = told.expect_err("nothing can be compared with them").to_string();
    assert!(told.contains("same colour"), "{told}");
}
