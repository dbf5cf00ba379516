//! The language of the stories in `rules.rs`: one line, one statement, one outcome.
//!
//! `key=value` at the end of a line makes the statement differ from what an honest client would
//! send: its `day`, `programme`, `not_after` (seconds from the present), `op` (a named operation
//! id), the `time` of the act, the token's `exp` (seconds from the act), `max`, `phone` and
//! `ledger`, the `card` or `link` shown, a card's `pin` proof (up to so many points) with
//! `pin_exp`, `pin_card`, `pin_at`, `pin_by` and `pin_ledger`, the values `level`,
//! `systolic`, `diastolic`, `minutes` and `steps`, typed by `hand`, their `origin`, the act's
//! `ref`erence, the code of a `venue` (the station) with its `venue_exp` (seconds from the act),
//! `venue_place`, `venue_action`, `venue_ledger` and the name under which it was `shown` before; of
//! a claim whether it is `uncoded`, of a voucher its `secret`. `as=NAME` names the statement for
//! later lines; `again NAME` sends the same bytes once more.

mod access;
mod rewards;

use std::collections::BTreeMap;

use ledger_spec::{
    cbor::{self, Blob, List},
    entry::{Accounting, Contra, DayTotals, Effect, Reason},
    ids::{LedgerId, LinkId, OpId, PlaceId, Seq},
    kinds::{
        AccountClose, AccountErase, AccountFacts, AccountOpen, AccountStatus, Action,
        ActionWithdraw, Adjust, AgeTier, Approve, BalanceImport, Body, BudgetAllocate, Capture,
        CardIssue, CardRevoke, Cause, Code, DayClose, DeviceEnrol, Document, Expire, Hold,
        Insurance, KeyRevoke, LinkGrant, LinkRevoke, LotExtend, LotPoints, Note, OpeningBudget,
        ProgrammePublish, Purpose, Redeem, Refund, Release, Role, SettlementClose, SettlementPaid,
        ShopAccount, Status, Void,
    },
    points::{Fund, FundSums, LotKey, Points, Purse},
    state::Lot,
    statement::{Disclosure, Holder, Values, card_hash, code_hash},
    time::Day,
    token::{self, PayToken, PinProof, VenueCode},
};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::world::{
    Unsigned, Verdict, World, account, card, facts, id, instant_ms, key, kid, ledger, programme,
    public_key, register, sign_token,
};

#[derive(Default)]
pub(crate) struct Story {
    pub(crate) world: World,
    entries: BTreeMap<String, Seq>,
    tokens: BTreeMap<String, Vec<u8>>,
    sent: BTreeMap<String, Vec<u8>>,
    filled_by_hand: bool,
}

type Options<'a> = BTreeMap<&'a str, &'a str>;

/// Tells a story: each line with its outcome behind an arrow. At the end the log is folded again.
pub(crate) fn tell(story: &str) -> String {
    let mut teller = Story::of(World::at("2026-04-10", "10:00"));
    let mut told = String::new();
    for line in story.lines().map(|line| line.split('→').next().unwrap().trim()) {
        told += line;
        if !line.is_empty()
            && !line.starts_with('#')
            && let Some(outcome) = teller.act(line)
        {
            told += " → ";
            told += &outcome;
        }
        told.push('\n');
    }
    for sizes in [&[1][..], &[2, 3, 1], &[usize::MAX]] {
        if !teller.filled_by_hand {
            teller.world.replay(sizes);
        }
    }
    told
}

fn code<T: ledger_spec::cbor::Wire + Copy + std::fmt::Debug>(all: &[T], name: &str) -> T {
    let wanted = name.to_lowercase();
    *all.iter().find(|value| format!("{value:?}").to_lowercase() == wanted).expect("a known name")
}

fn note() -> Note {
    Note::new("because").unwrap()
}

/// Where points are brought from.
fn source(named: Option<&str>) -> Code {
    Code::new(named.unwrap_or("paper")).unwrap()
}

impl Story {
    pub(crate) fn of(world: World) -> Self {
        Self { world, ..Self::default() }
    }

