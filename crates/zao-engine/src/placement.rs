//! Where the weights of each part lie during a run: resident on the device, streamed through a window of its memory
//! from the host's, or with the processor. One rule for a plan and for the run; nothing is loaded here.

use zao_backend::{Expected, Streamed};

use crate::Residency;
use crate::parts::Piece;

/// What a piece takes on a device, before anything is decided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Footprint {
    /// Bytes of all its weights.
    pub(crate) bytes: u64,
    /// Bytes of those that may be streamed; none on a device that streams nothing.
    pub(crate) streamable: u64,
    /// Bytes of the largest of these.
    pub(crate) largest: u64,
    /// Bytes of device memory in which weights are converted that come from files while others are multiplied.
    pub(crate) staging: u64,
    /// Whether files bring its weights back, so that nobody has to keep them in main memory.
    pub(crate) in_files: bool,
}

/// Where the weights of a part are while it is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Place {
    /// All of them stay on the device.
    #[default]
    Resident,
    /// Some stay, the others pass through a window.
    Streamed(Streamed),
    /// They are in main memory, where the processor computes the part beside the device.
    Processor,
}

/// The weights of a part, and where they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Placed {
    /// Bytes of all of them, in the form that is multiplied where they are.
    pub bytes: u64,
    /// Where they are.
    pub place: Place,
}

/// Where the weights of every part are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Placement {
    /// The half of the autoencoder that makes latents of pictures.
    pub encoder: Placed,
    /// The language model that reads the prompt.
    pub text_encoder: Placed,
    /// The diffusion transformer.
    pub transformer: Placed,
    /// The half of the autoencoder that makes pictures of latents.
    pub decoder: Placed,
}

/// What weights may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Room {
    /// Bytes of device memory for weights and adapters together.
    pub(crate) device: u64,
    /// Bytes of these that adapters take, which are there with the transformer.
    pub(crate) adapters: u64,
    /// Bytes of main memory that may be page-locked.
    pub(crate) host: u64,
}

/// A window has room for so many of the largest weight: one that is multiplied, one that comes, and one for what
/// is left over where the ring closes.
const WINDOW: u64 = 3;

impl Footprint {
    /// Bytes of what always stays.
    const fn fixed(&self) -> u64 {
        self.bytes.saturating_sub(self.streamable)
    }

    /// All its weights on the device.
    const fn resident(&self) -> Placed {
        Placed { bytes: self.bytes, place: Place::Resident }
    }

    /// The fewest bytes of device memory that it can be used in.
    pub(crate) const fn least(&self) -> u64 {
        let streamed = self.fixed() + WINDOW * self.largest + self.staging;
        if self.streamable == 0 || streamed > self.bytes { self.bytes } else { streamed }
    }

    /// Its weights in at most `room` bytes of device memory, with at most `host` bytes of page-locked memory; with
    /// less than [`Self::least`] it is still that.
    fn within(&self, room: u64, host: u64) -> Placed {
        if self.bytes <= room || self.least() == self.bytes {
            return self.resident();
        }
        let with = |staging: u64| {
            let window = WINDOW * self.largest + staging;
            let resident = room.saturating_sub(self.fixed() + window).min(self.streamable);
            let passing = self.streamable - resident;
            // Only whole weights stay, so that up to one more passes.
            let wanted = (passing + self.largest).min(self.streamable);
            let candidates = self.streamable;
            (Streamed { candidates, resident, window, locked: wanted.min(host) }, wanted <= host)
        };
        let streamed = match with(0) {
            (streamed, true) => streamed,
            (_, false) => with(self.staging).0,
        };
        Placed { bytes: self.bytes, place: Place::Streamed(streamed) }
    }
}

impl Placed {
    /// Bytes of device memory that it takes: weights that stay, and the window.
    #[must_use]
    pub fn device_bytes(&self) -> u64 {
        match self.place {
            Place::Processor => 0,
            Place::Resident => self.bytes,
            Place::Streamed(streamed) => {
                self.bytes.saturating_sub(streamed.passing()) + streamed.window
            }
        }
    }

    /// The same as a device hears it before the weights come.
    pub(crate) fn expected(&self) -> Expected {
        let streamed = match self.place {
            Place::Resident | Place::Processor => None,
            Place::Streamed(streamed) => Some(streamed),
        };
        Expected { bytes: self.device_bytes(), streamed }
    }

    /// Bytes of page-locked main memory that it takes.
    #[must_use]
    pub fn locked_bytes(&self) -> u64 {
        match self.place {
            Place::Resident | Place::Processor => 0,
            Place::Streamed(streamed) => streamed.locked,
        }
    }

