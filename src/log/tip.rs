//! The end of the log.

use ledger_spec::{
    frame::Header,
    ids::{Hash, LedgerId, Seq},
    merkle,
};

use super::error::LinkError;

/// Where the log ends: what the next frame has to follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tip {
    /// The place of the next entry; also the number of entries.
    pub next_seq: Seq,
    /// The hash of the last frame, or [`ledger_spec::frame::NO_FRAME`].
    pub frame_hash: Hash,
    /// The Merkle root over all entries, as the last frame states it.
    pub root: Hash,
    /// The epoch of the last frame, 0 before any.
    pub epoch: u64,
}

impl Tip {
    /// The end of a log without entries.
    pub(super) fn empty() -> Self {
        let frame_hash = ledger_spec::frame::NO_FRAME;
        Self { next_seq: Seq(0), frame_hash, root: merkle::root_of(&[]), epoch: 0 }
    }

    /// Checks that a frame with this header follows here.
    pub(super) fn check_next(&self, ledger: LedgerId, header: &Header) -> Result<(), LinkError> {
        let place = &header.place;
        if place.ledger != ledger {
            Err(LinkError::Ledger { found: place.ledger, due: ledger })
        } else if place.first_seq != self.next_seq {
            Err(LinkError::FirstSeq { found: place.first_seq, due: self.next_seq })
        } else if place.prev_frame_hash != self.frame_hash {
            Err(LinkError::PrevFrame)
        } else if place.epoch < self.epoch {
            Err(LinkError::Epoch { found: place.epoch, last: self.epoch })
        } else {
            Ok(())
        }
    }

    pub(super) const fn after(header: &Header, frame_hash: Hash) -> Self {
        let place = &header.place;
        Self { next_seq: header.next_seq(), frame_hash, root: place.root_after, epoch: place.epoch }
    }
}
