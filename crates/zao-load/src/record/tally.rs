//! Requests of one row, counted. Which belong to it, and how long it was, is decided in [`mod@crate::run`].

use std::collections::BTreeMap;

use super::{Ending, Histogram, Sample, Trouble};
use crate::condition::Condition;
use crate::littles_law;
use crate::report::{ClientLoad, Load, Row};

/// Above this share of all processors the client may be what is measured.
const BUSY: f64 = 0.5;

/// A client that does things so much later than they are due adds as much to what it measures.
const LATE_SECONDS: f64 = 0.05;

/// What is observed beside the requests.
#[derive(Debug, Clone, Default)]
pub(crate) struct Surroundings {
    pub(crate) client: ClientLoad,
    pub(crate) memory: BTreeMap<String, f64>,
    pub(crate) queue_depth: Option<f64>,
    /// In flight on average, as observed.
    pub(crate) in_flight: f64,
}

/// Counts requests.
pub(crate) struct Tally<'a> {
    objectives: &'a [Condition],
    row: Row,
    ttfb: Histogram,
    ttfp: Histogram,
    e2e: Histogram,
    queue: Histogram,
    inference: Histogram,
    overhead: Histogram,
    news: Histogram,
    eta_error: Histogram,
    /// Of the requests that ended within the row.
    within: Within,
}

#[derive(Default)]
struct Within {
    ended: u64,
    seconds: f64,
    correct: u64,
    pictures: u64,
    good: u64,
}

impl<'a> Tally<'a> {
    pub(crate) fn new(load: Load, objectives: &'a [Condition]) -> Self {
        let row = Row {
            load,
            from_seconds: 0.0,
            seconds: 0.0,
            requests: 0,
            correct: 0,
            pictures: 0,
            throughput: 0.0,
            pictures_per_second: 0.0,
            goodput: 0.0,
            ttfb: None,
            ttfp: None,
            e2e: None,
            queue: None,
            inference: None,
            overhead: None,
            news: None,
            eta_error: None,
            errors: BTreeMap::new(),
            wrong: BTreeMap::new(),
            details: BTreeMap::new(),
            refusals: 0,
            refused: 0,
            dropped: 0,
            in_flight: 0.0,
            littles_law_residual: None,
            memory: BTreeMap::new(),
            queue_depth: None,
            devices: None,
            client: ClientLoad::default(),
            remarks: Vec::new(),
        };
        let new = Histogram::new;
        Self {
            objectives,
            row,
            ttfb: new(),
            ttfp: new(),
            e2e: new(),
            queue: new(),
            inference: new(),
            overhead: new(),
            news: new(),
            eta_error: new(),
            within: Within::default(),
        }
    }

    /// Counts a request that ended within the row.
    pub(crate) fn add(&mut self, sample: &Sample) {
        self.within.ended += 1;
        self.within.seconds += sample.seconds();
        if sample.is_correct() {
            self.within.correct += 1;
            self.within.pictures += u64::from(sample.pictures);
            self.within.good += u64::from(self.is_good(sample));
        }
        self.add_late(sample);
    }

    /// Counts a request that the row left behind: its times and its ending matter, but it belongs to no second of the row.
    pub(crate) fn add_late(&mut self, sample: &Sample) {
        let row = &mut self.row;
        row.requests += 1;
        row.refusals += u64::from(sample.refusals);
        if let Some(bytes) = sample.told.memory_bytes {
            let most = row.memory.entry("peak_memory".into()).or_insert(bytes);
            *most = most.max(bytes);
        }
        match &sample.ending {
            Ending::Correct => {
                row.correct += 1;
                row.pictures += u64::from(sample.pictures);
                self.time(sample);
            }
            Ending::Wrong(fault) => {
                let code = fault.code().to_owned();
                row.details.entry(code.clone()).or_insert_with(|| fault.to_string());
                *row.wrong.entry(code).or_default() += 1;
            }
            Ending::Trouble(Trouble::Refused { .. }) => row.refused += 1,
            Ending::Trouble(Trouble::Failed { code, detail }) => {
                row.details.entry(code.clone()).or_insert_with(|| detail.clone());
                *row.errors.entry(code.clone()).or_default() += 1;
            }
        }
    }

    /// Counts requests that were due and not sent.
    pub(crate) fn add_dropped(&mut self, dropped: u64) {
        self.row.dropped += dropped;
    }

    /// The row; `in_flight` is what Little's law is held against.
    pub(crate) fn row(
        self,
        from_seconds: f64,
        seconds: f64,
        in_flight: f64,
        around: Surroundings,
    ) -> Row {
        let Within { ended, seconds: waited, correct, pictures, good } = self.within;
        let rate = |count: u64| if seconds > 0.0 { count as f64 / seconds } else { 0.0 };
        let mean = if ended > 0 { waited / ended as f64 } else { 0.0 };
        let residual = littles_law::residual(in_flight, rate(ended), mean).filter(|_| ended > 0);
        let mut memory = self.row.memory;
        memory.extend(around.memory);
        let mut row = Row {
            from_seconds,
            seconds,
            throughput: rate(correct),
            pictures_per_second: rate(pictures),
            goodput: rate(good),
            ttfb: self.ttfb.spread(),
            ttfp: self.ttfp.spread(),
            e2e: self.e2e.spread(),
            queue: self.queue.spread(),
            inference: self.inference.spread(),
            overhead: self.overhead.spread(),
            news: self.news.spread(),
            eta_error: self.eta_error.spread(),
            in_flight,
            littles_law_residual: residual,
            memory,
            queue_depth: around.queue_depth,
            client: around.client,
            ..self.row
        };
        row.remarks = remarks(&row);
        row
    }

