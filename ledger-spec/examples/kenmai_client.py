"""What every kenmai client does: sign a statement, keep it, send it until it is answered.

The formats are in ../kenmai.cddl (the numbers below are its map keys), the calls in ../05-http.md.
"""
import argparse
import datetime
import hashlib
import http.client
import json
import os
import pathlib
import secrets
import sys
import time
import urllib.error
import urllib.request
import uuid

import cbor2
from cryptography.hazmat.primitives.serialization import load_pem_private_key

ATTEMPTS, TIMEOUT_S = 5, 10
MANIFEST = 39  # the kind of a list of statements
PAY, JAPAN_S = b"kenmai/v1/pay", 9 * 3_600  # the purpose of a pay code; what Japan is ahead of UTC
NAME_RULES = (14, 16, 19, 23)  # kinds that name the version of the rules
MEDIA_TYPES = {"statements": "application/cose", "manifests": "application/cbor-seq"}


def sign(payload, key, purpose, unprotected={}):
    """A COSE_Sign1 (RFC 9052) with Ed25519. The purpose keeps a signature for one use from serving another."""
    public_key = key.public_key().public_bytes_raw()
    named = public_key
    if purpose == PAY:  # a phone has another name each day, the day in Japan on which the code ends
        named = b"kenmai/v1/day-kid" + public_key + ((payload[0] + JAPAN_S) // 86_400).to_bytes(8, "big")
    kid = hashlib.sha256(named).digest()[:8]
    protected, payload = (cbor2.dumps(part, canonical=True) for part in ({1: -19, 4: kid}, payload))
    signature = key.sign(cbor2.dumps(["Signature1", protected, purpose, payload], canonical=True))
    return cbor2.dumps(cbor2.CBORTag(18, [protected, unprotected, payload, signature]), canonical=True)


def call(url, message=None, media_type="application/cose"):
    """The answer's JSON. Where none came, the same bytes go out again: nothing is ever applied twice."""
    request = urllib.request.Request(url, message, {"Content-Type": media_type} if message else {})
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as answer:
            problem, wait_s = json.load(answer), int(answer.headers.get("Retry-After", attempt))
            if problem.get("retry") != "same_id" or attempt == ATTEMPTS:
                print(json.dumps(problem, ensure_ascii=False))
                sys.exit(1)
        except (OSError, http.client.HTTPException) as error:
            wait_s = attempt
            if attempt == ATTEMPTS:
                sys.exit(f"no answer from {url}: {error}")
        time.sleep(wait_s)


class Client:
    """One ledger, and a folder of keys, with their index.json and an outbox of all that was signed."""

    def __init__(self, options):
        self.keys, self.base = options.keys, f"{options.url}/v1/{options.ledger}"
        self.op_id = (options.op_id or uuid.uuid4()).bytes
        self.index = json.loads((self.keys / "index.json").read_text("utf-8"))
        about = call(self.base)
        self.ledger_id, self.now_s = bytes.fromhex(about["ledger_id"]), about["now_s"]
        self.day = (datetime.date.fromisoformat(about["today"]) - datetime.date(1970, 1, 1)).days
        self.programme = about["programme_version"]

    def key(self, row):
        return load_pem_private_key((self.keys / row["key"]).read_bytes(), password=None)

    def once(self, key, purpose, *rest):
        """A message that is good for two minutes and can be used once, such as the code on a phone."""
        return sign([self.now_s + 120, secrets.token_bytes(16), self.ledger_id, *rest], key, purpose)

    def core(self, kind, body, disclosure, op_id):
        """What is signed, and beside it what is not: its hash is, so a person can be forgotten later."""
        shown = cbor2.dumps({1: secrets.token_bytes(16), 2: self.now_s, **disclosure}, canonical=True)
        sealed = hashlib.sha256(b"kenmai/v1/disclosure" + shown).digest()
        rules = {6: self.programme} if kind in NAME_RULES else {}
        return {1: 1, 2: self.ledger_id, 3: kind, 4: op_id, 5: self.day, **rules, **body, 9: sealed}, shown

    def statement(self, key, kind, body, disclosure, op_id=None):
        """A signed statement."""
        core, shown = self.core(kind, body, disclosure, op_id or self.op_id)
        return sign(core, key, b"kenmai/v1/statement", {-65537: shown})

    def manifest(self, key, kind, acts):
        """One signature over many rows, each a body and a disclosure: the hashes of all rows are signed, then the rows follow."""
        rows, hashes = [], b""
        for index, (body, disclosure) in enumerate(acts):
            named = hashlib.sha256(b"kenmai/v1/row-op" + self.op_id + index.to_bytes(4, "big")).digest()[:16]
            core, shown = self.core(kind, body, disclosure, named)
            core = cbor2.dumps(core, canonical=True)
            hashes += hashlib.sha256(b"kenmai/v1/row" + core).digest()
            rows.append(cbor2.dumps([core, shown], canonical=True))
        listed = {1: 1, 2: self.ledger_id, 3: MANIFEST, 4: self.op_id, 5: self.day, 8: {1: hashes, 2: kind}}
        return sign(listed, key, b"kenmai/v1/statement") + b"".join(rows)

    def send(self, signed, to="statements"):
        return call(f"{self.base}/{to}", signed, MEDIA_TYPES[to])

    def submit(self, build, to="statements"):
        """Keeps what `build` signs before sending it, so that also after a crash the same bytes go out again."""
        kept = self.keys / "outbox" / f"{self.op_id.hex()}.cose"
        if not kept.exists():
            kept.parent.mkdir(mode=0o700, exist_ok=True)
            kept.with_suffix(".part").write_bytes(build())
            os.replace(kept.with_suffix(".part"), kept)
        return self.send(kept.read_bytes(), to)


def command_line(about, **more):
    """The options that all clients share, and more, each with its default."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--url", default="http://localhost:8080", help="where the ledger answers")
    parser.add_argument("--ledger", default="yaizu-demo", help="the ledger's short name")
    parser.add_argument("--keys", type=pathlib.Path, default="kenmai-data/demo-keys", help="folder of keys")
    parser.add_argument("--op-id", type=uuid.UUID, help="sends that operation again instead of a fresh one")
    for name, (default, about) in more.items():
        parser.add_argument(f"--{name}", type=type(default), default=default, help=about)
    return parser.parse_args()
