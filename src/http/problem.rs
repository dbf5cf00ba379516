//! Refusals as RFC 9457 problems. One row a rule: slug, status, what helps; the titles stand in
//! `pages/messages/`. The matches have no wildcard arm, so a rule without a problem does not
//! compile.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use ledger_spec::cbor::CborError;
use ledger_spec::decide::Rejection;
use ledger_spec::ids::OpId;
use ledger_spec::manifest::{ManifestError, RowError};
use ledger_spec::statement::StatementError;
use serde_json::{Value, json};

use crate::engine::{EngineError, Refusal};
use crate::pages::Lang;
use crate::pages::messages::problem_title;
use crate::registry::KeyStanding;

/// What a client can do about a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Send the same bytes again, later.
    SameId,
    /// Make a fresh statement once the cause is gone.
    NewId,
    /// Nothing: it will not succeed.
    Never,
}

/// A kind of refusal, stable for clients.
#[derive(Clone, Copy, Debug)]
pub struct ProblemType {
    /// The end of the `type` URI.
    pub slug: &'static str,
    /// HTTP status.
    pub status: u16,
    /// What helps.
    pub retry: Retry,
}

macro_rules! problem_types {
    ($($name:ident $slug:literal $status:literal $retry:ident;)+) => {
        $(const $name: ProblemType =
            ProblemType { slug: $slug, status: $status, retry: Retry::$retry };)+

        /// Every problem type.
        pub const ALL: &[ProblemType] = &[$($name),+];
    };
}

