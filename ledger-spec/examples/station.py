"""A measurement station: it signs that it measured the vegetable level of the person before it.

The resident's phone shows a code that is good for 0 points: it says who is there and allows no payment.
"""
import json

from kenmai_client import Client, command_line

ACTION = 14  # the kind of statement


def show_code(client, phone):
    """Plays the resident's phone, which alone holds its key; a real station reads this from its screen."""
    max_points = 0
    return client.once(client.key(phone), b"kenmai/v1/pay", max_points)


def measurement(client, station, phone, level_tenths):
    """The signed statement: what was done is public, who did it and the value are only disclosed."""
    body = {8: {1: "vegecheck.measure"}}
    disclosure = {
        3: [1, show_code(client, phone)],  # the holder, by the code on the phone
        4: {1: level_tenths},  # the measured values
    }
    return client.statement(client.key(station), ACTION, body, disclosure)


def main():
    options = command_line(
        __doc__.splitlines()[0],
        phone=(1, "which demo phone is measured"),
        level=(63, "vegetable level in tenths"),
    )
    client = Client(options)
    station = client.index["stations"][0]
    phone = client.index["phones"][options.phone - 1]

    verdict = client.submit(lambda: measurement(client, station, phone, options.level))
    print(json.dumps(verdict, ensure_ascii=False))


if __name__ == "__main__":
    main()
