//! Reports side by side, and conditions on them.

use zao_load::{Condition, Load, Report, Spread, compare, hold};

use crate::forms::example;

fn slower() -> Report {
    let mut report = example();
    let row = &mut report.rows[1];
    let e2e = row.e2e.unwrap();
    row.e2e = Some(Spread { mean: 1.2 * e2e.mean, p95: 1.5 * e2e.p95, ..e2e });
    row.throughput *= 0.8;
    report
}

#[test]
fn what_changed_is_told_from_what_is_chance() {
    let comparison = compare(&example(), &slower());
    let change = |clients: usize, what: &str| {
        let is = |it: &&zao_load::Change| it.load == Load::Closed { clients } && it.what == what;
        comparison.changes.iter().find(is).unwrap().clone()
    };
    let lines = comparison.lines();
    let line = lines.iter().find(|line| line.starts_with("8 clients") && line.contains("E2E p95"));
    assert!(line.unwrap().ends_with("4.0500  50.0 % worse"), "{lines:#?}");
    let mean = change(8, "E2E mean, s");
    assert_eq!(mean.certain, Some(true));
    // Both have 300 values with a deviation of 0.1 s around 1.8 s and 20 % more.
    let error = 1.96 * (2.0 * 0.1 * 0.1 / 300.0_f64).sqrt() / 1.8;
    assert!((mean.error.unwrap() - error).abs() < 1e-9, "{mean:?}");
    let line = lines.iter().find(|line| line.starts_with("8 clients") && line.contains("E2E mean"));
    let told = format!("20.0 % worse (+-{:.1} %)", 100.0 * error);
    assert!(line.unwrap().ends_with(&told), "{lines:#?}");
    assert!((mean.worse_by() - 0.2).abs() < 1e-9);
    assert_eq!(change(1, "E2E mean, s").certain, Some(false));
    assert!((change(8, "throughput, req/s").worse_by() - 0.2).abs() < 1e-9);
    assert!((change(8, "E2E p95, s").worse_by() - 0.5).abs() < 1e-9);
    assert!(change(1, "throughput, req/s").worse_by().abs() < 1e-9);
}

#[test]
fn what_is_not_comparable_is_said() {
    let mut after = example();
    after.settings.steps = Some(4);
    after.rows.remove(0);
    let remarks = compare(&example(), &after).remarks;
    assert!(remarks[0].starts_with("what was asked for differs"), "{remarks:?}");
    assert_eq!(remarks[1], "only before: 1 client");
}

#[test]
fn conditions_hold_or_say_what_was_found() {
    let verdicts = |text| hold(&example(), &Condition::on_rows(text).unwrap());
    assert!(verdicts("p95<3s,errors<10%,goodput>=0.4/s").iter().all(|it| it.met));
    let said: Vec<_> = verdicts("p95<1s").into_iter().map(|it| (it.row, it.met, it.said)).collect();
    assert_eq!(
        said,
        [
            (0, true, "p95<1s is met: 900.0 ms".to_owned()),
            (1, false, "p95<1s is NOT met: 2.700 s".to_owned())
        ]
    );
    let said: Vec<_> = verdicts("p99<9s").into_iter().map(|it| it.said).collect();
    assert_eq!(said[0], "p99<9s is NOT met: n too small, 100 are needed");
    assert_eq!(said[1], "p99<9s is met: 2.900 s");
    assert!(!verdicts("ttfp.p50<1min")[0].met, "what cannot be told is not met");
    assert!(verdicts("wrong=2")[1].met && verdicts("residual<5%")[0].met);
    let mut empty = example();
    empty.rows.clear();
    assert!(!hold(&empty, &Condition::on_rows("errors=0").unwrap())[0].met);
}