    /// Bytes that come over the bus at each use.
    #[must_use]
    pub fn streamed_bytes(&self) -> u64 {
        match self.place {
            Place::Resident | Place::Processor => 0,
            Place::Streamed(streamed) => streamed.passing(),
        }
    }

    /// Bytes of main memory in which the processor computes with it.
    #[must_use]
    pub fn processor_bytes(&self) -> u64 {
        match self.place {
            Place::Processor => self.bytes,
            Place::Resident | Place::Streamed(_) => 0,
        }
    }
}

impl Placement {
    /// Everything on the device.
    pub(crate) fn resident(footprints: &[Footprint; 4]) -> Self {
        Self::of_each(|piece| footprints[piece as usize].resident())
    }

    /// The placement that says this of each piece.
    fn of_each(placed: impl Fn(Piece) -> Placed) -> Self {
        Self {
            encoder: placed(Piece::Encoder),
            text_encoder: placed(Piece::TextEncoder),
            transformer: placed(Piece::Transformer),
            decoder: placed(Piece::Decoder),
        }
    }

    /// Where a piece is.
    pub(crate) const fn of(&self, piece: Piece) -> Placed {
        match piece {
            Piece::Encoder => self.encoder,
            Piece::TextEncoder => self.text_encoder,
            Piece::Transformer => self.transformer,
            Piece::Decoder => self.decoder,
        }
    }

    /// Bytes of main memory that may be page-locked at the same time.
    #[must_use]
    pub fn locked_bytes(&self) -> u64 {
        Piece::ALL.iter().map(|&piece| self.of(piece).locked_bytes()).sum()
    }

    /// The rule. `footprints` are in the order of [`Piece::ALL`].
    ///
    /// Parts that are kept lie beside each other: what gives up residency first is the text encoder, which is used once
    /// a prompt, then as much of the transformer as has to. Where not even that fits, and where parts
    /// are dropped after use, each has the device for itself.
    pub(crate) fn choose(footprints: &[Footprint; 4], room: Room, residency: Residency) -> Self {
        let of = |piece: Piece| footprints[piece as usize];
        let (text, transformer) = (of(Piece::TextEncoder), of(Piece::Transformer));
        let others = of(Piece::Encoder).resident().bytes
            + of(Piece::Decoder).resident().bytes
            + room.adapters;
        let kept = residency == Residency::Keep;
        if kept && text.bytes + transformer.bytes + others <= room.device {
            return Self::resident(footprints);
        }
        // Each prompt needs the text encoder once: reading it from files takes no longer than loading it.
        let host_of_text = |left: u64| if kept || !text.in_files { left } else { 0 };
        let streams = text.least() < text.bytes || transformer.least() < transformer.bytes;
        let beside = kept && streams && text.least() + transformer.least() + others <= room.device;
        let for_transformer = if beside {
            room.device - others - text.least()
        } else {
            room.device.saturating_sub(room.adapters)
        };
        let placed = transformer.within(for_transformer, room.host);
        let left = host_of_text(room.host - placed.locked_bytes());
        let for_text = if beside {
            room.device - others - placed.device_bytes()
        } else if text.bytes <= room.device {
            room.device
        } else {
            // It is used once, so that to bring a share of it beforehand gains nothing.
            0
        };
        let text = text.within(for_text, left);
        Self::of_each(|piece| match piece {
            Piece::TextEncoder => text,
            Piece::Transformer => placed,
            Piece::Encoder | Piece::Decoder => of(piece).resident(),
        })
    }

    /// The same, with a text encoder of so many bytes on the processor.
    pub(crate) const fn with_text_aside(self, bytes: u64) -> Self {
        Self { text_encoder: Placed { bytes, place: Place::Processor }, ..self }
    }

