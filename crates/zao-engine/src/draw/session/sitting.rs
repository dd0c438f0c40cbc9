//! One sitting: jobs are let in, step together, are shown, and leave as pictures.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::time::Instant;

use zao_backend::{Backend, Plan};

use super::super::{Artist, Stay};
use super::{Handed, dismissed, is_short_of_memory, seats};
use crate::adapters::used;
use crate::denoise::Denoising;
use crate::desk::{Desk, News, Notice, Rung, Ticket};
use crate::model::ModelFiles;
use crate::parts::{Piece, Supply};
use crate::planning::{Batch, Planning};
use crate::preview;
use crate::run::{begin, decode, noise_of};
use crate::watch::Watch;
use crate::work::Work;
use crate::{AdapterId, CancelToken, Error, Event, Picture, Place, Residency, Result, Stage};

/// A picture that is being drawn; its latent is at the same place in [`Denoising`].
struct Seat {
    ticket: Ticket,
    work: Work<'static>,
    done: usize,
}

/// The memory of a sitting.
struct Room {
    stay: Stay,
    reserved: Plan,
    /// How many pictures it is for.
    seats: usize,
    /// Whether all parts stay while it lasts, so that others may join and pictures leave before it is over.
    open: bool,
}

pub(super) struct Sitting<'s, B: Backend> {
    shop: Shop<'s, B>,
    waiting: &'s mut VecDeque<Handed>,
    at_once: usize,
    seated: Vec<Seat>,
    denoising: Denoising<B>,
}

impl<'s, B: Backend> Sitting<'s, B> {
    pub(super) fn new(
        artist: &'s mut Artist<B>,
        model: &'s ModelFiles,
        desk: &'s mut dyn Desk,
        waiting: &'s mut VecDeque<Handed>,
        at_once: usize,
    ) -> Self {
        let (seated, denoising) = (Vec::new(), Denoising::new());
        Self { shop: Shop { artist, model, desk }, waiting, at_once, seated, denoising }
    }

    /// The jobs that were under way when it failed.
    pub(super) fn into_lost(self) -> Vec<Handed> {
        drop(self.denoising);
        self.seated.into_iter().map(|seat| (seat.ticket, seat.work.job.into_owned())).collect()
    }

    /// Draws those that wait, and those that come meanwhile, until nobody is left who fits.
    pub(super) fn hold(&mut self) -> Result<()> {
        let planning = self.shop.artist.planning(self.shop.model);
        let works = self.tokenized();
        let Some((batch, room)) = self.prepare(&planning, works)? else { return Ok(()) };
        let mut open = room.open;
        if open {
            // They come in as others do, one by one and only if that pays.
            self.wait_again(batch);
        } else {
            batch.into_iter().try_for_each(|work| self.admit(&room, work))?;
        }
        loop {
            self.dismiss();
            self.hand_out(&room)?;
            if open {
                open = self.let_in(&planning, &room)?;
            }
            if self.seated.is_empty() {
                return Ok(());
            }
            self.step(&room)?;
        }
    }

    /// Those that wait, as runs take them; one whose prompt cannot be read fails.
    fn tokenized(&mut self) -> Vec<(Ticket, Work<'static>)> {
        let count = self.waiting.len().min(self.at_once);
        let waiting: Vec<Handed> = self.waiting.drain(..count).collect();
        waiting.into_iter().filter_map(|handed| self.tokenize(handed)).collect()
    }

    fn tokenize(&mut self, (ticket, job): Handed) -> Option<(Ticket, Work<'static>)> {
        let desk = RefCell::new(&mut *self.shop.desk);
        let tell = |event| desk.borrow_mut().tell(ticket, News::Event(event));
        let (cancel, mut deliver) = (CancelToken::new(), drop);
        let watch = Watch::new(&tell, &cancel, &mut deliver);
        match Work::new(self.shop.model, Cow::Owned(job), &watch) {
            Ok(work) => Some((ticket, work)),
            Err(error) => {
                self.shop.desk.fail(ticket, &error);
                None
            }
        }
    }

