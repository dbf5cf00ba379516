"""A partner service: residents let it report sessions and steps; it signs a list of them once and reads what each brought.

It knows a resident by a link alone, a random number that the resident's phone has signed for one purpose and can end.
What a session was about has no place in any format.
"""
import collections
import datetime
import hashlib
import json
import pathlib
import secrets

from kenmai_client import Client, command_line

ACTION, LINK_GRANT = 14, 28  # kinds of statement
STEPS, SESSIONS = 1, 2  # purposes of a link
JAPAN = datetime.timezone(datetime.timedelta(hours=9))


def granted(client, phone, partner, purpose):
    """Plays the resident's phone, which alone holds its key: a link to this partner for 30 days."""
    link = secrets.token_bytes(16)
    kid = hashlib.sha256(partner.public_key().public_bytes_raw()).digest()[:8]
    body = {8: {1: link, 2: purpose, 3: client.day + 30, 4: kid}}
    client.send(client.statement(client.key(phone), LINK_GRANT, body, {}, secrets.token_bytes(16)))
    return link


def session(link):
    """A conversation on the phone or by chat: the signed part says `care` for ever, which kind stands in the disclosure."""
    return {8: {1: "care"}}, {3: [4, link], 5: "interview.online"}


def steps(client, link, day, count, by_hand=False):
    """A day's steps, with the application that counted them; the act lies on that day and not in the future."""
    end_s = (day + 1) * 86_400 - 9 * 3_600 - 1
    values = {5: count, 6: True} if by_hand else {5: count}
    disclosure = {2: min(client.now_s, end_s), 3: [4, link], 4: values, 9: "kenmai.pedometer"}
    return {5: day, 8: {1: "steps.day"}}, disclosure


def day_steps(points):
    """Steps by Japan's days, and whether any were typed in, out of IEEE 1752.1 activities or Open mHealth step counts.

    A day's summary holds the walks of the day too, so it is not added to them: the larger counts.
    """
    walks, summaries, typed = collections.Counter(), collections.Counter(), set()
    for point in points:
        body = point["body"]
        count = body.get("base_movement_quantity") or body.get("step_count") or {}
        if count.get("unit") != "steps":
            continue
        interval = body["effective_time_frame"]["time_interval"]
        start, end = (interval.get(name) and datetime.datetime.fromisoformat(interval[name]).astimezone(JAPAN)
                      for name in ("start_date_time", "end_date_time"))
        day = ((start or end).date() - datetime.date(1970, 1, 1)).days
        if start and end and end - start >= datetime.timedelta(days=1):
            summaries[day] = max(summaries[day], count["value"])
        else:
            walks[day] += count["value"]
        if point["header"].get("modality") == "self-reported":
            typed.add(day)
    return {day: (max(walks[day], summaries[day]), day in typed) for day in sorted({*walks, *summaries})}


def report(client, partner, phones, days):
    """The signed list, with a session and the days' steps of each resident."""
    rows = []
    for phone in phones:
        rows.append(session(granted(client, phone, partner, SESSIONS)))
        link = granted(client, phone, partner, STEPS)
        rows += [steps(client, link, day, *counted) for day, counted in days.items()]
    return client.manifest(partner, ACTION, rows)


def main():
    options = command_line(
        __doc__.splitlines()[0],
        phone=(1, "the first of the demo residents that the service speaks for"),
        residents=(1, "how many of them"),
        steps=(9000, "steps of each today"),
        samples=("", "a file of data points (IEEE 1752.1 or Open mHealth, one a line) in the place of these steps"),
    )
    client = Client(options)
    partner = client.key(client.index["partner"])
    phones = client.index["phones"][options.phone - 1:options.phone - 1 + options.residents]

    days = {client.day: (options.steps,)}
    if options.samples:
        lines = pathlib.Path(options.samples).read_text("utf-8").splitlines()
        days = day_steps(map(json.loads, lines))

    outcome = client.submit(lambda: report(client, partner, phones, days), "manifests")
    for row in outcome["rows"]:
        print(row.get("problem") or f"{row['points']} points, receipt {row['receipt_number']}")
    print(json.dumps(outcome, ensure_ascii=False))


if __name__ == "__main__":
    main()