    /// Tells one line; lines that state nothing have no outcome.
    pub(crate) fn act(&mut self, line: &str) -> Option<String> {
        let (options, words): (Vec<&str>, Vec<&str>) =
            line.split_whitespace().partition(|word| word.contains('='));
        let options: Options<'_> =
            options.into_iter().map(|option| option.split_once('=').unwrap()).collect();
        match words.as_slice() {
            ["at", day, time] => self.world.now_ms = instant_ms(day, time),
            ["the", "city", "is", "set", "up"] => self.world.set_up(&changes(&options)),
            ["the", "example", "city", "is", "set", "up"] => {
                self.world.set_up_example(&changes(&options));
            }
            ["the", "catalogue", "is", "in", "force"] => self.publish_catalogue(&options),
            ["claimed", item] => return Some(self.claimed(item)),
            ["retired", fund] => {
                let retired = self.world.tables.retired.get(&code(Fund::ALL, fund));
                return Some(retired.copied().unwrap_or(0).to_string());
            }
            ["paper", "cards", "can", "be", "brought"] => {
                let until = self.world.today().plus(400);
                Fund::ALL.iter().for_each(|fund| self.world.open_budget(*fund, 1_000, until));
            }
            ["the", "city", "is", "founded"] => self.world.found(),
            [name, "joins"] => self.world.join(name),
            [name, "holds", count, "lots", "from", year] => {
                self.fill(name, count.parse().unwrap(), year.parse().unwrap());
            }
            ["balance", name] => return Some(self.balance(name)),
            ["again", name] => return Some(outcome(&self.world.submit(&self.sent[*name]))),
            ["lots", name] => return Some(self.lots(name)),
            ["budget", fund, year] => return Some(self.budget(fund, year)),
            ["channel", "of", name] => {
                let entry = self.world.entry(self.seq(name))?;
                return entry.effects.iter().find_map(|effect| {
                    let Effect::ActionJudged { channel, .. } = effect else { return None };
                    Some(format!("{channel:?}").to_lowercase())
                });
            }
            ["room", "of", name] => {
                let entry = self.world.entry(self.seq(name))?;
                return entry.effects.iter().find_map(|effect| {
                    let Effect::ActionJudged { room, .. } = effect else { return None };
                    Some(
                        room.map_or("none".into(), |r| {
                            format!("{} {:?} {:?}", r.points, r.of, r.per)
                        }),
                    )
                });
            }
            ["name", "of", place] => {
                let row = &self.world.tables.places[&PlaceId(id(place))];
                return Some(row.name.as_str().into());
            }
            ["due", shop] => return Some(self.due(shop)),
            ["held", name] => return Some(self.held(name)),
            [who, verb, rest @ ..] => return Some(self.state(who, verb, rest, &options)),
            _ => panic!("no such line: {line}"),
        }
        None
    }

    /// A line that is a statement.
    fn state(&mut self, who: &str, verb: &str, words: &[&str], options: &Options<'_>) -> String {
        let body = self.body(who, (verb, words), options);
        let core = self.world.core(body);
        let mut unsigned = Unsigned { core, disclosure: None };
        if unsigned.core.body.kind().seals_text_alone() {
            unsigned.disclosure = Some(self.world.disclosure(None));
        } else if unsigned.core.body.kind().shape().disclosure {
            unsigned.disclosure = Some(self.disclosure(words, options));
        }
        let core = &mut unsigned.core;
        if let Some(disclosure) = &unsigned.disclosure
            && matches!(core.body, Body::Action(_))
        {
            core.day = Day::of_ms(disclosure.performed_at_s * 1_000);
            let rows = ledger_spec::state::Overlay::over(&self.world.tables);
            core.programme = Some(rows.programme_for(core.day).map_or(1, |p| p.version));
        }
        for (option, value) in options {
            match *option {
                "day" => core.day = Day::parse(value).unwrap(),
                "programme" => core.programme = value.parse().ok(),
                "not_after" => core.not_after_s = Some(later(self.world.now_s(), value)),
                "op" => core.op_id = OpId(id(value)),
                "ledger" => core.ledger = LedgerId(id(value)),
                _ => {}
            }
        }
        let signer = options.get("signed").copied().unwrap_or(who);
        let submission = unsigned.sign_with(signer);
        let verdict = self.world.submit(&submission);
        self.sent.extend(options.get("as").map(|name| ((*name).into(), submission)));
        if let (Verdict::Accepted(entry), Some(name)) = (&verdict, options.get("as")) {
            self.entries.insert((*name).into(), entry.seq);
        }
        outcome(&verdict)
    }