problem_types! {
    MALFORMED "malformed-statement" 400 Never;
    UNKNOWN_FIELD "unknown-field" 400 Never;
    POINTS_RANGE "points-out-of-range" 422 NewId;
    TOO_LARGE "too-large" 413 Never;
    MEDIA_TYPE "media-type-not-supported" 415 Never;
    MALFORMED_REQUEST "malformed-request" 400 Never;
    LEDGER_UNKNOWN "ledger-not-found" 404 Never;
    NOT_FOUND "not-found" 404 Never;
    METHOD "method-not-allowed" 405 Never;
    OTHER_LEDGER "ledger-mismatch" 422 Never;
    SEALED "disclosure-mismatch" 422 Never;
    SIGNATURE "signature-invalid" 401 Never;
    KEY_UNKNOWN "key-unknown" 401 NewId;
    KEY_REVOKED "key-revoked" 403 Never;
    KEY_SUSPENDED "key-suspended" 403 NewId;
    ROLE "role-not-permitted" 403 Never;
    NOT_IN_FORCE "kind-not-in-force" 422 Never;
    TOO_OLD "backdate-too-old" 422 Never;
    CLOCK "clock-skew" 422 NewId;
    DEADLINE "statement-expired" 410 NewId;
    DEADLINE_FAR "deadline-too-far" 422 NewId;
    NO_PROGRAMME "programme-missing" 422 Never;
    PROGRAMME_VERSION "programme-version" 409 NewId;
    DISCLOSED "disclosure-out-of-range" 422 Never;
    PROGRAMME_FAULT "programme-fault" 422 NewId;
    PROGRAMME_NEXT "programme-not-next" 409 NewId;
    PROGRAMME_FUTURE "policy-not-future" 422 NewId;
    KEY_EXISTS "key-exists" 409 Never;
    KEY_WEAK "key-weak" 422 NewId;
    PLACE "place-mismatch" 422 NewId;
    BUDGET "budget-out-of-range" 422 NewId;
    BUDGET_YEAR "budget-year" 422 NewId;
    ACCOUNT_UNKNOWN "account-not-found" 404 Never;
    ACCOUNT_EXISTS "already-enrolled" 409 Never;
    CARD_EXISTS "card-exists" 409 NewId;
    NOTHING_ISSUED "nothing-issued" 422 NewId;
    CARD_UNKNOWN "card-unknown" 404 Never;
    CARD_REVOKED "card-revoked" 403 Never;
    CARD_SUSPENDED "card-suspended" 403 NewId;
    NOT_SUSPENDABLE "not-suspendable" 409 Never;
    NOT_SUSPENDED "not-suspended" 409 Never;
    CARD_MISTYPED "card-mistyped" 422 NewId;
    CODE_UNKNOWN "code-unknown" 404 NewId;
    CODE_USED "code-already-used" 409 Never;
    CODE_EXPIRED "code-expired" 410 Never;
    HOLDER "holder-not-accepted" 422 NewId;
    QR_INVALID "qr-invalid" 422 NewId;
    QR_FOREIGN "qr-foreign" 422 NewId;
    QR_DEVICE "qr-device-revoked" 403 NewId;
    QR_EXPIRED "qr-expired" 410 NewId;
    QR_LONG "qr-too-long" 422 NewId;
    QR_USED "qr-already-used" 409 NewId;
    QR_CAP "qr-limit-exceeded" 422 NewId;
    QR_SHOP "qr-other-shop" 422 NewId;
    CONFIRM "confirmation-required" 403 NewId;
    PATIENTS_SHARE "patients-share" 422 NewId;
    NOT_MEDICAL "not-insured-medical" 422 NewId;
    VENUE_UNKNOWN "venue-not-accepted" 422 NewId;
    VENUE_OTHER "venue-other" 422 NewId;
    VENUE_EXPIRED "venue-expired" 410 NewId;
    ACTION_UNKNOWN "action-unknown" 422 Never;
    DUPLICATE "duplicate-action" 409 Never;
    OTHER_SHOP "shop-mismatch" 403 Never;
    MINIMUM "below-minimum" 422 NewId;
    MAXIMUM "above-maximum" 422 NewId;
    DAY_LIMIT "day-limit" 422 NewId;
    FRESH_DEVICE "fresh-device-limit" 422 NewId;
    INSUFFICIENT "insufficient-points" 422 NewId;
    ENTRY_UNKNOWN "entry-not-found" 404 Never;
    NOT_REDEMPTION "not-a-redemption" 422 Never;
    UNDONE "already-reversed" 409 Never;
    VOID_CLOSED "void-window-closed" 410 Never;
    PROPOSAL_UNKNOWN "proposal-not-found" 404 Never;
    PROPOSAL_MISMATCH "proposal-mismatch" 409 NewId;
    PROPOSAL_LAPSED "proposal-lapsed" 410 Never;
    PROPOSAL_DONE "proposal-done" 409 Never;
    SAME_PERSON "approval-required" 403 NewId;
    DAY_OPEN "day-not-open" 409 Never;
    MANIFEST_ROWS "manifest-rows" 422 Never;
    MANIFEST_UNKNOWN "manifest-not-found" 404 Never;
    MANIFEST_DONE "manifest-done" 409 Never;
    HOLDS "holds-limit" 409 NewId;
    HOLD_DEADLINE "hold-deadline" 422 NewId;
    RELEASE_EARLY "release-too-early" 409 NewId;
    NOT_A_HOLD "not-a-hold" 422 Never;
    HOLD_ENDED "hold-ended" 409 Never;
    HOLD_EXPIRED "hold-expired" 410 NewId;
    CAPTURE_EXCEEDS "capture-exceeds-hold" 422 NewId;
    PIN_REQUIRED "pin-required" 403 NewId;
    PIN_PROOF "pin-proof-invalid" 422 NewId;
    PIN_WRONG "pin-wrong" 403 NewId;
    PIN_LOCKED "pin-locked" 403 Never;
    PIN_UNSET "pin-not-set" 409 Never;
    PIN_WAITS "pin-waits" 403 NewId;
    PIN_NOT_FIRST "pin-not-first" 409 Never;
    PIN_MISSING "pin-missing" 422 Never;
    PIN_OTHER "pin-other" 422 NewId;
    PIN_ENTRY_USED "pin-entry-used" 409 NewId;
    REFUND_CLOSED "refund-window-closed" 410 Never;
    REFUND_EXCEEDS "refund-exceeds-redemption" 422 NewId;
    BY_HAND "entered-by-hand" 422 Never;
    IMPLAUSIBLE "implausible-value" 422 Never;
    ORIGIN "origin-not-accepted" 422 Never;
    REFERENCE_MISSING "reference-missing" 422 NewId;
    ACT_NOT_RECENT "act-not-recent" 422 NewId;
    WALLET_NUMBER "wallet-number" 422 NewId;
    VALUE_MISSING "value-missing" 422 NewId;
    VALUE_NOT_MEASURED "value-not-measured" 422 NewId;
    LINK_UNKNOWN "link-not-found" 404 Never;
    LINK_ENDED "link-ended" 403 Never;
    LINK_PURPOSE "link-purpose" 403 Never;
    LINK_EXISTS "link-exists" 409 NewId;
    LINK_TERM "link-term" 422 NewId;
    GATE_CLOSED "checkup-first" 403 Never;
    NOT_USABLE "points-not-usable" 403 NewId;
    SHOP_UNKNOWN "shop-not-found" 404 Never;
    SETTLEMENT_NOT_DUE "settlement-not-due" 409 Never;
    SETTLEMENT_MISMATCH "settlement-mismatch" 422 Never;
    SETTLEMENT_UNKNOWN "settlement-not-found" 404 Never;
    SETTLEMENT_PAID "settlement-already-paid" 409 Never;
    SETTLEMENT_DAY "settlement-day" 422 NewId;
    ACCOUNT_FROZEN "account-suspended" 403 NewId;
    ACCOUNT_ENDED "account-ended" 403 Never;
    ACCOUNT_IN_USE "account-in-use" 409 NewId;
    ACCOUNT_KEEPS "account-keeps-points" 409 NewId;
    ACCOUNT_UNREADABLE "account-unreadable" 409 NewId;
    MANIFEST_WAITS "manifest-waits" 409 SameId;
    NOT_ACTION "not-an-action" 422 Never;
    LOT_RANGE "lot-out-of-range" 422 NewId;
    LOT_UNKNOWN "lot-not-found" 404 NewId;
    BUDGET_LACKING "budget-exhausted" 422 NewId;
    CONTROL_TOTAL "control-total" 422 NewId;
    LOTS_FULL "too-many-lots" 422 NewId;
    NOT_EXPIRED "lot-not-expired" 409 Never;
    OPENING_UNKNOWN "opening-budget-missing" 422 NewId;
    OPENING_TERM "opening-budget-term" 422 NewId;
    ALREADY_BROUGHT "already-brought" 409 Never;
    ADJUST_RANGE "adjustment-out-of-range" 422 NewId;
    NOT_LATER "not-later" 422 NewId;
    CATALOGUE_FAULT "catalogue-fault" 422 NewId;
    CATALOGUE_NEXT "catalogue-not-next" 409 NewId;
    REWARD_UNKNOWN "reward-not-found" 404 Never;
    REWARD_CLOSED "reward-not-offered" 409 Never;
    REWARD_POINTS "reward-points" 422 NewId;
    REWARD_CODE "reward-code" 422 NewId;
    REWARD_LIMIT "reward-limit" 409 Never;
    REWARD_GONE "reward-sold-out" 409 NewId;
    VOUCHERS "vouchers-limit" 409 NewId;
    NOT_A_VOUCHER "not-a-voucher" 422 Never;
    VOUCHER_ENDED "voucher-ended" 409 Never;
    VOUCHER_SECRET "voucher-not-genuine" 422 Never;
    VOUCHER_EXPIRED "voucher-expired" 410 Never;
    VOUCHER_ELSEWHERE "voucher-elsewhere" 403 Never;
    DRAW_EARLY "draw-too-early" 422 NewId;
    DRAW_MISMATCH "draw-mismatch" 422 NewId;
    DRAW_DONE "draw-fixed" 409 Never;
    NOT_A_DRAW "draw-not-found" 404 Never;
    OPERATION_REUSED "idempotency-key-reused" 422 NewId;
    BUSY "busy" 503 SameId;
    READ_ONLY "log-read-only" 503 SameId;
    STOPPED "log-stopped" 503 SameId;
    TIMEOUT "timeout" 503 SameId;
    ENTRY_DAMAGED "entry-damaged" 500 SameId;
    INTERNAL "internal-error" 500 SameId;
    SESSION "session-required" 401 NewId;
    SESSION_USED "session-already-opened" 409 NewId;
    RATE "rate-limited" 429 SameId;
    DEMO_ONLY "demo-only" 404 Never;
}