    fn is_good(&self, sample: &Sample) -> bool {
        let value = |metric: &str| match metric {
            "ttfb" => sample.until(sample.moments.first_byte),
            "ttfp" => sample.until(sample.moments.first_preview),
            "queue" => sample.told.queue,
            "inference" => sample.told.inference,
            _ => Some(sample.seconds()),
        };
        self.objectives.iter().all(|objective| objective.is_met_by_request(value))
    }

    fn time(&mut self, sample: &Sample) {
        let seconds = sample.seconds();
        self.e2e.add(seconds);
        self.ttfb.extend(sample.until(sample.moments.first_byte));
        self.ttfp.extend(sample.until(sample.moments.first_preview));
        self.queue.extend(sample.told.queue);
        self.inference.extend(sample.told.inference);
        self.news.extend(sample.moments.news.iter().copied());
        self.eta_error.extend(sample.moments.eta_errors.iter().copied());
        if let Some(inference) = sample.told.inference {
            self.overhead.add((seconds - inference - sample.told.queue.unwrap_or(0.0)).max(0.0));
        }
    }
}

/// What readers of a row have to know.
fn remarks(row: &Row) -> Vec<String> {
    let mut remarks = Vec::new();
    if row.requests == 0 {
        remarks.push("no request ended in this time; measure for longer".to_owned());
    }
    if let Some(residual) = row.littles_law_residual.filter(|&it| littles_law::is_broken(it)) {
        let percent = 100.0 * residual;
        remarks.push(format!(
            "breaks Little's law by {percent:+.1} %: requests a second, their seconds and {:.1} in flight do not fit together; \
             measure for longer, or distrust the clock",
            row.in_flight
        ));
    }
    if let Some(cpu) = row.client.cpu.filter(|&cpu| cpu > BUSY) {
        remarks.push(format!(
            "the client took {:.0} % of this machine's processors and may be what was measured; run it elsewhere",
            100.0 * cpu
        ));
    }
    if row.client.lag_seconds > LATE_SECONDS {
        let lag = 1e3 * row.client.lag_seconds;
        remarks.push(format!("the client was up to {lag:.0} ms late, and so are its times"));
    }
    remarks
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::picture::Fault;
    use crate::record::{Moments, Told};

    /// A request that took so many seconds.
    fn sample(seconds: f64, ending: Ending) -> Sample {
        let start = Instant::now();
        let moments = Moments {
            end: Some(start + Duration::from_secs_f64(seconds)),
            first_byte: Some(start + Duration::from_millis(10)),
            ..Moments::from(start)
        };
        let told = Told { queue: Some(0.25), inference: Some(0.5), memory_bytes: None };
        Sample { moments, told, refusals: 0, pictures: 2, ending }
    }

    fn row(samples: &[Sample], seconds: f64, in_flight: f64, client: ClientLoad) -> Row {
        let objectives = Condition::on_requests("e2e<1500ms").unwrap();
        let mut tally = Tally::new(Load::Closed { clients: 1 }, &objectives);
        samples.iter().for_each(|sample| tally.add(sample));
        tally.row(0.0, seconds, in_flight, Surroundings { client, ..Surroundings::default() })
    }

    #[test]
    fn rates_are_of_right_pictures_and_the_law_is_of_all_requests() {
        let failed = Ending::Trouble(Trouble::failed("timeout", "none came"));
        let samples = [
            sample(1.0, Ending::Correct),
            sample(2.0, Ending::Correct),
            sample(0.5, Ending::Wrong(Fault::Constant)),
            sample(0.5, failed),
        ];
        let row = row(&samples, 4.0, 1.0, ClientLoad::default());
        let rates = (row.throughput, row.pictures_per_second, row.goodput);
        assert_eq!(rates, (0.5, 1.0, 0.25));
        assert_eq!((row.requests, row.failed(), row.e2e.unwrap().n), (4, 2, 2));
        assert!((row.overhead.unwrap().mean - 0.75).abs() < 1e-9);
        assert!(row.littles_law_residual.unwrap().abs() < 1e-9, "{row:#?}");
        assert_eq!(row.remarks, Vec::<String>::new());
    }

    #[test]
    fn what_cannot_be_trusted_is_said() {
        // Ten requests of a second in one second, with one client.
        let samples = vec![sample(1.0, Ending::Correct); 10];
        let busy = ClientLoad { cpu: Some(0.9), lag_seconds: 0.2 };
        let row = row(&samples, 1.0, 1.0, busy);
        for (remark, words) in row.remarks.iter().zip([
            "breaks Little's law by +900.0 %",
            "the client took 90 % of this machine's processors",
            "the client was up to 200 ms late",
        ]) {
            assert!(remark.starts_with(words), "{remark}");
        }
        assert_eq!(row.remarks.len(), 3);
    }

    #[test]
    fn a_row_without_requests_says_so() {
        let row = row(&[], 1.0, 1.0, ClientLoad::default());
        assert!(row.remarks[0].starts_with("no request ended"), "{row:#?}");
        assert_eq!((row.e2e, row.littles_law_residual, row.throughput), (None, None, 0.0));
    }

    #[test]
    fn requests_that_a_row_left_behind_have_times_but_no_rate() {
        let mut tally = Tally::new(Load::Replayed, &[]);
        tally.add(&sample(1.0, Ending::Correct));
        tally.add_late(&sample(9.0, Ending::Correct));
        let row = tally.row(0.0, 1.0, 1.0, Surroundings::default());
        assert_eq!((row.throughput, row.requests, row.e2e.unwrap().max), (1.0, 2, 9.0));
    }
}