    #[expect(clippy::too_many_lines, reason = "an arm for each statement")]
    fn body(&mut self, who: &str, line: (&str, &[&str]), options: &Options<'_>) -> Body {
        let option = |name: &str| options.get(name).copied();
        match line {
            ("founds", []) => register(who, Role::Root, option("person").unwrap_or(who), None),
            ("registers", [name, "as", role]) => {
                let role = code(Role::ALL, role);
                let has_place = matches!(role, Role::Shop | Role::Station);
                let place = option("place").or(has_place.then_some(*name));
                let place = place.filter(|place| *place != "none");
                register(name, role, option("person").unwrap_or(name), place)
            }
            ("publishes", ["version", version]) => {
                let changes = changes(options);
                let document = Document::new(&programme(&changes)).unwrap();
                let version = version.parse().unwrap();
                Body::ProgrammePublish(ProgrammePublish { version, document })
            }
            ("allocates", [points, fund, fiscal_year]) => Body::BudgetAllocate(BudgetAllocate {
                fund: code(Fund::ALL, fund),
                fiscal_year: fiscal_year.parse().unwrap(),
                points: points.parse().unwrap(),
            }),
            ("approves", [name]) => {
                let proposal = self.seq(name);
                let statement = self.world.entry(proposal).map(|entry| entry.statement.0);
                let seen = statement.unwrap_or_default();
                let seen = if options.contains_key("unseen") { &b"unseen"[..] } else { &seen };
                let statement_hash = Sha256::digest(seen).into();
                Body::Approve(Approve { proposal, statement_hash })
            }
            ("revokes", [name]) => {
                Body::KeyRevoke(KeyRevoke { kid: kid(name), cause: Cause::Other })
            }
            ("revokes", ["card", "of", name]) => {
                Body::CardRevoke(CardRevoke { card: card_hash(&card(name)), cause: Cause::Other })
            }
            ("opens", [name]) => Body::AccountOpen(AccountOpen { account: account(name) }),
            ("closes", ["account", "of", name]) => {
                Body::AccountClose(AccountClose { account: account(name) })
            }
            ("erases", [name]) => Body::AccountErase(AccountErase {
                account: account(name),
                cause: Cause::HolderRequest,
            }),
            ("closes", [day]) => Body::DayClose(DayClose { day: Day::parse(day).unwrap() }),
            ("admits", [name]) => {
                let Body::AccountFacts(known) = facts(name, true) else { unreachable!() };
                let day = |name| option(name).map(|day| Day::parse(day).unwrap());
                Body::AccountFacts(AccountFacts {
                    age_tier: option("age").map_or(known.age_tier, |age| code(AgeTier::ALL, age)),
                    age_on: day("on").unwrap_or(known.age_on),
                    insurance: option("insurance")
                        .map_or(known.insurance, |name| code(Insurance::ALL, name)),
                    eligible_from: day("from").or(known.eligible_from),
                    ..known
                })
            }
            ("grants", ["link", name, "to", partner]) => Body::LinkGrant(LinkGrant {
                link: LinkId(id(name)),
                purpose: code(Purpose::ALL, option("purpose").unwrap_or("steps")),
                until: Day::parse(option("until").unwrap_or("2027-03-31")).unwrap(),
                partner: kid(partner),
            }),
            ("revokes", ["link", name]) => Body::LinkRevoke(LinkRevoke { link: LinkId(id(name)) }),
            ("excludes", [name]) => facts(name, false),
            ("issues", [name]) => self.issue(name, options),
            ("enrols", [phone]) => Body::DeviceEnrol(DeviceEnrol { public_key: public_key(phone) }),
            ("reports", [action, "of", _]) => {
                Body::Action(Action { action: Code::new(action).unwrap() })
            }
            ("takes", [points, "from", _]) => Body::Redeem(Redeem {
                shop: PlaceId(id(option("shop").unwrap_or(who))),
                points: Points::new(points.parse().unwrap()).unwrap(),
                goods: option("goods").map(|word| word == "true"),
            }),
            ("settles" | "pays" | "banks", [name]) => self.settlement(line.0, name, options),
            ("voids", [name]) => Body::Void(Void { entry: self.seq(name) }),
            ("holds", [points, "from", _]) => Body::Hold(Hold {
                shop: PlaceId(id(option("shop").unwrap_or(who))),
                points: Points::new(points.parse().unwrap()).unwrap(),
                until_s: later(self.world.now_s(), option("for").unwrap_or("+600")),
                goods: option("goods").map(|word| word == "true"),
            }),
            ("captures", [points, "of", name]) => Body::Capture(Capture {
                hold: self.seq(name),
                points: Points::new(points.parse().unwrap()).unwrap(),
            }),
            ("releases", [name]) => Body::Release(Release { hold: self.seq(name) }),
            ("refunds", [points, "of", name]) => Body::Refund(Refund {
                entry: self.seq(name),
                points: Points::new(points.parse().unwrap()).unwrap(),
                cause: Cause::Other,
            }),
            ("offers" | "claims" | "uses" | "cancels" | "rebinds" | "commits" | "draws", words) => {
                self.reward((line.0, words), options)
            }
            ("ends" | "merges" | "suspends" | "resumes" | "sets", _) => {
                access::access(line, &option)
            }
            other => self.correction(other, &option),
        }
    }