impl ProblemType {
    /// The `type` of the problem.
    #[must_use]
    pub fn uri(&self) -> String {
        format!("https://kenmai.example/problems/{}", self.slug)
    }

    /// The title: what happened and what to do, for the person in front of the screen.
    #[must_use]
    pub fn title(&self, lang: Lang) -> String {
        problem_title(lang, self.slug)
    }
}

/// The members that every problem of a type has.
#[must_use]
pub fn body(kind: &ProblemType) -> Value {
    let retry = match kind.retry {
        Retry::SameId => "same_id",
        Retry::NewId => "new_id",
        Retry::Never => "never",
    };
    json!({
        "type": kind.uri(),
        "title": kind.title(Lang::Ja),
        "title_en": kind.title(Lang::En),
        "status": kind.status,
        "retry": retry,
    })
}

/// A refusal on its way to the client.
#[derive(Clone, Debug)]
pub struct Problem {
    /// Its type.
    pub kind: ProblemType,
    detail: Option<String>,
    op_id: Option<OpId>,
}

impl Problem {
    /// A problem without further detail.
    #[must_use]
    pub const fn of(kind: ProblemType) -> Self {
        Self { kind, detail: None, op_id: None }
    }

    fn with(kind: ProblemType, detail: &dyn std::fmt::Display) -> Self {
        Self { kind, detail: Some(detail.to_string()), op_id: None }
    }

