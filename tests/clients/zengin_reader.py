"""Reads a file of transfers (全銀協フォーマット, 総合振込) the way a bank does, from the published layout of its records."""

import json
import sys
import unicodedata

HEADER = [1, 2, 1, 10, 40, 4, 4, 15, 3, 15, 1, 7, 17]
DATA = [1, 4, 15, 3, 15, 4, 1, 7, 30, 10, 1, 10, 10, 1, 1, 7]
TRAILER = [1, 6, 12, 101]
END = [1, 119]
# JIS X 0201: what banks take of it.
ALLOWED = set(b" ()-./,\\0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") | {0xA2, 0xA3} | set(range(0xB1, 0xE0))


def fields(record, lengths):
    assert len(record) == sum(lengths) == 120, len(record)
    assert set(record) <= ALLOWED, set(record) - ALLOWED
    found, at = [], 0
    for length in lengths:
        found.append(record[at : at + length].decode("shift_jis"))
        at += length
    return found


def wide(text):
    """Full-width kana, each with its sound mark in one sign."""
    return unicodedata.normalize("NFKC", text.rstrip())


def main(path):
    with open(path, "rb") as file:
        content = file.read()
    crlf = content.endswith(b"\r\n")
    step = 122 if crlf else 120
    assert len(content) % step == 0
    records = [content[at : at + step] for at in range(0, len(content), step)]
    if crlf:
        assert all(record.endswith(b"\r\n") for record in records)
        records = [record[:120] for record in records]
    header = fields(records[0], HEADER)
    assert header[:3] == ["1", "21", "0"], header
    transfers = []
    for record in records[1:-2]:
        kind, bank, _, branch, _, house, account_type, number, holder, yen, new, code, second, way, mark, rest = fields(record, DATA)
        assert (kind, house, new, second, way, mark, rest.strip()) == ("2", "0000", "0", "0" * 10, "7", " ", "")
        to = [bank, branch, account_type, number, int(yen), int(code)]
        transfers.append({"to": to, "holder": wide(holder)})
    kind, count, total, rest = fields(records[-2], TRAILER)
    assert (kind, int(count), rest.strip()) == ("8", len(transfers), "")
    assert int(total) == sum(transfer["to"][4] for transfer in transfers)
    assert fields(records[-1], END) == ["9", " " * 119]
    return {"payer": wide(header[4]), "date": header[5], "crlf": crlf, "transfers": transfers}


print(json.dumps(main(sys.argv[1])))
