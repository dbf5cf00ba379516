//! What a till may know of a scanned pay code before it signs anything.

use ledger_spec::decide::{Rejection, judge_token};
use ledger_spec::ids::Kid;
use ledger_spec::state::Overlay;
use ledger_spec::token::PayToken;

use crate::engine::{Engine, EngineError};

/// What a till may know of a scanned code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenState {
    /// Good for so many points.
    Valid(u32),
    /// Past its end.
    Expired,
    /// Spent.
    Used,
    /// Of another ledger, of a phone that is not enrolled here, or not genuine.
    Foreign,
}

/// Judges a pay token without spending it. Never tells a name or a balance.
///
/// # Errors
/// [`EngineError`]
pub fn token_state(
    engine: &Engine,
    token: &PayToken,
    kid: Kid,
    now_s: u64,
) -> Result<TokenState, EngineError> {
    let state = engine.state()?;
    let overlay = Overlay::over(&state);
    Ok(match judge_token(token, kid, engine.ledger(), now_s, &overlay) {
        Ok(_) => TokenState::Valid(token.max_points),
        Err(Rejection::TokenExpired) => TokenState::Expired,
        Err(Rejection::TokenUsed) => TokenState::Used,
        Err(_) => TokenState::Foreign,
    })
}