    /// What a shop's terminal hears: a refusal for what is about the person, such as a check-up
    /// that is due or a suspension, says no more there than that there will be no sale. The
    /// resident's own page says why.
    #[must_use]
    pub fn at_till(self) -> Self {
        let of_the_person = [GATE_CLOSED, ACCOUNT_FROZEN, ACCOUNT_ENDED];
        if of_the_person.iter().any(|kind| kind.slug == self.kind.slug) {
            return Self { kind: NOT_USABLE, detail: None, ..self };
        }
        self
    }

    /// Names the operation that was refused.
    #[must_use]
    pub fn on(self, op_id: OpId) -> Self {
        Self { op_id: Some(op_id), ..self }
    }
}

macro_rules! plain {
    ($($name:ident = $kind:ident),+ $(,)?) => {
        impl Problem {
            $(pub(crate) const fn $name() -> Self {
                Self::of($kind)
            })+
        }
    };
}
plain! {
    too_large = TOO_LARGE, malformed_request = MALFORMED_REQUEST,
    ledger_unknown = LEDGER_UNKNOWN, not_found = NOT_FOUND, entry_unknown = ENTRY_UNKNOWN,
    session_required = SESSION, session_used = SESSION_USED, role_not_permitted = ROLE,
    rate_limited = RATE, demo_only = DEMO_ONLY, timeout = TIMEOUT, internal = INTERNAL,
    key_unknown = KEY_UNKNOWN, key_revoked = KEY_REVOKED, key_suspended = KEY_SUSPENDED, card_suspended = CARD_SUSPENDED, deadline = DEADLINE,
    method_not_allowed = METHOD, proposal_unknown = PROPOSAL_UNKNOWN, signature = SIGNATURE, other_ledger = OTHER_LEDGER, busy = BUSY,
    pin_locked = PIN_LOCKED, pin_unset = PIN_UNSET, pin_missing = PIN_MISSING, pin_other = PIN_OTHER, pin_entry_used = PIN_ENTRY_USED, card_mistyped = CARD_MISTYPED, card_unknown = CARD_UNKNOWN,
    card_revoked = CARD_REVOKED, not_a_voucher = NOT_A_VOUCHER,
}

