"""Refuses a deployment without working AWS credentials: the beginning of `make deploy`.

`sam deploy --guided` asks some twenty questions before the first call of AWS. One call (`sts:GetCallerIdentity`, which needs no
permission) tells before them who deploys.
"""

import sys

from botocore.exceptions import BotoCoreError, ClientError

from infra.samconfig import ROOT, Clients, NotConfigured, clients_of, configured

MISSING, FOUND = 3, 0
HINT = """\
  SAM asks whether functions without authentication are okay: answer y, or it refuses (docs/guides/deploy.md says why).
  The region must be one that your exchange serves: Binance refuses those in the United States.
"""


def main(clients: Clients | None = None) -> int:
    """Tell who deploys: 0, or 3 when AWS knows nobody."""
    try:
        known = configured(ROOT / "samconfig.toml", "default")
        made = clients or clients_of(known.get("profile"), known.get("region"))
        arn = made("sts").get_caller_identity()["Arn"]
    except (BotoCoreError, ClientError, NotConfigured) as error:
        sys.stderr.write(f"deploy: AWS_CREDENTIALS: {error}: set AWS_PROFILE, or sign in by `aws sso login` or `aws configure`\n")
        return MISSING
    sys.stderr.write(f"  deploys as {arn}\n{HINT}")
    return FOUND


if __name__ == "__main__":
    sys.exit(main())
