//! The frame: one batch of entries as the log stores it, and the unit in which the log grows.
//!
//! ```text
//! magic 7 ‖ version 1 ‖ ledger 8 ‖ epoch u64 ‖ first_seq u64 ‖ count u32 ‖ body_len u32
//!   ‖ prev_frame_hash 32 ‖ root_after 32 ‖ CRC-32 of all before, u32 (the header, 108 bytes)
//! ‖ the entries' bytes back to back ‖ where each entry starts in them, count × u32
//! ‖ SHA-256 of all before
//! ```
//!
//! Integers are big-endian. The trailing SHA-256 is the frame's hash, and the next frame repeats
//! it, so that frames form a chain. The check sum of the header lets a reader step from frame to
//! frame without reading bodies. Entries are opaque here; none is empty, so every start is greater
//! than the one before it.

use alloc::vec::Vec;

use sha2::{Digest, Sha256};

use crate::ids::{Hash, LedgerId, Seq};

/// What every frame starts with. The first byte is not UTF-8, so that no text can hold a frame.
pub const MAGIC: [u8; 7] = *b"\x8bKMFRAM";
/// The version of the layout above.
pub const VERSION: u8 = 1;
/// Bytes of a frame before its entries.
pub const HEADER_BYTES: usize = 108;
/// Bytes of the hash that ends a frame.
pub const HASH_BYTES: usize = 32;
/// Most entries of one frame.
pub const MAX_FRAME_ENTRIES: usize = 4096;
/// Most bytes of one frame, with header, starts and hash.
pub const MAX_FRAME_BYTES: usize = 16 * 1024 * 1024;
/// Most bytes of one entry; a public document of 60 KiB fits with room to spare.
pub const MAX_ENTRY_BYTES: usize = 128 * 1024;
/// What the first frame of a log names as the hash of the frame before it.
pub const NO_FRAME: Hash = [0; 32];

/// Bytes of one entry's start.
const START_BYTES: usize = 4;

/// Why bytes are not a frame, or entries cannot become one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// There are fewer bytes than a header or the header's own lengths ask for, or more.
    #[error("the frame has {found} bytes where {expected} are due")]
    Length {
        /// Bytes due.
        expected: usize,
        /// Bytes there.
        found: usize,
    },
    /// The first bytes are not [`MAGIC`].
    #[error("no frame starts here")]
    NotAFrame,
    /// The layout is of a version this program does not know.
    #[error("frame version {0} is not known")]
    Version(u8),
    /// The header does not match its check sum.
    #[error("the frame's header does not match its check sum")]
    HeaderChecksum,
    /// The frame has no entry, or more than [`MAX_FRAME_ENTRIES`].
    #[error("a frame of {0} entries; 1 to {MAX_FRAME_ENTRIES} are allowed")]
    Count(usize),
    /// An entry is empty or longer than [`MAX_ENTRY_BYTES`].
    #[error("an entry of {0} bytes; 1 to {MAX_ENTRY_BYTES} are allowed")]
    EntryBytes(usize),
    /// The frame would be longer than [`MAX_FRAME_BYTES`].
    #[error("a frame of {0} bytes; at most {MAX_FRAME_BYTES} are allowed")]
    FrameBytes(usize),
    /// The frame's last sequence number does not fit.
    #[error("the frame's sequence numbers run past the largest number")]
    Seq,
    /// The frame does not match the SHA-256 that ends it.
    #[error("the frame does not match its SHA-256")]
    Checksum,
    /// The entries' starts do not rise from 0 within the body.
    #[error("the frame's entries do not lie back to back")]
    Starts,
}

/// Where a frame stands: what its writer decides beside the entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FramePlace {
    /// The ledger whose log this is.
    pub ledger: LedgerId,
    /// Which writer wrote it, where several machines take turns; never falls along a log.
    pub epoch: u64,
    /// The place of the frame's first entry.
    pub first_seq: Seq,
    /// The hash of the frame before, or [`NO_FRAME`].
    pub prev_frame_hash: Hash,
    /// The Merkle root over all entries up to and with this frame's last.
    pub root_after: Hash,
}

