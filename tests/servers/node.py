"""Node.js with npm, for TypeScript's check of Grafana's dashboards; not a server, but installed like one."""

from __future__ import annotations

from ._install import Install

INSTALL = Install("node", lambda: {"nodejs": "/usr/bin/node", "npm": "/usr/bin/npm"})
