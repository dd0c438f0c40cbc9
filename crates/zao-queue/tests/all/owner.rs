//! Whose a job is, as far as a key tells.

use std::collections::BTreeSet;

use zao_queue::{
    Acceptance, Error, ImageFilter, JobFilter, JobId, Limits, Owner, Reach, Sender, Submission,
    Via, Viewer,
};

use crate::support::{Desk, image_id, wish};

fn of(key: &str, via: Via) -> Submission {
    let sender = Sender { owner: Some(Owner::with_key(key)), via };
    Submission { sender, ..wish("10.0.0.1") }
}

fn listed(desk: &Desk, filter: &JobFilter) -> Vec<(JobId, bool)> {
    let page = desk.ledger.jobs(filter, 10, desk.now).unwrap();
    page.items.into_iter().map(|job| (job.id.parse().unwrap(), job.mine)).collect()
}

#[test]
fn whoever_shows_the_key_again_finds_their_own() {
    let desk = Desk::new(Limits::default());
    let (ann, bob) = (Owner::with_key("ann"), Owner::with_key("bob"));
    let hers = desk.accept(of("ann", Via::Native));
    let his = desk.accept(of("bob", Via::A1111));
    let nobodys = desk.accept(wish("10.0.0.1"));
    let viewer = Viewer { owner: Some(ann.clone()), ..Viewer::default() };
    let all = JobFilter { viewer, ..JobFilter::default() };
    let expected = [(nobodys.clone(), false), (his.clone(), false), (hers.clone(), true)];
    assert_eq!(listed(&desk, &all), expected);
    assert!(listed(&desk, &JobFilter::default()).iter().all(|(_, mine)| !mine));
    let of_bob = JobFilter { owner: Some(bob.clone()), ..JobFilter::default() };
    assert_eq!(listed(&desk, &of_bob), [(his.clone(), false)]);
    let by_a1111 = JobFilter { via: Some(Via::A1111), ..JobFilter::default() };
    assert_eq!(listed(&desk, &by_a1111), [(his.clone(), false)]);
    assert_eq!(desk.ledger.under_way(&ann).unwrap(), 1);

    let desk = desk.reopen();
    let of_bob = JobFilter { owner: Some(bob), ..JobFilter::default() };
    assert_eq!(listed(&desk, &of_bob), [(his.clone(), false)]);
    let claimed = desk.take().unwrap();
    desk.draw(&claimed);
    assert_eq!(desk.ledger.under_way(&ann).unwrap(), 0);
    let image = image_id(&desk.job(&hers).images[0].id);
    let images = |owner: &str| {
        let filter = ImageFilter { owner: Some(Owner::with_key(owner)), ..ImageFilter::default() };
        desk.ledger.images(&filter, 10).unwrap().items.len()
    };
    assert_eq!((images("ann"), images("bob")), (1, 0));
    desk.ledger.delete_image(&image).unwrap();
    let viewer = Viewer::default();
    assert!(matches!(desk.ledger.may_change_image(&image, &viewer), Err(Error::NoImage(_))));
}

#[test]
fn a_key_is_its_owners() {
    let desk = Desk::new(Limits::default());
    let keyed = |submission: Submission| Submission { key: Some("1".into()), ..submission };
    let hers = desk.accept(keyed(of("ann", Via::Native)));
    let his = desk.accept(keyed(of("bob", Via::Native)));
    let nobodys = desk.accept(keyed(wish("10.0.0.1")));
    assert_eq!(BTreeSet::from([&hers, &his, &nobodys]).len(), 3);
    let desk = desk.reopen();
    for (submission, job) in [(of("ann", Via::OpenAi), hers), (wish("10.0.0.1"), nobodys)] {
        let again = desk.try_accept(keyed(submission)).unwrap();
        assert_eq!(again, Acceptance::Repeated(job));
    }
}

#[test]
fn who_looks_is_told_what_they_may_change() {
    let desk = Desk::new(Limits::default());
    let hers = desk.accept(of("ann", Via::Native));
    let nobodys = desk.accept(wish("10.0.0.1"));
    for _ in 0..2 {
        let claimed = desk.take().unwrap();
        desk.draw(&claimed);
    }
    let told = |viewer: &Viewer| {
        let each = |id: &JobId| {
            let job = desk.ledger.job_seen(id, viewer, desk.now).unwrap();
            let image = image_id(&job.images[0].id);
            assert_eq!(desk.ledger.may_cancel(id, viewer).unwrap(), job.changeable);
            assert_eq!(desk.ledger.may_change_image(&image, viewer).unwrap(), job.changeable);
            assert_eq!(job.images[0].changeable, job.changeable);
            job.changeable
        };
        let by_id = vec![each(&nobodys), each(&hers)];
        let filter = JobFilter { viewer: viewer.clone(), ..JobFilter::default() };
        let jobs = desk.ledger.jobs(&filter, 10, desk.now).unwrap().items;
        assert_eq!(jobs.iter().map(|job| job.changeable).collect::<Vec<_>>(), by_id);
        let filter = ImageFilter { viewer: viewer.clone(), ..ImageFilter::default() };
        let mut images = desk.ledger.images(&filter, 10).unwrap().items;
        images.sort_by_key(|image| image.job == hers.to_string());
        assert_eq!(images.iter().map(|image| image.changeable).collect::<Vec<_>>(), by_id);
        by_id
    };
    let ann = |client: &str| Viewer {
        owner: Some(Owner::with_key("ann")),
        client: client.into(),
        reach: Reach::Own,
    };
    assert_eq!(told(&ann("10.0.0.1")), [true, true], "from where the other came");
    assert_eq!(told(&ann("10.0.0.2")), [false, true]);
    assert_eq!(told(&Viewer::default()), [false, false]);
    assert_eq!(told(&Viewer { reach: Reach::Keyless, ..Viewer::default() }), [true, false]);
    assert_eq!(told(&Viewer { reach: Reach::All, ..Viewer::default() }), [true, true]);
}
