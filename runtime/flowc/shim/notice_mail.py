"""Sending a mail by the SMTP server that a variable of the environment names."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Sequence

TIMEOUT = 20.0
"""Seconds for each answer of the server."""


def send_mail(addresses: Sequence[str], variable: str, subject: str, text: str) -> None:
    """Send a mail. The variable holds `smtp://user:password@host:587?from=address`, or `smtps://` for TLS at once.

    STARTTLS is used where the server offers it, and required before a password is sent. Raises OSError, of which
    smtplib's errors are, for a server that does not take it.
    """
    import smtplib
    import ssl
    from email.message import EmailMessage
    from urllib.parse import parse_qs, unquote, urlsplit

    from flowc.shim.notifications import secret

    url = urlsplit(secret(variable))
    if url.scheme not in ("smtp", "smtps") or not url.hostname:
        raise OSError(f"{variable} is not smtp://user:password@host:port")
    mail = EmailMessage()
    mail["Subject"] = " ".join(subject.split())
    mail["From"] = parse_qs(url.query).get("from", [f"flowc@{url.hostname}"])[0]
    mail["To"] = ", ".join(addresses)
    mail.set_content(text)
    context = ssl.create_default_context()
    if url.scheme == "smtps":
        server: smtplib.SMTP = smtplib.SMTP_SSL(url.hostname, url.port or 465, timeout=TIMEOUT, context=context)
    else:
        server = smtplib.SMTP(url.hostname, url.port or 587, timeout=TIMEOUT)
    with server:
        server.ehlo()
        if url.scheme == "smtp" and server.has_extn("starttls"):
            server.starttls(context=context)
            server.ehlo()
        elif url.scheme == "smtp" and url.password:
            raise OSError("the server offers no TLS, and the password is not sent without")
        if url.username:
            server.login(unquote(url.username), unquote(url.password or ""))
        server.send_message(mail)
