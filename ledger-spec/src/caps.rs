//! How the rules count actions: their class, what a cap is over, its period, and the way in which a
//! resident took part. Programme, effects and counters share these words.

use crate::cbor::wire_code;

wire_code!(
    /// Kind of an action, as far as caps go.
    ActionClass {
        /// Every day's actions.
        Habit = 1,
        /// Once-a-year actions, exempt from the caps of habits.
        Milestone = 2,
    }
);

wire_code!(
    /// What a cap counts.
    CapOf {
        /// One rule.
        Rule = 1,
        /// All rules of a class.
        Class = 2,
        /// All rules of a purse.
        All = 3,
        /// The days on which a rule was met: they bound nothing, other rules follow from them.
        Days = 4,
        /// Claims of an item of the catalogue.
        Item = 5,
    }
);

wire_code!(
    /// The period of a cap, by the action's own day.
    CapPer {
        /// A day of Japan.
        Day = 1,
        /// A calendar month.
        Month = 2,
        /// April to March.
        FiscalYear = 3,
        /// Monday to Sunday.
        Week = 4,
    }
);

wire_code!(
    /// How a resident took part in an action: as much of it as figures on participation need.
    Channel {
        /// With a phone's code.
        Phone = 1,
        /// With a paper card, at a station or a session.
        Card = 2,
        /// With a paper card, at a kiosk.
        Kiosk = 3,
        /// Through staff or the registry, who know the account.
        Desk = 4,
    }
);