    /// The same, with pieces left as they are `loaded` where they take no more.
    #[must_use]
    pub(crate) fn keeping(&self, loaded: &[Option<Placed>; 4]) -> Self {
        Self::of_each(|piece| {
            let placed = self.of(piece);
            let fits = |was: &Placed| {
                was.bytes == placed.bytes && was.device_bytes() <= placed.device_bytes()
            };
            loaded[piece as usize].filter(fits).unwrap_or(placed)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MB: u64 = 1_000_000;
    const GB: u64 = 1000 * MB;

    /// About the published model in bf16, or in 8 bits.
    fn footprints(size: u64) -> [Footprint; 4] {
        let small = |bytes| Footprint { bytes, in_files: true, ..Footprint::default() };
        let large = |streamable, fixed, largest| Footprint {
            bytes: streamable + fixed,
            streamable,
            largest,
            staging: 67 * MB,
            in_files: true,
        };
        let text = large(3500 * MB * size, MB, 50 * MB * size);
        let transformer = large(5850 * MB * size, 610 * MB, 79 * MB * size);
        [small(68 * MB), text, transformer, small(100 * MB)]
    }

    fn room(device: u64, host: u64) -> Room {
        Room { device, adapters: 0, host }
    }

    #[test]
    fn the_text_encoder_gives_up_its_place_first_and_the_transformer_only_in_part() {
        let choose = |device| {
            let placement =
                Placement::choose(&footprints(2), room(device, 64 * GB), Residency::Keep);
            let streamed = |placed: Placed| placed.streamed_bytes() / (100 * MB);
            (streamed(placement.text_encoder), streamed(placement.transformer))
        };
        assert_eq!(choose(24 * GB), (0, 0));
        assert_eq!(choose(16 * GB), (37, 0));
        assert_eq!(choose(10 * GB), (69, 33));
        assert_eq!(choose(5 * GB), (69, 83));
    }

    #[test]
    fn no_placement_takes_more_than_there_is_and_more_memory_never_streams_more() {
        for size in [1, 2] {
            let footprints = footprints(size);
            for (residency, host) in [Residency::Keep, Residency::InTurn]
                .into_iter()
                .flat_map(|residency| [0, 3 * GB, 64 * GB].map(|host| (residency, host)))
            {
                let mut before = u64::MAX;
                for device in (2..64).map(|half| half * GB / 2) {
                    let placement = Placement::choose(&footprints, room(device, host), residency);
                    let pieces = Piece::ALL.map(|piece| placement.of(piece));
                    let least = footprints.map(|footprint| footprint.least());
                    let fit: u64 = least.iter().sum();
                    let beside = residency == Residency::Keep && fit <= device;
                    let taken = pieces.map(|placed| placed.device_bytes());
                    if beside {
                        assert!(taken.iter().sum::<u64>() <= device, "{device} {placement:?}");
                    }
                    for (taken, least) in taken.into_iter().zip(least) {
                        assert!(taken <= device.max(least), "{device} {placement:?}");
                    }
                    assert!(placement.locked_bytes() <= host);
                    let streamed = placement.transformer.streamed_bytes();
                    // Where parts begin to lie beside each other they get less than alone.
                    if fit <= device || residency == Residency::InTurn {
                        assert!(streamed <= before, "{device}: {streamed} {before}");
                        before = streamed;
                    }
                }
            }
        }
    }

    #[test]
    fn parts_in_turn_have_the_device_for_themselves_and_lock_no_memory_for_one_use() {
        let placement = Placement::choose(&footprints(2), room(7 * GB, 64 * GB), Residency::InTurn);
        assert_eq!(placement.transformer.device_bytes(), 7 * GB);
        let (locked, streamed) =
            (placement.transformer.locked_bytes(), placement.transformer.streamed_bytes());
        assert!((streamed..streamed + 200 * MB).contains(&locked), "{locked} {streamed}");
        assert_eq!(placement.text_encoder.streamed_bytes(), 7000 * MB);
        assert_eq!(placement.text_encoder.locked_bytes(), 0);
        let whole = Placement::choose(&footprints(2), room(8 * GB, 64 * GB), Residency::InTurn);
        assert_eq!(whole.text_encoder.place, Place::Resident);
    }

    #[test]
    fn what_has_no_room_in_main_memory_comes_from_files_through_a_place_to_convert_it() {
        let placed = |host| {
            Placement::choose(&footprints(2), room(7 * GB, host), Residency::InTurn).transformer
        };
        let Place::Streamed(all) = placed(64 * GB).place else { panic!("it does not fit") };
        let Place::Streamed(some) = placed(GB).place else { panic!("it does not fit") };
        assert_eq!((some.locked, some.window), (GB, all.window + 67 * MB));
        assert_eq!(placed(GB).device_bytes(), 7 * GB);
    }

    #[test]
    fn a_device_that_streams_nothing_has_everything_resident() {
        let footprints = footprints(2).map(|footprint| Footprint { streamable: 0, ..footprint });
        let placement = Placement::choose(&footprints, room(GB, 64 * GB), Residency::Keep);
        assert_eq!(placement, Placement::resident(&footprints));
    }

    #[test]
    fn loaded_pieces_stay_as_they_are_unless_they_are_too_large_now() {
        let choose =
            |device| Placement::choose(&footprints(2), room(device, 64 * GB), Residency::Keep);
        let (small, large) = (choose(8 * GB), choose(12 * GB));
        let loaded = |placement: Placement| Piece::ALL.map(|piece| Some(placement.of(piece)));
        assert_eq!(large.keeping(&loaded(small)), small, "nothing is loaded anew to be faster");
        assert_eq!(small.keeping(&loaded(large)).transformer, small.transformer);
        assert_eq!(small.keeping(&[None; 4]), small);
    }
}