impl Problem {
    /// The body is of another media type than this one.
    pub(super) fn media_type(wanted: &str) -> Self {
        Self::with(MEDIA_TYPE, &format_args!("this address takes {wanted}"))
    }

    /// A wrong PIN, with the tries that are left.
    pub(super) fn pin_wrong(left: u32) -> Self {
        Self::with(PIN_WRONG, &format_args!("{left} tries are left"))
    }
}

impl From<CborError> for Problem {
    fn from(error: CborError) -> Self {
        let kind = match error {
            CborError::UnknownField(_) => UNKNOWN_FIELD,
            CborError::Points => POINTS_RANGE,
            CborError::Expected(_)
            | CborError::NotDeterministic
            | CborError::MissingField(_)
            | CborError::OutOfRange(_)
            | CborError::LeftOver => MALFORMED,
        };
        Self::with(kind, &error)
    }
}

impl From<StatementError> for Problem {
    fn from(error: StatementError) -> Self {
        let kind = match error {
            StatementError::TooLarge => TOO_LARGE,
            StatementError::Form(form) => return form.into(),
            StatementError::OtherLedger => OTHER_LEDGER,
            StatementError::Sealed => SEALED,
            StatementError::TooManyDays => BUSY,
            StatementError::KeyUnknown => KEY_UNKNOWN,
            StatementError::Signature => SIGNATURE,
            StatementError::PinSignature => PIN_PROOF,
            StatementError::TokenSignature | StatementError::VenueSignature => QR_INVALID,
        };
        Self::with(kind, &error)
    }
}

impl From<ManifestError> for Problem {
    fn from(error: ManifestError) -> Self {
        let kind = match error {
            ManifestError::TooLarge => TOO_LARGE,
            ManifestError::Statement(error) => return error.into(),
            ManifestError::NotAManifest => MALFORMED,
            ManifestError::Count { .. } => MANIFEST_ROWS,
            ManifestError::Row { error: RowError::Form(form), .. } => Self::from(form).kind,
            ManifestError::Row { error: RowError::Hash | RowError::Foreign, .. } => MANIFEST_ROWS,
            ManifestError::Row { error: RowError::Sealed, .. } => SEALED,
            ManifestError::Row { error: RowError::PayToken, .. } => HOLDER,
        };
        Self::with(kind, &error)
    }
}

/// The problem type of an outcome that a manifest's result keeps.
#[must_use]
pub fn of_outcome(outcome: u8) -> ProblemType {
    match Rejection::of_outcome(outcome) {
        Some(rejection) => of_rejection(&rejection),
        None => OPERATION_REUSED,
    }
}

