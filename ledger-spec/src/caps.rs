//! How the rules count actions: their class, what a cap is over, its period, and the way in which a
//! resident took part. Programme, effects and counters share these words.

use crate::cbor::wire_code;

wire_code!(
    /// Kind of an action, as far as caps go.
    ActionClass {
        /// Every day's actions.
        Habit = 1 "habit",
        /// Once-a-year actions, exempt from the caps of habits.
        Milestone = 2 "milestone",
    }
);

wire_code!(
    /// What a cap counts.
    CapOf {
        /// One rule.
        Rule = 1 "rule",
        /// All rules of a class.
        Class = 2 "class",
        /// All rules of a purse.
        All = 3 "all",
        /// The days on which a rule was met: they bound nothing, other rules follow from them.
        Days = 4 "days",
        /// Claims of an item of the catalogue.
        Item = 5 "item",
    }
);

wire_code!(
    /// The period of a cap, by the action's own day.
    CapPer {
        /// A day of Japan.
        Day = 1 "day",
        /// A calendar month.
        Month = 2 "month",
        /// April to March.
        FiscalYear = 3 "fiscal_year",
        /// Monday to Sunday.
        Week = 4 "week",
    }
);

wire_code!(
    /// How a resident took part in an action: as much of it as figures on participation need.
    Channel {
        /// With a phone's code.
        Phone = 1 "phone",
        /// With a paper card, at a station or a session.
        Card = 2 "card",
        /// With a paper card, at a kiosk.
        Kiosk = 3 "kiosk",
        /// Through staff or the registry, who know the account.
        Desk = 4 "desk",
    }
);
