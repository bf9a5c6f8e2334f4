"""`python -m candlecast_client EMAIL` signs in and prints a token, for curl.

It reads the pool from CANDLECAST_POOL, the client from CANDLECAST_CLIENT_ID, and the password from CANDLECAST_PASSWORD, or asks
for the password.
"""

from __future__ import annotations

import argparse
import getpass
import os
import sys

from .cognito import SignInRefused, sign_in


def main() -> int:
    """Print a token; 0, or 1 with the reason."""
    parser = argparse.ArgumentParser(prog="python -m candlecast_client", description=__doc__)
    parser.add_argument("email")
    email = parser.parse_args().email
    try:
        pool, client_id = os.environ["CANDLECAST_POOL"], os.environ["CANDLECAST_CLIENT_ID"]
        token = sign_in(pool, client_id, email, os.environ.get("CANDLECAST_PASSWORD") or getpass.getpass())
    except KeyError as missing:
        sys.stderr.write(f"the variable {missing.args[0]} is not set\n")
        return 1
    except SignInRefused as refused:
        sys.stderr.write(f"{refused}\n")
        return 1
    sys.stdout.write(f"{token}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
