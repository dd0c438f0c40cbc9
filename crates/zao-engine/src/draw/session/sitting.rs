//! One sitting: jobs are let in, step together, are shown, and leave as pictures.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::time::Instant;

use zao_backend::{Backend, Plan};

use super::super::{Artist, Stay};
use super::envelope::Envelope;
use super::pace::Stretch;
use super::seats::{self, Laid, Table};
use super::{Handed, dismissed, is_short_of_memory, tell_of_smaller};
use crate::adapters::used;
use crate::denoise::Denoising;
use crate::desk::{Desk, Lacking, News, Notice, Rung, StepTimes, Ticket};
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

/// A job that has no seat yet.
struct Guest {
    ticket: Ticket,
    work: Work<'static>,
    /// Whether memory is reserved for it.
    planned: bool,
}

impl From<Guest> for Seat {
    fn from(Guest { ticket, work, .. }: Guest) -> Self {
        Self { ticket, work, done: 0 }
    }
}

impl From<Seat> for Guest {
    /// Somebody who has to sit down again.
    fn from(Seat { ticket, work, .. }: Seat) -> Self {
        Self { ticket, work, planned: false }
    }
}

/// The memory of a sitting.
struct Room {
    stay: Stay,
    reserved: Plan,
    /// As large as each picture may be, where it was planned for pictures alike.
    envelope: Option<Envelope>,
    /// How many pictures it is for.
    seats: usize,
    /// Whether all parts stay while it lasts, so that others may join and pictures leave before it is over.
    open: bool,
}

pub(super) struct Sitting<'s, B: Backend> {
    shop: Shop<'s, B>,
    waiting: &'s mut VecDeque<Handed>,
    at_once: usize,
    /// Those who come next.
    arriving: VecDeque<Guest>,
    seated: Vec<Seat>,
    denoising: Denoising<B>,
    /// Since the last picture was handed out.
    stretch: Stretch,
}

impl<'s, B: Backend> Sitting<'s, B> {
    pub(super) fn new(
        artist: &'s mut Artist<B>,
        model: &'s ModelFiles,
        desk: &'s mut dyn Desk,
        waiting: &'s mut VecDeque<Handed>,
        at_once: usize,
    ) -> Self {
        let shop = Shop { artist, model, desk };
        let (arriving, seated, denoising) = (VecDeque::new(), Vec::new(), Denoising::new());
        Self { shop, waiting, at_once, arriving, seated, denoising, stretch: Stretch::new() }
    }

    /// The jobs that it had taken from those that wait when it failed.
    pub(super) fn into_lost(self) -> Vec<Handed> {
        drop(self.denoising);
        let seated = self.seated.into_iter().map(|seat| (seat.ticket, seat.work));
        let arriving = self.arriving.into_iter().map(|guest| (guest.ticket, guest.work));
        seated.chain(arriving).map(|(ticket, work)| (ticket, work.job.into_owned())).collect()
    }

    /// Draws those that wait, and those that come meanwhile, until nobody is left who fits.
    pub(super) fn hold(&mut self) -> Result<()> {
        let planning = self.shop.artist.planning(self.shop.model);
        self.arriving = self.tokenized();
        let Some(room) = self.prepare(&planning)? else { return Ok(()) };
        let mut open = room.open;
        if !open {
            let party = self.arriving.drain(..).collect();
            self.admit(&room, party)?;
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
            let wants = self.wants(&room, open);
            self.shop.desk.notice(Notice::Wants(wants));
            self.step(&room)?;
        }
    }

    /// Those that wait, as runs take them; one whose prompt cannot be read fails.
    fn tokenized(&mut self) -> VecDeque<Guest> {
        let count = self.waiting.len().min(self.at_once);
        let waiting: Vec<Handed> = self.waiting.drain(..count).collect();
        waiting.into_iter().filter_map(|handed| self.tokenize(handed)).collect()
    }

