//! Who plays in a demo city: all keys and ids from one random seed.

use ed25519_dalek::SigningKey;
use ledger_spec::ids::{AccountId, Kid, LedgerId, LinkId, OpId, PersonId, PlaceId};
use ledger_spec::state::State;
use ledger_spec::statement::card_check_byte;
use sha2::{Digest, Sha256};

use super::blueprint::Blueprint;

/// The keys and ids of a demo city, all from one seed.
pub struct Cast {
    /// What the city looks like.
    pub city: Blueprint,
    seed: [u8; 32],
    ledger: LedgerId,
}

impl Cast {
    /// The city that grows from a seed.
    #[must_use]
    pub fn new(seed: [u8; 32], city: Blueprint) -> Self {
        Self { city, seed, ledger: LedgerId::of_origin(city.origin) }
    }

    /// The city as it was founded: an earlier blueprint may have been smaller.
    pub(super) fn once_founded(mut self, state: &State) -> Self {
        let known =
            |key: SigningKey| state.keys.contains_key(&Kid::of(key.verifying_key().as_bytes()));
        let first = |names: &'static [&'static str], key: &dyn Fn(usize) -> SigningKey| {
            let count = (0..names.len()).take_while(|number| known(key(*number))).count();
            names.get(..count).unwrap_or(names)
        };
        let shops = first(self.city.shops, &|number| self.till(number));
        let stations = first(self.city.stations, &|number| self.station(number));
        let coaches = first(self.city.coaches, &|number| self.coach(number));
        let lives = |number: &usize| state.accounts.contains_key(&self.account(*number));
        let residents = (0..).take_while(lives).count();
        self.city = Blueprint { residents, shops, stations, coaches, ..self.city };
        self
    }

    pub(super) fn bytes(&self, role: &str, number: usize) -> [u8; 32] {
        let hash = Sha256::new()
            .chain_update(b"kenmai demo")
            .chain_update(self.seed)
            .chain_update(self.ledger.0)
            .chain_update((role.len() as u64).to_be_bytes())
            .chain_update(role)
            .chain_update((number as u64).to_be_bytes());
        hash.finalize().into()
    }

    fn id<const N: usize>(&self, role: &str, number: usize) -> [u8; N] {
        let mut id = [0; N];
        id.iter_mut().zip(self.bytes(role, number)).for_each(|(to, from)| *to = from);
        id
    }

    fn key(&self, role: &str, number: usize) -> SigningKey {
        SigningKey::from_bytes(&self.bytes(role, number))
    }

    /// One of the two root keys, of two persons.
    #[must_use]
    pub fn root(&self, number: usize) -> SigningKey {
        self.key("root", number)
    }

    /// The key of the city's desk.
    #[must_use]
    pub fn staff(&self) -> SigningKey {
        self.key("staff", 0)
    }

    /// The key of the city's data on persons.
    #[must_use]
    pub fn registry(&self) -> SigningKey {
        self.key("registry", 0)
    }

    /// The key of the service that counts steps.
    #[must_use]
    pub fn partner(&self) -> SigningKey {
        self.key("partner", 0)
    }

    /// What that service knows a resident by: a link lasts a year, so there is one after the other.
    #[must_use]
    pub fn link(&self, number: usize, renewed: u32) -> LinkId {
        LinkId(self.id(&format!("link {renewed}"), number))
    }

    /// A station's key.
    #[must_use]
    pub fn station(&self, number: usize) -> SigningKey {
        self.key("station", number)
    }

    /// A coach's key.
    #[must_use]
    pub fn coach(&self, number: usize) -> SigningKey {
        self.key("coach", number)
    }

    /// A till's key.
    #[must_use]
    pub fn till(&self, number: usize) -> SigningKey {
        self.key("till", number)
    }

    /// A resident's phone.
    #[must_use]
    pub fn phone(&self, number: usize) -> SigningKey {
        self.key("phone", number)
    }

    /// A resident's account.
    #[must_use]
    pub fn account(&self, number: usize) -> AccountId {
        AccountId(self.id("account", number))
    }

    /// A resident's paper card.
    #[must_use]
    pub fn card(&self, number: usize) -> [u8; 11] {
        card_of(self.id("card", number))
    }

    pub(super) fn code(&self, number: usize) -> [u8; 16] {
        self.id("code", number)
    }

    pub(super) fn person(&self, role: &str, number: usize) -> PersonId {
        PersonId(self.id(&format!("person of {role}"), number))
    }

    /// The place of a shop.
    #[must_use]
    pub fn shop_place(&self, number: usize) -> PlaceId {
        PlaceId(self.id("shop place", number))
    }

    /// The places of the shops that are insured medical institutions.
    #[must_use]
    pub fn insured_medical(&self) -> Vec<PlaceId> {
        self.city.insured_medical.iter().map(|number| self.shop_place(*number)).collect()
    }

    /// The place of a station.
    #[must_use]
    pub fn station_place(&self, number: usize) -> PlaceId {
        PlaceId(self.id("station place", number))
    }
}

pub(super) fn card_of(random: [u8; 10]) -> [u8; 11] {
    let mut card = [0; 11];
    let (left, right) = card.split_at_mut(10);
    left.copy_from_slice(&random);
    right.fill(card_check_byte(&random));
    card
}

/// Random bytes for salts, nonces and operation ids.
pub(super) fn random<const N: usize>() -> Result<[u8; N], getrandom::Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

pub(super) fn random_op() -> Result<OpId, getrandom::Error> {
    random().map(OpId)
}