    /// Reserves memory for as many of `works` as fit; the others wait again. One that does not fit alone fails.
    fn prepare(
        &mut self,
        planning: &Planning<'_>,
        mut works: Vec<(Ticket, Work<'static>)>,
    ) -> Result<Option<(Vec<(Ticket, Work<'static>)>, Room)>> {
        if works.is_empty() {
            return Ok(None);
        }
        let all: Vec<Work<'static>> = works.iter().map(|(_, work)| work.clone()).collect();
        let batch = match seats::first(planning, self.shop.model, &all) {
            Ok(batch) => batch,
            Err(error) => {
                let (ticket, _) = works.remove(0);
                self.shop.desk.fail(ticket, &error);
                self.wait_again(works);
                return Ok(None);
            }
        };
        self.wait_again(works.split_off(batch.work.len()));
        for ((_, work), planned) in works.iter_mut().zip(&*batch.work) {
            work.thrift = planned.thrift;
        }
        let room = self.reserve(planning, batch)?;
        for (ticket, work) in &works {
            if let Some(warning) = work.thrift_in_words() {
                self.shop.desk.tell(*ticket, News::Event(Event::Warning(warning)));
                self.shop.desk.notice(Notice::Relieved(Rung::Bands));
            }
        }
        Ok(Some((works, room)))
    }

    fn reserve(&mut self, planning: &Planning<'_>, batch: Batch<'_, 'static>) -> Result<Room> {
        let (plan, seats) = seats::with_room(planning, self.shop.model, &batch, self.at_once)?;
        let batch = Batch { plan, ..batch };
        let present = self.shop.artist.parts.present(self.shop.model, self.shop.artist.target);
        let told = planning.forecast(present, self.shop.artist.reserved, std::slice::from_ref(&batch));
        let placement = self.shop.artist.reserve(planning, self.shop.model, &batch, Residency::Keep)?;
        let open = !told.parts_take_turns();
        if placement.of(Piece::TextEncoder).place != Place::Resident {
            self.shop.desk.notice(Notice::Relieved(Rung::TextEncoder));
        }
        self.shop.desk.notice(Notice::Planned(Box::new(told), seats));
        let reserved = self.shop.artist.reserved;
        let stay =
            Stay { placement, room: planning.room(reserved), residency: Residency::Keep };
        Ok(Room { stay, reserved, seats, open })
    }

    fn wait_again(&mut self, works: Vec<(Ticket, Work<'static>)>) {
        for (ticket, work) in works.into_iter().rev() {
            self.waiting.push_front((ticket, work.job.into_owned()));
        }
    }

    /// Encodes what a job begins with, and gives it a seat. What fails for this job alone is told to it alone.
    fn admit(&mut self, room: &Room, (ticket, work): (Ticket, Work<'static>)) -> Result<()> {
        if dismissed(self.shop.desk, ticket) {
            return Ok(());
        }
        self.seated.push(Seat { ticket, work, done: 0 });
        let Err(error) = self.begin(room) else { return Ok(()) };
        if is_short_of_memory(&error) || is_the_device(&error) {
            return Err(error);
        }
        self.seated.pop();
        self.shop.desk.fail(ticket, &error);
        Ok(())
    }

    /// The latent of the last seat.
    fn begin(&mut self, room: &Room) -> Result<()> {
        let Self { shop, seated, denoising, .. } = self;
        let Seat { ticket, work, .. } = seated.last().expect("somebody just sat down");
        let scheduler = &shop.model.scheduler;
        let adapters = used(seated.iter().map(|seat| &seat.work));
        shop.work(room.stay, adapters, &[*ticket], |b, supply, watch| {
            let work = std::slice::from_ref(work);
            let latents = begin(b, supply, work, scheduler, &noise_of, watch)?;
            let transformer = supply.transformer(watch)?;
            watch.enter(Stage::Denoise);
            latents.into_iter().try_for_each(|latent| denoising.join(b, transformer, latent))
        })
    }

    /// About how many tokens the next step has.
    fn tokens(&self) -> usize {
        let running = (0..self.seated.len()).filter(|&index| !self.denoising.is_done(index));
        running.map(|index| seats::tokens(&self.seated[index].work)).sum()
    }

    /// Lets those go that nobody wants any more.
    fn dismiss(&mut self) {
        for index in (0..self.seated.len()).rev() {
            if dismissed(self.shop.desk, self.seated[index].ticket) {
                self.seated.remove(index);
                drop(self.denoising.remove(index));
            }
        }
    }

    /// Decodes what is done: at once where all parts stay, else when nothing has steps left.
    fn hand_out(&mut self, room: &Room) -> Result<()> {
        if !room.open && self.denoising.has_steps() {
            return Ok(());
        }
        let mut index = 0;
        while index < self.seated.len() {
            if !self.denoising.is_done(index) {
                index += 1;
                continue;
            }
            let ticket = self.seated[index].ticket;
            let picture = self.decode(room, index);
            match picture {
                Ok(picture) => self.shop.desk.deliver(ticket, picture),
                Err(error) if is_short_of_memory(&error) || is_the_device(&error) => {
                    return Err(error);
                }
                Err(error) => self.shop.desk.fail(ticket, &error),
            }
            self.seated.remove(index);
        }
        Ok(())
    }

    fn decode(&mut self, room: &Room, index: usize) -> Result<Picture> {
        let Self { shop, seated, denoising, .. } = self;
        let Seat { ticket, work, .. } = &seated[index];
        let adapters = used(seated.iter().map(|seat| &seat.work));
        shop.work(room.stay, adapters, &[*ticket], |b, supply, watch| {
            let latent = denoising.take(b, index)?;
            let decoder = supply.decoder(watch)?;
            watch.enter(Stage::Decode);
            decode(b, decoder, work, latent)
        })
    }

    /// Seats whoever comes next as long as there is room and it pays. Says whether others may join later: nobody
    /// overtakes one that has to wait for the sitting to end.
    fn let_in(&mut self, planning: &Planning<'_>, room: &Room) -> Result<bool> {
        while self.seated.len() < room.seats.min(self.at_once) {
            let Some(handed) = self.waiting.pop_front().or_else(|| self.shop.desk.next()) else {
                return Ok(true);
            };
            let Some((ticket, work)) = self.tokenize(handed) else { continue };
            let now = self.tokens();
            if !self.shop.artist.pace.pays(now, now + seats::tokens(&work)) {
                self.wait_again(vec![(ticket, work)]);
                return Ok(true);
            }
            let seated: Vec<_> = self.seated.iter().map(|seat| seat.work.clone()).collect();
            if !seats::fits(planning, self.shop.model, &seated, &work, room.reserved)? {
                self.wait_again(vec![(ticket, work)]);
                return Ok(false);
            }
            let before = self.seated.len();
            match self.admit(room, (ticket, work)) {
                // Its pieces did not fit between those of others: it waits, and they go on.
                Err(error) if is_short_of_memory(&error) && before > 0 => {
                    let seat = self.seated.pop().expect("it just sat down");
                    self.wait_again(vec![(seat.ticket, seat.work)]);
                    return Ok(false);
                }
                admitted => admitted?,
            }
        }
        Ok(true)
    }

    /// One step of all, and what it looks like where somebody wants to see.
    fn step(&mut self, room: &Room) -> Result<()> {
        let tokens = self.tokens();
        let running: Vec<usize> =
            (0..self.seated.len()).filter(|&index| !self.denoising.is_done(index)).collect();
        let mut shown = Vec::new();
        for &index in running.iter().filter(|_| room.open) {
            let Seat { ticket, work, done } = &self.seated[index];
            let (done, of) = (done + 1, work.job.steps());
            if done < of && self.shop.desk.wants_preview(*ticket, done, of) {
                shown.push((index, self.denoising.values(&self.shop.artist.backend, index)?));
            }
        }
        let tickets: Vec<Ticket> = running.iter().map(|&index| self.seated[index].ticket).collect();
        let Self { shop, seated, denoising, .. } = self;
        let adapters = used(seated.iter().map(|seat| &seat.work));
        let took = shop.work(room.stay, adapters, &tickets, |b, supply, watch| {
            let transformer = supply.transformer(watch)?;
            let since = Instant::now();
            denoising.step(b, transformer)?;
            Ok(since.elapsed())
        })?;
        self.shop.artist.pace.note(tokens, took);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.shop.desk.notice(Notice::Stepped(running.len(), micros));
        for &index in &running {
            let Seat { ticket, work, done } = &mut self.seated[index];
            *done += 1;
            let event = Event::Step { done: *done, of: work.job.steps() };
            self.shop.desk.tell(*ticket, News::Event(event));
        }
        shown.into_iter().try_for_each(|(index, before)| self.show(room, index, &before))
    }

    /// Shows what the latent at `index` is on the way to. A preview that has no room is left out.
    fn show(&mut self, room: &Room, index: usize, before: &[f32]) -> Result<()> {
        let Self { shop, seated, denoising, .. } = self;
        let Seat { ticket, work, .. } = &seated[index];
        let (cells, ask) = (work.job.latent(), work.job.ask());
        let shrink = preview::shrink_of(cells, ask.height / cells.height);
        let adapters = used(seated.iter().map(|seat| &seat.work));
        let shown = shop.work(room.stay, adapters, &[], |b, supply, watch| {
            let guess = denoising.guess(b, index, before)?;
            preview::decode_small(b, supply.decoder(watch)?, &guess, cells, shrink)
        });
        match shown {
            Ok(picture) => shop.desk.tell(*ticket, News::Preview(picture)),
            Err(error) if is_short_of_memory(&error) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

/// What pictures are drawn with, and whom to tell.
struct Shop<'s, B: Backend> {
    artist: &'s mut Artist<B>,
    model: &'s ModelFiles,
    desk: &'s mut dyn Desk,
}

impl<B: Backend> Shop<'_, B> {
    /// Does `work` with the model's parts, for pictures that follow `adapters`; events go to all of `tickets`.
    fn work<T>(
        &mut self,
        stay: Stay,
        adapters: Vec<AdapterId>,
        tickets: &[Ticket],
        work: impl FnOnce(&B, &mut dyn Supply<B>, &mut Watch<'_>) -> Result<T>,
    ) -> Result<T> {
        let desk = RefCell::new(&mut *self.desk);
        let tell = |event: Event| {
            for ticket in tickets {
                desk.borrow_mut().tell(*ticket, News::Event(event.clone()));
            }
        };
        let (cancel, mut deliver) = (CancelToken::new(), drop);
        let mut watch = Watch::new(&tell, &cancel, &mut deliver);
        let mut supply = self.artist.supply(self.model, stay, adapters);
        work(supply.backend, &mut supply, &mut watch)
    }
}

fn is_the_device(error: &Error) -> bool {
    matches!(error, Error::Device(zao_backend::Error::Device { .. }))
}