    fn tokenize(&mut self, (ticket, job): Handed) -> Option<Guest> {
        let desk = RefCell::new(&mut *self.shop.desk);
        let tell = |event| desk.borrow_mut().tell(ticket, News::Event(event));
        let (cancel, mut deliver) = (CancelToken::new(), drop);
        let watch = Watch::new(&tell, &cancel, &mut deliver);
        match Work::new(self.shop.model, Cow::Owned(job), &watch) {
            Ok(work) => Some(Guest { ticket, work, planned: false }),
            Err(error) => {
                self.shop.desk.fail(ticket, &error);
                None
            }
        }
    }

    /// Reserves memory for as many of those that arrive as fit; the others wait again. One that does not fit alone fails.
    fn prepare(&mut self, planning: &Planning<'_>) -> Result<Option<Room>> {
        if self.arriving.is_empty() {
            return Ok(None);
        }
        let all: Vec<Work<'static>> =
            self.arriving.iter().map(|guest| guest.work.clone()).collect();
        let batch = match self.table(planning).first(&all) {
            Ok(batch) => batch,
            Err(error) => {
                let first = self.arriving.pop_front();
                let others = std::mem::take(&mut self.arriving);
                self.wait_again(others);
                first.into_iter().for_each(|first| self.turn_away(planning, first, &error));
                return Ok(None);
            }
        };
        let others = self.arriving.split_off(batch.work.len());
        self.wait_again(others);
        for (guest, planned) in self.arriving.iter_mut().zip(&*batch.work) {
            guest.work.thrift = planned.thrift;
            guest.planned = true;
        }
        let room = self.reserve(planning, batch)?;
        for Guest { ticket, work, .. } in &self.arriving {
            if let Some(warning) = work.thrift_in_words() {
                self.shop.desk.tell(*ticket, News::Event(Event::Warning(warning)));
                self.shop.desk.notice(Notice::Relieved(Rung::Bands));
            }
        }
        Ok(Some(room))
    }

    fn table<'t, 'm>(&'t mut self, planning: &'t Planning<'m>) -> Table<'t, 'm> {
        let (model, rehearsed) = (self.shop.model, &mut self.shop.artist.rehearsed);
        Table { planning, model, rehearsed }
    }

    /// A job that has no room even alone waits again as the largest picture that has, if it may be smaller, and fails
    /// otherwise.
    fn turn_away(&mut self, planning: &Planning<'_>, guest: Guest, error: &Error) {
        let Guest { ticket, work, .. } = guest;
        let smaller = match error {
            Error::OutOfMemory { .. } if work.job.may_shrink() => planning.smaller(&work),
            _ => None,
        };
        match smaller {
            Some(smaller) => {
                tell_of_smaller(self.shop.desk, ticket, &work.job, &smaller.job);
                self.wait_again([Guest { ticket, work: smaller, planned: false }]);
            }
            None => self.shop.desk.fail(ticket, error),
        }
    }

    fn reserve(&mut self, planning: &Planning<'_>, batch: Batch<'_, 'static>) -> Result<Room> {
        let at_once = self.at_once;
        let Laid { plan, seats, envelope } = self.table(planning).with_room(&batch, at_once)?;
        let batch = Batch { plan, ..batch };
        let present = self.shop.artist.parts.present(self.shop.model, self.shop.artist.target);
        let told =
            planning.forecast(present, self.shop.artist.reserved, std::slice::from_ref(&batch))?;
        let placement =
            self.shop.artist.reserve(planning, self.shop.model, &batch, Residency::Keep)?;
        let open = !told.parts_take_turns();
        if placement.of(Piece::TextEncoder).place != Place::Resident {
            self.shop.desk.notice(Notice::Relieved(Rung::TextEncoder));
        }
        self.shop.desk.notice(Notice::Planned(Box::new(told), seats));
        let reserved = self.shop.artist.reserved;
        let stay = Stay { placement, room: planning.room(reserved), residency: Residency::Keep };
        Ok(Room { stay, reserved, envelope, seats, open })
    }