/// A frame's header: its place and its lengths, all within their limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Where the frame stands.
    pub place: FramePlace,
    count: u32,
    body_bytes: u32,
}

impl Header {
    /// Reads the header that `bytes` start with; what follows it is not looked at.
    ///
    /// # Errors
    /// Any [`FrameError`] but those on starts and the trailing hash.
    pub fn decode(bytes: &[u8]) -> Result<Self, FrameError> {
        let header: &[u8; HEADER_BYTES] = bytes
            .first_chunk()
            .ok_or(FrameError::Length { expected: HEADER_BYTES, found: bytes.len() })?;
        let mut fields = HeaderFields(header);
        if fields.take::<7>()? != MAGIC {
            return Err(FrameError::NotAFrame);
        }
        let [version] = fields.take()?;
        if version != VERSION {
            return Err(FrameError::Version(version));
        }
        let decoded = Self {
            place: FramePlace {
                ledger: LedgerId(fields.take()?),
                epoch: u64::from_be_bytes(fields.take()?),
                first_seq: Seq(u64::from_be_bytes(fields.take()?)),
                prev_frame_hash: [0; 32],
                root_after: [0; 32],
            },
            count: u32::from_be_bytes(fields.take()?),
            body_bytes: u32::from_be_bytes(fields.take()?),
        };
        let (prev_frame_hash, root_after) = (fields.take()?, fields.take()?);
        let checksum = u32::from_be_bytes(fields.take()?);
        let summed = header.split_last_chunk::<4>().map_or(&[][..], |(summed, _)| summed);
        if crc32fast::hash(summed) != checksum {
            return Err(FrameError::HeaderChecksum);
        }
        Self { place: FramePlace { prev_frame_hash, root_after, ..decoded.place }, ..decoded }
            .limited()
    }

    /// Entries of the frame.
    #[must_use]
    pub const fn count(&self) -> u32 {
        self.count
    }

    /// Bytes of all its entries together.
    #[must_use]
    pub const fn body_bytes(&self) -> u32 {
        self.body_bytes
    }

    /// Bytes of the whole frame.
    #[must_use]
    pub const fn frame_bytes(&self) -> usize {
        HEADER_BYTES + self.body_bytes as usize + START_BYTES * self.count as usize + HASH_BYTES
    }

    /// The place of the first entry after the frame.
    #[must_use]
    pub const fn next_seq(&self) -> Seq {
        Seq(self.place.first_seq.0.saturating_add(self.count as u64))
    }

    fn limited(self) -> Result<Self, FrameError> {
        if self.count == 0 || self.count as usize > MAX_FRAME_ENTRIES {
            return Err(FrameError::Count(self.count as usize));
        }
        // The body is compared alone first: the sum could overflow where usize has 32 bits.
        if self.body_bytes as usize > MAX_FRAME_BYTES || self.frame_bytes() > MAX_FRAME_BYTES {
            return Err(FrameError::FrameBytes(self.body_bytes as usize));
        }
        if self.place.first_seq.0.checked_add(u64::from(self.count)).is_none() {
            return Err(FrameError::Seq);
        }
        Ok(self)
    }

    fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.frame_bytes());
        bytes.extend(MAGIC);
        bytes.push(VERSION);
        bytes.extend(self.place.ledger.0);
        bytes.extend(self.place.epoch.to_be_bytes());
        bytes.extend(self.place.first_seq.0.to_be_bytes());
        bytes.extend(self.count.to_be_bytes());
        bytes.extend(self.body_bytes.to_be_bytes());
        bytes.extend(self.place.prev_frame_hash);
        bytes.extend(self.place.root_after);
        let checksum = crc32fast::hash(&bytes);
        bytes.extend(checksum.to_be_bytes());
        bytes
    }
}

