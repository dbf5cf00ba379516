//! Refusals as RFC 9457 problems. One row a rule: slug, status, what helps, Japanese and English
//! titles. The matches have no wildcard arm, so a rule without a problem does not compile.

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
    /// Japanese title: what happened and what to do, for the person in front of the screen.
    pub ja: &'static str,
    /// English title.
    pub en: &'static str,
}

macro_rules! problem_types {
    ($($name:ident $slug:literal $status:literal $retry:ident $ja:literal $en:literal;)+) => {
        $(const $name: ProblemType =
            ProblemType { slug: $slug, status: $status, retry: Retry::$retry, ja: $ja, en: $en };)+

        /// Every problem type.
        pub const ALL: &[ProblemType] = &[$($name),+];
    };
}

problem_types! {
    MALFORMED "malformed-statement" 400 Never "データの形式が正しくありません。アプリを更新してください。" "The statement is not in its form. Update the application.";
    UNKNOWN_FIELD "unknown-field" 400 Never "データに知らない項目があります。アプリを更新してください。" "The statement has an unknown field. Update the application.";
    POINTS_RANGE "points-out-of-range" 422 NewId "ポイントは1から100,000までの整数で入れてください。" "Enter points as a whole number from 1 to 100,000.";
    TOO_LARGE "too-large" 413 Never "データが大きすぎます。" "The request is too large.";
    MEDIA_TYPE "media-type-not-supported" 415 Never "この形式では受け取れません(application/cose)。" "Send application/cose.";
    MALFORMED_REQUEST "malformed-request" 400 Never "要求の形式が正しくありません。" "The request is not in its form.";
    LEDGER_UNKNOWN "ledger-not-found" 404 Never "この台帳はありません。アドレスを確かめてください。" "There is no such ledger. Check the address.";
    NOT_FOUND "not-found" 404 Never "ページがありません。アドレスを確かめてください。" "There is no such page. Check the address.";
    METHOD "method-not-allowed" 405 Never "このアドレスではこの操作はできません。" "The address does not take this method.";
    OTHER_LEDGER "ledger-mismatch" 422 Never "別の台帳あてのデータです。" "The statement is for another ledger.";
    SEALED "disclosure-mismatch" 422 Never "明細と署名が一致しません。もう一度測り直してください。" "The disclosure is not the one that was signed. Measure again.";
    SIGNATURE "signature-invalid" 401 Never "署名が正しくありません。データが途中で変わっています。" "The signature is wrong: the statement was changed on its way.";
    KEY_UNKNOWN "key-unknown" 401 NewId "この端末は登録されていません。市に連絡してください。" "This device is not registered. Ask the city.";
    KEY_REVOKED "key-revoked" 403 Never "この端末の登録は取り消されています。市に連絡してください。" "This device has been revoked. Ask the city.";
    ROLE "role-not-permitted" 403 Never "この端末ではこの操作はできません。" "This device may not do this.";
    NOT_IN_FORCE "kind-not-in-force" 422 Never "この操作はこの台帳ではまだ使えません。" "This kind of statement is not in force here.";
    TOO_OLD "backdate-too-old" 422 Never "日付が古すぎるため、受け付けられません。" "The day is too long ago.";
    CLOCK "clock-skew" 422 NewId "端末の時計が進んでいます。時刻を合わせてください。" "The device's clock is ahead. Set it right.";
    DEADLINE "statement-expired" 410 NewId "時間切れです。もう一度お試しください。" "The time for this has run out. Try again.";
    DEADLINE_FAR "deadline-too-far" 422 NewId "期限が長すぎます。端末の時計を確かめてください。" "The deadline is too far away. Check the device's clock.";
    NO_PROGRAMME "programme-missing" 422 Never "この日に有効なルールがありません。" "No programme is in force on that day.";
    PROGRAMME_VERSION "programme-version" 409 NewId "ルールが新しくなりました。もう一度お試しください。" "The rules have a newer version. Try again.";
    DISCLOSED "disclosure-out-of-range" 422 Never "測定の日時か値が正しくありません。" "The time or a value of the measurement is wrong.";
    PROGRAMME_FAULT "programme-fault" 422 NewId "ルールの文書に誤りがあります。" "The programme document has a fault.";
    PROGRAMME_NEXT "programme-not-next" 409 NewId "ルールの版の番号が違います。" "The programme's version is not the next one.";
    PROGRAMME_FUTURE "policy-not-future" 422 NewId "新しいルールは翌日以降の日から始めてください。" "A programme after the first starts on a day to come.";
    KEY_EXISTS "key-exists" 409 Never "この端末はもう登録されています。" "The key is registered already.";
    KEY_WEAK "key-weak" 422 NewId "この鍵は使えません。新しい鍵を作ってください。" "The key is not sound. Make another.";
    PLACE "place-mismatch" 422 NewId "場所の指定が正しくありません。" "The place does not fit the role.";
    BUDGET "budget-out-of-range" 422 NewId "予算は1から1,000,000,000ポイントまでです。" "A budget is 1 to 1,000,000,000 points of a paying fund.";
    ACCOUNT_UNKNOWN "account-not-found" 404 Never "この口座はありません。" "There is no such account.";
    ACCOUNT_EXISTS "already-enrolled" 409 Never "この口座はもうあります。" "The account exists already.";
    CARD_EXISTS "card-exists" 409 NewId "カードか登録コードがもう使われています。" "The card or code exists already, or none is named.";
    CARD_UNKNOWN "card-unknown" 404 Never "このカードは登録されていません。窓口でお確かめください。" "The card is not registered. Ask at the desk.";
    CARD_REVOKED "card-revoked" 403 Never "このカードは使えなくなっています。新しいカードをお使いください。" "The card has been revoked. Use the new one.";
    CARD_MISTYPED "card-mistyped" 422 NewId "カードの番号に誤りがあります。もう一度読み取ってください。" "The card's number has a mistake. Read it again.";
    CODE_UNKNOWN "code-unknown" 404 NewId "この登録コードはありません。入れ直してください。" "There is no such code. Enter it again.";
    CODE_USED "code-already-used" 409 Never "この登録コードは使用済みです。窓口で新しいコードを受け取ってください。" "The code has been used. Ask for another at the desk.";
    CODE_EXPIRED "code-expired" 410 Never "この登録コードは期限切れです。窓口で新しいコードを受け取ってください。" "The code has expired. Ask for another at the desk.";
    HOLDER "holder-not-accepted" 422 NewId "この方法ではご本人を確認できません。スマートフォンのコードをお使いください。" "The resident cannot be recognised this way here. Use the phone's code.";
    QR_INVALID "qr-invalid" 422 NewId "このQRコードは本物と確認できません。画面を更新してもらってください。" "The QR code is not genuine. Have the screen renewed.";
    QR_FOREIGN "qr-foreign" 422 NewId "別のプログラムのQRコードです。" "The QR code is for another programme.";
    QR_DEVICE "qr-device-revoked" 403 NewId "このスマートフォンの登録は取り消されています。" "The phone has been removed from the account.";
    QR_EXPIRED "qr-expired" 410 NewId "QRコードの時間が切れました。画面を更新してもらってください。" "The QR code has expired. Have the screen renewed.";
    QR_LONG "qr-too-long" 422 NewId "QRコードの期限が長すぎます。スマートフォンの時計を確かめてください。" "The QR code lives too long. Check the phone's clock.";
    QR_USED "qr-already-used" 409 NewId "このQRコードは使用済みです。画面を更新してもらってください。" "The QR code has been used. Have the screen renewed.";
    QR_CAP "qr-limit-exceeded" 422 NewId "QRコードの上限を超えています。上限を選び直してもらってください。" "The QR code allows fewer points. Have a higher limit chosen.";
    QR_SHOP "qr-other-shop" 422 NewId "このQRコードは、別のお店での支払いを確認したものです。このお店の確認をやり直してもらってください。" "The QR code confirms a payment at another shop. Have this shop's confirmed.";
    CONFIRM "confirmation-required" 403 NewId "この金額は、お客さまのスマートフォンでお店と金額の確認が必要です。" "For this amount the resident's phone confirms shop and amount.";
    PATIENTS_SHARE "patients-share" 422 NewId "保険診療の一部負担金にはポイントを使えません。商品か保険外のサービスの支払いだけに使えます。" "Points never pay a patient's share of insured care. They pay goods and uninsured services alone.";
    NOT_MEDICAL "not-insured-medical" 422 NewId "このお店は保険医療機関として登録されていません。画面を開き直してください。" "The shop is not listed as an insured medical institution. Open the page again.";
    VENUE_UNKNOWN "venue-not-accepted" 422 NewId "この会場のコードは使えません。会場の人に知らせてください。" "The venue's code is not accepted. Tell the staff at the venue.";
    VENUE_OTHER "venue-other" 422 NewId "このコードはほかの行事のものです。会場の画面をもう一度読んでください。" "The code is for something else. Read the venue's screen again.";
    VENUE_EXPIRED "venue-expired" 410 NewId "会場のコードの時間が過ぎました。会場の画面をもう一度読んでください。" "The venue's code has run out. Read the venue's screen again.";
    ACTION_UNKNOWN "action-unknown" 422 Never "この健康行動はルールにありません。" "The programme has no such action.";
    DUPLICATE "duplicate-action" 409 Never "この記録はもう登録されています。" "This act is recorded already.";
    OTHER_SHOP "shop-mismatch" 403 Never "この端末は別のお店のものです。" "The terminal belongs to another shop.";
    MINIMUM "below-minimum" 422 NewId "1回に使えるポイントの下限より少ないです。" "Fewer points than a redemption spends at least.";
    MAXIMUM "above-maximum" 422 NewId "1回に使えるポイントの上限を超えています。" "More points than a redemption spends at most.";
    DAY_LIMIT "day-limit" 422 NewId "1日に使えるポイントの上限を超えます。" "More points than can be spent in a day.";
    FRESH_DEVICE "fresh-device-limit" 422 NewId "登録したばかりのスマートフォンで使える上限を超えます。あさってからは通常の上限まで使えます。" "More points than a phone can spend until the end of the day after its enrolment.";
    INSUFFICIENT "insufficient-points" 422 NewId "ポイントが足りません。" "The balance is too small.";
    ENTRY_UNKNOWN "entry-not-found" 404 Never "この記録はありません。" "There is no such entry.";
    NOT_REDEMPTION "not-a-redemption" 422 Never "この記録はお支払いではありません。" "The entry is no redemption.";
    UNDONE "already-reversed" 409 Never "この記録はもう取り消されています。" "The entry is undone already.";
    VOID_CLOSED "void-window-closed" 410 Never "取り消しは当日の24時までです。市に連絡してください。" "A redemption can be undone until 24:00 of its day. Ask the city.";
    PROPOSAL_UNKNOWN "proposal-not-found" 404 Never "この提案はありません。" "There is no such proposal.";
    PROPOSAL_MISMATCH "proposal-mismatch" 409 NewId "承認する内容が提案と違います。" "The approval is for another statement than the proposal's.";
    PROPOSAL_LAPSED "proposal-lapsed" 410 Never "提案は無効になりました。7日が過ぎたか、提案した人の鍵が取り消されています。" "The proposal has lapsed: 7 days are over, or its proposer's key has been revoked.";
    PROPOSAL_DONE "proposal-done" 409 Never "この提案はもう承認されています。" "The proposal has taken effect already.";
    SAME_PERSON "approval-required" 403 NewId "提案した人とは別の人の承認が必要です。" "A second person must approve.";
    DAY_OPEN "day-not-open" 409 Never "この日は締められません。" "The day is not over, has no entries or is closed.";
    MANIFEST_ROWS "manifest-rows" 422 Never "まとめて登録する行の数か種類が正しくありません。" "A manifest holds 1 to 2,000 rows of one kind, and the rows that follow are those it lists.";
    MANIFEST_UNKNOWN "manifest-not-found" 404 Never "この行をまとめた登録がありません。" "No manifest of this key holds such a row.";
    MANIFEST_DONE "manifest-done" 409 Never "このまとめての登録は終わっています。" "The manifest has its result already.";
    HOLDS "holds-limit" 409 NewId "支払いの予約が上限の8件に達しています。先のお会計を済ませてください。" "The account has 8 holds, the most there can be. Complete one first.";
    HOLD_DEADLINE "hold-deadline" 422 NewId "予約の期限は今から15分以内にしてください。" "A hold ends within 15 minutes from now.";
    NOT_A_HOLD "not-a-hold" 422 Never "この記録は支払いの予約ではありません。" "The entry is no hold.";
    HOLD_ENDED "hold-ended" 409 Never "この予約はもう終わっています。" "The hold has been captured or released.";
    HOLD_EXPIRED "hold-expired" 410 NewId "予約の期限が過ぎました。もう一度お支払いをお願いしてください。" "The hold's deadline has passed. Ask the resident to pay again.";
    CAPTURE_EXCEEDS "capture-exceeds-hold" 422 NewId "予約より多いポイントは受け取れません。" "No more points can be captured than are held.";
    PIN_REQUIRED "pin-required" 403 NewId "暗証番号が必要です。ご本人に暗証番号を入れてもらってください。" "The card needs its PIN for this. Have the resident enter it.";
    PIN_PROOF "pin-proof-invalid" 422 NewId "暗証番号の確認が使えません。もう一度暗証番号を入れてもらってください。" "The PIN check does not fit. Have the PIN entered again.";
    PIN_WRONG "pin-wrong" 403 NewId "暗証番号が違います。もう一度入れてもらってください。5回続けて違うと使えなくなります。" "The PIN is wrong. Have it entered again; after 5 wrong tries the card's PIN is locked.";
    PIN_LOCKED "pin-locked" 403 Never "暗証番号が続けて違ったため、使えなくなりました。市の窓口で新しく決めてください。" "The PIN is locked after too many wrong tries. Set another at the city's desk.";
    PIN_UNSET "pin-not-set" 409 Never "このカードには暗証番号がありません。市の窓口で決めてください。" "The card has no PIN. Set one at the city's desk.";
    REFUND_CLOSED "refund-window-closed" 410 Never "払い戻しのできる期間が過ぎています。" "The days in which the sale could be refunded are over.";
    REFUND_EXCEEDS "refund-exceeds-redemption" 422 NewId "払い戻しがお支払いの残りより多くなります。" "More points than are left of the sale.";
    BY_HAND "entered-by-hand" 422 Never "手で入力した値は使えません。機器が数えた値だけを受け付けます。" "A value typed in by hand is not taken; a sensor must count it.";
    IMPLAUSIBLE "implausible-value" 422 Never "値が大きすぎます。機器を確かめてください。" "The value is more than a person can do. Check the device.";
    ORIGIN "origin-not-accepted" 422 Never "このアプリのデータは使えません。対象のアプリを市のページで確かめてください。" "The programme takes no data of this application.";
    REFERENCE_MISSING "reference-missing" 422 NewId "行事や記録の番号を入れてください。" "Name the event or the record by its number.";
    VALUE_MISSING "value-missing" 422 NewId "必要な値がありません。" "The value that the rule goes by is missing.";
    LINK_UNKNOWN "link-not-found" 404 Never "この連携は登録されていません。" "There is no such link for this partner.";
    LINK_ENDED "link-ended" 403 Never "この連携は終わっています。ご本人がもう一度許可してください。" "The link has ended. The resident can grant another.";
    LINK_PURPOSE "link-purpose" 403 Never "この連携では、この操作は許可されていません。" "The link is for another purpose.";
    LINK_EXISTS "link-exists" 409 NewId "この連携番号はもう使われています。" "The link's number is taken.";
    LINK_TERM "link-term" 422 NewId "連携の期間は、今日から1年までです。" "A link lasts from today on for at most a year.";
    GATE_CLOSED "checkup-first" 403 Never "ポイントを使う前に、今年度の健診を受けてください。これまでのポイントはなくなりません。" "Points can be spent after the check-up. Nothing is lost until then.";
    SETTLEMENT_NOT_DUE "settlement-not-due" 409 Never "この店には締める精算がありません。" "The shop has nothing to settle of a month that is over.";
    SETTLEMENT_MISMATCH "settlement-mismatch" 422 Never "精算の内容が記録と合いません。" "The settlement is not what the log gives.";
    SETTLEMENT_UNKNOWN "settlement-not-found" 404 Never "支払う精算がありません。番号を確かめてください。" "There is no such settlement with an amount to pay. Check the number.";
    SETTLEMENT_PAID "settlement-already-paid" 409 Never "この精算はもう支払い済みです。" "The settlement is paid already.";
    SETTLEMENT_DAY "settlement-day" 422 NewId "支払日は、月末以後で今日までの日にしてください。" "The day of the transfer lies between the end of the month and today.";
    ACCOUNT_FROZEN "account-suspended" 403 NewId "この口座は一時停止中です。市の窓口にお問い合わせください。" "The account is suspended. Ask at the city desk.";
    ACCOUNT_DECEASED "account-ended" 403 Never "この口座は使えません。市の窓口にお問い合わせください。" "The account has ended. Ask at the city desk.";
    MANIFEST_WAITS "manifest-waits" 409 SameId "別の人の承認を待っています。承認されたら、同じファイルをもう一度送ってください。" "Another person has to approve the list. Then send the same file again.";
    NOT_ACTION "not-an-action" 422 Never "この記録は健康行動ではありません。" "The entry is no action.";
    LOT_RANGE "lot-out-of-range" 422 NewId "ポイントの種類、財源、期限の組み合わせが正しくありません。" "Purse, fund and last day of the lot do not fit together.";
    LOT_UNKNOWN "lot-not-found" 404 NewId "この口座に、使えるそのポイントはありません。" "The account has no such lot that can be spent, or less in it.";
    BUDGET_LACKING "budget-exhausted" 422 NewId "この財源の予算が足りません。" "The fund's budget has not enough left.";
    CONTROL_TOTAL "control-total" 422 NewId "合計が合いません。ポイントの行を確かめてください。" "The lots do not add up to the control total, or one stands twice.";
    LOTS_FULL "too-many-lots" 422 NewId "期限のちがうポイントが64組を超えます。" "An account holds at most 64 lots.";
    NOT_EXPIRED "lot-not-expired" 409 Never "このポイントはまだ期限内か、数が違います。" "The lot has not expired, or holds other points.";
    ADJUST_RANGE "adjustment-out-of-range" 422 NewId "修正は1から100,000ポイントまでです。" "An adjustment is 1 to 100,000 points, up or down.";
    NOT_LATER "not-later" 422 NewId "期限は今より後の日にしてください。" "A lot is extended to a later day.";
    CATALOGUE_FAULT "catalogue-fault" 422 NewId "カタログの文書に誤りがあります。" "The catalogue document has a fault.";
    CATALOGUE_NEXT "catalogue-not-next" 409 NewId "カタログの版の番号が違います。" "The catalogue's version is not the next one.";
    REWARD_UNKNOWN "reward-not-found" 404 Never "この品はカタログにありません。" "The catalogue has no such item.";
    REWARD_CLOSED "reward-not-offered" 409 Never "この品は今日は申し込めません。期間を確かめてください。" "The item cannot be claimed today. See its dates.";
    REWARD_POINTS "reward-points" 422 NewId "この品に必要なポイントと違います。" "The item takes other points.";
    REWARD_CODE "reward-code" 422 NewId "引換券の番号が正しくありません。もう一度申し込んでください。" "The claim's code does not fit the item. Claim again.";
    REWARD_LIMIT "reward-limit" 409 Never "この品は、お一人の年度の上限まで申し込んでいます。" "You have had the item as often as one person can in a fiscal year.";
    REWARD_GONE "reward-sold-out" 409 NewId "この品はなくなりました。ポイントは減っていません。" "None of the item is left. No point was taken.";
    VOUCHERS "vouchers-limit" 409 NewId "引換券が上限の16枚あります。先に使ってください。" "The account has 16 vouchers, the most there can be. Use one first.";
    NOT_A_VOUCHER "not-a-voucher" 422 Never "この記録は引換券ではありません。" "The entry is no voucher.";
    VOUCHER_ENDED "voucher-ended" 409 Never "この引換券は使用済みか、取り消されています。" "The voucher has been used or cancelled.";
    VOUCHER_SECRET "voucher-not-genuine" 422 Never "この引換券は本物と確認できません。" "The voucher is not genuine.";
    VOUCHER_EXPIRED "voucher-expired" 410 Never "この引換券は期限が過ぎています。" "The voucher's last day is over.";
    VOUCHER_ELSEWHERE "voucher-elsewhere" 403 Never "この引換券は、このお店では使えません。使えるお店を券で確かめてください。" "This shop does not honour the voucher. The voucher says which do.";
    DRAW_EARLY "draw-too-early" 422 NewId "抽選の日か、乱数の公開時刻がまだです。" "The draw's day or its round has not come, or the round is not ten minutes ahead.";
    DRAW_MISMATCH "draw-mismatch" 422 NewId "抽選の内容が記録と合いません。" "Entrants, beacon or winners are not those that the log gives.";
    DRAW_DONE "draw-fixed" 409 Never "この抽選はもう決まっています。" "The draw is fixed already.";
    NOT_A_DRAW "draw-not-found" 404 Never "この抽選はありません。" "There is no such draw.";
    OPERATION_REUSED "idempotency-key-reused" 422 NewId "同じ操作番号が別の内容で使われています。" "The operation id belongs to another statement.";
    BUSY "busy" 503 SameId "混み合っています。少し待ってからもう一度お試しください。" "Too many statements are waiting. Try again shortly.";
    READ_ONLY "log-read-only" 503 SameId "ただいま記録を止めています。少し待ってからもう一度お試しください。" "The ledger is read-only. Try again later.";
    STOPPED "log-stopped" 503 SameId "ただいま停止しています。少し待ってからもう一度お試しください。" "The ledger has stopped. Send the same statement again later.";
    TIMEOUT "timeout" 503 SameId "時間内に応答できませんでした。もう一度お試しください。" "No answer in time. Send the same statement again.";
    INTERNAL "internal-error" 500 SameId "サーバーで問題が起きました。運営者に連絡してください。" "The server has a problem. Tell the operator.";
    SESSION "session-required" 401 NewId "はじめからやり直してください。" "A session is required. Open one first.";
    SESSION_USED "session-already-opened" 409 NewId "もう一度お試しください。" "This request has been used. Sign another.";
    RATE "rate-limited" 429 SameId "回数が多すぎます。少し待ってからもう一度お試しください。" "Too many requests. Wait a little.";
    DEMO_ONLY "demo-only" 404 Never "デモの台帳だけで使えます。" "Only a demo ledger offers this.";
}

