//! The rules as stories. A story is a list of lines; behind the arrow stands what came of each.
//! `UPDATE_EXPECT=1 cargo test` writes the outcomes; read them before you keep them.

mod cards;
mod catalogue;
mod city;
mod corrections;
mod desk;
mod earning;
mod family;
mod holds;
mod leaving;
mod log;
mod lost;
mod pins;
mod programme;
mod refunds;
mod settlement;
mod spending;
mod venue;

use expect_test::Expect;

use crate::story::tell;

/// Tells the lines of a story again and compares line and outcome.
#[track_caller]
fn check(story: &Expect) {
    story.assert_eq(&tell(story.data.trim()));
}

/// Every refusal that the rules know is told of in a story.
#[test]
fn every_rejection_has_a_story() {
    let stories = [
        include_str!("rules/cards.rs"),
        include_str!("rules/catalogue.rs"),
        include_str!("rules/city.rs"),
        include_str!("rules/corrections.rs"),
        include_str!("rules/desk.rs"),
        include_str!("rules/earning.rs"),
        include_str!("rules/family.rs"),
        include_str!("rules/holds.rs"),
        include_str!("rules/leaving.rs"),
        include_str!("rules/log.rs"),
        include_str!("rules/lost.rs"),
        include_str!("rules/pins.rs"),
        include_str!("rules/programme.rs"),
        include_str!("rules/settlement.rs"),
        include_str!("rules/refunds.rs"),
        include_str!("rules/spending.rs"),
        include_str!("rules/venue.rs"),
        include_str!("manifests.rs"),
    ]
    .concat();
    let rules = include_str!("../../src/decide/rejection.rs");
    // What the server says of its own registry: no rule gives it.
    let rules = rules.split("254 AccountUnreadable").next().unwrap();
    let (rules, _) = rules.rsplit_once("#[error(\"").unwrap();
    let texts = rules.split("#[error(\"").skip(1).map(|rest| {
        let text = rest.split('"').next().unwrap();
        text.split(['{', '\\']).next().unwrap()
    });
    let untold: Vec<&str> =
        texts.filter(|text| !stories.contains(&format!("refused: {text}"))).collect();
    assert_eq!(untold, Vec::<&str>::new());
}