/// The problem type of a rule.
#[must_use]
#[expect(clippy::too_many_lines, reason = "a table with a line for each rule")]
pub fn of_rejection(rejection: &Rejection) -> ProblemType {
    match rejection {
        Rejection::KeyUnknown => KEY_UNKNOWN,
        Rejection::RoleNotPermitted => ROLE,
        Rejection::KeyRevoked => KEY_REVOKED,
        Rejection::KeySuspended => KEY_SUSPENDED,
        Rejection::KindNotInForce => NOT_IN_FORCE,
        Rejection::DayTooOld => TOO_OLD,
        Rejection::ClockAhead => CLOCK,
        Rejection::DeadlinePassed => DEADLINE,
        Rejection::DeadlineTooFar => DEADLINE_FAR,
        Rejection::ProgrammeMissing => NO_PROGRAMME,
        Rejection::ProgrammeVersion(_) => PROGRAMME_VERSION,
        Rejection::DisclosureOutOfRange => DISCLOSED,
        Rejection::Programme(_) => PROGRAMME_FAULT,
        Rejection::ProgrammeNotNext(_) => PROGRAMME_NEXT,
        Rejection::ProgrammeNotFuture => PROGRAMME_FUTURE,
        Rejection::KeyExists => KEY_EXISTS,
        Rejection::KeyWeak => KEY_WEAK,
        Rejection::PlaceMismatch => PLACE,
        Rejection::BudgetRange => BUDGET,
        Rejection::BudgetYear => BUDGET_YEAR,
        Rejection::AccountUnknown => ACCOUNT_UNKNOWN,
        Rejection::AccountExists => ACCOUNT_EXISTS,
        Rejection::CardExists => CARD_EXISTS,
        Rejection::NothingIssued => NOTHING_ISSUED,
        Rejection::CardUnknown => CARD_UNKNOWN,
        Rejection::CardRevoked => CARD_REVOKED,
        Rejection::CardSuspended => CARD_SUSPENDED,
        Rejection::NotSuspendable => NOT_SUSPENDABLE,
        Rejection::NotSuspended => NOT_SUSPENDED,
        Rejection::ShopUnknown => SHOP_UNKNOWN,
        Rejection::CardMistyped => CARD_MISTYPED,
        Rejection::CodeUnknown => CODE_UNKNOWN,
        Rejection::CodeUsed => CODE_USED,
        Rejection::CodeExpired => CODE_EXPIRED,
        Rejection::HolderNotAccepted => HOLDER,
        Rejection::TokenForeign => QR_FOREIGN,
        Rejection::TokenDeviceRevoked => QR_DEVICE,
        Rejection::TokenExpired => QR_EXPIRED,
        Rejection::TokenTooLong => QR_LONG,
        Rejection::TokenUsed => QR_USED,
        Rejection::TokenCap => QR_CAP,
        Rejection::TokenOtherShop => QR_SHOP,
        Rejection::ConfirmationRequired(_) => CONFIRM,
        Rejection::PatientsShare => PATIENTS_SHARE,
        Rejection::NotMedical => NOT_MEDICAL,
        Rejection::VenueUnknown => VENUE_UNKNOWN,
        Rejection::VenueOther => VENUE_OTHER,
        Rejection::VenueExpired => VENUE_EXPIRED,
        Rejection::ActionUnknown => ACTION_UNKNOWN,
        Rejection::ActionDuplicate(_) => DUPLICATE,
        Rejection::OtherShop => OTHER_SHOP,
        Rejection::BelowMinimum(_) => MINIMUM,
        Rejection::AboveMaximum(_) => MAXIMUM,
        Rejection::DayLimit(_) => DAY_LIMIT,
        Rejection::FreshDeviceLimit(_) => FRESH_DEVICE,
        Rejection::InsufficientPoints => INSUFFICIENT,
        Rejection::EntryUnknown => ENTRY_UNKNOWN,
        Rejection::NotARedemption => NOT_REDEMPTION,
        Rejection::AlreadyUndone(_) => UNDONE,
        Rejection::VoidClosed => VOID_CLOSED,
        Rejection::ProposalUnknown => PROPOSAL_UNKNOWN,
        Rejection::ProposalMismatch => PROPOSAL_MISMATCH,
        Rejection::ProposalLapsed => PROPOSAL_LAPSED,
        Rejection::ProposalDone => PROPOSAL_DONE,
        Rejection::SamePerson => SAME_PERSON,
        Rejection::DayNotOpen => DAY_OPEN,
        Rejection::ManifestRows => MANIFEST_ROWS,
        Rejection::ManifestUnknown => MANIFEST_UNKNOWN,
        Rejection::ManifestDone(_) => MANIFEST_DONE,
        Rejection::HoldsLimit => HOLDS,
        Rejection::HoldDeadline => HOLD_DEADLINE,
        Rejection::ReleaseEarly => RELEASE_EARLY,
        Rejection::NotAHold => NOT_A_HOLD,
        Rejection::HoldEnded(_) => HOLD_ENDED,
        Rejection::HoldExpired => HOLD_EXPIRED,
        Rejection::CaptureExceeds(_) => CAPTURE_EXCEEDS,
        Rejection::PinRequired(_) => PIN_REQUIRED,
        Rejection::PinProof => PIN_PROOF,
        Rejection::PinWaits(_) => PIN_WAITS,
        Rejection::PinNotFirst => PIN_NOT_FIRST,
        Rejection::RefundClosed(_) => REFUND_CLOSED,
        Rejection::RefundExceeds(_) => REFUND_EXCEEDS,
        Rejection::EnteredByHand => BY_HAND,
        Rejection::Implausible(_) => IMPLAUSIBLE,
        Rejection::OriginUnknown => ORIGIN,
        Rejection::ReferenceMissing => REFERENCE_MISSING,
        Rejection::ActNotRecent => ACT_NOT_RECENT,
        Rejection::WalletNumber => WALLET_NUMBER,
        Rejection::ValueMissing => VALUE_MISSING,
        Rejection::ValueNotMeasured => VALUE_NOT_MEASURED,
        Rejection::LinkUnknown => LINK_UNKNOWN,
        Rejection::LinkEnded => LINK_ENDED,
        Rejection::LinkPurpose => LINK_PURPOSE,
        Rejection::LinkExists => LINK_EXISTS,
        Rejection::LinkTerm => LINK_TERM,
        Rejection::GateClosed(_) => GATE_CLOSED,
        Rejection::SettlementNotDue => SETTLEMENT_NOT_DUE,
        Rejection::SettlementMismatch => SETTLEMENT_MISMATCH,
        Rejection::SettlementUnknown => SETTLEMENT_UNKNOWN,
        Rejection::SettlementPaid(_) => SETTLEMENT_PAID,
        Rejection::SettlementDay => SETTLEMENT_DAY,
        Rejection::AccountFrozen => ACCOUNT_FROZEN,
        Rejection::AccountEnded => ACCOUNT_ENDED,
        Rejection::AccountInUse => ACCOUNT_IN_USE,
        Rejection::AccountKeeps => ACCOUNT_KEEPS,
        Rejection::AccountUnreadable => ACCOUNT_UNREADABLE,
        Rejection::ManifestWaits(_) => MANIFEST_WAITS,
        Rejection::NotAnAction => NOT_ACTION,
        Rejection::LotRange => LOT_RANGE,
        Rejection::LotUnknown => LOT_UNKNOWN,
        Rejection::BudgetLacking => BUDGET_LACKING,
        Rejection::ControlTotal => CONTROL_TOTAL,
        Rejection::LotsFull => LOTS_FULL,
        Rejection::NotExpired => NOT_EXPIRED,
        Rejection::OpeningUnknown => OPENING_UNKNOWN,
        Rejection::OpeningTerm => OPENING_TERM,
        Rejection::AlreadyBrought(_) => ALREADY_BROUGHT,
        Rejection::AdjustRange => ADJUST_RANGE,
        Rejection::NotLater => NOT_LATER,
        Rejection::Catalogue(_) => CATALOGUE_FAULT,
        Rejection::CatalogueNotNext(_) => CATALOGUE_NEXT,
        Rejection::RewardUnknown => REWARD_UNKNOWN,
        Rejection::RewardClosed => REWARD_CLOSED,
        Rejection::RewardPoints(_) => REWARD_POINTS,
        Rejection::RewardCode => REWARD_CODE,
        Rejection::RewardLimit(_) => REWARD_LIMIT,
        Rejection::RewardGone => REWARD_GONE,
        Rejection::VouchersLimit => VOUCHERS,
        Rejection::NotAVoucher => NOT_A_VOUCHER,
        Rejection::VoucherEnded(_) => VOUCHER_ENDED,
        Rejection::VoucherSecret => VOUCHER_SECRET,
        Rejection::VoucherExpired => VOUCHER_EXPIRED,
        Rejection::VoucherElsewhere => VOUCHER_ELSEWHERE,
        Rejection::DrawEarly => DRAW_EARLY,
        Rejection::DrawMismatch => DRAW_MISMATCH,
        Rejection::DrawDone(_) => DRAW_DONE,
        Rejection::NotADraw => NOT_A_DRAW,
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let kind = match &refusal {
            Refusal::Rejected(rejection) => of_rejection(rejection),
            Refusal::OperationReused(_) => OPERATION_REUSED,
            Refusal::Damaged(_) => ENTRY_DAMAGED,
            Refusal::Busy => BUSY,
            Refusal::ReadOnly(_) => READ_ONLY,
            Refusal::Stopped => STOPPED,
        };
        Self::with(kind, &refusal)
    }
}