impl ProblemType {
    /// The `type` of the problem.
    #[must_use]
    pub fn uri(&self) -> String {
        format!("https://kenmai.example/problems/{}", self.slug)
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
        "title": kind.ja,
        "title_en": kind.en,
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
    too_large = TOO_LARGE, media_type = MEDIA_TYPE, malformed_request = MALFORMED_REQUEST,
    ledger_unknown = LEDGER_UNKNOWN, not_found = NOT_FOUND, entry_unknown = ENTRY_UNKNOWN,
    session_required = SESSION, session_used = SESSION_USED, role_not_permitted = ROLE,
    rate_limited = RATE, demo_only = DEMO_ONLY, timeout = TIMEOUT, internal = INTERNAL,
    key_unknown = KEY_UNKNOWN, key_revoked = KEY_REVOKED, deadline = DEADLINE,
    method_not_allowed = METHOD, proposal_unknown = PROPOSAL_UNKNOWN, signature = SIGNATURE, other_ledger = OTHER_LEDGER, busy = BUSY,
    pin_locked = PIN_LOCKED, pin_unset = PIN_UNSET, card_mistyped = CARD_MISTYPED, card_unknown = CARD_UNKNOWN,
    card_revoked = CARD_REVOKED, not_a_voucher = NOT_A_VOUCHER,
}

impl Problem {
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
        Rejection::KindNotInForce => NOT_IN_FORCE,
        Rejection::DayTooOld => TOO_OLD,
        Rejection::ClockAhead => CLOCK,
        Rejection::DeadlinePassed => DEADLINE,
        Rejection::DeadlineTooFar => DEADLINE_FAR,
        Rejection::ProgrammeMissing => NO_PROGRAMME,
        Rejection::ProgrammeVersion(_) => PROGRAMME_VERSION,
        Rejection::DisclosureMismatch => DISCLOSED,
        Rejection::Programme(_) => PROGRAMME_FAULT,
        Rejection::ProgrammeNotNext(_) => PROGRAMME_NEXT,
        Rejection::ProgrammeNotFuture => PROGRAMME_FUTURE,
        Rejection::KeyExists => KEY_EXISTS,
        Rejection::KeyWeak => KEY_WEAK,
        Rejection::PlaceMismatch => PLACE,
        Rejection::BudgetRange => BUDGET,
        Rejection::AccountUnknown => ACCOUNT_UNKNOWN,
        Rejection::AccountExists => ACCOUNT_EXISTS,
        Rejection::CardExists => CARD_EXISTS,
        Rejection::CardUnknown => CARD_UNKNOWN,
        Rejection::CardRevoked => CARD_REVOKED,
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
        Rejection::NotAHold => NOT_A_HOLD,
        Rejection::HoldEnded(_) => HOLD_ENDED,
        Rejection::HoldExpired => HOLD_EXPIRED,
        Rejection::CaptureExceeds(_) => CAPTURE_EXCEEDS,
        Rejection::PinRequired(_) => PIN_REQUIRED,
        Rejection::PinProof => PIN_PROOF,
        Rejection::RefundClosed(_) => REFUND_CLOSED,
        Rejection::RefundExceeds(_) => REFUND_EXCEEDS,
        Rejection::EnteredByHand => BY_HAND,
        Rejection::Implausible(_) => IMPLAUSIBLE,
        Rejection::OriginUnknown => ORIGIN,
        Rejection::ReferenceMissing => REFERENCE_MISSING,
        Rejection::ValueMissing => VALUE_MISSING,
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
        Rejection::AccountDeceased => ACCOUNT_DECEASED,
        Rejection::ManifestWaits(_) => MANIFEST_WAITS,
        Rejection::NotAnAction => NOT_ACTION,
        Rejection::LotRange => LOT_RANGE,
        Rejection::LotUnknown => LOT_UNKNOWN,
        Rejection::BudgetLacking => BUDGET_LACKING,
        Rejection::ControlTotal => CONTROL_TOTAL,
        Rejection::LotsFull => LOTS_FULL,
        Rejection::NotExpired => NOT_EXPIRED,
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
        Self::of(INTERNAL)
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
