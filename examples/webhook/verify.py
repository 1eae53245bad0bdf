import hashlib
import hmac
import time


def is_from_pinion(headers, body, secret, within_seconds=300):
    """Was this POST made by a service that has the secret, and lately? All bytes as they came."""
    parts = dict(part.split("=", 1) for part in headers.get("Pinion-Signature", "").split(",")
                 if "=" in part)
    timestamp = parts.get("t", "")
    if not timestamp.isdigit() or abs(time.time() - int(timestamp)) > within_seconds:
        return False
    said = "%s.%s.%s." % (timestamp, headers["Pinion-Job-Id"], headers["Pinion-Attempt"])
    made = hmac.new(secret, said.encode() + body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(made, parts.get("v1", ""))
