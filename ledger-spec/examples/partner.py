"""A partner service: residents let it report sessions and steps; it signs a list of them once and reads what each brought.

It knows a resident by a link alone, a random number that the resident's phone has signed for one purpose and can end.
What a session was about has no place in any format.
"""
import hashlib
import json
import secrets

from kenmai_client import Client, command_line

ACTION, LINK_GRANT = 14, 28  # kinds of statement
STEPS, SESSIONS = 1, 2  # purposes of a link


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


def steps(link, count):
    """A day's steps, with the application that counted them."""
    return {8: {1: "steps.day"}}, {3: [4, link], 4: {5: count}, 9: "kenmai.pedometer"}


def report(client, partner, phones, count):
    """The signed list, with a session and a day's steps of each resident."""
    rows = []
    for phone in phones:
        rows.append(session(granted(client, phone, partner, SESSIONS)))
        rows.append(steps(granted(client, phone, partner, STEPS), count))
    return client.manifest(partner, ACTION, rows)


def main():
    options = command_line(
        __doc__.splitlines()[0],
        phone=(1, "the first of the demo residents that the service speaks for"),
        residents=(1, "how many of them"),
        steps=(9000, "steps of each"),
    )
    client = Client(options)
    partner = client.key(client.index["partner"])
    phones = client.index["phones"][options.phone - 1:options.phone - 1 + options.residents]

    outcome = client.submit(lambda: report(client, partner, phones, options.steps), "manifests")
    for row in outcome["rows"]:
        print(row.get("problem") or f"{row['points']} points, receipt {row['receipt_number']}")
    print(json.dumps(outcome, ensure_ascii=False))


if __name__ == "__main__":
    main()
