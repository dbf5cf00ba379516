"""A shop's till: it scans the code on a resident's phone, checks it and redeems points.

The till can spend at most what the phone's own signature allows, once, and only within two minutes.
"""
import json
import sys

from kenmai_client import Client, call, command_line

REDEEM = 16  # the kind of statement


def show_code(client, phone, max_points):
    """Plays the resident's phone, which alone holds its key; a real till reads this with its camera."""
    return client.once(client.key(phone), b"kenmai/v1/pay", max_points)


def redemption(client, shop, phone, points):
    """The signed statement; `not_after` means that one lost on the way cannot succeed much later."""
    till = client.key(shop)
    code = show_code(client, phone, max_points=300)

    check = call(f"{client.base}/qr/check", client.once(till, b"kenmai/v1/qr-check", code))
    print(json.dumps(check))
    if check["state"] != "valid" or check["max_points"] < points:
        sys.exit(f"the code does not allow {points} points")

    body = {7: client.now_s + 120, 8: {1: bytes.fromhex(shop["place"]), 2: points}}
    return client.statement(till, REDEEM, body, {3: [1, code]})


def main():
    options = command_line(
        __doc__.splitlines()[0],
        phone=(1, "which demo phone pays"),
        points=(100, "points to redeem"),
    )
    client = Client(options)
    shop = client.index["shops"][0]
    phone = client.index["phones"][options.phone - 1]

    verdict = client.submit(lambda: redemption(client, shop, phone, options.points))
    print(json.dumps(verdict, ensure_ascii=False))


if __name__ == "__main__":
    main()