    fn wait_again<I>(&mut self, guests: I)
    where
        I: IntoIterator<Item = Guest, IntoIter: DoubleEndedIterator>,
    {
        for guest in guests.into_iter().rev() {
            self.waiting.push_front((guest.ticket, guest.work.job.into_owned()));
        }
    }

    /// Gives those of `party` seats that are still wanted: all of their prompts are read together. What fails for one
    /// job alone is told to it alone; after what is no job's fault those without a seat arrive once more.
    fn admit(&mut self, room: &Room, party: Vec<Guest>) -> Result<()> {
        let desk = &mut *self.shop.desk;
        let wanted = party.into_iter().filter(|guest| !dismissed(desk, guest.ticket));
        let mut party: VecDeque<Guest> = wanted.collect();
        let mut at_a_time = party.len();
        while !party.is_empty() {
            let some: Vec<Guest> = party.drain(..at_a_time).collect();
            let Some((error, some)) = self.seat(room, some) else { continue };
            some.into_iter().rev().for_each(|guest| party.push_front(guest));
            if at_a_time > 1 && !is_the_device(&error) {
                // Whose fault it is shows when each is read alone, which also takes less memory.
                at_a_time = 1;
                continue;
            }
            if is_short_of_memory(&error) || is_the_device(&error) {
                party.into_iter().rev().for_each(|guest| self.arriving.push_front(guest));
                return Err(error);
            }
            let failed = party.pop_front();
            failed.into_iter().for_each(|guest| self.shop.desk.fail(guest.ticket, &error));
        }
        Ok(())
    }

    /// Seats `party`, or gives it back with the reason.
    fn seat(&mut self, room: &Room, party: Vec<Guest>) -> Option<(Error, Vec<Guest>)> {
        let before = self.seated.len();
        self.seated.extend(party.into_iter().map(Seat::from));
        let error = self.begin(room, before).err()?;
        self.denoising.truncate(before);
        Some((error, self.seated.drain(before..).map(Guest::from).collect()))
    }

