//! Perk cards: what the system key signs for their holders, and the numbers of those that were
//! withdrawn. Both follow from the log and the ledger's pepper alone, so nothing of them is stored.

use ed25519_dalek::VerifyingKey;
use ledger_spec::ids::{Kid, PerkCardNumber, Seq};
use ledger_spec::kinds::Role;
use ledger_spec::state::Signer;
use ledger_spec::time::Day;
use ledger_spec::token::{self, PerkCredential};

use super::error::EngineError;
use super::handle::Engine;

impl Engine {
    /// The card that an entry claimed, signed, the same bytes each time. `None` where the entry
    /// claimed no card that is in force on this day, and while the city has not registered the
    /// ledger's system key.
    ///
    /// # Errors
    /// [`EngineError::ThreadDied`]
    pub fn perk_card(&self, claim: Seq, today: Day) -> Result<Option<Vec<u8>>, EngineError> {
        let system = &self.shared.system;
        let kid = Kid::of(system.verifying_key().as_bytes());
        let until = {
            let state = self.state()?;
            let in_force = state.keys.get(&kid).is_some_and(|key| key.revoked.is_none());
            let card = state.perk_cards.get(&claim).filter(|_| in_force);
            card.filter(|card| card.revoked.is_none() && card.until >= today).map(|card| card.until)
        };
        let (ledger, number) = (self.shared.ledger, self.perk_card_number(claim));
        Ok(until.map(|until| token::sign(&PerkCredential { number, ledger, until }, system)))
    }

    /// The numbers of the cards that were withdrawn before their last day, which is not over, in
    /// the order of the numbers: it says nothing of when they were claimed or withdrawn.
    ///
    /// # Errors
    /// [`EngineError::ThreadDied`]
    pub fn perk_cards_revoked(&self, today: Day) -> Result<Vec<PerkCardNumber>, EngineError> {
        let claims: Vec<Seq> = {
            let state = self.state()?;
            let cards = state.perk_cards.iter();
            let revoked = cards.filter(|(_, card)| card.revoked.is_some() && card.until >= today);
            revoked.map(|(claim, _)| *claim).collect()
        };
        let mut numbers: Vec<PerkCardNumber> =
            claims.into_iter().map(|claim| self.perk_card_number(claim)).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// The system keys in force: who else signed a card has not made a good one.
    ///
    /// # Errors
    /// [`EngineError::ThreadDied`]
    pub fn system_keys(&self) -> Result<Vec<(Kid, VerifyingKey)>, EngineError> {
        let state = self.state()?;
        let in_force = state.keys.iter().filter(|(_, key)| {
            let system = matches!(&key.signer, Signer::Actor(actor) if actor.role == Role::System);
            system && key.revoked.is_none()
        });
        let kids: Vec<Kid> = in_force.map(|(kid, _)| *kid).collect();
        drop(state);
        Ok(kids.into_iter().filter_map(|kid| Some((kid, self.verifying_key(kid)?))).collect())
    }

    fn perk_card_number(&self, claim: Seq) -> PerkCardNumber {
        PerkCardNumber::of(&self.shared.pepper, self.shared.ledger, claim)
    }
}