impl From<EngineError> for Problem {
    fn from(error: EngineError) -> Self {
        // The operator reads what happened; the client learns only that something did.
        tracing::error!(%error, "a request failed");
        let standing = match &error {
            EngineError::Damaged { .. } => return Self::of(ENTRY_DAMAGED),
            EngineError::Registry(error) => error.key_standing(),
            EngineError::Log(_)
            | EngineError::Keys(_)
            | EngineError::Views(_)
            | EngineError::Entry { .. }
            | EngineError::Broken(_)
            | EngineError::Own(_)
            | EngineError::Origin(_)
            | EngineError::Randomness(_)
            | EngineError::ThreadDied
            | EngineError::Thread(_) => KeyStanding::Unknown,
        };
        Self::of(match standing {
            KeyStanding::Erased => ACCOUNT_ENDED,
            KeyStanding::Unreadable => ACCOUNT_UNREADABLE,
            KeyStanding::Unknown => INTERNAL,
        })
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Self { kind, detail, op_id } = self;
        let mut body = body(&kind);
        if let Some(members) = body.as_object_mut() {
            members.extend(detail.map(|detail| ("detail".to_owned(), json!(detail))));
            members.extend(op_id.map(|op_id| ("op_id".to_owned(), json!(op_id.to_string()))));
        }
        let status = StatusCode::from_u16(kind.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(body)).into_response();
        let headers = response.headers_mut();
        let media_type = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, media_type);
        if kind.retry == Retry::SameId {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if status == StatusCode::UNAUTHORIZED {
            // RFC 9110 section 15.5.2 demands a challenge.
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::messages::tests::titled_problems;

    #[test]
    fn each_problem_has_a_title_in_each_language_and_no_title_is_left_over() {
        let slugs: Vec<&str> = ALL.iter().map(|kind| kind.slug).collect();
        for lang in Lang::ALL {
            assert_eq!(titled_problems(lang), slugs);
            for kind in ALL {
                assert!(kind.title(lang).ends_with(['.', '。']), "{}", kind.slug);
            }
        }
    }

    #[test]
    fn a_till_hears_of_its_sale_and_not_of_the_person() {
        let heard = |kind| Problem::with(kind, &"a detail").at_till();
        for kind in [GATE_CLOSED, ACCOUNT_FROZEN, ACCOUNT_ENDED] {
            let heard = heard(kind);
            assert_eq!((heard.kind.slug, heard.detail), ("points-not-usable", None));
        }
        assert_eq!(heard(QR_USED).kind.slug, "qr-already-used");
    }
}
