"""A coach: a nurse or dietitian signs that a resident came to a session and brought the paper card.

Health advice is sensitive: the signed part that stays for ever says only `care`; which kind of session it was
stands in the disclosure, which is destroyed when the person asks to be forgotten.
"""
import json

from kenmai_client import Client, command_line

ACTION = 14  # the kind of statement


def session(client, coach, card):
    """The signed statement of one session that took place just before."""
    body = {8: {1: "care"}}
    disclosure = {
        3: [2, card],  # the holder, by the number on the paper card
        5: "guidance.first_interview",  # the exact action
    }
    return client.statement(client.key(coach), ACTION, body, disclosure)


def main():
    options = command_line(
        __doc__.splitlines()[0],
        phone=(1, "which demo resident came; the index names each phone's card"),
    )
    client = Client(options)
    coach = client.index["coaches"][0]
    card = bytes.fromhex(client.index["phones"][options.phone - 1]["card"])

    verdict = client.submit(lambda: session(client, coach, card))
    print(json.dumps(verdict, ensure_ascii=False))


if __name__ == "__main__":
    main()
