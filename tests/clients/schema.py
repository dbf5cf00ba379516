"""Judges each line of standard input, a JSON document, by the schema that the first argument names."""

import json
import sys

import jsonschema_rs

with open(sys.argv[1], encoding="utf-8") as file:
    validator = jsonschema_rs.validator_for(json.load(file))
for line in sys.stdin:
    print("fits" if validator.is_valid(json.loads(line)) else "refused")