    /// Corrections, and residents who come and go.
    fn correction<'o>(
        &self,
        line: (&str, &[&str]),
        option: &dyn Fn(&str) -> Option<&'o str>,
    ) -> Body {
        match line {
            ("marks", [name, status]) => {
                let since = option("since").map_or(self.world.today(), |d| Day::parse(d).unwrap());
                let (account, status) = (account(name), code(Status::ALL, status));
                Body::AccountStatus(AccountStatus { account, status, since, cause: None })
            }
            ("withdraws", [name]) => {
                Body::ActionWithdraw(ActionWithdraw { entry: self.seq(name), cause: Cause::Other })
            }
            ("adjusts", [name, points, fund, day]) => Body::Adjust(Adjust {
                account: account(name),
                lot: lot(fund, day, option("purse")),
                points: points.parse().unwrap(),
                cause: Cause::Other,
            }),
            ("extends", [name, fund, day, "to", until]) => Body::LotExtend(LotExtend {
                account: account(name),
                lot: lot(fund, day, None),
                until: Day::parse(until).unwrap(),
                cause: Cause::Other,
            }),
            ("brings", [name, lots @ ..]) => {
                let lots = lots.chunks(3).map(|words| LotPoints {
                    lot: lot(words[1], words[2], None),
                    points: Points::new(words[0].parse().unwrap()).unwrap(),
                });
                let lots: Vec<_> = lots.collect();
                let sum = lots.iter().map(|lot| u64::from(lot.points.get())).sum();
                let control_total = option("total").map_or(sum, |total| total.parse().unwrap());
                let account = account(name);
                let lots = List(lots);
                Body::BalanceImport(BalanceImport {
                    account,
                    lots,
                    control_total,
                    source: source(option("source")),
                })
            }
            ("opens", [points, fund, "until", day]) => Body::OpeningBudget(OpeningBudget {
                source: source(option("source")),
                fund: code(Fund::ALL, fund),
                points: points.parse().unwrap(),
                until: Day::parse(day).unwrap(),
            }),
            ("expires", [name, points, fund, day]) => Body::Expire(Expire {
                account: account(name),
                lot: lot(fund, day, None),
                points: Points::new(points.parse().unwrap()).unwrap(),
            }),
            other => panic!("no such statement: {other:?}"),
        }
    }

    /// What a shop is due, or its payment.
    fn settlement(&self, verb: &str, name: &str, options: &Options<'_>) -> Body {
        let option = |name: &str| options.get(name).copied();
        let today = self.world.today();
        if verb == "pays" {
            return Body::SettlementPaid(SettlementPaid {
                settlement: self.seq(name),
                paid_on: option("on").map_or(today, |day| Day::parse(day).unwrap()),
                reference: note(),
            });
        }
        let (shop, tables) = (PlaceId(id(name)), &self.world.tables);
        if verb == "banks" {
            return Body::ShopAccount(ShopAccount { shop, bank_account: [7; 32] });
        }
        let row = tables.shops.get(&shop).cloned().unwrap_or_default();
        // Of a month that is not over: what its end would give.
        let due = [today, today.plus(31)].map(|day| row.settlement(shop, Seq(tables.size), day));
        let mut due = due.into_iter().flatten().next().expect("a movement");
        due.yen = option("yen").map_or(due.yen, |yen| yen.parse().unwrap());
        due.end.0 += option("end").map_or(0, |more| more.parse().unwrap());
        Body::SettlementClose(due)
    }

    fn issue(&self, name: &str, options: &Options<'_>) -> Body {
        let until = |until| later(self.world.now_ms / 60_000, until);
        Body::CardIssue(CardIssue {
            account: account(name),
            card: options.get("card").map(|name| card_hash(&card(name))),
            code: options.get("code").map(|name| code_hash(&id(name))),
            code_until_min: options.get("until").map(|minutes| until(minutes)),
        })
    }

    fn disclosure(&mut self, words: &[&str], options: &Options<'_>) -> Disclosure {
        let subject = *words.last().unwrap();
        let time = options.get("time").map(|time| time.split_once('T').unwrap());
        let performed_at_s =
            time.map_or(self.world.now_s(), |(day, time)| instant_ms(day, time) / 1_000);
        let link = options.get("link").map(|name| Holder::Link(LinkId(id(name))));
        let holder = match (options.get("card"), options.get("holder")) {
            _ if link.is_some() => link,
            (Some(name), _) => Some(Holder::Card(card(name))),
            (None, Some(&"account")) => Some(Holder::Account(account(subject))),
            (None, Some(_)) => None,
            (None, None) => Some(Holder::Phone(self.token(subject, performed_at_s, options))),
        };
        // Who enrols a phone or grants a link for oneself names nobody.
        let own = words.len() <= 2 || matches!(words.first(), Some(&("link" | "pin" | "account")));
        let shown = ["card", "link", "phone"].iter().any(|option| options.contains_key(option));
        let holder = if own && !shown { None } else { holder };
        let honest = self.world.disclosure(holder);
        let number = |name| options.get(name).map(|number| number.parse().unwrap());
        let by_hand = options.get("hand").map(|_| true);
        let values = Values {
            level_tenths: number("level"),
            systolic_mmhg: number("systolic"),
            diastolic_mmhg: number("diastolic"),
            minutes: number("minutes"),
            steps: number("steps"),
            by_hand,
        };
        Disclosure {
            performed_at_s,
            values: (values != Values::default()).then_some(values),
            reference: options.get("ref").map(|name| cbor::Blob(name.as_bytes().to_vec())),
            origin: options.get("origin").map(|name| Code::new(name).unwrap()),
            exact_action: options.get("exact").map(|exact| Code::new(exact).unwrap()),
            code: options.get("with").map(|name| id(name)),
            venue: options.get("venue").map(|by| self.venue(by, (words, performed_at_s), options)),
            pin_proof: options.get("pin").map(|max| self.pin_proof(max, options)),
            ..honest
        }
    }

    /// What the phone shows when the act is done.
    fn token(&mut self, subject: &str, at_s: u64, options: &Options<'_>) -> Vec<u8> {
        if let Some(token) = options.get("token").and_then(|name| self.tokens.get(*name)) {
            return token.clone();
        }
        let exp = options.get("exp").copied().unwrap_or("+120");
        let mut token = PayToken { exp_s: later(at_s, exp), ..self.world.pay_token() };
        if let Some(max) = options.get("max") {
            token.max_points = max.parse().unwrap();
        }
        token.shop = options.get("confirms").map(|name| PlaceId(id(name)));
        if options.contains_key("foreign") {
            token.ledger = LedgerId::of_origin("elsewhere");
        }
        assert!(token.ledger == ledger() || options.contains_key("foreign"));
        let signed = sign_token(&token, options.get("phone").unwrap_or(&subject));
        if let Some(name) = options.get("token") {
            self.tokens.insert((*name).into(), signed.clone());
        }
        signed
    }

    /// What the screen of an event shows when the act is done; a code that has a name is the same
    /// each time.
    fn venue(&mut self, by: &str, act: (&[&str], u64), options: &Options<'_>) -> Blob<512> {
        if let Some(shown) = options.get("shown").and_then(|name| self.tokens.get(*name)) {
            return Blob(shown.clone());
        }
        let option = |name: &str| options.get(name).copied();
        let (words, at_s) = act;
        let code = VenueCode {
            exp_s: later(at_s, option("venue_exp").unwrap_or("+60")),
            nonce: self.world.fresh(),
            ledger: option("venue_ledger").map_or(ledger(), LedgerId::of_origin),
            place: PlaceId(id(option("venue_place").unwrap_or(by))),
            action: Code::new(option("venue_action").unwrap_or(words[0])).unwrap(),
        };
        let signed = token::sign(&code, &key(by));
        self.tokens.extend(option("shown").map(|name| (name.into(), signed.clone())));
        Blob(signed)
    }

    /// What the server gives a terminal once the PIN was right.
    fn pin_proof(&mut self, max_points: &str, options: &Options<'_>) -> Blob<1024> {
        if let Some(proof) = options.get("proof").and_then(|name| self.tokens.get(*name)) {
            return Blob(proof.clone());
        }
        let named = |option: &str, usual: &'static str| -> String {
            options.get(option).copied().unwrap_or(usual).into()
        };
        let proof = PinProof {
            exp_s: later(self.world.now_s(), &named("pin_exp", "+60")),
            nonce: self.world.fresh(),
            ledger: match options.get("pin_ledger") {
                Some(other) => LedgerId::of_origin(other),
                None => ledger(),
            },
            card: card_hash(&card(&named("pin_card", "hanako"))),
            terminal: kid(&named("pin_at", "shop-a")),
            max_points: max_points.parse().unwrap(),
        };
        let signed = token::sign(&proof, &key(&named("pin_by", "pin")));
        if let Some(name) = options.get("proof") {
            self.tokens.insert((*name).into(), signed.clone());
        }
        Blob(signed)
    }

    fn seq(&self, name: &str) -> Seq {
        self.entries.get(name).copied().unwrap_or_else(|| Seq(name.parse().expect("an entry")))
    }

    /// Lots that years of programmes would have left; the first expires in March of the year.
    fn fill(&mut self, name: &str, count: u32, year: u32) {
        self.filled_by_hand = true;
        let row = self.world.tables.accounts.get_mut(&account(name)).unwrap();
        let expires_on = |n| Day::from_ymd(year + n, 3, 31).unwrap();
        let lot = |n| LotKey { purse: Purse::Yen, fund: Fund::Employer, expires_on: expires_on(n) };
        row.lots = (0..count).map(|n| Lot { key: lot(n), points: 1 }).collect();
    }

    fn balance(&self, name: &str) -> String {
        let (today, row) = (self.world.today(), &self.world.tables.accounts[&account(name)]);
        let [yen, challenge] = [Purse::Yen, Purse::Challenge].map(|p| row.available(p, today));
        format!("{yen} yen, {challenge} challenge")
    }

    fn lots(&self, name: &str) -> String {
        let row = &self.world.tables.accounts[&account(name)];
        let lots = row.lots.iter().map(|lot| format!("{} {}", lot.points, lot_text(&lot.key)));
        let lots = lots.collect::<Vec<_>>().join(", ");
        if lots.is_empty() { "none".into() } else { lots }
    }

    fn budget(&self, fund: &str, year: &str) -> String {
        let key = (code(Fund::ALL, fund), year.parse().unwrap());
        let row = self.world.tables.budgets.get(&key).copied();
        row.map_or_else(|| "none".into(), |b| format!("{} of {}", b.granted, b.allocated))
    }

    fn held(&self, name: &str) -> String {
        let holds = &self.world.tables.accounts[&account(name)].holds;
        let lots = |hold: &ledger_spec::state::Hold| {
            let lots = hold.lots.iter().map(|lot| format!("{} {}", lot.points, lot_text(&lot.key)));
            lots.collect::<Vec<_>>().join(" + ")
        };
        let holds = holds.iter().map(lots).collect::<Vec<_>>().join(", ");
        if holds.is_empty() { "none".into() } else { holds }
    }

    fn due(&self, shop: &str) -> String {
        let row = self.world.tables.shops.get(&PlaceId(id(shop))).cloned().unwrap_or_default();
        row.total.to_string()
    }
}

