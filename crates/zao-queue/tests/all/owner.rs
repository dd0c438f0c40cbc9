//! Whose a job is, as far as a key tells.

use zao_queue::{Error, ImageFilter, JobFilter, JobId, Limits, Owner, Sender, Submission, Via};

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
    let all = JobFilter { viewer: Some(ann.clone()), ..JobFilter::default() };
    let expected = [(nobodys.clone(), false), (his.clone(), false), (hers.clone(), true)];
    assert_eq!(listed(&desk, &all), expected);
    assert!(listed(&desk, &JobFilter::default()).iter().all(|(_, mine)| !mine));
    let of_bob = JobFilter { owner: Some(bob.clone()), ..JobFilter::default() };
    assert_eq!(listed(&desk, &of_bob), [(his.clone(), false)]);
    let by_a1111 = JobFilter { via: Some(Via::A1111), ..JobFilter::default() };
    assert_eq!(listed(&desk, &by_a1111), [(his.clone(), false)]);
    assert_eq!(desk.ledger.owner(&hers).unwrap(), Some(ann.clone()));
    assert_eq!(desk.ledger.owner(&nobodys).unwrap(), None);
    assert_eq!(desk.ledger.under_way(&ann).unwrap(), 1);

    let desk = desk.reopen();
    assert_eq!(desk.ledger.owner(&his).unwrap(), Some(bob));
    let claimed = desk.take().unwrap();
    desk.draw(&claimed);
    assert_eq!(desk.ledger.under_way(&ann).unwrap(), 0);
    let image = image_id(&desk.job(&hers).images[0].id);
    assert_eq!(desk.ledger.owner_of_image(&image).unwrap(), Some(ann.clone()));
    let images = |owner: &str| {
        let filter = ImageFilter { owner: Some(Owner::with_key(owner)), ..ImageFilter::default() };
        desk.ledger.images(&filter, 10).unwrap().items.len()
    };
    assert_eq!((images("ann"), images("bob")), (1, 0));
    desk.ledger.delete_image(&image).unwrap();
    assert!(matches!(desk.ledger.owner_of_image(&image), Err(Error::NoImage(_))));
}
