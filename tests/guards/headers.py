"""The headers that every answer carries."""

from __future__ import annotations

from werkzeug.test import TestResponse

ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
SECURITY = ("default-src 'none'", "frame-ancestors 'none'", "form-action 'self'", "base-uri 'none'")


def header_faults(answer: TestResponse) -> list[str]:
    """What an answer's headers lack."""
    faults = [
        f"{name} is {answer.headers.get(name)!r}, not {value!r}"
        for name, value in ALWAYS.items()
        if answer.headers.get(name) != value
    ]
    policy = answer.headers.get("Content-Security-Policy", "")
    faults += [f"Content-Security-Policy lacks {part}" for part in SECURITY if part not in policy]
    if "unsafe" in policy:
        faults.append("Content-Security-Policy allows something unsafe")
    if "Cache-Control" not in answer.headers:
        faults.append("no Cache-Control")
    if "Set-Cookie" in answer.headers and "SameSite=Lax" not in answer.headers["Set-Cookie"]:
        faults.append("a cookie without SameSite=Lax")
    return faults