fn lot(fund: &str, day: &str, purse: Option<&str>) -> LotKey {
    let fund = code(Fund::ALL, fund);
    let own = if fund == Fund::None { Purse::Challenge } else { Purse::Yen };
    let purse = purse.map_or(own, |purse| code(Purse::ALL, purse));
    LotKey { purse, fund, expires_on: Day::parse(day).unwrap() }
}

/// Members to change in the programme: options whose value is JSON, or a word.
fn changes(options: &Options<'_>) -> Vec<(String, Value)> {
    let apart = ["day", "as", "op", "not_after"];
    let told = options.iter().filter(|(name, _)| !apart.contains(*name));
    let value = |text: &str| serde_json::from_str(text).unwrap_or_else(|_| text.into());
    let places = |names: &str| names.split(',').map(|name| PlaceId(id(name)).to_string()).collect();
    told.map(|(path, text)| {
        let of_places = *path == "insured_medical";
        ((*path).into(), if of_places { places(text) } else { value(text) })
    })
    .collect()
}

/// `+n` or `-n` from a point in time.
fn later(from: u64, step: &str) -> u64 {
    from.checked_add_signed(step.parse().unwrap()).unwrap()
}

fn lot_text(lot: &LotKey) -> String {
    format!("{:?} until {}", lot.fund, lot.expires_on).to_lowercase()
}

