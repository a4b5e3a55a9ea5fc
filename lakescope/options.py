"""What the options of all plugins have in common; their specification is their validation."""

from __future__ import annotations

import ssl
from errno import ENOENT
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field


class Options(BaseModel):
    """Base of every plugin's options: validation, sample configuration and reference page derive from it.

    Each field has a docstring and, where it has no default, an example.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Tls(Options):
    """TLS towards a server."""

    ca_file: Path | None = Field(default=None, examples=["/etc/grid-security/certificates/ca.pem"])
    """CA certificates to trust instead of the system's."""
    cert_file: Path | None = Field(default=None, examples=["/etc/lakescope/cert.pem"])
    """Client certificate (PEM)."""
    key_file: Path | None = Field(default=None, examples=["/etc/lakescope/key.pem"])
    """Its key (PEM), if not in `cert_file`."""
    verify: bool = True
    """Whether to check the server's certificate. Leave it on."""

    def context(self) -> ssl.SSLContext:
        """For a client. Raises `OSError` for a file that cannot be read, `ssl.SSLError` for a bad one."""
        for file in (self.ca_file, self.cert_file, self.key_file):
            if file is not None and not file.exists():  # ssl's own error names no file
                raise FileNotFoundError(ENOENT, "no such certificate or key", str(file))
        context = ssl.create_default_context(cafile=str(self.ca_file) if self.ca_file else None)
        if self.cert_file:
            context.load_cert_chain(self.cert_file, self.key_file)
        if not self.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context