/// A whole frame that passed every check; the one way to get one is to make it or to decode it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    header: Header,
    hash: Hash,
    bytes: Vec<u8>,
}

impl Frame {
    /// Makes the frame of these entries.
    ///
    /// # Errors
    /// A [`FrameError`] that names the limit the entries pass.
    pub fn encode(place: FramePlace, entries: &[Vec<u8>]) -> Result<Self, FrameError> {
        // Checked first: with the limits on number and size of entries the sum below cannot
        // overflow.
        if entries.len() > MAX_FRAME_ENTRIES {
            return Err(FrameError::Count(entries.len()));
        }
        let mut starts = Vec::with_capacity(entries.len() * START_BYTES);
        let mut body_bytes = 0_u32;
        for entry in entries {
            starts.extend(body_bytes.to_be_bytes());
            let entry_bytes = u32::try_from(entry.len())
                .ok()
                .filter(|bytes| (1..=MAX_ENTRY_BYTES).contains(&(*bytes as usize)))
                .ok_or(FrameError::EntryBytes(entry.len()))?;
            body_bytes += entry_bytes;
        }
        let count = u32::try_from(entries.len()).map_err(|_| FrameError::Count(entries.len()))?;
        let header = Header { place, count, body_bytes }.limited()?;
        let mut bytes = header.encode();
        entries.iter().for_each(|entry| bytes.extend(entry));
        bytes.extend(starts);
        let hash: Hash = Sha256::digest(&bytes).into();
        bytes.extend(hash);
        Ok(Self { header, hash, bytes })
    }

    /// Takes bytes as a frame after every check; they must end where the frame ends.
    ///
    /// # Errors
    /// The first check that fails, as a [`FrameError`].
    pub fn decode(bytes: Vec<u8>) -> Result<Self, FrameError> {
        let header = Header::decode(&bytes)?;
        let length = FrameError::Length { expected: header.frame_bytes(), found: bytes.len() };
        if bytes.len() != header.frame_bytes() {
            return Err(length);
        }
        let (summed, &hash) = bytes.split_last_chunk::<HASH_BYTES>().ok_or(length)?;
        if <Hash>::from(Sha256::digest(summed)) != hash {
            return Err(FrameError::Checksum);
        }
        let frame = Self { header, hash, bytes };
        frame.check_starts()?;
        Ok(frame)
    }

    /// The frame's header.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// The frame's hash, its last 32 bytes.
    #[must_use]
    pub const fn hash(&self) -> Hash {
        self.hash
    }

    /// The frame as it is stored.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The frame's entries in order, each with its place.
    pub fn entries(&self) -> impl Iterator<Item = (Seq, &[u8])> {
        let ends = self.starts().skip(1).chain([self.header.body_bytes as usize]);
        (self.header.place.first_seq.0..)
            .zip(self.starts().zip(ends))
            .filter_map(|(seq, (start, end))| Some((Seq(seq), self.body().get(start..end)?)))
    }

    fn body(&self) -> &[u8] {
        let end = HEADER_BYTES + self.header.body_bytes as usize;
        self.bytes.get(HEADER_BYTES..end).unwrap_or_default()
    }

    fn starts(&self) -> impl Iterator<Item = usize> {
        let first = HEADER_BYTES + self.header.body_bytes as usize;
        let end = first + START_BYTES * self.header.count as usize;
        let (starts, _) = self.bytes.get(first..end).unwrap_or_default().as_chunks::<START_BYTES>();
        starts.iter().map(|start| u32::from_be_bytes(*start) as usize)
    }

    fn check_starts(&self) -> Result<(), FrameError> {
        if self.starts().next() != Some(0) {
            return Err(FrameError::Starts);
        }
        let ends = self.starts().skip(1).chain([self.header.body_bytes as usize]);
        for (start, end) in self.starts().zip(ends) {
            let entry_bytes = end.checked_sub(start).ok_or(FrameError::Starts)?;
            if !(1..=MAX_ENTRY_BYTES).contains(&entry_bytes) {
                return Err(FrameError::EntryBytes(entry_bytes));
            }
        }
        Ok(())
    }
}