fn outcome(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Accepted(entry) => accepted(entry),
        Verdict::Replayed(seq) => format!("accepted before, as entry {seq}"),
        Verdict::Reused => "refused: the operation's id was used with other bytes".into(),
        Verdict::Malformed(error) => format!("malformed: {error}"),
        Verdict::Refused(rejection) => format!("refused: {rejection}"),
    }
}

fn judged(effect: &Effect) -> Option<String> {
    let Effect::ActionJudged { granted, reason, .. } = effect else { return None };
    let why = match reason {
        Reason::Full => String::new(),
        Reason::Cap(of, per) => format!(", cap {of:?} {per:?}"),
        Reason::Standing(status) => format!(", {status:?}"),
        Reason::Budget
        | Reason::Lots
        | Reason::NotEligible
        | Reason::TooSoon(_)
        | Reason::BelowGoal
        | Reason::Season
        | Reason::Review
        | Reason::Times(_) => format!(", {reason:?}"),
    };
    Some(format!("{granted} points{}", why.to_lowercase()))
}

fn settled(effect: &Effect) -> Option<String> {
    let Effect::ShopSettled { settlement } = effect else { return None };
    let sums = |sums: &FundSums| {
        let sums = sums.rows().iter().map(|row| format!("{:?} {}", row.fund, row.points));
        let sums = sums.collect::<Vec<_>>().join(", ").to_lowercase();
        if sums.is_empty() { "nothing".into() } else { sums }
    };
    let SettlementClose { month, first, end, points, carried, yen, .. } = settlement;
    let (points, carried) = (sums(points), sums(carried));
    Some(format!("{yen} yen for {month}, entries {first} to {end}: {points}, carried {carried}"))
}

