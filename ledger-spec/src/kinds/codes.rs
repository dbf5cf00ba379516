//! The words and texts that bodies are made of.

use alloc::borrow::ToOwned;
use alloc::string::{String, ToString};

use serde_json::Value;

use crate::cbor::{Text, wire_code, wire_newtype};
use crate::json::{FromJson, Mismatch, json_code};

/// The longest JSON document inside a statement.
pub const DOCUMENT_BYTES_MAX: usize = 32_768;
/// A JSON document inside a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document(Text<DOCUMENT_BYTES_MAX>);
wire_newtype!(Document);

impl Document {
    /// Checks the length.
    #[must_use]
    pub fn new(json: &str) -> Option<Self> {
        Text::new(json).map(Self)
    }

    /// The document.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl FromJson for Document {
    fn due() -> String {
        "a JSON document".to_owned()
    }

    /// As such, or as text.
    fn from_json(json: &Value) -> Result<Self, Mismatch> {
        match json {
            Value::String(_) => Text::from_json(json).map(Self),
            Value::Object(_) => Text::from_json(&json.to_string().into()).map(Self),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => {
                Err(Mismatch::Form)
            }
        }
    }
}

/// What a person wrote: an explanation, a finding: 400 bytes of UTF-8.
pub type Note = Text<400>;
/// The public name of a key's holder or place: 120 bytes of UTF-8.
pub type Name = Text<120>;
/// An action, an item, a draw.
pub type Code = Text<40>;

wire_code!(
    /// What a key may sign.
    Role {
        /// Two of these exist from the first two entries on; proposes and approves.
        Root = 1 "root",
        /// City staff.
        Staff = 2 "staff",
        /// The city's data on persons.
        Registry = 3 "registry",
        /// A device that measures.
        Station = 4 "station",
        /// A nurse, dietitian or partner service that holds a session.
        Coach = 5 "coach",
        /// A shop's terminal.
        Shop = 6 "shop",
        /// A kiosk of the city.
        Kiosk = 7 "kiosk",
        /// A partner service with residents' permission.
        Partner = 8 "partner",
        /// The server's key that attests a PIN check.
        Pin = 9 "pin",
        /// The server's key for what follows from the log alone.
        System = 10 "system",
        /// Re-checks everything.
        Auditor = 11 "auditor",
    }
);

wire_code!(
    /// Age group, as coarse as the rules need.
    AgeTier {
        /// Not known.
        Unknown = 0 "unknown",
        /// Under 18.
        Under18 = 1 "under18",
        /// 18 to 39.
        From18 = 2 "from18",
        /// 40 to 64: specific health check-ups begin (高齢者の医療の確保に関する法律第二十条).
        From40 = 3 "from40",
        /// 65 to 74: the first insured of long-term care (介護保険法第九条).
        From65 = 4 "from65",
        /// 75 and over: late-stage medical care (高齢者の医療の確保に関する法律第五十条).
        From75 = 5 "from75",
    }
);

impl AgeTier {
    /// The group of an age in years.
    #[must_use]
    pub fn of_age(years: u32) -> Self {
        match years {
            0..=17 => Self::Under18,
            18..=39 => Self::From18,
            40..=64 => Self::From40,
            65..=74 => Self::From65,
            75.. => Self::From75,
        }
    }
}

wire_code!(
    /// Insurance class.
    Insurance {
        /// Not known.
        Unknown = 0 "unknown",
        /// National health insurance.
        Nhi = 1 "nhi",
        /// Any other.
        Other = 2 "other",
    }
);

wire_code!(
    /// What a link lets its partner do.
    Purpose {
        /// Report the steps of a phone.
        Steps = 1 "steps",
        /// Report sessions: coaching, an interview, a consultation.
        Sessions = 2 "sessions",
        /// The employer takes part for this person.
        Employer = 3 "employer",
        /// Another resident's phone reads the account and claims rewards for it.
        Proxy = 4 "proxy",
        /// Be told what the resident is to be reminded of.
        Reminders = 5 "reminders",
        /// The ledger gives points away on their last day.
        AutoExchange = 6 "auto_exchange",
    }
);

wire_code!(
    /// Standing of an account.
    Status {
        /// Earns and spends.
        Active = 1 "active",
        /// Suspended by staff.
        Frozen = 2 "frozen",
        /// Moved out of the city.
        MovedOut = 3 "moved_out",
        /// The person has died.
        Deceased = 4 "deceased",
    }
);

wire_code!(
    /// On what grounds a card's PIN is set.
    PinGrounds {
        /// The card's first PIN, which comes with the card.
        First = 1 "first",
        /// Its holder has proven the old one.
        Changed = 2 "changed",
        /// A letter to its holder's address brings it.
        Letter = 3 "letter",
        /// Two persons of the staff have seen the holder.
        Desk = 4 "desk",
    }
);

wire_code!(
    /// Why the city corrected, ended or took back something: a word for letters and accounts. The
    /// story behind it is a person's, and stands in the sealed text alone.
    Cause {
        /// The same was recorded twice.
        Duplicate = 1 "duplicate",
        /// What was entered is wrong.
        InputError = 2 "input_error",
        /// A device recorded wrongly or broke.
        DeviceFault = 3 "device_fault",
        /// Goods came back, or were not to be had.
        GoodsReturned = 4 "goods_returned",
        /// A card, a phone or a key is lost.
        Lost = 5 "lost",
        /// It was stolen.
        Stolen = 6 "stolen",
        /// Another takes its place.
        Replaced = 7 "replaced",
        /// Its holder has no use for it: a shop has closed, a member of staff has left.
        Ended = 8 "ended",
        /// The person has moved out.
        Moved = 9 "moved",
        /// The person has died.
        Death = 10 "death",
        /// The person has asked for it.
        HolderRequest = 11 "holder_request",
        /// It was used against the rules.
        Misuse = 12 "misuse",
        /// The city decided so for many: a disaster, a measure that begins late.
        CityMeasure = 13 "city_measure",
        /// Anything else.
        Other = 14 "other",
    }
);

json_code!(Role, AgeTier, Insurance, Purpose, Status, PinGrounds, Cause);