/// The header's bytes not yet read.
struct HeaderFields<'a>(&'a [u8]);

impl HeaderFields<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], FrameError> {
        let (field, rest) = self
            .0
            .split_first_chunk::<N>()
            .ok_or(FrameError::Length { expected: N, found: self.0.len() })?;
        self.0 = rest;
        Ok(*field)
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use alloc::{string::String, vec, vec::Vec};

    use data_encoding::HEXLOWER;
    use proptest::prelude::*;
    use sha2::{Digest, Sha256};

    use super::*;

    fn place() -> FramePlace {
        FramePlace {
            ledger: LedgerId([1; 8]),
            epoch: 2,
            first_seq: Seq(300),
            prev_frame_hash: [4; 32],
            root_after: [5; 32],
        }
    }

    fn frame_of(entries: &[Vec<u8>]) -> Frame {
        Frame::encode(place(), entries).unwrap()
    }

    fn entries() -> impl Strategy<Value = Vec<Vec<u8>>> {
        prop::collection::vec(prop::collection::vec(any::<u8>(), 1..80), 1..20)
    }

    fn has_wrong_length(bytes: Vec<u8>) -> bool {
        matches!(Frame::decode(bytes), Err(FrameError::Length { .. }))
    }

    /// Bytes changed by `change` and then given a valid header check sum and a valid hash.
    fn forged(frame: &Frame, change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
        let mut bytes = frame.bytes().to_vec();
        change(&mut bytes);
        let checksum = crc32fast::hash(&bytes[..104]).to_be_bytes();
        bytes[104..108].copy_from_slice(&checksum);
        bytes.truncate(bytes.len() - HASH_BYTES);
        let hash = Sha256::digest(&bytes);
        bytes.extend(hash);
        bytes
    }