fn extended(effect: &Effect) -> Option<String> {
    let Effect::LotExtended { lot, until } = effect else { return None };
    Some(format!("{} to {until}", lot_text(lot)))
}

fn pin_set(effect: &Effect) -> Option<String> {
    let Effect::PinSet { counts_from, .. } = effect else { return None };
    Some(format!("PIN from {counts_from}"))
}

fn accepted(entry: &Accounting) -> String {
    let posted = entry.postings().map(|(lot, n, contra)| {
        let freed = matches!(contra, Contra::Held(_)) && n > 0;
        let mark = if freed { "free " } else { "" };
        format!("{mark}{} {}", n.abs(), lot_text(&lot))
    });
    let posted: Vec<String> = posted.collect();
    let judged: Vec<String> = entry.effects.iter().filter_map(judged).collect();
    let closed = |effect: &Effect| {
        let Effect::DayClosed { totals, .. } = effect else { return None };
        let DayTotals { entries, accounts, earners, spenders, granted, redeemed, refunded } =
            totals;
        let points = format!("{earners} earned {granted}, {spenders} spent {redeemed}");
        let back = if *refunded > 0 { format!(", refunded {refunded}") } else { String::new() };
        Some(format!("closed: {entries} entries, {accounts} accounts, {points}{back}"))
    };
    let has = |wanted: fn(&Effect) -> bool, text: String| {
        entry.effects.iter().any(wanted).then_some(text)
    };
    let posted = posted.join(", ");
    let withdrawn = || {
        let sums = entry.effects.iter().filter_map(|effect| {
            let Effect::ActionWithdrawn { granted, shortfall, .. } = effect else { return None };
            Some((granted, shortfall))
        });
        let sums: Vec<_> = sums.collect();
        let granted: u32 = sums.iter().map(|(granted, _)| **granted).sum();
        let shortfall: u32 = sums.iter().map(|(_, shortfall)| **shortfall).sum();
        let back = if posted.is_empty() { "nothing" } else { &posted };
        let text = format!("withdrawn, back {back}; {shortfall} of {granted} are gone");
        (!sums.is_empty()).then_some(text)
    };
    let moved = || {
        let contra = entry.postings().next().map(|(_, _, contra)| contra)?;
        let plus = if entry.points() > 0 { "plus" } else { "minus" };
        let text = format!("{plus} {posted}, {contra:?}").to_lowercase();
        (!matches!(contra, Contra::Shop(_))).then_some(text)
    };
    Some(judged.join(" + "))
        .filter(|judged| !judged.is_empty())
        .or_else(|| entry.effects.iter().find_map(closed))
        .or_else(|| rewards::rewarded(entry))
        .or_else(|| has(|e| matches!(e, Effect::HoldOpened { .. }), format!("held {posted}")))
        .or_else(|| has(|e| matches!(e, Effect::HoldEnded { .. }), posted.clone()))
        .or_else(|| has(|e| matches!(e, Effect::Refunded { .. }), format!("back {posted}")))
        .or_else(|| entry.effects.iter().find_map(settled))
        .or_else(withdrawn)
        .or_else(|| entry.effects.iter().find_map(extended))
        .or_else(|| entry.effects.iter().find_map(pin_set))
        .or_else(moved)
        .or_else(|| has(|e| matches!(e, Effect::TokenSpent { .. }), format!("paid {posted}")))
        .or_else(|| {
            has(|e| matches!(e, Effect::CardWithoutPin { .. }), format!("paid by card {posted}"))
        })
        .or_else(|| {
            let text = if posted.is_empty() {
                "done by PIN".into()
            } else {
                format!("paid by PIN {posted}")
            };
            has(|e| matches!(e, Effect::PinProven { .. }), text)
        })
        .or_else(|| has(|e| matches!(e, Effect::Undone { .. }), format!("back {posted}")))
        .or_else(|| has(|e| matches!(e, Effect::Proposed { .. }), "proposed".into()))
        .or_else(|| has(|e| matches!(e, Effect::Approved { .. }), "in force".into()))
        .unwrap_or_else(|| "done".into())
}