    /// The latents of the seats from `first` on.
    fn begin(&mut self, room: &Room, first: usize) -> Result<()> {
        let Self { shop, seated, denoising, .. } = self;
        let (tickets, work): (Vec<Ticket>, Vec<Work<'static>>) =
            seated[first..].iter().map(|seat| (seat.ticket, seat.work.clone())).unzip();
        let scheduler = &shop.model.scheduler;
        let adapters = used(seated.iter().map(|seat| &seat.work));
        let before = shop.artist.parts.prompts();
        denoising.clear_layout();
        shop.work(room.stay, adapters, &tickets, |b, supply, watch| {
            let latents = begin(b, supply, &work, scheduler, &noise_of, watch)?;
            let transformer = supply.transformer(watch)?;
            watch.enter(Stage::Denoise);
            latents.into_iter().try_for_each(|latent| denoising.join(b, transformer, latent))
        })?;
        let after = shop.artist.parts.prompts();
        shop.desk.notice(Notice::Joined {
            remembered: after.remembered - before.remembered,
            read: after.read - before.read,
            adapters: shop.artist.parts.adapters(),
        });
        Ok(())
    }

    /// About how many tokens the next step has.
    fn tokens(&self) -> usize {
        let running = (0..self.seated.len()).filter(|&index| !self.denoising.is_done(index));
        running.map(|index| seats::tokens(&self.seated[index].work)).sum()
    }

    /// Lets those go that nobody wants any more, also of those that wait for a seat.
    fn dismiss(&mut self) {
        let desk = &mut *self.shop.desk;
        self.waiting.retain(|(ticket, _)| !dismissed(desk, *ticket));
        self.arriving.retain(|guest| !dismissed(desk, guest.ticket));
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
            self.stretch.end(&mut self.shop.artist.pace);
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

    /// Seats whoever comes next as long as there is room and it pays, all together. Says whether others may join later:
    /// nobody overtakes one that has to wait for the sitting to end.
    fn let_in(&mut self, planning: &Planning<'_>, room: &Room) -> Result<bool> {
        let mut sitting: Vec<Work<'static>> =
            self.seated.iter().map(|seat| seat.work.clone()).collect();
        let (mut party, mut tokens, mut open) = (Vec::new(), self.tokens(), true);
        while sitting.len() < room.seats.min(self.at_once) {
            let Some(guest) = self.next() else { break };
            let then = tokens + seats::tokens(&guest.work);
            if !self.shop.artist.pace.pays(tokens, then)
                || !self.may_join(&party, &guest, (tokens, then))
            {
                self.arriving.push_front(guest);
                break;
            }
            let (model, laid) = (self.shop.model, (room.reserved, room.envelope.as_ref()));
            if !guest.planned && !seats::fits(planning, model, (&sitting, &guest.work), laid) {
                self.wait_again([guest]);
                open = false;
                break;
            }
            sitting.push(guest.work.clone());
            party.push(guest);
            tokens = then;
        }
        match self.admit(room, party) {
            // Its pieces did not fit between those of others: it waits, and they go on.
            Err(error) if is_short_of_memory(&error) && !self.seated.is_empty() => {
                let turned_away = std::mem::take(&mut self.arriving);
                self.wait_again(turned_away);
                Ok(false)
            }
            admitted => admitted.map(|()| open),
        }
    }

    /// How many more would be seated once the coming step is done.
    fn wants(&mut self, room: &Room, open: bool) -> usize {
        // Whoever is here already has to be seated first.
        if !self.arriving.is_empty() || !self.waiting.is_empty() {
            return 0;
        }
        let all: usize = self.seated.iter().map(|seat| seats::tokens(&seat.work)).sum();
        let each = all / self.seated.len().max(1);
        let staying = self.seated.iter().filter(|seat| seat.done + 1 < seat.work.job.steps());
        let (count, tokens) = staying
            .fold((0, 0), |(count, tokens), seat| (count + 1, tokens + seats::tokens(&seat.work)));
        let pace = &mut self.shop.artist.pace;
        match (open, count) {
            (true, _) => {
                let free = room.seats.min(self.at_once).saturating_sub(count);
                pace.wants(tokens, each, free)
            }
            // Nobody joins those who sit; with the last of them the next sitting begins.
            (false, 0) => {
                if !room.open {
                    pace.sat(self.seated.len(), each);
                }
                pace.party().min(self.at_once)
            }
            (false, _) => 0,
        }
    }

    /// Whether those that are seated, `party` among them, can do with one more.
    fn may_join(&mut self, party: &[Guest], guest: &Guest, tokens: (usize, usize)) -> bool {
        let pace = &self.shop.artist.pace;
        let (now, joined) = (pace.step(tokens.0), pace.step(tokens.1));
        let alone = pace.step(seats::tokens(&guest.work));
        let (Some(now), Some(joined), Some(alone)) = (now, joined, alone) else { return true };
        let coming =
            |guest: &Guest| Lacking { ticket: guest.ticket, steps: guest.work.job.steps() };
        let seated = self.seated.iter().map(|seat| {
            let steps = seat.work.job.steps().saturating_sub(seat.done);
            Lacking { ticket: seat.ticket, steps }
        });
        let seated: Vec<Lacking> = seated.chain(party.iter().map(coming)).collect();
        let step = StepTimes { now, joined, alone };
        seated.is_empty() || self.shop.desk.may_join(coming(guest), &seated, step)
    }

    /// Whoever comes next, if there is anybody.
    fn next(&mut self) -> Option<Guest> {
        loop {
            if let Some(arriving) = self.arriving.pop_front() {
                return Some(arriving);
            }
            let handed = self.waiting.pop_front().or_else(|| self.shop.desk.next())?;
            let guest = self.tokenize(handed);
            self.arriving.extend(guest);
        }
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
        self.stretch.stepped(running.len(), tokens);
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