    proptest! {
        #[test]
        fn a_frame_reads_back_as_it_was_made(entries in entries()) {
            let made = frame_of(&entries);
            let read = Frame::decode(made.bytes().to_vec()).unwrap();
            prop_assert_eq!(&read, &made);
            prop_assert_eq!(Header::decode(made.bytes()).unwrap(), *made.header());
            let back: Vec<_> = read.entries().map(|(seq, bytes)| (seq.0, bytes.to_vec())).collect();
            prop_assert_eq!(back, (300..).zip(entries).collect::<Vec<_>>());
        }

        #[test]
        fn one_changed_byte_is_refused(
            entries in entries(), at in any::<prop::sample::Index>(), change in 1..=255_u8,
        ) {
            let mut bytes = frame_of(&entries).bytes().to_vec();
            let at = at.index(bytes.len());
            bytes[at] ^= change;
            prop_assert!(Frame::decode(bytes).is_err());
        }

        #[test]
        fn a_part_of_a_frame_and_a_frame_with_more_behind_it_are_refused(
            entries in entries(), at in any::<prop::sample::Index>(), more in 1..40_usize,
        ) {
            let bytes = frame_of(&entries).bytes().to_vec();
            let part = bytes[..at.index(bytes.len())].to_vec();
            prop_assert!(has_wrong_length(part));
            let longer = [bytes, vec![0; more]].concat();
            prop_assert!(has_wrong_length(longer));
        }

        #[test]
        fn foreign_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let with_magic = [&MAGIC[..], &[VERSION], &bytes].concat();
            prop_assert!(Frame::decode(bytes).is_err());
            prop_assert!(Frame::decode(with_magic).is_err());
        }
    }

    #[test]
    fn limits_hold_when_a_frame_is_made() {
        let check = |entries: &[Vec<u8>], expected: Result<(), FrameError>| {
            assert_eq!(Frame::encode(place(), entries).map(|_| ()), expected);
        };
        check(&[], Err(FrameError::Count(0)));
        check(&vec![vec![1]; MAX_FRAME_ENTRIES], Ok(()));
        check(&vec![vec![1]; MAX_FRAME_ENTRIES + 1], Err(FrameError::Count(MAX_FRAME_ENTRIES + 1)));
        check(&[vec![]], Err(FrameError::EntryBytes(0)));
        check(&[vec![1; MAX_ENTRY_BYTES]], Ok(()));
        check(&[vec![1; MAX_ENTRY_BYTES + 1]], Err(FrameError::EntryBytes(MAX_ENTRY_BYTES + 1)));
        // 128 of the largest entries are exactly 16 MiB of body, so header and hash do not fit
        // beside them.
        check(&vec![vec![1; MAX_ENTRY_BYTES]; 127], Ok(()));
        check(
            &vec![vec![1; MAX_ENTRY_BYTES]; 128],
            Err(FrameError::FrameBytes(128 * MAX_ENTRY_BYTES)),
        );
        let last = FramePlace { first_seq: Seq(u64::MAX), ..place() };
        assert_eq!(Frame::encode(last, &[vec![1]]), Err(FrameError::Seq));
    }

    #[test]
    fn a_frame_with_good_sums_and_wrong_content_is_refused() {
        let frame = frame_of(&[vec![1; 10], vec![2; 10], vec![3; 10]]);
        let check = |change: fn(&mut Vec<u8>), expected: FrameError| {
            assert_eq!(Frame::decode(forged(&frame, change)), Err(expected));
        };
        check(|bytes| bytes[0] = b'K', FrameError::NotAFrame);
        check(|bytes| bytes[7] = 2, FrameError::Version(2));
        check(|bytes| bytes[24..32].fill(255), FrameError::Seq);
        check(|bytes| bytes[32..36].fill(0), FrameError::Count(0));
        check(|bytes| bytes[34] = 0xff, FrameError::Count(0xff03));
        check(|bytes| bytes[36] = 1, FrameError::FrameBytes(0x0100_001e));
        check(|bytes| bytes[39] = 31, FrameError::Length { expected: 183, found: 182 });
        // The three starts lie after header (108) and body (30).
        check(|bytes| bytes[141] = 1, FrameError::Starts);
        check(|bytes| bytes[145] = 0, FrameError::EntryBytes(0));
        check(|bytes| bytes[145] = 25, FrameError::Starts);
        check(|bytes| bytes[149] = 31, FrameError::Starts);
    }

    #[test]
    fn the_published_vector_holds() {
        let vector: serde_json::Value =
            serde_json::from_str(include_str!("../vectors/frame.json")).unwrap();
        let hex = |value: &serde_json::Value| -> Vec<u8> {
            HEXLOWER.decode(value.as_str().unwrap().as_bytes()).unwrap()
        };
        let hash = |name: &str| -> Hash { hex(&vector[name]).try_into().unwrap() };
        let place = FramePlace {
            ledger: LedgerId(hex(&vector["ledger"]).try_into().unwrap()),
            epoch: vector["epoch"].as_u64().unwrap(),
            first_seq: Seq(vector["first_seq"].as_u64().unwrap()),
            prev_frame_hash: hash("prev_frame_hash"),
            root_after: hash("root_after"),
        };
        let entries: Vec<_> = vector["entries"].as_array().unwrap().iter().map(hex).collect();
        let frame = Frame::encode(place, &entries).unwrap();
        let hex_of = |bytes: &[u8]| -> String { HEXLOWER.encode(bytes) };
        assert_eq!(hex_of(frame.bytes()), vector["frame"].as_str().unwrap());
        assert_eq!(frame.hash(), hash("frame_hash"));
        assert_eq!(Frame::decode(hex(&vector["frame"])).unwrap(), frame);
    }
}
